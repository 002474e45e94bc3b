//! The kernels of the networks and of their training: one trait, three implementations.
//!
//! [`Cpu`] has fused kernels for `f32` on the CPU, `Cube` for `f32` on accelerators. [`Primitives`] uses Burn's operations and
//! works on every device and with every float type. The tests hold the others to it.

use burn_tensor::{Tensor, TensorData};

use super::chain::{Input, Network, PendingPhases};
use super::cpu::{Cpu, is_f32_on_cpu};
#[cfg(feature = "cube")]
use super::cube::{Cube, is_f32_on_accelerator};
use super::normal::NormalImages;
use super::parameters::ParameterLayout;
use super::planes::PlaneNumbers;
use super::primitives::{Primitives, losses, planes};
use super::spectral::{self, Normalised};

/// Numerical operations that have a fused implementation.
///
/// Images are `[n, channels, depth, height, width]`. A gradient has the shape of what it is taken with respect to.
pub trait Kernels: Sync {
    /// Forward pass with the statistics of the batch. Returns what backward passes need, the output, and the means and
    /// variances of the batch in the order of [`ParameterLayout::statistics`](super::ParameterLayout::statistics).
    fn forward_train(&self, network: &Network, input: Input) -> (Box<dyn Passed>, Tensor<5>, Option<Tensor<1>>);

    /// The network in the form that is fastest for [`forward`](Self::forward) and [`phases`](Self::phases).
    fn for_inference(&self, network: &Network) -> Network;

    /// Forward pass with the moving statistics: each image's output depends on that image alone.
    fn forward(&self, network: &Network, input: Input) -> Tensor<5>;

    /// Starts [`forward`](Self::forward) followed by the most probable phase of each pixel. `biases`, of one image of the
    /// output, are added to the logits of each.
    fn phases(&self, network: &Network, input: Input, biases: Option<Tensor<5>>) -> PendingPhases;

    /// One update of Adam: `parameters`, and `moments`, the first and the second.
    fn adam(&self, parameters: &mut Tensor<1>, moments: [&mut Tensor<1>; 2], gradient: Tensor<1>, step: &AdamStep);

    /// Divides all kernels by their largest singular values. `statistics` holds their left singular vectors, whose next
    /// estimates are returned too.
    fn normalise_spectrally(
        &self,
        layout: &ParameterLayout,
        parameters: &Tensor<1>,
        statistics: &Tensor<1>,
    ) -> (Box<dyn Normalised>, Tensor<1>) {
        spectral::normalise(layout, parameters, statistics)
    }

    /// Moves `old` towards `new`: `decay` is the share of the old values that stays.
    fn move_towards(&self, old: &mut Tensor<1>, new: Tensor<1>, decay: f64) {
        *old = old.clone() * decay + new * (1.0 - decay);
    }

    /// Moves each image by its displacement `(y, x)` in pixels, periodically, all layers of its depth alike.
    fn translate(&self, images: Tensor<5>, displacements: &[[i64; 2]]) -> Tensor<5>;

    /// The planes of volumes with these numbers, as in [`planes`](super::planes::planes).
    fn planes(&self, volumes: &Tensor<5>, numbers: &PlaneNumbers) -> Tensor<5> {
        planes::planes(volumes, numbers)
    }

    /// The gradient with respect to `n` volumes, from that with respect to their [`planes`](Self::planes).
    fn planes_backward(&self, gradient: Tensor<5>, numbers: &PlaneNumbers, n: usize) -> Tensor<5> {
        planes::planes_backward(gradient, numbers, n)
    }

    /// Sigmoid of the logits (one channel), or softmax over the channels.
    fn probabilities(&self, logits: Tensor<5>) -> Tensor<5>;

    /// Takes a gradient by [`probabilities`](Self::probabilities) back to the logits, and adds another one by the logits with
    /// its weight.
    fn probabilities_backward(
        &self,
        probabilities: Tensor<5>,
        gradient: Tensor<5>,
        other: Option<(Tensor<5>, f64)>,
    ) -> Tensor<5> {
        losses::probabilities_backward(probabilities, gradient, other)
    }

    /// The adversarial loss of logits, `[n, 1, 1, 1, 1]`, of several streams of as many images, and its gradient.
    fn adversarial(&self, logits: Tensor<5>, streams: &[AdversarialStream]) -> (Tensor<1>, Tensor<5>) {
        losses::adversarial(logits, streams)
    }

    /// Samples of posteriors, `[n, latents]`. `encoded`, `[n, 2 latents]`, has their means and the logarithms of their
    /// variances; `noise` is standard normal.
    fn sample_posterior(&self, encoded: Tensor<2>, noise: Tensor<2>) -> Tensor<2> {
        losses::sample_posterior(encoded, noise)
    }

