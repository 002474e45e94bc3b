//! The page on a model of volumes.

use maud::{Markup, html};

use super::judgement::judge;
use super::subject::Subject;
use super::{descriptor_plots, gate_table, losses, origin, verdict, volume_figures, volume_pictures};
use crate::Result;
use crate::error::counted;
use crate::evaluation::{PARTS, judged_volumes, n_judged_volumes};
use crate::generation::GenerationOptions;
use crate::micrograph::{Directions, Micrograph};
use crate::model::Model;

/// Number of parts of [`page`]: volumes, figures of planes, three-dimensional descriptors, page.
pub(super) fn parts(model: &Model, micrographs: &Directions<Micrograph>, options: &GenerationOptions) -> u64 {
    let phases = micrographs.across(0).images.judged_phases().len() as u64;
    let of_bodies = volume_figures::n_measured(n_judged_volumes(model, options)) as u64;
    1 + 3 * PARTS * phases + of_bodies * phases + 1
}

/// The whole page. `done` is called after each part and ends the work by an error.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if a micrograph cannot be the material of the model or an option is
/// out of range, and those of [`judge`] and of the sections.
pub(super) fn page(
    model: &Model,
    micrographs: &Directions<Micrograph>,
    options: &GenerationOptions,
    done: &dyn Fn() -> Result<()>,
) -> Result<Markup> {
    options.check_tile_size(model)?;
    micrographs.iter().try_for_each(|micrograph| model.check_material(&micrograph.images))?;
    let volumes = &judged_volumes(model, options)?;
    done()?;
    let phases = micrographs.across(0).images.judged_phases();
    let of_axis = |axis| {
        let planes = Subject::of_planes(model, micrographs.across(axis), options, axis, volumes)?;
        Ok(Subject { phases: phases.clone(), ..planes })
    };
    let subjects = (0..3).map(of_axis).collect::<Result<Vec<_>>>()?;
    let judgements = subjects.iter().map(|subject| judge(subject, done)).collect::<Result<Vec<_>>>()?;
    let mut judgements: Vec<_> = judgements.into_iter().flatten().collect();
    judgements.sort_by_key(|judgement| judgement.phase);
    let figures = volume_figures::section(micrographs, &phases, volumes, done)?;
    let [nz, ny, nx] = model.shape();
    let judged = format!("{} of {}", counted(options.count, "plane"), counted(volumes.len(), "volume"));
    let lead = html! {
        "A DA-VEGAN model of volumes: " (judged) " of " (nx) " × " (ny) " × " (nz)
        " voxels, across each axis, compared with the " (if micrographs.count() > 1 { "micrographs." } else { "micrograph." })
    };
    let main = html! {
        (verdict::section(&subjects, &judgements))
        (volume_pictures::section(&subjects, micrographs)?)
        (figures)
        (gate_table::section(&judgements))
        @for subject in &subjects { (descriptor_plots::section(subject)?) }
        (losses::section(model))
        (origin::section(model, micrographs, options, &judged)?)
    };
    let page = super::page(model, lead, main);
    done()?;
    Ok(page)
}
