//! The gates of each phase, in words.

use super::subject::{Subject, reason};
use crate::Result;
use crate::evaluation::{Fidelity, Gate, evaluate};
use crate::report::number::{fixed, signed, significant};

/// What is judged of a phase.
pub(super) struct Judgement {
    /// The phase.
    pub phase: u8,
    /// Its figures, or why there are none.
    pub fidelity: std::result::Result<Fidelity, String>,
}

impl Judgement {
    /// The gates with their figures; none if there are no figures.
    pub fn gates(&self) -> Vec<JudgedGate> {
        let judged = |fidelity: &Fidelity| fidelity.gates().into_iter().map(|gate| judged(fidelity, gate)).collect();
        self.fidelity.as_ref().map_or(Vec::new(), judged)
    }
}

/// Judges all phases of `subject`.
///
/// # Errors
///
/// Those of [`evaluate`], apart from what cannot be judged.
pub(super) fn judge(subject: &Subject) -> Result<Vec<Judgement>> {
    let of_phase = |&phase: &u8| {
        let fidelity = match &subject.windows_at {
            Err(reason) => Err(reason.clone()),
            Ok(windows_at) => {
                let reconstructions = subject.own_micrograph.then_some(&subject.reconstructions);
                let (real, realisations) = (&subject.micrograph.images, &subject.realisations);
                reason(evaluate(real, realisations, reconstructions, phase, windows_at))?
            }
        };
        Ok(Judgement { phase, fidelity })
    };
    subject.phases.iter().map(of_phase).collect()
}

/// A gate as people read it.
pub(super) struct JudgedGate {
    /// The quantity.
    pub quantity: &'static str,
    /// What the realisations have.
    pub generated: String,
    /// What the real material has.
    pub real: String,
    /// What is judged: a difference in standard deviations, a ratio, or the value itself.
    pub judged: String,
    /// What it must be.
    pub requirement: String,
    /// Whether it is.
    pub holds: bool,
    /// What is wrong if it is not.
    pub short: String,
}

/// What is judged of a figure.
enum Measure {
    /// The value itself, which is 1 or less for the real material.
    Value(f64),
    /// The value as a share, which is 0 for the real material.
    Share(f64),
    /// The value over its floor.
    OverFloor(f64),
    /// A difference in standard deviations.
    Deviations(f64),
}

impl Measure {
    fn value(&self) -> f64 {
        match *self {
            Self::Value(value) | Self::Share(value) | Self::OverFloor(value) | Self::Deviations(value) => value,
        }
    }

    fn text(&self) -> String {
        match *self {
            Self::Value(value) => significant(value, 3),
            Self::Share(share) => format!("{} %", fixed(100.0 * share, 1)),
            Self::OverFloor(ratio) if ratio.is_finite() => format!("{} × floor", significant(ratio, 3)),
            Self::Deviations(sd) if sd.is_finite() => format!("{} σ", signed(sd, 2)),
            _ => NOTHING.to_owned(),
        }
    }

    /// The gate's requirement with the names of figures replaced by what this is measured in.
    fn requirement(&self, gate: &Gate) -> String {
        match self {
            Self::Value(_) | Self::Share(_) => gate.requirement.replace("1e-3", "10⁻³"),
            Self::Deviations(_) => format!("{} σ", gate.requirement.replace("within ", "within ±")),
            Self::OverFloor(_) => {
                let words = gate.requirement.split(' ').filter(|word| *word != "of" && !word.ends_with("_floor"));
                format!("{} × floor", words.collect::<Vec<_>>().join(" "))
            }
        }
    }
}

fn judged(of: &Fidelity, gate: Gate) -> JudgedGate {
    let Words { quantity, generated, real, measure, below, above } = words(of, gate.figure);
    let (judged, requirement) = (measure.text(), measure.requirement(&gate));
    let short = match measure.value() {
        value if !value.is_finite() => format!("{quantity}: cannot be judged, the figure is not a number"),
        value => {
            let what = if value < measure.middle() { below } else { above };
            match measure {
                Measure::Deviations(_) if real != NOTHING => {
                    format!("{what} ({generated} instead of {real}, {judged})")
                }
                Measure::Deviations(_) | Measure::OverFloor(_) => format!("{what} ({judged})"),
                Measure::Value(_) | Measure::Share(_) => format!("{what} ({judged}; must be {requirement})"),
            }
        }
    };
    JudgedGate { quantity, generated, real, judged, requirement, holds: gate.holds, short }
}

