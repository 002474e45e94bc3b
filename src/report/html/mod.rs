//! The HTML report: gates, pictures and plots of a model on one self-contained page.
//!
//! * `images`, `volumes`: the pages on a model of images and of volumes.
//! * `subject`: the model, a micrograph and all images.
//! * `judgement`, `gate_text`: the gates of each phase and their texts.
//! * `verdict`: the verdict on top of the page.
//! * `pictures`, `volume_pictures`: micrograph, realisations, tiles and reconstructions, or planes.
//! * `volume_figures`: three-dimensional descriptors.
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
mod images;
mod judgement;
mod latent_space;
mod losses;
mod origin;
mod paper;
mod pictures;
mod sizes;
mod subject;
mod verdict;
mod volume_figures;
mod volume_pictures;
mod volumes;

#[cfg(test)]
mod tests;

pub use sizes::size_report;

use std::fs;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::generation::GenerationOptions;
use crate::micrograph::{Directions, Micrograph};
use crate::model::Model;
use crate::progress::{ProgressCallback, in_parts};
use crate::storage::{Kind, Output, REPORT_MARK};
use crate::{Error, Result};

/// Writes an HTML page that judges realisations of `model` against `micrographs`, one but for volumes of a material that differs by
/// direction.
///
/// The page shows the verdict of the [sixteen gates](crate::evaluation::Fidelity::gates), pictures, every gate with its
/// figures, descriptors of realisations and of windows of the micrograph (lags in pixels), the losses, latent
/// traversals, the paper's Table 4 if it has a material of that name, and the training options. Of two phases the
/// minority phase is judged, otherwise every phase but phase 0. `options` selects the realisations: at least 32, and
/// 256 for a verdict.
///
/// Of volumes it shows slices in three directions, a cube, and three-dimensional descriptors: surface, Euler characteristic, components,
/// percolation and conductivity. Planes across each axis are judged, and `count` of `options` is that of planes. There is no latent
/// space and no Table 4.
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
/// [`Error::InvalidParameter`] for several micrographs of a model of images, an option out of range, or a micrograph that has not the model's
/// number of phases or is smaller than its realisations; [`Error::OutOfMemory`] if the realisations do not fit into memory; [`Error::Io`]
/// if the file cannot be written; [`Error::Format`] if something else than a report is there; [`Error::Cancelled`] if `progress` asked to stop; an older file stays in all cases.
pub fn html_report<'a>(
    model: &Model,
    micrographs: impl Into<Directions<'a, Micrograph>>,
    path: &Path,
    options: &GenerationOptions,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<()> {
    let micrographs = micrographs.into();
    model.check_count(&micrographs)?;
    let of_images = model.profile.axes() == 2;
    // Before the work, which takes some seconds.
    let output = Output::claim(path, Kind::Report)?;
    let parts = if of_images { images::parts(&micrographs) } else { volumes::parts(model, &micrographs, options) };
    let pool = model.thread_pool(options.threads)?;
    let page = in_parts("the report", &pool, parts, progress_interval, progress, |done| {
        if of_images {
            images::page(model, &micrographs, options, done)
        } else {
            volumes::page(model, &micrographs, options, done)
        }
    })?;
    write(output, path, page)
}

/// Puts a page in its place at `path`.
fn write(mut output: Output, path: &Path, page: Markup) -> Result<()> {
    output.replace(|temporary| {
        fs::write(temporary, page.into_string()).map_err(|error| Error::system(path, "write the report", &error))
    })
}

/// A page on a model, whose name is that of what it was trained on.
fn page(model: &Model, lead: Markup, main: Markup) -> Markup {
    let source = model.origin.source.to_string();
    document(&format!("davegan report: {source}"), &source, lead, main)
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
