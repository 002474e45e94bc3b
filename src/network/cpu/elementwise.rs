//! Operations between two convolutions: statistics, normalisation, activation from one placement to another.
//!
//! All functions work on one channel; none writes its border. Sums have [`LANES`] lanes for every SIMD width,
//! and lanes are added in order. There are no closures: compiled out of line, a closure would lose the SIMD instructions.

use std::ops::Range;

use pulp::Simd;

use super::grid::{Grid, Placement};
use super::rows::{self, HalfRowIndex, ROW, Runs};
use super::simd::{LANES, LINE, Lanes};
use crate::network::architecture::NORM_EPSILON;

/// Mean, biased variance and 1 / sqrt(variance + [`NORM_EPSILON`]) of one channel in one batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    pub mean: f32,
    pub variance: f32,
    pub inverse_deviation: f32,
}

/// Normalisation and activation: y = (x - `mean`) * `factor` + `shift`, and `slope` * y where y <= 0.
#[derive(Debug, Clone, Copy)]
pub struct Affine {
    pub mean: f32,
    pub factor: f32,
    pub shift: f32,
    /// Slope of leaky ReLU; 1 where no activation follows.
    pub slope: f32,
}

/// [`Affine`] in SIMD vectors.
#[derive(Clone, Copy)]
struct Activation<S: Simd> {
    mean: S::f32s,
    factor: S::f32s,
    shift: S::f32s,
    slope: S::f32s,
    zero: S::f32s,
}

impl<S: Simd> Activation<S> {
    #[inline(always)]
    fn new(simd: S, affine: Affine) -> Self {
        let Affine { mean, factor, shift, slope } = affine;
        let [mean, factor, shift, slope, zero] = [mean, factor, shift, slope, 0.0].map(|value| simd.splat_f32s(value));
        Self { mean, factor, shift, slope, zero }
    }

    /// The difference of a value from the mean.
    #[inline(always)]
    fn difference(&self, simd: S, value: S::f32s) -> S::f32s {
        simd.sub_f32s(value, self.mean)
    }

    /// Where the slope applies (at zero too, as in PyTorch and TensorFlow), and the result without it.
    #[inline(always)]
    fn is_negative(&self, simd: S, difference: S::f32s) -> (S::m32s, S::f32s) {
        let linear = simd.mul_add_e_f32s(difference, self.factor, self.shift);
        (simd.less_than_or_equal_f32s(linear, self.zero), linear)
    }

    #[inline(always)]
    fn forward(&self, simd: S, value: S::f32s) -> S::f32s {
        let (negative, linear) = self.is_negative(simd, self.difference(simd, value));
        simd.select_f32s(negative, simd.mul_f32s(linear, self.slope), linear)
    }

    /// Gradient before the activation, from that after it.
    #[inline(always)]
    fn backward(&self, simd: S, difference: S::f32s, gradient: S::f32s) -> S::f32s {
        let (negative, _) = self.is_negative(simd, difference);
        simd.select_f32s(negative, simd.mul_f32s(gradient, self.slope), gradient)
    }
}

/// Mean and variance of the pixels of one channel.
#[inline(always)]
pub fn moments<S: Simd>(simd: S, grid: &Grid, channel: &[f32]) -> Moments {
    let count = (grid.n * grid.pixels()) as f64;
    let mut sums = Lanes::new(simd);
    for run in grid.runs() {
        for values in channel[run].chunks(LANES) {
            let (vectors, rest) = S::as_simd_f32s(values);
            for (sum, value) in sums.0.iter_mut().zip(vectors) {
                *sum = simd.add_f32s(*sum, *value);
            }
            if !rest.is_empty() {
                let sum = &mut sums.0[vectors.len()];
                *sum = simd.add_f32s(*sum, simd.partial_load_f32s(rest));
            }
        }
    }
    let mean = (sums.total() / count) as f32;
    let means = simd.splat_f32s(mean);
    let mut squares = Lanes::new(simd);
    for run in grid.runs() {
        for values in channel[run].chunks(LANES) {
            let (vectors, rest) = S::as_simd_f32s(values);
            for (square, value) in squares.0.iter_mut().zip(vectors) {
                let difference = simd.sub_f32s(*value, means);
                *square = simd.mul_add_e_f32s(difference, difference, *square);
            }
            if !rest.is_empty() {
                let mut filled = [mean; LINE];
                filled[..rest.len()].copy_from_slice(rest);
                let difference = simd.sub_f32s(S::as_simd_f32s(&filled).0[0], means);
                let square = &mut squares.0[vectors.len()];
                *square = simd.mul_add_e_f32s(difference, difference, *square);
            }
        }
    }
    let variance = squares.total() / count;
    Moments { mean, variance: variance as f32, inverse_deviation: (1.0 / (variance + NORM_EPSILON).sqrt()) as f32 }
}

