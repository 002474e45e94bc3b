//! Pictures of a model.
//!
//! * [`contact_sheet()`]: tiles, reconstructions and realisations side by side.
//! * [`html_report()`]: whether the model may be trusted, on one page.
//!
//! What they share: `picture` (images as pixels), `svg` (plots), `number` (numbers as people read them).

mod contact_sheet;
mod html;
mod number;
mod picture;
mod svg;

pub use contact_sheet::contact_sheet;
pub use html::html_report;
