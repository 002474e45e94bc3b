//! How much memory a training needs.

use super::options::TrainingOptions;
use super::volume_step::planes_shown;
use crate::Result;
use crate::device::{Device, memory};
use crate::micrograph::Directions;
use crate::network::{channels, pass_bytes};

/// Images of a batch that a step has between its passes: streams, targets, noise, gradients.
const BETWEEN: usize = 24;

/// Refuses a training for which there is surely too little memory. On an accelerator passes take none of the host's.
///
/// # Errors
///
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) with the estimate.
pub fn require(options: &TrainingOptions, micrographs: &Directions, device: Device) -> Result<()> {
    let n_phases = micrographs.across(0).n_phases();
    let step = if matches!(device, Device::Auto | Device::Cpu) { step_bytes(options, n_phases) } else { 0 };
    let pixels: usize = micrographs.iter().map(|micrograph| micrograph.voxels() * micrograph.len()).sum();
    // Tiles, those of the model, and which pixels are of a phase.
    let bytes = step.saturating_add(pixels.saturating_mul(3));
    let what = format!("training with batch_size = {}", options.batch_size);
    memory::require(bytes, &what, "choose a smaller batch, fewer threads or a smaller micrograph")
}

/// About what a training step takes.
fn step_bytes(options: &TrainingOptions, n_phases: usize) -> usize {
    let (networks, recipe) = (options.architecture(n_phases), &options.recipe);
    let (batch, side, latent) = (options.batch(), options.side(), options.latent_side());
    let streams = if recipe.discriminator_reconstructions { 3 } else { 2 };
    let of_network = |layers: &[_], sides: [usize; 3], n: usize, streams: usize, separate: bool| {
        let (passes, n) = if separate { (streams, n) } else { (1, streams * n) };
        let [forward, backward] = pass_bytes(layers, sides, n);
        passes * forward + backward
    };
    // Images of a stream; and what the generator makes of each batch: realisations alone, or reconstructions too.
    let (images, latents, made) = match options.profile.axes() {
        2 => (batch, [1, latent, latent], 2),
        _ => (planes_shown(options), [latent; 3], 1),
    };
    let image = [1, side, side];
    networks.encoder.map_or(0, |encoder| of_network(&encoder, image, batch, 1, true))
        + of_network(&networks.generator, latents, batch, made, recipe.generator_separate_batches)
        + of_network(&networks.discriminator, image, images, streams, recipe.discriminator_separate_batches)
        + BETWEEN * images * channels(n_phases) * side * side * size_of::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Profile;

    #[test]
    fn a_step_needs_at_least_what_its_generator_does() {
        for (profile, latents) in [(Profile::Standard, [1, 4, 4]), (Profile::Volume, [4, 4, 4])] {
            let options = TrainingOptions::new(profile);
            let of_generator = pass_bytes(&options.architecture(2).generator, latents, options.batch());
            assert!(step_bytes(&options, 2) > of_generator.iter().sum(), "{profile:?}");
        }
    }
}
