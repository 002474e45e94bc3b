//! The encoder's output as a normal distribution of latent vectors.

use burn_tensor::Tensor;

use crate::network::kernels;

/// The distribution of latent vectors that the encoder gives for each image.
pub struct Posterior {
    /// Its means, then the logarithms of its variances, `[batch, 2 latents]`.
    pub encoded: Tensor<2>,
}

impl Posterior {
    /// From what the encoder gives: means, then log variances, as channels of a grid.
    pub fn new(encoded: Tensor<5>) -> Self {
        let [batch, channels, depth, height, width] = encoded.dims();
        Self { encoded: encoded.reshape([batch, channels * depth * height * width]) }
    }

    /// Latent vectors for standard normal `noise` (reparameterisation).
    pub fn sample(&self, noise: &Tensor<2>) -> Tensor<2> {
        kernels(noise).sample_posterior(self.encoded.clone(), noise.clone())
    }

    /// Gradient by the encoder's output, from that by the sampled latent vector and from another one with its weight.
    pub fn backward(&self, by_latent: Tensor<2>, noise: &Tensor<2>, other: (Tensor<2>, f64)) -> Tensor<2> {
        kernels(noise).posterior_backward(self.encoded.clone(), noise.clone(), by_latent, other)
    }
}

/// `[n, values]` as grids of `side` x `side` pixels, `[n, channels, 1, side, side]`.
pub fn as_grid(vectors: Tensor<2>, side: usize) -> Tensor<5> {
    let [n, values] = vectors.dims();
    vectors.reshape([n, values / side.pow(2), 1, side, side])
}
