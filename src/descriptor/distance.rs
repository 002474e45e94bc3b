//! Squared distance of the pair counts of two images.

use pulp::{Simd, WithSimd};

use super::count::Count;
use crate::device::instructions;

/// Partial sums, which the compiler vectorises; fixed, so that every processor rounds alike.
const LANES: usize = 16;

/// Numbers after which a sum is compared with the limit.
const STRETCH: usize = 16 * LANES;

/// Sum of the squared differences of `a` and `b`, where those from `n_single` on count twice.
///
/// If that is `limit` or more, a partial sum that is at least `limit`.
pub(super) fn squared_distance<C: Count>(a: &[C], b: &[C], n_single: usize, limit: f64) -> f64 {
    instructions().dispatch(SquaredDistance { a, b, n_single, limit })
}

/// The arguments of [`squared_distance`].
///
/// A closure would not be inlined into code for the processor's vector instructions.
struct SquaredDistance<'a, C> {
    a: &'a [C],
    b: &'a [C],
    n_single: usize,
    limit: f64,
}

impl<C: Count> WithSimd for SquaredDistance<'_, C> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let (a, others_a) = self.a.split_at(self.n_single);
        let (b, others_b) = self.b.split_at(self.n_single);
        let total = accumulate(0.0, 1.0, a, b, self.limit);
        accumulate(total, 2.0, others_a, others_b, self.limit)
    }
}

/// Adds `weight` times the squared differences of `a` and `b` to `total`, until that reaches `limit`.
#[inline(always)]
fn accumulate<C: Count>(mut total: f64, weight: f64, a: &[C], b: &[C], limit: f64) -> f64 {
    for (a, b) in a.chunks(STRETCH).zip(b.chunks(STRETCH)) {
        if total >= limit {
            break;
        }
        total += weight * squares(a, b);
    }
    total
}

#[inline(always)]
fn squares<C: Count>(a: &[C], b: &[C]) -> f64 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += square(a[lane], b[lane]);
        }
    }
    for (sum, (&a, &b)) in sums.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *sum += square(a, b);
    }
    sums.iter().sum()
}

#[inline(always)]
fn square<C: Count>(a: C, b: C) -> f64 {
    let difference = f64::from(a.get().wrapping_sub(b.get()) as i32);
    difference * difference
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn sums_of_whole_numbers_are_exact() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for length in [1, 15, 16, 17, 255, 256, 257, 2112] {
            for n_single in [0, 1, length / 2, length] {
                let [a, b]: [Vec<u16>; 2] = [0; 2].map(|_| (0..length).map(|_| rng.random()).collect());
                let weight = |i| if i < n_single { 1 } else { 2 };
                let expected: u64 = (0..length).map(|i| weight(i) * u64::from(a[i].abs_diff(b[i])).pow(2)).sum();
                assert_eq!(squared_distance(&a, &b, n_single, f64::INFINITY), expected as f64);
                assert_eq!(squared_distance(&a, &a, n_single, f64::INFINITY), 0.0);
                let [a, b] = [a, b].map(|counts| counts.into_iter().map(u32::from).collect::<Vec<_>>());
                assert_eq!(squared_distance(&a, &b, n_single, f64::INFINITY), expected as f64);
            }
        }
    }

    #[test]
    fn beyond_the_limit_nothing_more_is_summed() {
        let (a, b) = (vec![0_u32; 10 * STRETCH], vec![1_u32; 10 * STRETCH]);
        assert_eq!(squared_distance(&a, &b, 10 * STRETCH, STRETCH as f64), STRETCH as f64);
    }

    #[test]
    fn every_processor_rounds_alike() {
        // Differences so large that a double does not hold the sum of their squares.
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let [a, b]: [Vec<u32>; 2] = [0; 2].map(|_| (0..1000).map(|_| rng.random_range(0..1 << 31)).collect());
        let distance = || SquaredDistance { a: &a, b: &b, n_single: 100, limit: f64::INFINITY };
        let expected = distance().with_simd(pulp::Scalar);
        assert_eq!(instructions().dispatch(distance()), expected);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            assert_eq!(Simd::vectorize(simd, distance()), expected);
        }
    }
}
