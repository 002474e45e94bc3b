//! Curves, bands and histograms on two axes.

use std::fmt::Write;

use maud::{Markup, html};

use super::Axis;

/// Colour of axes and frames.
pub(super) const FRAME: &str = "#57606a";
/// Colour of text.
pub(super) const INK: &str = "#1f2328";
const GRID: &str = "#e4e7eb";

/// Style of the real material.
pub(in crate::report) const REAL: Style = Style { colour: "#1d4f91", dashes: None };
/// Style of realisations: also dashed, so that no colour is needed.
pub(in crate::report) const GENERATED: Style = Style { colour: "#b3400a", dashes: Some("7 3") };

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 48.0;

/// Colour and dashes of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Style {
    /// A CSS colour.
    pub colour: &'static str,
    /// Lengths of dashes and gaps; none for a solid line.
    pub dashes: Option<&'static str>,
}

/// An element of a plot.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) enum Mark {
    /// A line through points `(x, y)`.
    Curve(Style, Vec<(f64, f64)>),
    /// The area between two curves, `(x, low, high)`.
    Band(Style, Vec<(f64, f64, f64)>),
    /// Bars `(from, to, height)` that touch.
    Histogram(Style, Vec<(f64, f64, f64)>),
    /// A horizontal line at y.
    Horizontal(f64),
    /// A vertical line at x.
    Vertical(Style, f64),
}

/// A plot.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Plot {
    /// Description for screen readers.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Marks in drawing order, with their names in the legend or empty names.
    pub marks: Vec<(String, Mark)>,
}

impl Plot {
    /// The plot as an SVG element.
    pub fn draw(&self) -> Markup {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(self.title) {
                @for (value, text) in self.y.ticks() {
                    @let y = self.up(value);
                    line x1=(LEFT) x2=(right) y1=(y) y2=(y) stroke=(GRID) {}
                    text x=(LEFT - 8.0) y=(y + 4.0) text-anchor="end" { (text) }
                }
                @for (value, text) in self.x.ticks() {
                    @let x = self.along(value);
                    line x1=(x) x2=(x) y1=(bottom) y2=(bottom + 5.0) stroke=(FRAME) {}
                    text x=(x) y=(bottom + 19.0) text-anchor="middle" { (text) }
                }
                @for (_, mark) in &self.marks { (self.mark(mark)) }
                path d=(format!("M{LEFT} {TOP}V{bottom}H{right}")) fill="none" stroke=(FRAME) {}
                text x=((LEFT + right) / 2.0) y=(HEIGHT - 8.0) text-anchor="middle" fill=(INK) { (self.x.label) }
                text transform=(format!("translate(14 {}) rotate(-90)", (TOP + bottom) / 2.0)) text-anchor="middle" fill=(INK) {
                    (self.y.label)
                }
                (self.legend())
            }
        }
    }

    /// The legend, one line above the plot.
    fn legend(&self) -> Markup {
        let mut left = LEFT;
        let named = self.marks.iter().filter(|(name, _)| !name.is_empty());
        let entries: Vec<_> = named
            .map(|(name, mark)| {
                let at = left;
                // An upper bound of the width of the text in usual fonts.
                left += 46.0 + 6.6 * name.chars().count() as f64;
                (at, name, mark)
            })
            .collect();
        html! {
            @for (at, name, mark) in entries {
                (sample(mark, at))
                text x=(at + 30.0) y="16" fill=(INK) { (name) }
            }
        }
    }

    fn mark(&self, mark: &Mark) -> Markup {
        match mark {
            Mark::Curve(style, points) => stroke(style, &self.path(points.iter().copied())),
            Mark::Band(style, points) => {
                let there = points.iter().map(|&(x, _, high)| (x, high));
                let back = points.iter().rev().map(|&(x, low, _)| (x, low));
                html! { path d=(self.path(there.chain(back)) + "Z") fill=(style.colour) fill-opacity="0.18" {} }
            }
            Mark::Histogram(style, bars) => {
                let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return html! {} };
                let tops = bars.iter().flat_map(|&(from, to, height)| [(from, height), (to, height)]);
                let outline = self.path([(first.0, 0.0)].into_iter().chain(tops).chain([(last.1, 0.0)]));
                html! {
                    path d=(outline) fill=(style.colour) fill-opacity="0.18" {}
                    (stroke(style, &outline))
                }
            }
            Mark::Horizontal(y) => stroke(&LEVEL, &self.path([(self.x.from, *y), (self.x.to, *y)])),
            Mark::Vertical(style, x) => stroke(style, &self.path([(*x, self.y.from), (*x, self.y.to)])),
        }
    }

    /// A path through points in units of the axes, without those that are not finite.
    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let finite = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        finite.fold(String::new(), |mut path, (x, y)| {
            let command = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{command}{:.1} {:.1}", self.along(x), self.up(y))
                .expect("a text takes what is written to it");
            path
        })
    }

    fn along(&self, x: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * self.x.place(x)
    }

    fn up(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * self.y.place(y)
    }
}

const LEVEL: Style = Style { colour: FRAME, dashes: Some("2 3") };

fn stroke(style: &Style, path: &str) -> Markup {
    html! { path d=(path) fill="none" stroke=(style.colour) stroke-width="2" stroke-dasharray=[style.dashes] {} }
}

/// The symbol of a mark in the legend.
fn sample(mark: &Mark, left: f64) -> Markup {
    let line = |style: &Style| stroke(style, &format!("M{left} 12H{}", left + 24.0));
    let area = |style: &Style| {
        html! { rect x=(left) y="5" width="24" height="13" fill=(style.colour) fill-opacity="0.18" {} }
    };
    match mark {
        Mark::Curve(style, _) | Mark::Vertical(style, _) => line(style),
        Mark::Band(style, _) => area(style),
        Mark::Histogram(style, _) => html! { (area(style)) (line(style)) },
        Mark::Horizontal(_) => line(&LEVEL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lie_where_the_axes_say() {
        let plot = Plot {
            title: "a < b".into(),
            x: Axis::new("x", 0.0, 1.0),
            y: Axis::new("y", 0.0, 1.0),
            marks: vec![("both & all".into(), Mark::Curve(REAL, vec![(0.0, 0.0), (0.5, f64::NAN), (1.0, 1.0)]))],
        };
        let drawn = plot.draw().into_string();
        assert!(drawn.contains("M64.0 282.0L492.0 30.0"), "{drawn}");
        assert!(drawn.contains("a &lt; b") && drawn.contains("both &amp; all"), "{drawn}");
    }
}
