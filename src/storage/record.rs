//! The record that accompanies realisations: where they come from, which they are, and their statistics.

use std::path::Path;

use hdf5::{Dataset, Group, H5Type};
use ndarray::{Array1, Array2, Axis, s};

use super::hdf5_file::{Explain, put_text, text_attribute};
use super::header::{
    COMPLETE, FIRST_VOXEL, FORMAT, FORMAT_VERSION, Header, N_PHASES, N_WRITTEN, PERIODIC, SEED, SHAPE, UNFINISHED,
    VOXEL_SIZE, VOXEL_UNIT, WHOLE_SHAPE,
};
use crate::chunks;
use crate::dataset::{OpenDataset, own_attribute};
use crate::files::REALISATIONS;
pub(super) use crate::files::is_record;
use crate::micrograph::{MAX_PHASES, PhaseImages, VoxelSize};
use crate::{Error, Result};

const VERSION: i64 = 2;

/// The version whose texts are of variable length.
const OLD_VERSION: i64 = 1;

/// Datasets with a value or a row per realisation.
pub(super) const COLUMNS: [&str; 3] = [INDEX, VOLUME_FRACTION, S2_ERROR];
const INDEX: &str = "index";
const VOLUME_FRACTION: &str = "volume_fraction";
const S2_ERROR: &str = "s2_error";

/// Realisations per chunk of these datasets, which are not compressed: growing chunks are rewritten in place then.
const ROWS: usize = 512;

/// Makes a record of no realisations out of the empty `group`.
pub(super) fn create(group: &Group, header: &Header, path: &Path) -> Result<()> {
    put_text(group, FORMAT, REALISATIONS, path)?;
    for (name, text) in header.texts() {
        put_text(group, name, text, path)?;
    }
    create_rest(group, header).explain(path, "describe the realisations")
}

fn create_rest(group: &Group, header: &Header) -> hdf5::Result<()> {
    group.new_attr::<i64>().create(FORMAT_VERSION)?.write_scalar(&VERSION)?;
    group.new_attr::<u64>().create(SEED)?.write_scalar(&header.seed)?;
    group.new_attr_builder().with_data(&header.shape.map(|side| side as u64)).create(SHAPE)?;
    group.new_attr_builder().with_data(&header.first_voxel).create(FIRST_VOXEL)?;
    group.new_attr_builder().with_data(&header.whole_shape.map(|side| side as u64)).create(WHOLE_SHAPE)?;
    group.new_attr::<u64>().create(N_PHASES)?.write_scalar(&(header.n_phases as u64))?;
    group.new_attr::<f64>().create(VOXEL_SIZE)?.write_scalar(&header.voxel_size)?;
    group.new_attr::<u64>().create(N_WRITTEN)?.write_scalar(&0)?;
    group.new_attr::<bool>().create(COMPLETE)?.write_scalar(&false)?;
    create_column::<i64>(group, INDEX)?;
    create_column::<f64>(group, S2_ERROR)?;
    let fractions = group.new_dataset::<f64>().chunk((ROWS, header.n_phases));
    OpenDataset::from(fractions.shape((0.., header.n_phases)).create(VOLUME_FRACTION)?).close()
}

/// What is wrong with `group`, called `name`, if it is a record that an older davegan wrote.
pub(super) fn written_by_older(group: &Group, name: &str) -> Option<String> {
    let is_old = numbers::<i64>(group, FORMAT_VERSION).as_deref() == Some(&[OLD_VERSION]);
    (is_old && group.attr(N_WRITTEN).is_ok()).then(|| {
        format!(
            "{name:?} holds realisations that an older davegan wrote: format version {OLD_VERSION}, but this release reads \
             version {VERSION}; generate them again in another file, or use the davegan that wrote them"
        )
    })
}

/// Refuses to add realisations as `header` describes them to the record `group` of others.
pub(super) fn check_same(group: &Group, header: &Header, path: &Path) -> Result<()> {
    require(group, FORMAT_VERSION, &[VERSION], path)?;
    require(group, SEED, &[header.seed], path)?;
    require(group, SHAPE, &header.shape.map(|side| side as u64), path)?;
    require(group, FIRST_VOXEL, &header.first_voxel, path)?;
    require(group, WHOLE_SHAPE, &header.whole_shape.map(|side| side as u64), path)?;
    require(group, N_PHASES, &[header.n_phases as u64], path)?;
    require(group, VOXEL_SIZE, &[header.voxel_size], path)?;
    for (name, expected) in &header.identity {
        let found = text_attribute(group, name);
        if found.as_deref().unwrap_or_default() != expected {
            return Err(different(name, found, Some(expected).filter(|text| !text.is_empty()), path));
        }
    }
    Ok(())
}

fn require<T: H5Type + PartialEq + std::fmt::Debug>(
    group: &Group,
    name: &str,
    expected: &[T],
    path: &Path,
) -> Result<()> {
    let found = numbers::<T>(group, name);
    if found.as_deref() == Some(expected) {
        return Ok(());
    }
    let text = |numbers: &[T]| numbers.iter().map(|number| format!("{number:?}")).collect::<Vec<_>>().join(", ");
    Err(different(name, found.as_deref().map(text), Some(&text(expected)), path))
}

