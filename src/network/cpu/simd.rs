//! Functions of SIMD vectors, whose results do not depend on the width.

use pulp::{Simd, bytemuck};

/// `f32` values in a cache line and in the widest SIMD vector: buffers have whole lines.
pub const LINE: usize = 16;

/// Lanes of a sum: two of the widest vectors, so that additions overlap.
pub const LANES: usize = 2 * LINE;

/// Sums in [`LANES`] lanes, in the first `LANES / S::F32_LANES` vectors.
pub struct Lanes<S: Simd>(pub [S::f32s; LANES]);

impl<S: Simd> Lanes<S> {
    /// Zeros.
    #[inline(always)]
    pub fn new(simd: S) -> Self {
        Self([simd.splat_f32s(0.0); LANES])
    }

    /// The sum of the lanes, in their order.
    #[inline(always)]
    pub fn total(self) -> f64 {
        let mut total = 0.0;
        for part in &self.0[..LANES / S::F32_LANES] {
            let lanes: &[f32] = bytemuck::cast_slice(std::slice::from_ref(part));
            for &lane in lanes {
                total += f64::from(lane);
            }
        }
        total
    }
}

/// -|x|.
#[inline(always)]
pub fn negative_magnitude<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.neg_f32s(simd.abs_f32s(x))
}

/// exp(x) for x <= 0, relative error 2e-7; 0 below -87, where it would be subnormal.
#[inline(always)]
pub fn exp_of_negative<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    // x = n ln 2 + r with |r| <= ln(2) / 2. Adding 1.5 * 2^23 rounds to a whole number, which is then in the last bits.
    let rounder = splat(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), rounder);
    let n = simd.sub_f32s(shifted, rounder);
    // ln 2 in two parts, the first with so few digits that n times it is exact.
    let r = simd.mul_add_e_f32s(n, splat(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, splat(2.121_944_4e-4), r);
    let mut sum = splat(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = simd.mul_add_e_f32s(sum, r, splat(coefficient));
    }
    // 2^n by its bits: n + 127 in the exponent.
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127));
    let power = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23)));
    let value = simd.mul_f32s(sum, power);
    simd.select_f32s(simd.less_than_f32s(x, splat(-87.0)), splat(0.0), value)
}

/// log(1 + x) for x in 0 to 1, relative error 3e-7.
#[inline(always)]
pub fn log_of_one_plus<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    // 2 artanh(s) with s = x / (2 + x), which is at most 1/3.
    let s = simd.div_f32s(x, simd.add_f32s(x, splat(2.0)));
    let square = simd.mul_f32s(s, s);
    let mut sum = splat(2.0 / 15.0);
    for coefficient in [2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
        sum = simd.mul_add_e_f32s(sum, square, splat(coefficient));
    }
    simd.mul_f32s(sum, s)
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Both<'a> {
        x: &'a [f32],
        exp: &'a mut [f32],
        log: &'a mut [f32],
    }

    impl WithSimd for Both<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let outputs = S::as_mut_simd_f32s(self.exp).0.iter_mut().zip(S::as_mut_simd_f32s(self.log).0);
            for (&x, (exp, log)) in S::as_simd_f32s(self.x).0.iter().zip(outputs) {
                *exp = exp_of_negative(simd, negative_magnitude(simd, x));
                *log = log_of_one_plus(simd, *exp);
            }
        }
    }

    #[test]
    fn exponential_and_logarithm_are_those_of_mathematics() {
        let x: Vec<f32> = (0..200_000).map(|i| 90.0 * (i as f32 / 200_000.0).powi(3)).collect();
        let (mut exp, mut log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        Arch::new().dispatch(Both { x: &x, exp: &mut exp, log: &mut log });
        for ((x, exp), log) in x.into_iter().zip(exp).zip(log) {
            let true_exp = if x > 87.0 { 0.0 } else { (-f64::from(x)).exp() };
            assert!((f64::from(exp) - true_exp).abs() <= 2e-7 * true_exp, "exp(-{x}) = {exp}, not {true_exp}");
            let true_log = f64::from(exp).ln_1p();
            assert!((f64::from(log) - true_log).abs() <= 3e-7 * true_log, "log(1 + {exp}) = {log}, not {true_log}");
        }
    }

    #[test]
    fn zero_and_far_away_are_exact() {
        let x = [[0.0, -0.0, 87.5, -100.0, 1e30, f32::INFINITY, 1.0, 2.0]; 2].concat();
        let (mut exp, mut log) = (vec![0.0; LINE], vec![0.0; LINE]);
        Arch::new().dispatch(Both { x: &x, exp: &mut exp, log: &mut log });
        assert_eq!(exp[..6], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(log[2..6], [0.0; 4]);
    }
}
