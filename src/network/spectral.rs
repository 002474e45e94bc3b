//! Spectral normalisation: kernels divided by their largest singular value, which bounds the Lipschitz constant (Miyato et
//! al., *Spectral Normalization for Generative Adversarial Networks*, 2018).
//!
//! A kernel `[coarse, fine, ...]` is a matrix with one row per coarse channel. Each forward pass does one step of the power
//! method; the left singular vector is kept with the moving statistics.

use std::ops::Range;

use burn_tensor::Tensor;

use super::parameters::{LayerEntries, ParameterLayout, part};
use super::sum::sum;

/// The least norm by which a vector is divided.
pub const LEAST_NORM: f64 = 1e-12;

/// Parameters with normalised kernels, and what their gradient needs.
pub trait Normalised: Send + Sync {
    /// All parameters, in the order of [`ParameterLayout::parameters`].
    fn parameters(&self) -> &Tensor<1>;

    /// From the gradient with respect to the normalised parameters to that with respect to the parameters. The singular
    /// vectors count as constants: to first order the singular value does not depend on them.
    fn backward(&self, gradient: Tensor<1>) -> Tensor<1>;
}

/// Normalised kernels with their singular values and vectors.
struct NormalisedKernels {
    parameters: Tensor<1>,
    kernels: Vec<Singular>,
}

/// The largest singular value of a kernel, with its singular vectors.
struct Singular {
    kernel: Range<usize>,
    /// `[1, 1]`.
    value: Tensor<2>,
    /// `[rows, 1]`.
    left: Tensor<2>,
    /// `[1, columns]`.
    right: Tensor<2>,
}

/// Normalises all kernels, by Burn's operations. `statistics` holds their left singular vectors, whose next estimates are returned too.
pub fn normalise(
    layout: &ParameterLayout,
    parameters: &Tensor<1>,
    statistics: &Tensor<1>,
) -> (Box<dyn Normalised>, Tensor<1>) {
    let (mut kernels, mut parts, mut directions) = (Vec::new(), Vec::new(), Vec::new());
    for LayerEntries { kernel, shift, direction, .. } in &layout.layers {
        let direction = direction.as_ref().expect("a network is normalised spectrally in all its layers or in none");
        let weights = matrix(parameters, kernel, direction.len());
        let left = part(statistics, direction).reshape([1, direction.len()]);
        let (right, _) = unit(left.matmul(weights.clone()));
        let (left, value) = unit(weights.clone().matmul(right.clone().transpose()));
        parts.push((weights / value.clone()).flatten(0, 1));
        parts.push(part(parameters, shift));
        directions.push(left.clone().flatten(0, 1));
        kernels.push(Singular { kernel: kernel.clone(), value, left, right });
    }
    (Box::new(NormalisedKernels { parameters: Tensor::cat(parts, 0), kernels }), Tensor::cat(directions, 0))
}

impl Normalised for NormalisedKernels {
    fn parameters(&self) -> &Tensor<1> {
        &self.parameters
    }

    fn backward(&self, gradient: Tensor<1>) -> Tensor<1> {
        let mut parts = Vec::with_capacity(2 * self.kernels.len());
        for (index, Singular { kernel, value, left, right }) in self.kernels.iter().enumerate() {
            let rows = left.dims()[0];
            let (weights, by_weights) = (matrix(&self.parameters, kernel, rows), matrix(&gradient, kernel, rows));
            let along = sum(by_weights.clone() * weights).reshape([1, 1]);
            let by_value = left.clone().matmul(right.clone() * along);
            parts.push(((by_weights - by_value) / value.clone()).flatten(0, 1));
            let end = self.kernels.get(index + 1).map_or(gradient.dims()[0], |next| next.kernel.start);
            parts.push(part(&gradient, &(kernel.end..end)));
        }
        Tensor::cat(parts, 0)
    }
}

/// A kernel as a matrix with one row per coarse channel.
fn matrix(parameters: &Tensor<1>, kernel: &Range<usize>, rows: usize) -> Tensor<2> {
    part(parameters, kernel).reshape([rows, kernel.len() / rows])
}

/// The vector divided by its norm, and the norm.
fn unit(vector: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let length = sum(vector.clone().square()).sqrt().clamp_min(LEAST_NORM).reshape([1, 1]);
    (vector / length.clone(), length)
}
