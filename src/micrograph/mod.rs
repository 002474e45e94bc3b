//! Micrographs: images of a material as phase numbers.
//!
//! A [`Micrograph`] is one two-dimensional image, or a stack of images of the same size, whose pixels are phase
//! numbers. A built-in material may be a volume, of which [`Micrograph::plane`] is a micrograph. It comes from one of three places:
//!
//! * a file, [`Micrograph::read`]: an HDF5 dataset, a PNG or a TIFF, recognised by content, not by name. What its
//!   pixels mean, phase numbers or grey levels, is said by a [`Segmentation`];
//! * memory, [`Micrograph::from_memory`];
//! * a seed, [`Sample::make`]: five built-in materials, for trying the library without data.
//!
//! Training sees a micrograph as [`tiles`] (non-overlapping, the paper's 16 samples) and [`random_windows`]
//! (anywhere in the image).
//!
//! ```
//! use davegan::micrograph::{Discs, Sample, tiles};
//!
//! let micrograph = Sample::Discs(Discs::default()).make(7, 1)?;
//! assert_eq!(micrograph.images.shape(), [1, 256, 256]);
//! assert_eq!(tiles(&micrograph.images, 64)?.len(), 16);
//! # Ok::<(), davegan::Error>(())
//! ```
//!
//! # Conventions
//!
//! Images are `(n, nz, ny, nx)`, x fastest, with nz = 1 for all but volumes. Phases are numbered from 0 in increasing order of the value they had in the
//! file, and [`Micrograph::phase_values`] keeps those values. Lengths are in pixels; pixel `(row, column)` covers
//! `column..column + 1` along x and `row..row + 1` along y, so its centre is at `(column + 0.5, row + 0.5)`.

mod block;
mod cut;
mod directions;
mod levels;
mod otsu;
mod phase_images;
mod read;
mod region;
mod sample;
mod segmentation;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod voxel_size;

use ndarray::{Array2, Axis};

pub use block::Block;
pub use cut::{random_windows, tiles, windows};
pub use directions::{AXES, Directions};
pub use phase_images::{MAX_PHASES, PhaseImages};
pub use read::ReadOptions;
pub use region::Region;
pub use sample::{Checkerboard, Discs, Ellipse, Ellipses, GaussianField, GrainBoundaries, Sample};
pub use segmentation::Segmentation;
pub use source::Source;
pub use voxel_size::{LengthUnit, VoxelSize};

use crate::device::memory;
use crate::error::counted;
use crate::{Error, Result};
use levels::{ADVICE, stack};
use segmentation::{Segmented, phase_numbers};

/// The largest number of pixels in all images of a micrograph together, 2^28: a single image of 16384 x 16384.
pub const MAX_PIXELS: usize = 1 << 28;

/// One image of a material, or a stack of images of the same size, as phase numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Micrograph {
    /// The phase numbers, `(n, nz, ny, nx)`.
    pub images: PhaseImages,
    /// The value that each phase had before it was numbered: the value in the file, or where grey levels were
    /// segmented the mean grey level of the phase. One per phase, increasing.
    pub phase_values: Vec<f64>,
    /// Where the micrograph comes from.
    pub source: Source,
    /// Side of a pixel, if it is known.
    pub voxel_size: Option<VoxelSize>,
    /// What was decided while reading that the user should know, a sentence each.
    pub warnings: Vec<String>,
    /// Only for [`Sample::Ellipses`]: a row `a, b, x1, x2, phi` per image, see [`Ellipse`].
    pub parameters: Option<Array2<f64>>,
}

impl Micrograph {
    /// Takes a stack of images of phase numbers, `shape` being `(n, ny, nx)` and x fastest. The distinct numbers are
    /// renumbered `0..P` in increasing order and kept as [`Micrograph::phase_values`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if a length is zero, `values` has another number of elements than `shape` says, there
    /// are more than [`MAX_PIXELS`], or they hold fewer than 2 or more than [`MAX_PHASES`] distinct numbers;
    /// [`Error::OutOfMemory`] if two bytes a pixel do not fit into memory.
    pub fn from_memory(values: &[u8], shape: (usize, usize, usize)) -> Result<Self> {
        check_size(shape).map_err(Error::InvalidParameter)?;
        let mut copy = memory::vector(values.len(), "copying the phases", ADVICE)?;
        copy.extend_from_slice(values);
        let segmented = stack(shape, copy).and_then(|values| phase_numbers(&values));
        let segmented = segmented.map_err(|refusal| refusal.into_error(Error::InvalidParameter))?;
        Self::from_segmented(segmented, Source::named("memory"))
    }

