//! Gradients with respect to inputs, and through normalisation.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::convolution::{Gather, Sizes, convolve};
use super::forward::{Places, VALUES_PER_THREAD, inverse_deviation, place_in_images};
use super::sums::{WORKGROUP, first_of_workgroup, sum_over_workgroup};
use super::through::{SumPlaces, Sums, through};

/// [`through`] the last layer, whose gradient is given.
#[cube(launch_unchecked)]
fn last_layer_kernel(
    gradient: &[f32],
    parameters: &[f32],
    values: &[f32],
    noise: ComptimeOption<&[f32]>,
    statistics: ComptimeOption<&[f32]>,
    output: &mut [f32],
    sums: &mut [f32],
    sizes: Sizes,
    places: Places,
    sum_places: SumPlaces,
    #[comptime] kind: Sums,
) {
    let position = first_of_workgroup() + UNIT_POS as usize;
    let channel = CUBE_POS_Y as usize;
    let mut gradients = Array::<f32>::new(1usize);
    gradients[0] = 0.0;
    if position < sizes.positions {
        let pixels = sizes.depth * sizes.height * sizes.width;
        gradients[0] = gradient[place_in_images(position, channel, pixels, sizes.outputs)];
    }
    through(
        &mut gradients,
        channel,
        parameters,
        values,
        &noise,
        &statistics,
        output,
        sums,
        &sizes,
        &places,
        &sum_places,
        1usize,
        kind,
    );
}

/// The gradient by the input of a layer, and [`through`] the layer before it.
#[cube(launch_unchecked)]
fn layer_before_kernel(
    gradient: &[f32],
    parameters: &[f32],
    values: &[f32],
    noise: ComptimeOption<&[f32]>,
    statistics: ComptimeOption<&[f32]>,
    output: &mut [f32],
    sums: &mut [f32],
    sizes: Sizes,
    places: Places,
    sum_places: SumPlaces,
    #[comptime] convolution: Gather,
    #[comptime] kind: Sums,
) {
    let position = first_of_workgroup() + UNIT_POS as usize;
    let first = CUBE_POS_Y as usize * convolution.channels;
    let mut gradients = Array::<f32>::new(convolution.channels);
    #[unroll]
    for k in 0..convolution.channels {
        gradients[k] = 0.0;
    }
    if position < sizes.positions {
        convolve(gradient, parameters, &mut gradients, position, first, &sizes, convolution);
    }
    through(
        &mut gradients,
        first,
        parameters,
        values,
        &noise,
        &statistics,
        output,
        sums,
        &sizes,
        &places,
        &sum_places,
        convolution.channels,
        kind,
    );
}

/// The gradient by the input of the first layer.
#[cube(launch_unchecked)]
fn input_kernel(gradient: &[f32], parameters: &[f32], output: &mut [f32], sizes: Sizes, #[comptime] kind: Gather) {
    let position = first_of_workgroup() + UNIT_POS as usize;
    if position < sizes.positions {
        let first = CUBE_POS_Y as usize * kind.channels;
        let pixels = sizes.depth * sizes.height * sizes.width;
        let mut gradients = Array::<f32>::new(kind.channels);
        convolve(gradient, parameters, &mut gradients, position, first, &sizes, kind);
        #[unroll]
        for k in 0..kind.channels {
            output[place_in_images(position, first + k, pixels, sizes.outputs)] = gradients[k];
        }
    }
}

/// From the gradient by normalised values to that by what was normalised. The first workgroup of a channel writes the
/// gradients by shift, scale and gain.
#[cube(launch_unchecked)]
fn normalisation_kernel(
    gradient: &[f32],
    raw: &[f32],
    statistics: &[f32],
    parameters: &[f32],
    sums: &[f32],
    output: &mut [f32],
    by_parameters: &mut [f32],
    sizes: Sizes,
    places: Places,
    sum_places: SumPlaces,
    #[comptime] kind: Sums,
) {
    let sum_count = comptime!(kind.count());
    let channel = CUBE_POS_Y as usize;
    let mut shared = Shared::<[f32]>::new_slice(comptime!(sum_count * WORKGROUP));
    let mut totals = Array::<f32>::new(sum_count);
    #[unroll]
    for i in 0..sum_count {
        totals[i] = 0.0;
    }
    for workgroup in range_stepped(UNIT_POS as usize, sum_places.workgroups, WORKGROUP) {
        let at = sum_places.first + (channel * sum_places.workgroups + workgroup) * sum_count;
        #[unroll]
        for i in 0..sum_count {
            totals[i] += sums[at + i];
        }
    }
    sum_over_workgroup(&mut totals, &mut shared, sum_count);

    let count = f32::cast_from(sizes.positions);
    let mean = statistics[places.mean + channel];
    let inverse = inverse_deviation(statistics[places.variance + channel]);
    let factor = parameters[places.scale + channel] * inverse;
    let mean_of_gradient = totals[0] / count;
    let mean_of_product = totals[1] / count;
    let first = first_of_workgroup() * VALUES_PER_THREAD + UNIT_POS as usize;
    if first == 0 {
        by_parameters[places.shift + channel] = totals[0];
        by_parameters[places.scale + channel] = totals[1];
        if comptime!(kind.following.is_noisy) {
            let through_statistics = mean_of_gradient * totals[3] + mean_of_product * totals[4];
            by_parameters[places.gain + channel] = (totals[2] - through_statistics) * factor;
        }
    }
    let pixels = sizes.depth * sizes.height * sizes.width;
    for i in 0..VALUES_PER_THREAD {
        let position = first + i * WORKGROUP;
        if position < sizes.positions {
            let at = place_in_images(position, channel, pixels, sizes.outputs);
            let normalised = (raw[at] - mean) * inverse;
            output[at] = (gradient[at] - (mean_of_gradient + normalised * mean_of_product)) * factor;
        }
    }
}

