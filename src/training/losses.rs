//! The losses (paper, Eq. 1 to 9), each as its value and its gradient by what the network gave.
//!
//! All work from logits. The translation T of Eq. 3 takes the same displacement for original and reconstruction, so it
//! permutes the terms of a sum and changes neither value nor gradient: it is not carried out.

use burn_tensor::Tensor;
use burn_tensor::activation::sigmoid;

use super::augmentation::LatentAugmentation;
use crate::network::{kernels, softplus, sum};

/// A loss and its gradient.
pub struct Term<const D: usize> {
    /// Value, shape `[1]`; stays on the device.
    pub value: Tensor<1>,
    /// Gradient by the input of the loss, shaped like it.
    pub gradient: Tensor<D>,
}

/// -log D for logits of what should pass as real, -log(1 - D) otherwise: mean over the batch (Eq. 6 and 7).
pub fn adversarial(logits: Tensor<4>, real: bool) -> Term<4> {
    let n = logits.dims()[0] as f64;
    let (signed, target) = if real { (-logits.clone(), 1.0) } else { (logits.clone(), 0.0) };
    Term { value: sum(softplus(signed)) / n, gradient: (sigmoid(logits) - target) / n }
}

/// L_Rec, Eq. 3: the negative log-likelihood of `targets`, one-hot or [smoothed](smooth_labels), under `logits`.
///
/// Both are `[n, channels, height, width]`. One channel: Bernoulli, the channel is phase 1. Several: categorical. Mean
/// over the batch; sum over pixels, or mean if `pixel_mean`.
pub fn reconstruction(logits: Tensor<4>, targets: Tensor<4>, pixel_mean: bool) -> Term<4> {
    let [n, _, height, width] = logits.dims();
    let divisor = (n * if pixel_mean { height * width } else { 1 }) as f64;
    let (value, gradient) = kernels(&logits).cross_entropy(logits, targets, divisor);
    Term { value, gradient }
}

/// Label smoothing (Szegedy et al. 2016) of one-hot `tiles`: smoothed targets and their entropy in nats per image.
pub fn smooth_labels(tiles: &Tensor<4>, smoothing: f64) -> (Tensor<4>, f64) {
    if smoothing == 0.0 {
        return (tiles.clone(), 0.0);
    }
    let [_, channels, height, width] = tiles.dims();
    let others = (channels.max(2) - 1) as f64;
    let entropy = -(1.0 - smoothing) * (1.0 - smoothing).ln() - smoothing * (smoothing / others).ln();
    let targets = tiles.clone() * (1.0 - smoothing - smoothing / others) + smoothing / others;
    (targets, entropy * (height * width) as f64)
}

/// Energy distance (Szekely and Rizzo 2013) between `values` and `reference`, summed over columns.
///
/// `values` are `[n, columns]`, `reference` `[m, columns]`. `others`, `[k, columns]`, are an independent sample of the
/// distribution of `values`, treated as constant. The gradient is that of the distance if both samples move alike.
pub fn energy_distance(values: Tensor<2>, others: Tensor<2>, reference: Tensor<2>) -> Term<2> {
    let differences = |a: &Tensor<2>, b: &Tensor<2>| a.clone().unsqueeze_dim::<3>(1) - b.clone().unsqueeze_dim::<3>(0);
    let [n, columns] = values.dims();
    let [k, m] = [others.dims()[0], reference.dims()[0]];
    let (across, among) = (differences(&values, &reference), differences(&values, &others));
    let value = sum(across.clone().abs()) * (2.0 / (n * m) as f64)
        - sum(among.clone().abs()) / (n * k) as f64
        - sum(differences(&reference, &reference).abs()) / (m * (m - 1).max(1)) as f64;
    let gradient = across.sign().sum_dim(1) / (n * m) as f64 - among.sign().sum_dim(1) / (n * k) as f64;
    Term { value, gradient: (gradient * 2.0).reshape([n, columns]) }
}

/// The probability of phase 1 (one channel) or of each phase.
pub fn probabilities(logits: Tensor<4>) -> Tensor<4> {
    kernels(&logits).probabilities(logits)
}

/// The most probable phase as one-hot channels, from the probabilities.
pub fn most_probable(probabilities: &Tensor<4>) -> Tensor<4> {
    if probabilities.dims()[1] == 1 {
        probabilities.clone().greater_elem(0.5).float()
    } else {
        probabilities.clone().greater_equal(probabilities.clone().max_dim(1)).float()
    }
}