fn different(name: &str, found: Option<String>, expected: Option<&String>, path: &Path) -> Error {
    let [found, expected] = [found.as_ref(), expected]
        .map(|text| text.map_or_else(|| format!("no {name}"), |text| format!("{name} {text}")));
    let what = format!("the realisations that are there have {found}, those to be added {expected}");
    Error::format(path, format!("{what}; replace them, or choose another path or group"))
}

/// The values of the attribute `name`; `None` if it is missing or of another type.
fn numbers<T: H5Type>(group: &Group, name: &str) -> Option<Vec<T>> {
    own_attribute::<T>(group, name).ok()?.read_raw().ok()
}

/// The indices of the realisations that are completely written, in the order of writing.
pub(super) fn indices(group: &Group, path: &Path) -> Result<Vec<i64>> {
    let damaged = || Error::format(path, "the record of its realisations is damaged; replace them");
    let written = match numbers::<u64>(group, N_WRITTEN).as_deref() {
        Some(&[written]) => usize::try_from(written).map_err(|_| damaged())?,
        _ => return Err(damaged()),
    };
    let index = OpenDataset::open_own::<i64>(group, INDEX).map_err(|_| damaged())?;
    chunks::check(&index).map_err(|_| damaged())?;
    let stored = chunks::stored_bytes(&index) / size_of::<i64>() as u64;
    if index.ndim() != 1 || index.shape()[0] < written || stored < written as u64 {
        return Err(damaged());
    }
    index.read_slice_1d::<i64, _>(s![..written]).map(|indices| indices.to_vec()).map_err(|_| damaged())
}

/// What a file says of a set of realisations.
#[derive(Debug, Clone, PartialEq)]
pub struct RealisationSet {
    /// Indices of those that are wholly there, in the order of writing.
    pub indices: Vec<i64>,
    /// Shape of what is stored of one realisation, `[nz, ny, nx]` in voxels.
    pub shape: [usize; 3],
    /// First voxel of what is stored, `[z, y, x]`.
    pub first_voxel: [i64; 3],
    /// Shape of a whole realisation.
    pub whole_shape: [usize; 3],
    /// Seed that they were drawn from.
    pub seed: u64,
    /// Number of phases.
    pub n_phases: usize,
    /// Side of a voxel.
    pub voxel_size: VoxelSize,
    /// Whether what is stored is periodic, as far as the file says so.
    pub is_periodic: bool,
    /// Whether the writer has finished.
    pub complete: bool,
}

/// Reads the record `group`.
///
/// # Errors
///
/// [`Error::Format`] if it is of another version or damaged, and those of a voxel size.
pub(super) fn set_of(group: &Group, path: &Path) -> Result<RealisationSet> {
    require(group, FORMAT_VERSION, &[VERSION], path)?;
    let damaged = || Error::format(path, "the record of its realisations is damaged; generate them again");
    let indices = indices(group, path)?;
    let side = numbers::<f64>(group, VOXEL_SIZE).and_then(|sides| sides.first().copied()).ok_or_else(damaged)?;
    let voxel_size = VoxelSize::new(side, text_attribute(group, VOXEL_UNIT).unwrap_or_default().parse()?)?;
    let read = || {
        let shape = |name| -> Option<[usize; 3]> {
            let sides = numbers::<u64>(group, name)?.into_iter().map(|side| usize::try_from(side).ok());
            sides.collect::<Option<Vec<_>>>()?.try_into().ok()
        };
        let (shape, whole_shape) = (shape(SHAPE)?, shape(WHOLE_SHAPE)?);
        Some(RealisationSet {
            indices,
            shape,
            first_voxel: numbers::<i64>(group, FIRST_VOXEL)?.try_into().ok()?,
            whole_shape,
            seed: *numbers::<u64>(group, SEED)?.first()?,
            n_phases: usize::try_from(*numbers::<u64>(group, N_PHASES)?.first()?).ok()?,
            voxel_size,
            is_periodic: shape == whole_shape && text_attribute(group, PERIODIC).as_deref() != Some("no"),
            complete: *numbers::<bool>(group, COMPLETE)?.first()?,
        })
    };
    read().ok_or_else(damaged)
}

/// Mean volume fraction of each phase over the `written` realisations that count.
///
/// # Errors
///
/// [`Error::Format`] if the record is damaged.
pub(super) fn mean_fractions(group: &Group, written: usize, path: &Path) -> Result<Vec<f64>> {
    let damaged = || Error::format(path, "the volume fractions of its realisations are damaged; generate them again");
    let table = OpenDataset::open_own::<f64>(group, VOLUME_FRACTION).map_err(|_| damaged())?;
    let fits = matches!(table.shape()[..], [rows, phases] if rows >= written && phases <= MAX_PHASES);
    if !fits || chunks::check(&table).is_err() {
        return Err(damaged());
    }
    let rows = table.read_slice_2d::<f64, _>(s![..written, ..]).map_err(|_| damaged())?;
    Ok(rows.mean_axis(Axis(0)).map(|means| means.to_vec()).unwrap_or_default())
}

