//! The discriminator's part of a step.

use burn_tensor::Tensor;

use super::adam::Update;
use super::losses;
use super::options::TrainingOptions;
use super::pass::Pass;
use super::state::Learner;
use crate::network::{AdversarialStream, Network};

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

/// One update of the discriminator on `count` streams, one behind the other: real images, realisations and, if it sees them,
/// reconstructions; then the adversarial loss of the generator with the discriminator as it is now.
pub fn discriminator_update(
    discriminator: &mut Learner,
    streams: &Tensor<5>,
    count: usize,
    options: &TrainingOptions,
    step: Update,
) -> DiscriminatorOutcome {
    let separate = options.recipe.discriminator_separate_batches;
    let discriminator_loss = discriminator_step(discriminator, streams, count, separate, step);
    let weights = &[0.0, options.lambda_noise, options.lambda_vae][..count];
    let (adversarial_loss, by_streams) = adversarial_loss(&mut discriminator.network, streams, weights, separate);
    DiscriminatorOutcome { discriminator_loss, adversarial_loss, by_streams }
}

/// Eq. 6: value, after one update of the discriminator.
fn discriminator_step(
    discriminator: &mut Learner,
    streams: &Tensor<5>,
    count: usize,
    separate: bool,
    step: Update,
) -> Tensor<1> {
    let pass = Pass::of_joint(&mut discriminator.network, streams.clone(), count, separate);
    let judged: Vec<_> = (0..count).map(|stream| AdversarialStream { real: stream == 0, weight: 1.0 }).collect();
    let loss = losses::adversarial(pass.output(), &judged);
    let gradient = pass.backward_parameters(&discriminator.network, loss.gradient);
    discriminator.update(gradient, step);
    loss.value
}

/// The adversarial part of Eq. 7: value, and gradients by the streams, which count with their `weights`.
fn adversarial_loss(
    discriminator: &mut Network,
    streams: &Tensor<5>,
    weights: &[f64],
    separate: bool,
) -> (Tensor<1>, Vec<Tensor<5>>) {
    let pass = Pass::of_joint(discriminator, streams.clone(), weights.len(), separate);
    let judged: Vec<_> = weights.iter().map(|&weight| AdversarialStream { real: true, weight }).collect();
    let loss = losses::adversarial(pass.output(), &judged);
    let by_streams = pass.backward_input(discriminator, loss.gradient, weights.len());
    (loss.value, by_streams.split(streams.dims()[0] / weights.len(), 0))
}
