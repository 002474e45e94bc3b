//! Spectral normalisation: kernels divided by their largest singular value, so that no layer can lengthen differences at
//! will (Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, 2018).
//!
//! A kernel `[coarse, fine, 4, 4]` counts as a matrix with a row for each coarse channel. One step of the power method at
//! each forward pass follows the slowly changing weights; the first singular vector so far is kept with the moving
//! statistics.

use std::ops::Range;

use burn::tensor::Tensor;

use super::parameters::{LayerEntries, ParameterLayout, part};
use super::sum::sum;

/// Parameters with normalised kernels, and what leads a gradient back to the parameters themselves.
pub struct Normalised {
    /// All parameters, in the order of [`ParameterLayout::parameters`].
    pub parameters: Tensor<1>,
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

/// Normalises the kernels that have a direction in `statistics`, all of which are directions. Returns the directions moved
/// on too.
pub fn normalise(layout: &ParameterLayout, parameters: &Tensor<1>, statistics: &Tensor<1>) -> (Normalised, Tensor<1>) {
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
    (Normalised { parameters: Tensor::cat(parts, 0), kernels }, Tensor::cat(directions, 0))
}

impl Normalised {
    /// From the gradient by the normalised parameters to that by the parameters themselves. The singular vectors count as
    /// constants: to first order the singular value does not change with them.
    pub fn backward(&self, gradient: Tensor<1>) -> Tensor<1> {
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

/// A kernel with a row for each coarse channel.
fn matrix(parameters: &Tensor<1>, kernel: &Range<usize>, rows: usize) -> Tensor<2> {
    part(parameters, kernel).reshape([rows, kernel.len() / rows])
}

/// The vector divided by its length, and that.
fn unit(vector: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let length = sum(vector.clone().square()).sqrt().clamp_min(1e-12).reshape([1, 1]);
    (vector / length.clone(), length)
}
