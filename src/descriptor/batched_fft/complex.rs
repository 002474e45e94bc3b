//! Complex numbers, one in each SIMD lane.
//!
//! All functions on vectors are `#[inline(always)]`: otherwise they would be compiled for the baseline processor, not
//! for the instructions chosen at run time.

use pulp::Simd;

/// One complex number in each lane: real parts, imaginary parts.
pub type Complexes<S> = [<S as Simd>::f32s; 2];

#[inline(always)]
pub fn zero<S: Simd>(simd: S) -> Complexes<S> {
    [simd.splat_f32s(0.0); 2]
}

#[inline(always)]
pub fn add<S: Simd>(simd: S, a: Complexes<S>, b: Complexes<S>) -> Complexes<S> {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

#[inline(always)]
pub fn sub<S: Simd>(simd: S, a: Complexes<S>, b: Complexes<S>) -> Complexes<S> {
    [simd.sub_f32s(a[0], b[0]), simd.sub_f32s(a[1], b[1])]
}

/// `a + i b`
#[inline(always)]
pub fn add_i<S: Simd>(simd: S, a: Complexes<S>, b: Complexes<S>) -> Complexes<S> {
    [simd.sub_f32s(a[0], b[1]), simd.add_f32s(a[1], b[0])]
}

/// `a - i b`
#[inline(always)]
pub fn sub_i<S: Simd>(simd: S, a: Complexes<S>, b: Complexes<S>) -> Complexes<S> {
    [simd.add_f32s(a[0], b[1]), simd.sub_f32s(a[1], b[0])]
}

/// All lanes times one complex number.
#[inline(always)]
pub fn times<S: Simd>(simd: S, a: Complexes<S>, [re, im]: [f32; 2]) -> Complexes<S> {
    let (re, im) = (simd.splat_f32s(re), simd.splat_f32s(im));
    [
        simd.negate_mul_add_e_f32s(a[1], im, simd.mul_f32s(a[0], re)),
        simd.mul_add_e_f32s(a[1], re, simd.mul_f32s(a[0], im)),
    ]
}

/// `sum + factor a` with one real factor.
#[inline(always)]
pub fn add_scaled<S: Simd>(simd: S, sum: Complexes<S>, a: Complexes<S>, factor: f32) -> Complexes<S> {
    let factor = simd.splat_f32s(factor);
    [simd.mul_add_e_f32s(a[0], factor, sum[0]), simd.mul_add_e_f32s(a[1], factor, sum[1])]
}