/// A channel as it is before its activation, and the activation.
#[derive(Clone, Copy)]
pub struct Activated<'a> {
    pub grid: &'a Grid,
    pub values: &'a [f32],
    pub affine: Affine,
}

/// Normalisation, scale, shift and activation, from one placement to another, of the pixels at some `places` along the
/// outermost axis.
#[inline(always)]
pub fn activate<S: Simd>(simd: S, channel: Activated, to_grid: &Grid, to: &mut [f32], places: Range<usize>) {
    let has_points = [channel.grid, to_grid].iter().any(|grid| grid.placement == Placement::Points);
    match together(channel.grid.n) {
        16 => activate_groups::<S, 16>(simd, channel, to_grid, to, places),
        8 => activate_groups::<S, 8>(simd, channel, to_grid, to, places),
        4 => activate_groups::<S, 4>(simd, channel, to_grid, to, places),
        _ if channel.grid.n == 1 && !has_points => activate_rows(simd, channel, to_grid, to, places),
        _ => activate_groups::<S, 1>(simd, channel, to_grid, to, places),
    }
}

/// [`activate`] for a single image: whole rows, since the places of a half row may be every other one of a run.
#[inline(always)]
fn activate_rows<S: Simd>(simd: S, channel: Activated, to_grid: &Grid, to: &mut [f32], places: Range<usize>) {
    let Activated { grid, values, affine } = channel;
    let (activation, mut lines) = (Activation::new(simd, affine), [[0.0; ROW]; 2]);
    for index in grid.half_rows_of(places).step_by(2) {
        let halves = [index, HalfRowIndex { parity: 1, ..index }];
        let (source, target) = (halves.map(|index| grid.half_row(index)), halves.map(|index| to_grid.half_row(index)));
        for pixel in (0..source[0].pixels).step_by(ROW) {
            let count = ROW.min(source[0].pixels - pixel);
            rows::load_row(&source, values, pixel, count, &mut lines);
            for line in &mut lines {
                for value in S::as_mut_simd_f32s(&mut line[..count.next_multiple_of(LINE)]).0 {
                    *value = activation.forward(simd, *value);
                }
            }
            rows::store_row(&target, to, pixel, count, &lines);
        }
    }
}

#[inline(always)]
fn activate_groups<S: Simd, const G: usize>(
    simd: S,
    channel: Activated,
    to_grid: &Grid,
    to: &mut [f32],
    places: Range<usize>,
) {
    let Activated { grid, values, affine } = channel;
    let activation = Activation::new(simd, affine);
    for index in grid.half_rows_of(places) {
        let (source, target) = (grid.half_row(index), to_grid.half_row(index));
        // Pixels that fill lines; the groups of the others are processed one by one.
        let whole = source.pixels - source.pixels % (LINE / G);
        for pixel in (0..whole).step_by(LINE / G) {
            for image in (0..grid.n).step_by(G) {
                let mut line = source.load::<G>(values, pixel, image);
                for value in S::as_mut_simd_f32s(&mut line).0 {
                    *value = activation.forward(simd, *value);
                }
                target.store::<G>(to, pixel, image, &line);
            }
        }
        if G == 1 {
            let count = source.pixels - whole;
            for image in 0..if count == 0 { 0 } else { grid.n } {
                let mut line = source.load_pixels(values, whole, image, count);
                for value in S::as_mut_simd_f32s(&mut line).0 {
                    *value = activation.forward(simd, *value);
                }
                target.store_pixels(to, whole, image, count, &line);
            }
            continue;
        }
        for pixel in whole..source.pixels {
            for image in (0..grid.n).step_by(G) {
                let from = values[source.place(pixel, image)..][..G].chunks(S::F32_LANES);
                let to = to[target.place(pixel, image)..][..G].chunks_mut(S::F32_LANES);
                for (to, from) in to.zip(from) {
                    simd.partial_store_f32s(to, activation.forward(simd, simd.partial_load_f32s(from)));
                }
            }
        }
    }
}

