//! Micrographs for tests.

use super::{Checkerboard, GaussianField, Micrograph, Sample};

/// A Gaussian random field.
pub(crate) fn field(seed: u64, ny: usize, nx: usize) -> Micrograph {
    Sample::GaussianField(GaussianField { ny, nx, ..GaussianField::default() }).make(seed, 1).unwrap()
}

/// A checkerboard of several tiles of 32 x 32 pixels.
pub(crate) fn checkerboard() -> Micrograph {
    Sample::Checkerboard(Checkerboard { ny: 70, nx: 100, cell: 8 }).make(1, 1).unwrap()
}
