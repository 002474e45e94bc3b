//! The forward pass with the moving statistics: each image goes its own way, so groups of images go side by side.

use rayon::prelude::*;

use super::buffers::ForwardBuffers;
use super::chain::{Workspace, layers};
use super::elementwise::import;
use super::grid::Grid;
use super::layer::ForwardFolded;
use crate::network::architecture::LayerSpec;
use crate::network::layer::Constants;
use crate::network::parameters::ParameterLayout;

/// Images of one group: as many as one vector has numbers, so that a pixel is a vector, and few enough that a layer of
/// them stays in the second cache.
const GROUP: usize = 16;

/// A network whose normalisations are part of its kernels.
pub struct FoldedNetwork<'a> {
    specs: &'a [LayerSpec],
    layers: Vec<FoldedLayer>,
    slope: f32,
}

struct FoldedLayer {
    kernel: Vec<f32>,
    shift: Vec<f32>,
}

impl<'a> FoldedNetwork<'a> {
    /// Folds scale, shift and moving statistics of each normalisation into kernel and shift.
    pub fn new(
        specs: &'a [LayerSpec],
        layout: &ParameterLayout,
        constants: &Constants,
        parameters: &[f32],
        statistics: &[f32],
    ) -> Self {
        let mut layers = Vec::with_capacity(specs.len());
        for (spec, entries) in specs.iter().zip(&layout.layers) {
            let mut kernel = parameters[entries.kernel.clone()].to_vec();
            let mut shift = parameters[entries.shift.clone()].to_vec();
            if let (Some(scale), Some((mean, variance))) = (&entries.scale, &entries.moving) {
                let (mean, variance) = (&statistics[mean.clone()], &statistics[variance.clone()]);
                let deviations = variance.iter().map(|&v| (f64::from(v) + constants.norm_epsilon).sqrt());
                let factors = parameters[scale.clone()].iter().zip(deviations);
                let factors: Vec<f32> =
                    factors.map(|(&scale, deviation)| (f64::from(scale) / deviation) as f32).collect();
                for (shift, (mean, factor)) in shift.iter_mut().zip(mean.iter().zip(&factors)) {
                    *shift -= mean * factor;
                }
                scale_kernel(spec, &mut kernel, &factors);
            }
            layers.push(FoldedLayer { kernel, shift });
        }
        Self { specs, layers, slope: constants.leaky_slope as f32 }
    }
}

/// Multiplies the weights of each output channel by its factor.
fn scale_kernel(spec: &LayerSpec, kernel: &mut [f32], factors: &[f32]) {
    let [_, fine, height, width] = spec.kernel_shape();
    for (index, weights) in kernel.chunks_exact_mut(height * width).enumerate() {
        let [coarse, fine] = [index / fine, index % fine];
        let factor = factors[if spec.kind == crate::network::LayerKind::Conv { coarse } else { fine }];
        weights.iter_mut().for_each(|weight| *weight *= factor);
    }
}

impl Workspace {
    /// Forward pass of images `[n, channels, height, width]`. `finish` takes the values of a group of images to the part
    /// of `output` that belongs to them.
    pub fn forward<T: Send>(
        &self,
        network: &FoldedNetwork,
        (input, [n, channels, side, _]): (&[f32], [usize; 4]),
        output: &mut [T],
        finish: impl Fn(&Grid, &[f32], &mut [T]) + Sync,
    ) {
        let (from, to) = (channels * side * side, output.len() / n);
        let share = n.div_ceil(rayon::current_num_threads()).next_multiple_of(4);
        let group = share.min(GROUP);
        let groups = output.par_chunks_mut(group * to).zip(input.par_chunks(group * from));
        groups.for_each(|(output, input)| {
            let shape = [input.len() / from, channels, side, side];
            self.forward_group(network, (input, shape), |grid, values| finish(grid, values, output));
        });
    }

    fn forward_group(
        &self,
        network: &FoldedNetwork,
        (input, shape): (&[f32], [usize; 4]),
        finish: impl FnOnce(&Grid, &[f32]),
    ) {
        let layers = layers(network.specs, shape);
        let mut buffers = self.forward_buffers().take(shape[0], || ForwardBuffers::new(&layers));
        let grid = layers[0].input();
        for (channel, to) in grid.channels_mut(&mut buffers.between[0], 1).enumerate() {
            import(input, channel, &grid, to);
        }
        for (index, (layer, FoldedLayer { kernel, shift })) in layers.iter().zip(&network.layers).enumerate() {
            let (inputs, outputs) = buffers.between.split_at_mut(index + 1);
            let (input, count) = (&inputs[index][..], layer.block());
            let (grid, slope) = (layer.output(), if layer.spec.activated { network.slope } else { 1.0 });
            let values = grid.channels_mut(&mut buffers.products[index], count);
            let outputs = layer.outer.channels_mut(&mut outputs[0], count);
            for (block, ((values, output), shift)) in values.zip(outputs).zip(shift.chunks(count)).enumerate() {
                self.run(ForwardFolded { layer, kernel, input, first: block * count, shift, slope, values, output });
            }
        }
        let last = &layers[layers.len() - 1].outer;
        finish(last, &buffers.between[layers.len()][last.front()..]);
        self.forward_buffers().put(shape[0], buffers);
    }
}

/// Phases of the most probable channel of each pixel, `[n, height, width]`; one channel: phase 1 where the logit is
/// positive. Returns whether all logits are numbers.
pub fn phases(grid: &Grid, logits: &[f32], to: &mut [u8]) -> bool {
    let length = grid.channel_length();
    let logits = &logits[..grid.channels * length];
    let sound = logits.iter().fold(true, |sound, logit| sound & !logit.is_nan());
    let mut phases = vec![0u8; length];
    let (first, others) = logits.split_at(length);
    if others.is_empty() {
        phases.iter_mut().zip(first).for_each(|(phase, &logit)| *phase = u8::from(logit > 0.0));
    } else {
        let mut largest = first.to_vec();
        for (channel, logits) in (1..).zip(others.chunks_exact(length)) {
            for ((phase, largest), &logit) in phases.iter_mut().zip(&mut largest).zip(logits) {
                *phase = if logit > *largest { channel } else { *phase };
                *largest = largest.max(logit);
            }
        }
    }
    for place in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
        for (image, to) in to.chunks_exact_mut(grid.side * grid.side).enumerate() {
            let row = to[place.first_pixel..].iter_mut().step_by(2).take(place.pixels);
            for (to, phase) in row.zip(phases[place.start + image..].iter().step_by(place.step)) {
                *to = *phase;
            }
        }
    }
    sound
}