/// Gradient before the activation from that after it, from one placement to another. Returns the sum of the gradient, and of
/// the gradient times (x - mean).
#[inline(always)]
pub fn activate_backward<S: Simd>(
    simd: S,
    from_grid: &Grid,
    from: &[f32],
    activated: Activated,
    to: &mut [f32],
) -> (f64, f64) {
    match together(from_grid.n) {
        16 => activate_backward_groups::<S, 16>(simd, from_grid, from, activated, to),
        8 => activate_backward_groups::<S, 8>(simd, from_grid, from, activated, to),
        4 => activate_backward_groups::<S, 4>(simd, from_grid, from, activated, to),
        _ => activate_backward_groups::<S, 1>(simd, from_grid, from, activated, to),
    }
}

#[inline(always)]
fn activate_backward_groups<S: Simd, const G: usize>(
    simd: S,
    from_grid: &Grid,
    from: &[f32],
    activated: Activated,
    to: &mut [f32],
) -> (f64, f64) {
    let Activated { grid, values, affine } = activated;
    let activation = Activation::new(simd, affine);
    let (mut by_shift, mut by_difference) = (Lanes::new(simd), Lanes::new(simd));
    for index in from_grid.half_rows() {
        let (source, target) = (from_grid.half_row(index), grid.half_row(index));
        // Pixels that fill lines; the groups of the others are processed one by one.
        let whole = source.pixels - source.pixels % (LINE / G);
        for pixel in (0..whole).step_by(LINE / G) {
            for image in (0..from_grid.n).step_by(G) {
                let (mut line, values) = (source.load::<G>(from, pixel, image), target.load::<G>(values, pixel, image));
                let gradients = S::as_mut_simd_f32s(&mut line).0.iter_mut().zip(S::as_simd_f32s(&values).0);
                let sums = by_shift.0.iter_mut().zip(&mut by_difference.0);
                for ((gradient, value), (by_shift, by_difference)) in gradients.zip(sums) {
                    let difference = activation.difference(simd, *value);
                    *gradient = activation.backward(simd, difference, *gradient);
                    *by_shift = simd.add_f32s(*by_shift, *gradient);
                    *by_difference = simd.mul_add_e_f32s(*gradient, difference, *by_difference);
                }
                target.store::<G>(to, pixel, image, &line);
            }
        }
        if G == 1 {
            let count = source.pixels - whole;
            for image in 0..if count == 0 { 0 } else { from_grid.n } {
                let mut line = source.load_pixels(from, whole, image, count);
                let mut values = target.load_pixels(values, whole, image, count);
                // What lies behind the row counts nothing.
                for lane in 0..LINE {
                    line[lane] = if lane < count { line[lane] } else { 0.0 };
                    values[lane] = if lane < count { values[lane] } else { 0.0 };
                }
                let gradients = S::as_mut_simd_f32s(&mut line).0.iter_mut().zip(S::as_simd_f32s(&values).0);
                let sums = by_shift.0.iter_mut().zip(&mut by_difference.0);
                for ((gradient, value), (by_shift, by_difference)) in gradients.zip(sums) {
                    let difference = activation.difference(simd, *value);
                    *gradient = activation.backward(simd, difference, *gradient);
                    *by_shift = simd.add_f32s(*by_shift, *gradient);
                    *by_difference = simd.mul_add_e_f32s(*gradient, difference, *by_difference);
                }
                target.store_pixels(to, whole, image, count, &line);
            }
            continue;
        }
        for pixel in whole..source.pixels {
            for image in (0..from_grid.n).step_by(G) {
                let place = target.place(pixel, image);
                let from = from[source.place(pixel, image)..][..G].chunks(S::F32_LANES);
                let values = values[place..][..G].chunks(S::F32_LANES);
                let to = to[place..][..G].chunks_mut(S::F32_LANES);
                let sums = by_shift.0.iter_mut().zip(&mut by_difference.0);
                for (((to, from), values), (by_shift, by_difference)) in to.zip(from).zip(values).zip(sums) {
                    let difference = activation.difference(simd, simd.partial_load_f32s(values));
                    let gradient = activation.backward(simd, difference, simd.partial_load_f32s(from));
                    *by_shift = simd.add_f32s(*by_shift, gradient);
                    *by_difference = simd.mul_add_e_f32s(gradient, difference, *by_difference);
                    simd.partial_store_f32s(to, gradient);
                }
            }
        }
    }
    (by_shift.total(), by_difference.total())
}