/// The attributes of the record that are texts, by name, but for its format.
pub(super) fn texts(group: &Group) -> Vec<(String, String)> {
    let mut names = group.attr_names().unwrap_or_default();
    names.sort();
    let texts = names.into_iter().filter(|name| name != FORMAT);
    texts.filter_map(|name| text_attribute(group, &name).map(|text| (name, text))).collect()
}

/// The volume fractions of `images`, a row each.
pub(super) fn fractions(images: &PhaseImages) -> Array2<f64> {
    let mut fractions = Array2::zeros((images.len(), images.n_phases()));
    for (image, mut row) in fractions.outer_iter_mut().enumerate() {
        row.assign(&Array1::from(images.range(image, 1).volume_fractions()));
    }
    fractions
}

/// Adds rows for realisations `first_index..` with these volume `fractions`, which come after `written` others.
pub(super) fn put_rows(
    group: &Group,
    written: usize,
    first_index: i64,
    fractions: &Array2<f64>,
    s2_errors: &[f64],
) -> hdf5::Result<()> {
    let (n, n_phases) = fractions.dim();
    let end = written + n;
    put_column(group, INDEX, written, &(first_index..).take(n).collect())?;
    put_column(group, S2_ERROR, written, &Array1::from(s2_errors.to_vec()))?;
    let table = OpenDataset::open_own::<f64>(group, VOLUME_FRACTION)?;
    chunks::resize(&table, (end, n_phases))?;
    check_column(&table, VOLUME_FRACTION)?;
    table.write_slice(fractions, s![written..end, ..])?;
    table.close()
}

/// Makes the one-dimensional dataset `name` hold `values` from row `first` on, and nothing after them.
pub(super) fn put_column<T: H5Type>(group: &Group, name: &str, first: usize, values: &Array1<T>) -> hdf5::Result<()> {
    let column = OpenDataset::open_own::<T>(group, name)?;
    let end = first + values.len();
    chunks::resize(&column, (end,))?;
    check_column(&column, name)?;
    column.write_slice(values, s![first..end])?;
    column.close()
}

/// Looks at the chunks of the column `name` before HDF5 takes them into memory to write a part of them.
fn check_column(column: &Dataset, name: &str) -> hdf5::Result<()> {
    chunks::check(column).map_err(|reason| format!("the dataset {name:?} {reason}").into())
}

/// Creates the one-dimensional dataset `name` without rows.
pub(super) fn create_column<T: H5Type>(group: &Group, name: &str) -> hdf5::Result<()> {
    OpenDataset::from(group.new_dataset::<T>().chunk((ROWS,)).shape((0..,)).create(name)?).close()
}

/// States that `written` realisations are complete, and whether more are expected.
pub(super) fn set_written(group: &Group, written: usize, complete: bool) -> hdf5::Result<()> {
    own_attribute::<u64>(group, N_WRITTEN)?.write_scalar(&(written as u64))?;
    own_attribute::<bool>(group, COMPLETE)?.write_scalar(&complete)
}

/// A realisation of which some blocks are in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// Its place in the set, behind all that count.
    pub row: u64,
    /// Its index.
    pub index: u64,
    /// Longest side of its blocks.
    pub side: u64,
    /// Blocks that are there, in order.
    pub blocks: u64,
    /// Voxels of each phase in them.
    pub voxels: Vec<u64>,
}

impl Unfinished {
    /// Whether these are some of the `blocks` of a `new` one.
    pub fn is_part_of(&self, new: &Self, blocks: u64) -> bool {
        let key = |of: &Self| (of.row, of.index, of.side, of.voxels.len());
        key(self) == key(new) && self.blocks <= blocks
    }
}

/// The realisation that is unfinished, if there is one.
pub(super) fn unfinished(group: &Group) -> Option<Unfinished> {
    let numbers = numbers::<u64>(group, UNFINISHED)?;
    let (&[row, index, side, blocks], voxels) = numbers.split_first_chunk()?;
    Some(Unfinished { row, index, side, blocks, voxels: voxels.to_vec() })
}

/// States that this realisation is unfinished.
pub(super) fn set_unfinished(
    group: &Group,
    Unfinished { row, index, side, blocks, voxels }: &Unfinished,
) -> hdf5::Result<()> {
    let numbers = [&[*row, *index, *side, *blocks], &voxels[..]].concat();
    if has_unfinished(group) {
        return own_attribute::<u64>(group, UNFINISHED)?.write_raw(&numbers);
    }
    group.new_attr_builder().with_data(&numbers).create(UNFINISHED).map(drop)
}

/// States that no realisation is unfinished.
pub(super) fn remove_unfinished(group: &Group) -> hdf5::Result<()> {
    if has_unfinished(group) { group.delete_attr(UNFINISHED) } else { Ok(()) }
}

/// Whether there is an attribute about an unfinished realisation.
pub(super) fn has_unfinished(group: &Group) -> bool {
    group.attr(UNFINISHED).is_ok()
}
