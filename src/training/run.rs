//! The training loop: steps, reports of progress, checkpoints, resuming.

use std::path::Path;
use std::time::Instant;

use burn_tensor::Tensor;

use super::averaged::averaged_generator;
use super::batches::TrainingData;
use super::choice::choose;
use super::history::{LossRow, Losses};
use super::options::{RunOptions, TrainingOptions};
use crate::device::{thread_pool, with_spinning_workers};
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
    crate::storage::check_path(path)?;
    crate::storage::check_replaceable(path)?;

    let tiles = model.tiles.clone();
    let data = TrainingData::new(&micrograph.images, &tiles)?;
    let total = model.steps_planned;
    let pace = Pace::new(model.state.step, total, run.progress_interval);
    let mut saved = model.state.step;
    while model.state.step < total {
        let checkpoint = next_multiple(model.state.step, run.checkpoint_interval).min(total);
        let choice = next_multiple(model.state.step, options.choice_interval).min(total);
        let stop = checkpoint.min(choice);
        let due = pace.next_report();
        pool.install(|| advance(&mut model, &data, stop, due)).map_err(|error| diverged_at(error, path, saved))?;
        let step = model.state.step;
        if step == choice && options.choice_interval > 0 {
            pool.install(|| choose(&mut model, &micrograph.images, run.threads))
                .map_err(|error| diverged_at(error, path, saved))?;
        }
        if step == total && model.choice.is_none() && model.state.average.is_some() {
            model.state.average = Some(pool.install(|| averaged_generator(&model)));
        }
        if step == checkpoint {
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
        with_spinning_workers(|| model.state.advance(data, &model.options, &device))?;
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

/// The next step that is a multiple of `interval`, which 0 has none of.
fn next_multiple(step: u64, interval: u64) -> u64 {
    step.checked_div(interval).map_or(u64::MAX, |done| (done + 1).saturating_mul(interval))
}

/// Tells which work is left when training diverged.
fn diverged_at(error: Error, path: &Path, saved: u64) -> Error {
    match error {
        Error::Diverged(text) if saved > 0 => Error::Diverged(format!("{text}; {} holds step {saved}", path.display())),
        Error::Diverged(text) => Error::Diverged(format!("{text}; nothing had been saved yet")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::path::PathBuf;

    use super::*;
    use crate::device::accelerator;
    use crate::micrograph::{Checkerboard, Sample};
    use crate::network::{Profile, count_reads};

    fn path(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("davegan-run-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder.join(name)
    }

    fn micrograph() -> Micrograph {
        Sample::Checkerboard(Checkerboard { ny: 70, nx: 100, cell: 8 }).make(1, 1).unwrap()
    }

    #[test]
    #[cfg(unix)]
    fn a_path_that_hdf5_cannot_open_is_refused_before_training() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.h5");
        let path = path("x").with_file_name(name);
        let mut calls = 0;
        let error = train(&micrograph(), &path, &options(4), &RunOptions::default(), &mut |_| {
            calls += 1;
            ControlFlow::Continue(())
        })
        .unwrap_err();
        assert!(error.to_string().contains("UTF-8") && calls == 0, "{error}");
    }

    fn options(steps: u64) -> TrainingOptions {
        let profile = Profile::Paper32;
        TrainingOptions {
            steps,
            batch_size: 4,
            history_interval: 4,
            choice_interval: 4,
            candidates: 2,
            lambda_patterns: 0.1,
            seed: 5,
            ..TrainingOptions::new(profile)
        }
    }

    fn run(threads: usize) -> RunOptions {
        RunOptions { threads, checkpoint_interval: 5, progress_interval: 0.0, ..RunOptions::default() }
    }

    fn go_on(_: &crate::progress::Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn train_to_bytes(name: &str, options: &TrainingOptions, run: &RunOptions) -> Vec<u8> {
        let path = path(name);
        train(&micrograph(), &path, options, run, &mut go_on).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn the_bytes_depend_on_the_seed_and_not_on_the_threads() {
        let one = train_to_bytes("one.h5", &options(12), &run(1));
        assert!(one == train_to_bytes("again.h5", &options(12), &run(1)));
        assert!(one == train_to_bytes("two.h5", &options(12), &run(2)));
        assert!(one != train_to_bytes("seed.h5", &TrainingOptions { seed: 6, ..options(12) }, &run(1)));
    }

    #[test]
    fn a_cancelled_run_resumes_to_the_same_bytes() {
        let whole = train_to_bytes("whole.h5", &options(14), &run(1));
        let path = path("cancelled.h5");
        for stop in [3, 7] {
            let run = RunOptions { resume: true, ..run(1) };
            let mut cancel = |p: &crate::progress::Progress| {
                if p.step == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let error = train(&micrograph(), &path, &options(14), &run, &mut cancel).unwrap_err();
            assert!(
                matches!(&error, Error::Cancelled(text) if text.contains(&format!("step {stop} of 14"))),
                "{error}"
            );
            assert_eq!(Model::load(&path, crate::Device::Cpu).unwrap().state.step, stop);
        }
        assert!(whole == train_to_bytes("cancelled.h5", &options(14), &RunOptions { resume: true, ..run(1) }));
        // Training further is resuming too; another option is not.
        train_to_bytes("cancelled.h5", &options(15), &RunOptions { resume: true, ..run(1) });
        let other = TrainingOptions { beta: 0.5, ..options(15) };
        let resume = RunOptions { resume: true, ..run(1) };
        let error = train(&micrograph(), &path, &other, &resume, &mut go_on).unwrap_err();
        assert!(error.to_string().contains("beta = 1.0 instead of 0.5"), "{error}");
    }

    #[test]
    fn an_average_that_nothing_chose_has_its_own_statistics_in_the_end() {
        let options = TrainingOptions { generator_average: 0.9, choice_interval: 0, candidates: 1, ..options(6) };
        train_to_bytes("average.h5", &options, &run(1));
        let model = Model::load(&path("average.h5"), crate::Device::Cpu).unwrap();
        let statistics = |of: &Tensor<1>| of.to_data().try_to_vec::<f32>().unwrap();
        let (kept, measured) =
            (&model.state.average.as_ref().unwrap().statistics, averaged_generator(&model).statistics);
        assert_eq!(statistics(kept), statistics(&measured));
    }

    #[test]
    fn progress_counts_every_step_and_the_history_every_interval() {
        let mut seen = Vec::new();
        let path = path("progress.h5");
        train(&micrograph(), &path, &options(10), &run(1), &mut |p| {
            seen.push((p.step, p.losses.is_some()));
            assert_eq!(p.steps, 10);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(seen, (1..=10).map(|step| (step, step >= 4)).collect::<Vec<_>>());
        let model = Model::load(&path, crate::Device::Cpu).unwrap();
        assert_eq!(model.history.iter().map(|row| row.step).collect::<Vec<_>>(), [4, 8]);
    }

    #[test]
    fn the_loop_reads_back_the_losses_that_are_due_and_nothing_else() {
        for device in [Some(crate::Device::Cpu), accelerator()].into_iter().flatten() {
            let micrograph = micrograph();
            let tiles = micrograph::tiles(&micrograph.images, 32).unwrap();
            let data = TrainingData::new(&micrograph.images, &tiles).unwrap();
            let origin = Origin::new(&micrograph);
            let mut model = Model::untrained(options(9), origin, tiles.clone(), &device.open().unwrap());
            let never = Instant::now() + std::time::Duration::from_secs(86_400);
            let mut reads = |stop| count_reads(|| advance(&mut model, &data, stop, never).unwrap());
            // History has a row every four steps.
            assert_eq!([3, 8, 9].map(&mut reads), [0, 2, 0], "{device}");
        }
    }

    #[test]
    fn divergence_is_told_with_its_step_and_keeps_the_last_model_file() {
        let before = train_to_bytes("diverged.h5", &options(5), &run(1));
        let path = path("diverged.h5");
        let wild = TrainingOptions {
            rate_generator: 1.0,
            rate_encoder: 1.0,
            lambda_rec: 1e6,
            beta: 1e6,
            choice_interval: 0,
            ..options(400)
        };
        let at_the_end = RunOptions { checkpoint_interval: 0, ..run(1) };
        let error = train(&micrograph(), &path, &wild, &at_the_end, &mut go_on).unwrap_err();
        assert!(matches!(&error, Error::Diverged(text) if text.contains("up to step")), "{error}");
        assert!(error.to_string().contains("nothing had been saved yet"), "{error}");
        assert!(before == std::fs::read(path).unwrap());
    }

    #[test]
    fn a_micrograph_smaller_than_the_profile_is_refused() {
        let options = TrainingOptions { steps: 1, ..TrainingOptions::new(Profile::Paper64) };
        let small = Sample::Checkerboard(Checkerboard { ny: 40, nx: 100, cell: 8 }).make(1, 1).unwrap();
        let error = train(&small, &path("small.h5"), &options, &run(1), &mut go_on).unwrap_err();
        assert!(matches!(&error, Error::InvalidParameter(text) if text.contains("64 x 64")), "{error}");
    }
}
