//! Progress reports and cancellation.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rayon::ThreadPool;

use crate::error::{counted, short};
use crate::{Error, Result};

/// Where a long operation stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps, realisations, blocks of large realisations or parts of a judgement done.
    pub step: u64,
    /// Steps, realisations, blocks of large realisations or parts of a judgement in all.
    pub steps: u64,
    /// Seconds since the call began.
    pub elapsed: f64,
    /// Estimate of the seconds to come; none before the first step.
    pub remaining: Option<f64>,
    /// The last row of the loss history; none but in training, after the first row.
    pub losses: Option<Losses>,
}

/// The five losses, each a mean over steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// L_Enc (Eq. 1).
    pub encoder: f64,
    /// L_Disc (Eq. 6).
    pub discriminator: f64,
    /// L_Gen (Eq. 7).
    pub generator: f64,
    /// L_Rec (Eq. 3).
    pub reconstruction: f64,
    /// L_KLD (Eq. 2).
    pub divergence: f64,
}

impl Losses {
    /// The losses in the order of the fields.
    pub fn as_array(&self) -> [f64; 5] {
        [self.encoder, self.discriminator, self.generator, self.reconstruction, self.divergence]
    }

    /// The losses from an array in the order of the fields.
    pub fn from_array([encoder, discriminator, generator, reconstruction, divergence]: [f64; 5]) -> Self {
        Self { encoder, discriminator, generator, reconstruction, divergence }
    }
}

/// Called on the caller's thread; `Break` cancels.
pub type ProgressCallback<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// Longest time between two reports, in seconds: a day.
const LONGEST_INTERVAL: f64 = 86_400.0;

/// Checks the seconds between two reports.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the range.
pub(crate) fn check_interval(seconds: f64) -> Result<()> {
    if (0.0..=LONGEST_INTERVAL).contains(&seconds) {
        return Ok(());
    }
    Err(Error::invalid(format!("progress_interval = {}; it must be 0 to {LONGEST_INTERVAL} seconds", short(seconds))))
}

/// Measures the pace of a long operation.
pub struct Pace {
    begin: Instant,
    first: u64,
    steps: u64,
    interval: Duration,
}

impl Pace {
    /// Starts the clock at step `first` of `steps`, with a report due every `interval` seconds.
    pub fn new(first: u64, steps: u64, interval: f64) -> Self {
        Self { begin: Instant::now(), first, steps, interval: Duration::from_secs_f64(interval) }
    }

    /// When the next report is due.
    pub fn next_report(&self) -> Instant {
        Instant::now() + self.interval
    }

    /// The report for `step`.
    pub fn report(&self, step: u64, losses: Option<Losses>) -> Progress {
        let elapsed = self.begin.elapsed().as_secs_f64();
        let done = step - self.first;
        let remaining = (done > 0).then(|| elapsed / done as f64 * (self.steps - step) as f64);
        Progress { step, steps: self.steps, elapsed, remaining, losses }
    }
}

/// Runs `work`, which tells when each of its `parts` parts is done, in `pool`; `progress` is called on this thread at most
/// every `progress_interval` seconds, and after the last part. `what` it is stands in the error if it is cancelled.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for the interval, those of `work`, and [`Error::Cancelled`] if `progress` asked to stop.
pub(crate) fn in_parts<T: Send>(
    what: &str,
    pool: &ThreadPool,
    parts: u64,
    progress_interval: f64,
    progress: ProgressCallback,
    work: impl FnOnce(&dyn Fn() -> Result<()>) -> Result<T> + Send,
) -> Result<T> {
    check_interval(progress_interval)?;
    let cancelled =
        |done: u64| Error::Cancelled(format!("{what} was cancelled after {done} of {}", counted(parts, "part")));
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
    use super::*;
    use crate::device::thread_pool;

    #[test]
    fn a_part_that_fails_ends_the_work_with_its_error() {
        let pool = thread_pool(1).unwrap();
        let mut steps = Vec::new();
        let result: Result<()> = in_parts(
            "testing",
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
        let mut keep = |progress: &Progress| {
            steps.push(progress.step);
            ControlFlow::Continue(())
        };
        in_parts("testing", &pool, 5, 1000.0, &mut keep, |done| (0..5).try_for_each(|_| done())).unwrap();
        assert_eq!(steps, [5]);
    }
}
