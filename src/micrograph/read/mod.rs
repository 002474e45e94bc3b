//! Reading micrographs from files.

mod edited;
mod hdf5_dataset;
mod images;
mod pixels;
mod png_file;
mod tiff_file;
mod tiff_strips;
mod vendor_text;

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

use ndarray::{Array3, Array4};

use self::hdf5_dataset::{IMAGES, MICROGRAPHS, Shapes, VOLUMES};
use super::levels::{Levels, Refusal};
use super::{Micrograph, PhaseImages, Region, Segmentation, Source, VoxelSize};
use crate::error::short;
use crate::files::{bytes_at, is_hdf5, open_regular, refuse_model};
use crate::{Error, Result};

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// What the values in the file mean.
    pub segmentation: Segmentation,
    /// The part of each image that is used; phases and thresholds are found in it alone.
    pub region: Region,
    /// Side of a pixel; `None`: as the file says, if it does.
    pub voxel_size: Option<VoxelSize>,
}

/// What a file holds, before phases are found.
struct Contents {
    /// As the file has them.
    values: Levels,
    /// How many of the stack follow one another as layers of a volume; 1 for images.
    layers: usize,
    /// Rows of an image above a data bar that the file announces; `ny` if there is none.
    image_rows: usize,
    /// Side of a pixel, where the file says it reliably.
    voxel_size: Option<VoxelSize>,
    /// What the user should know.
    warnings: Vec<String>,
}

impl From<Levels> for Contents {
    fn from(values: Levels) -> Self {
        Self { image_rows: values.dim().1, values, layers: 1, voxel_size: None, warnings: Vec::new() }
    }
}

enum Kind {
    Hdf5,
    Png,
    Tiff,
    Jpeg,
}

impl Micrograph {
    /// Reads a micrograph from a file, whose kind is found by its content.
    ///
    /// * **HDF5**: `dataset` is `(ny, nx)` or `(n, ny, nx)` of any integer, boolean, enumeration or floating-point type, x
    ///   fastest; integers beyond 2^53 are rounded. Of more than two axes, those of length 1 are dropped. Datasets
    ///   that MATLAB wrote have columns first and are transposed. The name may be left out if the file holds exactly one
    ///   such dataset.
    /// * **PNG**: grey of 1 to 16 bits, palette or RGB if every pixel is grey, opaque alpha.
    /// * **TIFF**: grey of 1, 2, 4, 8, 16, 32 or 64 bits, integer or floating-point, RGB if every pixel is grey,
    ///   opaque alpha; uncompressed or with LZW, Deflate, PackBits, JPEG or fax group 4. Several pages are a stack.
    ///
    /// Phase numbers are the stored values. Where grey levels are asked for, by thresholds or Otsu's method, unsigned
    /// integers of a min-is-white TIFF are inverted. The levels of a grey palette, 0 to 255, are read through the palette,
    /// unless phase numbers are asked for.
    ///
    /// The size of a pixel is taken from the text of an electron microscope (tag 34682), never from the resolution
    /// tags of a TIFF or PNG, which mostly hold that of a printer. If that text announces a data bar below the image, the
    /// bar is cut off, unless a region says how many rows are used. [`Micrograph::warnings`] tells what was decided.
    ///
    /// # Errors
    ///
    /// * [`Error::InvalidParameter`]: wrong thresholds, number of phases or voxel size; a region that is not inside the
    ///   image; `dataset` missing where there is a choice, or given for a PNG or TIFF.
    ///   A path that is not UTF-8 is refused too if the file is HDF5.
    /// * [`Error::Io`]: the file cannot be opened or read.
    /// * [`Error::Hdf5`]: there is no such dataset (the text lists those that exist), or HDF5 cannot read the file,
    ///   which may be truncated, corrupted or compressed with a filter that is not there.
    /// * [`Error::Format`]: the file is a model or holds realisations of this library, is of no known kind, or a damaged or unusual PNG or TIFF; holds colours, NaN or infinite
    ///   values, fewer than 2 or more than [`MAX_PHASES`](super::MAX_PHASES) phases, or more than
    ///   [`MAX_PIXELS`](super::MAX_PIXELS) pixels.
    /// * [`Error::OutOfMemory`]: the file's own values and three bytes a pixel do not fit into memory.
    pub fn read(path: impl AsRef<Path>, dataset: Option<&str>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        options.segmentation.check()?;
        if let Some(VoxelSize { side, unit }) = options.voxel_size {
            VoxelSize::new(side, unit)?;
        }
        let (contents, source) = contents(path, dataset, &options.segmentation, &MICROGRAPHS)?;
        let Contents { mut values, image_rows, voxel_size, mut warnings, .. } = contents;
        let (n, ny, nx) = values.dim();
        if image_rows < ny && options.region.ny == 0 {
            values.crop(0..image_rows, 0..nx);
            warnings.push(format!(
                "the rows from {image_rows} on are a data bar, as the file says, and are cut off; name the number of rows \
                 of a region of interest to keep them"
            ));
        }
        if n > 1 {
            warnings.push(format!(
                "{n} images of {ny} x {nx} pixels: each counts as a micrograph of the same material, none as a slice of a \
                 volume"
            ));
        }
        options.region.cut(&mut values)?;
        check_finite(&values).map_err(|reason| Error::format(path, reason))?;
        let segmented = options.segmentation.apply(&values);
        let segmented = segmented.map_err(|refusal| refusal.into_error(|reason| Error::format(path, reason)))?;
        let mut micrograph = Self::from_segmented(segmented, source)?;
        micrograph.voxel_size = options.voxel_size.or(voxel_size);
        warnings.append(&mut micrograph.warnings);
        micrograph.warnings = warnings;
        Ok(micrograph)
    }
}

