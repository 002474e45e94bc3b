//! The encoder's part of a step.

use burn_tensor::Tensor;

use super::adam::Update;
use super::augmentation::LatentAugmentation;
use super::losses;
use super::options::TrainingOptions;
use super::pass::Pass;
use super::posterior::Posterior;
use super::state::Learner;
use crate::network::{Network, Tape};

/// The forward pass from tiles to reconstructions.
pub struct Reconstructed<'a> {
    pub tiles: Tensor<5>,
    pub encoded: Tape,
    pub posterior: Posterior,
    /// Reconstructions, and realisations behind them.
    pub decoded: &'a Pass,
    /// Standard normal noise of the posterior sample.
    pub noise: Tensor<2>,
    pub augmentation: LatentAugmentation,
}

/// Losses and gradients that the generator's update needs.
pub struct EncoderTerms {
    /// L_Enc, Eq. 1.
    pub loss: Tensor<1>,
    /// L_Rec, Eq. 3.
    pub reconstruction: Tensor<1>,
    /// KL divergence (Eq. 2, computed by Eq. 8 or 9) before free bits.
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
    let Reconstructed { tiles, encoded, posterior, decoded, noise, augmentation } = passed;
    let reconstruction =
        losses::reconstruction(decoded.outputs[0].clone(), tiles.clone(), options.recipe.reconstruction_mean);
    let (mean, log_variance) = (posterior.mean.clone(), posterior.log_variance.clone());
    let divergence = losses::divergence(mean, log_variance, augmentation, options.recipe.divergence_mean);
    let gradient = reconstruction.gradient;
    let by_latent = decoded.backward_input(generator, vec![gradient.clone()]);
    let encoder_gradient = posterior.backward(
        by_latent[0].clone().reshape([tiles.dims()[0], options.latent_count()]),
        noise,
        divergence.by_mean * options.beta,
        divergence.by_log_variance * options.beta,
    );
    let encoder_gradient = encoder_gradient.reshape(encoded.output.dims());
    let by_parameters = encoder.network.backward_parameters(encoded, encoder_gradient);
    encoder.update(by_parameters, step);
    let loss = divergence.value.clone() * options.beta + reconstruction.value.clone();
    EncoderTerms { loss, reconstruction: reconstruction.value, divergence: divergence.value, gradient }
}
