//! A thresholded Gaussian random field.

use std::f64::consts::PI;

use ndarray::{Array3, Axis};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rustfft::{FftPlannerScalar, num_complex::Complex};

use super::{Material, check_range};
use crate::Result;

/// Phase 1 where a stationary Gaussian random field is largest.
///
/// The covariance of the field is `exp(-(x / lx)^2 / 2 - (y / ly)^2 / 2 - (z / lz)^2 / 2)`. White noise is filtered on the
/// torus of the image's own size, so the image is periodic.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianField {
    /// Layers in voxels, 8 to 8192, or 1 for an image; default 1.
    pub nz: usize,
    /// Rows in pixels, 8 to 8192; default 256.
    pub ny: usize,
    /// Columns in pixels, 8 to 8192; default 256.
    pub nx: usize,
    /// Volume fraction of phase 1, 0 to 1, met to one pixel; each phase gets at least one pixel. Default 0.4.
    pub volume_fraction: f64,
    /// Correlation length `lz` along z in voxels, 0 to a quarter of `nz`, not used for an image; default 5.
    pub correlation_z: f64,
    /// Correlation length `ly` along y in pixels, 0 to a quarter of `ny`; default 5.
    pub correlation_y: f64,
    /// Correlation length `lx` along x in pixels, 0 to a quarter of `nx`; default 5.
    pub correlation_x: f64,
}

impl Default for GaussianField {
    fn default() -> Self {
        let [correlation_z, correlation_y, correlation_x] = [5.0; 3];
        Self { nz: 1, ny: 256, nx: 256, volume_fraction: 0.4, correlation_z, correlation_y, correlation_x }
    }
}

impl Material for GaussianField {
    fn name(&self) -> &'static str {
        "gaussian_field"
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let Self { volume_fraction, correlation_z: z, correlation_y: y, correlation_x: x, .. } = self;
        let lengths = match self.nz {
            _ if x == y && (self.nz == 1 || z == y) => ("correlation length", x.to_string()),
            1 => ("correlation length along x and y", format!("{x} and {y}")),
            _ => ("correlation length along x, y and z", format!("{x}, {y} and {z}")),
        };
        vec![("volume fraction", volume_fraction.to_string()), lengths]
    }

    fn shape(&self) -> [usize; 3] {
        [self.nz, self.ny, self.nx]
    }

    fn check(&self) -> Result<()> {
        check_range("the volume fraction", self.volume_fraction, 0.0..=1.0)?;
        if self.nz > 1 {
            check_range("the correlation length along z", self.correlation_z, 0.0..=self.nz as f64 / 4.0)?;
        }
        check_range("the correlation length along y", self.correlation_y, 0.0..=self.ny as f64 / 4.0)?;
        check_range("the correlation length along x", self.correlation_x, 0.0..=self.nx as f64 / 4.0)
    }

    fn bytes_a_voxel(&self) -> usize {
        28
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Array3<u8>> {
        let mut field = Array3::from_shape_simple_fn(self.shape(), || rng.sample(StandardNormal));
        if self.nz > 1 {
            smooth(&mut field, Axis(0), self.correlation_z);
        }
        smooth(&mut field, Axis(1), self.correlation_y);
        smooth(&mut field, Axis(2), self.correlation_x);
        Ok(largest(&field, self.volume_fraction))
    }
}

/// Gives white noise the covariance `exp(-(r / length)^2 / 2)` along `axis`, up to a factor.
fn smooth(field: &mut Array3<f64>, axis: Axis, length: f64) {
    let n = field.len_of(axis);
    // Without vector instructions, so that a seed gives the same bytes on every processor.
    let mut planner = FftPlannerScalar::new();
    let (forward, inverse) = (planner.plan_fft_forward(n), planner.plan_fft_inverse(n));
    // The square root of the spectrum of that covariance.
    let gain = |k: usize| (-(PI * length * k.min(n - k) as f64 / n as f64).powi(2)).exp();
    let gains: Vec<f64> = (0..n).map(gain).collect();
    for mut lane in field.lanes_mut(axis) {
        let mut spectrum: Vec<Complex<f64>> = lane.iter().map(|&value| Complex::new(value, 0.0)).collect();
        forward.process(&mut spectrum);
        for (value, gain) in spectrum.iter_mut().zip(&gains) {
            *value *= gain;
        }
        inverse.process(&mut spectrum);
        for (value, smoothed) in lane.iter_mut().zip(&spectrum) {
            *value = smoothed.re;
        }
    }
}