impl PhaseImages {
    /// Reads images or volumes whose voxels are phase numbers below `n_phases`, such as realisations, from `dataset` of an HDF5
    /// file: `(ny, nx)`, `(n, ny, nx)` or `(n, nz, ny, nx)`. The phases keep their numbers, whether each occurs or not.
    ///
    /// With `stack_is_volume` three axes are one volume, `(nz, ny, nx)`, as in a VTKHDF file of a single realisation.
    ///
    /// # Errors
    ///
    /// Those of [`Micrograph::read`]; [`Error::Format`] also if a voxel is no phase number.
    pub fn read(path: impl AsRef<Path>, dataset: &str, n_phases: usize, stack_is_volume: bool) -> Result<Self> {
        let path = path.as_ref();
        let mut file = BufReader::new(open_regular(path, "open the images")?);
        refuse_model(&mut file, path, "give a file of realisations that davegan generate made with it")?;
        if !matches!(kind(&mut file).map_err(|e| Error::system(path, "read the images", &e))?, Some(Kind::Hdf5)) {
            return Err(Error::format(path, "no HDF5 file; give one with a dataset of phase numbers"));
        }
        let shapes = if stack_is_volume { &VOLUMES } else { &IMAGES };
        let Contents { values, layers, .. } = hdf5_dataset::read(path, Some(dataset), shapes)?.0;
        let is_phase = |value: f64| value.fract() == 0.0 && (0.0..n_phases as f64).contains(&value);
        if let Some(((image, y, x), value)) = values.find_unfit(is_phase) {
            return Err(Error::format(
                path,
                format!(
                    "dataset '{dataset}': the pixel at y = {y}, x = {x} of image {image} is {}; the phases are numbered \
                     0 to {} here",
                    short(value),
                    n_phases - 1
                ),
            ));
        }
        let phases = values.phases(|value| value as u8);
        let phases = phases.map_err(|refusal| refusal.into_error(|reason| Error::format(path, reason)))?;
        Self::new(volumes(phases, layers), n_phases)
    }
}

/// A stack of which `nz` images each follow one another as a volume.
fn volumes(stack: Array3<u8>, nz: usize) -> Array4<u8> {
    let (images, ny, nx) = stack.dim();
    stack.into_shape_with_order((images / nz, nz, ny, nx)).expect("as many as before")
}

/// What the file at `path` holds, and where it comes from: the name of the file, and of the dataset.
fn contents(
    path: &Path,
    dataset: Option<&str>,
    segmentation: &Segmentation,
    shapes: &Shapes,
) -> Result<(Contents, Source)> {
    let dataset = dataset.filter(|name| !name.is_empty());
    let mut file = BufReader::new(open_regular(path, "open the image")?);
    refuse_model(&mut file, path, shapes.instead)?;
    let kind = kind(&mut file).map_err(|e| Error::system(path, "read the image", &e))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let (Some(dataset), Some(Kind::Png | Kind::Tiff)) = (dataset, &kind) {
        return Err(Error::invalid(format!(
            "dataset '{dataset}' was asked for, but {} is an image file and has no datasets; leave the dataset out",
            path.display()
        )));
    }
    let in_file = |refusal: Refusal| refusal.into_error(|reason| Error::format(path, reason));
    match kind {
        Some(Kind::Hdf5) => {
            let (contents, dataset) = hdf5_dataset::read(path, dataset, shapes)?;
            Ok((contents, Source { dataset: Some(dataset), ..Source::named(name) }))
        }
        Some(Kind::Png) => Ok((png_file::read(file).map_err(in_file)?.into(), Source::named(name))),
        Some(Kind::Tiff) => Ok((tiff_file::read(file, segmentation).map_err(in_file)?, Source::named(name))),
        Some(Kind::Jpeg) => Err(Error::format(
            path,
            "a JPEG, which holds pixels only roughly; take the original of the microscope, or convert it to PNG and read it with \
             a number of phases for Otsu's method",
        )),
        None => Err(Error::format(path, "neither HDF5 nor PNG nor TIFF; convert it to one of these")),
    }
}

/// Looks for the signatures of the known kinds and leaves the file at its beginning.
fn kind(file: &mut BufReader<File>) -> std::io::Result<Option<Kind>> {
    let found = match &bytes_at(file, 0)? {
        b"\x89PNG" => Some(Kind::Png),
        b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+" => Some(Kind::Tiff),
        [0xff, 0xd8, 0xff, _] => Some(Kind::Jpeg),
        _ if is_hdf5(file)? => Some(Kind::Hdf5),
        _ => None,
    };
    file.rewind()?;
    Ok(found)
}

/// Segmentation compares values, so each must be a number. On failure says where one is not.
fn check_finite(values: &Levels) -> std::result::Result<(), String> {
    match values.find_unfit(f64::is_finite) {
        Some(((image, y, x), value)) => Err(format!(
            "the pixel at y = {y}, x = {x} of image {image} is {value}; every pixel must be a finite number"
        )),
        None => Ok(()),
    }
}
