//! Given one micrograph, davegan generates statistically equivalent volume elements.
//!
//! From an image to realisations (generated volume elements): [`micrograph`] reads the image, assigns a phase to each
//! pixel and cuts square tiles. [`training`] trains an encoder and a generator to reconstruct the tiles, and the
//! generator and a discriminator to imitate the micrograph. A [`model`] holds encoder, generator, tiles, relaxation and
//! training record. [`generation`] decodes random latent vectors and takes the most probable phase of each pixel; with
//! profiles `standard` and `volume`, which has no encoder, realisations have any size and are relaxed. [`storage`]
//! writes model and realisations to files.
//!
//! A module uses only those before it in the lists below; `tests/directions.rs` holds them to it, tests aside. Below all
//! others:
//!
//! * `error`: what can fail, and how it is said.
//! * `files`: opens regular files, and nothing else that has a path.
//! * `chunks`: what it costs to read a dataset of HDF5.
//! * `random`: random numbers; every draw follows from a seed, a purpose and a counter.
//! * `drivers`: opens files of HDF5 for reading, but for what HDF5 cannot read safely.
//! * `dataset`: opens datasets of HDF5, and closes them.
//! * [`progress`]: progress reports and cancellation.
//! * [`progress_bar`]: progress on a terminal.
//! * `device`: the processor and accelerators; threads on the processor.
//!
//! Then, in order of dependency:
//!
//! * [`micrograph`]: reads micrographs (HDF5, PNG, TIFF), finds phases, cuts tiles and windows, makes built-in samples.
//! * [`descriptor`]: two-point correlation, lineal path, patterns, clusters, conductivity and more; errors of Eq. 12.
//! * [`network`]: encoder, generator and discriminator: layers, weights, forward and backward passes.
//! * [`relaxation`]: corrects images by the patterns of a micrograph, voxel by voxel.
//! * [`model`]: a trained model: encoder, generator, tiles, relaxation, training record.
//! * [`generation`]: realisations of a model, and its latent space.
//! * [`evaluation`]: figures of realisations beside those of real windows, and the gates they pass or miss.
//! * [`training`]: options, losses, one step, the training loop with checkpoints.
//! * [`storage`]: the model file, realisations as VTKHDF or in a host's own HDF5 file.
//! * [`export`]: images in the formats of solvers and other programs.
//! * [`report`]: pictures of a model, and the HTML report.
//! * [`c_api`]: the C interface to all of this.
//!
//! The program `davegan` (`src/bin/davegan`) is the command line on top of them, one file for each subcommand.
//!
//! The paper: Zhang, Seibert, Otto, Raßloff, Ambati, Kästner, *DA-VEGAN: Differentiably Augmenting VAE-GAN for
//! microstructure reconstruction from extremely small data sets*, 2023. Equations, tables and sections are its.

pub mod c_api;
mod chunks;
mod dataset;
pub mod descriptor;
mod device;
mod drivers;
mod error;
pub mod evaluation;
pub mod export;
mod files;
pub mod generation;
pub mod micrograph;
pub mod model;
pub mod network;
pub mod progress;
pub mod progress_bar;
mod random;
pub mod relaxation;
pub mod report;
pub mod storage;
pub mod training;

pub use device::{Device, DeviceInfo, MAX_THREADS, default_threads, devices, instruction_set};
#[doc(hidden)]
pub use device::{Simulated, simulate};
pub use error::{Error, Result};
