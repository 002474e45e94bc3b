//! Local relaxation: corrects the patterns of images voxel by voxel, so that they become those of a micrograph.
//!
//! A pattern is the phase, or not, of 3 x 3 voxels that lie 1, 2, 4 or 8 voxels apart, in each plane of two axes.
//! [`Weights`] give each pattern a log weight w. [`relax`] visits the interface voxels in a fixed order and proposes
//! the phase of a neighbour. With g = sum of w over the patterns that the flip makes, less the sum over those that it
//! breaks, it is accepted with probability min(1, exp(g)) (Metropolis et al. 1953), or near an edge only if g is
//! positive. [`Weights::calibrate`] finds the weights.
//!
//! Between the sweeps [`DanglingEnds`] are mended, if the images have far more of them than the micrograph.
//!
//! A voxel's phase afterwards depends on its place, the seed and the voxels around it alone: the image is divided into
//! tiles in two colours along each axis. Tiles of one colour are relaxed at the same time, as they do not see each
//! other, with all around them as it is; the colours follow one another. Half of the sweeps have the tiles shifted by
//! half a tile.
//!
//! So a block of a large image can be relaxed alone: [`BlockRelaxer`].
//!
//! [`meet_fractions`] then gives each image a volume fraction, to one voxel. `cleaning` removes islands and leaves the
//! volume fractions as they are.
//!
//! ```
//! use davegan::micrograph::{GrainBoundaries, PhaseImages, Sample};
//! use davegan::relaxation::{PatternShares, RelaxationOptions, Weights, relax};
//!
//! let material = Sample::GrainBoundaries(GrainBoundaries { ny: 128, nx: 128, ..Default::default() });
//! let micrograph = material.make(1, 1)?.images;
//! // Images of the material in which every fortieth pixel is wrong.
//! let mut phases = material.make(2, 2)?.images.into_phases();
//! phases.iter_mut().step_by(40).for_each(|phase| *phase = 1 - *phase);
//! let images = PhaseImages::new(phases, 2)?;
//!
//! let options = RelaxationOptions::default();
//! let weights = Weights::calibrate(&micrograph, &images, &options, &|| Ok(()))?;
//! let relaxed = relax(images.clone(), &weights, &options)?;
//! let patterns = PatternShares::of(&micrograph, false)?;
//! let distance = |images| Ok::<_, davegan::Error>(PatternShares::of(images, true)?.divergence(&patterns));
//! assert!(distance(&relaxed)? < 0.5 * distance(&images)?);
//! # Ok::<(), davegan::Error>(())
//! ```

mod adjuster;
mod bits;
mod blocks;
mod calibration;
mod cleaning;
mod dangling;
mod fractions;
mod frame;
mod padding;
mod plan;
mod shares;
mod sweeps;
mod weights;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use adjuster::{Adjuster, Part, Round, to_change};
pub use blocks::BlockRelaxer;
pub use calibration::{ROUNDS, relax_images};
pub(crate) use cleaning::{CLEANING_BYTES, Cleaner};
pub use dangling::DanglingEnds;
pub(crate) use fractions::voxels_of_each;
pub use fractions::{check_fractions, meet_fractions};
pub use shares::PatternShares;
pub(crate) use sweeps::image_key;
pub use sweeps::{RelaxationOptions, needed_for, relax};
pub use weights::Weights;
