//! The page on a model of images.

use maud::{Markup, html};

use super::judgement::judge;
use super::subject::Subject;
use super::{descriptor_plots, gate_table, latent_space, losses, origin, paper, pictures, verdict};
use crate::Result;
use crate::evaluation::PARTS;
use crate::generation::GenerationOptions;
use crate::micrograph::{Directions, Micrograph};
use crate::model::Model;
use crate::report::number::whole;

/// Number of parts of [`page`]: images, figures, page.
pub(super) fn parts(micrographs: &Directions<Micrograph>) -> u64 {
    1 + PARTS * micrographs.across(0).images.judged_phases().len() as u64 + 1
}

/// The whole page. `done` is called after each part and ends the work by an error.
///
/// # Errors
///
/// Those of [`Subject::new`], of [`judge`] and of the sections.
pub(super) fn page(
    model: &Model,
    micrographs: &Directions<Micrograph>,
    options: &GenerationOptions,
    done: &dyn Fn() -> Result<()>,
) -> Result<Markup> {
    let subject = &Subject::new(model, micrographs.across(0), options)?;
    done()?;
    let judgements = judge(subject, done)?;
    let [_, ny, nx] = model.shape();
    let count = subject.realisations.len();
    let lead = html! {
        "A DA-VEGAN model: " (count) " realisations of " (nx) " × " (ny) " pixels, compared with the micrograph."
    };
    let main = html! {
        (verdict::section(std::slice::from_ref(subject), &judgements))
        (pictures::section(subject)?)
        (gate_table::section(&judgements))
        (descriptor_plots::section(subject)?)
        (losses::section(model))
        (latent_space::section(subject)?)
        (paper::section(subject, &judgements)?)
        (origin::section(model, micrographs, options, &whole(count as u64))?)
    };
    let page = super::page(model, lead, main);
    done()?;
    Ok(page)
}
