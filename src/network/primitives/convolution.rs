//! Convolution, transposed convolution and the gradient with respect to the kernel.
//!
//! Each of the first two is the other's gradient with respect to its input. A kernel has the shape
//! `[coarse channels, fine channels, depth, height, width]`, with a depth of 1 for two axes.

use burn_tensor::module::{conv_transpose2d, conv_transpose3d, conv2d, conv3d};
use burn_tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn_tensor::{Tensor, s};

use crate::network::architecture::{Axes, Geometry, KERNEL, LayerSpec, Padding};

/// Convolution: `[n, fine channels, ...]` to `[n, coarse channels, ...]`.
pub fn conv(fine: Tensor<5>, kernel: Tensor<5>, spec: &LayerSpec) -> Tensor<5> {
    let (fine, stride, padding) = match spec.geometry {
        Geometry::Stride2(Padding::Zeros) => (fine, 2, 1),
        Geometry::Stride2(Padding::Periodic) => (wrapped(fine, spec.axes), 2, 0),
        Geometry::Valid => (fine, 1, 0),
    };
    match spec.axes {
        Axes::Two => {
            let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
            with_depth(conv2d(without_depth(fine), without_depth(kernel), None, options))
        }
        Axes::Three => conv3d(fine, kernel, None, ConvOptions::new([stride; 3], [padding; 3], [1; 3], 1)),
    }
}

/// Transposed convolution: `[n, coarse channels, ...]` to `[n, fine channels, ...]`.
pub fn conv_transpose(coarse: Tensor<5>, kernel: Tensor<5>, spec: &LayerSpec) -> Tensor<5> {
    let (stride, padding) = if spec.geometry == Geometry::Valid { (1, 0) } else { (2, 1) };
    let is_periodic = spec.geometry == Geometry::Stride2(Padding::Periodic);
    let [_, _, depth, height, width] = coarse.dims();
    let coarse = if is_periodic { wrapped(coarse, spec.axes) } else { coarse };
    let fine = match spec.axes {
        Axes::Two => {
            let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
            with_depth(conv_transpose2d(without_depth(coarse), without_depth(kernel), None, options))
        }
        Axes::Three => {
            let options = ConvTransposeOptions::new([stride; 3], [padding; 3], [0; 3], [1; 3], 1);
            conv_transpose3d(coarse, kernel, None, options)
        }
    };
    if !is_periodic {
        return fine;
    }
    // One more coarse pixel on each side is two more fine ones.
    let depths = if spec.axes == Axes::Two { 0..1 } else { 2..2 * depth + 2 };
    fine.slice(s![.., .., depths, 2..2 * height + 2, 2..2 * width + 2])
}

fn without_depth(images: Tensor<5>) -> Tensor<4> {
    let [n, channels, _, height, width] = images.dims();
    images.reshape([n, channels, height, width])
}

fn with_depth(images: Tensor<4>) -> Tensor<5> {
    let [n, channels, height, width] = images.dims();
    images.reshape([n, channels, 1, height, width])
}

/// Periodic images with one more pixel on each side.
fn wrapped(images: Tensor<5>, axes: Axes) -> Tensor<5> {
    along(axes, images, |images, axis| {
        let side = images.dims()[axis];
        let (first, last) = (images.clone().narrow(axis, 0, 1), images.clone().narrow(axis, side - 1, 1));
        Tensor::cat(vec![last, images, first], axis)
    })
}

/// Images with one more pixel on each side, which is zero.
fn zero_padded(images: Tensor<5>, axes: Axes) -> Tensor<5> {
    along(axes, images, |images, axis| {
        let zero = images.clone().narrow(axis, 0, 1).zeros_like();
        Tensor::cat(vec![zero.clone(), images, zero], axis)
    })
}

/// Changes images along each axis of a kernel.
fn along(axes: Axes, images: Tensor<5>, change: impl Fn(Tensor<5>, usize) -> Tensor<5>) -> Tensor<5> {
    let first = if axes == Axes::Two { 3 } else { 2 };
    (first..5).fold(images, change)
}

/// Gradient with respect to the kernel: of [`conv`], where `coarse` is the gradient of its output, and of
/// [`conv_transpose`], where `fine` is.
///
/// As matrix products, because Burn's own gradient is slow for small batches.
pub fn kernel_gradient(fine: Tensor<5>, coarse: Tensor<5>, spec: &LayerSpec) -> Tensor<5> {
    let ([n, channels, ..], fine_channels) = (coarse.dims(), fine.dims()[1]);
    let shape = spec.kernel_shape();
    match spec.geometry {
        Geometry::Valid => {
            let taps = shape[2..].iter().product::<usize>();
            product(coarse, fine.reshape([n, fine_channels * taps, 1, 1, 1])).reshape(shape)
        }
        Geometry::Stride2(border) => {
            let padded = match border {
                Padding::Zeros => zero_padded(fine, spec.axes),
                Padding::Periodic => wrapped(fine, spec.axes),
            };
            let by_tap = product(coarse, stride2_taps(padded, spec.axes));
            let depth = shape[2].div_ceil(KERNEL / 2);
            let parts = by_tap.reshape([channels, depth, 2, 2, fine_channels, depth, 2, 2]);
            parts.permute([0, 4, 1, 5, 2, 6, 3, 7]).reshape(shape)
        }
    }
}

/// Sums of left[i] * right[j] over all positions of all images, `[channels of left, channels of right]`.
fn product(left: Tensor<5>, right: Tensor<5>) -> Tensor<2> {
    let ([n, lefts, depth, height, width], rights) = (left.dims(), right.dims()[1]);
    let positions = depth * height * width;
    if positions > lefts {
        // Few sums of many terms would leave a GPU idle, so there is one product per image.
        let [left, right] = [(left, lefts), (right, rights)].map(|(of, channels)| of.reshape([n, channels, positions]));
        return left.matmul(right.transpose()).sum_dim(0).reshape([lefts, rights]);
    }
    let rows = |of: Tensor<5>, channels| of.swap_dims(0, 1).reshape([channels, n * positions]);
    rows(left, lefts).matmul(rows(right, rights).transpose())
}

/// The values of `padded` under each of the kernel's taps as it moves by two, as channels of the coarse size (im2col).
///
/// Pixels are split by the parity of their place along each axis. Each parity has two taps along each axis, one pixel
/// apart, so one slice for each of these holds all taps, in the order tap, channel, parity; each along depth, height and
/// width.
fn stride2_taps(padded: Tensor<5>, axes: Axes) -> Tensor<5> {
    let [n, channels, depth, height, width] = padded.dims();
    let of_depth = if axes == Axes::Two { 1 } else { 2 };
    let [depth, height, width] = [depth / of_depth, height / 2, width / 2];
    let parities = padded.reshape([n, channels, depth, of_depth, height, 2, width, 2]);
    let parities: Tensor<5> =
        parities.permute([0, 1, 3, 5, 7, 2, 4, 6]).reshape([n, 4 * of_depth * channels, depth, height, width]);
    let taps = (0..of_depth).flat_map(|layer| [(layer, 0, 0), (layer, 0, 1), (layer, 1, 0), (layer, 1, 1)]);
    let depth = depth + 1 - of_depth;
    let slices = taps.map(|(layer, row, column)| {
        let place = s![.., .., layer..layer + depth, row..row + height - 1, column..column + width - 1];
        parities.clone().slice(place)
    });
    Tensor::cat(slices.collect(), 1)
}
