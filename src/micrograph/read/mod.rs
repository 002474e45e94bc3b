//! Reading micrographs from files.

mod hdf5_dataset;
mod pixels;
mod png_file;
mod tiff_file;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use ndarray::{Array3, Axis};

use super::{Micrograph, PhaseImages, Segmentation};
use crate::{Error, Result};

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// What the values in the file mean.
    pub segmentation: Segmentation,
}

enum Kind {
    Hdf5,
    Png,
    Tiff,
}

impl Micrograph {
    /// Reads a micrograph from a file, whose kind is found by its content.
    ///
    /// * **HDF5**: `dataset` is `(ny, nx)`, `(n, ny, nx)` or `(n, 1, ny, nx)` of any integer, boolean, enumeration or
    ///   floating-point type; integers beyond 2^53 are rounded. It may be left out if the file holds exactly one such
    ///   dataset.
    /// * **PNG**: grey of 1 to 16 bits, palette or RGB if every pixel is grey, opaque alpha.
    /// * **TIFF**: grey of 1 to 64 bits, integer or floating-point, RGB if every pixel is grey, opaque alpha. Several
    ///   pages are a stack. Palettes are not read.
    ///
    /// Grey of 1, 2 and 4 bits is stretched to 0 to 255, as image viewers do.
    ///
    /// # Errors
    ///
    /// * [`Error::InvalidParameter`]: wrong thresholds or number of phases; `dataset` missing where there is a choice, or
    ///   given for a PNG or TIFF.
    /// * [`Error::Io`]: the file cannot be opened or read.
    /// * [`Error::Hdf5`]: there is no such dataset (the text lists those that exist), or HDF5 cannot read the file,
    ///   which may be truncated or corrupted.
    /// * [`Error::Format`]: the file is of no known kind, or a damaged PNG or TIFF; holds colours, NaN or infinite
    ///   values, fewer than 2 or more than [`MAX_PHASES`](super::MAX_PHASES) phases, or more than
    ///   [`MAX_PIXELS`](super::MAX_PIXELS) pixels.
    pub fn read(path: impl AsRef<Path>, dataset: Option<&str>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        options.segmentation.check()?;
        let dataset = dataset.filter(|name| !name.is_empty());
        let mut file = BufReader::new(File::open(path).map_err(|e| Error::system(path, "open the micrograph", &e))?);
        let kind = kind(&mut file).map_err(|e| Error::system(path, "read the micrograph", &e))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let (Some(dataset), Some(Kind::Png | Kind::Tiff)) = (dataset, &kind) {
            return Err(Error::invalid(format!(
                "dataset '{dataset}' was asked for, but {} is an image file and has no datasets; leave the dataset out",
                path.display()
            )));
        }
        let in_file = |reason| Error::format(path, reason);
        let (values, source) = match kind {
            Some(Kind::Hdf5) => {
                let (values, dataset) = hdf5_dataset::read(path, dataset)?;
                (values, format!("{name}:{dataset}"))
            }
            Some(Kind::Png) => (png_file::read(file).map_err(in_file)?, name),
            Some(Kind::Tiff) => (tiff_file::read(file).map_err(in_file)?, name),
            None => return Err(Error::format(path, "neither HDF5 nor PNG nor TIFF; convert it to one of these")),
        };
        check_finite(&values).map_err(in_file)?;
        let segmented = options.segmentation.apply(&values).map_err(in_file)?;
        Self::from_segmented(segmented, source)
    }
}

impl PhaseImages {
    /// Reads images whose pixels are phase numbers below `n_phases`, such as realisations, from `dataset` of an HDF5 file:
    /// `(ny, nx)`, `(n, ny, nx)` or `(n, 1, ny, nx)`. The phases keep their numbers, whether each occurs or not.
    ///
    /// # Errors
    ///
    /// Those of [`Micrograph::read`]; [`Error::Format`] also if a pixel is no phase number.
    pub fn read(path: impl AsRef<Path>, dataset: &str, n_phases: usize) -> Result<Self> {
        let path = path.as_ref();
        let mut file = BufReader::new(File::open(path).map_err(|e| Error::system(path, "open the images", &e))?);
        if !matches!(kind(&mut file).map_err(|e| Error::system(path, "read the images", &e))?, Some(Kind::Hdf5)) {
            return Err(Error::format(path, "no HDF5 file; give one with a dataset of phase numbers"));
        }
        let (values, _) = hdf5_dataset::read(path, Some(dataset))?;
        let is_phase = |value: f64| value.fract() == 0.0 && (0.0..n_phases as f64).contains(&value);
        if let Some(((image, y, x), value)) = values.indexed_iter().find(|(_, value)| !is_phase(**value)) {
            return Err(Error::format(
                path,
                format!(
                    "dataset '{dataset}': the pixel at y = {y}, x = {x} of image {image} is {value}; the phases are numbered \
                     0 to {} here",
                    n_phases - 1
                ),
            ));
        }
        Self::new(values.mapv(|value| value as u8).insert_axis(Axis(1)), n_phases)
    }
}

/// Looks for the signatures of the known kinds and leaves the file at its beginning.
fn kind(file: &mut BufReader<File>) -> std::io::Result<Option<Kind>> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = signature(file, 0)?;
    let found = match &start[..4] {
        b"\x89PNG" => Some(Kind::Png),
        b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+" => Some(Kind::Tiff),
        _ if is_hdf5(file, length)? => Some(Kind::Hdf5),
        _ => None,
    };
    file.rewind()?;
    Ok(found)
}

/// HDF5 starts at byte 0, or after a user block of 512, 1024, 2048, ... bytes.
fn is_hdf5(file: &mut BufReader<File>, length: u64) -> std::io::Result<bool> {
    let mut offset = 0;
    while offset < length {
        if &signature(file, offset)? == b"\x89HDF\r\n\x1a\n" {
            return Ok(true);
        }
        offset = (2 * offset).max(512);
    }
    Ok(false)
}

/// Eight bytes at `offset`; zeros where the file ends before.
fn signature(file: &mut BufReader<File>, offset: u64) -> std::io::Result<[u8; 8]> {
    let mut found = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.by_ref().take(8).read_to_end(&mut found)?;
    let mut bytes = [0; 8];
    bytes[..found.len()].copy_from_slice(&found);
    Ok(bytes)
}

/// Segmentation compares values, so each must be a number. On failure says where one is not.
fn check_finite(values: &Array3<f64>) -> std::result::Result<(), String> {
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((image, y, x), value)) => Err(format!(
            "the pixel at y = {y}, x = {x} of image {image} is {value}; every pixel must be a finite number"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
