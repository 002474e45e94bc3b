//! The three operations that every layer is made of, on Burn's primitives.
//!
//! A kernel links a *fine* image (the larger one) with a *coarse* one. Convolution goes down from fine to coarse,
//! transposed convolution goes up from coarse to fine, and each is the other's gradient by data; [`kernel_gradient`] is the
//! gradient by weights of both. A kernel has shape `[coarse channels, fine channels, height, width]`.

use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, PadMode};
use burn::tensor::{Tensor, s};

/// Side of every kernel (paper, Tables 2 and 3).
pub const KERNEL: usize = 4;

/// What a kernel meets beyond the edge of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros.
    Zeros,
    /// The opposite edge: the image is a torus.
    Periodic,
}

/// How a kernel moves over the fine image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// Stride 2, "same" padding: the coarse side is half the fine one.
    Stride2(Padding),
    /// Stride 1, "valid": a fine 4x4 becomes one coarse pixel.
    Valid,
}

impl Geometry {
    fn stride(self) -> usize {
        match self {
            Self::Stride2(_) => 2,
            Self::Valid => 1,
        }
    }

    fn padding(self) -> usize {
        match self {
            Self::Stride2(_) => 1,
            Self::Valid => 0,
        }
    }
}

/// Convolution: `[n, fine channels, ...]` to `[n, coarse channels, ...]`.
pub fn conv(fine: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let (fine, padding) = match geometry {
        Geometry::Stride2(Padding::Periodic) => (wrapped(fine), 0),
        _ => (fine, geometry.padding()),
    };
    conv2d(fine, kernel, None, ConvOptions::new([geometry.stride(); 2], [padding; 2], [1; 2], 1))
}

/// Transposed convolution: `[n, coarse channels, ...]` to `[n, fine channels, ...]`.
pub fn conv_transpose(coarse: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let options = ConvTransposeOptions::new([geometry.stride(); 2], [geometry.padding(); 2], [0; 2], [1; 2], 1);
    if geometry != Geometry::Stride2(Padding::Periodic) {
        return conv_transpose2d(coarse, kernel, None, options);
    }
    let [_, _, height, width] = coarse.dims();
    // One more coarse pixel on each side is two more fine ones.
    let fine = conv_transpose2d(wrapped(coarse), kernel, None, options);
    fine.slice(s![.., .., 2..2 * height + 2, 2..2 * width + 2])
}

/// Each pixel becomes (1 - 2 `weight`) of itself and `weight` of either neighbour, in columns and then in rows. Beyond an
/// edge that meets zeros the outermost pixel goes on, so that what is constant stays so.
///
/// With a weight of 1/4 nothing is left of a pattern that changes from pixel to pixel. It is its own gradient: what two
/// pixels have of each other is the same.
pub fn smooth(images: Tensor<4>, weight: f64, border: Padding) -> Tensor<4> {
    let columns = smooth_along(2, images, weight, border);
    smooth_along(3, columns, weight, border)
}

fn smooth_along(axis: usize, images: Tensor<4>, weight: f64, border: Padding) -> Tensor<4> {
    let side = images.dims()[axis];
    let bordered = bordered(axis, images.clone(), border);
    let neighbours = bordered.clone().narrow(axis, 0, side) + bordered.narrow(axis, 2, side);
    images * (1.0 - 2.0 * weight) + neighbours * weight
}

/// A torus with one more row and column on each side, those from the opposite edge.
fn wrapped(images: Tensor<4>) -> Tensor<4> {
    bordered(3, bordered(2, images, Padding::Periodic), Padding::Periodic)
}

/// One pixel more on each side: on a torus that from the opposite edge, else the outermost once more.
fn bordered(axis: usize, images: Tensor<4>, border: Padding) -> Tensor<4> {
    let side = images.dims()[axis];
    let (first, last) = (images.clone().narrow(axis, 0, 1), images.clone().narrow(axis, side - 1, 1));
    let (before, behind) = match border {
        Padding::Zeros => (first, last),
        Padding::Periodic => (last, first),
    };
    Tensor::cat(vec![before, images, behind], axis)
}

/// Gradient by the kernel, of the kernel's shape: `conv`'s for an output gradient `coarse`, `conv_transpose`'s for an output
/// gradient `fine`.
///
/// As matrix products: Burn's own weight gradient takes a path that is meant for few channels when the batch is small, and
/// cost more than a third of a training step.
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
            let by_tap = product(coarse, halving_taps(padded));
            by_tap.reshape([channels, 2, 2, fine_channels, 2, 2]).permute([0, 3, 1, 4, 2, 5]).reshape(shape)
        }
    }
}

/// What each channel of `left` and each of `right` have in common, over all positions of all images:
/// `[channels of left, channels of right]`.
fn product(left: Tensor<4>, right: Tensor<4>) -> Tensor<2> {
    let ([n, lefts, height, width], rights) = (left.dims(), right.dims()[1]);
    let positions = height * width;
    if positions > lefts {
        // Few sums of many terms would leave a GPU idle: one product an image.
        let [left, right] = [(left, lefts), (right, rights)].map(|(of, channels)| of.reshape([n, channels, positions]));
        return left.matmul(right.transpose()).sum_dim(0).reshape([lefts, rights]);
    }
    let rows = |of: Tensor<4>, channels| of.swap_dims(0, 1).reshape([channels, n * positions]);
    rows(left, lefts).matmul(rows(right, rights).transpose())
}

/// What each of a kernel's sixteen pixels meets as it moves by two over `padded`, as channels of the coarse side.
///
/// Pixels are sorted by whether their row and their column are even or odd. Of each sort the kernel has two rows and two
/// columns, one pixel apart, so that four slices are all taps: in order of that row, that column, channel, sort of row,
/// sort of column.
fn halving_taps(padded: Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = padded.dims();
    let (height, width) = (height / 2, width / 2);
    let sorts = padded.reshape([n, channels, height, 2, width, 2]).permute([0, 1, 3, 5, 2, 4]);
    let sorts: Tensor<4> = sorts.reshape([n, 4 * channels, height, width]);
    let taps = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let slices =
        taps.map(|(row, column)| sorts.clone().slice(s![.., .., row..row + height - 1, column..column + width - 1]));
    Tensor::cat(slices.to_vec(), 1)
}
