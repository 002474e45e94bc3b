//! How much memory a training needs.

use super::options::TrainingOptions;
use crate::Result;
use crate::device::{Device, memory};
use crate::micrograph::PhaseImages;
use crate::network::{channels, pass_bytes};

/// Images of a batch that a step has between its passes: streams, targets, noise, gradients.
const BETWEEN: usize = 24;

/// Refuses a training for which there is surely too little memory. On an accelerator passes take none of the host's.
///
/// # Errors
///
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) with the estimate.
pub fn require(options: &TrainingOptions, micrograph: &PhaseImages, device: Device) -> Result<()> {
    let step =
        if matches!(device, Device::Auto | Device::Cpu) { step_bytes(options, micrograph.n_phases()) } else { 0 };
    let pixels = micrograph.voxels() * micrograph.len();
    // Tiles, those of the model, and which pixels are of a phase.
    let bytes = step.saturating_add(pixels.saturating_mul(3));
    let what = format!("training with batch_size = {}", options.batch_size);
    memory::require(bytes, &what, "choose a smaller batch, fewer threads or a smaller micrograph")
}

/// About what a training step takes.
fn step_bytes(options: &TrainingOptions, n_phases: usize) -> usize {
    let (networks, recipe) = (options.architecture(n_phases), &options.recipe);
    let (batch, side) = (options.batch(), options.side());
    let streams = if recipe.discriminator_reconstructions { 3 } else { 2 };
    let of_network = |layers: &[_], side: usize, streams: usize, separate: bool| {
        let (passes, n) = if separate { (streams, batch) } else { (1, streams * batch) };
        let [forward, backward] = pass_bytes(layers, [1, side, side], n);
        passes * forward + backward
    };
    networks.encoder.map_or(0, |encoder| of_network(&encoder, side, 1, true))
        + of_network(&networks.generator, options.latent_side(), 2, recipe.generator_separate_batches)
        + of_network(&networks.discriminator, side, streams, recipe.discriminator_separate_batches)
        + BETWEEN * batch * channels(n_phases) * side * side * size_of::<f32>()
}
