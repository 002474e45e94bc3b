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
    /// Where and when the steps began that the pace is measured by.
    first: u64,
    since: Instant,
    steps: u64,
    interval: Duration,
}

impl Pace {
    /// Starts the clock at step `first` of `steps`, with a report due every `interval` seconds.
    pub fn new(first: u64, steps: u64, interval: f64) -> Self {
        let begin = Instant::now();
        Self { begin, first, since: begin, steps, interval: Duration::from_secs_f64(interval) }
    }

    /// When the next report is due.
    pub fn next_report(&self) -> Instant {
        Instant::now() + self.interval
    }

    /// The report for `step`.
    pub fn report(&self, step: u64, losses: Option<Losses>) -> Progress {
        let elapsed = self.begin.elapsed().as_secs_f64();
        let done = step - self.first;
        let of_one = self.since.elapsed().as_secs_f64() / done as f64;
        let remaining = (done > 0).then(|| of_one * (self.steps - step) as f64);
        Progress { step, steps: self.steps, elapsed, remaining, losses }
    }
}

/// Reports of progress to the caller, at most one in an interval.
pub(crate) struct Reports<'a> {
    pace: Pace,
    due: Instant,
    progress: ProgressCallback<'a>,
}

impl<'a> Reports<'a> {
    /// For work of so many `steps`, with a report every `interval` seconds; the clock starts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for the interval.
    pub fn new(steps: u64, interval: f64, progress: ProgressCallback<'a>) -> Result<Self> {
        check_interval(interval)?;
        let pace = Pace::new(0, steps, interval);
        Ok(Self { due: pace.next_report(), pace, progress })
    }

    /// Measures the pace anew, from step `first` on.
    pub fn go_on_from(&mut self, first: u64) {
        (self.pace.since, self.pace.first) = (Instant::now(), first);
    }

    /// Tells that `done` steps are done, if a report is due or nothing is left to do.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] with the text `cancelled` if the caller asked to stop.
    pub fn tell(&mut self, done: u64, cancelled: impl FnOnce() -> String) -> Result<()> {
        if done < self.pace.steps && Instant::now() < self.due {
            return Ok(());
        }
        self.due = self.pace.next_report();
        match (self.progress)(&self.pace.report(done, None)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled(cancelled())),
        }
    }
}

/// What work calls to tell that it goes on, or that a part of it is done; an error ends it.
pub(crate) type Tell<'a> = &'a (dyn Fn() -> Result<()> + Sync);

/// Runs `work` in `pool`; `told` is called on this thread whenever it tells something.
///
/// # Errors
///
/// Those of `work`, and that of `told`, which ends the work.
pub(crate) fn telling<T: Send>(
    pool: &ThreadPool,
    told: impl FnMut() -> Result<()>,
    work: impl FnOnce(Tell) -> Result<T> + Send,
) -> Result<T> {
    let (tell, messages) = mpsc::sync_channel(0);
    let mut result = Err(Error::Internal("the work did not start".into()));
    let mut heard = Ok(());
    pool.in_place_scope(|scope| {
        let result = &mut result;
        // Nobody listens any more once `told` has failed.
        let ended = |_| Error::Cancelled("nobody listens".into());
        scope.spawn(move |_| *result = work(&|| tell.send(()).map_err(ended)));
        let mut told = told;
        heard = messages.iter().try_for_each(|()| told());
        drop(messages);
    });
    heard.and(result)
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
    work: impl FnOnce(Tell) -> Result<T> + Send,
) -> Result<T> {
    let (mut reports, mut done) = (Reports::new(parts, progress_interval, progress)?, 0);
    let told = || {
        done += 1;
        reports.tell(done, || format!("{what} was cancelled after {done} of {}", counted(parts, "part")))
    };
    telling(pool, told, work)
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
