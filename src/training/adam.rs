//! The Adam optimiser on a network's vector of parameters.

use burn::tensor::{Device, Tensor};

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

    /// The parameters after step number `step` (from 1) with this gradient.
    pub fn update(&mut self, parameters: Tensor<1>, gradient: Tensor<1>, step: u64) -> Tensor<1> {
        let AdamConstants { beta1, beta2, epsilon } = self.constants;
        self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = self.second.clone() * beta2 + gradient.square() * (1.0 - beta2);
        // In f64 and by powf: an exponent beyond i32 must not wrap.
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        let root = (self.second.clone() / correction(beta2)).sqrt() + epsilon;
        parameters - self.first.clone() / root * (self.rate / correction(beta1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_published_recurrence() {
        let constants = AdamConstants { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
        let device = Device::flex();
        let mut adam = Adam::new(1, 1e-2, constants, &device);
        let mut parameter = Tensor::<1>::from_floats([1.0], &device);
        let (mut x, mut m, mut v) = (1.0f64, 0.0f64, 0.0f64);
        for step in 1..=20u64 {
            let gradient = 2.0 * parameter.clone().into_scalar::<f32>();
            parameter = adam.update(parameter, Tensor::from_floats([gradient], &device), step);
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
