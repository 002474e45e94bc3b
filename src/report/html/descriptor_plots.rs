//! Plots of two-point correlation, lineal path, volume fraction and interface density.

use maud::{Markup, html};

use super::descriptors::{Descriptors, Ensemble};
use super::subject::Subject;
use crate::Result;
use crate::error::counted;
use crate::report::number::significant;
use crate::report::svg::{Axis, GENERATED, Mark, Palette, Plot, REAL, map};

/// Number of bars of a histogram.
const BARS: usize = 24;

/// Plots for each judged phase.
///
/// # Errors
///
/// [`Error::Internal`](crate::Error::Internal) if a picture cannot be encoded.
pub(super) fn section(subject: &Subject) -> Result<Markup> {
    let measured = subject.measured();
    let (n, n_real) = (measured.len(), subject.real.len());
    let phases = subject.phases.iter().map(|&phase| {
        let (real, generated) = (Descriptors::new(&subject.real, phase)?, Descriptors::new(&measured, phase)?);
        Ok(html! {
            @if subject.phases.len() > 1 { h3 { "Phase " (phase) } }
            (maps(subject, &real, &generated)?)
            div.plots {
                (correlation(subject, &real, &generated))
                (lineal_path(subject, &real, &generated))
                (volume_fractions(subject, phase, &real, &generated))
                (interfaces(subject, &real, &generated))
            }
        })
    });
    let phases = phases.collect::<Result<Vec<_>>>()?;
    Ok(html! {
        section aria-label="Descriptors" {
            h2 { "Two-point correlation, lineal path, volume fraction, interfaces" (subject.planes()) }
            p {
                "Means over " (counted(n, subject.made_name())) " and " (counted(n_real, subject.real_name)) " of the same size. "
                @if subject.spread_is_known() { "The shaded band is one standard deviation of single real images to either side: "
                    "how much the material itself varies from one image of this size to the next. " }
                @else { "There are too few real images of this size to say how much the material itself varies. " }
                @if subject.windows_at.is_err() { "The micrograph is too small for real windows of this size. " }
                "No image is taken to be periodic."
            }
            @for phase in phases { (phase) }
        }
    })
}

fn maps(subject: &Subject, real: &Descriptors, generated: &Descriptors) -> Result<Markup> {
    let axes = subject.rows_and_columns();
    let difference = &generated.map - &real.map;
    let both = Axis::over("S₂", real.map.iter().chain(&generated.map).copied());
    let most = difference.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let apart = Axis::new("difference", -most.max(1e-12), most.max(1e-12));
    let (a, b) = (
        map(&real.map, axes, &both, Palette::Sequential, "Map of the two-point correlation of the real material")?,
        map(&generated.map, axes, &both, Palette::Sequential, "Map of the two-point correlation of the realisations")?,
    );
    let c = map(&difference, axes, &apart, Palette::Diverging, "Map of the difference of the two-point correlations")?;
    Ok(html! {
        div.maps {
            figure { h4 { "S₂, real" } (a) }
            figure { h4 { "S₂, realisations" } (b) }
            figure { h4 { "Difference, realisations − real" } (c) figcaption { "The largest difference is " (significant(most, 2)) "." } }
        }
    })
}

fn correlation(subject: &Subject, real: &Descriptors, generated: &Descriptors) -> Markup {
    let v = real.radial.mean[0];
    let title = "Two-point correlation against distance, real and realisations";
    let axes = ["distance r in pixels", "two-point correlation S₂(r)"];
    let asymptote = (format!("φ² = {}", significant(v * v, 3)), Mark::Horizontal(v * v));
    curves(subject, title, axes, 0, [&real.radial, &generated.radial], Some(asymptote))
}

fn lineal_path(subject: &Subject, real: &Descriptors, generated: &Descriptors) -> Markup {
    let title = "Lineal path function against length of the segment, real and realisations";
    let axes = ["length of the segment in pixels", "lineal path L(r)"];
    curves(subject, title, axes, 1, [&real.lineal, &generated.lineal], None)
}

