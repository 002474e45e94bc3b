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
                    Ok(fidelity) => {
                        (table(&judgement.gates()))
                        (others(fidelity))
                        @if !judgement.wider_windows.is_empty() {
                            (edges(fidelity, subject.model.options.profile.side(), &judgement.wider_windows))
                        }
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
    }
}

/// What the edges of windows cost their conductivity, where realisations, which have none, conduct too well beside them.
fn edges(of: &Fidelity, side: usize, wider_windows: &[(usize, f64)]) -> Markup {
    html! {
        p.others {
            "Conductivities are computed with periodic boundaries. At an edge of a window a boundary between grains meets "
            "something else on the opposite side; in realisations, which are periodic, it goes on. So a network that "
            "is otherwise like the real one conducts better: by 2.4 σ where grain boundaries conduct, by measurements on "
            "tessellations that were made periodic. The wider a real window, the less of it is near an edge:"
        }
        table {
            thead { tr { th scope="col" { "Effective conductivity, contrast 100, of" } th scope="col" { "Mean" } } }
            tbody {
                tr { th scope="row" { "real windows, " (side) " pixels wide" } td { (significant(of.k_eff.real, 3)) } }
                @for &(side, k_eff) in wider_windows {
                    tr { th scope="row" { "real windows, " (side) " pixels wide" } td { (significant(k_eff, 3)) } }
                }
                tr { th scope="row" { "realisations" } td { (significant(of.k_eff.generated, 3)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Beside;
    use crate::report::html::judgement::tests::perfect;

    #[test]
    fn conductivities_stand_in_order_of_the_side() {
        let k_eff = Beside { generated: 5.7, real: 3.9, sd: 1.8 };
        let page = edges(&Fidelity { k_eff, ..perfect() }, 64, &[(128, 4.8), (256, 5.3)]).into_string();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        let places = [">3.9", "128 pixels", ">4.8", "256 pixels", ">5.3", "realisations<", ">5.7"].map(at);
        assert!(places.is_sorted(), "{places:?}");
    }
}
