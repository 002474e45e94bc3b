//! Fourier transforms of real fields.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner, num_complex::Complex};

/// Neighbouring lines that are copied together, so that whole cache lines are read.
const LINES: usize = 16;

/// The plans of a three-dimensional real transform; axes of length 1 cost nothing.
///
/// The spectrum keeps the half `kx <= nx / 2`, shape `(nz, ny, nx / 2 + 1)`: the other half is its complex conjugate.
pub(super) struct Transform {
    shape: [usize; 3],
    x_forward: Arc<dyn RealToComplex<f64>>,
    x_inverse: Arc<dyn ComplexToReal<f64>>,
    /// Along z, then y.
    forward: [Arc<dyn Fft<f64>>; 2],
    inverse: [Arc<dyn Fft<f64>>; 2],
}

/// The buffers of a transform; each thread needs its own.
pub(super) struct Workspace {
    /// The real field, `(nz, ny, nx)`.
    pub field: Vec<f64>,
    /// Its half spectrum, `(nz, ny, nx / 2 + 1)`.
    pub spectrum: Vec<Complex<f64>>,
    lines: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Transform {
    /// Plans the transforms of fields of `[nz, ny, nx]`.
    pub fn new(shape: [usize; 3]) -> Self {
        let [nz, ny, nx] = shape;
        let mut real = RealFftPlanner::new();
        let mut complex = FftPlanner::new();
        Self {
            shape,
            x_forward: real.plan_fft_forward(nx),
            x_inverse: real.plan_fft_inverse(nx),
            forward: [nz, ny].map(|n| complex.plan_fft_forward(n)),
            inverse: [nz, ny].map(|n| complex.plan_fft_inverse(n)),
        }
    }

    /// Length of the spectrum along x.
    pub fn half_length(&self) -> usize {
        self.x_forward.complex_len()
    }

    /// About the bytes of a workspace.
    pub fn workspace_bytes([nz, ny, nx]: [usize; 3]) -> usize {
        let complexes = (nz * ny).saturating_mul(nx / 2 + 1).saturating_add(LINES * nz.max(ny) + nz.max(ny).max(nx));
        (nz * ny).saturating_mul(nx).saturating_add(complexes.saturating_mul(2)).saturating_mul(size_of::<f64>())
    }

    /// Buffers of the right size, zeroed.
    pub fn workspace(&self) -> Workspace {
        let [nz, ny, nx] = self.shape;
        let along_x = self.x_forward.get_scratch_len().max(self.x_inverse.get_scratch_len());
        let across = self.forward.iter().chain(&self.inverse).map(|fft| fft.get_inplace_scratch_len());
        Workspace {
            field: vec![0.0; nz * ny * nx],
            spectrum: vec![Complex::default(); nz * ny * self.half_length()],
            lines: vec![Complex::default(); LINES * nz.max(ny)],
            scratch: vec![Complex::default(); across.fold(along_x, usize::max)],
        }
    }

    /// Transforms the field to its spectrum, without normalisation. Overwrites the field.
    pub fn forward(&self, workspace: &mut Workspace) {
        let Workspace { field, spectrum, lines, scratch } = workspace;
        for (row, half) in field.chunks_exact_mut(self.shape[2]).zip(spectrum.chunks_exact_mut(self.half_length())) {
            self.x_forward.process_with_scratch(row, half, scratch).expect("the workspace has the lengths planned for");
        }
        let [z, y] = &self.forward;
        across(y.as_ref(), self.half_length(), spectrum, lines, scratch);
        across(z.as_ref(), self.half_length() * self.shape[1], spectrum, lines, scratch);
    }

    /// Transforms the spectrum to the field times the number of voxels. Overwrites the spectrum.
    pub fn inverse(&self, workspace: &mut Workspace) {
        let Workspace { field, spectrum, lines, scratch } = workspace;
        let [z, y] = &self.inverse;
        across(z.as_ref(), self.half_length() * self.shape[1], spectrum, lines, scratch);
        across(y.as_ref(), self.half_length(), spectrum, lines, scratch);
        let even = self.shape[2].is_multiple_of(2);
        for (row, half) in field.chunks_exact_mut(self.shape[2]).zip(spectrum.chunks_exact_mut(self.half_length())) {
            // Zero but for rounding; realfft refuses anything else.
            half[0].im = 0.0;
            if even {
                half[self.shape[2] / 2].im = 0.0;
            }
            self.x_inverse
                .process_with_scratch(half, row, scratch)
                .expect("the workspace has the lengths planned for and the ends of the row are real");
        }
    }
}

/// Transforms `data` along the axis of length `fft.len()` on which neighbours lie `stride` apart.
fn across(
    fft: &dyn Fft<f64>,
    stride: usize,
    data: &mut [Complex<f64>],
    lines: &mut [Complex<f64>],
    scratch: &mut [Complex<f64>],
) {
    let n = fft.len();
    if n == 1 {
        return;
    }
    for slab in data.chunks_exact_mut(n * stride) {
        for first in (0..stride).step_by(LINES) {
            let count = LINES.min(stride - first);
            let lines = &mut lines[..count * n];
            for i in 0..n {
                for line in 0..count {
                    lines[line * n + i] = slab[i * stride + first + line];
                }
            }
            fft.process_with_scratch(lines, scratch);
            for i in 0..n {
                for line in 0..count {
                    slab[i * stride + first + line] = lines[line * n + i];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::descriptor::direct;

    #[test]
    fn forward_is_the_fourier_sum_and_inverse_undoes_it() {
        for (seed, shape) in
            [[1, 1, 1], [1, 1, 2], [1, 5, 4], [3, 1, 7], [2, 18, 1], [4, 3, 6], [1, 6, 40]].into_iter().enumerate()
        {
            let field: Vec<f64> =
                direct::random_images(seed as u64, 1, shape, 8).as_slice().iter().map(|&p| p.into()).collect();
            let transform = Transform::new(shape);
            let mut workspace = transform.workspace();
            workspace.field.copy_from_slice(&field);
            transform.forward(&mut workspace);

            let voxels = indices(shape);
            let half = [shape[0], shape[1], transform.half_length()];
            for (k, found) in indices(half).into_iter().zip(&workspace.spectrum) {
                let wave = |r: &[usize; 3]| -> f64 { (0..3).map(|a| (k[a] * r[a]) as f64 / shape[a] as f64).sum() };
                let terms = voxels.iter().zip(&field).map(|(r, &value)| Complex::from_polar(value, -TAU * wave(r)));
                let expected: Complex<f64> = terms.sum();
                assert!((found - expected).norm() < 1e-10, "{shape:?} {k:?}: {found} {expected}");
            }

            transform.inverse(&mut workspace);
            for (found, expected) in workspace.field.iter().zip(&field) {
                assert!((found / field.len() as f64 - expected).abs() < 1e-12);
            }
        }
    }

    fn indices(shape: [usize; 3]) -> Vec<[usize; 3]> {
        ndarray::indices(shape).into_iter().map(|(z, y, x)| [z, y, x]).collect()
    }
}
