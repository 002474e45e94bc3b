//! Plots of the losses.

use maud::{Markup, html};

use crate::model::{LossRow, Model};
use crate::progress::Losses;
use crate::report::svg::{Axis, Mark, Plot, REAL};
use crate::training::HISTORY_INTERVAL;

/// Maximum number of points of a curve, which limits the size of the page.
const POINTS: usize = 400;

/// The losses in the order of [`Losses::as_array`], with the paper's index and equation.
const NAMES: [[&str; 3]; 5] = [
    ["Encoder", "Enc", "Eq. 1"],
    ["Discriminator", "Disc", "Eq. 6"],
    ["Generator", "Gen", "Eq. 7"],
    ["Reconstruction", "Rec", "Eq. 3"],
    ["Kullback–Leibler divergence", "KLD", "Eq. 2"],
];

/// A plot for each of the five losses.
pub(super) fn section(model: &Model) -> Markup {
    let history = &model.record.history;
    let rows = thinned(history);
    html! {
        section aria-label="Losses" {
            h2 { "Losses" }
            @if rows.len() < 2 {
                p.left-out { "Left out: the training was too short for a loss history (a row every "
                    (HISTORY_INTERVAL) " steps)." }
            } @else {
                p { "Means over " (HISTORY_INTERVAL * history.len().div_ceil(POINTS) as u64)
                    " training steps, without unit, as the paper defines them. The scale is logarithmic where a loss changes by "
                    "more than a factor of 30." }
                div.small-plots {
                    @for (index, [name, subscript, equation]) in NAMES.into_iter().enumerate() {
                        figure {
                            h4 { b { (name) } ", L" sub { (subscript) } " (" (equation) ")" }
                            (plot(&rows, index, name).draw())
                        }
                    }
                }
            }
        }
    }
}

fn plot(rows: &[LossRow], index: usize, name: &str) -> Plot {
    let points: Vec<_> = rows.iter().map(|row| (row.step as f64, row.losses.as_array()[index])).collect();
    let last = rows.last().map_or(1.0, |row| row.step as f64);
    Plot {
        title: format!("Loss of the {name} against training steps"),
        x: Axis::new("training steps", 0.0, last),
        y: Axis::over_scales("", points.iter().map(|(_, loss)| *loss).collect::<Vec<_>>()),
        marks: vec![(String::new(), Mark::Curve(REAL, points))],
    }
}

/// Means over consecutive rows, at most [`POINTS`] of them.
fn thinned(rows: &[LossRow]) -> Vec<LossRow> {
    let mean = |rows: &[LossRow]| {
        let of = |index: usize| rows.iter().map(|row| row.losses.as_array()[index]).sum::<f64>() / rows.len() as f64;
        LossRow { step: rows[rows.len() - 1].step, losses: Losses::from_array(std::array::from_fn(of)) }
    };
    rows.chunks(rows.len().div_ceil(POINTS).max(1)).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_histories_become_means() {
        let row = |step: u64| LossRow { step, losses: Losses::from_array([step as f64; 5]) };
        let short: Vec<LossRow> = (1..=400).map(row).collect();
        assert_eq!(thinned(&short), short);
        let long: Vec<LossRow> = (1..=801).map(row).collect();
        let thin = thinned(&long);
        assert_eq!((thin.len(), thin[0].step, thin[0].losses.encoder), (267, 3, 2.0));
        assert_eq!(thin[266].step, 801);
        assert!(thinned(&[]).is_empty());
    }
}