impl Measure {
    /// Below it a figure that falls short is too small, above it too large.
    fn middle(&self) -> f64 {
        match self {
            Self::Deviations(_) | Self::Share(_) => 0.0,
            Self::Value(_) | Self::OverFloor(_) => 1.0,
        }
    }
}

/// What stands where there is no number.
const NOTHING: &str = "–";

/// What is to be said about a figure.
struct Words {
    quantity: &'static str,
    generated: String,
    real: String,
    measure: Measure,
    /// What is wrong if the figure is too small.
    below: &'static str,
    /// What is wrong if it is too large.
    above: &'static str,
}

fn words(of: &Fidelity, figure: &'static str) -> Words {
    let over = |value: f64, floor: f64| Measure::OverFloor(value / floor);
    let say = |quantity, [generated, real]: [f64; 2], measure, [below, above]: [&'static str; 2]| Words {
        quantity,
        generated: significant(generated, 3),
        real: significant(real, 3),
        measure,
        below,
        above,
    };
    let patterns = |quantity, scale: usize| {
        let (value, floor) = (of.patterns[scale], of.patterns_floor[scale]);
        let text = ["the patterns agree", PATTERNS[scale]];
        say(quantity, [value, floor], over(value, floor), text)
    };
    match figure {
        "E_rec" => {
            let e_rec = of.e_rec.unwrap_or(f64::NAN);
            let text = "reconstructions differ from the training tiles";
            say("Reconstruction error E_rec (Eq. 12)", [e_rec, f64::NAN], Measure::Value(e_rec), [text, text])
        }
        "E_gen" => say(
            "Generation error E_gen (Eq. 12)",
            [of.e_gen, of.e_gen_floor],
            over(of.e_gen, of.e_gen_floor),
            [
                "realisations stand nearer to the tiles than unseen material does",
                "realisations stand farther from the tiles than unseen material does",
            ],
        ),
        "vf_bias_sd" => say(
            "Volume fraction, mean",
            [of.vf, of.vf_micrograph],
            Measure::Deviations(of.vf_bias_sd),
            ["too little of the phase", "too much of the phase"],
        ),
        "vf_spread" => say(
            "Volume fraction, standard deviation over that of real windows",
            [of.vf_spread, 1.0],
            Measure::Value(of.vf_spread),
            ["the volume fraction varies too little", "the volume fraction varies too much"],
        ),
        "covariance" => say(
            "Covariance, RMS difference",
            [of.covariance, of.covariance_floor],
            over(of.covariance, of.covariance_floor),
            ["the covariance agrees", "the covariance (two-point correlation) is off"],
        ),
        "lineal" => say(
            "Lineal path, RMS difference",
            [of.lineal, of.lineal_floor],
            over(of.lineal, of.lineal_floor),
            ["the lineal path agrees", "the lineal path is off"],
        ),
        "interface_sd" => say(
            "Interface density",
            [f64::NAN; 2],
            Measure::Deviations(of.interface_sd),
            ["too little interface", "too much interface"],
        ),
        "patterns_full" => patterns("3 × 3 patterns, full resolution", 0),
        "patterns_half" => patterns("3 × 3 patterns, half resolution", 1),
        "patterns_quarter" => patterns("3 × 3 patterns, quarter resolution", 2),
        "objects_sd" => say(
            "Connected pieces of the phase",
            [of.objects.generated, of.objects.real],
            Measure::Deviations(of.objects.sd),
            ["too few connected pieces", "too many connected pieces"],
        ),
        "holes_sd" => say(
            "Connected pieces of the rest (holes)",
            [of.holes.generated, of.holes.real],
            Measure::Deviations(of.holes.sd),
            ["too few holes", "too many holes"],
        ),
        "largest_sd" => say(
            "Share of the phase in its largest piece",
            [of.largest.generated, of.largest.real],
            Measure::Deviations(of.largest.sd),
            ["the largest piece is too small", "the largest piece is too large"],
        ),
        "k_eff_sd" => say(
            "Effective conductivity, contrast 100",
            [of.k_eff.generated, of.k_eff.real],
            Measure::Deviations(of.k_eff.sd),
            ["the effective conductivity is too low", "the effective conductivity is too high"],
        ),
        "copies" => Words {
            quantity: "Copies of training tiles (likeness above 0.8)",
            generated: Measure::Share(of.copies).text(),
            real: NOTHING.to_owned(),
            measure: Measure::Share(of.copies),
            below: "realisations copy training tiles",
            above: "realisations copy training tiles",
        },
        "variety" => say(
            "Variety: error (Eq. 12) between realisations, over real",
            [of.variety, 1.0],
            Measure::Value(of.variety),
            ["realisations vary too little", "realisations vary too much"],
        ),
        // A gate that this report does not know yet is shown with its own name.
        other => {
            let value = of.figures().into_iter().find(|(name, _)| *name == other).map_or(f64::NAN, |(_, value)| value);
            say(other, [value, f64::NAN], Measure::Value(value), [other, other])
        }
    }
}

