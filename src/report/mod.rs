//! Pictures of a model.
//!
//! * [`contact_sheet()`]: tiles, reconstructions and realisations side by side.

mod contact_sheet;

pub use contact_sheet::contact_sheet;
