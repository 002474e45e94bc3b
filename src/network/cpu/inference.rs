//! The forward pass with moving statistics: groups of images in parallel, because no image depends on another, or the channels
//! of one group.

use burn_tensor::Device;
use rayon::prelude::*;

use super::buffers::{ForwardBuffers, InputSize};
use super::chain::{self, layers, weights};
use super::folding::folded;
use super::grid::Grid;
use super::images::import;
use super::layer::LayerParameters;
use super::parts::block_for;
use super::slices::CpuSlice;
use crate::device::threads;
use crate::network::Network;
use crate::network::chain::Input;

/// Images of one group: the values of one pixel fill a SIMD vector, and a layer of them fits into the L2 cache.
const GROUP: usize = 16;

/// Pixels of the images of a group; large images are fewer.
const GROUP_PIXELS: usize = GROUP * 64 * 64;

/// About the bytes that [`forward`] takes for `n` images of `sides` (depth, height, width) on the threads of the current
/// pool; 0 on an accelerator.
pub fn inference_bytes(network: &Network, [depth, height, width]: [usize; 3], n: usize) -> usize {
    if network.parameters.device() != Device::flex() {
        return 0;
    }
    let at_once = n.min(group(network, [n, 0, depth, height, width]) * rayon::current_num_threads());
    ForwardBuffers::bytes(&layers(&network.layers, [at_once, 0, depth, height, width]))
}

/// Images of each group, for an input of `shape`.
fn group(network: &Network, shape: [usize; 5]) -> usize {
    let [n, _, sides @ ..] = network.output_shape(shape);
    let share = n.div_ceil(rayon::current_num_threads()).next_multiple_of(4);
    share.min((GROUP_PIXELS / sides.iter().product::<usize>()).clamp(1, GROUP))
}

/// What the threads of the current pool share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Groups of images.
    Groups,
    /// Groups of images or, if there is one group alone, the channels of each layer.
    GroupsOrChannels,
}

/// Forward pass of images `[n, channels, depth, height, width]`. `finish` takes the values of a group of images to the part of
/// `output` that belongs to them.
pub fn forward<T: Send>(
    network: &Network,
    input: &Input,
    sharing: Sharing,
    output: &mut [T],
    finish: impl Fn(&Grid, &mut [f32], &mut [T]) + Sync,
) {
    let folded = network.layers.iter().any(|layer| layer.normalised).then(|| folded(network));
    let (network, [n, channels, sides @ ..]) = (folded.as_ref().unwrap_or(network), input.values.dims());
    let (values, noise) = (CpuSlice::of(&input.values), input.noise.iter().map(CpuSlice::of).collect::<Vec<_>>());
    let (from, to) = (channels * sides.iter().product::<usize>(), output.len() / n);
    let group = group(network, input.values.dims());
    let by_channels = sharing == Sharing::GroupsOrChannels && n <= group;
    let threads = if by_channels { threads() } else { 1 };
    let groups = output.par_chunks_mut(group * to).zip(values.as_slice().par_chunks(group * from));
    groups.enumerate().for_each(|(index, (output, input))| {
        let [depth, height, width] = sides;
        let shape = [input.len() / from, channels, depth, height, width];
        let of_group = noise.iter().map(|noise| {
            let of_each = noise.as_slice().len() / n;
            &noise.as_slice()[index * group * of_each..][..shape[0] * of_each]
        });
        let noise: Vec<&[f32]> = of_group.collect();
        forward_group(network, input, &noise, shape, threads, |grid, values| finish(grid, values, output));
    });
}

/// Forward pass of one group, on so many threads.
fn forward_group(
    network: &Network,
    input: &[f32],
    noise: &[&[f32]],
    shape: [usize; 5],
    threads: usize,
    finish: impl FnOnce(&Grid, &mut [f32]),
) {
    let Network { layout, workspace, .. } = network;
    let (layers, parameters) = (layers(&network.layers, shape), CpuSlice::of(&network.parameters));
    let grid = layers[0].input();
    let mut buffers = workspace.forward.take(InputSize::of(&layers), || ForwardBuffers::new(&layers));
    for (channel, to) in grid.channels_mut(&mut buffers.between[0], 1).enumerate() {
        import(input, channel, &grid, to);
    }
    let places = layers.iter().zip(&mut buffers.noise).filter(|(layer, _)| layer.spec.noisy);
    for ((layer, to), noise) in places.zip(noise) {
        let grid = layer.noise();
        import(noise, 0, &grid, &mut to[grid.front()..][..grid.channel_length()]);
    }
    for (index, (layer, entries)) in layers.iter().zip(&layout.layers).enumerate() {
        let taps = workspace.taps.get(index).map_or(&[][..], Vec::as_slice);
        let weights = LayerParameters { taps, ..weights(parameters.as_slice(), entries, !noise.is_empty()) };
        // Few tasks, as each goes over the whole input.
        let count = layer.spec.outputs.div_ceil(threads).next_multiple_of(block_for(layer.spec.outputs, threads));
        chain::forward(layer, index, weights, count, threads, workspace, &mut buffers);
    }
    let last = &layers[layers.len() - 1].outer;
    finish(last, &mut buffers.between[layers.len()][last.front()..]);
    workspace.forward.put(InputSize::of(&layers), buffers);
}

/// Adds `image`, `[channels, depth, height, width]`, to each of the images of a group.
pub fn add_to_images(grid: &Grid, image: &[f32], values: &mut [f32]) {
    for (channel, image) in values.chunks_mut(grid.channel_length()).zip(image.chunks_exact(grid.pixels())) {
        for place in grid.half_rows().map(|index| grid.half_row(index)) {
            let row = image[place.first_pixel..].iter().step_by(2).take(place.pixels);
            for (added, values) in row.zip(channel[place.start..].chunks_mut(place.step)) {
                values[..grid.n].iter_mut().for_each(|value| *value += added);
            }
        }
    }
}

/// The most probable phase of each pixel, `[n, depth, height, width]`; with one channel, phase 1 where the logit is positive.
/// Returns false if a logit is NaN.
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
    for place in grid.half_rows().map(|index| grid.half_row(index)) {
        for (image, to) in to.chunks_exact_mut(grid.pixels()).enumerate() {
            let row = to[place.first_pixel..].iter_mut().step_by(2).take(place.pixels);
            for (to, phase) in row.zip(phases[place.start + image..].iter().step_by(place.step)) {
                *to = *phase;
            }
        }
    }
    sound
}
