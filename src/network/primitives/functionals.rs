//! Minkowski functionals of images, and their gradient.

use burn_tensor::Tensor;

use crate::descriptor::{FUNCTIONALS, PlaceCounts, functionals as minkowski};

/// See [`Kernels::functionals`](crate::network::kernels::Kernels::functionals).
pub fn functionals(phases: &Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = phases.dims();
    let counts = PlaceCounts::new(height, width);
    let pairs = phases.clone().narrow(3, 0, width - 1) * phases.clone().narrow(3, 1, width - 1);
    let above = |images: &Tensor<4>| images.clone().narrow(2, 0, height - 1);
    let below = |images: &Tensor<4>| images.clone().narrow(2, 1, height - 1);
    let sum = |products: Tensor<4>| -> Tensor<3> { products.flatten::<3>(2, 3).sum_dim(2) };
    let of_each = minkowski([
        sum(phases.clone()) / counts.pixels,
        sum(pairs.clone()) / counts.right,
        sum(above(phases) * below(phases)) / counts.down,
        sum(above(&pairs) * below(&pairs)) / counts.squares,
    ]);
    Tensor::cat(of_each.to_vec(), 2).reshape([n, FUNCTIONALS * channels])
}

/// See [`Kernels::functionals_backward`](crate::network::kernels::Kernels::functionals_backward).
pub fn functionals_backward(phases: &Tensor<4>, gradient: Tensor<2>) -> Tensor<4> {
    let [n, channels, height, width] = phases.dims();
    let counts = PlaceCounts::new(height, width);
    let gradient: Tensor<4> = gradient.reshape([n, channels, FUNCTIONALS, 1]);
    let (by_fraction, by_euler) = (gradient.clone().narrow(2, 0, 1), gradient.narrow(2, 1, 1));
    let padded = Tensor::zeros([n, channels, height + 2, width + 2], &phases.device())
        .slice_assign([0..n, 0..channels, 1..height + 1, 1..width + 1], phases.clone());
    let around: [Tensor<4>; 9] =
        std::array::from_fn(|at| padded.clone().narrow(2, at / 3, height).narrow(3, at % 3, width));
    let [a, b, c, d, _, f, g, h, i] = around;
    let squares = b.clone() * (a * d.clone() + c * f.clone()) + h.clone() * (d.clone() * g + f.clone() * i);
    let change = (d + f) / -counts.right + (b + h) / -counts.down + squares / counts.squares + 1.0 / counts.pixels;
    change.clamp_max(0.0) * by_euler + by_fraction / counts.pixels
}
