//! Forward and backward pass of a whole network on the processor.

use std::sync::{Arc, Mutex, PoisonError};

use aligned_vec::{ABox, AVec, ConstAlign, avec};
use pulp::{Arch, WithSimd};
use rayon::prelude::*;

use super::elementwise::{Moments, export, import};
use super::grid::Grid;
use super::layer::{Backward, BackwardInput, Forward, Gradients, Layer, Next, Weights, block};
use super::link::Link;
use crate::network::architecture::{Direction, LayerSpec};
use crate::network::layer::Constants;
use crate::network::parameters::{LayerEntries, Layout};

type Values = ABox<[f32], ConstAlign<64>>;

/// The buffers of a forward or backward pass over batches of one size.
pub struct Buffers {
    n: usize,
    /// What goes into each layer, and what comes out of the last; or the gradients by that.
    pub between: Vec<Values>,
    /// What each product gave, normalised where the layer does so; or the gradients by the product.
    pub products: Vec<Values>,
    moments: Vec<Vec<Moments>>,
}

/// Passes that may run side by side, or follow each other with other batch sizes, without new buffers.
const MOST_SPARE: usize = 8;

/// Buffers that wait for the next pass, so that a training step allocates nothing.
#[derive(Clone, Default)]
pub struct Spare(Arc<Mutex<Vec<Buffers>>>);

impl std::fmt::Debug for Spare {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Spare")
    }
}

impl Spare {
    /// Buffers for `n` images, new ones if none are there.
    pub fn take(&self, n: usize, layers: &[Layer]) -> Buffers {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = spare.iter().position(|buffers| buffers.n == n).map(|index| spare.remove(index));
        drop(spare);
        found.unwrap_or_else(|| Buffers::new(n, layers))
    }

    /// Keeps buffers for the next pass; those that have waited longest make room.
    pub fn put(&self, buffers: Buffers) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() == MOST_SPARE {
            spare.remove(0);
        }
        spare.push(buffers);
    }
}

impl Buffers {
    fn new(n: usize, layers: &[Layer]) -> Self {
        let zeros = |grid: Grid| -> Values {
            let zeros: AVec<f32, ConstAlign<64>> = avec![[64]| 0.0; grid.length()];
            zeros.into_boxed_slice()
        };
        let mut between: Vec<Values> = layers.iter().map(|layer| zeros(layer.input())).collect();
        between.extend(layers.last().map(|layer| zeros(layer.outer)));
        Self {
            n,
            between,
            products: layers.iter().map(|layer| zeros(layer.output())).collect(),
            moments: layers.iter().map(|layer| vec![Moments::default(); layer.spec.outputs]).collect(),
        }
    }
}

/// What a forward pass leaves behind for backward passes.
pub struct Tape {
    layers: Vec<Layer>,
    /// Always there, until dropping hands it back.
    buffers: Option<Buffers>,
    spare: Spare,
}

impl Tape {
    fn buffers(&self) -> &Buffers {
        self.buffers.as_ref().expect("buffers are handed back when the tape is dropped, not before")
    }

    /// What the network gave, `[n, channels, height, width]`, and that shape.
    pub fn output(&self) -> (Vec<f32>, [usize; 4]) {
        let grid = self.layers[self.layers.len() - 1].outer;
        let between = &self.buffers().between;
        export_all(&grid, &between[between.len() - 1])
    }

    /// Means and variances of the batch, in the order of [`Layout::statistics`].
    pub fn statistics(&self) -> impl Iterator<Item = f32> {
        let normalised = self.layers.iter().zip(&self.buffers().moments).filter(|(layer, _)| layer.spec.normalised);
        normalised.flat_map(|(_, moments)| {
            moments.iter().map(|channel| channel.mean).chain(moments.iter().map(|channel| channel.variance))
        })
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if let Some(buffers) = self.buffers.take() {
            self.spare.put(buffers);
        }
    }
}

/// The fused kernels of one network.
#[derive(Debug, Clone)]
pub struct Kernels {
    arch: Arch,
    forward: Spare,
    backward: Spare,
}

impl Kernels {
    /// Kernels for this processor.
    pub fn new() -> Self {
        Self::on(Arch::new())
    }

    /// Kernels for the given kind of vectors.
    pub fn on(arch: Arch) -> Self {
        Self { arch, forward: Spare::default(), backward: Spare::default() }
    }

    /// The buffers of forward passes.
    pub fn forward_buffers(&self) -> &Spare {
        &self.forward
    }