const PATTERNS: [&str; 3] = [
    "3 × 3 patterns are off at full resolution",
    "3 × 3 patterns are off at half resolution",
    "3 × 3 patterns are off at quarter resolution",
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::evaluation::Beside;

    /// Figures that hold every gate.
    pub fn perfect() -> Fidelity {
        let beside = |value: f64| Beside { generated: value, real: value, sd: 0.0 };
        Fidelity {
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
            objects: beside(12.0),
            holes: beside(3.0),
            largest: beside(0.5),
            k_eff: beside(4.0),
            k_eff_ks_p: 1.0,
            likeness: 0.4,
            likeness_real: 0.4,
            copies: 0.0,
            variety: 1.0,
        }
    }

    fn shorts(fidelity: Fidelity) -> Vec<String> {
        let judgement = Judgement { phase: 1, fidelity: Ok(fidelity) };
        judgement.gates().into_iter().filter(|gate| !gate.holds).map(|gate| gate.short).collect()
    }

    #[test]
    fn every_gate_has_words() {
        let gates = Judgement { phase: 1, fidelity: Ok(perfect()) }.gates();
        assert_eq!(gates.len(), 16);
        for gate in gates {
            assert!(gate.holds && gate.quantity.contains(' '), "{}", gate.quantity);
            assert!(!gate.requirement.contains('_'), "{}", gate.requirement);
        }
    }

    #[test]
    fn what_falls_short_is_named_with_its_direction() {
        assert_eq!(shorts(perfect()), [""; 0]);
        let fewer = Beside { generated: 9.0, real: 12.0, sd: -0.8 };
        let found = shorts(Fidelity { objects: fewer, ..perfect() });
        assert_eq!(found, ["too few connected pieces (9.00 instead of 12.0, −0.80 σ)"]);
        let found = shorts(Fidelity { e_gen: 0.02, copies: 0.1, ..perfect() });
        assert!(found[0].ends_with("than unseen material does (2.00 × floor)"), "{found:?}");
        assert_eq!(found[1], "realisations copy training tiles (10.0 %; must be at most 2 %)");
        let found = shorts(Fidelity { interface_sd: 0.6, ..perfect() });
        assert_eq!(found, ["too much interface (+0.60 σ)"]);
        let found = shorts(Fidelity { e_gen_floor: f64::NAN, ..perfect() });
        assert!(found[0].contains("cannot be judged"), "{found:?}");
    }

    #[test]
    fn requirements_are_those_of_the_gates() {
        let gates = Judgement { phase: 1, fidelity: Ok(perfect()) }.gates();
        let of = |index: usize| (gates[index].judged.as_str(), gates[index].requirement.as_str());
        assert_eq!(of(0), ("1.00 × 10⁻⁴", "at most 10⁻³"));
        assert_eq!(of(1), ("1.00 × floor", "0.6 to 1.15 × floor"));
        assert_eq!(of(2), ("0 σ", "within ±0.35 σ"));
    }
}
