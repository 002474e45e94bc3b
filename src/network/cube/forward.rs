//! Forward passes of a layer: convolution, noise, normalisation or bias, leaky ReLU.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::convolution::{Gather, Sizes, SizesLaunch, convolve};
use super::sums::{WORKGROUP, first_of_workgroup, sum_over_workgroup};
use crate::network::architecture::{LEAKY_SLOPE, NORM_EPSILON};

/// Where the weights and statistics of a layer begin in their vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Places {
    pub shift: usize,
    pub scale: usize,
    pub gain: usize,
    pub mean: usize,
    pub variance: usize,
}

/// What follows a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Following {
    pub is_noisy: bool,
    pub is_normalised: bool,
    pub is_activated: bool,
}

/// Values of a workgroup of [`raw_kernel`] for each channel: their sum, and the sum of their squared distances from the mean.
pub const MOMENTS: usize = 2;

/// Values of a thread of [`normalise_kernel`].
pub const VALUES_PER_THREAD: usize = 8;

/// Leaky ReLU. At zero the slope applies.
#[cube]
pub fn leaky(value: f32) -> f32 {
    select(value > 0.0, value, value * comptime!(LEAKY_SLOPE as f32))
}

/// Where the value of a channel lies among images of so many channels.
#[cube]
pub fn place_in_images(position: usize, channel: usize, pixels: usize, channels: usize) -> usize {
    (position / pixels * channels + channel) * pixels + position % pixels
}

/// 1 / sqrt(variance + epsilon).
#[cube]
pub fn inverse_deviation(variance: f32) -> f32 {
    1.0 / (variance + comptime!(NORM_EPSILON as f32)).sqrt()
}

/// A value of a buffer that is there.
#[cube]
pub fn value_of(buffer: &ComptimeOption<&[f32]>, at: usize) -> f32 {
    let value: ComptimeOption<f32> = buffer.as_ref().map(|buffer| buffer[at]);
    value.unwrap()
}

/// Convolution, noise, bias or normalisation with moving statistics, activation.
#[cube(launch_unchecked)]
fn layer_kernel(
    input: &[f32],
    parameters: &[f32],
    noise: ComptimeOption<&[f32]>,
    statistics: ComptimeOption<&[f32]>,
    output: &mut [f32],
    sizes: Sizes,
    places: Places,
    #[comptime] kind: Gather,
    #[comptime] following: Following,
) {
    let position = first_of_workgroup() + UNIT_POS as usize;
    if position < sizes.positions {
        let first = CUBE_POS_Y as usize * kind.channels;
        let pixels = sizes.depth * sizes.height * sizes.width;
        let mut sums = Array::<f32>::new(kind.channels);
        convolve(input, parameters, &mut sums, position, first, &sizes, kind);
        #[unroll]
        for k in 0..kind.channels {
            let channel = first + k;
            let mut value = sums[k];
            if comptime!(following.is_noisy) {
                value += value_of(&noise, position) * parameters[places.gain + channel];
            }
            let shift = parameters[places.shift + channel];
            if comptime!(following.is_normalised) {
                let mean = value_of(&statistics, places.mean + channel);
                let variance = value_of(&statistics, places.variance + channel);
                let scale = parameters[places.scale + channel] * inverse_deviation(variance);
                value = value * scale + (shift - mean * scale);
            } else {
                value += shift;
            }
            if comptime!(following.is_activated) {
                value = leaky(value);
            }
            output[place_in_images(position, channel, pixels, sizes.outputs)] = value;
        }
    }
}

