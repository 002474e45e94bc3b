//! The fused kernels for `f32` on accelerators, in CubeCL: about one launch for each layer and pass.
//!
//! Images stay as Burn has them, `[n, channels, depth, height, width]`. Sums have a fixed order and no atomic additions, so
//! that results are the same bytes again.
//!
//! * `buffers`: values of tensors as buffers; `sums`: sums over a workgroup.
//! * `convolution`: convolution and transposed convolution.
//! * `forward`: what else a layer does; `through`, `backward`: its gradients; `kernel_gradient`: those by parameters.
//! * `chain`: their order; `spectral`: spectral normalisation.
//! * `optimiser`, `likelihood`, `losses`, `pixels`, `normal`: operations of training and generation.

mod backward;
mod buffers;
mod chain;
mod convolution;
mod forward;
mod kernel_gradient;
mod likelihood;
mod losses;
mod normal;
mod optimiser;
mod pixels;
mod spectral;
mod sums;
mod through;

use burn_tensor::Tensor;

pub use buffers::is_f32_on_accelerator;
use buffers::{Accelerator, Buffer};
use chain::{CubeTape, Wanted};
use likelihood::Images;

use super::chain::{Input, Network, PendingPhases};
use super::encoding::DevicePhases;
use super::kernels::{AdamStep, AdversarialStream, Kernels, LossTerms, Passed, Prior};
use super::normal::NormalImages;
use super::parameters::ParameterLayout;
use super::spectral::Normalised;

/// The fused kernels for `f32` on accelerators.
pub struct Cube;

impl Kernels for Cube {
    fn forward_train(&self, network: &Network, input: Input) -> (Box<dyn Passed>, Tensor<5>, Option<Tensor<1>>) {
        let (on, _) = Accelerator::of(&input.values);
        let tape = chain::forward_train(network, &input);
        let output = on.tensor(tape.output.clone(), network.output_shape(input.values.dims()));
        let statistics = tape.statistics.clone();
        let moments = statistics.map(|moments| on.tensor(moments, [network.layout.statistic_count()]));
        (Box::new(tape), output, moments)
    }

    fn for_inference(&self, network: &Network) -> Network {
        network.clone()
    }

    fn forward(&self, network: &Network, input: Input) -> Tensor<5> {
        let (on, _) = Accelerator::of(&input.values);
        on.tensor(chain::forward(network, &input), network.output_shape(input.values.dims()))
    }

    fn phases(&self, network: &Network, input: Input, biases: Option<Tensor<5>>) -> PendingPhases {
        let shape = network.output_shape(input.values.dims());
        let (on, logits) = (Accelerator::of(&input.values).0, chain::forward(network, &input));
        let biases = biases.as_ref().map(Buffer::of);
        let words = pixels::phases(&on, &logits, biases.as_ref(), Images::new(shape));
        let count = words.len();
        let phases = DevicePhases::packed(on.integers(words, [count]));
        // The device begins now, without waiting for more operations. An error shows when the phases are read.
        let _ = input.values.device().flush();
        PendingPhases(Box::new(move |to| phases.read(to)))
    }

    fn adam(&self, parameters: &mut Tensor<1>, moments: [&mut Tensor<1>; 2], gradient: Tensor<1>, step: &AdamStep) {
        let [first, second] = moments;
        let (on, values) = Accelerator::of(parameters);
        let shape = parameters.dims();
        let [m, v] = [&*first, &*second].map(Buffer::of);
        let new = optimiser::adam(&on, &values, [&m, &v], &Buffer::of(&gradient), step);
        [*parameters, *first, *second] = new.map(|values| on.tensor(values, shape));
    }

    fn normalise_spectrally(
        &self,
        layout: &ParameterLayout,
        parameters: &Tensor<1>,
        statistics: &Tensor<1>,
    ) -> (Box<dyn Normalised>, Tensor<1>) {
        spectral::normalise(layout, parameters, statistics)
    }

    fn move_towards(&self, old: &mut Tensor<1>, new: Tensor<1>, decay: f64) {
        let (shape, (on, values)) = (old.dims(), Accelerator::of(old));
        if shape == [0] {
            return;
        }
        *old = on.tensor(optimiser::move_towards(&on, &values, &Buffer::of(&new), decay), shape);
    }

    fn translate(&self, images: Tensor<5>, displacements: &[[i64; 2]]) -> Tensor<5> {
        let (shape, (on, values)) = (images.dims(), Accelerator::of(&images));
        on.tensor(pixels::translate(&on, &values, shape, displacements), shape)
    }

