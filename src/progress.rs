//! How long work tells where it stands, and is told to stop.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::training::Losses;
use crate::{Error, Result};

/// Where a long operation stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps, realisations or parts of a judgement done.
    pub step: u64,
    /// Steps, realisations or parts of a judgement in all.
    pub steps: u64,
    /// Seconds since the call began.
    pub elapsed: f64,
    /// Estimate of the seconds to come; none before the first step.
    pub remaining: Option<f64>,
    /// The last row of the loss history; none but in training, after the first row.
    pub losses: Option<Losses>,
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
    Err(Error::invalid(format!("progress_interval = {seconds}; it must be 0 to {LONGEST_INTERVAL} seconds")))
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
