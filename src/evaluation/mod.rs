//! Fidelity: compares realisations with the micrograph that a model was trained on.
//!
//! The paper judges by E_gen alone, which white noise can pass. [`evaluate`] computes further figures and, for each,
//! what windows of the micrograph score, its *floor*. A solver may take realisations for the material if all [sixteen
//! gates](Fidelity::gates) hold.
//!
//! * `protocol`: the computation of each figure.
//! * `fidelity`: the figures and their names.
//! * `gates`: the range in which each judged figure must lie.
//! * `table`: figures and gates as text.
//! * `statistics`: mean, standard deviation and the Kolmogorov-Smirnov test.

mod fidelity;
mod gates;
#[cfg(test)]
mod oracle;
mod protocol;
mod statistics;
mod table;

pub use fidelity::{Comparison, Fidelity};
pub use gates::Gate;
pub(crate) use protocol::{PARTS, evaluate_in_parts};
pub use protocol::{evaluate, floor_windows};
pub(crate) use statistics::{deviation, mean};
