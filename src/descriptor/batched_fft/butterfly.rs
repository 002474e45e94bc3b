//! Fourier transforms of 2, 4 and 8 numbers, in registers.

use std::f32::consts::FRAC_1_SQRT_2;

use pulp::Simd;

use super::complex::{Complexes, add, add_i, sub, sub_i, times};

/// The transform of `R` numbers.
pub trait Butterfly<const R: usize> {
    /// `b[k] = sum over j of a[j] exp(-2 pi i j k / R)`
    fn transform<S: Simd>(simd: S, a: [Complexes<S>; R]) -> [Complexes<S>; R];
}

pub struct Radix2;
pub struct Radix4;
pub struct Radix8;

impl Butterfly<2> for Radix2 {
    #[inline(always)]
    fn transform<S: Simd>(simd: S, [a, b]: [Complexes<S>; 2]) -> [Complexes<S>; 2] {
        [add(simd, a, b), sub(simd, a, b)]
    }
}

impl Butterfly<4> for Radix4 {
    #[inline(always)]
    fn transform<S: Simd>(simd: S, a: [Complexes<S>; 4]) -> [Complexes<S>; 4] {
        let [even, even_difference] = Radix2::transform(simd, [a[0], a[2]]);
        let [odd, odd_difference] = Radix2::transform(simd, [a[1], a[3]]);
        [
            add(simd, even, odd),
            sub_i(simd, even_difference, odd_difference),
            sub(simd, even, odd),
            add_i(simd, even_difference, odd_difference),
        ]
    }
}

impl Butterfly<8> for Radix8 {
    #[inline(always)]
    fn transform<S: Simd>(simd: S, a: [Complexes<S>; 8]) -> [Complexes<S>; 8] {
        let even = Radix4::transform(simd, [a[0], a[2], a[4], a[6]]);
        let odd = Radix4::transform(simd, [a[1], a[3], a[5], a[7]]);
        let odd_1 = times(simd, odd[1], [FRAC_1_SQRT_2, -FRAC_1_SQRT_2]);
        let odd_3 = times(simd, odd[3], [-FRAC_1_SQRT_2, -FRAC_1_SQRT_2]);
        [
            add(simd, even[0], odd[0]),
            add(simd, even[1], odd_1),
            sub_i(simd, even[2], odd[2]),
            add(simd, even[3], odd_3),
            sub(simd, even[0], odd[0]),
            sub(simd, even[1], odd_1),
            add_i(simd, even[2], odd[2]),
            sub(simd, even[3], odd_3),
        ]
    }
}