/// A layer as backward passes see it.
pub struct BackwardLayer<'a> {
    /// What the layer gave; with normalisation, what was normalised.
    pub values: &'a Buffer,
    pub noise: Option<&'a Buffer>,
    pub parameters: &'a Buffer,
    /// Means and variances of the batch.
    pub statistics: Option<&'a Buffer>,
    /// Of the layer's output.
    pub sizes: Sizes,
    pub places: Places,
    pub sums: Sums,
    pub sum_places: SumPlaces,
}

impl BackwardLayer<'_> {
    /// Back from the output of the network, whose last layer this is, through the activation. Sums are written to `sums`.
    pub fn back_from_output(&self, on: &Accelerator, gradient: &Buffer, sums: &Buffer) -> Buffer {
        let output = on.empty(gradient.len());
        // SAFETY: the kernel reads and writes images of these sizes, weights within the parameters, and sums at their places.
        unsafe {
            last_layer_kernel::launch_unchecked(
                &on.client,
                workgroups(self.sum_places.workgroups, self.sizes.outputs),
                CubeDim::new_1d(WORKGROUP as u32),
                gradient.arg(),
                self.parameters.arg(),
                self.values.arg(),
                self.noise.map(Buffer::arg).into(),
                self.statistics.map(Buffer::arg).into(),
                output.arg(),
                sums.arg(),
                self.sizes.launch(),
                self.places.launch(),
                self.sum_places.launch(),
                self.sums,
            );
        }
        output
    }

    /// Back from what the next layer's convolution gave, through that and this layer's activation. The next layer's `kernel`
    /// begins there among the parameters, and its output has so many `channels`.
    pub fn back_from_next(
        &self,
        on: &Accelerator,
        gradient: &Buffer,
        sums: &Buffer,
        convolution: Gather,
        [kernel, channels]: [usize; 2],
    ) -> Buffer {
        let sizes = Sizes { inputs: channels, kernel, ..self.sizes };
        let output = on.empty(sizes.positions * sizes.outputs);
        // SAFETY: the kernel reads and writes images of these sizes, weights within the parameters, and sums at their places.
        unsafe {
            layer_before_kernel::launch_unchecked(
                &on.client,
                workgroups(self.sum_places.workgroups, sizes.outputs / convolution.channels),
                CubeDim::new_1d(WORKGROUP as u32),
                gradient.arg(),
                self.parameters.arg(),
                self.values.arg(),
                self.noise.map(Buffer::arg).into(),
                self.statistics.map(Buffer::arg).into(),
                output.arg(),
                sums.arg(),
                sizes.launch(),
                self.places.launch(),
                self.sum_places.launch(),
                convolution,
                self.sums,
            );
        }
        output
    }

    /// Back through the normalisation with the statistics of the batch. The gradients by shift, scale and gain are written to
    /// `by_parameters`.
    pub fn normalisation(&self, on: &Accelerator, gradient: &Buffer, sums: &Buffer, by_parameters: &Buffer) -> Buffer {
        let output = on.empty(gradient.len());
        let statistics = self.statistics.expect("a normalised layer has statistics");
        // SAFETY: the kernel reads and writes images of these sizes, weights within the parameters, and sums at their places.
        unsafe {
            normalisation_kernel::launch_unchecked(
                &on.client,
                workgroups(self.sum_places.workgroups.div_ceil(VALUES_PER_THREAD), self.sizes.outputs),
                CubeDim::new_1d(WORKGROUP as u32),
                gradient.arg(),
                self.values.arg(),
                statistics.arg(),
                self.parameters.arg(),
                sums.arg(),
                output.arg(),
                by_parameters.arg(),
                self.sizes.launch(),
                self.places.launch(),
                self.sum_places.launch(),
                self.sums,
            );
        }
        output
    }
}

/// The gradient by the input of a network, from that by what the convolution of its first layer gave. `sizes` has those of
/// the input as the output.
pub fn input(on: &Accelerator, gradient: &Buffer, parameters: &Buffer, sizes: Sizes, kind: Gather) -> Buffer {
    let output = on.empty(sizes.positions * sizes.outputs);
    // SAFETY: the kernel reads and writes images of these sizes, and weights within the parameters.
    unsafe {
        input_kernel::launch_unchecked(
            &on.client,
            workgroups(sizes.positions.div_ceil(WORKGROUP), sizes.outputs / kind.channels),
            CubeDim::new_1d(WORKGROUP as u32),
            gradient.arg(),
            parameters.arg(),
            output.arg(),
            sizes.launch(),
            kind,
        );
    }
    output
}
