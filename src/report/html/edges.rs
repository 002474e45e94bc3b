//! Whether the edges of windows are why realisations, which have none, conduct better than they.

use maud::{Markup, html};

use super::subject::Subject;
use crate::Result;
use crate::evaluation::{Beside, Fidelity, conductivity_of_wider_windows};
use crate::report::number::significant;

/// What wider windows conduct, of a phase whose realisations conduct too well.
pub(super) struct Edges {
    phase: u8,
    /// Of realisations, beside windows of their size.
    k_eff: Beside,
    /// Sides of windows in pixels, and their mean conductivity: those of the size of a realisation, then wider ones.
    windows: Vec<(usize, f64)>,
    /// Whether the gate would hold beside the widest.
    explain: bool,
}

impl Edges {
    /// None if realisations do not conduct too well, or their opposite edges do not fit together.
    ///
    /// # Errors
    ///
    /// Those of [`conductivity_of_wider_windows`].
    pub fn new(subject: &Subject, of: &Fidelity) -> Result<Option<Self>> {
        if !conducts_too_well_without_edges(of) {
            return Ok(None);
        }
        let side = subject.model.options.profile.side();
        let wider = conductivity_of_wider_windows(&subject.micrograph.images, of.phase, side)?;
        Ok(Some(Self::beside(of, side, wider)))
    }

    fn beside(of: &Fidelity, side: usize, wider: Vec<(usize, f64)>) -> Self {
        let windows: Vec<_> = [(side, of.k_eff.real)].into_iter().chain(wider).collect();
        let explain = windows.last().is_some_and(|&(_, widest)| !falls_short(&judged_beside(of, widest)));
        Self { phase: of.phase, k_eff: of.k_eff, windows, explain }
    }

    /// What the verdict must say besides: nothing if the edges are not the reason.
    pub fn note(&self) -> Option<String> {
        let &(side, widest) = self.windows.last().filter(|_| self.explain)?;
        let [widest, generated, real] = [widest, self.k_eff.generated, self.k_eff.real].map(|k| significant(k, 3));
        Some(format!(
            "Real windows lose conductivity at their edges, which periodic realisations do not have: phase {} has {widest} \
             in windows {side} pixels wide, {generated} in realisations, {real} in windows of their size. Beside the wider \
             windows this gate would hold.",
            self.phase
        ))
    }

    /// The conductivities by the side of the windows, and what follows from them.
    pub fn section(&self) -> Markup {
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
                    @for &(side, k_eff) in &self.windows {
                        tr { th scope="row" { "real windows, " (side) " pixels wide" } td { (significant(k_eff, 3)) } }
                    }
                    tr { th scope="row" { "realisations" } td { (significant(self.k_eff.generated, 3)) } }
                }
            }
            p.others {
                @if self.explain { "Beside the widest the gate would hold: the edges of windows are the reason." }
                @else { "Beside the widest the gate would not hold either: the edges of windows are not the reason." }
            }
        }
    }
}

/// Whether the conductivity is too high while opposite edges of realisations fit together.
fn conducts_too_well_without_edges(of: &Fidelity) -> bool {
    falls_short(of) && of.k_eff.sd > 0.0 && (0.8..=1.25).contains(&of.seam_over_interior)
}

/// Whether the conductivity misses its gate.
fn falls_short(of: &Fidelity) -> bool {
    of.gates().iter().any(|gate| gate.figure == "k_eff_sd" && !gate.holds)
}

/// The same realisations, were `real` the conductivity of windows of their size, and these as spread as they are.
fn judged_beside(of: &Fidelity, real: f64) -> Fidelity {
    let Beside { generated, real: before, sd } = of.k_eff;
    let sd = sd * (generated - real) / (generated - before);
    Fidelity { k_eff: Beside { generated, real, sd }, ..of.clone() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::html::judgement::tests::perfect;

    /// Realisations of conductivity 5.7 beside windows of 3.9 with a standard deviation of 1, and wider ones up to `widest`.
    pub fn edges(widest: f64) -> Edges {
        let of = Fidelity { k_eff: Beside { generated: 5.7, real: 3.9, sd: 1.8 }, ..perfect() };
        Edges::beside(&of, 64, vec![(128, 4.8), (256, widest)])
    }

    #[test]
    fn edges_are_looked_at_only_where_realisations_without_them_conduct_too_well() {
        let looked_at = |sd: f64, seam_over_interior: f64| {
            let k_eff = Beside { generated: 6.0, real: 4.0, sd };
            conducts_too_well_without_edges(&Fidelity { k_eff, seam_over_interior, ..perfect() })
        };
        assert!(looked_at(1.8, 1.0));
        assert!(!looked_at(0.7, 1.0) && !looked_at(-1.8, 1.0) && !looked_at(1.8, 2.8));
    }

    #[test]
    fn edges_are_the_reason_only_if_the_gate_holds_beside_the_widest_windows() {
        let explains = |widest: f64| {
            let edges = edges(widest);
            let page = edges.section().into_string();
            assert_eq!(edges.note().is_some(), page.contains("are the reason"), "{page}");
            assert_ne!(edges.note().is_some(), page.contains("are not the reason"), "{page}");
            edges.note().is_some()
        };
        assert!(explains(5.3) && explains(5.0) && explains(6.4));
        // The material conducts worse, or better, in wide windows than the realisations do.
        assert!(!explains(3.7) && !explains(4.9) && !explains(6.6));
    }

    #[test]
    fn conductivities_stand_in_order_of_the_side() {
        let page = edges(5.3).section().into_string();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        let places = [">3.90<", "128 pixels", ">4.80<", "256 pixels", ">5.30<", "realisations<", ">5.70<"].map(at);
        assert!(places.is_sorted(), "{places:?}");
    }
}
