//! Encoder, generator and discriminator: layers, weights, forward and backward passes.
//!
//! * `architecture`: the layers of each network.
//! * `parameters`: the vectors of weights and statistics of a network.
//! * `chain`: a network as a chain of layers.
//! * `spectral`: spectral normalisation.
//! * `kernels`: the trait with all numerical kernels, and the choice of its implementation.
//! * `cpu`: the fused kernels for the CPU; `cube`: those for accelerators; `primitives`: the same as Burn's operations, for
//!   every device.
//! * `normal`: images of standard normal numbers.
//! * `planes`: planes of volumes.
//! * `sum`: sums in a fixed order.
//! * `encoding`: phases as channels.

mod architecture;
mod chain;
mod cpu;
#[cfg(feature = "cube")]
mod cube;
mod encoding;
mod kernels;
mod normal;
mod parameters;
mod planes;
mod primitives;
mod spectral;
mod sum;

pub use architecture::{
    Architecture, Axes, Geometry, LayerKind, LayerSpec, Padding, Profile, STRIDE, Variant, noise_sides, output_sides,
};
pub(crate) use chain::PendingPhases;
pub use chain::{Input, Network, Tape};
pub(crate) use cpu::{inference_bytes, pass_bytes};
#[cfg(test)]
pub(crate) use encoding::count_reads;
pub(crate) use encoding::{channels, not_finite, one_hot, phase_distance, phases_of_channels, read};
#[cfg(test)]
pub(crate) use kernels::with_primitives;
pub(crate) use kernels::{AdamStep, AdversarialStream, BETA2, LossTerms, Prior, kernels};
pub(crate) use normal::NormalImages;
pub use parameters::{Entry, ParameterLayout};
pub(crate) use planes::{PlaneNumbers, planes, planes_backward};
