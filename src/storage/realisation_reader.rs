//! Reading one realisation of a file.

use std::path::Path;

use hdf5::File;
use ndarray::{Array3, Axis, s};

use super::hdf5_file::Explain;
use super::header::Layout;
use super::journalled_file::no_hdf5_file;
use super::realisation_file::{find_record, phase_name};
use super::record::{self, RealisationSet};
use crate::chunks::{self, Missing};
use crate::dataset::OpenDataset;
use crate::device::memory;
use crate::drivers::open_to_read;
use crate::error::{check_path, counted};
use crate::files::{open_regular, refuse_model};
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// Reads realisation `index`, or the first one that is there, of the file at `path`, and what the file says of its set.
///
/// Only realisations that are wholly written count, whether the writer of the file has finished or not.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if `path` is not UTF-8; [`Error::Io`] if the file cannot be read or another program has
/// it open for writing; [`Error::Format`] if it holds no realisations, or not this one, or is damaged;
/// [`Error::OutOfMemory`] if the realisation does not fit into memory; [`Error::Hdf5`] for other failures inside HDF5.
pub fn read_realisation(path: &Path, layout: &Layout, index: Option<u64>) -> Result<(PhaseImages, RealisationSet)> {
    check_path(path)?;
    layout.check()?;
    let mut file = open_regular(path, "read the file")?;
    refuse_model(&mut file, path, "give a file of realisations that davegan generate made with it")?;
    memory::require_for_hdf5()?;
    hdf5::sync::sync(|| {
        let file = open_to_read(path).explain(path, "open the file").map_err(no_hdf5_file)?;
        let no_realisations = || Error::format(path, "holds no realisations; give a file of davegan generate");
        let group = find_record(&file, layout, path)?.ok_or_else(no_realisations)?;
        let set = record::set_of(&group, path)?;
        let row = row_of(&set, index, path)?;
        Ok((read_image(&file, layout, row, &set, path)?, set))
    })
}

/// Where realisation `index` is among those of the file.
fn row_of(set: &RealisationSet, index: Option<u64>, path: &Path) -> Result<usize> {
    let found = match index {
        None => (!set.indices.is_empty()).then_some(0),
        Some(index) => set.indices.iter().position(|&there| u64::try_from(there) == Ok(index)),
    };
    found.ok_or_else(|| {
        let n = counted(set.indices.len(), "realisation");
        let range = match (set.indices.iter().min(), set.indices.iter().max()) {
            (Some(first), Some(last)) => format!(" from {first} to {last}"),
            _ => String::new(),
        };
        let what = index.map_or_else(String::new, |index| format!("no realisation {index}, but "));
        let advice = if set.complete { "" } else { "; the run that adds to it has not finished" };
        Error::format(path, format!("holds {what}{n}{range}{advice}"))
    })
}

fn read_image(file: &File, layout: &Layout, row: usize, set: &RealisationSet, path: &Path) -> Result<PhaseImages> {
    let name = phase_name(layout);
    let doing = format!("read {name:?}");
    let dataset = OpenDataset::open_own::<u8>(file, &name).explain(path, &doing)?;
    let shape = dataset.shape();
    let rows = if shape.len() == 3 { 1 } else { shape.first().copied().unwrap_or(0) };
    if !(3..=4).contains(&shape.len()) || !shape.ends_with(&set.shape) || row >= rows {
        let reason = format!("{name:?} has the shape {shape:?}, a realisation {:?}; generate it again", set.shape);
        return Err(Error::format(path, reason));
    }
    let voxels = set.shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    // What reads allocates without asking whether it can; the array is copied once if its layout asks for it.
    let what = format!("realisation {} of {}", set.indices[row], path.display());
    drop(memory::vector::<u8>(voxels.unwrap_or(usize::MAX), &what, "export a smaller one")?);
    chunks::check_image(&dataset, row, Missing::Refused)
        .map_err(|reason| Error::format(path, format!("{name:?} {reason}")))?;
    let voxels = if shape.len() == 3 { dataset.read() } else { dataset.read_slice(s![row, .., .., ..]) };
    let voxels: Array3<u8> = voxels.explain(path, &doing)?;
    PhaseImages::new(voxels.insert_axis(Axis(0)), set.n_phases)
        .map_err(|error| Error::format(path, format!("{name:?}: {error}; generate it again")))
}

#[cfg(test)]
mod tests;
