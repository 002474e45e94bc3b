//! The paper's error measures and its Table 4.

use maud::{Markup, html};
use ndarray::Array4;

use super::judgement::Judgement;
use super::subject::Subject;
use crate::Result;
use crate::descriptor::{generation_error, reconstruction_error};
use crate::micrograph::{PhaseImages, Source};
use crate::report::number::significant;

/// A row of the paper's Table 4.
struct PaperRow {
    /// Possible names of datasets and files, in lower-case letters and digits.
    called: &'static [&'static str],
    /// The paper's name.
    name: &'static str,
    e_rec: f64,
    e_gen: f64,
}

const fn paper_row(called: &'static [&'static str], name: &'static str, e_rec: f64, e_gen: f64) -> PaperRow {
    PaperRow { called, name, e_rec, e_gen }
}

const TABLE_4: [PaperRow; 11] = [
    paper_row(&["alloy"], "Alloy", 4.66e-3, 5.66e-3),
    paper_row(&["carbonate"], "Carbonate", 8.16e-3, 6.78e-3),
    paper_row(&["ceramics", "ceramic"], "Ceramics", 1.01e-2, 1.71e-2),
    paper_row(&["checkerboard"], "Checkerboard", 0.0, 0.0),
    paper_row(&["copolymer"], "Copolymer", 6.96e-2, 5.64e-2),
    paper_row(&["rubber"], "Rubber", 3.08e-4, 8.15e-4),
    paper_row(&["synthetic1", "synth1"], "Synth. 1", 1.81e-2, 1.06e-2),
    paper_row(&["synthetic2", "synth2"], "Synth. 2", 4.53e-3, 1.53e-2),
    paper_row(&["synthetic3", "synth3"], "Synth. 3", 4.42e-3, 1.89e-2),
    paper_row(&["composite"], "Composite", 9.71e-2, 3.84e-2),
    paper_row(&["sandstone"], "Sandstone", 1.71e-2, 5.97e-3),
];

/// E_rec and E_gen, with the paper's values if it has a material of that name.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the images differ in shape.
pub(super) fn section(subject: &Subject, judgements: &[Judgement]) -> Result<Markup> {
    let model = subject.model;
    let paper = row_of(&model.origin.source);
    let merged = model.n_phases() > 2;
    let phase = if merged { 1 } else { subject.phases[0] };
    let two = |images: &PhaseImages| if merged { all_but_first(images) } else { Ok(images.clone()) };
    let tiles = two(&model.tiles)?;
    let rec = match &subject.reconstructions {
        Some(reconstructions) => reconstruction_error(&tiles, &two(reconstructions)?, phase)?.mean,
        None => f64::NAN,
    };
    let generation = generation_error(&two(&subject.realisations)?, &tiles, phase)?.mean;
    let floor = judgements.first().and_then(|judgement| judgement.fidelity.as_ref().ok()).map(|of| of.e_gen_floor);
    Ok(html! {
        section aria-label="The paper's error measures" {
            h2 { "The paper's error measures" }
            p {
                @if merged { "All phases but phase 0 count as one here. " } @else { "Phase " (phase) " is judged. " }
                @if let Some(PaperRow { name, .. }) = paper {
                    "The row " em { (name) } " of the paper's Table 4 (Zhang et al., DA-VEGAN, 2023) is matched by the name of the "
                    "dataset or file alone, and its numbers are the paper's own, on its own data after its own training."
                }
            }
            table {
                thead { tr {
                    th scope="col" { "Descriptor error (Eq. 12) in 10⁻³" } th scope="col" { "E_rec" } th scope="col" { "E_gen" }
                } }
                tbody {
                    @if let Some(PaperRow { e_rec, e_gen, .. }) = paper { (row("The paper, Table 4", *e_rec, *e_gen)) }
                    (row("This model", rec, generation))
                    @if let (Some(floor), false) = (floor, merged) { (row("Real windows that training has not seen", f64::NAN, floor)) }
                }
            }
            p { "E_gen alone says little: white noise of the right volume fraction scores like the material, and copies of the "
                "tiles score 0. A good model has the E_gen of unseen windows, neither less nor more." }
        }
    })
}

fn row(name: &str, rec: f64, generation: f64) -> Markup {
    html! { tr { th scope="row" { (name) } td { (significant(1e3 * rec, 3)) } td { (significant(1e3 * generation, 3)) } } }
}

/// The row with the name of the dataset or, failing that, of the file or the built-in material.
fn row_of(Source { name, dataset, .. }: &Source) -> Option<&'static PaperRow> {
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let dataset = dataset.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or("");
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let found = |text: &str| TABLE_4.iter().find(|row| row.called.contains(&plain(text).as_str()));
    found(dataset).or_else(|| found(stem))
}

/// Images of two phases: phase 0 and all others.
fn all_but_first(images: &PhaseImages) -> Result<PhaseImages> {
    let phases: Array4<u8> = images.phases().mapv(|phase| phase.min(1));
    PhaseImages::new(phases, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micrograph::{Checkerboard, Sample};

    #[test]
    fn materials_are_found_by_name() {
        let name = |name: &str, dataset: Option<&str>| {
            let source = Source { name: name.into(), dataset: dataset.map(str::to_owned), details: None };
            row_of(&source).map(|row| row.name)
        };
        assert_eq!(name("micrographs.h5", Some("alloy")), Some("Alloy"));
        assert_eq!(name("micrographs.h5", Some("/paper/synthetic_1")), Some("Synth. 1"));
        assert_eq!(name("Rubber.png", None), Some("Rubber"));
        assert_eq!(name("ceramics.h5", Some("phase")), Some("Ceramics"));
        let board = Sample::Checkerboard(Checkerboard::default()).make(1, 1).unwrap();
        assert_eq!(row_of(&board.source).map(|row| row.name), Some("Checkerboard"));
        assert_eq!(["memory", "alloys.png"].map(|file| name(file, None)), [None; 2]);
        assert_eq!(name("steel.h5", Some("phase")), None);
    }

    #[test]
    fn phases_become_two() {
        let images = PhaseImages::new(Array4::from_shape_fn((1, 1, 1, 4), |(_, _, _, x)| x as u8), 4).unwrap();
        let two = all_but_first(&images).unwrap();
        assert_eq!((two.image(0), two.n_phases()), (&[0, 1, 1, 1][..], 2));
    }
}
