//! Convolution, transposed convolution and the gradient with respect to the kernel.
//!
//! Each of the first two is the other's gradient with respect to its input. A kernel has the shape
//! `[coarse channels, fine channels, height, width]`.

use burn_tensor::module::{conv_transpose2d, conv2d};
use burn_tensor::ops::{ConvOptions, ConvTransposeOptions, PadMode};
use burn_tensor::{Tensor, s};

use crate::network::architecture::{Geometry, KERNEL, Padding};

/// Convolution: `[n, fine channels, ...]` to `[n, coarse channels, ...]`.
pub fn conv(fine: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let (fine, stride, padding) = match geometry {
        Geometry::Stride2(Padding::Zeros) => (fine, 2, 1),
        Geometry::Stride2(Padding::Periodic) => (wrapped(fine), 2, 0),
        Geometry::Valid => (fine, 1, 0),
    };
    conv2d(fine, kernel, None, ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1))
}

/// Transposed convolution: `[n, coarse channels, ...]` to `[n, fine channels, ...]`.
pub fn conv_transpose(coarse: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let (stride, padding) = if geometry == Geometry::Valid { (1, 0) } else { (2, 1) };
    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
    if geometry != Geometry::Stride2(Padding::Periodic) {
        return conv_transpose2d(coarse, kernel, None, options);
    }
    let [_, _, height, width] = coarse.dims();
    // One more coarse pixel on each side is two more fine ones.
    let fine = conv_transpose2d(wrapped(coarse), kernel, None, options);
    fine.slice(s![.., .., 2..2 * height + 2, 2..2 * width + 2])
}

/// Periodic images with one more row and column on each side.
fn wrapped(images: Tensor<4>) -> Tensor<4> {
    wrapped_along(3, wrapped_along(2, images))
}

fn wrapped_along(axis: usize, images: Tensor<4>) -> Tensor<4> {
    let side = images.dims()[axis];
    let (first, last) = (images.clone().narrow(axis, 0, 1), images.clone().narrow(axis, side - 1, 1));
    Tensor::cat(vec![last, images, first], axis)
}

/// Gradient with respect to the kernel: of [`conv`], where `coarse` is the gradient of its output, and of
/// [`conv_transpose`], where `fine` is.
///
/// As matrix products, because Burn's own gradient is slow for small batches.
pub fn kernel_gradient(fine: Tensor<4>, coarse: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let ([n, channels, ..], fine_channels) = (coarse.dims(), fine.dims()[1]);
    let shape = [channels, fine_channels, KERNEL, KERNEL];
    match geometry {
        Geometry::Valid => product(coarse, fine.reshape([n, fine_channels * KERNEL * KERNEL, 1, 1])).reshape(shape),
        Geometry::Stride2(border) => {
            let padded = match border {
                Padding::Zeros => fine.pad([(1, 1), (1, 1)], PadMode::Constant(0.0)),
                Padding::Periodic => wrapped(fine),
            };
            let by_tap = product(coarse, stride2_taps(padded));
            by_tap.reshape([channels, 2, 2, fine_channels, 2, 2]).permute([0, 3, 1, 4, 2, 5]).reshape(shape)
        }
    }
}

/// Sums of left[i] * right[j] over all positions of all images, `[channels of left, channels of right]`.
fn product(left: Tensor<4>, right: Tensor<4>) -> Tensor<2> {
    let ([n, lefts, height, width], rights) = (left.dims(), right.dims()[1]);
    let positions = height * width;
    if positions > lefts {
        // Few sums of many terms would leave a GPU idle, so there is one product per image.
        let [left, right] = [(left, lefts), (right, rights)].map(|(of, channels)| of.reshape([n, channels, positions]));
        return left.matmul(right.transpose()).sum_dim(0).reshape([lefts, rights]);
    }
    let rows = |of: Tensor<4>, channels| of.swap_dims(0, 1).reshape([channels, n * positions]);
    rows(left, lefts).matmul(rows(right, rights).transpose())
}

/// The values of `padded` under each of the kernel's sixteen taps as it moves by two, as channels of the coarse size
/// (im2col).
///
/// Pixels are split by the parity of row and column. Each parity has two rows and two columns of taps, one pixel apart, so
/// four slices hold all taps, in the order row, column, channel, parity of row, parity of column.
fn stride2_taps(padded: Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = padded.dims();
    let (height, width) = (height / 2, width / 2);
    let parities = padded.reshape([n, channels, height, 2, width, 2]).permute([0, 1, 3, 5, 2, 4]);
    let parities: Tensor<4> = parities.reshape([n, 4 * channels, height, width]);
    let taps = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let slices =
        taps.map(|(row, column)| parities.clone().slice(s![.., .., row..row + height - 1, column..column + width - 1]));
    Tensor::cat(slices.to_vec(), 1)
}