    /// Plane `number` across an axis, 0 to 2 for z, y and x, of each volume, as a micrograph. The axes of its images are the
    /// other two in their order: `(y, x)`, `(z, x)` or `(z, y)`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if there is no such axis or plane.
    pub fn plane(&self, axis: usize, number: usize) -> Result<Self> {
        let shape = self.images.shape();
        if axis > 2 || number >= shape[axis] {
            let [nz, ny, nx] = shape;
            return Err(Error::invalid(format!(
                "plane {number} across axis {axis}; {} has {nz}, {ny} and {nx} across the axes 0 to 2 (z, y, x)",
                self.source
            )));
        }
        Ok(Self {
            images: self.images.plane(axis, number),
            source: self.source.with(&format!("plane {number} across {}", AXES[axis])),
            phase_values: self.phase_values.clone(),
            voxel_size: self.voxel_size,
            warnings: self.warnings.clone(),
            parameters: None,
        })
    }

    fn from_segmented(segmented: Segmented, source: Source) -> Result<Self> {
        let images = PhaseImages::new(segmented.phases.insert_axis(Axis(1)), segmented.phase_values.len())?;
        let warnings = segmented.warning.into_iter().collect();
        Ok(Self { images, phase_values: segmented.phase_values, source, voxel_size: None, warnings, parameters: None })
    }
}

/// Checks the shape `(n, ny, nx)` of a micrograph before memory for it is taken. On failure says what is wrong.
fn check_size((n, ny, nx): (usize, usize, usize)) -> std::result::Result<(), String> {
    let images = counted(n, "image");
    match n.checked_mul(ny).and_then(|pixels| pixels.checked_mul(nx)) {
        Some(0) => Err(format!("{images} of {ny} x {nx} pixels hold nothing; every length must be at least 1")),
        Some(1..=MAX_PIXELS) => Ok(()),
        _ => Err(format!(
            "{images} of {ny} x {nx} pixels have more than the {MAX_PIXELS} pixels that a micrograph may have; \
             give a smaller cut-out"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_memory_renumbers_and_keeps_the_values() {
        let values: Vec<u8> = (0..24).map(|i| if i % 4 == 1 { 200 } else { 7 + 3 * (i / 12) }).collect();
        let micrograph = Micrograph::from_memory(&values, (2, 3, 4)).unwrap();
        assert_eq!(micrograph.phase_values, [7.0, 10.0, 200.0]);
        assert_eq!((micrograph.images.len(), micrograph.images.shape()), (2, [1, 3, 4]));
        for (&phase, &value) in micrograph.images.as_slice().iter().zip(&values) {
            assert_eq!(micrograph.phase_values[usize::from(phase)], f64::from(value));
        }
    }

    #[test]
    fn planes_of_a_volume_are_micrographs() {
        let field = GaussianField { nz: 12, ny: 20, nx: 32, correlation_z: 2.0, ..Default::default() };
        let volume = Sample::GaussianField(field).make(1, 2).unwrap();
        for (axis, shape) in [[1, 20, 32], [1, 12, 32], [1, 12, 20]].into_iter().enumerate() {
            let plane = volume.plane(axis, 5).unwrap();
            assert_eq!((plane.images.shape(), plane.images.len()), (shape, 2));
            let all = volume.images.planes(axis, 1);
            let of_each = volume.images.shape()[axis];
            assert_eq!([plane.images.image(0), plane.images.image(1)], [all.image(5), all.image(of_each + 5)]);
        }
        for (axis, number) in [(0, 12), (1, 20), (2, 32), (3, 0)] {
            let error = volume.plane(axis, number).unwrap_err().to_string();
            assert!(
                error.contains(&format!("plane {number} across axis {axis}")) && error.contains("12, 20 and 32"),
                "{error}"
            );
        }
    }

    #[test]
    fn from_memory_refuses_what_is_no_micrograph() {
        let message = |values: &[u8], shape| Micrograph::from_memory(values, shape).unwrap_err().to_string();
        assert!(message(&[3; 16], (1, 4, 4)).contains("one phase only, every pixel is 3"));
        assert!(message(&[0, 1, 2, 3, 4, 5, 6, 7, 8], (1, 3, 3)).contains("9 phases"));
        assert!(message(&[], (1, 0, 4)).contains("hold nothing"));
        assert!(message(&[0, 1, 0], (1, 2, 2)).contains("3 pixels given instead of the 1 x 2 x 2"));
    }

    #[test]
    fn size_check_survives_overflow() {
        assert!(check_size((usize::MAX, usize::MAX, 2)).is_err());
        assert!(check_size((1, MAX_PIXELS + 1, 1)).is_err());
        assert!(check_size((1, 1, MAX_PIXELS)).is_ok());
    }
}
