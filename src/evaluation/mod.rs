//! What realisations are like, beside real windows of the micrograph they were learned from.
//!
//! The paper judges by E_gen alone, which white noise can pass. Here every figure stands beside what real windows of the
//! same micrograph score, its *floor*, and [sixteen gates](Fidelity::gates) say whether a solver may take a realisation
//! for the material: [`evaluate`].
//!
//! * `figures`: the figures and how each is computed.
//! * `gates`: what must hold.
//! * `table`: both for people.
//! * `statistics`: mean, deviation and the Kolmogorov-Smirnov test.

mod figures;
mod gates;
#[cfg(test)]
mod oracle;
mod statistics;
mod table;

pub use figures::{Fidelity, evaluate, floor_windows};
pub use gates::Gate;
