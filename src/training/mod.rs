//! Training: losses, augmentation, one step, the loop with its checkpoints.
//!
//! * `options`: the paper's hyperparameters; `recipe`: what else a profile is made of; `paper_options`: the points that the
//!   paper leaves open, as text; `range`: how they are checked.
//! * `window_side`: how large training windows are; `batches`: which images a step sees.
//! * `augmentation`: T, T_mu and T_sigma.
//! * `losses`: Eq. 1 to 9 with their gradients.
//! * `adam`: the optimiser.
//! * `state`: what a step changes; `draws`: its random numbers; `posterior`, `pass`: forward and backward passes.
//! * `step`: one step; `encoder_step`, `discriminator_step`: two parts of it; `volume_step`: one step of volumes.
//! * `averaged`: averaged generator with new batch statistics; `levelled`: of volumes, with the right volume fractions;
//!   `position_biases`, `relaxation`: their calibration, of the average.
//! * `checkpoint`: a training as it stands, and its model.
//! * `need`: how much memory a training needs; `thread_choice`: whether threads share a step; `run`: the loop.

mod adam;
mod augmentation;
mod averaged;
mod batches;
mod checkpoint;
mod discriminator_step;
mod draws;
mod encoder_step;
mod levelled;
mod losses;
mod need;
mod options;
#[cfg(test)]
mod oracle;
mod paper_options;
mod pass;
mod position_biases;
mod posterior;
mod range;
mod recipe;
mod relaxation;
mod run;
mod state;
mod step;
mod thread_choice;
mod volume_step;
mod window_side;

pub use checkpoint::Checkpoint;
pub use options::{RunOptions, TrainingOptions};
pub use recipe::Recipe;
pub use run::{SaveCheckpoint, train};
pub(crate) use state::DISCRIMINATORS;
pub use state::{HISTORY_INTERVAL, Learner, TrainingState};
pub use window_side::WINDOW_SIDES;
