//! The order of the kernels in passes over a network.

use std::ops::Range;

use burn_tensor::Tensor;

use super::backward::{self, BackwardLayer};
use super::buffers::{Accelerator, Buffer};
use super::convolution::{Gather, Sizes};
use super::forward::{Convolution, Following, Places};
use super::kernel_gradient::{self, KernelGradient, Segment};
use super::sums::WORKGROUP;
use super::through::{SumPlaces, Sums};
use crate::network::architecture::{LayerKind, LayerSpec};
use crate::network::chain::{Input, Network};
use crate::network::parameters::LayerEntries;

/// Values of a forward pass that backward passes need.
pub struct CubeTape {
    layers: Vec<LayerTape>,
    /// Means and variances of the batch, in the order of [`ParameterLayout::statistics`](crate::network::ParameterLayout).
    pub statistics: Option<Buffer>,
    /// The output.
    pub output: Buffer,
}

struct LayerTape {
    /// `[n, depth, height, width]` of the input.
    input_sides: [usize; 4],
    input: Buffer,
    /// The output; with normalisation, what was normalised.
    values: Buffer,
    noise: Option<Buffer>,
}

/// A layer with the places of its weights.
#[derive(Clone, Copy)]
struct Layer<'a> {
    spec: &'a LayerSpec,
    entries: &'a LayerEntries,
}

/// What a backward pass is to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    ByParameters,
    ByInput,
}

impl CubeTape {
    /// `[n, channels, depth, height, width]` of the input.
    pub fn input_shape(&self, network: &Network) -> [usize; 5] {
        let [n, depth, height, width] = self.layers[0].input_sides;
        [n, network.layers[0].inputs, depth, height, width]
    }
}

fn layers(network: &Network) -> impl DoubleEndedIterator<Item = Layer<'_>> + ExactSizeIterator {
    network.layers.iter().zip(&network.layout.layers).map(|(spec, entries)| Layer { spec, entries })
}

impl Layer<'_> {
    fn places(self) -> Places {
        let start = |range: &Option<Range<usize>>| range.as_ref().map_or(0, |range| range.start);
        let LayerEntries { shift, scale, gain, moving, .. } = self.entries;
        let [mean, variance] = moving.as_ref().map_or([0; 2], |(mean, variance)| [mean.start, variance.start]);
        Places { shift: shift.start, scale: start(scale), gain: start(gain), mean, variance }
    }

    fn following(self, has_noise: bool) -> Following {
        let LayerSpec { normalised, activated, noisy, .. } = *self.spec;
        Following { is_noisy: noisy && has_noise, is_normalised: normalised, is_activated: activated }
    }

    /// `[n, depth, height, width]` of the output for that of the input.
    fn output_sides(self, [n, depth, height, width]: [usize; 4]) -> [usize; 4] {
        let [depth, height, width] = self.spec.output_sides([depth, height, width]);
        [n, depth, height, width]
    }

    /// Sizes of a convolution from so many channels to images of so many channels and these `[n, depth, height, width]`.
    fn sizes(self, inputs: usize, outputs: usize, sides: [usize; 4]) -> Sizes {
        let [_, depth, height, width] = sides;
        let positions = sides.iter().product();
        Sizes { inputs, outputs, positions, depth, height, width, kernel: self.entries.kernel.start }
    }
}

/// Calls `pass` with the convolution of each layer, and `[n, depth, height, width]` of its input. It returns the layer's
/// output.
fn forward_layers(network: &Network, input: &Input, mut pass: impl FnMut(Convolution, [usize; 4]) -> Buffer) -> Buffer {
    let parameters = Buffer::of(&network.parameters);
    let [n, _, depth, height, width] = input.values.dims();
    let (mut values, mut sides) = (Buffer::of(&input.values), [n, depth, height, width]);
    let mut noise = input.noise.iter();
    for layer in layers(network) {
        let noise = if layer.spec.noisy { noise.next().map(Buffer::of) } else { None };
        let output_sides = layer.output_sides(sides);
        let sizes = layer.sizes(layer.spec.inputs, layer.spec.outputs, output_sides);
        let convolution = Convolution {
            input: &values,
            parameters: &parameters,
            noise: noise.as_ref(),
            sizes,
            places: layer.places(),
            kind: Gather::forward(layer.spec, sizes.positions),
            following: layer.following(noise.is_some()),
        };
        values = pass(convolution, sides);
        sides = output_sides;
    }
    values
}

/// Forward pass with the statistics of the batch.
pub fn forward_train(network: &Network, input: &Input) -> CubeTape {
    let (on, _) = Accelerator::of(&input.values);
    let is_normalised = network.layers.iter().any(|layer| layer.normalised);
    let statistics = is_normalised.then(|| on.empty(network.layout.statistic_count()));
    let mut tapes = Vec::with_capacity(network.layers.len());
    let output = forward_layers(network, input, |convolution, input_sides| {
        let (values, output) = if convolution.following.is_normalised {
            let statistics = statistics.as_ref().expect("there is room where a layer is normalised");
            convolution.normalised(&on, statistics).into()
        } else {
            let output = convolution.layer(&on, None);
            (output.clone(), output)
        };
        let (input, noise) = (convolution.input.clone(), convolution.noise.cloned());
        tapes.push(LayerTape { input_sides, input, values, noise });
        output
    });
    CubeTape { layers: tapes, statistics, output }
}

