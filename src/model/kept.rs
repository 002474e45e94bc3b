//! What calls on a model leave to later ones: all of it follows from the model, but takes longer than a small realisation.

use std::sync::OnceLock;

use ndarray::Array2;

use crate::device::Workers;
use crate::network::Network;

/// Filled when it is first asked for.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Threads, which end with the model.
    pub workers: Workers,
    /// The generator in the form that is fastest for generation.
    pub generator: OnceLock<Network>,
    /// The same in two parts, for patches of large tori.
    pub generator_parts: OnceLock<[Network; 2]>,
    /// How volume fractions follow the latents, `(phase, latent)`.
    pub slopes: OnceLock<Array2<f64>>,
}
