//! The end of training a fully convolutional model: how its realisations are relaxed.

use super::checkpoint::Checkpoint;
use crate::Result;
use crate::generation::{GenerationOptions, realisations};
use crate::micrograph::Directions;
use crate::relaxation::{ROUNDS, RelaxationOptions, Weights, meet_fractions};

/// Images that weights are found on, and their side in pixels.
const IMAGES: usize = 32;
const IMAGE_SIDE: usize = 256;

/// Volumes that weights are found on, and their side in voxels, but at most one and a half windows.
const VOLUMES: usize = 4;
const VOLUME_SIDE: usize = 96;

/// Parts of the work of [`calibrated`]: the realisations, and the rounds.
pub const PARTS: u64 = 1 + ROUNDS;

/// The weights with which relaxed realisations have the patterns of `micrographs`. Runs on the threads of the current
/// pool; `done` is called after each of [`PARTS`] parts.
///
/// # Errors
///
/// Those of [`realisations`], [`Weights::calibrate`] and `done`.
pub fn calibrated(checkpoint: &Checkpoint, micrographs: &Directions, done: &dyn Fn() -> Result<()>) -> Result<Weights> {
    let model = checkpoint.model();
    // Seeds in the C interface are below 2^63: these realisations are never generated.
    let seed = checkpoint.options.seed | 1 << 63;
    let threads = rayon::current_num_threads();
    let is_volume = model.profile.axes() == 3;
    let (count, shape) = if is_volume {
        (VOLUMES, [VOLUME_SIDE.min(3 * model.side() / 2); 3])
    } else {
        (IMAGES, [1, IMAGE_SIDE, IMAGE_SIDE])
    };
    let options = GenerationOptions { seed, count, shape: Some(shape), threads, ..Default::default() };
    let mut made = realisations(&model, &options)?;
    done()?;
    let options = RelaxationOptions { seed, ..RelaxationOptions::default() };
    if is_volume {
        // Few volumes have other volume fractions than the material, which weights would make up for in all others.
        made = meet_fractions(micrographs.clone(), made, &checkpoint.volume_fractions(), &options, &|| Ok(()))?;
    }
    Weights::calibrate(micrographs.clone(), &made, &options, done)
}
