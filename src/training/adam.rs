//! The Adam optimiser on a network's vector of parameters.

use burn::tensor::{Device, Tensor};
use pulp::{Arch, Simd, WithSimd};

use crate::device::for_each;
use crate::network::cpu::{CpuSlice, CpuVec};

/// Decays and epsilon of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConstants {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

/// Which update an optimiser makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Its number, from 1.
    pub number: u64,
    /// What the rate is multiplied with.
    pub pace: f64,
}

/// First and second moments of the gradients of one network.
#[derive(Debug, Clone)]
pub struct Adam {
    constants: AdamConstants,
    rate: f64,
    /// First moment, one value a parameter.
    pub first: Tensor<1>,
    /// Second moment, one value a parameter.
    pub second: Tensor<1>,
}

impl Adam {
    /// Zero moments for `length` parameters.
    pub fn new(length: usize, rate: f64, constants: AdamConstants, device: &Device) -> Self {
        let zeros = || Tensor::zeros([length], device);
        Self { constants, rate, first: zeros(), second: zeros() }
    }

    /// Changes the parameters with this gradient.
    pub fn update(&mut self, parameters: &mut Tensor<1>, gradient: Tensor<1>, step: Update) {
        if !self.update_fused(parameters, &gradient, step) {
            self.update_primitives(parameters, gradient, step);
        }
    }

    fn update_primitives(&mut self, parameters: &mut Tensor<1>, gradient: Tensor<1>, step: Update) {
        let AdamConstants { beta1, beta2, epsilon } = self.constants;
        self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = self.second.clone() * beta2 + gradient.square() * (1.0 - beta2);
        let root = (self.second.clone() / correction(beta2, step.number)).sqrt() + epsilon;
        *parameters =
            parameters.clone() - self.first.clone() / root * (self.rate * step.pace / correction(beta1, step.number));
    }

    /// One pass over everything, on the processor. Returns whether it was possible.
    fn update_fused(&mut self, parameters: &mut Tensor<1>, gradient: &Tensor<1>, step: Update) -> bool {
        let Some(gradient) = CpuSlice::of(gradient) else { return false };
        let Some(mut values) = CpuVec::take(parameters) else { return false };
        let [first, second] = [&mut self.first, &mut self.second].map(CpuVec::take);
        let (mut first, mut second) = (first.expect("beside the gradient"), second.expect("beside the gradient"));
        let AdamConstants { beta1, beta2, epsilon } = self.constants;
        let (root_correction, rate) =
            (correction(beta2, step.number).sqrt(), self.rate * step.pace / correction(beta1, step.number));
        let parts = values.as_mut_slice().chunks_mut(PART).zip(gradient.as_slice().chunks(PART));
        let moments = first.as_mut_slice().chunks_mut(PART).zip(second.as_mut_slice().chunks_mut(PART));
        for_each(parts.zip(moments), |((values, gradient), (first, second))| {
            Arch::new().dispatch(Change {
                values,
                gradient,
                first,
                second,
                beta1: beta1 as f32,
                beta2: beta2 as f32,
                // The root of the corrected moment is the corrected root.
                inverse_root_correction: (1.0 / root_correction) as f32,
                epsilon: epsilon as f32,
                rate: rate as f32,
            });
        });
        *parameters = values.into_tensor();
        (self.first, self.second) = (first.into_tensor(), second.into_tensor());
        true
    }
}

/// What a moment that began at zero lacks after `step` steps. In f64 and by powf: an exponent beyond i32 must not wrap.
fn correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powf(step as f64)
}

/// Parameters that one task changes.
const PART: usize = 1 << 14;

struct Change<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    beta1: f32,
    beta2: f32,
    inverse_root_correction: f32,
    epsilon: f32,
    rate: f32,
}

impl WithSimd for Change<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let moments = self.first.iter_mut().zip(self.second);
        for ((value, &gradient), (first, second)) in self.values.iter_mut().zip(self.gradient).zip(moments) {
            *first = *first * self.beta1 + gradient * (1.0 - self.beta1);
            *second = *second * self.beta2 + gradient * gradient * (1.0 - self.beta2);
            let root = second.sqrt() * self.inverse_root_correction + self.epsilon;
            *value -= *first / root * self.rate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_published_recurrence() {
        check(|adam, parameter, gradient, step| assert!(adam.update_fused(parameter, &gradient, step)));
        check(Adam::update_primitives);
    }

    fn check(update: impl Fn(&mut Adam, &mut Tensor<1>, Tensor<1>, Update)) {
        let constants = AdamConstants { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
        let device = Device::flex();
        let mut adam = Adam::new(1, 1e-2, constants, &device);
        let mut parameter = Tensor::<1>::from_floats([1.0], &device);
        let (mut x, mut m, mut v) = (1.0f64, 0.0f64, 0.0f64);
        for step in 1..=20u64 {
            let gradient = 2.0 * parameter.clone().into_scalar::<f32>();
            update(
                &mut adam,
                &mut parameter,
                Tensor::from_floats([gradient], &device),
                Update { number: step, pace: 1.0 },
            );
            let g = 2.0 * x;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            x -= 1e-2 * (m / (1.0 - 0.9f64.powi(step as i32)))
                / ((v / (1.0 - 0.999f64.powi(step as i32))).sqrt() + 1e-7);
        }
        let found = f64::from(parameter.into_scalar::<f32>());
        assert!((found - x).abs() < 1e-5, "{found} instead of {x}");
    }
}
