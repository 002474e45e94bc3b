//! The training loop: steps, reports of progress, checkpoints, resuming.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Tensor;

use super::batches::TrainingData;
use super::history::{LossRow, Losses};
use super::options::{RunOptions, TrainingOptions};
use crate::device::thread_pool;
use crate::micrograph::{self, Micrograph};
use crate::model::{Model, Origin};
use crate::progress::{Pace, ProgressCallback};
use crate::{Error, Result};

/// Trains on `micrograph` and writes the model file at `path`.
///
/// The result depends on the micrograph and `options` alone: the same bytes for any number of threads, with or without
/// interruptions that were resumed. `progress` is called on this thread.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, a micrograph smaller than the profile's side, or a resumed
/// file of another training; [`Error::Cancelled`] if `progress` asked to stop, with the work so far in the model file;
/// [`Error::Diverged`] if a loss is no longer finite, with the last checkpoint in the model file; and those of reading
/// and writing the model file.
pub fn train(
    micrograph: &Micrograph,
    path: &Path,
    options: &TrainingOptions,
    run: &RunOptions,
    progress: ProgressCallback,
) -> Result<()> {
    options.validate()?;
    run.validate()?;
    let device = run.device.open()?;
    let pool = thread_pool(run.threads)?;
    let tiles = micrograph::tiles(&micrograph.images, options.profile.side())?;
    let origin = Origin::new(micrograph);
    let mut model = if run.resume && path.exists() {
        let mut model = Model::load(path, run.device)?;
        model.check_resumable(path, options, &origin)?;
        model.options = options.clone();
        model.steps_planned = options.total_steps(tiles.len());
        model
    } else {
        Model::untrained(options.clone(), origin, tiles, &device)
    };
    crate::storage::check_replaceable(path)?;

    let tiles = model.tiles.clone();
    let data = TrainingData { micrograph: &micrograph.images, tiles: &tiles };
    let total = model.steps_planned;
    let pace = Pace::new(model.state.step, total, run.progress_interval);
    let mut saved = model.state.step;
    while model.state.step < total {
        let stop = next_checkpoint(model.state.step, run.checkpoint_interval).min(total);
        let due = pace.next_report();
        pool.install(|| advance(&mut model, &data, stop, due)).map_err(|error| diverged_at(error, path, saved))?;
        let step = model.state.step;
        if step == stop {
            model.save(path).map_err(|error| diverged_at(error, path, saved))?;
            saved = step;
        }
        if progress(&pace.report(step, model.history.last().map(|row| row.losses))).is_break() {
            model.save(path)?;
            return Err(Error::Cancelled(format!(
                "training was cancelled at step {step} of {total}; {} holds the work so far, resume to go on",
                path.display()
            )));
        }
    }
    // A resumed file that was complete already is left as it is.
    Ok(())
}

/// Steps until `stop`, or at least one and until `due` has passed.
fn advance(model: &mut Model, data: &TrainingData, stop: u64, due: Instant) -> Result<()> {
    let device = model.state.loss_sums.device();
    loop {
        model.state.advance(data, &model.options, &device)?;
        record(model)?;
        if model.state.step == stop || Instant::now() >= due {
            return Ok(());
        }
    }
}

/// Ends a row of the loss history where one is due. This is the only place where the loop waits for the device.
fn record(model: &mut Model) -> Result<()> {
    let (step, interval) = (model.state.step, model.options.history_interval);
    if step.is_multiple_of(interval) {
        let losses = Losses::mean(&model.state.loss_sums, interval, step)?;
        model.history.push(LossRow { step, losses });
        model.state.loss_sums = Tensor::zeros([5], &model.state.loss_sums.device());
    }
    Ok(())
}

fn next_checkpoint(step: u64, interval: u64) -> u64 {
    if interval == 0 { u64::MAX } else { (step / interval + 1).saturating_mul(interval) }
}

/// Tells which work is left when training diverged.
fn diverged_at(error: Error, path: &Path, saved: u64) -> Error {
    match error {
        Error::Diverged(text) if saved > 0 => {
            Error::Diverged(format!("{text}; {} holds step {saved}", path.display()))
        }
        Error::Diverged(text) => Error::Diverged(format!("{text}; nothing had been saved yet")),
        other => other,
    }
}
