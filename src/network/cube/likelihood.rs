//! Probabilities and cross entropy.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::sums::{WORKGROUP, first_of_workgroup, sum_over_workgroup};

/// Most workgroups of [`cross_entropy_kernel`].
const MOST_WORKGROUPS: usize = 256;

/// Pixels for which there is one more workgroup.
const PIXELS_OF_WORKGROUP: usize = 4 * WORKGROUP;

/// Images of one shape.
#[derive(Debug, Clone, Copy)]
pub struct Images {
    /// Pixels of one channel, of all images together.
    pub positions: usize,
    /// Pixels of one channel of an image.
    pub pixels: usize,
    pub channels: usize,
}

impl Images {
    /// Those of a tensor of this shape.
    pub fn new([n, channels, depth, height, width]: [usize; 5]) -> Self {
        let pixels = depth * height * width;
        Self { positions: n * pixels, pixels, channels }
    }
}

/// 1 / (1 + exp(-logit)).
#[cube]
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Sigmoid of one channel, or softmax over several. A thread has a pixel.
#[cube(launch_unchecked)]
fn probabilities_kernel(
    logits: &[f32],
    output: &mut [f32],
    positions: usize,
    pixels: usize,
    channels: usize,
    #[comptime] is_binary: bool,
) {
    let position = first_of_workgroup() + UNIT_POS as usize;
    if position < positions {
        if comptime!(is_binary) {
            output[position] = sigmoid(logits[position]);
        } else {
            let first = position / pixels * channels * pixels + position % pixels;
            let largest = largest_logit(logits, first, pixels, channels);
            let mut sum = 0.0f32;
            for channel in 0..channels {
                sum += (logits[first + channel * pixels] - largest).exp();
            }
            for channel in 0..channels {
                let at = first + channel * pixels;
                output[at] = (logits[at] - largest).exp() / sum;
            }
        }
    }
}

#[cube]
fn largest_logit(logits: &[f32], first: usize, pixels: usize, channels: usize) -> f32 {
    let mut largest = logits[first];
    for channel in 1..channels {
        let logit = logits[first + channel * pixels];
        largest = select(logit > largest, logit, largest);
    }
    largest
}

/// The gradient of the cross entropy, and its sum over each workgroup.
#[cube(launch_unchecked)]
fn cross_entropy_kernel(
    logits: &[f32],
    targets: &[f32],
    gradient: &mut [f32],
    sums: &mut [f32],
    positions: usize,
    pixels: usize,
    channels: usize,
    divisor: f32,
    #[comptime] is_binary: bool,
) {
    let mut likelihood = Array::<f32>::new(1usize);
    likelihood[0] = 0.0;
    let threads = CUBE_COUNT_X as usize * WORKGROUP;
    for position in range_stepped(CUBE_POS_X as usize * WORKGROUP + UNIT_POS as usize, positions, threads) {
        if comptime!(is_binary) {
            let logit = logits[position];
            let target = targets[position];
            likelihood[0] += softplus(logit) - logit * target;
            gradient[position] = (sigmoid(logit) - target) / divisor;
        } else {
            let first = position / pixels * channels * pixels + position % pixels;
            let largest = largest_logit(logits, first, pixels, channels);
            let mut sum = 0.0f32;
            let mut of_targets = 0.0f32;
            for channel in 0..channels {
                let at = first + channel * pixels;
                let shifted = logits[at] - largest;
                sum += shifted.exp();
                of_targets += shifted * targets[at];
            }
            likelihood[0] += sum.ln() - of_targets;
            for channel in 0..channels {
                let at = first + channel * pixels;
                gradient[at] = ((logits[at] - largest).exp() / sum - targets[at]) / divisor;
            }
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut likelihood, &mut shared, 1usize);
    if UNIT_POS == 0 {
        sums[CUBE_POS_X as usize] = likelihood[0];
    }
}

/// log(1 + exp(x)) without overflow.
#[cube]
pub fn softplus(x: f32) -> f32 {
    (-x.abs()).exp().log1p() + select(x > 0.0, x, 0.0)
}

/// The sum of all values, divided by `divisor`. One workgroup.
#[cube(launch_unchecked)]
fn sum_kernel(values: &[f32], output: &mut [f32], length: usize, divisor: f32) {
    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    for i in range_stepped(UNIT_POS as usize, length, WORKGROUP) {
        sum[0] += values[i];
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    if UNIT_POS == 0 {
        output[0] = sum[0] / divisor;
    }
}

/// Sigmoid of the logits (one channel), or softmax over the channels.
pub fn probabilities(on: &Accelerator, logits: &Buffer, images: Images) -> Buffer {
    let output = on.empty(logits.len());
    // SAFETY: the kernel reads and writes images of this shape.
    unsafe {
        probabilities_kernel::launch_unchecked(
            &on.client,
            workgroups(images.positions.div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            logits.arg(),
            output.arg(),
            images.positions,
            images.pixels,
            images.channels,
            images.channels == 1,
        );
    }
    output
}

/// Cross entropy, summed and divided by `divisor`, and its gradient with respect to the logits.
pub fn cross_entropy(
    on: &Accelerator,
    logits: &Buffer,
    targets: &Buffer,
    images: Images,
    divisor: f64,
) -> (Buffer, Buffer) {
    let count = images.positions.div_ceil(PIXELS_OF_WORKGROUP).min(MOST_WORKGROUPS);
    let (gradient, sums, value) = (on.empty(logits.len()), on.empty(count), on.empty(1));
    // SAFETY: the kernels read and write images of this shape, and one sum a workgroup.
    unsafe {
        cross_entropy_kernel::launch_unchecked(
            &on.client,
            workgroups(count, 1),
            CubeDim::new_1d(WORKGROUP as u32),
            logits.arg(),
            targets.arg(),
            gradient.arg(),
            sums.arg(),
            images.positions,
            images.pixels,
            images.channels,
            divisor as f32,
            images.channels == 1,
        );
        sum_kernel::launch_unchecked(
            &on.client,
            workgroups(1, 1),
            CubeDim::new_1d(WORKGROUP as u32),
            sums.arg(),
            value.arg(),
            count,
            divisor as f32,
        );
    }
    (value, gradient)
}
