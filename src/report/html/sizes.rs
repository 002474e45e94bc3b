//! The page on how large an element must be.

use std::path::Path;

use maud::{Markup, html};

use super::{document, write};
use crate::Result;
use crate::evaluation::{ElementStatistics, NUMBERS, PROPERTIES, Property, SizeOptions, SizeStudy, size_study};
use crate::model::Model;
use crate::progress::ProgressCallback;
use crate::report::number::{fixed, significant, whole};
use crate::report::svg::{Axis, GENERATED, Mark, Plot, REAL};
use crate::storage::{Kind, Output};

/// Examines elements as [`size_study`] does, and writes an HTML page about them.
///
/// The page tells the side that the wished relative error needs, and shows mean, confidence interval and error of volume
/// fraction, two-point correlation and conductivity against the side. It needs no other file, no network and no script.
///
/// # Errors
///
/// Those of [`size_study`]; [`Error::Io`](crate::Error::Io) if the file cannot be written;
/// [`Error::Format`](crate::Error::Format) if something else than a report is there. An older file stays in all cases.
pub fn size_report(
    model: &Model,
    options: &SizeOptions,
    path: &Path,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<SizeStudy> {
    // Before the work, which takes long.
    let output = Output::claim(path, Kind::Report)?;
    let study = size_study(model, options, progress_interval, progress)?;
    write(output, path, page(model, &study))?;
    Ok(study)
}

/// The whole page.
fn page(model: &Model, study: &SizeStudy) -> Markup {
    let source = model.origin.source.to_string();
    let count = study.sizes.first().map_or(0, |size| size.properties[0].count);
    let side = model.origin.voxel_size.map(|side| format!(", {side} each")).unwrap_or_default();
    let lead = html! {
        (count) " periodic elements of each size, sides in " (unit(study)) (side) ". Statistics of phase " (study.phase) "."
    };
    document(
        &format!("davegan: representative size of {source}"),
        &source,
        lead,
        html! {
            (required(study))
            @for property in 0..PROPERTIES.len() { (section(study, property)) }
            (curves(study))
            (method(study))
        },
    )
}

/// What elements are made of.
fn unit(study: &SizeStudy) -> &'static str {
    if study.sizes.iter().any(ElementStatistics::is_volume) { "voxels" } else { "pixels" }
}

/// A relative number in percent.
fn percent(value: f64) -> String {
    format!("{} %", significant(100.0 * value, 2))
}

/// A side in whole voxels, with a mark if the fit extrapolates.
fn side(study: &SizeStudy, side: Option<f64>) -> String {
    side.map_or_else(
        || "–".to_owned(),
        |side| format!("{}{}", whole(side.ceil() as u64), if study.is_beyond(side) { " *" } else { "" }),
    )
}

/// The sides that the wished error needs.
fn required(study: &SizeStudy) -> Markup {
    html! {
        section aria-label="Required size" {
            h2 { "Side for a relative error of " (percent(study.precision)) }
            table {
                thead {
                    tr {
                        th scope="col" { "Property" }
                        @for elements in NUMBERS {
                            th scope="col" { (elements) @if elements == 1 { " element" } @else { " elements" } }
                        }
                        th scope="col" { "Deviation falls as" }
                    }
                }
                tbody {
                    @for (property, name) in PROPERTIES.iter().enumerate() {
                        tr {
                            th scope="row" { (name) }
                            @for elements in NUMBERS { td { (side(study, study.required_side(property, elements))) } }
                            td {
                                @if let Some(fit) = study.fit(property) { "side" sup { (fixed(-fit.exponent, 2)) } } @else { "–" }
                            }
                        }
                    }
                }
            }
            p { "* Beyond the sizes examined: an extrapolation of the fit. A dash: no fit, for one size or without a deviation that "
                "falls with the side." }
        }
    }
}

