//! The networks on the processor: fused kernels in place of Burn's primitives, for `f32`.
//!
//! The networks are so small that general kernels spend their time on moving numbers. Here a layer is one task for each
//! block of its channels: product, statistics, normalisation and activation, or all that backward.
//!
//! * `grid`: how images lie in memory.
//! * `product`, `row_pairs`, `correlation`: the inner kernels, in vectors of whatever width the processor has.
//! * `link`: convolution, transposed convolution and gradient by the kernel as such products.
//! * `elementwise`: what lies between products.
//! * `layer`: the tasks; `buffers`: their memory; `chain`: their order; `fixed`: the same for generation.

mod buffers;
mod chain;
mod correlation;
mod elementwise;
mod fixed;
mod grid;
mod layer;
mod link;
mod product;
mod row_pairs;
mod smoothing;

pub use chain::{Kernels, Tape, export_to};
pub use fixed::{Fixed, phases};
pub use grid::Grid;
