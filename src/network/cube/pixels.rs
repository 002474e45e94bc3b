//! Translation of images, and the phases of logits.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::forward::value_of;
use super::likelihood::Images;
use super::sums::{WORKGROUP, first_of_workgroup};
use crate::network::encoding::NO_PHASE;

/// Phases of one word of 32 bits.
const PHASES_OF_WORD: usize = 4;

/// Moves each image along height and width, periodically. `offsets` has, for each image, from how many rows and columns
/// further its values come.
#[cube(launch_unchecked)]
fn translate_kernel(
    images: &[f32],
    offsets: &[u32],
    output: &mut [f32],
    length: usize,
    layers: usize,
    height: usize,
    width: usize,
) {
    let i = first_of_workgroup() + UNIT_POS as usize;
    if i < length {
        let x = i % width;
        let y = i / width % height;
        let layer = i / (width * height);
        let image = layer / layers;
        let row = (y + offsets[2 * image] as usize) % height;
        let column = (x + offsets[2 * image + 1] as usize) % width;
        output[i] = images[(layer * height + row) * width + column];
    }
}

/// Moves each image by its displacement `(y, x)`.
pub fn translate(on: &Accelerator, images: &Buffer, shape: [usize; 5], displacements: &[[i64; 2]]) -> Buffer {
    let [_, channels, depth, height, width] = shape;
    let offset = |by: i64, side: usize| (-by).rem_euclid(side as i64) as u32;
    let offsets: Vec<u32> = displacements.iter().flat_map(|&[y, x]| [offset(y, height), offset(x, width)]).collect();
    let (offsets, output) = (on.upload(&offsets), on.empty(images.len()));
    // SAFETY: the kernel reads and writes images of this shape, with an offset for each.
    unsafe {
        translate_kernel::launch_unchecked(
            &on.client,
            workgroups(images.len().div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            images.arg(),
            offsets.arg(),
            output.arg(),
            images.len(),
            channels * depth,
            height,
            width,
        );
    }
    output
}

/// The most probable phase of each pixel, the first of equally probable ones, four of them in a word. A thread has a word.
#[cube(launch_unchecked)]
fn phases_kernel(
    logits: &[f32],
    biases: ComptimeOption<&[f32]>,
    output: &mut [u32],
    positions: usize,
    pixels: usize,
    channels: usize,
    #[comptime] is_biased: bool,
    #[comptime] is_binary: bool,
) {
    let word = first_of_workgroup() + UNIT_POS as usize;
    if word * PHASES_OF_WORD < positions {
        let mut packed = 0u32;
        for i in 0..PHASES_OF_WORD {
            let position = word * PHASES_OF_WORD + i;
            let pixel = position % pixels;
            let first = position / pixels * channels * pixels + pixel;
            let mut phase = 0u32;
            let mut largest = 0.0f32;
            for channel in 0..channels {
                let mut logit = logits[first + channel * pixels];
                if comptime!(is_biased) {
                    logit += value_of(&biases, channel * pixels + pixel);
                }
                let mut number = channel as u32;
                if comptime!(is_binary) {
                    number = 1u32.runtime();
                }
                let is_larger = logit > largest || (!is_binary && channel == 0);
                largest = select(is_larger, logit, largest);
                phase = select(is_larger && phase != NO_PHASE as u32, number, phase);
                phase = select(logit.is_nan(), NO_PHASE as u32, phase);
            }
            packed |= phase << (8 * i as u32);
        }
        output[word] = packed;
    }
}

/// The phases of all pixels, four of them in a word, with `biases` added to the logits of each image.
pub fn phases(on: &Accelerator, logits: &Buffer, biases: Option<&Buffer>, images: Images) -> Buffer {
    let output = on.empty(images.positions / PHASES_OF_WORD);
    // SAFETY: the kernel reads images of this shape, biases of one of them, and writes a word for four pixels.
    unsafe {
        phases_kernel::launch_unchecked(
            &on.client,
            workgroups(output.len().div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            logits.arg(),
            biases.map(Buffer::arg).into(),
            output.arg(),
            images.positions,
            images.pixels,
            images.channels,
            biases.is_some(),
            images.channels == 1,
        );
    }
    output
}
