//! Encoder, generator and discriminator: layers, weights, forward and backward passes.
//!
//! * `architecture`: which layers make up each network.
//! * `convolution`: the three operations that layers are made of, on Burn's primitives.
//! * `layer`: one layer, forward and backward.
//! * `parameters`: where each weight lies in a network's vector.
//! * `spectral`: kernels divided by their largest singular values.
//! * `sum`: sums in a fixed order.
//! * `chain`: the chain of layers.
//! * `fused`: the same layers as fused kernels for the processor, which `chain` takes where it can.
//! * `encoding`: phases as channels.

mod architecture;
mod chain;
mod convolution;
mod encoding;
mod fused;
mod layer;
mod parameters;
mod spectral;
mod sum;

pub use architecture::{Architecture, Direction, LayerSpec, Profile, Variant};
pub use chain::{Network, Tape, ToPhases};
pub use convolution::Geometry;
#[cfg(test)]
pub use encoding::count_reads;
pub use encoding::{FoundPhases, channels, one_hot, phase_distance, phases_of_channels, read};
pub use layer::Constants;
pub use parameters::{Entry, Layout};
pub use sum::sum;
