//! Whether the edges of windows are why realisations, which have none, conduct better than they.

use maud::{Markup, html};

use super::subject::Subject;
use crate::Result;
use crate::evaluation::{
    Beside, Fidelity, conductivity_of_wider_windows, conductivity_with_edges_alike, side_with_edges_alike,
};
use crate::report::number::{signed, significant};

/// What is conducted where edges are alike, and in wider windows, by a phase whose realisations conduct too well.
pub(super) struct Edges {
    /// The figures of the phase.
    of: Fidelity,
    /// Side of the realisations in pixels.
    side: usize,
    /// Of windows cut out of the realisations, beside windows of that size.
    alike: Beside,
    /// Sides of wider real windows in pixels, and their mean conductivity.
    wider: Vec<(usize, f64)>,
}

impl Edges {
    /// None if realisations do not conduct too well, or their opposite edges do not fit together.
    ///
    /// # Errors
    ///
    /// Those of [`conductivity_with_edges_alike`].
    pub fn new(subject: &Subject, of: &Fidelity) -> Result<Option<Self>> {
        let Ok(windows_at) = &subject.windows_at else { return Ok(None) };
        if !conducts_too_well_without_edges(of) {
            return Ok(None);
        }
        let (micrograph, side) = (&subject.micrograph.images, subject.model.side());
        let alike = conductivity_with_edges_alike(micrograph, &subject.realisations, of.phase, windows_at)?;
        let wider = conductivity_of_wider_windows(micrograph, of.phase, side)?;
        Ok(Some(Self { of: of.clone(), side, alike, wider }))
    }

    /// Whether the gate would hold if it were about windows whose edges are alike.
    pub fn explain(&self) -> bool {
        !falls_short(&Fidelity { k_eff: self.alike, ..self.of.clone() })
    }

    /// What the verdict must say besides: nothing if the edges are not the reason.
    pub fn note(&self) -> Option<String> {
        let Beside { generated, real, sd } = self.alike;
        let [generated, real, sd] = [significant(generated, 3), significant(real, 3), signed(sd, 2)];
        self.explain().then(|| {
            format!(
                "Real windows lose conductivity at their edges, which periodic realisations do not have. In windows {} \
                 pixels wide, cut out of realisations and out of real windows, phase {} has {generated} and {real} \
                 ({sd} σ): with edges alike this gate would hold.",
                side_with_edges_alike(self.side),
                self.of.phase
            )
        })
    }

    /// The conductivities by the size of the windows, and what follows from them.
    pub fn section(&self) -> Markup {
        let beside =
            |of: Beside| [significant(of.generated, 3), significant(of.real, 3), format!("{} σ", signed(of.sd, 2))];
        let real = |k_eff: f64| [String::new(), significant(k_eff, 3), String::new()];
        let judged = [(side_with_edges_alike(self.side), beside(self.alike)), (self.side, beside(self.of.k_eff))];
        let wider = self.wider.iter().map(|&(side, k_eff)| (side, real(k_eff)));
        html! {
            p.others {
                "Conductivities are computed with periodic boundaries. At an edge of a window a boundary between grains meets "
                "something else on the opposite side; in realisations, which are periodic, it goes on. So a network that "
                "is otherwise like the real one conducts better: by 2.4 σ where grain boundaries conduct, by measurements on "
                "tessellations that were made periodic. Windows cut out of realisations have edges like any others; and the "
                "wider a real window, the less of it is near an edge."
            }
            table {
                thead {
                    tr {
                        th scope="col" { "Effective conductivity, contrast 100, of windows" }
                        th scope="col" { "Generated" }
                        th scope="col" { "Real" }
                        th scope="col" { "Difference" }
                    }
                }
                tbody {
                    @for (side, figures) in judged.into_iter().chain(wider) {
                        tr {
                            th scope="row" { (side) " pixels wide" @if side == self.side { ", those generated periodic" } }
                            @for figure in figures { td { (figure) } }
                        }
                    }
                }
            }
            p.others {
                @if self.explain() { "With edges alike the gate would hold; smaller windows vary more, so that a difference counts for less." }
                @else { "With edges alike the gate would not hold either: edges are not the reason." }
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::html::judgement::tests::perfect;

    /// Realisations of conductivity 5.7 beside windows of 3.9 with a standard deviation of 1, and `generated` beside 3.7
    /// where edges are alike.
    pub fn edges(generated: f64) -> Edges {
        let beside = |generated: f64, real: f64| Beside { generated, real, sd: generated - real };
        let of = Fidelity { k_eff: beside(5.7, 3.9), ..perfect() };
        Edges { of, side: 64, alike: beside(generated, 3.7), wider: vec![(128, 4.8), (256, 5.3)] }
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
    fn edges_are_the_reason_only_if_the_gate_holds_where_they_are_alike() {
        let explain = |generated: f64| {
            let edges = edges(generated);
            let page = edges.section().into_string();
            assert_eq!(edges.note().is_some(), page.contains("alike the gate would hold"), "{page}");
            assert_ne!(edges.note().is_some(), page.contains("are not the reason"), "{page}");
            edges.note().is_some()
        };
        assert!(explain(3.7) && explain(4.4) && explain(3.0));
        assert!(!explain(4.5) && !explain(2.9));
    }

    #[test]
    fn conductivities_stand_in_order_of_the_side() {
        let page = edges(3.6).section().into_string();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        let sizes = ["48 pixels", ">3.60<", ">3.70<", ">−0.10 σ<", "64 pixels", ">5.70<", ">3.90<", ">+1.8 σ<"];
        let places = [&sizes[..], &["128 pixels", ">4.80<", "256 pixels", ">5.30<"]].concat();
        assert!(places.iter().map(|text| at(text)).is_sorted(), "{page}");
    }
}
