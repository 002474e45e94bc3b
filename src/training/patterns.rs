//! The pattern loss: how often patterns of 3 x 3 pixels occur in realisations and in the micrograph, on three scales.
//!
//! Ends of thin boundaries, single pixels and frayed outlines are patterns that the material hardly has. A discriminator
//! judges a whole image; the frequencies of patterns tell which pixels are wrong.

use burn_tensor::{Tensor, TensorData};

use super::losses::Term;
use crate::Result;
use crate::descriptor::{Indicator, PATTERNS, SCALES, pattern_histograms};
use crate::micrograph::PhaseImages;
use crate::network::{channels, kernels, phases_of_channels, sum};

/// Decay of the moving average of histograms: rare patterns are counted over some thirty batches.
const MEMORY: f64 = 0.97;

/// Length of the histograms of all channels and scales.
pub fn histogram_len(n_phases: usize) -> usize {
    channels(n_phases) * SCALES * PATTERNS
}

/// The patterns of a micrograph.
pub struct Patterns {
    /// For each channel and scale, the share of each pattern.
    shares: Vec<f32>,
    /// For each channel and scale, the share of a pattern that occurs once.
    least: Vec<f32>,
}

impl Patterns {
    /// Counts the patterns of `micrograph`, which is two-dimensional and at least 12 pixels wide and high.
    ///
    /// # Errors
    ///
    /// Those of [`Indicator::new`].
    pub fn new(micrograph: &PhaseImages) -> Result<Self> {
        let [_, ny, nx] = micrograph.shape();
        let seen = |scale: usize| micrograph.len() * places(ny >> scale, nx >> scale);
        let (mut shares, mut least) = (Vec::new(), Vec::new());
        for phase in phases_of_channels(micrograph.n_phases()) {
            let histograms = pattern_histograms(&Indicator::new(micrograph, phase)?);
            for (scale, histogram) in histograms.into_iter().enumerate() {
                shares.extend(histogram.into_iter().map(|share| share as f32));
                least.push(1.0 / seen(scale) as f32);
            }
        }
        Ok(Self { shares, least })
    }

    /// Kullback-Leibler divergence from the micrograph's patterns to those of `realisations`, one-hot, in nats per image:
    /// sum over channels and scales of (patterns in an image) * KL(realisations || micrograph).
    ///
    /// The histograms of realisations are moving averages: `moving_average`, of length [`histogram_len`], is updated in
    /// this step, number `step` from 1. The gradient is the effect of changing each pixel from 0 to 1.
    pub fn term(&self, realisations: &Tensor<4>, moving_average: &mut Tensor<1>, step: u64) -> Term<4> {
        let ([n, channels, height, width], device) = (realisations.dims(), realisations.device());
        *moving_average =
            moving_average.clone() * MEMORY + kernels(realisations).pattern_shares(realisations) * (1.0 - MEMORY);
        let shape = [channels, SCALES, PATTERNS];
        let on_device =
            |values: &[f32], shape| Tensor::<3>::from_data(TensorData::new(values.to_vec(), shape), &device);
        let least = on_device(&self.least, [channels, SCALES, 1]);
        // Bias correction, as in Adam: the average starts at zero.
        let filled = 1.0 - MEMORY.powf(step as f64);
        let found = (moving_average.clone() / filled).reshape(shape) + least.clone();
        let ratios = (found.clone() / (on_device(&self.shares, shape) + least)).log();
        let nats = (found * ratios.clone()).sum_dim(2).reshape([channels, SCALES]);
        let counts: Vec<f32> = (0..SCALES).map(|scale| places(height >> scale, width >> scale) as f32).collect();
        let counts = Tensor::<2>::from_data(TensorData::new(counts, [1, SCALES]), &device);
        let gradient = kernels(realisations).patterns_backward(realisations, ratios) / n as f64;
        Term { value: sum(nats * counts), gradient }
    }
}

/// Number of patterns in an image.
fn places(height: usize, width: usize) -> usize {
    (height - 2) * (width - 2)
}

#[cfg(test)]
mod tests {
    use burn_tensor::Device;
    use ndarray::Array4;

    use super::*;
    use crate::network::{one_hot, read};

    fn drawn(rows: &[&str]) -> PhaseImages {
        let at = |y: usize, x: usize| u8::from(rows[y].as_bytes()[x] == b'#');
        let phases = Array4::from_shape_fn((1, 1, rows.len(), rows[0].len()), |(_, _, y, x)| at(y, x));
        PhaseImages::new(phases, 2).unwrap()
    }

    #[test]
    fn what_the_material_does_not_have_is_mended() {
        let unbroken = ["................"; 16].map(|row: &str| row.to_owned());
        let with = |rows: &[(usize, &str)]| {
            let mut image = unbroken.clone();
            rows.iter().for_each(|(y, row)| image[*y] = (*row).to_owned());
            drawn(&image.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let line = "################";
        let patterns = Patterns::new(&with(&[(6, line), (7, line)])).unwrap();
        let gap = "#######.########";
        let broken = one_hot(&with(&[(3, ".....#.........."), (6, gap), (7, gap)]), &[0], &Device::flex());
        let mut moving_average = Tensor::zeros([histogram_len(2)], &Device::flex());
        let term = patterns.term(&broken, &mut moving_average, 1);
        assert!(term.value.into_scalar::<f32>() > 0.0);
        let gradient = read(term.gradient).unwrap();
        let at = |y: usize, x: usize| gradient[16 * y + x];
        assert!(at(6, 7) < 0.0 && at(7, 7) < 0.0, "the gap is not filled: {} {}", at(6, 7), at(7, 7));
        assert!(at(3, 5) > 0.0, "the single pixel stays: {}", at(3, 5));

        let whole = one_hot(&with(&[(6, line), (7, line)]), &[0], &Device::flex());
        let mut moving_average = Tensor::zeros([histogram_len(2)], &Device::flex());
        let term = patterns.term(&whole, &mut moving_average, 1);
        assert!(term.value.into_scalar::<f32>().abs() < 1e-3);
        assert!(read(term.gradient).unwrap().iter().all(|by_pixel| by_pixel.abs() < 1e-4));
    }

    #[test]
    fn the_latest_batches_count() {
        let phases = Array4::from_shape_fn((2, 1, 16, 16), |(n, _, y, x)| ((n + y * y + 3 * x) / 4 % 2) as u8);
        let images = PhaseImages::new(phases, 2).unwrap();
        let (patterns, one_hot) = (Patterns::new(&images).unwrap(), one_hot(&images, &[0, 1], &Device::flex()));
        let mut moving_average = Tensor::zeros([histogram_len(2)], &Device::flex());
        for step in 1..4 {
            // As if all batches had been this one.
            let term = patterns.term(&one_hot, &mut moving_average, step);
            assert!(term.value.into_scalar::<f32>().abs() < 1e-3);
        }
        let blank = one_hot.zeros_like();
        let after_one = patterns.term(&blank, &mut moving_average, 4).value.into_scalar::<f32>();
        let after_two = patterns.term(&blank, &mut moving_average, 5).value.into_scalar::<f32>();
        assert!(0.0 < after_one && after_one < after_two, "{after_one} {after_two}");
    }
}
