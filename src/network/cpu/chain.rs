//! Forward and backward pass of a whole network.

use std::sync::Arc;

use super::buffers::{BackwardBuffers, BufferPool, ForwardBuffers, InputSize, KernelWorkspace};
use super::convolution::Convolution;
use super::grid::Grid;
use super::images::{export, import};
use super::layer::{Backward, Forward, Layer, LayerParameters, Next, Pass, Task};
use super::parts::block_for;
use super::slices::CpuSlice;
use crate::device::{for_each, threads};
use crate::network::Network;
use crate::network::architecture::{LayerKind, LayerSpec};
use crate::network::chain::Input;
use crate::network::parameters::LayerEntries;

/// Intermediate values of a forward pass, for backward passes.
pub struct CpuTape {
    layers: Vec<Layer>,
    /// Whether the pass had noise.
    noisy: bool,
    /// Dropping returns them to the pool.
    buffers: ForwardBuffers,
    pool: Arc<BufferPool<ForwardBuffers>>,
}

impl CpuTape {
    /// Output of the network, `[n, channels, depth, height, width]`, and its shape.
    pub fn output(&self) -> (Vec<f32>, [usize; 5]) {
        let grid = self.layers[self.layers.len() - 1].outer;
        export_all(&grid, &self.buffers.between[self.layers.len()])
    }

    /// Means and variances of the batch, in the order of `ParameterLayout::statistics`.
    pub fn statistics(&self) -> impl Iterator<Item = f32> {
        let normalised = self.layers.iter().zip(&self.buffers.moments).filter(|(layer, _)| layer.spec.normalised);
        normalised.flat_map(|(_, moments)| {
            moments.iter().map(|channel| channel.mean).chain(moments.iter().map(|channel| channel.variance))
        })
    }
}

impl Drop for CpuTape {
    fn drop(&mut self) {
        self.pool.put(InputSize::of(&self.layers), std::mem::take(&mut self.buffers));
    }
}

/// Forward pass with the statistics of the batch.
pub fn forward_train(network: &Network, input: &Input) -> CpuTape {
    let Network { layers: specs, layout, workspace, .. } = network;
    let parameters = CpuSlice::of(&network.parameters);
    let noisy = !input.noise.is_empty();
    let layers = layers(specs, input.values.dims());
    let mut buffers = workspace.forward.take(InputSize::of(&layers), || ForwardBuffers::new(&layers));
    import_all(&layers[0].input(), CpuSlice::of(&input.values).as_slice(), &mut buffers.between[0]);
    let places = layers.iter().zip(&mut buffers.noise).filter(|(layer, _)| layer.spec.noisy);
    for ((layer, to), noise) in places.zip(&input.noise) {
        import_all(&layer.noise(), CpuSlice::of(noise).as_slice(), to);
    }
    for (index, (layer, entries)) in layers.iter().zip(&layout.layers).enumerate() {
        let weights = weights(parameters.as_slice(), entries, noisy);
        forward(layer, index, weights, block_for(layer.spec.outputs, threads()), threads(), workspace, &mut buffers);
    }
    CpuTape { layers, noisy, buffers, pool: Arc::clone(&workspace.forward) }
}

/// Gradient with respect to the parameters.
pub fn backward_parameters(network: &Network, tape: &CpuTape, gradient: &[f32]) -> Vec<f32> {
    let mut by_parameters = vec![0.0; network.layout.parameter_count()];
    let buffers = backward(network, tape, gradient, Some(&mut by_parameters));
    network.workspace.backward.put(InputSize::of(&tape.layers), buffers);
    by_parameters
}

/// Gradient with respect to the input, `[n, channels, depth, height, width]`, and its shape.
pub fn backward_input(network: &Network, tape: &CpuTape, gradient: &[f32]) -> (Vec<f32>, [usize; 5]) {
    let mut buffers = backward(network, tape, gradient, None);
    let Network { layout, workspace, .. } = network;
    let parameters = CpuSlice::of(&network.parameters);
    let layer = &tape.layers[0];
    let (grid, kernel) = (layer.input(), &parameters.as_slice()[layout.layers[0].kernel.clone()]);
    let next = Next { layer, kernel, by_product: &buffers.by_products[0] };
    match next.products(&mut buffers.by_output, threads()) {
        Some(products) => for_each(products.into_iter(), |task| workspace.run(task)),
        None => {
            let count = block_for(grid.channels, threads());
            let blocks = grid.channels_mut(&mut buffers.by_output, count).enumerate();
            for_each(blocks, |(block, by_input)| workspace.run(next.product(block * count, by_input)));
        }
    }
    let by_input = export_all(&grid, &buffers.by_output);
    workspace.backward.put(InputSize::of(&tape.layers), buffers);
    by_input
}

