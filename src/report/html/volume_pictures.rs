//! Micrographs, a realisation as a cube, tiles and planes of volumes.

use maud::{Markup, html};

use super::pictures::{SHOWN, grid, micrograph, shown};
use super::subject::Subject;
use crate::Result;
use crate::micrograph::{Directions, Micrograph};
use crate::report::cube::{cube, shown_side};
use crate::report::picture::data_uri;

/// Width of the cube on the screen in pixels.
const CUBE: usize = 512;

/// Pictures of the micrographs, of one realisation as a cube, and of slices in three directions beside tiles of the micrograph that
/// shows such planes. `subjects` are those of planes across z, y and x.
///
/// # Errors
///
/// Those of [`cube`], and [`Error::Internal`](crate::Error::Internal) if a picture cannot be encoded.
pub(super) fn section(subjects: &[Subject], micrographs: &Directions<Micrograph>) -> Result<Markup> {
    let subjects_of = |number: usize| -> Vec<&Subject> {
        subjects
            .iter()
            .enumerate()
            .filter(|(axis, _)| micrographs.number_across(*axis) == number)
            .map(|of| of.1)
            .collect()
    };
    let numbers = || 0..micrographs.count();
    Ok(html! {
        section.pictures aria-label="Pictures" {
            @for number in numbers() {
                (micrograph(subjects_of(number)[0], &capitalised(micrographs.planes_of(number)))?)
            }
            (realisation(subjects)?)
        }
        section.pictures aria-label="Slices" {
            @for number in numbers() {
                (tiles(&subjects_of(number), micrographs.planes_of(number))?)
                @for subject in subjects_of(number) { (slices(subject)?) }
            }
        }
    })
}

/// The heading of a micrograph.
fn capitalised(planes: Option<String>) -> String {
    planes.map_or_else(|| "Micrograph".to_owned(), |planes| format!("Micrograph, {planes}"))
}

/// One realisation as a cube.
fn realisation(subjects: &[Subject]) -> Result<Markup> {
    let Subject { model, options, .. } = subjects[0];
    let picture = cube(model, options, CUBE)?;
    let ((height, width, _), side) = (picture.dim(), shown_side(model));
    Ok(html! {
        figure {
            h2 { "A realisation of " (side) " × " (side) " × " (side) " voxels" }
            img.cube src=(data_uri(&picture)?) width=(width) height=(height) alt="A realisation as a cube, seen from above.";
            figcaption { "Seen are its planes z = 0 on top, y = " (side - 1) " on the left and x = " (side - 1) " on the right, each in its own "
                "light. Seed " (options.seed) ", realisation " (options.first) "." }
        }
    })
}

/// Training tiles of the micrograph of these planes.
fn tiles(subjects: &[&Subject], planes: Option<String>) -> Result<Markup> {
    let first = subjects[0];
    let tiles = first.model.tiles_by_direction().across(first.across.unwrap_or(0));
    let heading = planes.map_or_else(String::new, |planes| format!(", {planes}"));
    Ok(html! {
        figure {
            h2 { "Training tiles" (heading) }
            (grid(tiles, "training tiles")?)
            figcaption { (shown(tiles.len(), "tile")) " The model was trained on them." }
        }
    })
}

/// Slices of realisations across an axis.
fn slices(subject: &Subject) -> Result<Markup> {
    let [rows, columns] = subject.rows_and_columns();
    Ok(html! {
        figure {
            h2 { "Slices of realisations" (subject.planes()) }
            (grid(&subject.realisations, "slices of realisations")?)
            figcaption { "Rows along " (rows) ", columns along " (columns) ". " (subject.realisations.len().min(SHOWN))
                " of the planes that are judged, from realisation " (subject.options.first) " on." }
        }
    })
}