/// A plot of two ensembles, real and realisations, over lags from `first` on.
fn curves(
    subject: &Subject,
    title: &str,
    [x, y]: [&str; 2],
    first: usize,
    [real, generated]: [&Ensemble; 2],
    extra: Option<(String, Mark)>,
) -> Markup {
    let lag = |index: usize| (first + index) as f64;
    let points = |values: &[f64]| values.iter().enumerate().map(|(i, &value)| (lag(i), value)).collect::<Vec<_>>();
    let spread = |(i, (&mean, &sd)): (usize, (&f64, &f64))| (lag(i), (mean - sd).max(0.0), mean + sd);
    let band: Vec<_> = real.mean.iter().zip(&real.deviation).enumerate().map(spread).collect();
    let band = if subject.spread_is_known() { band } else { Vec::new() };
    let highest = band.iter().map(|(_, _, high)| high);
    let top = real.mean.iter().chain(&generated.mean).chain(highest).copied().fold(0.0, f64::max);
    let mut marks = Vec::new();
    if !band.is_empty() {
        marks.push(("real ± 1 σ".to_owned(), Mark::Band(REAL, band)));
    }
    marks.extend(extra);
    marks.push(("real".to_owned(), Mark::Curve(REAL, points(&real.mean))));
    marks.push(("realisations".to_owned(), Mark::Curve(GENERATED, points(&generated.mean))));
    let plot = Plot {
        title: title.to_owned(),
        x: Axis::new(x, lag(0), lag(real.mean.len().max(2) - 1)),
        y: Axis::new(y, 0.0, 1.05 * top),
        marks,
    };
    html! { figure { (plot.draw()) } }
}

fn volume_fractions(subject: &Subject, phase: u8, real: &Descriptors, generated: &Descriptors) -> Markup {
    let values = [&real.volume_fractions[..], &generated.volume_fractions];
    let of_micrograph = subject.micrograph.images.volume_fractions()[usize::from(phase)];
    let note = format!(
        "The gate compares with the whole micrograph, {}, of which {}s do not cover all pixels equally often.",
        significant(of_micrograph, 3),
        subject.real_name
    );
    distribution(subject, "volume fraction of an image", values, &note)
}

fn interfaces(subject: &Subject, real: &Descriptors, generated: &Descriptors) -> Markup {
    let values = [&real.interfaces[..], &generated.interfaces];
    let [rows, columns] = subject.rows_and_columns();
    distribution(subject, &format!("interface density of an image, per pixel ({columns} and {rows})"), values, "")
}

/// Histograms of a figure of single images, with `note` in the caption.
fn distribution(subject: &Subject, quantity: &str, values: [&[f64]; 2], note: &str) -> Markup {
    let x = Axis::over(quantity, values.concat());
    let [real, generated] = values.map(|values| histogram(values, x.from, x.to));
    let [real_mean, generated_mean] = values.map(|values| values.iter().sum::<f64>() / values.len() as f64);
    let most = real.iter().chain(&generated).map(|(_, _, height)| *height).fold(0.0, f64::max);
    let plot = Plot {
        title: format!("Histogram of the {quantity}, real and realisations"),
        x,
        y: Axis::new("share of the images in %", 0.0, 1.05 * most),
        marks: vec![
            (format!("{}s", subject.real_name), Mark::Histogram(REAL, real)),
            ("realisations".to_owned(), Mark::Histogram(GENERATED, generated)),
            (String::new(), Mark::Vertical(REAL, real_mean)),
            (String::new(), Mark::Vertical(GENERATED, generated_mean)),
        ],
    };
    html! {
        figure {
            (plot.draw())
            figcaption { "Vertical lines are the means: " (subject.real_name) "s " (significant(real_mean, 3)) ", realisations "
                (significant(generated_mean, 3)) ". " (note) }
        }
    }
}

/// Shares in percent of the values in bars of equal width from `from` to `to`.
fn histogram(values: &[f64], from: f64, to: f64) -> Vec<(f64, f64, f64)> {
    let width = (to - from) / BARS as f64;
    let mut counts = [0usize; BARS];
    for value in values {
        counts[(((value - from) / width) as usize).min(BARS - 1)] += 1;
    }
    let bar = |(i, count): (usize, &usize)| {
        let left = from + i as f64 * width;
        (left, left + width, 100.0 * *count as f64 / values.len() as f64)
    };
    counts.iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_hold_every_value_once() {
        let bars = histogram(&[0.0, 0.1, 0.5, 1.0], 0.0, 1.0);
        assert_eq!(bars.len(), BARS);
        assert!((bars.iter().map(|bar| bar.2).sum::<f64>() - 100.0).abs() < 1e-9);
        assert_eq!((bars[0].2, bars[BARS / 2].2, bars[BARS - 1].2), (25.0, 25.0, 25.0));
    }
}
