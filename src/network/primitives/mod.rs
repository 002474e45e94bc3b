//! The kernels as Burn's operations, for every device and float type.
//!
//! * `convolution`: the three operations of a layer.
//! * `layer`: one layer, forward and backward.
//! * `losses`: what lies between networks; `planes`: planes of volumes.

mod convolution;
mod layer;
pub mod losses;
pub mod planes;

use burn_tensor::activation::{sigmoid, softmax};
use burn_tensor::{Int, Tensor, TensorData};

use super::architecture::LayerSpec;
use super::chain::{Input, Network, PendingPhases};
use super::encoding::DevicePhases;
use super::kernels::{AdamStep, BETA2, EPSILON, Kernels, Passed};
use super::parameters::{LayerEntries, part};
use super::sum::sum;
use layer::{BatchStatistics, LayerTape, LayerWeights};
use losses::softplus;

/// The kernels as Burn's operations.
pub struct Primitives;

impl Kernels for Primitives {
    fn forward_train(&self, network: &Network, input: Input) -> (Box<dyn Passed>, Tensor<5>, Option<Tensor<1>>) {
        let mut tapes: Vec<LayerTape> = Vec::with_capacity(network.layers.len());
        let mut moments = Vec::new();
        let Input { mut values, noise } = input;
        let mut noise = noise.into_iter();
        for (spec, weights) in layers(network) {
            let noise = if spec.noisy { noise.next() } else { None };
            let (tape, statistics) = layer::forward_train(spec, &weights, values, noise);
            if let Some(BatchStatistics { mean, variance }) = statistics {
                moments.extend([mean, variance]);
            }
            values = tape.output.clone();
            tapes.push(tape);
        }
        let moments = (!moments.is_empty()).then(|| Tensor::cat(moments, 0));
        (Box::new(tapes), values, moments)
    }

    fn forward(&self, network: &Network, input: Input) -> Tensor<5> {
        let Input { mut values, noise } = input;
        let mut noise = noise.into_iter();
        for ((spec, weights), entries) in layers(network).zip(&network.layout.layers) {
            let moving = entries.moving.as_ref().map(|(mean, variance)| BatchStatistics {
                mean: part(&network.statistics, mean),
                variance: part(&network.statistics, variance),
            });
            let noise = if spec.noisy { noise.next() } else { None };
            values = layer::forward(spec, &weights, moving, values, noise);
        }
        values
    }

    fn for_inference(&self, network: &Network) -> Network {
        network.clone()
    }

    fn phases(&self, network: &Network, input: Input, biases: Option<Tensor<5>>) -> PendingPhases {
        let device = input.values.device();
        let logits = self.forward(network, input);
        let phases = DevicePhases::new(match biases {
            Some(biases) => logits + biases,
            None => logits,
        });
        // The device begins now, without waiting for more operations. An error shows when the phases are read.
        let _ = device.flush();
        PendingPhases(Box::new(move |to| phases.read(to)))
    }

    fn adam(&self, parameters: &mut Tensor<1>, moments: [&mut Tensor<1>; 2], gradient: Tensor<1>, step: &AdamStep) {
        let [first, second] = moments;
        *first = first.clone() * step.beta1 + gradient.clone() * (1.0 - step.beta1);
        *second = second.clone() * BETA2 + gradient.square() * (1.0 - BETA2);
        let root = (second.clone() / step.correction).sqrt() + EPSILON;
        *parameters = parameters.clone() - first.clone() / root * step.rate;
    }

    fn translate(&self, images: Tensor<5>, displacements: &[[i64; 2]]) -> Tensor<5> {
        let [n, channels, depth, height, width] = images.dims();
        let layers = channels * depth;
        let sources = Tensor::<2, Int>::from_data(sources(displacements, height, width), &images.device());
        let rows = sources.clone().narrow(1, 0, height).reshape([n, height, 1]);
        let columns = sources.narrow(1, height, width).reshape([n, 1, width]);
        let pixels = (rows + columns).reshape([n, 1, height * width]);
        images
            .reshape([n, layers, height * width])
            .gather(2, pixels.expand([n, layers, height * width]))
            .reshape([n, channels, depth, height, width])
    }

    fn probabilities(&self, logits: Tensor<5>) -> Tensor<5> {
        if logits.dims()[1] == 1 { sigmoid(logits) } else { softmax(logits, 1) }
    }

    fn cross_entropy(&self, logits: Tensor<5>, targets: Tensor<5>, divisor: f64) -> (Tensor<1>, Tensor<5>) {
        let likelihood = if logits.dims()[1] == 1 {
            softplus(logits.clone()) - logits.clone() * targets.clone()
        } else {
            let largest = logits.clone().max_dim(1);
            let shifted = logits.clone() - largest;
            shifted.clone().exp().sum_dim(1).log() - (shifted * targets.clone()).sum_dim(1)
        };
        (sum(likelihood) / divisor, (self.probabilities(logits) - targets) / divisor)
    }
}

/// Layer by layer.
impl Passed for Vec<LayerTape> {
    fn backward_parameters(&self, network: &Network, mut gradient: Tensor<5>) -> Tensor<1> {
        let mut parts = Vec::with_capacity(network.layout.parameters.len());
        for (index, ((spec, weights), tape)) in layers(network).zip(self).enumerate().rev() {
            let inner = layer::backward_inner(spec, &weights, tape, gradient.clone());
            parts.extend(inner.scale.clone());
            parts.extend(inner.gain.clone());
            parts.extend([inner.shift.clone(), layer::backward_kernel(spec, tape, &inner).flatten(0, 4)]);
            if index > 0 {
                gradient = layer::backward_input(spec, &weights, inner);
            }
        }
        parts.reverse();
        Tensor::cat(parts, 0)
    }

    fn backward_input(&self, network: &Network, mut gradient: Tensor<5>) -> Tensor<5> {
        for ((spec, weights), tape) in layers(network).zip(self).rev() {
            let inner = layer::backward_inner(spec, &weights, tape, gradient);
            gradient = layer::backward_input(spec, &weights, inner);
        }
        gradient
    }
}

/// The layers with their weights.
fn layers(network: &Network) -> impl DoubleEndedIterator<Item = (&LayerSpec, LayerWeights)> + ExactSizeIterator {
    network.layers.iter().zip(&network.layout.layers).map(|(spec, entries)| {
        let LayerEntries { kernel, shift, scale, gain, .. } = entries;
        let of = |range| part(&network.parameters, range);
        let [scale, gain] = [scale, gain].map(|range| range.as_ref().map(of));
        (spec, LayerWeights { kernel: of(kernel).reshape(spec.kernel_shape()), shift: of(shift), scale, gain })
    })
}

/// Sources of the values of each image, `[n, height + width]`: for each row the first pixel of its source row, for each
/// column its source column. Computed on the host, which is faster than kernels on a device.
fn sources(displacements: &[[i64; 2]], height: usize, width: usize) -> TensorData {
    let from = |length: usize, by: i64| (0..length as i64).map(move |to| (to - by).rem_euclid(length as i64) as i32);
    let of_image = |&[dy, dx]: &[i64; 2]| from(height, dy).map(|row| row * width as i32).chain(from(width, dx));
    let sources: Vec<i32> = displacements.iter().flat_map(of_image).collect();
    TensorData::new(sources, [displacements.len(), height + width])
}
