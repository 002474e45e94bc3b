//! Every gate with its figures.

use maud::{Markup, html};

use super::judgement::{JudgedGate, Judgement};
use super::subject::Subject;
use crate::evaluation::Fidelity;
use crate::report::number::significant;

/// A table for each phase.
pub(super) fn section(subject: &Subject, judgements: &[Judgement]) -> Markup {
    let fractions = subject.micrograph.images.volume_fractions();
    html! {
        section aria-label="Gates" {
            h2 { "The gates" }
            p { "σ is the standard deviation over real windows or tiles of the size of a realisation. The floor is what real "
                "material scores against itself: unseen windows against the training tiles, or two halves of the micrograph "
                "against each other." }
            @for judgement in judgements {
                h3 { "Phase " (judgement.phase) ", volume fraction "
                    (significant(fractions[usize::from(judgement.phase)], 3)) }
                @match &judgement.fidelity {
                    Ok(fidelity) => { (table(&judgement.gates())) (others(fidelity)) }
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
                        th scope="row" { (gate.quantity) }
                        td { (gate.generated) }
                        td { (gate.real) }
                        td { (gate.judged) }
                        td { (gate.requirement) }
                        td.mark { (if gate.holds { "✓ holds" } else { "✗ falls short" }) }
                    }
                }
            }
        }
    }
}

/// A probability: no more digits than it has meaning.
fn probability(p: f64) -> String {
    if p < 1e-3 { "< 0.001".to_owned() } else { format!("= {}", significant(p, 2)) }
}

/// Figures that are measured but not judged.
fn others(of: &Fidelity) -> Markup {
    html! {
        p.others {
            "Not judged: interface density across the wrapped edges over that inside, " (significant(of.seam_over_interior, 3))
            " (1 for periodic realisations); mean likeness to the nearest tile " (significant(of.likeness, 3))
            ", of unseen real windows " (significant(of.likeness_real, 3))
            "; Kolmogorov–Smirnov test of the effective conductivities, p " (probability(of.k_eff_ks_p))
            @if let Some(share) = of.e_rec_pixels { "; pixels that differ in reconstructions " (significant(100.0 * share, 2)) " %" }
            "."
        }
        @if conducts_as_tori_do(of) {
            p.others {
                "Conductivities are computed with periodic boundaries. At an edge of a window a boundary between grains meets "
                "something else on the opposite side; in realisations, which are periodic, it goes on. So a network that "
                "is otherwise like the real one conducts better: by 2.4 σ where grain boundaries conduct, by measurements on "
                "tessellations that were made periodic."
            }
        }
    }
}

/// Whether realisations conduct too well while their edges meet as they should.
fn conducts_as_tori_do(of: &Fidelity) -> bool {
    let short = |figure| of.gates().iter().any(|gate| gate.figure == figure && !gate.holds);
    short("k_eff_sd") && of.k_eff.sd > 0.0 && (0.8..=1.25).contains(&of.seam_over_interior)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Beside;
    use crate::report::html::judgement::tests::perfect;

    #[test]
    fn a_reason_is_given_only_where_tori_conduct_too_well() {
        let told = |sd: f64, seam_over_interior: f64| {
            let k_eff = Beside { generated: 6.0, real: 4.0, sd };
            others(&Fidelity { k_eff, seam_over_interior, ..perfect() }).into_string().contains("periodic boundaries")
        };
        assert!(told(1.8, 1.0));
        assert!(!told(0.7, 1.0) && !told(-1.8, 1.0) && !told(1.8, 2.8));
    }
}
