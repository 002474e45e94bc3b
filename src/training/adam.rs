//! The Adam optimiser.

use burn_tensor::{Device, Tensor};

use crate::network::{AdamStep, BETA2, kernels};

/// One update of an optimiser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Number of the update, from 1.
    pub number: u64,
    /// Factor of the learning rate.
    pub learning_rate_factor: f64,
}

/// Optimiser of one network: moments of its gradients.
#[derive(Debug, Clone)]
pub struct Adam {
    rate: f64,
    /// Decay of the first moment.
    beta1: f64,
    /// First moment, one value a parameter.
    pub(crate) first: Tensor<1>,
    /// Second moment, one value a parameter.
    pub(crate) second: Tensor<1>,
}

impl Adam {
    /// Zero moments for `length` parameters.
    pub fn new(length: usize, rate: f64, beta1: f64, device: &Device) -> Self {
        let zeros = || Tensor::zeros([length], device);
        Self { rate, beta1, first: zeros(), second: zeros() }
    }

    /// Updates the parameters with this gradient.
    pub fn update(&mut self, parameters: &mut Tensor<1>, gradient: Tensor<1>, step: Update) {
        let beta1 = self.beta1;
        // By powf: an exponent beyond i32 must not wrap.
        let [correction1, correction] = [beta1, BETA2].map(|beta| 1.0 - beta.powf(step.number as f64));
        let rate = self.rate * step.learning_rate_factor / correction1;
        let step = AdamStep { beta1, rate, correction };
        kernels(&gradient).adam(parameters, [&mut self.first, &mut self.second], gradient, &step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::every_kind;
    use crate::network::with_primitives;

    #[test]
    fn follows_the_published_recurrence() {
        for device in every_kind() {
            check(&device);
            with_primitives(|| check(&device));
        }
    }

    fn check(device: &Device) {
        let mut adam = Adam::new(1, 1e-2, 0.9, device);
        let mut parameter = Tensor::<1>::from_floats([1.0], device);
        let (mut x, mut m, mut v) = (1.0f64, 0.0f64, 0.0f64);
        for step in 1..=20u64 {
            let gradient = 2.0 * parameter.clone().into_scalar::<f32>();
            let gradient = Tensor::from_floats([gradient], device);
            adam.update(&mut parameter, gradient, Update { number: step, learning_rate_factor: 1.0 });
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
