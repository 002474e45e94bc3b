//! The losses (paper, Eq. 1 to 9), each as its value and its gradient by what the network gave.
//!
//! All work from logits. The translation T of Eq. 3 takes the same displacement for original and reconstruction, so it
//! permutes the terms of a sum and changes neither value nor gradient: it is not carried out.

use burn_tensor::Tensor;

use crate::network::{AdversarialStream, Prior, kernels};

/// A loss and its gradient.
pub struct Term<const D: usize> {
    /// Value, shape `[1]`; stays on the device.
    pub value: Tensor<1>,
    /// Gradient by the input of the loss, shaped like it.
    pub gradient: Tensor<D>,
}

/// The adversarial loss of the logits of several streams, one behind the other (Eq. 6 and 7): the weighted sum of their means.
pub fn adversarial(logits: Tensor<5>, streams: &[AdversarialStream]) -> Term<5> {
    let (value, gradient) = kernels(&logits).adversarial(logits, streams);
    Term { value, gradient }
}

/// L_Rec, Eq. 3: the negative log-likelihood of `targets`, one-hot, under `logits`.
///
/// Both are `[n, channels, depth, height, width]`. One channel: Bernoulli, the channel is phase 1. Several: categorical. Mean
/// over the batch; sum over pixels, or mean if `pixel_mean`.
pub fn reconstruction(logits: Tensor<5>, targets: Tensor<5>, pixel_mean: bool) -> Term<5> {
    let [n, _, depth, height, width] = logits.dims();
    let divisor = (n * if pixel_mean { depth * height * width } else { 1 }) as f64;
    let (value, gradient) = kernels(&logits).cross_entropy(logits, targets, divisor);
    Term { value, gradient }
}

/// The probability of phase 1 (one channel) or of each phase.
pub fn probabilities(logits: Tensor<5>) -> Tensor<5> {
    kernels(&logits).probabilities(logits)
}

/// The most probable phase as one-hot channels, from the probabilities.
pub fn most_probable(probabilities: &Tensor<5>) -> Tensor<5> {
    if probabilities.dims()[1] == 1 {
        probabilities.clone().greater_elem(0.5).float()
    } else {
        probabilities.clone().greater_equal(probabilities.clone().max_dim(1)).float()
    }
}

/// Takes a gradient by `probabilities` back to the logits, and adds another one by the logits with its weight.
pub fn probabilities_backward(
    probabilities: Tensor<5>,
    gradient: Tensor<5>,
    other: Option<(Tensor<5>, f64)>,
) -> Tensor<5> {
    kernels(&probabilities).probabilities_backward(probabilities, gradient, other)
}

/// The general Kullback-Leibler divergence (Eq. 2, computed by Eq. 8 or 9) between T_mu, T_sigma of the posterior and of the
/// random prior; by what the encoder gave, `[n, 2 latents]`. Mean over the batch; sum over latents, or mean if `latent_mean`.
pub fn divergence(encoded: Tensor<2>, prior: &Prior, latent_mean: bool) -> Term<2> {
    let [n, values] = encoded.dims();
    let divisor = (n * if latent_mean { values / 2 } else { 1 }) as f64;
    let (value, gradient) = kernels(&encoded).divergence(encoded, prior.clone(), divisor);
    Term { value, gradient }
}

#[cfg(test)]
mod tests {
    use burn_tensor::{DType, Device, TensorData};
    use rand::Rng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::random::{Purpose, generator};