    /// Forward pass with the statistics of the batch; `input` is `[n, channels, height, width]`.
    pub fn forward_train(
        &self,
        specs: &[LayerSpec],
        layout: &Layout,
        constants: &Constants,
        parameters: &[f32],
        (input, shape): (&[f32], [usize; 4]),
    ) -> Tape {
        let layers = layers(specs, shape);
        let mut buffers = self.forward.take(shape[0], &layers);
        import_all(&layers[0].input(), input, &mut buffers.between[0]);
        for (index, (layer, entries)) in layers.iter().zip(&layout.layers).enumerate() {
            let (inputs, outputs) = buffers.between.split_at_mut(index + 1);
            let (input, count) = (&inputs[index][..], layer.block());
            let values = channels_mut(&layer.output(), &mut buffers.products[index], count);
            let outputs = channels_mut(&layer.outer, &mut outputs[0], count);
            let moments = buffers.moments[index].par_chunks_mut(count);
            values.zip(outputs).zip(moments).enumerate().for_each(|(block, ((values, output), moments))| {
                let weights = weights(parameters, entries);
                let first = block * count;
                self.run(Forward { layer, constants, weights, input, first, values, moments, output });
            });
        }
        Tape { layers, buffers: Some(buffers), spare: self.forward.clone() }
    }

    /// Gradient by the parameters, in the order of [`Layout::parameters`].
    pub fn backward_parameters(
        &self,
        layout: &Layout,
        constants: &Constants,
        parameters: &[f32],
        tape: &Tape,
        gradient: &[f32],
    ) -> Vec<f32> {
        let mut by_parameters = vec![0.0; parameters.len()];
        let buffers = self.backward(layout, constants, parameters, tape, gradient, Some(&mut by_parameters));
        self.backward.put(buffers);
        by_parameters
    }

    /// Gradient by the input, `[n, channels, height, width]`, and that shape.
    pub fn backward_input(
        &self,
        layout: &Layout,
        constants: &Constants,
        parameters: &[f32],
        tape: &Tape,
        gradient: &[f32],
    ) -> (Vec<f32>, [usize; 4]) {
        let mut buffers = self.backward(layout, constants, parameters, tape, gradient, None);
        let layer = &tape.layers[0];
        let (grid, kernel) = (layer.input(), &parameters[layout.layers[0].kernel.clone()]);
        let count = block(grid.channels);
        let by_product = &buffers.products[0][..];
        channels_mut(&grid, &mut buffers.between[0], count).enumerate().for_each(|(block, by_input)| {
            self.run(BackwardInput { next: Next { layer, kernel, by_product }, first: block * count, by_input });
        });
        let by_input = export_all(&grid, &buffers.between[0]);
        self.backward.put(buffers);
        by_input
    }

    /// From the gradient by the output to those by what each product gave, and by the parameters if asked for.
    fn backward(
        &self,
        layout: &Layout,
        constants: &Constants,
        parameters: &[f32],
        tape: &Tape,
        gradient: &[f32],
        mut by_parameters: Option<&mut [f32]>,
    ) -> Buffers {
        let (layers, forward) = (&tape.layers, tape.buffers());
        let mut buffers = self.backward.take(forward.n, layers);
        import_all(&layers[layers.len() - 1].outer, gradient, &mut buffers.between[layers.len()]);
        for (index, layer) in layers.iter().enumerate().rev() {
            let (spec, entries, count) = (&layer.spec, &layout.layers[index], layer.block());
            let (products, later) = buffers.products.split_at_mut(index + 1);
            let later = later.first().map(|values| &values[..]);
            let values = channels(&layer.output(), &forward.products[index], count);
            let moments = forward.moments[index].par_chunks(count);
            let by_output = channels_mut(&layer.outer, &mut buffers.between[index + 1], count);
            let by_product = channels_mut(&layer.output(), &mut products[index], count);
            let wanted = by_parameters.is_some();
            let mut kernel = vec![0.0; if wanted { entries.kernel.len() } else { 0 }];
            let (mut shift, mut scale) = (vec![0.0; spec.outputs], vec![0.0; spec.outputs]);
            let gradients = chunks_or_none(&mut kernel, spec.outputs.div_ceil(count), wanted)
                .into_par_iter()
                .zip(shift.par_chunks_mut(count))
                .zip(scale.par_chunks_mut(count));
            let blocks = values.zip(moments).zip(by_output).zip(by_product).zip(gradients).enumerate();
            blocks.for_each(|(block, ((((values, moments), by_output), by_product), ((kernel, shift), scale)))| {
                let next = later.map(|by_product| Next {
                    layer: &layers[index + 1],
                    kernel: &parameters[layout.layers[index + 1].kernel.clone()],
                    by_product,
                });
                let input = &forward.between[index][..];
                self.run(Backward {
                    layer,
                    constants,
                    weights: weights(parameters, entries),
                    first: block * count,
                    next,
                    by_output,
                    values,
                    moments,
                    by_product,
                    gradients: kernel.map(|kernel| Gradients { input, kernel, shift, scale }),
                });
            });
            if let Some(by_parameters) = &mut by_parameters {
                match spec.direction {
                    Direction::Down => by_parameters[entries.kernel.clone()].copy_from_slice(&kernel),
                    Direction::Up => join_blocks(spec, count, &kernel, &mut by_parameters[entries.kernel.clone()]),
                }
                by_parameters[entries.shift.clone()].copy_from_slice(&shift);
                if let Some(range) = &entries.scale {
                    by_parameters[range.clone()].copy_from_slice(&scale);
                }
            }
        }
        buffers
    }

