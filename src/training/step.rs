//! One training step: update discriminator and encoder, then the generator against the new discriminator.

use burn_tensor::{Device, Tensor};

use super::adam::Update;
use super::augmentation::{opposite, translate};
use super::batches::TrainingData;
use super::discriminator_step::{REALISATIONS, RECONSTRUCTIONS, discriminator_update};
use super::draws::Draws;
use super::encoder_step::{EncoderTerms, Reconstructed, encoder_step};
use super::losses;
use super::options::TrainingOptions;
use super::pass::Pass;
use super::posterior::{Posterior, as_grid};
use super::state::TrainingState;
use crate::Result;
use crate::device::join;
use crate::network::{LossTerms, kernels};

impl TrainingState {
    /// One step on the next batch.
    ///
    /// # Errors
    ///
    /// Those of drawing windows of the micrograph.
    pub fn training_step(&mut self, data: &TrainingData, options: &TrainingOptions, device: &Device) -> Result<()> {
        let Some(encoder) = &mut self.encoder else { return self.volume_step(data, options, device) };
        let batch = options.batch();
        let draws = Draws::new(options, self.step, data, device)?;
        let tiles = data.tile_batch(options.seed, self.step, batch, device);
        self.step += 1;
        let step = Update { number: self.step, learning_rate_factor: options.rate_factor(self.step, data.tiles.len()) };

        let encoded = encoder.network.forward_train(tiles.clone());
        let posterior = Posterior::new(encoded.output.clone());
        let side = options.latent_side();
        let latent = [posterior.sample(&draws.posterior_noise), draws.latent_noise].map(|of| as_grid(of, side));
        let separate = options.recipe.generator_separate_batches;
        let decoded = Pass::new(&mut self.generator.network, latent.to_vec(), draws.noise, separate);
        let generated = losses::probabilities(decoded.output());

        let mut streams = streams(&generated, draws.windows.unwrap_or_else(|| tiles.clone()), options);
        for (stream, displacements) in streams.iter_mut().zip(&draws.displacements) {
            *stream = translate(stream.clone(), displacements);
        }
        let count = streams.len();
        let mut streams = Tensor::cat(streams, 0);
        if let Some(noise) = draws.discriminator_noise {
            streams = streams + noise;
        }
        let reconstructed = Reconstructed {
            tiles,
            encoded,
            posterior,
            decoded: &decoded,
            noise: draws.posterior_noise,
            prior: draws.prior,
        };
        let Self { generator, discriminators, .. } = self;
        let discriminator = &mut discriminators[0];
        // The updates of the discriminator and of the encoder are independent.
        let (outcome, encoder_terms) = join(
            device,
            || discriminator_update(discriminator, &streams, count, options, step),
            || encoder_step(encoder, &generator.network, &reconstructed, options, step),
        );

        let by_images = |stream: usize| match outcome.by_streams.get(stream) {
            Some(gradient) => translate(gradient.clone(), &opposite(&draws.displacements[stream])),
            None => outcome.by_streams[0].zeros_like(),
        };
        let EncoderTerms { reconstruction, divergence, gradient } = encoder_terms;
        let by_reconstructions = losses::probabilities_backward(
            generated.clone().narrow(0, 0, batch),
            by_images(RECONSTRUCTIONS),
            Some((gradient, options.lambda_rec)),
        );
        let by_realisations =
            losses::probabilities_backward(generated.narrow(0, batch, batch), by_images(REALISATIONS), None);
        let by_logits = Tensor::cat(vec![by_reconstructions, by_realisations], 0);
        let by_parameters = decoded.backward_parameters(&self.generator.network, by_logits);
        self.generator.update(by_parameters, step);
        self.move_average(options.recipe.ema_decay);

        let terms = LossTerms {
            discriminator: outcome.discriminator_loss,
            adversarial: outcome.adversarial_loss,
            reconstruction,
            divergence,
            beta: options.beta,
            lambda_rec: options.lambda_rec,
        };
        self.loss_sums = kernels(&self.loss_sums).add_losses(self.loss_sums.clone(), terms);
        Ok(())
    }
}

/// The images that the discriminator sees: real ones, realisations, and reconstructions if it is to see them.
fn streams(generated: &Tensor<5>, real: Tensor<5>, options: &TrainingOptions) -> Vec<Tensor<5>> {
    let batch = options.batch();
    let shown = shown(generated, options);
    let mut streams = vec![real, shown.clone().narrow(0, batch, batch)];
    if options.recipe.discriminator_reconstructions {
        streams.push(shown.narrow(0, 0, batch));
    }
    streams
}

/// What the discriminator sees of generated images: probabilities, or the most probable phases.
pub(super) fn shown(probabilities: &Tensor<5>, options: &TrainingOptions) -> Tensor<5> {
    if options.recipe.straight_through { losses::most_probable(probabilities) } else { probabilities.clone() }
}

#[cfg(test)]
mod tests;
