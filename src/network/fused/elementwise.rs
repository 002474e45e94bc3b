//! What lies between two products: statistics, normalisation, activation, and the way from one placement to the next.
//!
//! All functions work on one channel, borders included, in whole vectors. Sums are made in [`LINE`] lanes, whatever the
//! width of the vectors, and lanes are added in order. There are no closures: the compiler may leave a closure out of
//! line, where it does not know the processor's vectors.

use pulp::Simd;

use super::grid::{Grid, HalfRow};
use crate::network::convolution::Border;
use crate::processor::{LINE, Lanes};

/// Mean, biased variance and 1 / sqrt(variance + epsilon) of one channel in one batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    pub mean: f32,
    pub variance: f32,
    pub inverse_deviation: f32,
}

/// Scale and shift of a normalisation, or of a bias with a scale of 1, and the slope for negative values.
#[derive(Debug, Clone, Copy)]
pub struct Affine {
    pub scale: f32,
    pub shift: f32,
    /// Slope of leaky ReLU; 1 where no activation follows.
    pub slope: f32,
}

/// Turns each pixel x to (x - mean) / sqrt(variance + epsilon) with the channel's own moments; borders are zero before
/// and after.
#[inline(always)]
pub fn normalise<S: Simd>(simd: S, grid: &Grid, channel: &mut [f32], epsilon: f64) -> Moments {
    let parts = LINE / S::F32_LANES;
    let count = (grid.n * grid.side * grid.side) as f64;
    let mut sums = Lanes::new(simd);
    for line in S::as_simd_f32s(channel).0.chunks_exact(parts) {
        for (sum, value) in sums.0.iter_mut().zip(line) {
            *sum = simd.add_f32s(*sum, *value);
        }
    }
    let mean = (sums.total() / count) as f32;
    let mean_vector = simd.splat_f32s(mean);
    for value in S::as_mut_simd_f32s(channel).0 {
        *value = simd.sub_f32s(*value, mean_vector);
    }
    grid.clear_borders(channel);
    let mut squares = Lanes::new(simd);
    for line in S::as_simd_f32s(channel).0.chunks_exact(parts) {
        for (square, value) in squares.0.iter_mut().zip(line) {
            *square = simd.mul_add_e_f32s(*value, *value, *square);
        }
    }
    let variance = squares.total() / count;
    let inverse_deviation = (1.0 / (variance + epsilon).sqrt()) as f32;
    let factor = simd.splat_f32s(inverse_deviation);
    for value in S::as_mut_simd_f32s(channel).0 {
        *value = simd.mul_f32s(*value, factor);
    }
    Moments { mean, variance: variance as f32, inverse_deviation }
}

/// Scale, shift and activation, from one placement to another.
#[inline(always)]
pub fn activate<S: Simd>(simd: S, from_grid: &Grid, from: &[f32], to_grid: &Grid, to: &mut [f32], affine: Affine) {
    let (scale, shift) = (simd.splat_f32s(affine.scale), simd.splat_f32s(affine.shift));
    let (slope, zero) = (simd.splat_f32s(affine.slope), simd.splat_f32s(0.0));
    replace(from_grid, from, to_grid, to);
    for value in S::as_mut_simd_f32s(to).0 {
        let linear = simd.mul_add_e_f32s(*value, scale, shift);
        let negative = simd.less_than_or_equal_f32s(linear, zero);
        *value = simd.select_f32s(negative, simd.mul_f32s(linear, slope), linear);
    }
    to_grid.close_borders(to);
}

/// Takes the gradient by the output of an activation back to its input, from one placement to another, and sums it,
/// alone and times the normalised values. Borders are zero afterwards.
#[inline(always)]
pub fn activate_backward<S: Simd>(
    simd: S,
    from_grid: &Grid,
    from: &[f32],
    to_grid: &Grid,
    to: &mut [f32],
    normalised: &[f32],
    affine: Affine,
) -> (f64, f64) {
    replace(from_grid, from, to_grid, to);
    to_grid.clear_borders(to);
    let (scale, shift) = (simd.splat_f32s(affine.scale), simd.splat_f32s(affine.shift));
    let (slope, zero) = (simd.splat_f32s(affine.slope), simd.splat_f32s(0.0));
    let (mut by_shift, mut by_scale) = (Lanes::new(simd), Lanes::new(simd));
    let parts = LINE / S::F32_LANES;
    let normalised = S::as_simd_f32s(normalised).0.chunks_exact(parts);
    for (line, normalised) in S::as_mut_simd_f32s(to).0.chunks_exact_mut(parts).zip(normalised) {
        let sums = by_shift.0.iter_mut().zip(&mut by_scale.0);
        for ((gradient, normalised), (by_shift, by_scale)) in line.iter_mut().zip(normalised).zip(sums) {
            let value = simd.mul_add_e_f32s(*normalised, scale, shift);
            // At zero the slope counts, as in PyTorch and TensorFlow.
            let negative = simd.less_than_or_equal_f32s(value, zero);
            *gradient = simd.select_f32s(negative, simd.mul_f32s(*gradient, slope), *gradient);
            *by_shift = simd.add_f32s(*by_shift, *gradient);
            *by_scale = simd.mul_add_e_f32s(*gradient, *normalised, *by_scale);
        }
    }
    (by_shift.total(), by_scale.total())
}

