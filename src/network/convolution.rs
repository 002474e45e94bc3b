//! The three operations that every layer is made of, on Burn's primitives.
//!
//! A kernel links a *fine* image (the larger one) with a *coarse* one. Convolution goes down from fine to coarse,
//! transposed convolution goes up from coarse to fine, and each is the other's gradient by data; [`correlate`] is the
//! gradient by weights of both. A kernel has shape `[coarse channels, fine channels, height, width]`.

use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv2d, conv2d_weight_backward};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

/// Side of every kernel (paper, Tables 2 and 3).
pub const KERNEL: usize = 4;

/// How a kernel moves over the fine image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// Stride 2, "same" padding: the coarse side is half the fine one.
    Halving,
    /// Stride 1, "valid": a fine 4x4 becomes one coarse pixel.
    Collapsing,
}

impl Geometry {
    fn stride(self) -> usize {
        match self {
            Self::Halving => 2,
            Self::Collapsing => 1,
        }
    }

    fn padding(self) -> usize {
        match self {
            Self::Halving => 1,
            Self::Collapsing => 0,
        }
    }

    fn options(self) -> ConvOptions<2> {
        ConvOptions::new([self.stride(); 2], [self.padding(); 2], [1; 2], 1)
    }
}

/// Convolution: `[n, fine channels, ...]` to `[n, coarse channels, ...]`.
pub fn down(fine: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    conv2d(fine, kernel, None, geometry.options())
}

/// Transposed convolution: `[n, coarse channels, ...]` to `[n, fine channels, ...]`.
pub fn up(coarse: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let options = ConvTransposeOptions::new([geometry.stride(); 2], [geometry.padding(); 2], [0; 2], [1; 2], 1);
    conv_transpose2d(coarse, kernel, None, options)
}

/// Gradient by the kernel, of the kernel's shape: `down`'s for an output gradient `coarse`, `up`'s for an output
/// gradient `fine`.
pub fn correlate(fine: Tensor<4>, coarse: Tensor<4>, kernel: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    conv2d_weight_backward(fine, kernel, coarse, geometry.options())
}
