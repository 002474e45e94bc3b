//! The gates of each phase and their shortcomings.

use std::cell::Cell;

use super::gate_text::{GateText, Measure, NOTHING, gate_text};
use super::subject::{Subject, planes, reason};
use crate::Result;
use crate::evaluation::{Fidelity, Gate, PARTS, UNVARYING, evaluate};

/// The figures of a phase.
pub(super) struct Judgement {
    /// The phase.
    pub phase: u8,
    /// The axis that planes of volumes are across.
    pub across: Option<usize>,
    /// Volume fraction of the phase in the micrograph.
    pub fraction: f64,
    /// The figures, or the reason why there are none.
    pub fidelity: std::result::Result<Fidelity, String>,
}

impl Judgement {
    /// The phase and, of volumes, the planes.
    pub fn name(&self) -> String {
        format!("Phase {}{}", self.phase, planes(self.across))
    }

    /// The gates with their figures; none if there are no figures.
    pub fn gates(&self) -> Vec<JudgedGate> {
        let judged = |fidelity: &Fidelity| fidelity.gates().into_iter().map(|gate| judged(fidelity, gate)).collect();
        self.fidelity.as_ref().map_or(Vec::new(), judged)
    }
}

/// Judges all phases of `subject`; calls `done` [`PARTS`] times for each.
///
/// # Errors
///
/// Those of [`evaluate`] but [`Error::InvalidParameter`](crate::Error::InvalidParameter), the reason of a
/// phase without figures.
pub(super) fn judge(subject: &Subject, done: &dyn Fn() -> Result<()>) -> Result<Vec<Judgement>> {
    let fractions = subject.micrograph.images.volume_fractions();
    let judgement = |&phase: &u8| {
        let fraction = fractions[usize::from(phase)];
        Ok(Judgement { phase, across: subject.across, fraction, fidelity: fidelity(subject, phase, done)? })
    };
    subject.phases.iter().map(judgement).collect()
}

/// The figures of one phase, or the reason why there are none.
fn fidelity(
    subject: &Subject,
    phase: u8,
    done: &dyn Fn() -> Result<()>,
) -> Result<std::result::Result<Fidelity, String>> {
    let left = Cell::new(PARTS);
    let one_done = || {
        left.set(left.get() - 1);
        done()
    };
    let judged = match &subject.windows_at {
        Err(reason) => Err(reason.clone()),
        Ok(windows_at) => {
            let reconstructions = subject.reconstructions.as_ref().filter(|_| subject.own_micrograph);
            let (real, realisations) = (&subject.micrograph.images, &subject.realisations);
            reason(evaluate(real, realisations, reconstructions, phase, windows_at, &one_done))?
        }
    };
    // The parts of a phase that cannot be judged.
    (0..left.get()).try_for_each(|_| done())?;
    Ok(judged)
}

/// The texts of a gate.
pub(super) struct JudgedGate {
    /// Those about its figure.
    pub text: GateText,
    /// The judged number: a difference in standard deviations, a ratio, or the value itself.
    pub judged: String,
    /// The range in which it must lie.
    pub requirement: String,
    /// Whether it lies there.
    pub holds: bool,
    /// The shortcoming if it does not.
    pub short: String,
}

