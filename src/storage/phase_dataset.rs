//! Datasets of phase images.

use std::ffi::CString;
use std::ops::Range;
use std::path::Path;

use hdf5::plist::LinkCreate;
use hdf5::plist::link_create::CharEncoding;
use hdf5::{Dataset, File, Group};
use hdf5_sys::h5o::H5Olink;
use hdf5_sys::h5p::H5P_DEFAULT;
use ndarray::{Array3, ArrayView3, Axis, s};

use super::file_driver::check_writes;
use super::hdf5_file::{DEFLATE_LEVEL, Explain, check_name, chunk_shape, put_text, text_attribute};
use super::header::{FORMAT, Mode};
use super::journalled_file::JournalledFile;
use super::kind::Kind;
use super::output::Output;
use crate::chunks::{self, Missing};
use crate::dataset::OpenDataset;
use crate::generation::{BLOCK_SIDE, parts};
use crate::micrograph::{Block, PhaseImages};
use crate::{Error, Result};

/// The attribute `format` of a dataset of [`write_phase_images`].
const FORMAT_NAME: &str = "davegan phase images";

/// Longest side of a chunk, so that blocks of large images are whole chunks.
const CHUNK_SIDE: usize = 1024;
const _: () = assert!(BLOCK_SIDE.is_multiple_of(CHUNK_SIDE));

/// Images that are written before the next look whether the disk takes them.
const ROWS_AT_ONCE: usize = 1024;

/// Writes `images` as one dataset of phase numbers: `(n, ny, nx)` for two-dimensional images, else `(n, nz, ny, nx)`.
///
/// The file is created if need be; everything else that it holds stays. With [`Mode::Replace`] a dataset of that name
/// that this function wrote is replaced, in a copy of the file that takes its place; with [`Mode::Append`] it is an error.
/// A killed process leaves the file without the new dataset or with all of it.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be written, another call of this process writes it or another program has it open;
/// [`Error::Format`] if it is no HDF5 file, a model file, or has something else of that name; [`Error::Hdf5`] for other
/// failures inside HDF5.
pub fn write_phase_images(path: impl AsRef<Path>, dataset: &str, images: &PhaseImages, mode: Mode) -> Result<()> {
    let path = path.as_ref();
    check_name("dataset", dataset, "reconstructed")?;
    let doing = format!("write the dataset {dataset:?}");
    let write = |file: &File| create_and_fill(file, dataset, images, path, &doing);
    hdf5::sync::sync(|| {
        let mut output = Output::claim(path, Kind::Hdf5)?;
        let Some(file) = JournalledFile::open(&output)? else {
            return JournalledFile::create(&mut output, write).map(drop);
        };
        let is_there = file.link_exists(dataset);
        if is_there && mode == Mode::Append {
            return Err(Error::format(path, format!("{dataset:?} is there already; choose another name")));
        }
        if is_there && !OpenDataset::open(&file, dataset).is_ok_and(|old| is_ours(&old)) {
            let reason = "is there already, and davegan has not written it; choose another name, or remove it first";
            return Err(Error::format(path, format!("{dataset:?} {reason}")));
        }
        if is_there {
            let replace = |file: &File| file.unlink(dataset).explain(path, &doing).and_then(|()| write(file));
            return file.rewrite(&mut output, true, replace).map(drop);
        }
        if let Some((groups, _)) = dataset.trim_end_matches('/').rsplit_once('/') {
            file.create_groups(groups)?;
        }
        file.transaction(&doing, write)
    })
}

/// The dataset gets its name last: what the table of names gives up when it grows must not be used again before a commit.
fn create_and_fill(file: &File, name: &str, images: &PhaseImages, path: &Path, doing: &str) -> Result<()> {
    let [nz, ny, nx] = images.shape();
    let shape = if nz == 1 { vec![images.len(), ny, nx] } else { vec![images.len(), nz, ny, nx] };
    let builder = file.new_dataset::<u8>().chunk(image_chunk(&shape[1..])).deflate(DEFLATE_LEVEL);
    let dataset = OpenDataset::from(builder.shape(shape).create(None).explain(path, doing)?);
    write_rows(&dataset, 0, images).explain(path, doing)?;
    put_text(&dataset, FORMAT, FORMAT_NAME, path)?;
    give_name(&dataset, file, name).and_then(|()| dataset.close()).explain(path, doing)
}

fn is_ours(dataset: &Dataset) -> bool {
    text_attribute(dataset, FORMAT).as_deref() == Some(FORMAT_NAME)
}

/// Links the nameless `dataset` into `file`, with the groups that its `name` asks for.
fn give_name(dataset: &Dataset, file: &File, name: &str) -> hdf5::Result<()> {
    let name = CString::new(name).map_err(|error| error.to_string())?;
    let links = LinkCreate::build().create_intermediate_group(true).char_encoding(CharEncoding::Utf8).finish()?;
    // SAFETY: the identifiers are those of open objects, and the name ends with a NUL.
    let status = unsafe { H5Olink(dataset.id(), file.id(), name.as_ptr(), links.id(), H5P_DEFAULT) };
    hdf5::h5check(status).map(drop)
}

