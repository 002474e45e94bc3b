//! The training loop: steps, checkpoints, reports of progress.

use std::time::Instant;

use burn_tensor::Tensor;

use super::averaged::averaged_generator;
use super::batches::TrainingData;
use super::checkpoint::Checkpoint;
use super::levelled::levelled;
use super::options::{RunOptions, TrainingOptions};
use super::state::HISTORY_INTERVAL;
use super::thread_choice::ThreadChoice;
use super::{need, position_biases, relaxation};
use crate::device::{ThreadPool, thread_pool};
use crate::micrograph::{Directions, Micrograph};
use crate::model::{Direction, LossRow, Model};
use crate::network::Profile;
use crate::progress::{Pace, Progress, ProgressCallback, in_parts};
use crate::{Error, Result};

/// Keeps a checkpoint.
///
/// Called after every `checkpoint_interval` steps, after the last step, when training is cancelled, and at the end.
pub type SaveCheckpoint<'a> = &'a mut dyn FnMut(&Checkpoint) -> Result<()>;

/// Trains on `micrographs`, several only for volumes of a material that differs by direction, from the beginning or from where the training `resumed` stands.
///
/// On one kind of device the model depends on the micrographs and `options` alone: the same bytes for any number of
/// threads, with or without interruptions that were resumed. `save` and `progress` are called on this thread.
///
/// Behind the last step of a fully convolutional model comes the calibration of its position biases and relaxation. Reports then have the
/// last step, and the time that the calibration is to take; before it begins, that time is in no report.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, a micrograph that is smaller than the profile's side or has several layers,
/// micrographs that do not belong together, or `resumed` of another training; [`Error::OutOfMemory`] if there is surely too little memory; [`Error::Cancelled`] if `progress`
/// asked to stop; [`Error::Diverged`] if a loss is no longer finite; and those of `save`.
pub fn train<'a>(
    micrographs: impl Into<Directions<'a, Micrograph>>,
    options: &TrainingOptions,
    run: &RunOptions,
    resumed: Option<Checkpoint>,
    save: SaveCheckpoint,
    progress: ProgressCallback,
) -> Result<Model> {
    options.validate()?;
    run.validate()?;
    let pool = thread_pool(run.threads)?;
    let micrographs = micrographs.into();
    check_micrographs(&micrographs, options.profile)?;
    let images = micrographs.map(|micrograph| &micrograph.images);
    need::require(options, &images, run.device)?;
    let options = &options.for_micrograph(images.across(0))?;
    let directions = micrographs.iter().map(|micrograph| Direction::new(micrograph, options.side()));
    let directions = directions.collect::<Result<Vec<_>>>()?;
    let mut checkpoint = match resumed {
        Some(resumed) => {
            resumed.check_resumable(options, &directions)?;
            let resumed = Checkpoint { options: options.clone(), ..resumed };
            if resumed.is_finished() {
                resumed
            } else {
                // Further steps give other realisations to calibrate on.
                Checkpoint { position_biases: None, relaxation: None, ..resumed }
            }
        }
        None => Checkpoint::new(options.clone(), directions, &run.device.open()?),
    };
    let tiles = checkpoint.tiles.clone();
    let data = TrainingData { micrographs: images.clone(), tiles: &tiles };
    let total = checkpoint.steps_planned();
    let mut choice = ThreadChoice::new();
    let pace = Pace::new(checkpoint.state.step, total, run.progress_interval);
    while checkpoint.state.step < total {
        let to_save = next_multiple(checkpoint.state.step, run.checkpoint_interval).min(total);
        let due = pace.next_report();
        pool.install(|| run_until(&mut checkpoint, &data, &mut choice, to_save, due))?;
        let step = checkpoint.state.step;
        if step == total && checkpoint.state.average.is_some() {
            let made = pool.install(|| {
                let averaged = averaged_generator(&checkpoint);
                if options.profile.axes() == 3 { levelled(averaged, &checkpoint) } else { Ok(averaged) }
            })?;
            checkpoint.state.average = Some(made);
        }
        if step == to_save {
            checkpoint.check_finite()?;
            save(&checkpoint)?;
        }
        let report = pace.report(step, checkpoint.last_losses());
        let remaining = report.remaining.filter(|_| step < total || checkpoint.is_finished());
        if progress(&Progress { remaining, ..report }).is_break() {
            checkpoint.check_finite()?;
            save(&checkpoint)?;
            return Err(Error::Cancelled(format!("training was cancelled at step {step} of {total}")));
        }
    }
    if !checkpoint.is_finished() {
        checkpoint = calibrate(checkpoint, &images, &pool, &pace, run.progress_interval, progress)?;
        save(&checkpoint)?;
    }
    Ok(checkpoint.model())
}

