//! The C interface: `include/davegan.h` is generated from here, comments included. Rust callers use the other modules.
//!
//! Thin by rule: a function checks what C hands over, calls the library, and hands back. One file a topic, in the order
//! of the modules that they expose; every pointer conversion is in `pointers.rs` and `options.rs`, and every function
//! that can fail runs inside `guard`.

// The names are those of C; and what a caller must guarantee is said once for all functions, at the top of the header.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod descriptor;
mod device;
mod export;
mod fidelity;
mod fidelity_measure;
mod float_env;
mod generate_options;
mod generation;
mod guard;
mod latent;
mod micrograph;
mod micrograph_options;
mod model;
mod options;
mod picture;
mod pointers;
mod progress;
mod relaxation;
mod representative;
mod sample;
mod status;
mod train_options;
mod training;
mod version;
mod volume;

pub use descriptor::*;
pub use device::*;
pub use export::*;
pub use fidelity::*;
pub use fidelity_measure::*;
pub use generate_options::*;
pub use generation::*;
pub use latent::*;
pub use micrograph::*;
pub use micrograph_options::*;
pub use model::*;
pub use picture::*;
pub use progress::*;
pub use relaxation::*;
pub use representative::*;
pub use sample::*;
pub use status::*;
pub use train_options::*;
pub use training::*;
pub use version::*;
pub use volume::*;