/// Gradients with respect to the results of the convolutions, and to the parameters if asked for.
fn backward(
    network: &Network,
    tape: &CpuTape,
    gradient: &[f32],
    mut by_parameters: Option<&mut [f32]>,
) -> BackwardBuffers {
    let Network { layout, workspace, .. } = network;
    let parameters = CpuSlice::of(&network.parameters);
    let (layers, forward, parameters) = (&tape.layers, &tape.buffers, parameters.as_slice());
    let mut buffers = workspace.backward.take(InputSize::of(&tape.layers), || BackwardBuffers::new(layers));
    import_all(&layers[layers.len() - 1].outer, gradient, &mut buffers.by_output);
    for (index, layer) in layers.iter().enumerate().rev() {
        let (by_products, behind) = buffers.by_products.split_at_mut(index + 1);
        let mut next = layers.get(index + 1).map(|layer| Next {
            layer,
            kernel: &parameters[layout.layers[index + 1].kernel.clone()],
            by_product: &behind[0],
        });
        // The gradient of the next layer's kernel does not depend on this layer.
        let (mut by_kernel, mut sums) = (Vec::new(), Vec::new());
        if let (Some(by_parameters), Some(next)) = (&mut by_parameters, next) {
            let to = &mut by_parameters[layout.layers[index + 1].kernel.clone()];
            by_kernel = next.layer.by_kernel(&forward.between[index + 1], next.by_product, to, &mut sums);
        }
        let mut count = block_for(layer.spec.outputs, threads());
        if let Some(products) = next.and_then(|next| next.products(&mut buffers.by_output, threads())) {
            let products = products.into_iter().map(Task::Product);
            let tasks: Vec<_> = products.chain(by_kernel.drain(..).map(Task::ByKernel)).collect();
            for_each(tasks.into_iter(), |task| workspace.run(task));
            (next, count) = (None, 1);
        }
        let values = layer.output().channels(&forward.products[index], count);
        let moments = forward.moments[index].chunks(count);
        let by_output = layer.outer.channels_mut(&mut buffers.by_output, count);
        let by_product = layer.output().channels_mut(&mut by_products[index], count);
        let of_channels = buffers.sums[index].chunks_mut(count);
        let blocks = values.zip(moments).zip(by_output).zip(by_product).zip(of_channels).enumerate();
        let weights = weights(parameters, &layout.layers[index], tape.noisy);
        let noise = weights.gain.is_some().then(|| &forward.noise[index][layer.noise().front()..]);
        let blocks = blocks.map(|(block, ((((values, moments), by_output), by_product), sums))| {
            let first = block * count;
            Task::Backward(Backward {
                layer,
                weights,
                first,
                next,
                by_output,
                values,
                moments,
                noise,
                by_product,
                sums,
            })
        });
        let tasks: Vec<_> = blocks.chain(by_kernel.into_iter().map(Task::ByKernel)).collect();
        for_each(tasks.into_iter(), |task| workspace.run(task));
        if let (Some(by_parameters), Some(entries)) = (&mut by_parameters, layout.layers.get(index + 1)) {
            add_parts(&sums, &mut by_parameters[entries.kernel.clone()]);
        }
    }
    if let Some(by_parameters) = by_parameters {
        let to = &mut by_parameters[layout.layers[0].kernel.clone()];
        let mut sums = Vec::new();
        let tasks = layers[0].by_kernel(&forward.between[0], &buffers.by_products[0], to, &mut sums);
        for_each(tasks.into_iter(), |task| workspace.run(task));
        add_parts(&sums, &mut by_parameters[layout.layers[0].kernel.clone()]);
        for (entries, sums) in layout.layers.iter().zip(&buffers.sums) {
            write(sums.iter().map(|sums| sums.by_shift), &mut by_parameters[entries.shift.clone()]);
            if let Some(scale) = &entries.scale {
                write(sums.iter().map(|sums| sums.by_scale), &mut by_parameters[scale.clone()]);
            }
            if let Some(gain) = &entries.gain {
                write(sums.iter().map(|sums| sums.by_gain), &mut by_parameters[gain.clone()]);
            }
        }
    }
    buffers
}