    fn tensor<const D: usize>(values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (&Device::flex(), DType::F64))
    }

    fn random<const D: usize>(shape: [usize; D], low: f64, rng: &mut ChaCha8Rng) -> Tensor<D> {
        tensor((0..shape.iter().product()).map(|_| rng.random_range(low..3.0)).collect(), shape)
    }

    /// Compares `gradient` at `x` with central differences of `value`, at every entry.
    fn check<const D: usize>(x: Tensor<D>, gradient: Tensor<D>, value: impl Fn(Tensor<D>) -> f64) {
        let values = x.clone().into_data().try_to_vec::<f64>().unwrap();
        let gradient = gradient.into_data().try_to_vec::<f64>().unwrap();
        for index in 0..values.len() {
            let at = |step: f64| {
                let mut values = values.clone();
                values[index] += step;
                value(tensor(values, x.dims()))
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((gradient[index] - difference).abs() < 1e-8, "{} instead of {difference}", gradient[index]);
        }
    }

    #[test]
    fn the_most_probable_phase_is_one_and_the_others_zero() {
        let one = tensor(vec![0.2, 0.9, 0.5, 0.51], [2, 1, 1, 1, 2]);
        assert_eq!(most_probable(&one).into_data().try_to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 1.0]);
        // Two pixels, three phases.
        let three = tensor(vec![0.2, 0.1, 0.5, 0.3, 0.3, 0.6], [1, 3, 1, 1, 2]);
        let hard = most_probable(&three).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(hard, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }

    fn scalar(value: Tensor<1>) -> f64 {
        value.into_scalar::<f64>()
    }

    fn one_hot(shape: [usize; 5], rng: &mut ChaCha8Rng) -> Tensor<5> {
        let ([n, channels, ..], pixels) = (shape, shape[2..].iter().product::<usize>());
        let mut values = vec![0.0; n * channels * pixels];
        for image in 0..n {
            for pixel in 0..pixels {
                let channel = rng.random_range(0..channels.max(2));
                if channels == 1 {
                    values[image * pixels + pixel] = channel as f64;
                } else {
                    values[(image * channels + channel) * pixels + pixel] = 1.0;
                }
            }
        }
        tensor(values, shape)
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut rng = generator(3, Purpose::Step, 0);
        for real in [false, true] {
            let logits = random([6, 1, 1, 1, 1], -3.0, &mut rng);
            let streams = [(real, 1.0), (!real, 0.3), (real, 2.0)];
            let streams = streams.map(|(real, weight)| AdversarialStream { real, weight });
            check(logits.clone(), adversarial(logits, &streams).gradient, |x| scalar(adversarial(x, &streams).value));
        }
        for channels in [1, 3, 4] {
            let shape = [2, channels, 2, 1, 3];
            let (logits, targets) = (random(shape, -3.0, &mut rng), one_hot(shape, &mut rng));
            for mean in [false, true] {
                let gradient = reconstruction(logits.clone(), targets.clone(), mean).gradient;
                check(logits.clone(), gradient, |x| scalar(reconstruction(x, targets.clone(), mean).value));
            }
            let weights = random(shape, -3.0, &mut rng);
            let other = Some((weights.clone(), 0.7));
            let gradient = probabilities_backward(probabilities(logits.clone()), weights.clone(), other);
            check(logits, gradient, |x| scalar(((probabilities(x.clone()) + x * 0.7) * weights.clone()).sum()));
        }
        let mut any = |low| random([3, 4], low, &mut rng);
        let encoded = Tensor::cat(vec![any(-3.0), any(-3.0)], 1);
        let prior = Prior { mean: any(-3.0), deviation: any(0.5), mean_scale: any(0.5), deviation_scale: any(0.5) };
        for by_mean in [false, true] {
            let found = divergence(encoded.clone(), &prior, by_mean);
            check(encoded.clone(), found.gradient, |x| scalar(divergence(x, &prior, by_mean).value));
        }
    }

    #[test]
    fn values_agree_with_the_formulas() {
        let logits = tensor(vec![-1000.0, -2.0, 0.0, 2.0, 1000.0], [5, 1, 1, 1, 1]);
        let streams = [AdversarialStream { real: true, weight: 1.0 }];
        let value = scalar(adversarial(logits, &streams).value);
        let expected = (1000.0 + (1.0 + 2f64.exp()).ln() + 2f64.ln() + (1.0 + (-2f64).exp()).ln()) / 5.0;
        assert!((value - expected).abs() < 1e-9, "{value} instead of {expected}");

        let standard = Prior {
            mean: tensor(vec![0.0; 2], [1, 2]),
            deviation: tensor(vec![1.0; 2], [1, 2]),
            mean_scale: tensor(vec![1.0; 2], [1, 2]),
            deviation_scale: tensor(vec![1.0; 2], [1, 2]),
        };
        let (mean, log_variance) = ([0.3, -1.2], [0.4f64, -0.7]);
        let found = divergence(tensor([mean, log_variance].concat(), [1, 4]), &standard, false);
        let eq9: f64 = (0..2).map(|i| -0.5 * (1.0 + log_variance[i] - log_variance[i].exp() - mean[i] * mean[i])).sum();
        assert!((scalar(found.value) - eq9).abs() < 1e-12);
    }

    #[test]
    fn two_channels_of_a_softmax_are_a_sigmoid() {
        let mut rng = generator(4, Purpose::Step, 0);
        let (logits, targets) = (random([2, 1, 1, 3, 3], -3.0, &mut rng), one_hot([2, 1, 1, 3, 3], &mut rng));
        let pair = Tensor::cat(vec![logits.zeros_like(), logits.clone()], 1);
        let pair_targets = Tensor::cat(vec![-targets.clone() + 1.0, targets.clone()], 1);
        let bernoulli = scalar(reconstruction(logits, targets, false).value);
        let categorical = scalar(reconstruction(pair, pair_targets, false).value);
        assert!((bernoulli - categorical).abs() < 1e-10);
    }
}
