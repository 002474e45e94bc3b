//! Generation: realisations from a model, and the latent space between them.
//!
//! * `latent`: latent vectors drawn, encoded, decoded, traversed and interpolated.
//! * `realisations`: realisations in memory and appended to files.
//! * `selection`: which of some candidates becomes a realisation.
//! * `evaluation`: E_rec and E_gen of a model.
//! * `fidelity`: what its realisations are like beside real windows of a micrograph.

#[cfg(test)]
mod devices;
mod evaluation;
mod fidelity;
mod latent;
mod realisations;
mod selection;

pub use evaluation::{Evaluation, evaluate};
pub use fidelity::fidelity;
pub use latent::{Encoded, decode, encode, interpolate, latent_vectors, reconstruct, traverse};
pub use realisations::{FileOptions, GenerationOptions, generate_into, generate_to_file, realisations};
pub use selection::Selection;
