//! Which images a training step sees.

use burn::tensor::{Device, Tensor};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::Result;
use crate::micrograph::{self, PhaseImages};
use crate::network::{one_hot, phases_of_channels};
use crate::random::{self, Purpose};

/// The micrograph and its tiles, from which batches are drawn.
pub struct TrainingData<'a> {
    /// The micrograph, for windows.
    pub micrograph: &'a PhaseImages,
    /// Non-overlapping tiles of the networks' side.
    pub tiles: &'a PhaseImages,
    /// Standard deviation of the mean of each channel over the tiles, at least a hundredth.
    pub volume_fraction_deviations: Vec<f32>,
}

impl<'a> TrainingData<'a> {
    /// A micrograph and its tiles.
    pub fn new(micrograph: &'a PhaseImages, tiles: &'a PhaseImages) -> Self {
        let deviation = |phase: u8| {
            let pixels = tiles.image(0).len() as f64;
            let share = |index| tiles.image(index).iter().filter(|&&p| p == phase).count() as f64 / pixels;
            let shares: Vec<f64> = (0..tiles.len()).map(share).collect();
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
            // A micrograph may be so regular, or so small, that its tiles do not differ.
            (squares / (shares.len() - 1).max(1) as f64).sqrt().max(0.01) as f32
        };
        let volume_fraction_deviations = phases_of_channels(tiles.n_phases()).map(deviation).collect();
        Self { micrograph, tiles, volume_fraction_deviations }
    }

    /// The tiles of step `step` (from 0) as channels, `[batch, channels, side, side]`.
    ///
    /// Tiles come in passes; each pass is a new random order of all tiles, and a batch may begin in one and end in the
    /// next.
    pub fn tiles(&self, seed: u64, step: u64, batch: usize, device: &Device) -> Tensor<4> {
        one_hot(self.tiles, &order(seed, step * batch as u64, batch, self.tiles.len()), device)
    }

    /// Windows from anywhere in the micrograph as channels, edges nearly as often as the rest.
    ///
    /// # Errors
    ///
    /// Those of [`micrograph::random_windows`].
    pub fn windows(&self, batch: usize, rng: &mut impl Rng, device: &Device) -> Result<Tensor<4>> {
        let [_, side, _] = self.tiles.shape();
        let windows = micrograph::random_windows(self.micrograph, batch, side, rng)?;
        Ok(one_hot(&windows, &(0..batch).collect::<Vec<_>>(), device))
    }
}

/// Entries `first..first + count` of the endless sequence of random orders of `0..length`.
fn order(seed: u64, first: u64, count: usize, length: usize) -> Vec<usize> {
    let mut indices = Vec::with_capacity(count);
    let mut at = first;
    while indices.len() < count {
        let (pass, start) = (at / length as u64, (at % length as u64) as usize);
        let mut permutation: Vec<usize> = (0..length).collect();
        permutation.shuffle(&mut random::generator(seed, Purpose::Order, pass));
        let end = length.min(start + count - indices.len());
        indices.extend(&permutation[start..end]);
        at += (end - start) as u64;
    }
    indices
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    #[test]
    fn every_pass_shows_every_tile_once() {
        let all = order(5, 0, 30, 10);
        for pass in all.chunks(10) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(all[..10], all[10..20]);
    }

    #[test]
    fn volume_fractions_deviate_as_those_of_the_tiles_do() {
        // Phase 2 fills 0, 1, 2 and 3 of the four pixels, phase 1 none.
        let phases = Array4::from_shape_fn((4, 1, 2, 2), |(n, _, y, x)| if 2 * y + x < n { 2 } else { 0 });
        let tiles = PhaseImages::new(phases, 3).unwrap();
        let deviation = (5.0f32 / 3.0).sqrt() / 4.0;
        let found = TrainingData::new(&tiles, &tiles).volume_fraction_deviations;
        assert!(found.len() == 3 && (found[0] - deviation).abs() < 1e-6 && (found[2] - deviation).abs() < 1e-6);
        assert_eq!(found[1], 0.01);
    }

    #[test]
    fn batches_cut_one_sequence() {
        let all = order(5, 0, 28, 10);
        let batches: Vec<usize> = (0..7).flat_map(|step| order(5, step * 4, 4, 10)).collect();
        assert_eq!(all, batches);
    }
}
