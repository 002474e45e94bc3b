//! Encoder, generator and discriminator: layers, weights, forward and backward passes.
//!
//! * `architecture`: the layers of each network.
//! * `parameters`: the vectors of weights and statistics of a network.
//! * `chain`: a network as a chain of layers.
//! * `spectral`: spectral normalisation.
//! * `kernels`: the trait with all numerical kernels, and the choice of its implementation.
//! * `cpu`: the fused kernels for the CPU; `primitives`: the same as Burn's operations, for every device.
//! * `sum`: sums in a fixed order.
//! * `encoding`: phases as channels.

mod architecture;
mod chain;
mod cpu;
mod encoding;
mod kernels;
mod parameters;
mod primitives;
mod spectral;
mod sum;

pub use architecture::{Architecture, Constants, Geometry, LayerKind, LayerSpec, Profile, Variant};
pub use chain::{Network, PendingPhases, Tape};
#[cfg(test)]
pub use encoding::count_reads;
pub use encoding::{DevicePhases, channels, one_hot, phase_distance, phases_of_channels, read};
#[cfg(test)]
pub use kernels::with_primitives;
pub use kernels::{AdamStep, Kernels, kernels};
pub use parameters::{Entry, ParameterLayout};
pub use primitives::softplus;
pub use sum::sum;
