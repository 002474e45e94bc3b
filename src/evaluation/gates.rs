//! What must hold for realisations to be taken for the material.

use super::Fidelity;

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    /// The figure that is judged.
    pub figure: &'static str,
    /// What must hold.
    pub requirement: &'static str,
    /// Whether it does. A figure that is not a number does not.
    pub holds: bool,
}

impl Fidelity {
    /// The sixteen gates. Without reconstructions, that of E_rec is left out.
    pub fn gates(&self) -> Vec<Gate> {
        let gate = |figure, requirement, holds| Gate { figure, requirement, holds };
        let e_gen = self.e_gen / self.e_gen_floor;
        let e_rec = self.e_rec.map(|e_rec| gate("E_rec", "at most 1e-3", e_rec <= 1e-3));
        let mut gates = Vec::from_iter(e_rec);
        gates.extend([
            gate("E_gen", "0.6 to 1.15 of E_gen_floor", (0.6..=1.15).contains(&e_gen)),
            gate("vf_bias_sd", "within 0.35", self.vf_bias_sd.abs() <= 0.35),
            gate("vf_spread", "0.7 to 1.3", (0.7..=1.3).contains(&self.vf_spread)),
            gate("covariance", "at most 1.5 covariance_floor", self.covariance <= 1.5 * self.covariance_floor),
            gate("lineal", "at most 1.5 lineal_floor", self.lineal <= 1.5 * self.lineal_floor),
            gate("interface_sd", "within 0.5", self.interface_sd.abs() <= 0.5),
        ]);
        let patterns = ["patterns_full", "patterns_half", "patterns_quarter"];
        let requirements =
            ["at most 2 patterns_full_floor", "at most 2 patterns_half_floor", "at most 2 patterns_quarter_floor"];
        for (scale, (figure, requirement)) in patterns.into_iter().zip(requirements).enumerate() {
            gates.push(gate(figure, requirement, self.patterns[scale] <= 2.0 * self.patterns_floor[scale]));
        }
        gates.extend([
            gate("objects_sd", "within 0.5", self.objects.sd.abs() <= 0.5),
            gate("holes_sd", "within 0.5", self.holes.sd.abs() <= 0.5),
            gate("largest_sd", "within 0.5", self.largest.sd.abs() <= 0.5),
            gate("k_eff_sd", "within 0.75", self.k_eff.sd.abs() <= 0.75),
            gate("copies", "at most 2 %", self.copies <= 0.02),
            gate("variety", "0.8 to 1.25", (0.8..=1.25).contains(&self.variety)),
        ]);
        gates
    }
}
