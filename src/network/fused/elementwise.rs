//! What lies between two products: statistics, normalisation, activation, and the way from one placement to the next.
//!
//! Plain loops over groups of `G` images, which the compiler turns into vectors. All functions work on one channel. There
//! are no closures: the compiler may leave a closure out of line, where it does not know the processor's vectors.

use super::grid::Grid;

/// Calls a function of this module with the largest group of images that divides the batch.
macro_rules! by_group {
    ($n:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $n {
            n if n % 16 == 0 => $function::<16>($($argument),*),
            n if n % 8 == 0 => $function::<8>($($argument),*),
            n if n % 4 == 0 => $function::<4>($($argument),*),
            _ => $function::<1>($($argument),*),
        }
    };
}
pub(super) use by_group;

/// Scale and shift of a normalisation, or of a bias with a scale of 1, and the slope for negative values.
#[derive(Debug, Clone, Copy)]
pub struct Affine {
    pub scale: f32,
    pub shift: f32,
    /// Slope of leaky ReLU; 1 where no activation follows.
    pub slope: f32,
}

impl Affine {
    #[inline(always)]
    fn apply(&self, value: f32) -> f32 {
        let y = value * self.scale + self.shift;
        if y <= 0.0 { y * self.slope } else { y }
    }

    #[inline(always)]
    fn derivative(&self, value: f32) -> f32 {
        // At zero the slope counts, as in PyTorch and TensorFlow.
        if value * self.scale + self.shift <= 0.0 { self.slope } else { 1.0 }
    }
}

/// Mean and biased variance of the pixels of a channel whose borders are zero.
#[inline(always)]
pub fn moments(channel: &[f32], count: usize) -> (f64, f64) {
    let (mut sums, mut squares) = ([0.0f64; 16], [0.0f64; 16]);
    for values in channel.chunks_exact(16) {
        for lane in 0..16 {
            let value = f64::from(values[lane]);
            sums[lane] += value;
            squares[lane] += value * value;
        }
    }
    let mean = sums.iter().sum::<f64>() / count as f64;
    // In f64 the difference of the two large numbers is exact enough for any f32.
    (mean, (squares.iter().sum::<f64>() / count as f64 - mean * mean).max(0.0))
}

/// (x - mean) * factor for every pixel.
#[inline(always)]
pub fn normalise(grid: &Grid, channel: &mut [f32], mean: f32, factor: f32) {
    for run in 0..grid.run_count() {
        for value in &mut channel[grid.run_start(run)..][..grid.run_length()] {
            *value = (*value - mean) * factor;
        }
    }
}

/// Scale, shift and activation, from one placement to another.
#[inline(always)]
pub fn activate<const G: usize>(from_grid: &Grid, from: &[f32], to_grid: &Grid, to: &mut [f32], affine: Affine) {
    for pair in 0..from_grid.half_rows() {
        let (source, target) = (from_grid.half_row(pair), to_grid.half_row(pair));
        for pixel in 0..source.pixels {
            let from = &from[source.start + pixel * source.step..][..from_grid.n];
            let to = &mut to[target.start + pixel * target.step..][..from_grid.n];
            for (to, from) in to.chunks_exact_mut(G).zip(from.chunks_exact(G)) {
                for i in 0..G {
                    to[i] = affine.apply(from[i]);
                }
            }
        }
    }
}

/// Takes the gradient by the output of an activation back to its input, from one placement to another, and sums it,
/// alone and times the normalised values.
#[inline(always)]
pub fn activate_backward<const G: usize>(
    from_grid: &Grid,
    from: &[f32],
    to_grid: &Grid,
    to: &mut [f32],
    normalised: &[f32],
    affine: Affine,
) -> (f64, f64) {
    let (mut by_shift, mut by_scale) = ([0.0f64; G], [0.0f64; G]);
    for pair in 0..from_grid.half_rows() {
        let (source, target) = (from_grid.half_row(pair), to_grid.half_row(pair));
        for pixel in 0..source.pixels {
            let at = target.start + pixel * target.step;
            let from = from[source.start + pixel * source.step..][..from_grid.n].chunks_exact(G);
            let normalised = normalised[at..][..from_grid.n].chunks_exact(G);
            for (to, (from, normalised)) in to[at..][..from_grid.n].chunks_exact_mut(G).zip(from.zip(normalised)) {
                for i in 0..G {
                    let gradient = from[i] * affine.derivative(normalised[i]);
                    to[i] = gradient;
                    by_shift[i] += f64::from(gradient);
                    by_scale[i] += f64::from(gradient * normalised[i]);
                }
            }
        }
    }
    (by_shift.iter().sum(), by_scale.iter().sum())
}

/// The gradient by the input of a normalisation, in place: (g - by_shift - normalised * by_scale) * factor.
#[inline(always)]
pub fn normalise_backward(
    grid: &Grid,
    gradient: &mut [f32],
    normalised: &[f32],
    by_shift: f32,
    by_scale: f32,
    factor: f32,
) {
    for run in 0..grid.run_count() {
        let (start, length) = (grid.run_start(run), grid.run_length());
        for (gradient, value) in gradient[start..][..length].iter_mut().zip(&normalised[start..][..length]) {
            *gradient = (*gradient - by_shift - value * by_scale) * factor;
        }
    }
}

/// One channel of images `[n, channels, height, width]` to its place.
#[inline(always)]
pub fn import(images: &[f32], channel: usize, grid: &Grid, to: &mut [f32]) {
    let pixels = grid.side * grid.side;
    for half_row in 0..grid.half_rows() {
        let place = grid.half_row(half_row);
        for image in 0..grid.n {
            let row = &images[(image * grid.channels + channel) * pixels + place.first_pixel..];
            for (pixel, &value) in row[..2 * place.pixels - 1].iter().step_by(2).enumerate() {
                to[place.start + pixel * place.step + image] = value;
            }
        }
    }
}

/// One channel from its place to images `[n, channels, height, width]`.
#[inline(always)]
pub fn export(grid: &Grid, from: &[f32], channel: usize, images: &mut [f32]) {
    let pixels = grid.side * grid.side;
    for half_row in 0..grid.half_rows() {
        let place = grid.half_row(half_row);
        for image in 0..grid.n {
            let row = &mut images[(image * grid.channels + channel) * pixels + place.first_pixel..];
            for (pixel, value) in row[..2 * place.pixels - 1].iter_mut().step_by(2).enumerate() {
                *value = from[place.start + pixel * place.step + image];
            }
        }
    }
}
