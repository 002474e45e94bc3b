//! Encoder, generator and discriminator: layers, weights, forward and backward passes.
//!
//! * `architecture`: which layers make up each network.
//! * `convolution`: the three operations that layers are made of, on Burn's primitives.
//! * `layer`: one layer, forward and backward.
//! * `parameters`: where each weight lies in a network's vector.
//! * `spectral`: kernels divided by their largest singular values.
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

pub use architecture::{Architecture, Direction, LayerSpec, Profile, Variant};
pub use chain::{Network, Tape};
pub use convolution::Geometry;
pub use encoding::{channels, one_hot, phase_distance, phases_of_channels, read};
pub use layer::Constants;
pub use parameters::{Entry, Layout};
