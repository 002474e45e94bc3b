//! How a model selects realisations from candidates; `generation::selection` fits and applies it.

use ndarray::Array2;

/// What makes a candidate likely to be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Candidates of each realisation.
    pub candidates: usize,
    /// A row a phase: its number, what each of its figures should be on average, and the weight of each statistic.
    pub rows: Array2<f64>,
}
