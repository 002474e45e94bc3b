//! Generation: realisations from a model, and the latent space between them.
//!
//! * `blocks`: the parts that large realisations are divided into.
//! * `block_maker`: realisations part by part, and blocks of them.
//! * `cleaning`: realisations without small islands.
//! * `field`: realisations of fully convolutional models, of any size.
//! * `fractions`: how volume fractions follow the latent vectors, and which ones can be given.
//! * `given_fractions`: realisations of given volume fractions, and blocks of them.
//! * `latent`: latent vectors drawn, encoded, decoded, traversed and interpolated.
//! * `logit_search`: logits that give volume fractions.
//! * `patch_decoder`: the generator for patches of large tori.
//! * `realisations`: which realisations, in memory or handed on batch by batch.
//! * `shift`: what moves the volume fractions of a realisation.
//! * `threshold`: what gives a realisation its volume fractions.
//! * `torus`: sizes of images, and the patches that large ones are made in.

mod block_maker;
mod blocks;
mod cleaning;
#[cfg(test)]
mod devices;
mod field;
mod fractions;
mod given_fractions;
mod latent;
mod logit_search;
mod patch_decoder;
mod realisations;
mod shift;
mod threshold;
mod torus;

pub use block_maker::BlockMaker;
pub use blocks::{BLOCK_SIDE, block_sides, parts};
pub use given_fractions::threshold;
pub use latent::{Encoded, decode, encode, interpolate, latent_vectors, reconstruct, traverse};
pub use realisations::{GenerationOptions, generate_batches, generate_into, realisations};
pub use threshold::Threshold;
pub use torus::latent_size;
