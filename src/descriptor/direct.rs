//! Reference implementations for tests, as loops over pairs of voxels, and test images.

use ndarray::{Array3, Array4};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::micrograph::PhaseImages;

/// Shapes `[nz, ny, nx]`: odd, even and prime sides, single rows and columns, two and three dimensions.
pub const SHAPES: [[usize; 3]; 12] = [
    [1, 1, 1],
    [1, 1, 9],
    [1, 10, 1],
    [1, 8, 8],
    [1, 7, 7],
    [1, 9, 12],
    [1, 16, 5],
    [1, 33, 20],
    [7, 1, 6],
    [4, 4, 4],
    [3, 5, 7],
    [6, 5, 8],
];

/// Images of independent voxels; the share of phase 0 is drawn per image.
pub fn random_images(seed: u64, n: usize, [nz, ny, nx]: [usize; 3], n_phases: usize) -> PhaseImages {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut phases = Array4::zeros((n, nz, ny, nx));
    for mut image in phases.outer_iter_mut() {
        let share = rng.random_range(0.0..1.0);
        image.mapv_inplace(|_: u8| if rng.random_bool(share) { 0 } else { rng.random_range(1..n_phases as u8) });
    }
    PhaseImages::new(phases, n_phases).unwrap()
}

/// A checkerboard whose squares are `cell` voxels wide.
pub fn checkerboard(side: usize, cell: usize) -> PhaseImages {
    PhaseImages::new(Array4::from_shape_fn((1, 1, side, side), |(_, _, y, x)| ((y / cell + x / cell) % 2) as u8), 2)
        .unwrap()
}

fn indicator(images: &PhaseImages, index: usize, phase: u8) -> Array3<bool> {
    images.phases().index_axis(ndarray::Axis(0), index).mapv(|voxel| voxel == phase)
}

/// S2 on the torus.
pub fn s2(images: &PhaseImages, index: usize, phase: u8) -> Array3<f64> {
    let phase = indicator(images, index, phase);
    let (nz, ny, nx) = phase.dim();
    Array3::from_shape_fn(phase.dim(), |(rz, ry, rx)| {
        let partner = |(z, y, x)| phase[[(z + rz) % nz, (y + ry) % ny, (x + rx) % nx]];
        let pairs = phase.indexed_iter().filter(|&(voxel, &inside)| inside && partner(voxel)).count();
        pairs as f64 / phase.len() as f64
    })
}

/// S2 over the pairs inside the image; lags of each axis 0 to L, then -L to -1.
pub fn s2_non_periodic(images: &PhaseImages, index: usize, phase: u8, max_lag: Option<usize>) -> Array3<f64> {
    let phase = indicator(images, index, phase);
    let lags = |n: usize| {
        let longest = max_lag.unwrap_or(n - 1).min(n - 1) as isize;
        (0..=longest).chain(-longest..0).collect::<Vec<_>>()
    };
    let (nz, ny, nx) = phase.dim();
    let (lags_z, lags_y, lags_x) = (lags(nz), lags(ny), lags(nx));
    Array3::from_shape_fn((lags_z.len(), lags_y.len(), lags_x.len()), |(iz, iy, ix)| {
        let (mut pairs, mut overlap) = (0, 0);
        for ((z, y, x), &inside) in phase.indexed_iter() {
            let shifted =
                [(z, lags_z[iz]), (y, lags_y[iy]), (x, lags_x[ix])].map(|(i, lag)| i.wrapping_add_signed(lag));
            if let Some(&partner) = phase.get(shifted) {
                overlap += 1;
                pairs += usize::from(inside && partner);
            }
        }
        pairs as f64 / overlap as f64
    })
}

/// Eq. 12 between two maps in FFT order, over the lags no longer than `max_lag`.
pub fn error(a: &Array3<f64>, b: &Array3<f64>, max_lag: Option<usize>) -> f64 {
    let (mz, my, mx) = a.dim();
    let lag = |i: usize, m: usize| if i <= m / 2 { i as f64 } else { i as f64 - m as f64 };
    let is_counted = |(z, y, x)| {
        let length = (lag(z, mz).powi(2) + lag(y, my).powi(2) + lag(x, mx).powi(2)).sqrt();
        max_lag.is_none_or(|limit| length <= limit as f64)
    };
    let counted: Vec<f64> =
        a.indexed_iter().filter(|&(r, _)| is_counted(r)).map(|(r, s2)| (s2 - b[r]).powi(2)).collect();
    (counted.iter().sum::<f64>() / counted.len() as f64).sqrt()
}
