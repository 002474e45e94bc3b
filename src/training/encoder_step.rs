//! The encoder's part of a step.

use burn_tensor::Tensor;

use super::adam::Update;
use super::losses;
use super::options::TrainingOptions;
use super::pass::Pass;
use super::posterior::Posterior;
use super::state::Learner;
use crate::network::{Network, Prior, Tape};

/// The forward pass from tiles to reconstructions.
pub struct Reconstructed<'a> {
    pub tiles: Tensor<5>,
    pub encoded: Tape,
    pub posterior: Posterior,
    /// Reconstructions, and realisations behind them.
    pub decoded: &'a Pass,
    /// Standard normal noise of the posterior sample.
    pub noise: Tensor<2>,
    pub prior: Prior,
}

/// Losses and gradients that the generator's update needs.
pub struct EncoderTerms {
    /// L_Rec, Eq. 3.
    pub reconstruction: Tensor<1>,
    /// KL divergence (Eq. 2, computed by Eq. 8 or 9).
    pub divergence: Tensor<1>,
    /// The gradient of L_Rec by the logits of reconstructions.
    pub gradient: Tensor<5>,
}

/// One update of the encoder by beta L_KLD + L_Rec (Eq. 1).
pub fn encoder_step(
    encoder: &mut Learner,
    generator: &Network,
    passed: &Reconstructed,
    options: &TrainingOptions,
    step: Update,
) -> EncoderTerms {
    let Reconstructed { tiles, encoded, posterior, decoded, noise, prior } = passed;
    let reconstruction =
        losses::reconstruction(decoded.output_of(0), tiles.clone(), options.recipe.reconstruction_mean);
    let divergence = losses::divergence(posterior.encoded.clone(), prior, options.recipe.divergence_mean);
    let gradient = reconstruction.gradient;
    let by_latent = decoded.backward_input(generator, gradient.clone(), 1);
    let encoder_gradient = posterior.backward(
        by_latent.reshape([tiles.dims()[0], options.latent_count()]),
        noise,
        (divergence.gradient, options.beta),
    );
    let encoder_gradient = encoder_gradient.reshape(encoded.output.dims());
    let by_parameters = encoder.network.backward_parameters(encoded, encoder_gradient);
    encoder.update(by_parameters, step);
    EncoderTerms { reconstruction: reconstruction.value, divergence: divergence.value, gradient }
}