/// Refuses volumes as micrographs, several micrographs for a profile of images, and those of different materials.
fn check_micrographs(micrographs: &Directions<Micrograph>, profile: Profile) -> Result<()> {
    let (first, count) = (micrographs.across(0), micrographs.count());
    if count > 1 && profile.axes() == 2 {
        return Err(Error::invalid(format!(
            "{count} micrographs for profile {}, which makes images and takes one; choose profile volume for volumes that \
             differ by direction",
            profile.name()
        )));
    }
    for micrograph in micrographs.iter() {
        let ([nz, ny, nx], n_phases) = (micrograph.images.shape(), micrograph.images.n_phases());
        if nz > 1 {
            return Err(Error::invalid(format!(
                "{} is a volume of {nz} x {ny} x {nx} voxels (z, y, x); training takes images: give a plane of it",
                micrograph.source
            )));
        }
        if n_phases != first.images.n_phases() {
            return Err(Error::invalid(format!(
                "{} has {n_phases} phases, but {} has {}; micrographs of one material have the same phases",
                micrograph.source,
                first.source,
                first.images.n_phases()
            )));
        }
        if micrograph.voxel_size != first.voxel_size {
            let text = |of: &Micrograph| of.voxel_size.map_or("none".to_owned(), |size| size.to_string());
            return Err(Error::invalid(format!(
                "the voxel size of {} is {}, that of {} is {}; give micrographs of one voxel size",
                micrograph.source,
                text(micrograph),
                first.source,
                text(first)
            )));
        }
    }
    Ok(())
}

/// `checkpoint` with its position biases and the weights of its relaxation, with reports of how long they still take.
fn calibrate(
    checkpoint: Checkpoint,
    micrographs: &Directions,
    pool: &ThreadPool,
    pace: &Pace,
    interval: f64,
    progress: ProgressCallback,
) -> Result<Checkpoint> {
    let what = "the calibration, behind the last step of the training,";
    let mut tell = |part: &Progress| {
        let report = pace.report(checkpoint.state.step, checkpoint.last_losses());
        progress(&Progress { remaining: part.remaining, ..report })
    };
    in_parts(what, pool, position_biases::PARTS + relaxation::PARTS, interval, &mut tell, |done| {
        let position_biases = Some(position_biases::position_biases(&checkpoint, done)?);
        let biased = Checkpoint { position_biases, ..checkpoint.clone() };
        let relaxation = Some(relaxation::calibrated(&biased, micrographs, done)?);
        let relaxed = Checkpoint { relaxation, ..biased };
        // What relaxation does is not alike at all positions.
        let position_biases = Some(position_biases::position_biases(&relaxed, done)?);
        Ok(Checkpoint { position_biases, ..relaxed })
    })
}

/// Steps until `stop`, or at least one and until `due` has passed.
fn run_until(
    checkpoint: &mut Checkpoint,
    data: &TrainingData,
    choice: &mut ThreadChoice,
    stop: u64,
    due: Instant,
) -> Result<()> {
    let device = checkpoint.state.loss_sums.device();
    loop {
        choice.run(|| checkpoint.state.training_step(data, &checkpoint.options, &device))?;
        record(checkpoint)?;
        if checkpoint.state.step == stop || Instant::now() >= due {
            return Ok(());
        }
    }
}

/// Ends a row of the loss history where one is due. Here the loop waits for an accelerator, and else only before it saves.
///
/// On the CPU the losses are there, and each step is looked at.
fn record(checkpoint: &mut Checkpoint) -> Result<()> {
    let step = checkpoint.state.step;
    let (device, is_due) = (checkpoint.state.loss_sums.device(), step.is_multiple_of(HISTORY_INTERVAL));
    let on_cpu = device == burn_tensor::Device::flex();
    if is_due || on_cpu {
        let steps = if is_due { HISTORY_INTERVAL } else { step % HISTORY_INTERVAL };
        let unchecked = if on_cpu { step } else { step + 1 - steps };
        let losses = checkpoint.state.mean_losses(steps, unchecked)?;
        if is_due {
            checkpoint.history.push(LossRow { step, losses });
            checkpoint.state.loss_sums = Tensor::zeros([5], &device);
        }
    }
    Ok(())
}