/// Table and plots of one property.
fn section(study: &SizeStudy, property: usize) -> Markup {
    html! {
        section aria-label=(PROPERTIES[property]) {
            h2 { (capitalised(PROPERTIES[property])) }
            @if study.sizes.len() > 1 {
                div.plots {
                    figure { (means(study, property).draw()) }
                    figure { (errors(study, property).draw()) }
                }
            }
            table {
                thead {
                    tr {
                        @for name in ["Size", "Mean", "95 % interval", "Deviation", "Error of one element"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for size in &study.sizes {
                        @let of = &size.properties[property];
                        tr {
                            th scope="row" { (size.extent(" × ")) }
                            td { (significant(of.mean, 4)) }
                            td { "± " (significant(of.interval(), 2)) }
                            td { (significant(of.deviation, 3)) }
                            td { (percent(of.relative_error(1))) }
                        }
                    }
                }
            }
        }
    }
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

/// From 0 to beyond the largest size.
fn sides(study: &SizeStudy) -> Axis {
    Axis::new(format!("side in {}", unit(study)), 0.0, 1.05 * study.sizes.last().map_or(1.0, ElementStatistics::side))
}

/// Lower and upper end of the confidence interval.
fn ends(of: &Property) -> [f64; 2] {
    [of.mean - of.interval(), of.mean + of.interval()]
}

/// The mean and its confidence interval, of a property for each x.
fn mean_and_interval(properties: &[(f64, Property)]) -> Vec<(String, Mark)> {
    let band = properties.iter().map(|(x, of)| {
        let [low, high] = ends(of);
        (*x, low, high)
    });
    let mean = properties.iter().map(|(x, of)| (*x, of.mean));
    vec![
        ("95 % interval".to_owned(), Mark::Band(REAL, band.collect())),
        ("mean".to_owned(), Mark::Curve(REAL, mean.collect())),
    ]
}

/// The mean and its confidence interval against the side.
fn means(study: &SizeStudy, property: usize) -> Plot {
    let properties: Vec<_> = study.sizes.iter().map(|size| (size.side(), size.properties[property])).collect();
    Plot {
        title: format!("Mean of the {} against the side", PROPERTIES[property]),
        x: sides(study),
        y: Axis::over(PROPERTIES[property], properties.iter().flat_map(|(_, of)| ends(of))),
        marks: mean_and_interval(&properties),
    }
}

/// The relative error of one element against the side, with the fit.
fn errors(study: &SizeStudy, property: usize) -> Plot {
    const POINTS: usize = 100;
    let of = |size: &ElementStatistics| 100.0 * size.properties[property].relative_error(1);
    let errors: Vec<_> = study.sizes.iter().map(|size| (size.side(), of(size))).collect();
    let most = errors
        .iter()
        .map(|&(_, error)| error)
        .filter(|error| error.is_finite())
        .fold(100.0 * study.precision, f64::max);
    let top = 1.05 * most;
    let mut marks = vec![
        (format!("{} wished", percent(study.precision)), Mark::Horizontal(100.0 * study.precision)),
        ("one element".to_owned(), Mark::Curve(REAL, errors.clone())),
    ];
    if let (Some(fit), Some(first), Some(last)) = (study.fit(property), study.sizes.first(), study.sizes.last()) {
        let error = |side: f64| 200.0 * fit.deviation(side) / last.properties[property].mean;
        let at = |i: usize| first.side() + (1.05 * last.side() - first.side()) * i as f64 / POINTS as f64;
        let curve = (0..=POINTS).map(|i| (at(i), error(at(i)))).filter(|&(_, error)| error <= top).collect();
        marks.push((format!("fit, side^{}", fixed(-fit.exponent, 2)), Mark::Curve(GENERATED, curve)));
    }
    Plot {
        title: format!("Relative error of the {} of one element against the side", PROPERTIES[property]),
        x: sides(study),
        y: Axis::new("relative error in %", 0.0, top),
        marks,
    }
}

/// The two-point correlation at each size.
fn curves(study: &SizeStudy) -> Markup {
    let all = study.sizes.iter().flat_map(|size| &size.s2).flat_map(ends).collect::<Vec<_>>();
    let y = Axis::over("S₂(r)", all);
    let plot = |size: &ElementStatistics| {
        let properties: Vec<_> = size.s2.iter().enumerate().map(|(lag, of)| (lag as f64, *of)).collect();
        Plot {
            title: format!("Two-point correlation of elements of side {}", size.side()),
            x: Axis::new(format!("distance r in {}", unit(study)), 0.0, (size.s2.len().max(2) - 1) as f64),
            y: y.clone(),
            marks: mean_and_interval(&properties),
        }
    };
    html! {
        section aria-label="Two-point correlation by distance" {
            h2 { "Two-point correlation by distance" }
            div.small-plots {
                @for size in &study.sizes {
                    figure { h4 { (size.extent(" × ")) } (plot(size).draw()) }
                }
            }
        }
    }
}

fn method(study: &SizeStudy) -> Markup {
    let lags = study.sizes.first().map_or(0, |size| size.s2.len().saturating_sub(1));
    html! {
        section aria-label="Method" {
            h2 { "How this was computed" }
            p { "s is the standard deviation between n elements of one size. The 95 % confidence interval of the mean m is "
                "m ± t s / √n, with t of Student's distribution with n − 1 degrees of freedom. The relative error of the mean over N elements "
                "is 2 s / (m √N) (Kanit et al. 2003, Int. J. Solids Struct. 40, 3647). The fit is s = c side" sup { "−α" }
                ", by least squares of the logarithms; α is 1 in two dimensions and 3/2 in three, for a material without order at long range. The required side follows "
                "from the fit and the mean at the largest size." }
            p { "The two-point correlation is the mean over directions at distances of 0 to " (lags) " " (unit(study)) ". Its mean and deviation are root mean "
                "squares over these. The phase conducts 100 times as well as the rest; the conductivity is the mean along all axes, in units of that of the "
                "rest. A mean that changes with the size beyond its intervals says that small elements are biased." }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::tests::{assert_well_formed, path};
    use super::*;
    use crate::Error;
    use crate::evaluation::size_study_tests::{model, options, study};

    #[test]
    fn the_page_shows_each_property_and_marks_extrapolation() {
        let model = model();
        let page = page(&model, &study(&[0.08, 0.04, 0.02])).into_string();
        assert_well_formed(&page);
        for text in
            ["16 periodic elements", "Conductivity", "128 × 128", "<td>324 *</td><td>103</td>", "fit, side^−1.00"]
        {
            assert!(page.contains(text), "{text}: {page}");
        }
        let mut volumes = study(&[0.08, 0.04]);
        volumes.sizes.iter_mut().for_each(|size| size.shape[0] = size.shape[1]);
        let page = super::page(&model, &volumes).into_string();
        assert_well_formed(&page);
        assert!(page.contains("64 × 64 × 64") && page.contains("side in voxels") && !page.contains("in pixels"));
        let page = super::page(&model, &study(&[0.1])).into_string();
        assert_well_formed(&page);
        assert!(page.contains("<td>–</td>") && !page.contains("NaN"));
    }

    #[test]
    fn a_report_is_written_and_a_cancelled_one_is_not() {
        let model = model();
        let path = path("sizes.html");
        let mut stop = |_: &crate::progress::Progress| ControlFlow::Break(());
        let cancelled = size_report(&model, &options(), &path, 0.0, &mut stop);
        assert!(matches!(cancelled, Err(Error::Cancelled(_))) && !path.exists());
        let study = size_report(&model, &options(), &path, 0.0, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), page(&model, &study).into_string());
    }
}
