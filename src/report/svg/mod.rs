//! Plots as SVG inside an HTML page.
//!
//! * [`Axis`]: range, linear or logarithmic, and its ticks.
//! * [`Plot`]: curves, bands and histograms on two axes.
//! * [`map`]: colour maps over lags.
//! * `colour`: the colours of all of these.

mod axis;
mod colour;
mod map;
mod plot;

pub(super) use axis::Axis;
pub(super) use map::{Palette, map};
pub(super) use plot::{GENERATED, Mark, Plot, REAL};
