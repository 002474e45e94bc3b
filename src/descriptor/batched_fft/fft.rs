//! Fourier transforms of any length, one sequence in each SIMD lane.

use std::f64::consts::TAU;

use pulp::{NullaryFnOnce, Simd};

use super::butterfly::{Butterfly, Radix2, Radix4, Radix8};
use super::complex::{Complexes, add, add_i, add_scaled, sub, sub_i, times, zero};

/// A transform of one length as a product of short ones (Stockham's algorithm).
///
/// rustfft transforms one sequence at a time through virtual calls, into which the vector instructions chosen at run
/// time are not inlined.
pub struct Plan {
    stages: Vec<Stage>,
}

/// Transforms of `radix` numbers at distances of `length / radix`.
struct Stage {
    radix: usize,
    /// Product of the previous radices: the number of neighbours with the same twiddle factors.
    stride: usize,
    /// For each set of neighbours, twiddle factors 1 to `radix - 1`.
    twiddles: Vec<[f32; 2]>,
    /// `exp(-2 pi i j / radix)`; empty for radix 2, 4 and 8.
    roots: Vec<[f32; 2]>,
}

impl Plan {
    pub fn new(length: usize) -> Self {
        let mut stride = 1;
        let stages = radices(length).into_iter().map(|radix| {
            let stage = Stage::new(radix, length / stride, stride);
            stride *= radix;
            stage
        });
        Self { stages: stages.collect() }
    }

    /// Transforms `line` in place, without normalisation. `spare` has the same length.
    #[inline(always)]
    pub fn transform<S: Simd>(&self, simd: S, line: &mut [Complexes<S>], spare: &mut [Complexes<S>]) {
        // Compiled once, not inlined into every caller.
        simd.vectorize(Transform { simd, stages: &self.stages, line, spare });
    }
}

/// The arguments of [`Plan::transform`].
///
/// A closure would not be inlined into code for the vector instructions.
struct Transform<'a, S: Simd> {
    simd: S,
    stages: &'a [Stage],
    line: &'a mut [Complexes<S>],
    spare: &'a mut [Complexes<S>],
}

impl<S: Simd> NullaryFnOnce for Transform<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, stages, line, spare } = self;
        let mut pairs = stages.chunks_exact(2);
        for pair in &mut pairs {
            pair[0].transform(simd, line, spare);
            pair[1].transform(simd, spare, line);
        }
        if let [last] = pairs.remainder() {
            last.transform(simd, line, spare);
            line.copy_from_slice(spare);
        }
    }
}

/// The largest radix of a transform of this length.
pub fn largest_radix(length: usize) -> usize {
    radices(length).into_iter().max().unwrap_or(1)
}

/// Factors of `length`: as many 8 as possible, then 4 or 2, then odd primes.
fn radices(length: usize) -> Vec<usize> {
    let (mut rest, mut radices) = (length, Vec::new());
    for radix in [8, 4, 2].into_iter().chain((3..).step_by(2)) {
        while rest.is_multiple_of(radix) {
            radices.push(radix);
            rest /= radix;
        }
        if rest == 1 {
            break;
        }
    }
    radices
}

/// `exp(-2 pi i numerator / denominator)`, rounded once.
fn root(numerator: usize, denominator: usize) -> [f32; 2] {
    let angle = TAU * (numerator % denominator) as f64 / denominator as f64;
    [angle.cos() as f32, -angle.sin() as f32]
}

impl Stage {
    /// A stage after which transforms of `rest / radix` numbers remain.
    fn new(radix: usize, rest: usize, stride: usize) -> Self {
        let twiddles = (0..rest / radix).flat_map(|p| (1..radix).map(move |j| root(p * j, rest))).collect();
        let roots = if radix.is_multiple_of(2) { Vec::new() } else { (0..radix).map(|j| root(j, radix)).collect() };
        Self { radix, stride, twiddles, roots }
    }

