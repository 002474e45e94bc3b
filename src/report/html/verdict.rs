//! What a reader sees first: whether the model may be trusted, and what it lacks.

use maud::{Markup, html};

use super::judgement::Judgement;
use super::subject::Subject;
use crate::report::number::whole;
use crate::training::TrainingOptions;

/// Realisations that a verdict wants.
const ENOUGH: usize = 256;

/// The verdict of all phases together.
pub(super) fn section(subject: &Subject, judgements: &[Judgement]) -> Markup {
    let gates: Vec<_> = judgements.iter().flat_map(|j| j.gates().into_iter().map(|gate| (j.phase, gate))).collect();
    let (all, holding) = (gates.len(), gates.iter().filter(|(_, gate)| gate.holds).count());
    let several = judgements.len() > 1;
    let notes = notes(subject, judgements);
    let (class, symbol, words) = match (all, holding) {
        (0, _) => ("unknown", "?", "No verdict: the gates could not be judged".to_owned()),
        _ if holding == all => ("holds", "✓", format!("All {all} gates hold")),
        _ => ("short", "✗", format!("{holding} of {all} gates hold")),
    };
    html! {
        section.verdict.(class) aria-label="Verdict" {
            h2 { span.symbol aria-hidden="true" { (symbol) } " " (words) }
            @if all > 0 && holding == all {
                p { "In every figure judged, realisations agree with the micrograph within its own uncertainty: they may be "
                    "taken for the material." }
            } @else if all > 0 {
                p { "All must hold before realisations may be taken for the material. What falls short:" }
                ul {
                    @for (phase, gate) in gates.iter().filter(|(_, gate)| !gate.holds) {
                        li { @if several { "phase " (phase) ": " } (gate.short) }
                    }
                }
            }
            @if !notes.is_empty() {
                ul.notes { @for note in notes { li { (note) } } }
            }
        }
    }
}

/// What the reader must know besides.
fn notes(subject: &Subject, judgements: &[Judgement]) -> Vec<String> {
    let model = subject.model;
    let mut notes = Vec::new();
    for judgement in judgements {
        if let Err(reason) = &judgement.fidelity {
            notes.push(format!("Phase {} is not judged: {reason}.", judgement.phase));
        }
    }
    if !subject.own_micrograph {
        notes.push(format!(
            "The model was not trained on this micrograph ({}): E_rec is not judged.",
            subject.micrograph.source
        ));
    }
    if subject.realisations.len() < ENOUGH {
        notes.push(format!("Only {} realisations: give {ENOUGH} for a verdict.", subject.realisations.len()));
    }
    let (done, planned) = (model.state.step, model.steps_planned);
    if done < planned {
        notes.push(format!("The training is not complete: {} of {} steps.", whole(done), whole(planned)));
    }
    let usual = TrainingOptions::new(model.options.profile).total_steps(model.tiles.len());
    if planned < usual {
        let name = model.options.profile.name();
        notes.push(format!("Trained for {} steps; profile {name} trains for {}.", whole(done), whole(usual)));
    }
    notes
}
