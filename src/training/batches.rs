//! Which images a training step sees.

use burn_tensor::{Device, Tensor};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::Result;
use crate::micrograph::{self, Directions, PhaseImages};
use crate::network::one_hot;
use crate::random::{self, Purpose};

/// The micrographs and tiles from which batches are drawn.
pub struct TrainingData<'a> {
    /// For windows.
    pub micrographs: Directions<'a>,
    /// Non-overlapping tiles of the networks' side, of the first micrograph.
    pub tiles: &'a PhaseImages,
}

impl TrainingData<'_> {
    /// The tiles of step `step` (from 0) as channels, `[batch, channels, 1, side, side]`.
    ///
    /// Each pass is a new random order of all tiles. A batch may begin in one pass and end in the next.
    pub fn tile_batch(&self, seed: u64, step: u64, batch: usize, device: &Device) -> Tensor<5> {
        one_hot(self.tiles, &order(seed, step * batch as u64, batch, self.tiles.len()), device)
    }

    /// Random windows of the micrograph of planes across `axis` as channels; positions near the edges are drawn more often to even out coverage.
    ///
    /// # Errors
    ///
    /// Those of [`micrograph::random_windows`].
    pub fn windows(&self, axis: usize, batch: usize, rng: &mut impl Rng, device: &Device) -> Result<Tensor<5>> {
        let [_, side, _] = self.tiles.shape();
        let windows = micrograph::random_windows(self.micrographs.across(axis), batch, side, rng)?;
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
    fn batches_cut_one_sequence() {
        let all = order(5, 0, 28, 10);
        let batches: Vec<usize> = (0..7).flat_map(|step| order(5, step * 4, 4, 10)).collect();
        assert_eq!(all, batches);
    }
}
