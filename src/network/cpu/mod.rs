//! The fused kernels for `f32` on the CPU.
//!
//! The networks are so small that general kernels spend their time on moving numbers. Here a layer is one task for each
//! block of its channels: product, statistics, normalisation and activation, or all that backward.
//!
//! * `slices`: values of tensors as slices; `simd`: functions of SIMD vectors.
//! * `grid`: how images lie in memory.
//! * `product`, `row_pairs`, `correlation`: the inner kernels, in SIMD vectors of any width.
//! * `convolution`: convolution, transposed convolution and gradient by the kernel as such products.
//! * `elementwise`, `smoothing`: what lies between products.
//! * `layer`: the tasks; `buffers`: their memory; `chain`: their order; `inference`: the same for generation.

mod buffers;
mod chain;
mod convolution;
mod correlation;
mod elementwise;
mod grid;
mod inference;
mod layer;
mod product;
mod row_pairs;
mod simd;
mod slices;
mod smoothing;

pub use chain::{CpuTape, Workspace, export_to};
pub use grid::Grid;
pub use inference::{FoldedNetwork, phases};
pub use simd::{LANES, Lanes, exp_of_negative, log_of_one_plus, negative_magnitude};
#[cfg(test)]
pub use slices::with_primitives;
pub use slices::{CpuSlice, CpuVec, tensor};
