//! Progress on the terminal, and Ctrl-C.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use davegan::progress::Progress;
use davegan::progress_bar::ProgressBar;
use davegan::{Error, Result};
use signal_hook::consts::{SIGTERM, TERM_SIGNALS};
use signal_hook::flag;

/// Exit status of a program that a signal has ended: 128 and the number of SIGINT.
const ENDED_BY_SIGNAL: i32 = 130;

/// Seconds between two reports of progress.
pub const INTERVAL: f64 = 0.5;

/// A progress callback for work called `name`: draws a bar, and asks the work to stop after Ctrl-C or SIGTERM.
///
/// A second Ctrl-C ends the program at once.
///
/// # Errors
///
/// [`Error::Internal`] if the system refuses the signal handlers.
pub fn follow(name: &'static str) -> Result<impl FnMut(&Progress) -> ControlFlow<()>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS {
        handle(*signal, &stop)
            .map_err(|error| Error::Internal(format!("signal {signal} cannot be handled: {error}")))?;
    }
    let mut bar = ProgressBar::new(name);
    Ok(move |progress: &Progress| {
        bar.show(progress);
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Lets the first signal set `stop`, and a second one end the program. SIGTERM only sets it: job schedulers send several.
fn handle(signal: i32, stop: &Arc<AtomicBool>) -> std::io::Result<()> {
    if signal != SIGTERM {
        flag::register_conditional_shutdown(signal, ENDED_BY_SIGNAL, Arc::clone(stop))?;
    }
    flag::register(signal, Arc::clone(stop))?;
    Ok(())
}