/// Takes a gradient by `probabilities` back to the logits.
pub fn probabilities_backward(probabilities: Tensor<4>, gradient: Tensor<4>) -> Tensor<4> {
    if probabilities.dims()[1] == 1 {
        gradient * (probabilities.clone() - probabilities.square())
    } else {
        let weighted = gradient * probabilities.clone();
        weighted.clone() - probabilities * weighted.sum_dim(1)
    }
}

/// Scales `term` so that its gradient norm is `ratio` times that of `reference`. A zero gradient stays zero.
pub fn scale_gradient(term: Term<4>, reference: &Tensor<4>, ratio: f64) -> Term<4> {
    let squares = |of: &Tensor<4>| sum(of.clone().square());
    let weight = (squares(reference) / squares(&term.gradient).clamp_min(1e-30)).sqrt() * ratio;
    Term { value: term.value * weight.clone(), gradient: term.gradient * weight.reshape([1, 1, 1, 1]) }
}

/// KL divergence (Eq. 2, computed by Eq. 8 or 9) and its gradients by the posterior, `[n, latents]` each.
pub struct Divergence {
    /// Value, shape `[1]`.
    pub value: Tensor<1>,
    /// Gradient by the posterior's mean.
    pub by_mean: Tensor<2>,
    /// Gradient by the logarithm of the posterior's variance.
    pub by_log_variance: Tensor<2>,
}

impl Divergence {
    /// max(divergence - `floor`, 0): free bits (Kingma et al. 2016).
    pub fn with_free_bits(self, floor: f64) -> Self {
        let value = (self.value - floor).clamp_min(0.0);
        // 1 above the floor, 0 below it.
        let factor: Tensor<2> = value.clone().sign().reshape([1, 1]);
        Self { value, by_mean: self.by_mean * factor.clone(), by_log_variance: self.by_log_variance * factor }
    }
}