/// Creates `name` in `group` for a series of images of `shape` that can grow.
pub(super) fn create_series(group: &Group, name: &str, shape: [usize; 3]) -> hdf5::Result<OpenDataset> {
    let [nz, ny, nx] = shape;
    let builder = group.new_dataset::<u8>().chunk(image_chunk(&shape)).deflate(DEFLATE_LEVEL);
    builder.shape((0.., nz, ny, nx)).create(name).map(OpenDataset::from)
}

/// Creates `name` in `group` for a single image of `shape`.
pub(super) fn create_single(group: &Group, name: &str, shape: [usize; 3]) -> hdf5::Result<OpenDataset> {
    let builder = group.new_dataset::<u8>().chunk(chunk_of_image(&shape)).deflate(DEFLATE_LEVEL);
    builder.shape(shape).create(name).map(OpenDataset::from)
}

/// The chunk of a stack of images: no chunk reaches into a second image.
fn image_chunk(shape: &[usize]) -> Vec<usize> {
    [1].into_iter().chain(chunk_of_image(shape)).collect()
}

fn chunk_of_image(shape: &[usize]) -> Vec<usize> {
    chunk_shape(&shape.iter().map(|&side| side.min(CHUNK_SIDE)).collect::<Vec<_>>())
}

/// Makes `series` hold `images` from position `first` on, and nothing after them.
pub(super) fn put_images(series: OpenDataset, first: usize, images: &PhaseImages) -> hdf5::Result<()> {
    resize(&series, first, first + images.len(), images.shape())?;
    write_rows(&series, first, images)?;
    series.close()
}

/// Makes `series` have room for `rows` images of `shape`, of which those from `first` on are to be written.
pub(super) fn set_rows(series: OpenDataset, first: usize, rows: usize, shape: [usize; 3]) -> hdf5::Result<()> {
    resize(&series, first, rows, shape)?;
    series.close()
}

fn resize(series: &Dataset, first: usize, rows: usize, [nz, ny, nx]: [usize; 3]) -> hdf5::Result<()> {
    let there = series.shape().first().copied().unwrap_or(0);
    chunks::resize(series, (rows, nz, ny, nx))?;
    (first..there.min(rows)).try_for_each(|row| check_chunks(series, row, Missing::Allowed))
}

/// Looks at chunks of an image before HDF5 takes them into memory, to read them or to write a part of them.
pub(super) fn check_chunks(dataset: &Dataset, row: usize, missing: Missing) -> hdf5::Result<()> {
    chunks::check_image(dataset, row, missing).map_err(|reason| format!("the dataset of phases {reason}").into())
}

/// Writes a part of the single image in `dataset`, or of image `row` of the series; its first voxel is `first`.
pub(super) fn write_part(dataset: &Dataset, row: usize, first: [i64; 3], part: ArrayView3<u8>) -> hdf5::Result<()> {
    let size = part.dim();
    let [z, y, x] = ranges(&Block { first, size: [size.0, size.1, size.2] });
    if dataset.ndim() == 3 {
        dataset.write_slice(part, s![z, y, x])?;
    } else {
        dataset.write_slice(part, s![row, z, y, x])?;
    }
    check_writes(&dataset.file()?)
}

/// Copies the image of `single` to the first place of `series`, chunk by chunk.
pub(super) fn copy_single(single: &Dataset, series: OpenDataset, shape: [usize; 3]) -> hdf5::Result<()> {
    check_chunks(single, 0, Missing::Refused)?;
    let chunk = chunk_of_image(&shape);
    for part in parts(shape, [chunk[0], chunk[1], chunk[2]]) {
        let [z, y, x] = ranges(&part);
        let voxels: Array3<u8> = single.read_slice(s![z, y, x])?;
        write_part(&series, 0, part.first, voxels.view())?;
    }
    series.close()
}

/// The voxels of a part of an image, along each axis.
fn ranges(part: &Block) -> [Range<usize>; 3] {
    std::array::from_fn(|axis| {
        let first = part.first[axis] as usize;
        first..first + part.size[axis]
    })
}

/// Writes `images` into the rows `first..` of `dataset`.
fn write_rows(dataset: &Dataset, first: usize, images: &PhaseImages) -> hdf5::Result<()> {
    let file = dataset.file()?;
    for start in (0..images.len()).step_by(ROWS_AT_ONCE) {
        let end = images.len().min(start + ROWS_AT_ONCE);
        let part = images.phases().slice(s![start..end, .., .., ..]);
        let rows = first + start..first + end;
        if dataset.ndim() == 3 {
            dataset.write_slice(part.index_axis(Axis(1), 0), s![rows, .., ..])?;
        } else {
            dataset.write_slice(part, s![rows, .., .., ..])?;
        }
        check_writes(&file)?;
    }
    Ok(())
}
