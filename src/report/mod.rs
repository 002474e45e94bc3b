//! Reports about a model.
//!
//! * [`contact_sheet()`]: tiles, reconstructions and realisations as one PNG.
//! * [`html_report()`]: gates, pictures and plots as one HTML page.
//! * [`size_report()`]: an HTML page on how large an element must be.
//!
//! They use `picture` (images of phases), `canvas` (pictures of several parts), `cube` (volumes), `svg` (plots) and `number`
//! (formatting of numbers).

mod canvas;
mod contact_sheet;
mod cube;
mod html;
mod number;
mod picture;
mod svg;

pub use contact_sheet::contact_sheet;
pub use html::{html_report, size_report};
