//! The verdict on top of the page, and the shortcomings.

use maud::{Markup, html};

use super::judgement::Judgement;
use super::subject::Subject;
use crate::error::counted;
use crate::report::number::whole;
use crate::training::TrainingOptions;

/// Minimum number of realisations for a verdict.
const ENOUGH: usize = 256;

/// The verdict of all phases together, and of the planes across all axes.
pub(super) fn section(subjects: &[Subject], judgements: &[Judgement]) -> Markup {
    let gates: Vec<_> = judgements.iter().flat_map(Judgement::gates).collect();
    let (all, holding) = (gates.len(), gates.iter().filter(|gate| gate.holds).count());
    let notes = notes(subjects, judgements);
    // With few realisations gates may hold by chance.
    let enough = subjects.iter().all(|subject| subject.realisations.len() >= ENOUGH)
        && judgements.iter().all(|judgement| judgement.fidelity.is_ok());
    let (class, symbol, words) = match all - holding {
        _ if all == 0 => ("unknown", "?", "No verdict: the gates could not be judged".to_owned()),
        0 if enough => ("holds", "✓", format!("All {all} gates hold")),
        0 => ("unknown", "?", format!("All {all} gates judged hold, which is not enough for a verdict")),
        _ => ("short", "✗", format!("{holding} of {all} gates hold")),
    };
    html! {
        section.verdict.(class) aria-label="Verdict" {
            h2 { span.symbol aria-hidden="true" { (symbol) } " " (words) }
            @if class == "holds" {
                p { "All judged figures of realisations agree with the micrograph within its own uncertainty: a solver may take "
                    "them for the material." }
            } @else if class == "short" {
                p { "All must hold before a solver may take realisations for the material. What falls short:" }
                (shortcomings(judgements))
            }
            @if !notes.is_empty() {
                ul.notes { @for note in notes { li { (unbroken(&note)) } } }
            }
        }
    }
}

/// The shortcomings: a list for each phase.
fn shortcomings(judgements: &[Judgement]) -> Markup {
    let several = judgements.len() > 1;
    html! {
        div.(if several { "phases" } else { "one-phase" }) {
            @for judgement in judgements {
                @let gates = judgement.gates();
                @let holding = gates.iter().filter(|gate| gate.holds).count();
                div {
                    @if several && !gates.is_empty() {
                        h3 { (judgement.name()) ": " (holding) " of " (gates.len()) " gates hold" }
                    }
                    @if holding < gates.len() {
                        ul { @for gate in gates.iter().filter(|gate| !gate.holds) { li { (unbroken(&gate.short)) } } }
                    }
                }
            }
        }
    }
}

/// A text without line breaks between a number and its unit.
fn unbroken(text: &str) -> String {
    text.replace(" × ", "\u{a0}×\u{a0}").replace(" σ", "\u{a0}σ").replace(" %", "\u{a0}%")
}

/// Notes on the verdict.
fn notes(subjects: &[Subject], judgements: &[Judgement]) -> Vec<String> {
    let mut notes = Vec::new();
    for judgement in judgements {
        if let Err(reason) = &judgement.fidelity {
            notes.push(format!("{} is not judged: {reason}.", judgement.name()));
        }
    }
    for subject in subjects.iter().filter(|subject| !subject.own_micrograph) {
        let source = format!("{}{}", subject.micrograph.source, subject.planes());
        let not_judged = if subject.reconstructions.is_some() { "E_rec is not judged, and " } else { "" };
        notes.push(format!(
            "The model was not trained on this micrograph, as it is read now ({source}): {not_judged}the tiles that realisations are \
             compared with are those of this micrograph.",
        ));
    }
    let Some(first) = subjects.first() else { return notes };
    if first.realisations.len() < ENOUGH {
        let across = if first.across.is_some() { " across each axis" } else { "" };
        let few = counted(first.realisations.len(), first.made_name());
        notes.push(format!("Only {few}{across}: give {ENOUGH} for a verdict."));
    }
    let model = first.model;
    let (done, planned) = (model.record.steps, model.record.steps_planned);
    if done < planned {
        notes.push(format!("The training is not complete: {} of {} steps.", whole(done), whole(planned)));
    }
    let usual = TrainingOptions::new(model.profile).total_steps(model.tiles.len());
    if planned < usual {
        let name = model.profile.name();
        notes.push(format!(
            "Trained for {} steps, where profile {name} trains for {}. The gates judge the networks of this shorter \
             training; one that falls short may hold after {1} steps.",
            whole(done),
            whole(usual)
        ));
    }
    notes
}
