//! Figures and gates as a table of text.

use std::fmt::Write;

use super::gates::UNVARYING;
use super::{Fidelity, Gate};

impl Fidelity {
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
    fn numbers_have_five_digits() {
        let written = [0.0, 1.0, -0.012_345_67, 31_415.9, 2.5e-7].map(significant);
        assert_eq!(written, ["0.0000", "1.0000", "-0.012346", "31416", "2.5000e-7"]);
    }
}