fn judged(of: &Fidelity, gate: Gate) -> JudgedGate {
    let text = gate_text(of, gate.figure);
    let GateText { quantity, generated, real, measure, below, above } = &text;
    let requirement = measure.requirement(&gate);
    let judged = gate.unvarying().map_or_else(|| measure.text(), |word| format!("{word}: {UNVARYING}"));
    let short = match measure.value() {
        value if value.is_nan() || (value.is_infinite() && gate.real_varies) => {
            format!("{quantity}: cannot be judged, the figure is not a number")
        }
        value => {
            let what = if value < measure.middle() { below } else { above };
            match measure {
                Measure::Deviations(_) if real.as_str() != NOTHING => {
                    format!("{what} ({generated} instead of {real}, {judged})")
                }
                Measure::Deviations(_) | Measure::OverFloor(_) => format!("{what} ({judged})"),
                Measure::Value(_) if !gate.real_varies => format!("{what} ({judged})"),
                Measure::Value(_) | Measure::Share(_) => format!("{what} ({judged}; must be {requirement})"),
            }
        }
    };
    JudgedGate { judged, requirement, holds: gate.holds, short, text }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::evaluation::Comparison;

    /// Figures for which every gate holds.
    pub fn perfect() -> Fidelity {
        let equal = |value: f64| Comparison { generated: value, real: value, sd: 0.0, real_varies: true };
        Fidelity {
            phase: 1,
            e_gen: 0.01,
            e_gen_floor: 0.01,
            e_rec: Some(1e-4),
            e_rec_pixels: Some(0.0),
            vf: 0.3,
            vf_micrograph: 0.3,
            vf_bias_sd: 0.0,
            vf_spread: 1.0,
            covariance: 0.02,
            covariance_floor: 0.02,
            lineal: 0.02,
            lineal_floor: 0.02,
            interface_sd: 0.0,
            seam_over_interior: 1.0,
            patterns: [0.1; 3],
            patterns_floor: [0.1; 3],
            objects: equal(12.0),
            holes: equal(3.0),
            largest: equal(0.5),
            k_eff: equal(4.0),
            k_eff_ks_p: 1.0,
            ends: 0.0,
            ends_real: 0.0,
            likeness: 0.4,
            likeness_real: 0.4,
            copies: 0.0,
            variety: 1.0,
            unvarying: Vec::new(),
        }
    }

    /// The judgement of a phase of images.
    pub fn judgement(phase: u8, fidelity: std::result::Result<Fidelity, String>) -> Judgement {
        Judgement { phase, across: None, fraction: 0.3, fidelity }
    }

    fn shorts(fidelity: Fidelity) -> Vec<String> {
        judgement(1, Ok(fidelity)).gates().into_iter().filter(|gate| !gate.holds).map(|gate| gate.short).collect()
    }

    #[test]
    fn every_gate_has_texts() {
        let gates = judgement(1, Ok(perfect())).gates();
        assert_eq!(gates.len(), 16);
        for gate in gates {
            assert!(gate.holds && gate.text.quantity.contains(' '), "{}", gate.text.quantity);
            assert!(!gate.requirement.contains('_'), "{}", gate.requirement);
        }
    }

    #[test]
    fn shortcomings_have_a_direction() {
        assert_eq!(shorts(perfect()), [""; 0]);
        let fewer = Comparison { generated: 9.0, real: 12.0, sd: -0.8, real_varies: true };
        let found = shorts(Fidelity { objects: fewer, ..perfect() });
        assert_eq!(found, ["too few connected components (9.00 instead of 12.0, −0.80 σ)"]);
        let found = shorts(Fidelity { e_gen: 0.02, copies: 0.1, ..perfect() });
        assert!(found[0].ends_with("than unseen windows are (2.00 × floor)"), "{found:?}");
        assert_eq!(found[1], "realisations copy training tiles (10.0 %; must be at most 2 %)");
        let found = shorts(Fidelity { interface_sd: 0.6, ..perfect() });
        assert_eq!(found, ["too much interface (+0.60 σ)"]);
        let found = shorts(Fidelity { e_gen_floor: f64::NAN, ..perfect() });
        assert!(found[0].contains("cannot be judged"), "{found:?}");
    }

    #[test]
    fn where_real_windows_do_not_vary_no_number_is_shown() {
        let holes = Comparison { generated: 0.38, real: 0.0, sd: f64::INFINITY, real_varies: false };
        let unvarying = vec!["objects_sd", "holes_sd", "vf_spread"];
        let found = Fidelity { holes, vf_spread: f64::INFINITY, unvarying, ..perfect() };
        let shown = |quantity: &str| {
            let gates = judgement(1, Ok(found.clone())).gates();
            gates
                .into_iter()
                .find(|gate| gate.text.quantity.starts_with(quantity))
                .map(|gate| (gate.judged, gate.holds))
                .unwrap()
        };
        let (equal, differs) = ("equal: real windows do not vary", "differs: real windows do not vary");
        assert_eq!(shown("Connected components of the rest"), (differs.into(), false));
        assert_eq!(shown("Connected components of the phase"), (equal.into(), true));
        assert_eq!(shown("Volume fraction, standard deviation"), (differs.into(), false));
        assert_eq!(
            shorts(found),
            [
                "the volume fraction varies too much (differs: real windows do not vary)",
                "too many holes (0.380 instead of 0, differs: real windows do not vary)"
            ]
        );
    }

    #[test]
    fn requirements_are_those_of_the_gates() {
        let gates = judgement(1, Ok(perfect())).gates();
        let of = |index: usize| (gates[index].judged.as_str(), gates[index].requirement.as_str());
        assert_eq!(of(0), ("1.00 × 10⁻⁴", "at most 10⁻³"));
        assert_eq!(of(1), ("1.00 × floor", "0.6 to 1.15 × floor"));
        assert_eq!(of(2), ("0 σ", "within ±0.35 σ"));
    }
}
