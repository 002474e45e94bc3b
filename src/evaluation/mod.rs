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
//! * `statistics`: root mean square difference and the Kolmogorov-Smirnov test.
//! * `model_fidelity`: the figures of a model, whose realisations and reconstructions it makes.
//! * `model_errors`: E_rec and E_gen of a model.
//! * `edges`: what the edges of windows cost a conductivity.

mod edges;
mod fidelity;
mod gates;
mod model_errors;
mod model_fidelity;
#[cfg(test)]
mod oracle;
mod protocol;
mod statistics;
mod table;

pub(crate) use edges::side_with_edges_alike;
pub use edges::{conductivity_of_wider_windows, conductivity_with_edges_alike};
pub use fidelity::{Beside, Fidelity};
pub use gates::Gate;
pub use model_errors::{ModelErrors, model_errors};
pub use model_fidelity::model_fidelity;
pub(crate) use protocol::{PARTS, evaluate_in_parts};
pub use protocol::{evaluate, floor_windows};