    fn probabilities(&self, logits: Tensor<5>) -> Tensor<5> {
        let (shape, (on, values)) = (logits.dims(), Accelerator::of(&logits));
        on.tensor(likelihood::probabilities(&on, &values, Images::new(shape)), shape)
    }

    fn probabilities_backward(
        &self,
        probabilities: Tensor<5>,
        gradient: Tensor<5>,
        other: Option<(Tensor<5>, f64)>,
    ) -> Tensor<5> {
        let (shape, (on, values)) = (probabilities.dims(), Accelerator::of(&probabilities));
        let other = other.map(|(other, weight)| (Buffer::of(&other), weight));
        let other = other.as_ref().map(|(other, weight)| (other, *weight));
        let gradient = Buffer::of(&gradient);
        on.tensor(losses::probabilities_backward(&on, [&values, &gradient], other, Images::new(shape)), shape)
    }

    fn adversarial(&self, logits: Tensor<5>, streams: &[AdversarialStream]) -> (Tensor<1>, Tensor<5>) {
        let (on, values) = Accelerator::of(&logits);
        let (value, gradient) = losses::adversarial(&on, &values, streams);
        (on.tensor(value, [1]), on.tensor(gradient, logits.dims()))
    }

    fn sample_posterior(&self, encoded: Tensor<2>, noise: Tensor<2>) -> Tensor<2> {
        let (shape, (on, encoded)) = (noise.dims(), Accelerator::of(&encoded));
        on.tensor(losses::sample_posterior(&on, &encoded, &Buffer::of(&noise), shape[1]), shape)
    }

    fn divergence(&self, encoded: Tensor<2>, prior: Prior, divisor: f64) -> (Tensor<1>, Tensor<2>) {
        let (shape, (on, values)) = (encoded.dims(), Accelerator::of(&encoded));
        let Prior { mean, deviation, mean_scale, deviation_scale } = prior;
        let prior = [mean, deviation, mean_scale, deviation_scale].map(|of| Buffer::of(&of));
        let (value, gradient) = losses::divergence(&on, &values, prior.each_ref(), shape[1] / 2, divisor);
        (on.tensor(value, [1]), on.tensor(gradient, shape))
    }

    fn posterior_backward(
        &self,
        encoded: Tensor<2>,
        noise: Tensor<2>,
        by_samples: Tensor<2>,
        (other, weight): (Tensor<2>, f64),
    ) -> Tensor<2> {
        let (shape, (on, values)) = (encoded.dims(), Accelerator::of(&encoded));
        let [noise, by_samples, other] = [noise, by_samples, other].map(|of| Buffer::of(&of));
        let of_samples = [&values, &noise, &by_samples];
        on.tensor(losses::posterior_backward(&on, of_samples, (&other, weight), shape[1] / 2), shape)
    }

    fn add_losses(&self, sums: Tensor<1>, terms: LossTerms) -> Tensor<1> {
        let (shape, (on, values)) = (sums.dims(), Accelerator::of(&sums));
        let LossTerms { discriminator, adversarial, reconstruction, divergence, beta, lambda_rec } = terms;
        let terms = [discriminator, adversarial, reconstruction, divergence].map(|of| Buffer::of(&of));
        on.tensor(losses::add_losses(&on, &values, terms.each_ref(), [beta, lambda_rec]), shape)
    }

    fn normal(&self, images: &NormalImages, there: &Tensor<1>) -> Tensor<5> {
        let (on, _) = Accelerator::of(there);
        on.tensor(normal::normal(&on, images), images.shape())
    }

    fn cross_entropy(&self, logits: Tensor<5>, targets: Tensor<5>, divisor: f64) -> (Tensor<1>, Tensor<5>) {
        let (shape, (on, values)) = (logits.dims(), Accelerator::of(&logits));
        let (value, gradient) =
            likelihood::cross_entropy(&on, &values, &Buffer::of(&targets), Images::new(shape), divisor);
        (on.tensor(value, [1]), on.tensor(gradient, shape))
    }
}

impl Passed for CubeTape {
    fn backward_parameters(&self, network: &Network, gradient: Tensor<5>) -> Tensor<1> {
        let (on, _) = Accelerator::of(&gradient);
        let by_parameters = chain::backward(network, self, &gradient, Wanted::ByParameters);
        on.tensor(by_parameters, network.parameters.dims())
    }

    fn backward_input(&self, network: &Network, gradient: Tensor<5>) -> Tensor<5> {
        let (on, _) = Accelerator::of(&gradient);
        on.tensor(chain::backward(network, self, &gradient, Wanted::ByInput), self.input_shape(network))
    }
}