    /// One stage of the transform. Overwrites `from`.
    #[inline(always)]
    fn transform<S: Simd>(&self, simd: S, from: &mut [Complexes<S>], to: &mut [Complexes<S>]) {
        match self.radix {
            2 => self.even::<2, Radix2, S>(simd, from, to),
            4 => self.even::<4, Radix4, S>(simd, from, to),
            8 => self.even::<8, Radix8, S>(simd, from, to),
            _ => self.odd(simd, from, to),
        }
    }

    #[inline(always)]
    fn even<const R: usize, B: Butterfly<R>, S: Simd>(&self, simd: S, from: &[Complexes<S>], to: &mut [Complexes<S>]) {
        let apart = from.len() / R;
        let twiddles = self.twiddles.chunks_exact(R - 1);
        for ((p, to), twiddles) in to.chunks_exact_mut(R * self.stride).enumerate().zip(twiddles) {
            for q in 0..self.stride {
                let mut a = [zero(simd); R];
                for j in 0..R {
                    a[j] = from[j * apart + p * self.stride + q];
                }
                let b = B::transform(simd, a);
                to[q] = b[0];
                for k in 1..R {
                    // The first twiddle factors are 1.
                    to[k * self.stride + q] = if p == 0 { b[k] } else { times(simd, b[k], twiddles[k - 1]) };
                }
            }
        }
    }

    /// Any odd radix from its definition; numbers j and `radix - j` have conjugate roots and are combined.
    #[inline(always)]
    fn odd<S: Simd>(&self, simd: S, from: &mut [Complexes<S>], to: &mut [Complexes<S>]) {
        let (radix, half) = (self.radix, self.radix / 2);
        let apart = from.len() / radix;
        let twiddles = self.twiddles.chunks_exact(radix - 1);
        for ((p, to), twiddles) in to.chunks_exact_mut(radix * self.stride).enumerate().zip(twiddles) {
            for q in 0..self.stride {
                let at = |j: usize| j * apart + p * self.stride + q;
                let first = from[at(0)];
                let mut total = first;
                for j in 1..=half {
                    let (a, b) = (from[at(j)], from[at(radix - j)]);
                    (from[at(j)], from[at(radix - j)]) = (add(simd, a, b), sub(simd, a, b));
                    total = add(simd, total, from[at(j)]);
                }
                to[q] = total;
                for k in 1..=half {
                    let (mut even, mut odd) = (first, zero(simd));
                    let mut turn = 0;
                    for j in 1..=half {
                        turn = if turn + k < radix { turn + k } else { turn + k - radix };
                        let [cos, minus_sin] = self.roots[turn];
                        even = add_scaled(simd, even, from[at(j)], cos);
                        odd = add_scaled(simd, odd, from[at(radix - j)], minus_sin);
                    }
                    to[k * self.stride + q] = times(simd, add_i(simd, even, odd), twiddles[k - 1]);
                    to[(radix - k) * self.stride + q] = times(simd, sub_i(simd, even, odd), twiddles[radix - k - 1]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;
    use rand::{Rng, SeedableRng};
    use rustfft::{FftPlanner, num_complex::Complex};

    use super::*;

    #[test]
    fn agrees_with_rustfft_for_every_length() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for length in (1..=130).chain([243, 250, 251, 256, 343, 512, 1000, 1001, 1024, 2048]) {
            let mut line: Vec<[f32; 2]> = (0..length).map(|_| [0, 1].map(|_| rng.random_range(-1.0..1.0))).collect();
            let mut expected: Vec<_> =
                line.iter().map(|&[re, im]| Complex::new(f64::from(re), f64::from(im))).collect();
            FftPlanner::new().plan_fft_forward(length).process(&mut expected);
            Plan::new(length).transform(Scalar, &mut line, &mut vec![[0.0; 2]; length]);
            let tolerance = 1e-6 * (length as f64).sqrt();
            for (found, expected) in line.iter().zip(&expected) {
                let error = (Complex::new(f64::from(found[0]), f64::from(found[1])) - expected).norm();
                assert!(error < tolerance, "{length}: {error}");
            }
        }
    }
}
