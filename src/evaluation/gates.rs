//! The ranges in which figures must lie for realisations to be taken for the material, and figures and gates as text.

use std::fmt::Write;

use serde::Serialize;

use super::Fidelity;

/// A range in which a figure must lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gate {
    /// The figure that is judged.
    pub figure: &'static str,
    /// The range, as text.
    pub requirement: &'static str,
    /// Whether the figure lies in the range. One that is not a number does not.
    pub holds: bool,
    /// Distance from the middle of the range, divided by its half width: 1 at a limit.
    ///
    /// Of a range from 0 to a limit, value / limit.
    #[serde(skip)]
    pub used: f64,
    /// Whether real windows vary in the figure.
    pub real_varies: bool,
}

impl Gate {
    fn new(figure: &'static str, requirement: &'static str, value: f64, least: f64, most: f64) -> Self {
        let (middle, width) = if least == 0.0 { (0.0, most) } else { ((least + most) / 2.0, (most - least) / 2.0) };
        // The floor of a checkerboard is zero: only zero is allowed then.
        let used = if value == middle { 0.0 } else { (value - middle).abs() / width };
        Self { figure, requirement, holds: (least..=most).contains(&value), used, real_varies: true }
    }

    /// Where real windows do not vary, whether realisations are "equal", or it "differs".
    pub fn unvarying(&self) -> Option<&'static str> {
        (!self.real_varies).then_some(if self.holds { "equal" } else { "differs" })
    }
}

/// Said of a gate where it is so.
pub(crate) const UNVARYING: &str = "real windows do not vary";

impl Fidelity {
    /// The sixteen gates, or fifteen without reconstructions (no E_rec).
    pub fn gates(&self) -> Vec<Gate> {
        let at_most = |figure, requirement, value, most| Gate::new(figure, requirement, value, 0.0, most);
        let within = |figure, requirement, value, most: f64| Gate::new(figure, requirement, value, -most, most);
        let [full, half, quarter] = self.patterns;
        let [full_floor, half_floor, quarter_floor] = self.patterns_floor;
        let e_rec = self.e_rec.map(|e_rec| at_most("E_rec", "at most 1e-3", e_rec, 1e-3));
        let mut gates = Vec::from_iter(e_rec);
        gates.extend([
            Gate::new("E_gen", "0.6 to 1.15 of E_gen_floor", self.e_gen / self.e_gen_floor, 0.6, 1.15),
            within("vf_bias_sd", "within 0.35", self.vf_bias_sd, 0.35),
            Gate::new("vf_spread", "0.7 to 1.3", self.vf_spread, 0.7, 1.3),
            at_most("covariance", "at most 1.5 covariance_floor", self.covariance, 1.5 * self.covariance_floor),
            at_most("lineal", "at most 1.5 lineal_floor", self.lineal, 1.5 * self.lineal_floor),
            within("interface_sd", "within 0.5", self.interface_sd, 0.5),
            at_most("patterns_full", "at most 2 patterns_full_floor", full, 2.0 * full_floor),
            at_most("patterns_half", "at most 2 patterns_half_floor", half, 2.0 * half_floor),
            at_most("patterns_quarter", "at most 2 patterns_quarter_floor", quarter, 2.0 * quarter_floor),
            within("objects_sd", "within 0.5", self.objects.sd, 0.5),
            within("holes_sd", "within 0.5", self.holes.sd, 0.5),
            within("largest_sd", "within 0.5", self.largest.sd, 0.5),
            within("k_eff_sd", "within 0.75", self.k_eff.sd, 0.75),
            at_most("copies", "at most 0.02", self.copies, 0.02),
            Gate::new("variety", "0.8 to 1.25", self.variety, 0.8, 1.25),
        ]);
        gates.iter_mut().for_each(|gate| gate.real_varies = !self.unvarying.contains(&gate.figure));
        gates
    }

    /// One line for each figure: name, value and, if it is judged, whether the gate holds and its range. Where real windows do
    /// not vary, "equal" or "differs" stands for the value.
    ///
    /// The last line counts the gates that hold.
    pub fn table(&self) -> String {
        let gates = self.gates();
        let mut table = String::new();
        for (name, value) in self.figures() {
            let gate = gates.iter().find(|gate| gate.figure == name);
            let verdict = gate.map_or(String::new(), |Gate { requirement, holds, .. }| {
                format!("  {}  {requirement}", if *holds { "holds" } else { "SHORT" })
            });
            let unvarying = gate.and_then(Gate::unvarying);
            let value = unvarying.map_or_else(|| significant(value), str::to_owned);
            let note = unvarying.map_or(String::new(), |_| format!("; {UNVARYING}"));
            writeln!(table, "{name:24} {value:>12}{verdict}{note}").expect("a text takes what is written to it");
        }
        let holding = gates.iter().filter(|gate| gate.holds).count();
        writeln!(table, "{holding} of {} gates hold", gates.len()).expect("a text takes what is written to it");
        table
    }
}

/// Five significant digits.
pub(super) fn significant(value: f64) -> String {
    if value == 0.0 || (1e-3..1e5).contains(&value.abs()) {
        let digits = if value == 0.0 { 4.0 } else { 4.0 - value.abs().log10().floor() };
        format!("{value:.*}", digits.max(0.0) as usize)
    } else {
        format!("{value:.4e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_is_relative_to_the_range() {
        let at_most = |value| Gate::new("copies", "", value, 0.0, 0.02);
        assert!(at_most(0.0).used == 0.0 && at_most(0.02).holds && at_most(0.02).used == 1.0);
        assert!(!at_most(0.03).holds && (at_most(0.03).used - 1.5).abs() < 1e-12);
        let within = |value| Gate::new("objects_sd", "", value, -0.5, 0.5);
        assert!(within(-0.5).holds && within(-1.0).used == 2.0 && within(0.75).used == 1.5);
        let between = Gate::new("variety", "", 1.1375, 0.8, 1.25);
        assert!(between.holds && (between.used - 0.5).abs() < 1e-12);
        let nothing = |value| Gate::new("lineal", "", value, 0.0, 0.0);
        assert!(nothing(0.0).holds && nothing(0.0).used == 0.0);
        assert!(!nothing(1e-9).holds && !within(f64::NAN).holds);
    }

    #[test]
    fn numbers_have_five_digits() {
        let written = [0.0, 1.0, -0.012_345_67, 31_415.9, 2.5e-7].map(significant);
        assert_eq!(written, ["0.0000", "1.0000", "-0.012346", "31416", "2.5000e-7"]);
    }
}
