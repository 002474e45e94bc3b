//! davegan
mod device;
mod error;
pub mod micrograph;
pub mod network;
mod random;
pub use error::{Error, Result};
