//! A set of realisations in an HDF5 file.

use std::collections::HashSet;
use std::fs::File as SystemFile;
use std::path::{Path, PathBuf};

use hdf5::{File, Group};

use super::hdf5_file::Explain;
use super::header::{Header, Layout, Mode};
use super::kind::Kind;
use super::output::Output;
use super::phase_dataset::{create_series, open_claimed, put_images};
use super::room::{STRUCTURE_BYTES, with_room};
use super::{phase_dataset, record, vtkhdf};
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// Name of the dataset of phases in a group.
const PHASE: &str = "phase";

/// A set of realisations in an HDF5 file, to which more can be added.
///
/// Phases are `uint8`, x fastest. With [`Layout::VtkHdf`] they are `/VTKHDF/CellData/phase`, of shape `(nz, ny, nx)`
/// while there is one realisation and `(n, nz, ny, nx)`, a time series, from the second on; with [`Layout::Group`] they
/// are `<group>/phase`, always `(n, nz, ny, nx)`. The group `/davegan`, or the one that was named, has besides:
///
/// * datasets `index` (n), `volume_fraction` (n, number of phases) and `s2_error` (n);
/// * attributes `seed`, `shape`, `n_phases`, `voxel_size`, identity and provenance of the [`Header`];
/// * attributes `n_written` and `complete`: how many realisations are wholly there, and whether the writer has
///   finished.
///
/// The file is flushed after every addition, so a run that is killed between two of them leaves a readable file to
/// which the next run adds. HDF5 1.8 and newer read it.
#[derive(Debug)]
pub struct RealisationFile {
    path: PathBuf,
    file: File,
    layout: Layout,
    header: Header,
    /// Indices of the realisations in the file.
    indices: HashSet<i64>,
    /// Keeps other calls out of the file.
    _output: Output,
}

impl RealisationFile {
    /// Opens the file at `path`, creates it or the set if there is none, and removes the set that is there if `mode`
    /// says so. Whatever else is in the file stays.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a header or group name that cannot be used; [`Error::Io`] if the file cannot be
    /// written, another call of this process writes it or another program has it open; [`Error::Format`] if it is no
    /// HDF5 file, a model file, has something else where the set should be, or has a set that differs in shape, phases, seed, voxel size or identity; [`Error::Hdf5`] for
    /// other failures inside HDF5.
    pub fn open(path: impl AsRef<Path>, layout: &Layout, header: &Header, mode: Mode) -> Result<Self> {
        let path = path.as_ref();
        header.check()?;
        layout.check()?;
        hdf5::sync::sync(|| {
            let mut output = Output::claim(path, Kind::Hdf5)?;
            let file = open_claimed(&mut output)?;
            let indices = match find_record(&file, layout, path)? {
                Some(record) if mode == Mode::Append => {
                    record::check_same(&record, header, path)?;
                    let indices = record::indices(&record, path)?;
                    if !indices.is_empty() {
                        check_phases(&file, layout, header, path)?;
                    }
                    indices
                }
                old => {
                    create(&file, old, layout, header, path)?;
                    Vec::new()
                }
            };
            let (path, layout, header) = (path.into(), layout.clone(), header.clone());
            Ok(Self { path, file, layout, header, indices: indices.into_iter().collect(), _output: output })
        })
    }

    /// Adds `images`, which are the realisations `first_index`, `first_index + 1`, ... of the seed, with their errors
    /// of the two-point correlation `s2_errors` (Eq. 12; NaN where there is none), and flushes the file.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if shape, phases or the number of errors do not fit, or one of the realisations is
    /// in the file already;
    /// [`Error::Io`] if the disk is full, [`Error::Hdf5`] for other failures inside HDF5. The realisations that were
    /// there before still count then, and no new one does.
    pub fn append(&mut self, first_index: u64, images: &PhaseImages, s2_errors: &[f64]) -> Result<()> {
        let new = self.check(first_index, images, s2_errors)?;
        let doing = format!("add the realisations {} to {}", new.start, new.end - 1);
        hdf5::sync::sync(|| {
            with_room(&self.file, &self.path, self.bytes_at_most(images), || {
                self.put(new.start, images, s2_errors).explain(&self.path, doing)
            })
        })?;
        self.indices.extend(new);
        Ok(())
    }

    /// Number of realisations in the file.
    pub fn n_written(&self) -> usize {
        self.indices.len()
    }

