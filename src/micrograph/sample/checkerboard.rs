//! Squares of alternating phase.

use ndarray::Array3;
use rand_chacha::ChaCha8Rng;

use super::{Material, check_range};
use crate::Result;

/// A checkerboard, a test material of the paper. Nothing in it is random: every seed gives the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkerboard {
    /// Rows in pixels, 8 to 8192; default 256.
    pub ny: usize,
    /// Columns in pixels, 8 to 8192; default 256.
    pub nx: usize,
    /// Side of one square in pixels, at least 1 and less than `ny` and `nx`; default 8. The board is periodic if twice
    /// this length divides `ny` and `nx`.
    pub cell: usize,
}

impl Default for Checkerboard {
    fn default() -> Self {
        Self { ny: 256, nx: 256, cell: 8 }
    }
}

impl Material for Checkerboard {
    fn name(&self) -> &'static str {
        "checkerboard"
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![("side of a square", self.cell.to_string())]
    }

    fn shape(&self) -> [usize; 3] {
        [1, self.ny, self.nx]
    }

    fn check(&self) -> Result<()> {
        check_range("the side of a square", self.cell, 1..=self.ny.min(self.nx) - 1)
    }

    fn draw(&self, _: &mut ChaCha8Rng) -> Result<Array3<u8>> {
        Ok(Array3::from_shape_fn(self.shape(), |(_, y, x)| ((y / self.cell + x / self.cell) % 2) as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::*;

    #[test]
    fn one_square_over_the_phase_changes() {
        let sample = Sample::Checkerboard(Checkerboard { ny: 24, nx: 32, cell: 4 });
        let images = sample.make(0, 1).unwrap().images;
        assert_eq!(images.shape(), [1, 24, 32]);
        for ((_, _, y, x), &phase) in images.phases().indexed_iter() {
            assert_eq!(images.phases()[[0, 0, y, (x + 4) % 32]], 1 - phase);
            assert_eq!(images.phases()[[0, 0, (y + 4) % 24, (x + 4) % 32]], phase);
            assert_eq!(images.phases()[[0, 0, y - y % 4, x - x % 4]], phase);
        }
        assert_eq!(images.volume_fractions(), [0.5, 0.5]);
    }
}
