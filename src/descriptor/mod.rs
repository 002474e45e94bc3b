//! Statistical descriptors: two-point correlation, the paper's error measures, and others.
//!
//! The two-point correlation S2(r) of a phase is the probability that two points r apart both lie in that phase. [`s2`]
//! computes it, [`radial_average`] averages it over directions, [`s2_error`] compares two images (Eq. 12),
//! [`PairCounts`] compares sets of images, and [`reconstruction_error`] and [`generation_error`] are the columns of the
//! paper's Table 4.
//!
//! The other descriptors take an [`Indicator`], which marks the pixels of one phase in two-dimensional images:
//! [`covariance`], [`lineal_path`], [`interface_density`], [`pattern_histograms`], [`clusters`], [`ends`],
//! [`effective_conductivity`] and [`likeness`]. Those of volumes take [`PhaseImages`], as [`s2`]
//! does: [`specific_surface`], [`euler_characteristic`], [`volume_clusters`], [`volume_conductivity`], and all of them together,
//! [`volume_descriptors`].
//!
//! ```
//! use davegan::descriptor::{S2Options, radial_average, s2, s2_error};
//! use davegan::micrograph::PhaseImages;
//! use ndarray::{Array4, Axis};
//!
//! // Vertical stripes, two pixels wide, and a checkerboard.
//! let stripes = PhaseImages::new(Array4::from_shape_fn((1, 1, 8, 8), |(_, _, _, x)| (x / 2 % 2) as u8), 2)?;
//! let checkerboard = PhaseImages::new(Array4::from_shape_fn((1, 1, 8, 8), |(_, _, y, x)| ((x + y) % 2) as u8), 2)?;
//!
//! for phase in 0..2 {
//!     let map = s2(&stripes, phase, &S2Options::default())?;
//!     assert_eq!(map[[0, 0, 0, 0]], 0.5); // the volume fraction
//!     assert_eq!(map[[0, 0, 0, 2]], 0.0); // two pixels along x: always the other phase
//!     assert_eq!(map[[0, 0, 5, 0]], 0.5); // along y nothing changes
//!     assert_eq!(radial_average(map.index_axis(Axis(0), 0)).mean[0], 0.5);
//! }
//! assert!(s2_error(&stripes, &checkerboard, 1, &S2Options::default())? > 0.1);
//! # Ok::<(), davegan::Error>(())
//! ```

mod batched_fft;
mod clusters;
mod components;
mod conductivity;
mod correlation_length;
mod count;
mod covariance;
mod distance;
mod ends;
mod error_measures;
mod euler;
mod half_map;
mod indicator;
mod interfaces;
mod likeness;
mod lineal_path;
mod moments;
mod pair_counts;
mod patterns;
mod radial;
mod surface;
mod transform;
mod two_point;
mod volume_clusters;
mod volume_descriptors;

#[cfg(test)]
mod direct;

pub use clusters::{Clusters, clusters};
pub use components::Neighbours;
pub use conductivity::{CONTRAST, effective_conductivity, volume_conductivity};
pub use correlation_length::correlation_length;
pub use covariance::covariance;
pub use ends::{ends, ends_radius};
pub use error_measures::{DescriptorErrors, generation_error, reconstruction_error, s2_error};
pub use euler::{EulerCharacteristic, euler_characteristic};
pub use indicator::Indicator;
pub use interfaces::{interface_density, seam_density};
pub use likeness::likeness;
pub use lineal_path::lineal_path;
pub(crate) use moments::{deviation, mean};
pub use pair_counts::PairCounts;
pub use patterns::{jensen_shannon, pattern_histograms};
pub(crate) use radial::radial_curves;
pub use radial::{RadialAverage, radial_average};
pub use surface::{SpecificSurface, specific_surface};
pub use two_point::{S2Options, s2};
pub use volume_clusters::{VolumeClusters, volume_clusters};
pub use volume_descriptors::{VolumeDescriptors, volume_descriptors};

use crate::{Error, Result, micrograph::PhaseImages};

/// Refuses a phase number that the images do not have.
pub(crate) fn check_phase(images: &PhaseImages, phase: u8) -> Result<()> {
    if usize::from(phase) < images.n_phases() {
        return Ok(());
    }
    Err(Error::invalid(format!("there is no phase {phase}: choose one of 0 to {}", images.n_phases() - 1)))
}

/// Refuses images of different size, whose S2 have different lags.
fn check_same_shape(a: [usize; 3], b: [usize; 3]) -> Result<()> {
    if a == b {
        return Ok(());
    }
    let text = |[nz, ny, nx]: [usize; 3]| format!("{nz} x {ny} x {nx}");
    Err(Error::invalid(format!(
        "images of {} and of {} voxels (z, y, x) cannot be compared; cut both to one size",
        text(a),
        text(b)
    )))
}
