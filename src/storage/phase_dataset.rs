//! Datasets of phase images.

use std::fs::File as SystemFile;
use std::path::Path;

use hdf5::{Dataset, File, Group};
use ndarray::s;

use super::hdf5_file::{DEFLATE_LEVEL, Explain, check_name, chunk_shape, file_options, put_text, text_attribute};
use super::header::{FORMAT, Mode};
use super::kind::Kind;
use super::output::Output;
use super::room::{STRUCTURE_BYTES, create_file, with_room};
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// The attribute `format` of a dataset of [`write_phase_images`].
const FORMAT_NAME: &str = "davegan phase images";

/// Writes `images` as one dataset of phase numbers: `(n, ny, nx)` for two-dimensional images, else `(n, nz, ny, nx)`.
///
/// The file is created if need be; everything else that it holds stays. With [`Mode::Replace`] a dataset of that name
/// that this function wrote is replaced; with [`Mode::Append`] it is an error.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be written, another call of this process writes it or another program has it open;
/// [`Error::Format`] if it is no HDF5 file, a model file, or has something else of that name; [`Error::Hdf5`] for other
/// failures inside HDF5.
pub fn write_phase_images(path: impl AsRef<Path>, dataset: &str, images: &PhaseImages, mode: Mode) -> Result<()> {
    let path = path.as_ref();
    check_name("dataset", dataset, "reconstructed")?;
    hdf5::sync::sync(|| {
        let mut output = Output::claim(path, Kind::Hdf5)?;
        let file = open_claimed(&mut output)?;
        let is_there = file.link_exists(dataset);
        if is_there && mode == Mode::Append {
            return Err(Error::format(path, format!("{dataset:?} is there already; choose another name")));
        }
        if is_there && !file.dataset(dataset).is_ok_and(|old| is_ours(&old)) {
            let reason = "is there already, and davegan has not written it; choose another name, or remove it first";
            return Err(Error::format(path, format!("{dataset:?} {reason}")));
        }
        let doing = format!("write the dataset {dataset:?}");
        with_room(&file, path, bytes_at_most(images), || {
            if is_there {
                file.unlink(dataset).explain(path, &doing)?;
            }
            let written = create_and_fill(&file, dataset, images).explain(path, &doing)?;
            put_text(&written, FORMAT, FORMAT_NAME, path)
        })?;
        file.close().explain(path, &doing)
    })
}

fn is_ours(dataset: &Dataset) -> bool {
    text_attribute(dataset, FORMAT).as_deref() == Some(FORMAT_NAME)
}

fn create_and_fill(file: &File, name: &str, images: &PhaseImages) -> hdf5::Result<Dataset> {
    let [nz, ny, nx] = images.shape();
    let shape = if nz == 1 { vec![images.len(), ny, nx] } else { vec![images.len(), nz, ny, nx] };
    let builder = file.new_dataset::<u8>().chunk(image_chunk(&shape[1..])).deflate(DEFLATE_LEVEL);
    let dataset = builder.shape(shape).create(name)?;
    dataset.write_raw(images.as_slice())?;
    Ok(dataset)
}

/// What `images` take on the disk, at most: every chunk incompressible, with its entry in the index.
pub(super) fn bytes_at_most(images: &PhaseImages) -> u64 {
    const INDEX_BYTES: usize = 512;
    let shape = images.shape();
    let chunk = chunk_shape(&shape);
    let chunks: usize = shape.iter().zip(&chunk).map(|(&side, &part)| side.div_ceil(part)).product();
    let image_bytes = chunks * (chunk.iter().product::<usize>() + INDEX_BYTES);
    STRUCTURE_BYTES + (images.len() * image_bytes) as u64
}

/// Opens the HDF5 file that is claimed for writing, or creates one where there is none or an empty file.
pub(super) fn open_claimed(output: &mut Output) -> Result<File> {
    output
        .create(|temporary| create_file(&file_options(), temporary)?.close().explain(temporary, "create the file"))?;
    let file = open_or_create(output.path())?;
    // HDF5 has locked the file. It is not one that is about to vanish under another.
    output.check_known()?;
    Ok(file)
}

/// Opens the HDF5 file at `path` for writing, or creates one in an empty file.
pub(super) fn open_or_create(path: &Path) -> Result<File> {
    // The system's own refusals come with better words than HDF5's, so it is asked first.
    let file = SystemFile::options().append(true).open(path);
    let length =
        file.and_then(|file| file.metadata()).map_err(|e| Error::system(path, "open the file for writing", &e))?.len();
    if length == 0 {
        return create_file(&file_options(), path);
    }
    file_options().open_rw(path).explain(path, "open the file for writing").map_err(no_hdf5_file)
}

/// What went wrong where a file that is there could not be opened.
pub(super) fn no_hdf5_file(error: Error) -> Error {
    match error {
        Error::Hdf5 { path, reason } => {
            Error::format(path, format!("no HDF5 file, or a damaged one; choose another path ({reason})"))
        }
        other => other,
    }
}

/// Creates `name` in `group` for a series of images of `shape` that can grow.
pub(super) fn create_series(group: &Group, name: &str, shape: [usize; 3]) -> hdf5::Result<Dataset> {
    let [nz, ny, nx] = shape;
    let builder = group.new_dataset::<u8>().chunk(image_chunk(&shape)).deflate(DEFLATE_LEVEL);
    builder.shape((0.., nz, ny, nx)).create(name)
}

/// Creates `name` in `group` for a single image of `shape`.
pub(super) fn create_single(group: &Group, name: &str, shape: [usize; 3]) -> hdf5::Result<Dataset> {
    let builder = group.new_dataset::<u8>().chunk(chunk_shape(&shape)).deflate(DEFLATE_LEVEL);
    builder.shape(shape).create(name)
}

/// The chunk of a stack of images: no chunk reaches into a second image.
fn image_chunk(shape: &[usize]) -> Vec<usize> {
    [1].into_iter().chain(chunk_shape(shape)).collect()
}

/// Makes `series` hold `images` from position `first` on, and nothing after them.
pub(super) fn put_images(series: &Dataset, first: usize, images: &PhaseImages) -> hdf5::Result<()> {
    let end = first + images.len();
    let [nz, ny, nx] = images.shape();
    series.resize((end, nz, ny, nx))?;
    series.write_slice(images.phases(), s![first..end, .., .., ..])
}
