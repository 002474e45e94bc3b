//! Training: losses, augmentation, one step, the loop with its checkpoints.
//!
//! * `options`: the paper's hyperparameters; `recipe`: what else a profile is made of; `paper_options`: the points that the
//!   paper leaves open, as text; `range`: how they are checked; `schedule`: rates and weights at each step.
//! * `batches`: which images a step sees.
//! * `augmentation`: T, T_mu and T_sigma.
//! * `losses`: Eq. 1 to 9 with their gradients.
//! * `minkowski`: how volume fractions and connectivity vary, for realisations to vary alike.
//! * `patterns`: which patterns realisations have and the micrograph has not.
//! * `adam`: the optimiser.
//! * `step`: one step.
//! * `averaged`: the generator that realisations come from; `choice`: after which step.
//! * `history`: the loss history.
//! * `run`: the loop.

mod adam;
mod augmentation;
mod averaged;
mod batches;
mod choice;
mod history;
mod losses;
mod minkowski;
mod options;
#[cfg(test)]
mod oracle;
mod paper_options;
mod patterns;
mod range;
mod recipe;
mod run;
mod schedule;
mod step;

pub use adam::Adam;
pub use history::{HISTORY_INTERVAL, LossHistory, LossRow, Losses};
pub use options::{RunOptions, TrainingOptions};
pub use recipe::Recipe;
pub use run::train;
pub use step::{Learner, Snapshot, TrainingState};
