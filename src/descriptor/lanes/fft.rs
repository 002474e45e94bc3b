//! Fourier transform of any length, of as many sequences at a time as there are SIMD lanes.

use std::f64::consts::TAU;

use pulp::{NullaryFnOnce, Simd};

use super::butterfly::{Butterfly, Radix2, Radix4, Radix8};
use super::complex::{Complexes, add, add_i, add_scaled, sub, sub_i, times, zero};

/// The transform of one length, as a product of short ones (Stockham's form, which leaves the result in order).
///
/// rustfft, which serves elsewhere, transforms one sequence at a time and works through virtual calls, which shut out
/// the vector instructions found at run time.
pub struct Plan {
    stages: Vec<Stage>,
}

/// Transforms of `radix` numbers that lie `length / radix` apart.
struct Stage {
    radix: usize,
    /// Product of the radices before: neighbours that share their twiddle factors.
    stride: usize,
    /// For each set of neighbours, factors 1 to `radix - 1`.
    twiddles: Vec<[f32; 2]>,
    /// `exp(-2 pi i j / radix)`; empty where the butterfly knows them.
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

    /// Transforms `line` in place, not normalised; `spare` is as long.
    #[inline(always)]
    pub fn transform<S: Simd>(&self, simd: S, line: &mut [Complexes<S>], spare: &mut [Complexes<S>]) {
        // A function of its own, lest every caller holds a copy of all of it.
        simd.vectorize(Transform { simd, stages: &self.stages, line, spare });
    }
}

/// The work of [`Plan::transform`]. Not a closure, which would not be inlined where the vector instructions are known.
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

/// The largest of the radices that a transform of this length has.
pub fn largest_radix(length: usize) -> usize {
    radices(length).into_iter().max().unwrap_or(1)
}

/// Factors of `length`: 8 as often as it goes, then 4 or 2, then odd primes.
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
    /// A stage after which transforms of `rest / radix` numbers remain to be done.
    fn new(radix: usize, rest: usize, stride: usize) -> Self {
        let twiddles = (0..rest / radix).flat_map(|p| (1..radix).map(move |j| root(p * j, rest))).collect();
        let roots = if radix.is_multiple_of(2) { Vec::new() } else { (0..radix).map(|j| root(j, radix)).collect() };
        Self { radix, stride, twiddles, roots }
    }

    /// What is in `from` is lost.
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
                    // The first factors of all are 1: in the last stage, no others are left.
                    to[k * self.stride + q] = if p == 0 { b[k] } else { times(simd, b[k], twiddles[k - 1]) };
                }
            }
        }
    }

    /// Any odd radix from its definition; numbers j and `radix - j`, whose roots are conjugate, are taken together.
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

    #[test]
    fn radices_multiply_to_the_length() {
        for (length, expected) in
            [(1, vec![]), (2, vec![2]), (64, vec![8, 8]), (360, vec![8, 3, 3, 5]), (251, vec![251])]
        {
            assert_eq!(radices(length), expected);
        }
    }
}
