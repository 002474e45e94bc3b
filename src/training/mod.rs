//! Training: losses, augmentation, one step, the loop with its checkpoints.
//!
//! * `options`: the paper's hyperparameters and every point that it leaves open.
//! * `batches`: which images a step sees.
//! * `augmentation`: T, T_mu and T_sigma.
//! * `losses`: Eq. 1 to 9 with their gradients; `bernoulli`: two of them in one pass on the processor.
//! * `volume_fractions`: how they vary, for realisations to vary alike.
//! * `adam`: the optimiser.
//! * `step`: one step.
//! * `history`: the loss history.
//! * `run`: the loop.

mod adam;
mod augmentation;
mod batches;
mod bernoulli;
mod choice;
mod history;
mod losses;
mod options;
#[cfg(test)]
mod oracle;
mod run;
mod step;
mod volume_fractions;

pub use adam::Adam;
pub use history::{LossHistory, LossRow, Losses};
pub use options::{RunOptions, TrainingOptions};
pub use run::train;
pub use step::{Learner, Snapshot, TrainingState};