/// 1 at the given share of the voxels, where `field` is largest, else 0.
fn largest(field: &Array3<f64>, share: f64) -> Array3<u8> {
    let values: Vec<f64> = field.iter().copied().collect();
    let wanted = ((share * values.len() as f64).round() as usize).clamp(1, values.len() - 1);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
    let mut phases = vec![0; values.len()];
    for &pixel in &order[..wanted] {
        phases[pixel] = 1;
    }
    Array3::from_shape_vec(field.dim(), phases).expect("one phase for each value of the field")
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::*;
    use crate::micrograph::PhaseImages;

    /// Share of pixel pairs at distance `(dy, dx)` on the torus whose phases differ.
    fn different(images: &PhaseImages, dy: usize, dx: usize) -> f64 {
        let [_, ny, nx] = images.shape();
        let phases = images.phases();
        let differs = |n, y, x| phases[[n, 0, y, x]] != phases[[n, 0, (y + dy) % ny, (x + dx) % nx]];
        let count = phases.indexed_iter().filter(|&((n, _, y, x), _)| differs(n, y, x)).count();
        count as f64 / phases.len() as f64
    }

    #[test]
    fn covariance_is_that_of_the_field() {
        // At volume fraction 1/2 the phases of two pixels with correlation rho differ with probability acos(rho) / pi.
        let sample =
            GaussianField { volume_fraction: 0.5, correlation_y: 3.0, correlation_x: 6.0, ..Default::default() };
        let images = Sample::GaussianField(sample).make(1, 4).unwrap().images;
        for (dy, dx, scaled) in [(1, 0, 1.0 / 3.0), (3, 0, 1.0), (0, 1, 1.0 / 6.0), (0, 6, 1.0), (6, 6, 5f64.sqrt())] {
            let expected = (-0.5 * scaled * scaled).exp().acos() / PI;
            let found = different(&images, dy, dx);
            assert!((found / expected - 1.0).abs() < 0.05, "({dy}, {dx}): {found} instead of {expected}");
        }
    }

    #[test]
    fn planes_of_a_volume_are_fields_with_the_lengths_of_their_axes() {
        let [correlation_z, correlation_y, correlation_x] = [6.0, 3.0, 1.5];
        let (volume, size) = (GaussianField { nz: 48, ny: 48, nx: 64, ..Default::default() }, 0.5);
        let volume = GaussianField { volume_fraction: size, correlation_z, correlation_y, correlation_x, ..volume };
        let images = Sample::GaussianField(volume).make(1, 2).unwrap().images;
        assert_eq!(images.shape(), [48, 48, 64]);
        for (axis, lengths) in [[3.0, 1.5], [6.0, 1.5], [6.0, 3.0]].into_iter().enumerate() {
            let planes = images.planes(axis, 1);
            for (step, length) in [[1, 0], [0, 1]].into_iter().zip(lengths) {
                let expected = (-0.5f64 / (length * length)).exp().acos() / PI;
                let found = different(&planes, step[0], step[1]);
                assert!((found / expected - 1.0).abs() < 0.06, "{axis} {step:?}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn volume_fraction_is_met_to_one_pixel() {
        for volume_fraction in [0.0, 0.013, 0.5, 0.999, 1.0] {
            let sample = GaussianField {
                ny: 20,
                nx: 31,
                volume_fraction,
                correlation_y: 2.0,
                correlation_x: 0.0,
                ..Default::default()
            };
            let found = Sample::GaussianField(sample).make(2, 1).unwrap().images.volume_fractions()[1];
            assert!((found - volume_fraction).abs() <= 1.0 / 620.0 && found > 0.0 && found < 1.0, "{found}");
        }
    }
}
