//! Fidelity: compares realisations with the micrograph that a model was trained on.
//!
//! The paper judges by E_gen alone, which white noise can pass. [`evaluate`] computes further figures and, for each,
//! what windows of the micrograph score, its *floor*. A solver may take realisations for the material if all [sixteen
//! gates](Fidelity::gates) hold.
//!
//! * `protocol`: the computation of each figure.
//! * `fidelity`: the figures and their names.
//! * `gates`: the range in which each judged figure must lie; figures and gates as text.
//! * `statistics`: RMS difference and the Kolmogorov-Smirnov test.
//! * `planes`: the planes by which volumes are judged.
//! * `model_fidelity`: the figures of a model, from its realisations and reconstructions; its E_rec and E_gen.
//! * `element_statistics`: mean and deviation of properties between elements of one size.
//! * `size_study`: these at growing sizes, and the size that a wished error needs.

mod element_statistics;
mod fidelity;
mod gates;
mod model_fidelity;
#[cfg(test)]
mod oracle;
mod planes;
mod protocol;
mod size_study;
mod statistics;

pub use element_statistics::{ElementStatistics, PROPERTIES, Property, element_statistics};
pub use fidelity::{Comparison, Fidelity};
pub use gates::Gate;
pub(crate) use gates::UNVARYING;
pub use model_fidelity::{ModelErrors, model_errors, model_fidelity};
pub(crate) use model_fidelity::{judged_volumes, n_judged_volumes};
pub use planes::judged_images;
pub(crate) use planes::judged_planes;
pub(crate) use protocol::PARTS;
pub use protocol::{evaluate, floor_windows};
pub(crate) use size_study::NUMBERS;
#[cfg(test)]
pub(crate) use size_study::tests as size_study_tests;
pub use size_study::{PowerLaw, SizeOptions, SizeStudy, size_study};
