//! The HTML report: gates, pictures and plots of a model on one self-contained page.
//!
//! * `subject`: the model, the micrograph and all images.
//! * `judgement`, `gate_text`: the gates of each phase and their texts.
//! * `verdict`: the verdict on top of the page.
//! * `pictures`: micrograph, realisations, tiles and reconstructions.
//! * `gate_table`: tables of all gates and their figures.
//! * `descriptors`, `descriptor_plots`: correlation, lineal path, volume fraction and interface density.
//! * `losses`: plots of the losses.
//! * `latent_space`: latent traversals.
//! * `paper`: the paper's error measures and its Table 4.
//! * `origin`: micrograph and training options.
//! * `sizes`: the page on how large an element must be.

mod descriptor_plots;
mod descriptors;
mod gate_table;
mod gate_text;
mod judgement;
mod latent_space;
mod losses;
mod origin;
mod paper;
mod pictures;
mod sizes;
mod subject;
mod verdict;

#[cfg(test)]
mod tests;

pub use sizes::size_report;

use std::fs;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::judgement::{Judgement, judge};
use self::subject::Subject;
use crate::evaluation::PARTS;
use crate::generation::GenerationOptions;
use crate::micrograph::Micrograph;
use crate::model::Model;
use crate::progress::{ProgressCallback, in_parts};
use crate::storage::{Kind, Output, REPORT_MARK};
use crate::{Error, Result};

/// Writes an HTML page that judges realisations of `model` against `micrograph`.
///
/// The page shows the verdict of the [sixteen gates](crate::evaluation::Fidelity::gates), pictures, every gate with its
/// figures, descriptors of realisations and of windows of the micrograph (lags in pixels), the losses, latent
/// traversals, the paper's Table 4 if it has a material of that name, and the training options. Of two phases the
/// minority phase is judged, otherwise every phase but phase 0. `options` selects the realisations: at least 32, and
/// 256 for a verdict.
///
/// The page needs no other file, no network and no script. Equal models, micrographs and options give equal bytes.
/// Parts that need a larger micrograph or more realisations are left out, and the page says why. E_rec is not judged if
/// the model was trained on another micrograph.
///
/// `progress` is called on this thread after a part of the work, at most every `progress_interval` seconds; its steps
/// are those parts, which take unequal times.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a model of volumes, an option out of range, or a micrograph that has not the model's
/// number of phases or is smaller than its realisations; [`Error::OutOfMemory`] if the realisations do not fit into memory; [`Error::Io`]
/// if the file cannot be written; [`Error::Format`] if something else than a report is there; [`Error::Cancelled`] if `progress` asked to stop; an older file stays in all cases.
pub fn html_report(
    model: &Model,
    micrograph: &Micrograph,
    path: &Path,
    options: &GenerationOptions,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<()> {
    if model.profile.axes() == 3 {
        return Err(Error::invalid(
            "a report shows images, but this model makes volumes; evaluate it (davegan evaluate, \
             davegan_fidelity_measure_model), and write a contact sheet (--contact-sheet, \
             davegan_contact_sheet)",
        ));
    }
    // Before the work, which takes some seconds.
    let output = Output::claim(path, Kind::Report)?;
    // Images, figures, page.
    let parts = 1 + PARTS * micrograph.images.judged_phases().len() as u64 + 1;
    let pool = model.thread_pool(options.threads)?;
    let page = in_parts("the report", &pool, parts, progress_interval, progress, |done| {
        let subject = Subject::new(model, micrograph, options)?;
        done()?;
        let judgements = judge(&subject, done)?;
        let page = page(&subject, &judgements)?;
        done()?;
        Ok(page)
    })?;
    write(output, path, page)
}

/// Puts a page in its place at `path`.
fn write(mut output: Output, path: &Path, page: Markup) -> Result<()> {
    output.replace(|temporary| {
        fs::write(temporary, page.into_string()).map_err(|error| Error::system(path, "write the report", &error))
    })
}

/// The whole page.
fn page(subject: &Subject, judgements: &[Judgement]) -> Result<Markup> {
    let source = &subject.model.origin.source;
    let [_, ny, nx] = subject.model.shape();
    let lead = html! {
        "A DA-VEGAN model: " (subject.realisations.len()) " realisations of " (ny) " × " (nx)
        " pixels, compared with the micrograph."
    };
    let main = html! {
        (verdict::section(subject, judgements))
        (pictures::section(subject)?)
        (gate_table::section(subject, judgements))
        (descriptor_plots::section(subject)?)
        (losses::section(subject.model))
        (latent_space::section(subject)?)
        (paper::section(subject, judgements)?)
        (origin::section(subject)?)
    };
    Ok(document(&format!("davegan report: {source}"), source, lead, main))
}

/// A page with a title for the browser, a heading and a sentence below it.
fn document(title: &str, heading: &str, lead: Markup, main: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="generator" content=(REPORT_MARK);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { (heading) }
                    p { (lead) }
                }
                main { (main) }
                footer { "davegan " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}
