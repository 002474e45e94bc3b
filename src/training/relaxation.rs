//! The last step of training a fully convolutional model: how its realisations are relaxed.

use rayon::ThreadPool;

use super::checkpoint::Checkpoint;
use crate::Result;
use crate::generation::{GenerationOptions, realisations};
use crate::micrograph::PhaseImages;
use crate::relaxation::{RelaxationOptions, Weights};

/// Realisations that weights are found on, and their side in windows.
const COUNT: usize = 32;
const WINDOWS: usize = 2;

/// The weights with which relaxed realisations have the patterns of `micrograph`.
///
/// # Errors
///
/// Those of [`realisations`] and [`Weights::calibrate`].
pub fn calibrated(checkpoint: &Checkpoint, micrograph: &PhaseImages, pool: &ThreadPool) -> Result<Weights> {
    let model = checkpoint.model();
    // Seeds in the C interface are below 2^63: these realisations are never generated.
    let seed = checkpoint.options.seed | 1 << 63;
    let side = WINDOWS * model.side();
    let threads = pool.current_num_threads();
    let options = GenerationOptions { seed, count: COUNT, shape: Some([1, side, side]), threads, ..Default::default() };
    let made = realisations(&model, &options)?;
    let options = RelaxationOptions { seed, ..RelaxationOptions::default() };
    pool.install(|| Weights::calibrate(micrograph, &made, &options, &|| Ok(())))
}