/// The general Kullback-Leibler divergence of Eq. 8 between T_mu, T_sigma of the posterior and of the random prior.
/// Mean over the batch; sum over latents, or mean if `latent_mean`.
pub fn divergence(
    mean: Tensor<2>,
    log_variance: Tensor<2>,
    prior: &LatentAugmentation,
    latent_mean: bool,
) -> Divergence {
    let [n, latents] = mean.dims();
    let divisor = (n * if latent_mean { latents } else { 1 }) as f64;
    let prior_deviation = prior.prior_deviation.clone() * prior.deviation_scale.clone();
    let inverse_variance = prior_deviation.clone().square().recip();
    let offset = (mean - prior.prior_mean.clone()) * prior.mean_scale.clone();
    let log_deviation = log_variance * 0.5 + prior.deviation_scale.clone().log();
    let ratio = (log_deviation.clone() * 2.0).exp() * inverse_variance.clone();
    let terms = prior_deviation.log() - log_deviation
        + (ratio.clone() + offset.clone().square() * inverse_variance.clone()) * 0.5
        - 0.5;
    Divergence {
        value: sum(terms) / divisor,
        by_mean: offset * prior.mean_scale.clone() * inverse_variance / divisor,
        by_log_variance: (ratio - 1.0) * (0.5 / divisor),
    }
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
        let one = tensor(vec![0.2, 0.9, 0.5, 0.51], [2, 1, 1, 2]);
        assert_eq!(most_probable(&one).into_data().try_to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 1.0]);
        // Two pixels, three phases.
        let three = tensor(vec![0.2, 0.1, 0.5, 0.3, 0.3, 0.6], [1, 3, 1, 2]);
        let hard = most_probable(&three).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(hard, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }

    fn scalar(value: Tensor<1>) -> f64 {
        value.into_scalar::<f64>()
    }

    fn one_hot(shape: [usize; 4], rng: &mut ChaCha8Rng) -> Tensor<4> {
        let [n, channels, height, width] = shape;
        let mut values = vec![0.0; n * channels * height * width];
        for image in 0..n {
            for pixel in 0..height * width {
                let channel = rng.random_range(0..channels.max(2));
                if channels == 1 {
                    values[image * height * width + pixel] = channel as f64;
                } else {
                    values[(image * channels + channel) * height * width + pixel] = 1.0;
                }
            }
        }
        tensor(values, shape)
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut rng = generator(3, Purpose::Step, 0);
        for real in [false, true] {
            let logits = random([5, 1, 1, 1], -3.0, &mut rng);
            check(logits.clone(), adversarial(logits, real).gradient, |x| scalar(adversarial(x, real).value));
        }
        let (values, reference) = (random([4, 2], -3.0, &mut rng), random([3, 2], -3.0, &mut rng));
        let others = random([3, 2], -3.0, &mut rng);
        let gradient = energy_distance(values.clone(), others.clone(), reference.clone()).gradient;
        // With the share of others counted twice, once for each side that would move.
        let of = |x: Tensor<2>, from: &Tensor<2>| {
            (x.unsqueeze_dim::<3>(1) - from.clone().unsqueeze_dim::<3>(0)).abs().mean()
        };
        check(values, gradient, |x| scalar((of(x.clone(), &reference) - of(x, &others)) * 4.0));
        for channels in [1, 3, 4] {
            let shape = [2, channels, 2, 3];
            let (logits, targets) = (random(shape, -3.0, &mut rng), one_hot(shape, &mut rng));
            for mean in [false, true] {
                let gradient = reconstruction(logits.clone(), targets.clone(), mean).gradient;
                check(logits.clone(), gradient, |x| scalar(reconstruction(x, targets.clone(), mean).value));
            }
            let weights = random(shape, -3.0, &mut rng);
            let gradient = probabilities_backward(probabilities(logits.clone()), weights.clone());
            check(logits, gradient, |x| scalar((probabilities(x) * weights.clone()).sum()));
        }
        let mut any = |low| random([3, 4], low, &mut rng);
        let (mean, log_variance) = (any(-3.0), any(-3.0));
        let prior = LatentAugmentation {
            prior_mean: any(-3.0),
            prior_deviation: any(0.5),
            mean_scale: any(0.5),
            deviation_scale: any(0.5),
        };
        for by_mean in [false, true] {
            let found = divergence(mean.clone(), log_variance.clone(), &prior, by_mean);
            check(mean.clone(), found.by_mean, |x| scalar(divergence(x, log_variance.clone(), &prior, by_mean).value));
            check(log_variance.clone(), found.by_log_variance, |x| {
                scalar(divergence(mean.clone(), x, &prior, by_mean).value)
            });
        }
    }

    #[test]
    fn values_agree_with_the_formulas() {
        let logits = tensor(vec![-1000.0, -2.0, 0.0, 2.0, 1000.0], [5, 1, 1, 1]);
        let value = scalar(adversarial(logits, true).value);
        let expected = (1000.0 + (1.0 + 2f64.exp()).ln() + 2f64.ln() + (1.0 + (-2f64).exp()).ln()) / 5.0;
        assert!((value - expected).abs() < 1e-9, "{value} instead of {expected}");

        let standard = LatentAugmentation {
            prior_mean: tensor(vec![0.0; 2], [1, 2]),
            prior_deviation: tensor(vec![1.0; 2], [1, 2]),
            mean_scale: tensor(vec![1.0; 2], [1, 2]),
            deviation_scale: tensor(vec![1.0; 2], [1, 2]),
        };
        let (mean, log_variance) = ([0.3, -1.2], [0.4f64, -0.7]);
        let found = divergence(tensor(mean.into(), [1, 2]), tensor(log_variance.into(), [1, 2]), &standard, false);
        let eq9: f64 = (0..2).map(|i| -0.5 * (1.0 + log_variance[i] - log_variance[i].exp() - mean[i] * mean[i])).sum();
        assert!((scalar(found.value) - eq9).abs() < 1e-12);
    }

    #[test]
    fn a_reconstruction_equal_to_the_smoothed_targets_costs_their_entropy() {
        let mut rng = generator(5, Purpose::Step, 0);
        for channels in [1, 3] {
            let shape = [1, channels, 3, 4];
            let tiles = one_hot(shape, &mut rng);
            let (targets, target_entropy) = smooth_labels(&tiles, 0.1);
            let logits = match channels {
                1 => (tiles.clone() * 2.0 - 1.0) * (0.9f64 / 0.1).ln(),
                _ => targets.clone().log(),
            };
            let found = reconstruction(logits, targets.clone(), false);
            assert!((scalar(found.value) - target_entropy).abs() < 1e-9);
            assert!(found.gradient.abs().max().into_scalar::<f64>() < 1e-12);
            let sums = if channels == 1 { targets.clone() * 0.0 + 1.0 } else { targets.clone().sum_dim(1) };
            assert!((sums - 1.0).abs().max().into_scalar::<f64>() < 1e-12);
            assert!((targets.max().into_scalar::<f64>() - 0.9).abs() < 1e-12);
            let (targets, target_entropy) = smooth_labels(&tiles, 0.0);
            assert_eq!((targets.into_data(), target_entropy), (tiles.into_data(), 0.0));
        }
    }

    #[test]
    fn values_spread_as_the_reference_have_the_least_energy_distance() {
        let mut rng = generator(6, Purpose::Step, 0);
        let mut mean_of = |center: f64, spread: f64| {
            let draws = 4000;
            let sum: f64 = (0..draws)
                .map(|_| {
                    let mut four = |center: f64, spread: f64| {
                        let values = (0..4).map(|_| center + spread * rng.random_range(-1.0..1.0)).collect();
                        tensor::<2>(values, [4, 1])
                    };
                    let [values, others, reference] = [four(center, spread), four(center, spread), four(0.0, 1.0)];
                    scalar(energy_distance(values, others, reference).value)
                })
                .sum();
            sum / f64::from(draws)
        };
        let alike = mean_of(0.0, 1.0);
        assert!(alike.abs() < 0.02, "{alike}");
        for (center, spread) in [(0.4, 1.0), (0.0, 0.4), (0.0, 1.8)] {
            assert!(mean_of(center, spread) > 0.05, "{center} {spread}");
        }
    }

    #[test]
    fn values_are_pulled_to_the_reference_and_pushed_from_others() {
        let pull = |value: f64, others: Vec<f64>, reference: Vec<f64>| {
            let column = |values: Vec<f64>| {
                let n = values.len();
                tensor::<2>(values, [n, 1])
            };
            let term = energy_distance(column(vec![value]), column(others), column(reference));
            term.gradient.into_data().try_to_vec::<f64>().unwrap()[0]
        };
        let reference = || vec![-1.0, -0.5, 0.5, 1.0];
        assert_eq!(pull(3.0, vec![0.0, 4.0], reference()), 2.0);
        assert_eq!(pull(-3.0, vec![0.0, -4.0], reference()), -2.0);
        // As many others below as there are of the reference: at rest.
        assert_eq!(pull(0.7, vec![0.0, 0.1, 0.2, 2.0], reference()), 0.0);
        // Too narrow: outward. Too wide: inward.
        assert_eq!(pull(0.7, vec![0.0, 0.1, 0.2, 0.3], reference()), -1.0);
        assert_eq!(pull(0.7, vec![-9.0, -8.0, 8.0, 9.0], reference()), 1.0);
    }

    #[test]
    fn a_scaled_gradient_has_the_norm_that_was_asked_for() {
        let reference = tensor(vec![3.0, 0.0, 4.0, 0.0], [1, 1, 2, 2]);
        let term =
            |gradient: Vec<f64>| Term { value: tensor(vec![7.0], [1]), gradient: tensor(gradient, [1, 1, 2, 2]) };
        let Term { value, gradient } = scale_gradient(term(vec![0.0, 60.0, -80.0, 0.0]), &reference, 0.5);
        assert_eq!(gradient.into_data().try_to_vec::<f64>().unwrap(), [0.0, 1.5, -2.0, 0.0]);
        assert!((scalar(value) - 7.0 / 40.0).abs() < 1e-12);
        let Term { value, gradient } = scale_gradient(term(vec![0.0; 4]), &reference, 0.5);
        assert!(scalar(value).is_finite() && scalar(sum(gradient.abs())) == 0.0);
    }

    #[test]
    fn only_the_divergence_above_the_floor_counts() {
        let (mean, log_variance) = (tensor(vec![2.0, -1.0], [1, 2]), tensor(vec![0.5, 0.1], [1, 2]));
        let ones = || tensor(vec![1.0; 2], [1, 2]);
        let standard = LatentAugmentation {
            prior_mean: tensor(vec![0.0; 2], [1, 2]),
            prior_deviation: ones(),
            mean_scale: ones(),
            deviation_scale: ones(),
        };
        let all = || divergence(mean.clone(), log_variance.clone(), &standard, false);
        let value = scalar(all().value);
        let above = all().with_free_bits(1.0);
        assert!((scalar(above.value) - (value - 1.0)).abs() < 1e-12 && value > 1.0);
        assert_eq!(above.by_mean.into_data(), all().by_mean.into_data());
        let free = all().with_free_bits(value + 1.0);
        assert_eq!(scalar(free.value), 0.0);
        assert_eq!(scalar(free.by_mean.abs().sum() + free.by_log_variance.abs().sum()), 0.0);
    }

    #[test]
    fn two_channels_of_a_softmax_are_a_sigmoid() {
        let mut rng = generator(4, Purpose::Step, 0);
        let (logits, targets) = (random([2, 1, 3, 3], -3.0, &mut rng), one_hot([2, 1, 3, 3], &mut rng));
        let pair = Tensor::cat(vec![logits.zeros_like(), logits.clone()], 1);
        let pair_targets = Tensor::cat(vec![-targets.clone() + 1.0, targets.clone()], 1);
        let bernoulli = scalar(reconstruction(logits, targets, false).value);
        let categorical = scalar(reconstruction(pair, pair_targets, false).value);
        assert!((bernoulli - categorical).abs() < 1e-10);
    }
}