/// Gradient before a normalisation from that after it, in place; `by_shift` and `by_scale` are the gradients of its shift
/// and scale.
#[inline(always)]
pub fn normalise_backward<S: Simd>(
    simd: S,
    activated: Activated,
    inverse_deviation: f32,
    (by_shift, by_scale): (f64, f64),
    gradient: &mut [f32],
) {
    let Activated { grid, values, affine } = activated;
    let count = (grid.n * grid.pixels()) as f64;
    // (gradient - its mean - normalised * mean of gradient * normalised) * factor, as a sum of products.
    let factor = f64::from(affine.factor);
    let [factor, of_difference, constant] =
        [factor, -by_scale / count * f64::from(inverse_deviation) * factor, -by_shift / count * factor]
            .map(|value| simd.splat_f32s(value as f32));
    let mean = simd.splat_f32s(affine.mean);
    for run in grid.runs() {
        let (gradients, last) = S::as_mut_simd_f32s(&mut gradient[run.clone()]);
        let (values, last_values) = S::as_simd_f32s(&values[run]);
        for (gradient, value) in gradients.iter_mut().zip(values) {
            let through_moments = simd.mul_add_e_f32s(simd.sub_f32s(*value, mean), of_difference, constant);
            *gradient = simd.mul_add_e_f32s(*gradient, factor, through_moments);
        }
        if !last.is_empty() {
            let difference = simd.sub_f32s(simd.partial_load_f32s(last_values), mean);
            let through_moments = simd.mul_add_e_f32s(difference, of_difference, constant);
            let gradient = simd.mul_add_e_f32s(simd.partial_load_f32s(last), factor, through_moments);
            simd.partial_store_f32s(last, gradient);
        }
    }
}

/// Adds `gain` times one channel of noise in some rows of all planes.
#[inline(always)]
pub fn add_noise(grid: &Grid, rows: &Range<usize>, noise: &[f32], gain: f32, values: &mut [f32]) {
    for run in Runs::of(*grid, rows.clone()) {
        for (value, noise) in values[run.clone()].iter_mut().zip(&noise[run]) {
            *value += gain * noise;
        }
    }
}

/// Sum over all pixels of the product of two channels.
#[inline(always)]
pub fn sum_of_products(grid: &Grid, left: &[f32], right: &[f32]) -> f32 {
    let mut sum = 0.0;
    for run in grid.runs() {
        let mut lanes = [0f32; LANES];
        let ((left, left_rest), (right, right_rest)) =
            (left[run.clone()].as_chunks::<LANES>(), right[run].as_chunks::<LANES>());
        for (left, right) in left.iter().zip(right) {
            for lane in 0..LANES {
                lanes[lane] += left[lane] * right[lane];
            }
        }
        let rest = left_rest.iter().zip(right_rest).map(|(left, right)| f64::from(left * right));
        sum += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() + rest.sum::<f64>();
    }
    sum as f32
}

/// Images that are processed together: their number divides a SIMD vector and the batch.
fn together(images: usize) -> usize {
    [16, 8, 4].into_iter().find(|&group| images.is_multiple_of(group)).unwrap_or(1)
}
