//! The three operations that every layer is made of, on Burn's primitives.
//!
//! A kernel links a *fine* image (the larger one) with a *coarse* one. Convolution goes down from fine to coarse,
//! transposed convolution goes up from coarse to fine, and each is the other's gradient by data; [`correlate`] is the
//! gradient by weights of both. A kernel has shape `[coarse channels, fine channels, height, width]`.

use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, PadMode};
use burn::tensor::{Tensor, s};

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
///
/// One matrix product over all positions of all images: Burn's own weight gradient takes a path that is meant for few
/// channels when the batch is small, and cost more than a third of a training step.
pub fn correlate(fine: Tensor<4>, coarse: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let [n, channels, height, width] = coarse.dims();
    let fine_channels = fine.dims()[1];
    let positions = n * height * width;
    let (stride, padding) = (geometry.stride(), geometry.padding());
    let padded = fine.pad([(padding, padding), (padding, padding)], PadMode::Constant(0.0));
    let mut taps = Vec::with_capacity(KERNEL * KERNEL);
    for y in 0..KERNEL {
        for x in 0..KERNEL {
            let rows = y..y + stride * (height - 1) + 1;
            let columns = x..x + stride * (width - 1) + 1;
            let tap = padded.clone().slice(s![.., .., rows;stride, columns;stride]);
            taps.push(tap.swap_dims(0, 1).reshape([fine_channels, 1, positions]));
        }
    }
    let taps = Tensor::cat(taps, 1).reshape([fine_channels * KERNEL * KERNEL, positions]);
    let coarse = coarse.swap_dims(0, 1).reshape([channels, positions]);
    coarse.matmul(taps.transpose()).reshape([channels, fine_channels, KERNEL, KERNEL])
}
