//! The encoder's output as a normal distribution of latent vectors.

use burn_tensor::Tensor;

/// The distribution of latent vectors that the encoder gives for each image, `[batch, latents]`.
pub struct Posterior {
    /// Its mean.
    pub mean: Tensor<2>,
    /// The logarithm of its variance.
    pub log_variance: Tensor<2>,
    deviation: Tensor<2>,
}

impl Posterior {
    /// From what the encoder gives: means, then log variances, as channels of a grid.
    pub fn new(encoded: Tensor<5>) -> Self {
        let [batch, channels, depth, height, width] = encoded.dims();
        let latents = channels / 2 * depth * height * width;
        let values: Tensor<2> = encoded.reshape([batch, 2 * latents]);
        let log_variance = values.clone().narrow(1, latents, latents);
        let deviation = (log_variance.clone() * 0.5).exp();
        Self { mean: values.narrow(1, 0, latents), log_variance, deviation }
    }

    /// Latent vectors for standard normal `noise` (reparameterisation).
    pub fn sample(&self, noise: &Tensor<2>) -> Tensor<2> {
        self.mean.clone() + self.deviation.clone() * noise.clone()
    }

    /// Gradient by the encoder's output, from that by the sampled latent vector and those of the divergence.
    pub fn backward(
        &self,
        by_latent: Tensor<2>,
        noise: &Tensor<2>,
        by_mean: Tensor<2>,
        by_log_variance: Tensor<2>,
    ) -> Tensor<2> {
        let through_deviation = by_latent.clone() * noise.clone() * self.deviation.clone() * 0.5;
        Tensor::cat(vec![by_latent + by_mean, through_deviation + by_log_variance], 1)
    }
}

/// `[n, values]` as grids of `side` x `side` pixels, `[n, channels, 1, side, side]`.
pub fn as_grid(vectors: Tensor<2>, side: usize) -> Tensor<5> {
    let [n, values] = vectors.dims();
    vectors.reshape([n, values / side.pow(2), 1, side, side])
}
