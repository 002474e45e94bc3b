//! Micrographs, a realisation as a cube, tiles and planes of volumes.

use maud::{Markup, html};

use super::pictures::{SHOWN, grid, micrograph, training_tiles};
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
        subjects.iter().filter(|subject| micrographs.number_across(subject.axis()) == number).collect()
    };
    let numbers = || 0..micrographs.count();
    Ok(html! {
        section.pictures aria-label="Pictures" {
            @for number in numbers() {
                (micrograph(subjects_of(number)[0], &micrographs.name("Micrograph", number))?)
            }
            (realisation(subjects)?)
        }
        section.pictures aria-label="Slices" {
            @for number in numbers() {
                (training_tiles(subjects_of(number)[0], &micrographs.name("Training tiles", number))?)
                @for subject in subjects_of(number) { (slices(subject)?) }
            }
        }
    })
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
