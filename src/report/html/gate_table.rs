//! Tables of all gates and their figures.

use maud::{Markup, html};

use super::judgement::{JudgedGate, Judgement};
use crate::evaluation::Fidelity;
use crate::report::number::significant;

/// A table for each phase, of volumes for planes across each axis.
pub(super) fn section(judgements: &[Judgement]) -> Markup {
    html! {
        section aria-label="Gates" {
            h2 { "The gates" }
            p { "σ is the standard deviation over windows of the micrograph or tiles of the size of a realisation. The floor of a "
                "figure is its value for the real material: for windows and the tiles they do not overlap, or for two halves "
                "of the micrograph." }
            @for judgement in judgements {
                h3 { (judgement.name()) ", volume fraction of the micrograph " (significant(judgement.fraction, 3)) }
                @match &judgement.fidelity {
                    Ok(fidelity) => {
                        (table(&judgement.gates()))
                        (others(fidelity))
                    }
                    Err(reason) => p.left-out { "Left out: " (reason) "." }
                }
            }
        }
    }
}

fn table(gates: &[JudgedGate]) -> Markup {
    html! {
        table.gates {
            thead {
                tr {
                    th scope="col" { "Quantity" }
                    th scope="col" { "Realisations" }
                    th scope="col" { "Real, or floor" }
                    th scope="col" { "Judged" }
                    th scope="col" { "Must be" }
                    th scope="col" { "Gate" }
                }
            }
            tbody {
                @for gate in gates {
                    tr.(if gate.holds { "holds" } else { "short" }) {
                        th scope="row" { (gate.text.quantity) }
                        td { (gate.text.generated) }
                        td { (gate.text.real) }
                        td { (gate.judged) }
                        td { (gate.requirement) }
                        td.mark { (if gate.holds { "✓ holds" } else { "✗ falls short" }) }
                    }
                }
            }
        }
    }
}

/// A p-value with two digits.
fn probability(p: f64) -> String {
    if p < 1e-3 { "< 0.001".to_owned() } else { format!("= {}", significant(p, 2)) }
}

/// A share of pixels, in 10,000.
fn share_of_pixels(share: f64) -> String {
    format!("{} in 10,000", significant(1e4 * share, 2))
}

/// Figures without a gate.
fn others(of: &Fidelity) -> Markup {
    html! {
        p.others {
            "Without a gate: interface density between opposite edges over that inside " (significant(of.seam_over_interior, 3))
            " (1 for periodic realisations); end points of the phase " (share_of_pixels(of.ends)) " pixels, in the micrograph "
            (share_of_pixels(of.ends_real)) "; mean correlation with the nearest tile " (significant(of.likeness, 3))
            ", of windows with tiles they do not overlap " (significant(of.likeness_real, 3))
            "; Kolmogorov–Smirnov test of the effective conductivities, p " (probability(of.k_eff_ks_p))
            @if let Some(share) = of.e_rec_pixels { "; pixels that differ in reconstructions " (significant(100.0 * share, 2)) " %" }
            "."
        }
    }
}