    /// The Kullback-Leibler divergence (Eq. 8) between the posteriors of `encoded` and `prior`, both after T_mu and T_sigma,
    /// summed and divided by `divisor`; and its gradient with respect to `encoded`.
    fn divergence(&self, encoded: Tensor<2>, prior: Prior, divisor: f64) -> (Tensor<1>, Tensor<2>) {
        losses::divergence(encoded, prior, divisor)
    }

    /// The gradient with respect to `encoded`, from that with respect to [samples](Self::sample_posterior) and from another
    /// one with its weight.
    fn posterior_backward(
        &self,
        encoded: Tensor<2>,
        noise: Tensor<2>,
        by_samples: Tensor<2>,
        (other, weight): (Tensor<2>, f64),
    ) -> Tensor<2> {
        losses::posterior_backward(encoded, noise, by_samples, (other, weight))
    }

    /// Adds the losses of a step to their sums, `[5]`.
    fn add_losses(&self, sums: Tensor<1>, terms: LossTerms) -> Tensor<1> {
        losses::add_losses(sums, terms)
    }

    /// Images of standard normal numbers, on the device of `there`.
    fn normal(&self, images: &NormalImages, there: &Tensor<1>) -> Tensor<5> {
        let shape = images.shape();
        let mut numbers = vec![0.0; shape.iter().product()];
        images.draw(&mut numbers);
        Tensor::from_data(TensorData::new(numbers, shape), &there.device())
    }

    /// Cross entropy of `targets`, summed and divided by `divisor`, `[1]`, and its gradient with respect to the logits.
    fn cross_entropy(&self, logits: Tensor<5>, targets: Tensor<5>, divisor: f64) -> (Tensor<1>, Tensor<5>);
}

/// What a stream of images counts in an adversarial loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdversarialStream {
    /// True: it should pass as real, and the loss is -log D. False: the loss is -log(1 - D).
    pub real: bool,
    /// Weight of the mean over its images.
    pub weight: f64,
}

/// A random prior and the factors of T_mu and T_sigma; each `[n, latents]`.
#[derive(Debug, Clone)]
pub struct Prior {
    /// Mean of the prior.
    pub mean: Tensor<2>,
    /// Standard deviation of the prior.
    pub deviation: Tensor<2>,
    /// Factor of T_mu, shared by prior and posterior.
    pub mean_scale: Tensor<2>,
    /// Factor of T_sigma, shared by prior and posterior.
    pub deviation_scale: Tensor<2>,
}

/// What the losses of a step are made of; `[1]` each.
#[derive(Debug, Clone)]
pub struct LossTerms {
    /// L_Disc.
    pub discriminator: Tensor<1>,
    /// The adversarial part of L_Gen.
    pub adversarial: Tensor<1>,
    /// L_Rec.
    pub reconstruction: Tensor<1>,
    /// L_KLD.
    pub divergence: Tensor<1>,
    /// Weight of L_KLD in L_Enc.
    pub beta: f64,
    /// Weight of L_Rec in L_Gen.
    pub lambda_rec: f64,
}

/// Intermediate values of a forward pass, for backward passes over the same network.
pub trait Passed: Send + Sync {
    /// Gradient with respect to the parameters, from that with respect to the output.
    fn backward_parameters(&self, network: &Network, gradient: Tensor<5>) -> Tensor<1>;

    /// Gradient with respect to the input, from that with respect to the output.
    fn backward_input(&self, network: &Network, gradient: Tensor<5>) -> Tensor<5>;
}

/// Adam's decay of the second moment.
pub const BETA2: f64 = 0.999;

/// What Adam adds to the root of the second moment.
pub const EPSILON: f64 = 1e-7;

/// One step of Adam: p -= rate * m / (sqrt(v / correction) + [`EPSILON`]), with the moments m and v of this step.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Learning rate divided by the bias correction of the first moment.
    pub rate: f64,
    /// Bias correction of the second moment.
    pub correction: f64,
}

/// The kernels for where `tensor` is: [`Cpu`] for `f32` on the CPU, `Cube` for `f32` on an accelerator, else [`Primitives`].
pub fn kernels<const D: usize>(tensor: &Tensor<D>) -> &'static dyn Kernels {
    if only_primitives() {
        return &Primitives;
    }
    if is_f32_on_cpu(tensor) {
        return &Cpu;
    }
    #[cfg(feature = "cube")]
    if is_f32_on_accelerator(tensor) {
        return &Cube;
    }
    &Primitives
}

#[cfg(not(test))]
fn only_primitives() -> bool {
    false
}

#[cfg(test)]
fn only_primitives() -> bool {
    ONLY_PRIMITIVES.get()
}

#[cfg(test)]
thread_local! {
    static ONLY_PRIMITIVES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Calls `work` with [`Primitives`] for all tensors on this thread.
#[cfg(test)]
pub fn with_primitives<T>(work: impl FnOnce() -> T) -> T {
    ONLY_PRIMITIVES.set(true);
    let result = work();
    ONLY_PRIMITIVES.set(false);
    result
}

#[cfg(test)]
mod tests;
