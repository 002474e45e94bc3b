//! The fused kernels for `f32` on the CPU.
//!
//! The networks are so small that general kernels spend their time on moving values. Here a layer is one task for each block
//! of its channels: convolution, statistics, normalisation and activation, or all of them backward.
//!
//! * `slices`: values of tensors as slices; `simd`: functions of SIMD vectors.
//! * `grid`: how images lie in memory; `rows`: their runs of neighbouring pixels; `images`: the way there and back.
//! * `taps`: products with stride 2, by one of the inner kernels `row_pairs` and `product`; `correlation`: a third one.
//! * `parts`: where the results of products go, in bands for several threads.
//! * `convolution`: convolution, transposed convolution and their gradient as such products.
//! * `elementwise`: what lies between products.
//! * `layer`: the tasks; `buffers`: their memory; `chain`: their order.
//! * `inference`: the same for generation; `folding`: networks without normalisations for it, with packed taps.
//! * `adam`, `likelihood`, `planes`, `translation`: operations of training.

mod adam;
mod buffers;
mod chain;
mod convolution;
mod correlation;
mod elementwise;
mod folding;
mod grid;
mod images;
mod inference;
mod layer;
mod likelihood;
mod parts;
mod planes;
mod product;
mod row_pairs;
mod rows;
mod simd;
mod slices;
mod taps;
mod translation;

use std::sync::atomic::{AtomicBool, Ordering};

use burn_tensor::Tensor;

pub use buffers::KernelWorkspace;
use buffers::{BackwardBuffers, ForwardBuffers};
use chain::CpuTape;
use inference::Sharing;
pub use inference::inference_bytes;
pub use slices::is_f32_on_cpu;

use super::architecture::LayerSpec;
use super::chain::{Input, Network, PendingPhases};
use super::encoding::not_finite;
use super::kernels::{AdamStep, Kernels, Passed};
use super::planes::PlaneNumbers;
use super::primitives::Primitives;
use slices::{CpuSlice, CpuVec, tensor};

/// About the bytes that a pass over `layers` takes for `n` images of `sides` (depth, height, width): forward and
/// backward.
pub fn pass_bytes(layers: &[LayerSpec], [depth, height, width]: [usize; 3], n: usize) -> [usize; 2] {
    let layers = chain::layers(layers, [n, 0, depth, height, width]);
    [ForwardBuffers::bytes(&layers), BackwardBuffers::bytes(&layers)]
}

/// The fused kernels for `f32` on the CPU.
pub struct Cpu;

impl Kernels for Cpu {
    fn forward_train(&self, network: &Network, input: Input) -> (Box<dyn Passed>, Tensor<5>, Option<Tensor<1>>) {
        let tape = chain::forward_train(network, &input);
        let (output, shape) = tape.output();
        let moments: Vec<f32> = tape.statistics().collect();
        let length = moments.len();
        let moments = (length > 0).then(|| tensor(moments, [length]));
        (Box::new(tape), tensor(output, shape), moments)
    }

    fn for_inference(&self, network: &Network) -> Network {
        folding::packed(network)
    }

    fn forward(&self, network: &Network, input: Input) -> Tensor<5> {
        let shape = network.output_shape(input.values.dims());
        let mut output = vec![0.0; shape.iter().product()];
        inference::forward(network, &input, Sharing::GroupsOrChannels, &mut output, |grid, values, to| {
            chain::export_to(grid, values, to)
        });
        tensor(output, shape)
    }

    fn phases(&self, network: &Network, input: Input, biases: Option<Tensor<5>>) -> PendingPhases {
        let network = network.clone();
        PendingPhases(Box::new(move |to| {
            let finite = AtomicBool::new(true);
            let biases = biases.as_ref().map(CpuSlice::of);
            inference::forward(&network, &input, Sharing::Groups, to, |grid, logits, to| {
                if let Some(biases) = &biases {
                    inference::add_to_images(grid, biases.as_slice(), logits);
                }
                if !inference::phases(grid, logits, to) {
                    finite.store(false, Ordering::Relaxed);
                }
            });
            if finite.into_inner() { Ok(()) } else { Err(not_finite("generator")) }
        }))
    }

    fn adam(&self, parameters: &mut Tensor<1>, moments: [&mut Tensor<1>; 2], gradient: Tensor<1>, step: &AdamStep) {
        let [first, second] = moments;
        let [mut values, mut m, mut v] = [&mut *parameters, &mut *first, &mut *second].map(CpuVec::take);
        let moments = [m.as_mut_slice(), v.as_mut_slice()];
        adam::adam(values.as_mut_slice(), moments, CpuSlice::of(&gradient).as_slice(), step);
        (*parameters, *first, *second) = (values.into_tensor(), m.into_tensor(), v.into_tensor());
    }

    fn translate(&self, images: Tensor<5>, displacements: &[[i64; 2]]) -> Tensor<5> {
        let shape = images.dims();
        tensor(translation::translate(CpuSlice::of(&images).as_slice(), shape, displacements), shape)
    }

    fn planes(&self, volumes: &Tensor<5>, numbers: &PlaneNumbers) -> Tensor<5> {
        let [n, channels, side, ..] = volumes.dims();
        let planes = planes::planes(CpuSlice::of(volumes).as_slice(), [n, channels, side], numbers);
        let count = planes.len() / (channels * side * side);
        tensor(planes, [count, channels, 1, side, side])
    }

    fn planes_backward(&self, gradient: Tensor<5>, numbers: &PlaneNumbers, n: usize) -> Tensor<5> {
        let [_, channels, _, side, _] = gradient.dims();
        let volumes = planes::planes_backward(CpuSlice::of(&gradient).as_slice(), [n, channels, side], numbers);
        tensor(volumes, [n, channels, side, side, side])
    }

    fn probabilities(&self, logits: Tensor<5>) -> Tensor<5> {
        if logits.dims()[1] > 1 {
            return Primitives.probabilities(logits);
        }
        tensor(likelihood::sigmoid(CpuSlice::of(&logits).as_slice()), logits.dims())
    }

    fn cross_entropy(&self, logits: Tensor<5>, targets: Tensor<5>, divisor: f64) -> (Tensor<1>, Tensor<5>) {
        if logits.dims()[1] > 1 {
            return Primitives.cross_entropy(logits, targets, divisor);
        }
        let (values, targets) = (CpuSlice::of(&logits), CpuSlice::of(&targets));
        let (value, gradient) = likelihood::cross_entropy(values.as_slice(), targets.as_slice(), divisor);
        (tensor(vec![value], [1]), tensor(gradient, logits.dims()))
    }
}

impl Passed for CpuTape {
    fn backward_parameters(&self, network: &Network, gradient: Tensor<5>) -> Tensor<1> {
        let gradient = CpuSlice::of(&gradient);
        let by_parameters = chain::backward_parameters(network, self, gradient.as_slice());
        tensor(by_parameters, network.parameters.dims())
    }

    fn backward_input(&self, network: &Network, gradient: Tensor<5>) -> Tensor<5> {
        let gradient = CpuSlice::of(&gradient);
        let (by_input, shape) = chain::backward_input(network, self, gradient.as_slice());
        tensor(by_input, shape)
    }
}