    /// Does a task with the widest vectors there are.
    pub fn run(&self, task: impl WithSimd<Output = ()>) {
        self.arch.dispatch(task);
    }
}

/// The layers with the places of their values, for an input of `[n, channels, height, width]`.
pub fn layers(specs: &[LayerSpec], [n, _, mut side, _]: [usize; 4]) -> Vec<Layer> {
    let mut links = Vec::with_capacity(specs.len());
    for spec in specs {
        let [coarse, fine, ..] = spec.kernel_shape();
        let output_side = spec.output_side(side);
        links.push(Link::new(spec.geometry, [coarse, fine], side.max(output_side), n));
        side = output_side;
    }
    let ends = |index: usize, input: bool| {
        let link: &Link = &links[index];
        if (specs[index].direction == Direction::Down) == input { link.fine } else { link.coarse }
    };
    let outer = |index: usize| if index + 1 < specs.len() { ends(index + 1, true) } else { ends(index, false) };
    specs
        .iter()
        .enumerate()
        .map(|(index, &spec)| Layer { spec, link: links[index].clone(), outer: outer(index) })
        .collect()
}

fn weights<'a>(parameters: &'a [f32], entries: &LayerEntries) -> Weights<'a> {
    Weights {
        kernel: &parameters[entries.kernel.clone()],
        shift: &parameters[entries.shift.clone()],
        scale: entries.scale.clone().map(|range| &parameters[range]),
    }
}

fn channels_mut<'a>(
    grid: &Grid,
    values: &'a mut [f32],
    count: usize,
) -> impl IndexedParallelIterator<Item = &'a mut [f32]> + use<'a> {
    let length = grid.channel_length();
    values[grid.front()..][..grid.channels * length].par_chunks_mut(count * length)
}

fn channels<'a>(
    grid: &Grid,
    values: &'a [f32],
    count: usize,
) -> impl IndexedParallelIterator<Item = &'a [f32]> + use<'a> {
    let length = grid.channel_length();
    values[grid.front()..][..grid.channels * length].par_chunks(count * length)
}

/// `values` in `count` equal parts, or as many times nothing.
fn chunks_or_none(values: &mut [f32], count: usize, wanted: bool) -> Vec<Option<&mut [f32]>> {
    if wanted {
        let length = values.len() / count;
        values.chunks_exact_mut(length).map(Some).collect()
    } else {
        (0..count).map(|_| None).collect()
    }
}

/// From blocks of `count` fine channels, `[blocks, coarse, count, 4, 4]`, to `[coarse, fine, 4, 4]`.
fn join_blocks(spec: &LayerSpec, count: usize, blocks: &[f32], to: &mut [f32]) {
    let [coarse, fine, height, width] = spec.kernel_shape();
    let (part, row) = (count * height * width, fine * height * width);
    for (block, values) in blocks.chunks_exact(coarse * part).enumerate() {
        for (values, to) in values.chunks_exact(part).zip(to.chunks_exact_mut(row)) {
            to[block * part..][..part].copy_from_slice(values);
        }
    }
}

fn import_all(grid: &Grid, images: &[f32], to: &mut [f32]) {
    channels_mut(grid, to, 1).enumerate().for_each(|(channel, to)| import(images, channel, grid, to));
}

fn export_all(grid: &Grid, from: &[f32]) -> (Vec<f32>, [usize; 4]) {
    let shape = [grid.n, grid.channels, grid.side, grid.side];
    let mut images = vec![0.0; shape.iter().product()];
    export_to(grid, &from[grid.front()..], &mut images);
    (images, shape)
}

/// From the channels of a batch to images `[n, channels, height, width]`.
pub fn export_to(grid: &Grid, channels: &[f32], images: &mut [f32]) {
    for (channel, from) in channels.chunks_exact(grid.channel_length()).take(grid.channels).enumerate() {
        export(grid, from, channel, images);
    }
}
