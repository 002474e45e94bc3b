//! One update of Adam in one pass over all values.

use pulp::{Simd, WithSimd};

use crate::device::{for_each, instructions};
use crate::network::kernels::{AdamStep, BETA2, EPSILON};

/// Parameters of one task.
const PART: usize = 1 << 14;

/// See [`Kernels::adam`](crate::network::kernels::Kernels::adam).
pub fn adam(values: &mut [f32], [first, second]: [&mut [f32]; 2], gradient: &[f32], step: &AdamStep) {
    let moments = first.chunks_mut(PART).zip(second.chunks_mut(PART));
    let parts = values.chunks_mut(PART).zip(gradient.chunks(PART)).zip(moments);
    for_each(parts, |((values, gradient), (first, second))| {
        instructions().dispatch(AdamUpdate {
            values,
            gradient,
            first,
            second,
            beta1: step.beta1 as f32,
            // The root of the corrected moment is the corrected root.
            inverse_root_correction: (1.0 / step.correction.sqrt()) as f32,
            rate: step.rate as f32,
        });
    });
}

struct AdamUpdate<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    beta1: f32,
    inverse_root_correction: f32,
    rate: f32,
}

impl WithSimd for AdamUpdate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        const DECAY: f32 = BETA2 as f32;
        let moments = self.first.iter_mut().zip(self.second);
        for ((value, &gradient), (first, second)) in self.values.iter_mut().zip(self.gradient).zip(moments) {
            *first = *first * self.beta1 + gradient * (1.0 - self.beta1);
            *second = *second * DECAY + gradient * gradient * (1.0 - DECAY);
            let root = second.sqrt() * self.inverse_root_correction + EPSILON as f32;
            *value -= *first / root * self.rate;
        }
    }
}
