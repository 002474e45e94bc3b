//! Losses and samples between the networks, with their gradients.

use burn_tensor::Tensor;
use burn_tensor::activation::sigmoid;

use crate::network::kernels::{AdversarialStream, LossTerms, Prior};
use crate::network::sum::sum;

/// log(1 + exp(x)) without overflow.
pub fn softplus(x: Tensor<5>) -> Tensor<5> {
    (-x.clone().abs()).exp().log1p() + x.clamp_min(0.0)
}

/// See [`Kernels::adversarial`](crate::network::kernels::Kernels::adversarial).
pub fn adversarial(logits: Tensor<5>, streams: &[AdversarialStream]) -> (Tensor<1>, Tensor<5>) {
    let n = logits.dims()[0] / streams.len();
    let of_streams = streams.iter().zip(logits.split(n, 0)).map(|(&AdversarialStream { real, weight }, logits)| {
        let (signed, target) = if real { (-logits.clone(), 1.0) } else { (logits.clone(), 0.0) };
        let loss = sum(softplus(signed)) / n as f64 * weight;
        (loss, (sigmoid(logits) - target) / n as f64 * weight)
    });
    let (losses, gradients): (Vec<_>, Vec<_>) = of_streams.unzip();
    let loss = losses.into_iter().reduce(|sum, loss| sum + loss).expect("there is a stream");
    (loss, Tensor::cat(gradients, 0))
}

/// See [`Kernels::probabilities_backward`](crate::network::kernels::Kernels::probabilities_backward).
pub fn probabilities_backward(
    probabilities: Tensor<5>,
    gradient: Tensor<5>,
    other: Option<(Tensor<5>, f64)>,
) -> Tensor<5> {
    let by_logits = if probabilities.dims()[1] == 1 {
        gradient * (probabilities.clone() - probabilities.square())
    } else {
        let weighted = gradient * probabilities.clone();
        weighted.clone() - probabilities * weighted.sum_dim(1)
    };
    match other {
        Some((other, weight)) => by_logits + other * weight,
        None => by_logits,
    }
}

/// Means, and logarithms of variances.
fn halves(encoded: Tensor<2>) -> [Tensor<2>; 2] {
    let latents = encoded.dims()[1] / 2;
    [encoded.clone().narrow(1, 0, latents), encoded.narrow(1, latents, latents)]
}

/// See [`Kernels::sample_posterior`](crate::network::kernels::Kernels::sample_posterior).
pub fn sample_posterior(encoded: Tensor<2>, noise: Tensor<2>) -> Tensor<2> {
    let [mean, log_variance] = halves(encoded);
    mean + (log_variance * 0.5).exp() * noise
}

/// See [`Kernels::posterior_backward`](crate::network::kernels::Kernels::posterior_backward).
pub fn posterior_backward(
    encoded: Tensor<2>,
    noise: Tensor<2>,
    by_samples: Tensor<2>,
    (other, weight): (Tensor<2>, f64),
) -> Tensor<2> {
    let [_, log_variance] = halves(encoded);
    let through_deviation = by_samples.clone() * noise * (log_variance * 0.5).exp() * 0.5;
    Tensor::cat(vec![by_samples, through_deviation], 1) + other * weight
}

/// See [`Kernels::divergence`](crate::network::kernels::Kernels::divergence).
pub fn divergence(encoded: Tensor<2>, prior: Prior, divisor: f64) -> (Tensor<1>, Tensor<2>) {
    let [mean, log_variance] = halves(encoded);
    let prior_deviation = prior.deviation * prior.deviation_scale.clone();
    let inverse_variance = prior_deviation.clone().square().recip();
    let offset = (mean - prior.mean) * prior.mean_scale.clone();
    let log_deviation = log_variance * 0.5 + prior.deviation_scale.log();
    let ratio = (log_deviation.clone() * 2.0).exp() * inverse_variance.clone();
    let terms = prior_deviation.log() - log_deviation
        + (ratio.clone() + offset.clone().square() * inverse_variance.clone()) * 0.5
        - 0.5;
    let by_mean = offset * prior.mean_scale * inverse_variance / divisor;
    let by_log_variance = (ratio - 1.0) * (0.5 / divisor);
    (sum(terms) / divisor, Tensor::cat(vec![by_mean, by_log_variance], 1))
}

/// See [`Kernels::add_losses`](crate::network::kernels::Kernels::add_losses).
pub fn add_losses(sums: Tensor<1>, terms: LossTerms) -> Tensor<1> {
    let LossTerms { discriminator, adversarial, reconstruction, divergence, beta, lambda_rec } = terms;
    let encoder = divergence.clone() * beta + reconstruction.clone();
    let generator = adversarial + reconstruction.clone() * lambda_rec;
    sums + Tensor::cat(vec![encoder, discriminator, generator, reconstruction, divergence], 0)
}
