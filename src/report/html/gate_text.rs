//! Texts about each gate.

use crate::evaluation::{Comparison, Fidelity, Gate};
use crate::report::number::{fixed, signed, significant};

/// Shown instead of a number that is missing.
pub(super) const NOTHING: &str = "–";

/// Texts about the figure of a gate.
pub(super) struct GateText {
    /// The quantity.
    pub quantity: &'static str,
    /// Value of the realisations.
    pub generated: String,
    /// Value of the real material, or the floor.
    pub real: String,
    /// The number that is judged.
    pub measure: Measure,
    /// Shortcoming if the figure is too small.
    pub below: &'static str,
    /// Shortcoming if the figure is too large.
    pub above: &'static str,
}

/// The texts for the figure of a gate.
pub(super) fn gate_text(of: &Fidelity, figure: &'static str) -> GateText {
    let text = |quantity, [generated, real]: [f64; 2], measure, [below, above]: [&'static str; 2]| GateText {
        quantity,
        generated: significant(generated, 3),
        real: significant(real, 3),
        measure,
        below,
        above,
    };
    let floored = |quantity, [value, floor]: [f64; 2], short| {
        text(quantity, [value, floor], Measure::OverFloor(value / floor), short)
    };
    let patterns = |quantity, scale: usize| {
        floored(quantity, [of.patterns[scale], of.patterns_floor[scale]], ["the patterns agree", PATTERNS[scale]])
    };
    let compared = |quantity, Comparison { generated, real, sd, .. }, short| {
        text(quantity, [generated, real], Measure::Deviations(sd), short)
    };
    match figure {
        "E_rec" => {
            let e_rec = of.e_rec.unwrap_or(f64::NAN);
            let short = "reconstructions differ from the training tiles";
            text("Reconstruction error E_rec (Eq. 12)", [e_rec, f64::NAN], Measure::Value(e_rec), [short, short])
        }
        "E_gen" => floored(
            "Generation error E_gen (Eq. 12)",
            [of.e_gen, of.e_gen_floor],
            [
                "realisations are nearer to the tiles than unseen windows are",
                "realisations are farther from the tiles than unseen windows are",
            ],
        ),
        "vf_bias_sd" => text(
            "Volume fraction, mean, beside that of the micrograph",
            [of.vf, of.vf_micrograph],
            Measure::Deviations(of.vf_bias_sd),
            ["too little of the phase", "too much of the phase"],
        ),
        "vf_spread" => text(
            "Volume fraction, standard deviation over that of real windows",
            [of.vf_spread, 1.0],
            Measure::Value(of.vf_spread),
            ["the volume fraction varies too little", "the volume fraction varies too much"],
        ),
        "covariance" => floored(
            "Covariance, RMS difference",
            [of.covariance, of.covariance_floor],
            ["the covariance agrees", "the covariance (two-point correlation) is off"],
        ),
        "lineal" => floored(
            "Lineal path, RMS difference",
            [of.lineal, of.lineal_floor],
            ["the lineal path agrees", "the lineal path is off"],
        ),
        "interface_sd" => text(
            "Interface density",
            [f64::NAN; 2],
            Measure::Deviations(of.interface_sd),
            ["too little interface", "too much interface"],
        ),
        "patterns_full" => patterns("3 × 3 patterns, full resolution", 0),
        "patterns_half" => patterns("3 × 3 patterns, half resolution", 1),
        "patterns_quarter" => patterns("3 × 3 patterns, quarter resolution", 2),
        "objects_sd" => compared(
            "Connected components of the phase",
            of.objects,
            ["too few connected components", "too many connected components"],
        ),
        "holes_sd" => {
            compared("Connected components of the rest (holes)", of.holes, ["too few holes", "too many holes"])
        }
        "largest_sd" => compared(
            "Share of the phase in its largest component",
            of.largest,
            ["the largest component is too small", "the largest component is too large"],
        ),
        "k_eff_sd" => compared(
            "Effective conductivity of the inner three quarters, contrast 100",
            of.k_eff,
            ["the effective conductivity is too low", "the effective conductivity is too high"],
        ),
        "copies" => GateText {
            quantity: "Copies of training tiles (likeness above 0.8)",
            generated: Measure::Share(of.copies).text(),
            real: NOTHING.to_owned(),
            measure: Measure::Share(of.copies),
            below: "realisations copy training tiles",
            above: "realisations copy training tiles",
        },
        "variety" => text(
            "Variety: error (Eq. 12) between realisations, over real",
            [of.variety, 1.0],
            Measure::Value(of.variety),
            ["realisations vary too little", "realisations vary too much"],
        ),
        // A gate that this report does not know yet is shown with its own name.
        other => {
            let value = of.figures().into_iter().find(|(name, _)| *name == other).map_or(f64::NAN, |(_, value)| value);
            text(other, [value, f64::NAN], Measure::Value(value), [other, other])
        }
    }
}

/// Shortcoming of the patterns at each resolution.
const PATTERNS: [&str; 3] = [
    "3 × 3 patterns are off at full resolution",
    "3 × 3 patterns are off at half resolution",
    "3 × 3 patterns are off at quarter resolution",
];

/// The number that is judged, and its kind.
pub(super) enum Measure {
    /// The value itself: 1 or less for the real material.
    Value(f64),
    /// A share: 0 for the real material.
    Share(f64),
    /// The value divided by its floor.
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

    /// The gate's requirement with units instead of the names of figures.
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

    /// A value below it that falls short is too small, a value above it too large.
    pub fn middle(&self) -> f64 {
        match self {
            Self::Deviations(_) | Self::Share(_) => 0.0,
            Self::Value(_) | Self::OverFloor(_) => 1.0,
        }
    }
}
