//! What all fused kernels for the processor share: the numbers of tensors without a copy, and functions of vectors.
//!
//! Such a kernel takes the place of Burn's primitives where a tensor is on the processor and of `f32`. Everywhere else
//! the primitives do the work, and the tests hold the one to the other.

mod host;
mod threads;
mod vector;

#[cfg(test)]
pub use host::with_primitives;
pub use host::{Numbers, Owned, tensor};
pub use threads::{attentively, both, for_each};
pub use vector::{LANES, LINE, Lanes, exp_of_negative, log_of_one_plus, negative_magnitude};
