//! davegan: one micrograph in, as many statistically equivalent volume elements as a solver wants.
//!
//! The modules, in the order data flows:
//!
//! * [`micrograph`]: reads micrographs (HDF5, PNG, TIFF), finds phases, cuts tiles and windows, makes built-in samples.
//! * [`network`]: encoder, generator and discriminator; the paper's two tables.
//! * [`training`]: losses, augmentation, one step, the loop with its checkpoints.
//! * [`model`]: what training gives and generation takes.
//! * [`generation`]: realisations, the latent space, the error measures of a model.
//! * [`descriptor`]: two-point correlation and the error measures of the paper; lineal path, patterns, pieces and more.
//! * [`evaluation`]: what realisations are like beside real windows of the micrograph.
//! * [`storage`]: the model file, realisations as VTKHDF or in a host's own HDF5 file.
//! * [`report`]: pictures of a model, and the HTML report that says whether to trust it.
//! * [`c_api`]: the C interface to all of this.
//!
//! Beside them: `device` (where tensors live, how many threads work on them, what CPU kernels share), `random` (every draw follows from a seed),
//! [`progress`] (how long work reports and is cancelled), [`progress_bar`] (that on a terminal) and `error`.
//!
//! The paper: Zhang, Seibert, Otto, Raßloff, Ambati, Kästner, *DA-VEGAN: Differentiably Augmenting VAE-GAN for
//! microstructure reconstruction from extremely small data sets*, 2023. Equations, tables and sections are its.

pub mod c_api;
pub mod descriptor;
mod device;
mod error;
pub mod evaluation;
pub mod generation;
pub mod micrograph;
pub mod model;
pub mod network;
pub mod progress;
pub mod progress_bar;
mod random;
pub mod report;
pub mod storage;
pub mod training;

pub use device::{Device, DeviceInfo, MAX_THREADS, devices};
pub use error::{Error, Result};
