//! Encoder, generator and discriminator: layers, weights, forward and backward passes.
//!
//! * `architecture`: which layers make up each network.
//! * `convolution`: the three operations that layers are made of, on Burn's primitives.
//! * `layer`: one layer, forward and backward.
//! * `parameters`: where each weight lies in a network's vector.
//! * `spectral`: kernels divided by their largest singular values.
//! * `sum`: sums in a fixed order.
//! * `chain`: the chain of layers.
//! * `cpu`: the same layers as fused kernels for the CPU, which `chain` takes where it can.
//! * `encoding`: phases as channels.

mod architecture;
mod chain;
mod convolution;
pub(crate) mod cpu;
mod encoding;
mod layer;
mod parameters;
mod spectral;
mod sum;

pub use architecture::{Architecture, LayerKind, LayerSpec, Profile, Variant};
pub use chain::{Network, PendingPhases, Tape};
pub use convolution::Geometry;
#[cfg(test)]
pub use encoding::count_reads;
pub use encoding::{DevicePhases, channels, one_hot, phase_distance, phases_of_channels, read};
pub use layer::Constants;
pub use parameters::{Entry, ParameterLayout};
pub use sum::sum;