/// Convolution and noise, and the [`MOMENTS`] of each workgroup, `[channels, workgroups, 2]`.
#[cube(launch_unchecked)]
fn raw_kernel(
    input: &[f32],
    parameters: &[f32],
    noise: ComptimeOption<&[f32]>,
    output: &mut [f32],
    moments: &mut [f32],
    sizes: Sizes,
    places: Places,
    workgroups: usize,
    #[comptime] kind: Gather,
    #[comptime] following: Following,
) {
    let before = first_of_workgroup();
    let position = before + UNIT_POS as usize;
    let first = CUBE_POS_Y as usize * kind.channels;
    let mut values = Array::<f32>::new(kind.channels);
    #[unroll]
    for k in 0..kind.channels {
        values[k] = 0.0;
    }
    if position < sizes.positions {
        let pixels = sizes.depth * sizes.height * sizes.width;
        convolve(input, parameters, &mut values, position, first, &sizes, kind);
        #[unroll]
        for k in 0..kind.channels {
            let channel = first + k;
            if comptime!(following.is_noisy) {
                values[k] += value_of(&noise, position) * parameters[places.gain + channel];
            }
            output[place_in_images(position, channel, pixels, sizes.outputs)] = values[k];
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(comptime!(kind.channels * WORKGROUP));
    let mut sums = Array::<f32>::new(kind.channels);
    #[unroll]
    for k in 0..kind.channels {
        sums[k] = values[k];
    }
    sum_over_workgroup(&mut sums, &mut shared, kind.channels);
    let mut squares = Array::<f32>::new(kind.channels);
    if before < sizes.positions {
        let count = f32::cast_from(select(sizes.positions - before < WORKGROUP, sizes.positions - before, WORKGROUP));
        #[unroll]
        for k in 0..kind.channels {
            let distance = values[k] - sums[k] / count;
            squares[k] = select(position < sizes.positions, distance * distance, 0.0);
        }
    }
    sum_over_workgroup(&mut squares, &mut shared, kind.channels);
    if UNIT_POS == 0 && before < sizes.positions {
        #[unroll]
        for k in 0..kind.channels {
            let at = ((first + k) * workgroups + before / WORKGROUP) * MOMENTS;
            moments[at] = sums[k];
            moments[at + 1] = squares[k];
        }
    }
}

/// From the [`MOMENTS`] of workgroups to those of the batch, then normalisation and activation of one channel. The first
/// workgroup of a channel writes mean and variance.
#[cube(launch_unchecked)]
fn normalise_kernel(
    raw: &[f32],
    moments: &[f32],
    parameters: &[f32],
    output: &mut [f32],
    statistics: &mut [f32],
    positions: usize,
    pixels: usize,
    channels: usize,
    workgroups: usize,
    places: Places,
    #[comptime] is_activated: bool,
) {
    let channel = CUBE_POS_Y as usize;
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    let count = f32::cast_from(positions);
    let of_channel = channel * workgroups * MOMENTS;

    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    for workgroup in range_stepped(UNIT_POS as usize, workgroups, WORKGROUP) {
        sum[0] += moments[of_channel + workgroup * MOMENTS];
    }
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    let mean = sum[0] / count;

    sum[0] = 0.0;
    for workgroup in range_stepped(UNIT_POS as usize, workgroups, WORKGROUP) {
        let at = of_channel + workgroup * MOMENTS;
        let left = positions - workgroup * WORKGROUP;
        let of_workgroup = f32::cast_from(select(left < WORKGROUP, left, WORKGROUP));
        let distance = moments[at] / of_workgroup - mean;
        sum[0] += moments[at + 1] + distance * distance * of_workgroup;
    }
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    let variance = sum[0] / count;

    let first = first_of_workgroup() * VALUES_PER_THREAD + UNIT_POS as usize;
    if first == 0 {
        statistics[places.mean + channel] = mean;
        statistics[places.variance + channel] = variance;
    }
    let inverse = inverse_deviation(variance);
    let scale = parameters[places.scale + channel];
    let shift = parameters[places.shift + channel];
    for i in 0..VALUES_PER_THREAD {
        let position = first + i * WORKGROUP;
        if position < positions {
            let at = place_in_images(position, channel, pixels, channels);
            let mut value = (raw[at] - mean) * inverse * scale + shift;
            if comptime!(is_activated) {
                value = leaky(value);
            }
            output[at] = value;
        }
    }
}

/// One layer's convolution with the noise that is added to it.
pub struct Convolution<'a> {
    pub input: &'a Buffer,
    pub parameters: &'a Buffer,
    pub noise: Option<&'a Buffer>,
    pub sizes: Sizes,
    pub places: Places,
    pub kind: Gather,
    pub following: Following,
}

impl Convolution<'_> {
    /// The layer's output; normalised with `statistics`, if it is.
    pub fn layer(&self, on: &Accelerator, statistics: Option<&Buffer>) -> Buffer {
        let output = on.empty(self.sizes.positions * self.sizes.outputs);
        // SAFETY: the kernel reads and writes images of these sizes, and weights within the parameters.
        unsafe {
            layer_kernel::launch_unchecked(
                &on.client,
                workgroups(self.workgroups(), self.sizes.outputs / self.kind.channels),
                CubeDim::new_1d(WORKGROUP as u32),
                self.input.arg(),
                self.parameters.arg(),
                self.noise.map(Buffer::arg).into(),
                statistics.map(Buffer::arg).into(),
                output.arg(),
                self.sizes.launch(),
                self.places.launch(),
                self.kind,
                self.following,
            );
        }
        output
    }

    /// The layer's output normalised with the statistics of the batch, which are written to `statistics`; and before it the
    /// values that are normalised.
    pub fn normalised(&self, on: &Accelerator, statistics: &Buffer) -> [Buffer; 2] {
        let Sizes { positions, outputs, depth, height, width, .. } = self.sizes;
        let [raw, output] = [(); 2].map(|()| on.empty(positions * outputs));
        let moments = on.empty(outputs * self.workgroups() * MOMENTS);
        // SAFETY: the kernels read and write images of these sizes, weights within the parameters, and two numbers a channel
        // and workgroup.
        unsafe {
            raw_kernel::launch_unchecked(
                &on.client,
                workgroups(self.workgroups(), outputs / self.kind.channels),
                CubeDim::new_1d(WORKGROUP as u32),
                self.input.arg(),
                self.parameters.arg(),
                self.noise.map(Buffer::arg).into(),
                raw.arg(),
                moments.arg(),
                self.sizes.launch(),
                self.places.launch(),
                self.workgroups(),
                self.kind,
                self.following,
            );
            normalise_kernel::launch_unchecked(
                &on.client,
                workgroups(self.workgroups().div_ceil(VALUES_PER_THREAD), outputs),
                CubeDim::new_1d(WORKGROUP as u32),
                raw.arg(),
                moments.arg(),
                self.parameters.arg(),
                output.arg(),
                statistics.arg(),
                positions,
                depth * height * width,
                outputs,
                self.workgroups(),
                self.places.launch(),
                self.following.is_activated,
            );
        }
        [raw, output]
    }

    fn workgroups(&self) -> usize {
        self.sizes.positions.div_ceil(WORKGROUP)
    }
}

impl Sizes {
    /// As the argument of a kernel.
    pub fn launch(&self) -> SizesLaunch {
        let Self { inputs, outputs, positions, depth, height, width, kernel } = *self;
        SizesLaunch::new(inputs, outputs, positions, depth, height, width, kernel)
    }
}

impl Places {
    /// As the argument of a kernel.
    pub fn launch(&self) -> PlacesLaunch {
        let Self { shift, scale, gain, mean, variance } = *self;
        PlacesLaunch::new(shift, scale, gain, mean, variance)
    }
}
