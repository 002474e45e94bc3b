//! What is said about each figure that a gate judges.

use crate::evaluation::{Fidelity, Gate};
use crate::report::number::{fixed, signed, significant};

/// What stands where there is no number.
pub(super) const NOTHING: &str = "–";

/// What is to be said about a figure.
pub(super) struct Words {
    /// The quantity.
    pub quantity: &'static str,
    /// What the realisations have.
    pub generated: String,
    /// What the real material has, or the floor.
    pub real: String,
    /// What is judged of it.
    pub measure: Measure,
    /// What is wrong if the figure is too small.
    pub below: &'static str,
    /// What is wrong if it is too large.
    pub above: &'static str,
}

/// The words for the figure of a gate.
pub(super) fn words(of: &Fidelity, figure: &'static str) -> Words {
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
            "Volume fraction, mean, beside that of the micrograph",
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
            "Effective conductivity of the inner three quarters, contrast 100",
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

/// What is wrong with the patterns on each scale.
const PATTERNS: [&str; 3] = [
    "3 × 3 patterns are off at full resolution",
    "3 × 3 patterns are off at half resolution",
    "3 × 3 patterns are off at quarter resolution",
];

/// What is judged of a figure.
pub(super) enum Measure {
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
    /// The number.
    pub fn value(&self) -> f64 {
        match *self {
            Self::Value(value) | Self::Share(value) | Self::OverFloor(value) | Self::Deviations(value) => value,
        }
    }

    /// The number with its unit.
    pub fn text(&self) -> String {
        match *self {
            Self::Value(value) => significant(value, 3),
            Self::Share(share) => format!("{} %", fixed(100.0 * share, 1)),
            Self::OverFloor(ratio) if ratio.is_finite() => format!("{} × floor", significant(ratio, 3)),
            Self::Deviations(sd) if sd.is_finite() => format!("{} σ", signed(sd, 2)),
            _ => NOTHING.to_owned(),
        }
    }

    /// The gate's requirement with the names of figures replaced by what this is measured in.
    pub fn requirement(&self, gate: &Gate) -> String {
        match self {
            Self::Value(_) => gate.requirement.replace("1e-3", "10⁻³"),
            Self::Share(_) => gate.requirement.replace("0.02", "2 %"),
            Self::Deviations(_) => format!("{} σ", gate.requirement.replace("within ", "within ±")),
            Self::OverFloor(_) => {
                let words = gate.requirement.split(' ').filter(|word| *word != "of" && !word.ends_with("_floor"));
                format!("{} × floor", words.collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// Below it a figure that falls short is too small, above it too large.
    pub fn middle(&self) -> f64 {
        match self {
            Self::Deviations(_) | Self::Share(_) => 0.0,
            Self::Value(_) | Self::OverFloor(_) => 1.0,
        }
    }
}
