//! Fidelity of a model: its realisations and reconstructions, judged beside real windows of a micrograph.

use std::sync::mpsc;
use std::time::Instant;

use rayon::ThreadPool;

use super::latent::reconstruct;
use super::realisations::{GenerationOptions, realisations};
use crate::device::thread_pool;
use crate::evaluation::{Fidelity, PARTS, evaluate_in_parts, floor_windows};
use crate::micrograph::Micrograph;
use crate::model::Model;
use crate::progress::{Pace, ProgressCallback, check_interval};
use crate::{Error, Result};

/// Judges `phase` of the realisations of `options` beside `micrograph`: at least 32 of them, and 256 for a verdict.
///
/// The real windows lie where [`floor_windows`] puts them for the seed of `options`. E_rec is judged only if `micrograph`
/// is the one that the model was trained on. `progress` is called on this thread after a part of the work, at most every
/// `progress_interval` seconds; its steps are those parts, which take unequal times.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, a micrograph that is too small or has another number of phases
/// than the model, and what [`evaluate`](crate::evaluation::evaluate) refuses; [`Error::OutOfMemory`] if the realisations
/// do not fit into memory; [`Error::Cancelled`] if `progress` asked to stop.
pub fn fidelity(
    model: &Model,
    micrograph: &Micrograph,
    phase: u8,
    options: &GenerationOptions,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<Fidelity> {
    options.validate()?;
    check_interval(progress_interval)?;
    model.check_material(&micrograph.images)?;
    let windows_at = floor_windows(&micrograph.images, model.options.profile.side(), options.seed)?;
    let pool = thread_pool(options.threads)?;
    in_parts(&pool, 1 + PARTS, progress_interval, progress, |done| {
        let made = realisations(model, options)?;
        let reconstructions = model.is_trained_on(micrograph).then(|| reconstruct(model, &model.tiles)).transpose()?;
        done()?;
        evaluate_in_parts(&micrograph.images, &made, reconstructions.as_ref(), phase, &windows_at, done)
    })
}

/// Runs `work`, which tells when each of its `parts` parts is done, in `pool`; `progress` is called on this thread.
///
/// # Errors
///
/// Those of `work`, and [`Error::Cancelled`] if `progress` asked to stop.
fn in_parts<T: Send>(
    pool: &ThreadPool,
    parts: u64,
    progress_interval: f64,
    progress: ProgressCallback,
    work: impl FnOnce(&dyn Fn() -> Result<()>) -> Result<T> + Send,
) -> Result<T> {
    let cancelled = |done: u64| Error::Cancelled(format!("judging was cancelled after {done} of {parts} parts"));
    let pace = Pace::new(0, parts, progress_interval);
    let (tell, told) = mpsc::sync_channel(0);
    let mut result = Err(Error::Internal("the work did not start".into()));
    let mut cancelled_after = None;
    pool.in_place_scope(|scope| {
        let result = &mut result;
        // Nobody listens any more once `progress` has asked to stop.
        scope.spawn(move |_| *result = work(&|| tell.send(()).map_err(|_| cancelled(0))));
        let mut due = pace.next_report();
        for (done, ()) in (1..).zip(told) {
            if done == parts || Instant::now() >= due {
                due = pace.next_report();
                if progress(&pace.report(done, None)).is_break() {
                    cancelled_after = Some(done);
                    break;
                }
            }
        }
    });
    cancelled_after.map_or(result, |done| Err(cancelled(done)))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::training::TrainingOptions;

    fn micrograph(seed: u64) -> Micrograph {
        Sample::GaussianField(GaussianField { ny: 64, nx: 64, ..GaussianField::default() }).make(seed, 1).unwrap()
    }

    #[test]
    fn reconstructions_are_judged_beside_their_own_micrograph_alone() {
        let own = micrograph(1);
        let (origin, tiles) = (Origin::new(&own), tiles(&own.images, 32).unwrap());
        let options = TrainingOptions::new(Profile::Paper32);
        let model = Model::untrained(options, origin, tiles, &burn::tensor::Device::flex());
        let options = GenerationOptions { count: 32, threads: 1, ..GenerationOptions::default() };
        let judged = |of| fidelity(&model, &of, 1, &options, 0.0, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(judged(own).gates().len(), 16);
        assert_eq!(judged(micrograph(2)).gates().len(), 15);
    }

    #[test]
    fn a_part_that_fails_ends_the_work_with_its_error() {
        let pool = thread_pool(1).unwrap();
        let mut steps = Vec::new();
        let result: Result<()> = in_parts(
            &pool,
            3,
            0.0,
            &mut |progress| {
                steps.push((progress.step, progress.steps));
                ControlFlow::Continue(())
            },
            |done| {
                done()?;
                Err(Error::invalid("wrong"))
            },
        );
        assert_eq!((result, steps), (Err(Error::invalid("wrong")), vec![(1, 3)]));
    }

    #[test]
    fn reports_keep_their_interval_but_the_last_always_comes() {
        let pool = thread_pool(1).unwrap();
        let mut steps = Vec::new();
        let mut keep = |progress: &crate::progress::Progress| {
            steps.push(progress.step);
            ControlFlow::Continue(())
        };
        in_parts(&pool, 5, 1000.0, &mut keep, |done| (0..5).try_for_each(|_| done())).unwrap();
        assert_eq!(steps, [5]);
    }
}