    /// Marks the set as complete, closes the file and has the system write it to the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Hdf5`] if the last bytes cannot be written.
    pub fn finish(self) -> Result<()> {
        let Self { path, file, layout, indices, header: _, _output } = self;
        hdf5::sync::sync(|| {
            let record = file.group(layout.record_group())?;
            record::set_written(&record, indices.len(), true)?;
            file.flush()?;
            file.close()
        })
        .explain(&path, "finish the file")?;
        SystemFile::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|e| Error::system(&path, "finish the file", &e))
    }

    /// The range of indices of `images`, if they belong in this file.
    fn check(&self, first_index: u64, images: &PhaseImages, s2_errors: &[f64]) -> Result<std::ops::Range<i64>> {
        let (shape, n_phases) = (images.shape(), images.n_phases());
        if shape != self.header.shape || n_phases != self.header.n_phases {
            return Err(Error::invalid(format!(
                "realisations of {shape:?} voxels and {n_phases} phases cannot be added to a file with {:?} voxels and {} \
                 phases; choose another path or group",
                self.header.shape, self.header.n_phases
            )));
        }
        if s2_errors.len() != images.len() {
            return Err(Error::invalid(format!(
                "{} errors for {} realisations; give one for each, NaN where there is none",
                s2_errors.len(),
                images.len()
            )));
        }
        let start = i64::try_from(first_index).ok();
        let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(images.len() as i64)?))) else {
            return Err(Error::invalid(format!("realisation {first_index}; indices must stay below 2^63")));
        };
        if let Some(twice) = (start..end).find(|index| self.indices.contains(index)) {
            return Err(Error::invalid(format!(
                "realisation {twice} is in {} already; choose a first index beyond {}, or replace the set",
                self.path.display(),
                self.indices.iter().max().unwrap_or(&0)
            )));
        }
        Ok(start..end)
    }

    /// What adding `images` takes on the disk, at most.
    fn bytes_at_most(&self, images: &PhaseImages) -> u64 {
        let rows = images.len() * (4 + images.n_phases()) * size_of::<f64>();
        // A single realisation in the file is copied when it becomes the first of a series.
        phase_dataset::bytes_at_most(images) + rows as u64 + images.voxels() as u64
    }

    fn put(&self, first_index: i64, images: &PhaseImages, s2_errors: &[f64]) -> hdf5::Result<()> {
        let written = self.n_written();
        match &self.layout {
            Layout::VtkHdf => vtkhdf::put(&self.file, written, images)?,
            Layout::Group(name) => put_images(&self.file.group(name)?.dataset(PHASE)?, written, images)?,
        }
        let record = self.file.group(self.layout.record_group())?;
        record::put_rows(&record, written, first_index, images, s2_errors)?;
        record::set_written(&record, written + images.len(), false)
    }
}

/// The record of the set that is in `file`; `None` if its place is free.
fn find_record(file: &File, layout: &Layout, path: &Path) -> Result<Option<Group>> {
    let name = layout.record_group();
    let group = if file.link_exists(name) { file.group(name).ok() } else { None };
    if let Some(record) = group.as_ref().filter(|group| record::is_record(group)) {
        return Ok(Some(record.clone()));
    }
    let advice = match layout {
        Layout::VtkHdf if file.is_empty() => return Ok(None),
        Layout::VtkHdf => "choose another path, or name a group for the realisations",
        Layout::Group(_) if !file.link_exists(name) => return Ok(None),
        Layout::Group(_) if group.is_some_and(|group| group.is_empty()) => return Ok(None),
        Layout::Group(_) => "choose another group",
    };
    Err(Error::format(path, format!("{name:?} exists but holds no realisations; {advice}")))
}

/// Creates a set without realisations in place of the one that `old` is the record of.
fn create(file: &File, old: Option<Group>, layout: &Layout, header: &Header, path: &Path) -> Result<()> {
    let texts: usize = header.texts().map(|(name, text)| name.len() + text.len()).sum();
    with_room(file, path, STRUCTURE_BYTES + texts as u64, || {
        if let Some(old) = old {
            remove(file, &old, layout, path)?;
        }
        let name = layout.record_group();
        let group = if file.link_exists(name) { file.group(name) } else { file.create_group(name) };
        let group = group.explain(path, format!("create the group {name:?}"))?;
        record::create(&group, header, path)?;
        let phases = match layout {
            Layout::VtkHdf => vtkhdf::create(file, header),
            Layout::Group(_) => create_series(&group, PHASE, header.shape).map(drop),
        };
        phases.explain(path, "create the dataset of phases")
    })
}

/// Refuses phases of another shape than the record says: somebody has changed the file.
fn check_phases(file: &File, layout: &Layout, header: &Header, path: &Path) -> Result<()> {
    let name = match layout {
        Layout::VtkHdf => vtkhdf::PHASE.to_owned(),
        Layout::Group(name) => format!("{name}/{PHASE}"),
    };
    let shape = file.dataset(&name).map(|phases| phases.shape()).unwrap_or_default();
    if shape.ends_with(&header.shape) {
        return Ok(());
    }
    let what = format!("{name:?} has the shape {shape:?}, its realisations {:?}", header.shape);
    Err(Error::format(path, format!("{what}; replace them, or choose another path or group")))
}

/// Removes the set that `record` belongs to, unless somebody has put something of their own into its group.
fn remove(file: &File, record: &Group, layout: &Layout, path: &Path) -> Result<()> {
    let members = record.member_names().explain(path, "list the realisations that are there")?;
    let is_ours = |name: &String| name == PHASE || record::COLUMNS.contains(&name.as_str());
    if let Some(foreign) = members.iter().find(|name| !is_ours(name)) {
        let name = layout.record_group();
        let reason =
            format!("{foreign:?} in the group {name:?} is none of davegan's; move it, or choose another group");
        return Err(Error::format(path, reason));
    }
    let unlink = || {
        file.unlink(layout.record_group())?;
        if *layout == Layout::VtkHdf { vtkhdf::unlink_if_there(file, vtkhdf::ROOT) } else { Ok(()) }
    };
    unlink().explain(path, "remove the realisations that are there")
}

#[cfg(test)]
mod failure_tests;
#[cfg(test)]
mod tests;
