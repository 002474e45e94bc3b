//! Generation: realisations from a model, and the latent space between them.
//!
//! * `blocks`: blocks of realisations, and large ones block by block.
//! * `field`: realisations of fully convolutional models, of any size.
//! * `fractions`: latent vectors for given volume fractions.
//! * `latent`: latent vectors drawn, encoded, decoded, traversed and interpolated.
//! * `realisations`: which realisations, in memory or handed on batch by batch.
//! * `torus`: sizes of images, and the patches that large ones are made in.
//! * `selection`: which of some candidates becomes a realisation.

mod blocks;
#[cfg(test)]
mod devices;
mod field;
mod fractions;
mod latent;
mod realisations;
mod selection;
mod torus;

pub use blocks::{BLOCK_SIDE, block_within, blocks, parts};
pub use latent::{Encoded, decode, encode, interpolate, latent_vectors, reconstruct, traverse};
pub use realisations::{GenerationOptions, generate_batches, generate_into, realisations};
pub use torus::latent_size;