/// The gradient by the input of a normalisation, in place, from the sums of the gradient by its output. What it leaves in
/// borders is of no use.
#[inline(always)]
pub fn normalise_backward<S: Simd>(
    simd: S,
    grid: &Grid,
    gradient: &mut [f32],
    normalised: &[f32],
    by_shift: f64,
    by_scale: f64,
    factor: f32,
) {
    let count = (grid.n * grid.side * grid.side) as f64;
    let by_shift = simd.splat_f32s((by_shift / count) as f32);
    let by_scale = simd.splat_f32s((by_scale / count) as f32);
    let factor = simd.splat_f32s(factor);
    for (gradient, value) in S::as_mut_simd_f32s(gradient).0.iter_mut().zip(S::as_simd_f32s(normalised).0) {
        let through_mean = simd.sub_f32s(*gradient, by_shift);
        *gradient = simd.mul_f32s(simd.sub_f32s(through_mean, simd.mul_f32s(*value, by_scale)), factor);
    }
}

/// Copies all pixels from one placement to another.
#[inline(always)]
fn replace(from_grid: &Grid, from: &[f32], to_grid: &Grid, to: &mut [f32]) {
    match from_grid.n {
        n if n % 16 == 0 => replace_groups::<16>(from_grid, from, to_grid, to),
        n if n % 8 == 0 => replace_groups::<8>(from_grid, from, to_grid, to),
        n if n % 4 == 0 => replace_groups::<4>(from_grid, from, to_grid, to),
        _ => replace_groups::<1>(from_grid, from, to_grid, to),
    }
}

/// Copies all pixels in groups of `G` images, which divides their number.
#[inline(always)]
fn replace_groups<const G: usize>(from_grid: &Grid, from: &[f32], to_grid: &Grid, to: &mut [f32]) {
    let n = from_grid.n;
    for half_row in 0..from_grid.half_rows() {
        let (source, target) = (from_grid.half_row(half_row), to_grid.half_row(half_row));
        let end = |row: &HalfRow| row.start + (row.pixels - 1) * row.step + n;
        assert!(end(&source) <= from.len() && end(&target) <= to.len());
        for pixel in 0..source.pixels {
            // SAFETY: the last pixel ends inside, as asserted.
            let (from, to) = unsafe {
                let start = target.start + pixel * target.step;
                let from = from.get_unchecked(source.start + pixel * source.step..).get_unchecked(..n);
                (from.as_chunks::<G>().0, to.get_unchecked_mut(start..start + n).as_chunks_mut::<G>().0)
            };
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
    }
}

/// Images that are taken to their places together: their values of one pixel are one vector.
const TOGETHER: usize = 4;

/// One channel of images `[n, channels, height, width]` to its place, and its border.
pub fn import(images: &[f32], channel: usize, grid: &Grid, to: &mut [f32]) {
    import_pixels(images, channel, grid, to);
    if grid.border == Border::Periodic {
        grid.close_borders(to);
    }
}

fn import_pixels(images: &[f32], channel: usize, grid: &Grid, to: &mut [f32]) {
    let whole = grid.n - grid.n % TOGETHER;
    for place in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
        for first in (0..whole).step_by(TOGETHER) {
            let rows: [&[f32]; TOGETHER] =
                std::array::from_fn(|i| &images[grid.pixels(first + i, channel, &place)..][..2 * place.pixels - 1]);
            for pixel in 0..place.pixels {
                let values = rows.map(|row| row[2 * pixel]);
                to[place.start + pixel * place.step + first..][..TOGETHER].copy_from_slice(&values);
            }
        }
        for image in whole..grid.n {
            let row = &images[grid.pixels(image, channel, &place)..][..2 * place.pixels - 1];
            for (pixel, &value) in row.iter().step_by(2).enumerate() {
                to[place.start + pixel * place.step + image] = value;
            }
        }
    }
}

/// One channel from its place to images `[n, channels, height, width]`.
pub fn export(grid: &Grid, from: &[f32], channel: usize, images: &mut [f32]) {
    let whole = grid.n - grid.n % TOGETHER;
    for place in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
        for first in (0..whole).step_by(TOGETHER) {
            let starts: [usize; TOGETHER] = std::array::from_fn(|i| grid.pixels(first + i, channel, &place));
            for pixel in 0..place.pixels {
                let values = &from[place.start + pixel * place.step + first..][..TOGETHER];
                for (start, value) in starts.iter().zip(values) {
                    images[start + 2 * pixel] = *value;
                }
            }
        }
        for image in whole..grid.n {
            let row = &mut images[grid.pixels(image, channel, &place)..][..2 * place.pixels - 1];
            for (pixel, value) in row.iter_mut().step_by(2).enumerate() {
                *value = from[place.start + pixel * place.step + image];
            }
        }
    }
}