/// Forward pass with the moving statistics.
pub fn forward(network: &Network, input: &Input) -> Buffer {
    let (on, _) = Accelerator::of(&input.values);
    let is_normalised = network.layers.iter().any(|layer| layer.normalised);
    let statistics = is_normalised.then(|| Buffer::of(&network.statistics));
    forward_layers(network, input, |convolution, _| {
        let statistics = statistics.as_ref().filter(|_| convolution.following.is_normalised);
        convolution.layer(&on, statistics)
    })
}

/// Where the parts of sums of a backward pass lie: the sums of each layer, then those of its kernel.
struct Plan {
    sums: Vec<(Sums, SumPlaces)>,
    kernels: Vec<KernelGradient>,
    length: usize,
}

impl Plan {
    fn new(network: &Network, tape: &CubeTape, wanted: Wanted) -> Self {
        let mut plan = Self { sums: Vec::new(), kernels: Vec::new(), length: 0 };
        for (layer, passed) in layers(network).zip(&tape.layers) {
            // By the gain of noise only with the parameters.
            let has_noise = passed.noise.is_some() && wanted == Wanted::ByParameters;
            let following = layer.following(has_noise);
            let are_needed = following.is_normalised || wanted == Wanted::ByParameters;
            let sums = Sums { are_needed, following };
            let positions: usize = layer.output_sides(passed.input_sides).iter().product();
            let places = SumPlaces { first: plan.length, workgroups: positions.div_ceil(WORKGROUP) };
            if are_needed {
                plan.length += layer.spec.outputs * places.workgroups * sums.count();
            }
            plan.sums.push((sums, places));
            if wanted == Wanted::ByParameters {
                let gradient = KernelGradient::new(layer.spec, passed.input_sides, plan.length);
                plan.length += gradient.len();
                plan.kernels.push(gradient);
            }
        }
        plan
    }

    /// Of all parameters, in their order.
    fn segments(&self, network: &Network) -> Vec<Segment> {
        let mut segments = Vec::new();
        for ((layer, (sums, places)), kernel) in layers(network).zip(&self.sums).zip(&self.kernels) {
            let Following { is_noisy, is_normalised, .. } = sums.following;
            let LayerEntries { kernel: place, shift, scale, gain, .. } = layer.entries;
            segments.push(kernel.segment(place.start));
            let count = sums.count();
            let mut push = |start: usize, number: usize, parts: Option<usize>| {
                let first = places.first + number;
                segments.push(Segment { start, first, count: parts, stride: count, step: places.workgroups * count });
            };
            push(shift.start, 0, (!is_normalised).then_some(places.workgroups));
            if let Some(gain) = gain {
                let parts = if is_noisy { (!is_normalised).then_some(places.workgroups) } else { Some(0) };
                push(gain.start, 1, parts);
            }
            if let Some(scale) = scale {
                push(scale.start, 0, None);
            }
        }
        segments
    }
}

/// Backward pass from the gradient by the output, to what is `wanted`.
pub fn backward(network: &Network, tape: &CubeTape, gradient: &Tensor<5>, wanted: Wanted) -> Buffer {
    let (on, gradient) = Accelerator::of(gradient);
    let parameters = Buffer::of(&network.parameters);
    let plan = Plan::new(network, tape, wanted);
    let parts = on.empty(plan.length.max(1));
    let by_parameters = on.empty(network.layout.parameter_count());
    let of_layers: Vec<(Layer, BackwardLayer)> = layers(network)
        .zip(&tape.layers)
        .zip(&plan.sums)
        .map(|((layer, passed), (sums, sum_places))| {
            let sides = layer.output_sides(passed.input_sides);
            let backward = BackwardLayer {
                values: &passed.values,
                noise: passed.noise.as_ref().filter(|_| sums.following.is_noisy),
                parameters: &parameters,
                statistics: tape.statistics.as_ref().filter(|_| layer.spec.normalised),
                sizes: layer.sizes(layer.spec.inputs, layer.spec.outputs, sides),
                places: layer.places(),
                sums: *sums,
                sum_places: *sum_places,
            };
            (layer, backward)
        })
        .collect();
    let mut gradient = match of_layers.last() {
        Some((layer, last)) if layer.spec.activated || last.sums.are_needed => {
            last.back_from_output(&on, &gradient, &parts)
        }
        _ => gradient,
    };
    for index in (0..of_layers.len()).rev() {
        let (layer, backward) = &of_layers[index];
        let passed = &tape.layers[index];
        if layer.spec.normalised {
            gradient = backward.normalisation(&on, &gradient, &parts, &by_parameters);
        }
        if let Some(kernel) = plan.kernels.get(index) {
            let (input, output) = (&passed.input, &gradient);
            let [fine, coarse] =
                if layer.spec.kind == LayerKind::ConvTranspose { [output, input] } else { [input, output] };
            kernel.launch(&on, fine, coarse, &parts);
        }
        let positions = passed.input_sides.iter().product();
        let kind = Gather::backward(layer.spec, positions);
        let kernel = layer.entries.kernel.start;
        if let Some((_, before)) = index.checked_sub(1).map(|before| &of_layers[before]) {
            gradient = before.back_from_next(&on, &gradient, &parts, kind, [kernel, layer.spec.outputs]);
        } else if wanted == Wanted::ByInput {
            let sizes = layer.sizes(layer.spec.outputs, layer.spec.inputs, passed.input_sides);
            return backward::input(&on, &gradient, &parameters, sizes, kind);
        }
    }
    kernel_gradient::add(&on, &parts, &plan.segments(network), &by_parameters);
    by_parameters
}
