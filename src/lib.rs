//! davegan: one micrograph in, as many statistically equivalent volume elements as a solver wants.
//!
//! The modules, in the order data flows:
//!
//! * [`micrograph`]: reads micrographs (HDF5, PNG, TIFF), finds phases, cuts tiles and windows, makes built-in samples.
//! * [`descriptor`]: two-point correlation and the error measures of the paper.
//! * [`storage`]: the model file, realisations as VTKHDF.

mod error;
pub mod descriptor;
pub mod micrograph;
pub mod storage;

pub use error::{Error, Result};
