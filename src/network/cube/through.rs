//! Gradients through activation and noise, with the sums that normalisation and parameters need.

use cubecl::prelude::*;

use super::convolution::Sizes;
use super::forward::{Following, Places, inverse_deviation, place_in_images, value_of};
use super::sums::{WORKGROUP, first_of_workgroup, sum_over_workgroup};
use crate::network::architecture::LEAKY_SLOPE;

/// What a pass back through activation and normalisation sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sums {
    /// Whether anything is summed at all.
    pub are_needed: bool,
    /// What follows the layer's convolution.
    pub following: Following,
}

impl Sums {
    /// Sums of a workgroup for each channel: of the gradient; with normalisation, of its product with the normalised values;
    /// with noise, of its product with the noise; with both, of the noise and of the normalised values times the noise.
    pub fn count(self) -> usize {
        match (self.following.is_normalised, self.following.is_noisy) {
            (false, false) => 1,
            (true, false) | (false, true) => 2,
            (true, true) => 5,
        }
    }
}

/// Where sums lie: `[channels, workgroups, count]`.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct SumPlaces {
    /// Where they begin.
    pub first: usize,
    /// Workgroups of a channel.
    pub workgroups: usize,
}

/// Takes gradients by outputs of a layer, of channels from `first` on, back through its activation; writes them and the
/// [`Sums`] of the workgroup.
#[cube]
pub fn through(
    gradients: &mut Array<f32>,
    first: usize,
    parameters: &[f32],
    values: &[f32],
    noise: &ComptimeOption<&[f32]>,
    statistics: &ComptimeOption<&[f32]>,
    output: &mut [f32],
    sums: &mut [f32],
    sizes: &Sizes,
    places: &Places,
    sum_places: &SumPlaces,
    #[comptime] channels: usize,
    #[comptime] kind: Sums,
) {
    let following = comptime!(kind.following);
    let before = first_of_workgroup();
    let position = before + UNIT_POS as usize;
    let is_inside = position < sizes.positions;
    let mut by_scale = Array::<f32>::new(channels);
    let mut by_gain = Array::<f32>::new(channels);
    let mut of_both = Array::<f32>::new(channels);
    let mut of_noise = Array::<f32>::new(1usize);
    of_noise[0] = 0.0;
    #[unroll]
    for k in 0..channels {
        by_scale[k] = 0.0;
        by_gain[k] = 0.0;
        of_both[k] = 0.0;
    }
    if is_inside {
        let pixels = sizes.depth * sizes.height * sizes.width;
        if comptime!(following.is_noisy) {
            of_noise[0] = value_of(noise, position);
        }
        #[unroll]
        for k in 0..channels {
            let channel = first + k;
            let at = place_in_images(position, channel, pixels, sizes.outputs);
            let mut gradient = gradients[k];
            if comptime!(following.is_normalised) {
                let mean = value_of(statistics, places.mean + channel);
                let variance = value_of(statistics, places.variance + channel);
                let normalised = (values[at] - mean) * inverse_deviation(variance);
                if comptime!(following.is_activated) {
                    let value = normalised * parameters[places.scale + channel] + parameters[places.shift + channel];
                    gradient = by_leaky(value, gradient);
                }
                by_scale[k] = gradient * normalised;
                of_both[k] = normalised * of_noise[0];
            } else if comptime!(following.is_activated) {
                gradient = by_leaky(values[at], gradient);
            }
            by_gain[k] = gradient * of_noise[0];
            output[at] = gradient;
            gradients[k] = gradient;
        }
    }
    if comptime!(kind.are_needed) {
        let count = comptime!(kind.count());
        let mut shared = Shared::<[f32]>::new_slice(comptime!(channels * WORKGROUP));
        sum_over_workgroup(gradients, &mut shared, channels);
        if comptime!(following.is_normalised) {
            sum_over_workgroup(&mut by_scale, &mut shared, channels);
        }
        if comptime!(following.is_noisy) {
            sum_over_workgroup(&mut by_gain, &mut shared, channels);
        }
        if comptime!(following.is_normalised && following.is_noisy) {
            sum_over_workgroup(&mut of_noise, &mut shared, 1usize);
            sum_over_workgroup(&mut of_both, &mut shared, channels);
        }
        if UNIT_POS == 0 && before < sizes.positions {
            #[unroll]
            for k in 0..channels {
                let of_channel = (first + k) * sum_places.workgroups + before / WORKGROUP;
                let at = sum_places.first + of_channel * count;
                sums[at] = gradients[k];
                if comptime!(following.is_normalised) {
                    sums[at + 1] = by_scale[k];
                    if comptime!(following.is_noisy) {
                        sums[at + 2] = by_gain[k];
                        sums[at + 3] = of_noise[0];
                        sums[at + 4] = of_both[k];
                    }
                } else if comptime!(following.is_noisy) {
                    sums[at + 1] = by_gain[k];
                }
            }
        }
    }
}

/// The gradient by what leaky ReLU gave this value for. At zero the slope applies.
#[cube]
fn by_leaky(value: f32, gradient: f32) -> f32 {
    select(value > 0.0, gradient, gradient * comptime!(LEAKY_SLOPE as f32))
}

impl SumPlaces {
    /// As the argument of a kernel.
    pub fn launch(&self) -> SumPlacesLaunch {
        SumPlacesLaunch::new(self.first, self.workgroups)
    }
}