/// Next multiple of `interval` after `step`; `u64::MAX` if `interval` is 0.
fn next_multiple(step: u64, interval: u64) -> u64 {
    step.checked_div(interval).map_or(u64::MAX, |done| (done + 1).saturating_mul(interval))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::Duration;

    use super::*;
    use crate::device::accelerator;
    use crate::micrograph::testing::checkerboard;
    use crate::micrograph::{Checkerboard, Sample};
    use crate::network::{Profile, count_reads, read};

    fn options(steps: u64) -> TrainingOptions {
        TrainingOptions { steps, batch_size: 4, ..TrainingOptions::new(Profile::Paper32) }
    }

    fn run() -> RunOptions {
        RunOptions { threads: 1, checkpoint_interval: 5, progress_interval: 0.0, ..RunOptions::default() }
    }

    #[test]
    fn an_average_has_its_own_statistics_in_the_end() {
        let options = options(6).with(|r| r.ema_decay = 0.9);
        let mut last = None;
        let mut save = |checkpoint: &Checkpoint| {
            last = Some(checkpoint.clone());
            Ok(())
        };
        let model =
            train(&checkerboard(), &options, &run(), None, &mut save, &mut |_| ControlFlow::Continue(())).unwrap();
        let (last, numbers) = (last.unwrap(), |of: &Tensor<1>| read(of.clone()).unwrap());
        let [given, measured] = [&model.generator, &averaged_generator(&last)].map(|of| numbers(&of.statistics));
        assert_eq!(given, measured);
        assert_ne!(given, numbers(&last.state.generator.network.statistics));
    }

    #[test]
    fn progress_counts_every_step_and_the_history_every_interval() {
        let (mut seen, mut saved) = (Vec::new(), Vec::new());
        let mut save = |checkpoint: &Checkpoint| {
            saved.push(checkpoint.state.step);
            Ok(())
        };
        let model = train(
            &checkerboard(),
            &options(102),
            &RunOptions { checkpoint_interval: 50, ..run() },
            None,
            &mut save,
            &mut |p| {
                seen.push((p.step, p.losses.is_some()));
                assert_eq!(p.steps, 102);
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        assert_eq!(seen, (1..=102).map(|step| (step, step >= 50)).collect::<Vec<_>>());
        assert_eq!(saved, [50, 100, 102]);
        assert_eq!(model.record.history.iter().map(|row| row.step).collect::<Vec<_>>(), [50, 100]);
        assert_eq!((model.record.steps, model.record.steps_planned), (102, 102));
    }

    #[test]
    fn the_loop_reads_back_the_losses_that_are_due_and_nothing_else() {
        for device in [Some(crate::Device::Cpu), accelerator()].into_iter().flatten() {
            let micrograph = checkerboard();
            let direction = Direction::new(&micrograph, 32).unwrap();
            let data = TrainingData { micrographs: (&micrograph.images).into(), tiles: &direction.tiles.clone() };
            let mut checkpoint = Checkpoint::new(options(102), vec![direction], &device.open().unwrap());
            checkpoint.state.step = 2 * HISTORY_INTERVAL - 3;
            let never = Instant::now() + Duration::from_secs(86_400);
            let mut choice = ThreadChoice::new();
            let mut reads = |stop| count_reads(|| run_until(&mut checkpoint, &data, &mut choice, stop, never).unwrap());
            // On the CPU each of these 2, 2 and 1 steps is looked at.
            let expected = if device == crate::Device::Cpu { [2, 2, 1] } else { [0, 1, 0] };
            assert_eq!([99, 101, 102].map(&mut reads), expected, "{device}");
        }
    }

    #[test]
    fn a_micrograph_smaller_than_the_profile_is_refused() {
        let options = TrainingOptions { steps: 1, ..TrainingOptions::new(Profile::Paper64) };
        let small = Sample::Checkerboard(Checkerboard { ny: 40, nx: 100, cell: 8 }).make(1, 1).unwrap();
        let error = train(&small, &options, &run(), None, &mut |_| Ok(()), &mut |_| ControlFlow::Continue(()));
        let error = error.unwrap_err();
        assert!(matches!(&error, Error::InvalidParameter(text) if text.contains("64 x 64")), "{error}");
    }
}
