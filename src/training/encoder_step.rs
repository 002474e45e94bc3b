//! The encoder's part of a step.

use burn_tensor::Tensor;

use super::adam::Update;
use super::augmentation::LatentAugmentation;
use super::losses::{self, Term};
use super::options::TrainingOptions;
use super::pass::Pass;
use super::posterior::Posterior;
use super::state::Learner;
use crate::network::{Network, Tape};

/// The forward pass from tiles to reconstructions.
pub struct Reconstructed<'a> {
    pub tiles: Tensor<4>,
    pub encoded: Tape,
    pub posterior: Posterior,
    /// Reconstructions, and realisations behind them.
    pub decoded: &'a Pass,
    /// What the posterior was sampled with.
    pub noise: Tensor<2>,
    pub augmentation: LatentAugmentation,
}

/// What the step of the encoder leaves for the generator.
pub struct EncoderTerms {
    /// L_Enc, Eq. 1.
    pub loss: Tensor<1>,
    /// L_Rec, Eq. 3.
    pub reconstruction: Tensor<1>,
    /// L_KLD, Eq. 2, before any of it is free.
    pub divergence: Tensor<1>,
    /// The gradient of L_Rec by the logits of reconstructions.
    pub gradient: Tensor<4>,
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
    let batch = tiles.dims()[0];
    let reconstruction = reconstruction_loss(decoded.outputs[0].clone(), tiles, options);
    let (mean, log_variance) = (posterior.mean.clone(), posterior.log_variance.clone());
    let divergence = losses::divergence(mean, log_variance, augmentation, options.recipe.divergence_mean);
    let reported = divergence.value.clone();
    let divergence = divergence.beyond(options.recipe.free_bits);
    let gradient = reconstruction.gradient;
    let by_latent = decoded.backward_input(generator, vec![gradient.clone()]);
    let encoder_gradient = posterior.backward(
        by_latent[0].clone().reshape([batch, options.latent_size]),
        noise,
        divergence.by_mean * options.beta,
        divergence.by_log_variance * options.beta,
    );
    let by_parameters = encoder.network.backward_parameters(encoded, encoder_gradient);
    encoder.update(by_parameters, step);
    let loss = divergence.value * options.beta + reconstruction.value.clone();
    EncoderTerms { loss, reconstruction: reconstruction.value, divergence: reported, gradient }
}

/// L_Rec from targets as certain as the options ask: 0 where reconstructions are just that certain.
fn reconstruction_loss(logits: Tensor<4>, tiles: &Tensor<4>, options: &TrainingOptions) -> Term<4> {
    let (targets, unavoidable) = losses::softened(tiles, options.recipe.label_smoothing);
    let term = losses::reconstruction(logits, targets, options.recipe.reconstruction_mean);
    let unavoidable = match options.recipe.reconstruction_mean {
        true => unavoidable / options.profile.side().pow(2) as f64,
        false => unavoidable,
    };
    Term { value: term.value - unavoidable, ..term }
}
