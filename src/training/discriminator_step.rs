//! The discriminator's part of a step.

use burn_tensor::Tensor;

use super::adam::Update;
use super::losses;
use super::options::TrainingOptions;
use super::pass::Pass;
use super::state::Learner;
use crate::network::Network;

/// Stream of realisations; stream 0 is real images.
pub const REALISATIONS: usize = 1;
/// Stream of reconstructions, if the discriminator sees them.
pub const RECONSTRUCTIONS: usize = 2;

/// Losses and gradients that the generator's update needs.
pub struct DiscriminatorOutcome {
    /// L_Disc, Eq. 6.
    pub discriminator_loss: Tensor<1>,
    /// The adversarial part of L_Gen, Eq. 7.
    pub adversarial_loss: Tensor<1>,
    /// Its gradient by each stream of images; zero for real ones.
    pub by_streams: Vec<Tensor<5>>,
}

/// One update of the discriminator on real images, realisations and, if it sees them, reconstructions; then the
/// adversarial loss of the generator with the discriminator as it is now.
pub fn discriminator_update(
    discriminator: &mut Learner,
    streams: &[Tensor<5>],
    options: &TrainingOptions,
    step: Update,
) -> DiscriminatorOutcome {
    let separate = options.recipe.discriminator_separate_batches;
    let discriminator_loss = discriminator_step(discriminator, streams, separate, step);
    let weights = [0.0, options.lambda_noise, options.lambda_vae];
    let (adversarial_loss, by_streams) = adversarial_loss(&mut discriminator.network, streams, &weights, separate);
    DiscriminatorOutcome { discriminator_loss, adversarial_loss, by_streams }
}

/// Eq. 6: value, after one update of the discriminator.
fn discriminator_step(discriminator: &mut Learner, streams: &[Tensor<5>], separate: bool, step: Update) -> Tensor<1> {
    let pass = Pass::new(&mut discriminator.network, streams, Vec::new(), separate);
    let mut loss = Tensor::zeros([1], &streams[0].device());
    let mut gradients = Vec::with_capacity(streams.len());
    for (stream, logits) in pass.outputs.iter().enumerate() {
        let term = losses::adversarial(logits.clone(), stream == 0);
        loss = loss + term.value;
        gradients.push(term.gradient);
    }
    let gradient = pass.backward_parameters(&discriminator.network, gradients);
    discriminator.update(gradient, step);
    loss
}

/// The adversarial part of Eq. 7: value, and gradients by the streams, which count with their `weights`.
fn adversarial_loss(
    discriminator: &mut Network,
    streams: &[Tensor<5>],
    weights: &[f64],
    separate: bool,
) -> (Tensor<1>, Vec<Tensor<5>>) {
    let pass = Pass::new(discriminator, streams, Vec::new(), separate);
    let mut loss = Tensor::zeros([1], &streams[0].device());
    let mut gradients = Vec::with_capacity(streams.len());
    for (logits, &weight) in pass.outputs.iter().zip(weights) {
        let term = losses::adversarial(logits.clone(), true);
        loss = loss + term.value * weight;
        gradients.push(term.gradient * weight);
    }
    (loss, pass.backward_input(discriminator, gradients))
}
