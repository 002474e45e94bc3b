//! Colour maps of values over lags, with axes and a colour bar.

use maud::{Markup, html};
use ndarray::Array2;

pub(in crate::report) use super::colour::Palette;
use super::plot::{FRAME, INK};
use super::{Axis, axis};
use crate::Result;
use crate::report::picture::{Picture, data_uri};

/// Side of the map in units of the drawing.
const SIDE: f64 = 240.0;
const LEFT: f64 = 48.0;
const TOP: f64 = 8.0;

/// Draws a square map of `values` over lags from `-l` to `l` on both axes. `across` and `down` name these.
///
/// `range` are the values of the first and the last colour of `palette`; `title` is read out to those who cannot see
/// it.
///
/// # Errors
///
/// [`Error::Internal`](crate::Error::Internal) if the picture cannot be encoded.
pub(in crate::report) fn map(
    values: &Array2<f64>,
    [down, across]: [&str; 2],
    range: &Axis,
    palette: Palette,
    title: &str,
) -> Result<Markup> {
    let (rows, columns) = values.dim();
    let picture =
        Picture::from_shape_fn((rows, columns, 3), |(y, x, channel)| palette.at(range.place(values[[y, x]]))[channel]);
    let scale = Picture::from_shape_fn((64, 1, 3), |(y, _, channel)| palette.at(1.0 - y as f64 / 63.0)[channel]);
    let (picture, scale) = (data_uri(&picture)?, data_uri(&scale)?);
    // A pixel of the map is one lag wide: the axis reaches half a pixel beyond the last.
    let reach = columns as f64 / 2.0;
    let lags = axis::Axis::new("lag in pixels", -reach, reach);
    let bar = LEFT + SIDE + 14.0;
    Ok(html! {
        svg viewBox="0 0 360 292" role="img" aria-label=(title) {
            image href=(picture) x=(LEFT) y=(TOP) width=(SIDE) height=(SIDE) preserveAspectRatio="none" class="pixels" {}
            rect x=(LEFT) y=(TOP) width=(SIDE) height=(SIDE) fill="none" stroke=(FRAME) {}
            @for (lag, text) in lags.ticks() {
                @let (x, y) = (LEFT + SIDE * lags.place(lag), TOP + SIDE * lags.place(lag));
                line x1=(x) x2=(x) y1=(TOP + SIDE) y2=(TOP + SIDE + 5.0) stroke=(FRAME) {}
                text x=(x) y=(TOP + SIDE + 18.0) text-anchor="middle" { (text) }
                line x1=(LEFT - 5.0) x2=(LEFT) y1=(y) y2=(y) stroke=(FRAME) {}
                text x=(LEFT - 8.0) y=(y + 4.0) text-anchor="end" { (text) }
            }
            text x=(LEFT + SIDE / 2.0) y=(TOP + SIDE + 36.0) text-anchor="middle" fill=(INK) {
                "lag along " (across) " in pixels"
            }
            text transform=(format!("translate(12 {}) rotate(-90)", TOP + SIDE / 2.0)) text-anchor="middle" fill=(INK) {
                "lag along " (down) " in pixels"
            }
            image href=(scale) x=(bar) y=(TOP) width="12" height=(SIDE) preserveAspectRatio="none" {}
            rect x=(bar) y=(TOP) width="12" height=(SIDE) fill="none" stroke=(FRAME) {}
            @for (value, text) in range.ticks() {
                @let y = TOP + SIDE * (1.0 - range.place(value));
                line x1=(bar + 12.0) x2=(bar + 16.0) y1=(y) y2=(y) stroke=(FRAME) {}
                text x=(bar + 19.0) y=(y + 4.0) { (text) }
            }
        }
    })
}