/// The layers with the placement of their values, for an input `[n, channels, depth, height, width]`.
pub fn layers(specs: &[LayerSpec], [n, _, depth, height, width]: [usize; 5]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::with_capacity(specs.len());
    let mut sides = [depth, height, width];
    for &spec in specs {
        let (is_conv, output_sides) = (spec.kind == LayerKind::Conv, spec.output_sides(sides));
        let convolution = Convolution::new(&spec, if is_conv { sides } else { output_sides }, n);
        let outer = if is_conv { convolution.coarse } else { convolution.fine };
        let layer = Layer { spec, convolution, outer };
        if let Some(before) = layers.last_mut() {
            before.outer = layer.input();
        }
        layers.push(layer);
        sides = output_sides;
    }
    layers
}

/// The forward pass of layer `index`, by tasks of `count` channels, or by finer ones if those are too few for `threads`.
pub fn forward(
    layer: &Layer,
    index: usize,
    weights: LayerParameters,
    mut count: usize,
    threads: usize,
    workspace: &KernelWorkspace,
    buffers: &mut ForwardBuffers,
) {
    let (inputs, outputs) = buffers.between.split_at_mut(index + 1);
    let mut input = Some(&inputs[index][..]);
    let results = &mut buffers.products[index];
    if let Some(products) = layer.products(Pass::Forward, weights.kernel, &inputs[index], results, threads) {
        for_each(products.into_iter(), |task| workspace.run(task));
        (input, count) = (None, 1);
    }
    let values = layer.output().channels_mut(&mut buffers.products[index], count);
    let outputs = layer.outer.channels_mut(&mut outputs[0], count);
    let moments = buffers.moments[index].chunks_mut(count);
    let noise = weights.gain.is_some().then(|| &buffers.noise[index][layer.noise().front()..]);
    let tasks = values.zip(outputs).zip(moments).enumerate().map(|(block, ((values, output), moments))| Forward {
        layer,
        weights,
        input,
        first: block * count,
        values,
        moments,
        noise,
        output,
    });
    for_each(tasks, |task| workspace.run(task));
}

/// Adds parts of sums that lie one behind the other.
fn add_parts(parts: &[f32], to: &mut [f32]) {
    for part in parts.chunks_exact(to.len()) {
        to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
    }
}

/// The weights of one layer, among all `parameters`; without gain for a pass that is not `noisy`.
pub fn weights<'a>(parameters: &'a [f32], entries: &LayerEntries, noisy: bool) -> LayerParameters<'a> {
    LayerParameters {
        kernel: &parameters[entries.kernel.clone()],
        taps: &[],
        shift: &parameters[entries.shift.clone()],
        scale: entries.scale.clone().map(|range| &parameters[range]),
        gain: entries.gain.clone().filter(|_| noisy).map(|range| &parameters[range]),
    }
}

fn write(values: impl Iterator<Item = f32>, to: &mut [f32]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to = value);
}

fn import_all(grid: &Grid, images: &[f32], to: &mut [f32]) {
    for_each(grid.channels_mut(to, 1).enumerate(), |(channel, to)| import(images, channel, grid, to));
}

fn export_all(grid: &Grid, from: &[f32]) -> (Vec<f32>, [usize; 5]) {
    let [depth, height, width] = grid.sides;
    let shape = [grid.n, grid.channels, depth, height, width];
    let mut images = vec![0.0; shape.iter().product()];
    export_to(grid, &from[grid.front()..], &mut images);
    (images, shape)
}

/// Copies the channels of a batch to images `[n, channels, depth, height, width]`.
pub fn export_to(grid: &Grid, channels: &[f32], images: &mut [f32]) {
    for (channel, from) in channels.chunks_exact(grid.channel_length()).take(grid.channels).enumerate() {
        export(grid, from, channel, images);
    }
}
