//! How a model was trained, for reports.

use crate::progress::Losses;

/// One row of the loss history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossRow {
    /// The last step of the mean.
    pub step: u64,
    /// Means since the row before.
    pub losses: Losses,
}

/// A record of the training. Generation needs nothing of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingRecord {
    /// The training options, as TOML.
    pub options: String,
    /// Seed of the training.
    pub seed: u64,
    /// Training steps done.
    pub steps: u64,
    /// Training steps planned; more than `steps` if training was interrupted.
    pub steps_planned: u64,
    /// Losses in the order of steps.
    pub history: Vec<LossRow>,
    /// Version of the library that trained.
    pub library_version: String,
}
