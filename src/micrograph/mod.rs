//! Micrographs.

mod phase_images;

pub use phase_images::{MAX_PHASES, PhaseImages};
