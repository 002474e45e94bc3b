//! What realisations are like, beside real windows of the micrograph they were learned from.
//!
//! The paper judges by E_gen alone, which white noise can pass. Here every figure stands beside what real windows of the
//! same micrograph score, its *floor*, and [sixteen gates](Fidelity::gates) say whether a solver may take a realisation
//! for the material: [`evaluate`].
//!
//! * `protocol`: how each figure is computed.
//! * `fidelity`: the figures and their names.
//! * `gates`: what must hold.
//! * `table`: both for people.
//! * `statistics`: mean, deviation and the Kolmogorov-Smirnov test.

mod fidelity;
mod gates;
#[cfg(test)]
mod oracle;
mod protocol;
mod statistics;
mod table;

pub use fidelity::{Beside, Fidelity};
pub use gates::Gate;
pub(crate) use protocol::{PARTS, evaluate_in_parts};
pub use protocol::{evaluate, floor_windows};
pub(crate) use statistics::{deviation, mean};
