//! Progress on standard error: a bar on a terminal, else lines for a log.

use std::time::Duration;

use indicatif::{HumanDuration, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::progress::{Losses, Progress};

const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len} {msg}";

/// Parts of the work after each of which a log gets a line, from when the work has taken so many seconds.
const PARTS: u64 = 10;
const LONG: f64 = 10.0;

/// A progress bar on standard error; where that is no terminal, a line once work takes long, and after each tenth of it.
pub struct ProgressBar {
    bar: indicatif::ProgressBar,
    /// Tenths that a log has been told of; none yet.
    told: Option<u64>,
}

impl ProgressBar {
    /// A bar for work of the name `what`, drawn from the first report on. It stays on the terminal when dropped.
    pub fn new(what: &'static str) -> Self {
        Self::on(what, ProgressDrawTarget::stderr())
    }

    fn on(what: &'static str, target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = indicatif::ProgressBar::with_draw_target(None, target).with_style(style).with_prefix(what);
        Self { bar: bar.with_finish(ProgressFinish::Abandon), told: None }
    }

    /// Draws where the work stands.
    pub fn show(&mut self, progress: &Progress) {
        self.bar.set_length(progress.steps);
        self.bar.set_message(message(progress));
        self.bar.set_position(progress.step);
        if self.bar.is_hidden()
            && let Some(line) = self.line(progress)
        {
            eprintln!("{line}");
        }
    }

    /// The line for a log, if it has none yet or another tenth is done.
    fn line(&mut self, progress: &Progress) -> Option<String> {
        let tenth = PARTS * progress.step / progress.steps.max(1);
        if progress.elapsed < LONG || self.told.is_some_and(|told| tenth <= told) {
            return None;
        }
        self.told = Some(tenth);
        let line = format!("{} {}/{}  {}", self.bar.prefix(), progress.step, progress.steps, message(progress));
        Some(line.trim_end().to_owned())
    }
}

/// The losses that tell most, and the time to come, or what has passed if nothing else is known.
fn message(progress: &Progress) -> String {
    let losses = progress.losses.map(|losses| {
        let Losses { reconstruction, discriminator, generator, .. } = losses;
        let adversarial = format!("L_Disc {discriminator:.3}  L_Gen {generator:.3}");
        // Volumes have no encoder, and nothing is reconstructed.
        if reconstruction == 0.0 { adversarial } else { format!("L_Rec {reconstruction:.3e}  {adversarial}") }
    });
    let (seconds, word) = match (progress.remaining, progress.losses) {
        (Some(remaining), _) => (remaining, "left"),
        (None, None) => (progress.elapsed, "so far"),
        (None, Some(_)) => (f64::NAN, ""),
    };
    let time = Duration::try_from_secs_f64(seconds).ok().map(|time| format!("{:#} {word}", HumanDuration(time)));
    losses.into_iter().chain(time).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_reports() {
        let mut bar = ProgressBar::on("training", ProgressDrawTarget::hidden());
        let losses = Losses::from_array([1.0, 2.0, 3.0, 400.0, 5.0]);
        let mut progress = Progress { step: 5, steps: 20, elapsed: 1.0, remaining: None, losses: None };
        bar.show(&progress);
        assert_eq!((bar.bar.position(), bar.bar.length(), bar.bar.message().as_str()), (5, Some(20), "1s so far"));
        progress = Progress { step: 20, remaining: Some(45.0), losses: Some(losses), ..progress };
        bar.show(&progress);
        assert_eq!((bar.bar.position(), bar.bar.prefix().as_str()), (20, "training"));
        assert_eq!(bar.bar.message(), "L_Rec 4.000e2  L_Disc 2.000  L_Gen 3.000  45s left");
        let of_volumes = Losses { reconstruction: 0.0, ..losses };
        bar.show(&Progress { losses: Some(of_volumes), ..progress });
        assert_eq!(bar.bar.message(), "L_Disc 2.000  L_Gen 3.000  45s left");
        progress.remaining = Some(f64::INFINITY);
        bar.show(&progress);
        assert!(!bar.bar.message().contains("left"));
    }

    #[test]
    fn a_log_gets_a_line_once_work_takes_long_and_after_each_tenth() {
        let mut bar = ProgressBar::on("training", ProgressDrawTarget::hidden());
        let mut lines = Vec::new();
        for step in [0, 1, 99, 100, 150, 420, 499, 999, 1000, 1000] {
            let elapsed = step as f64 / 10.0;
            lines.extend(bar.line(&Progress { step, steps: 1000, elapsed, remaining: Some(5.0), losses: None }));
        }
        let expected = [100, 420, 999, 1000].map(|step| format!("training {step}/1000  5s left"));
        assert_eq!(lines, expected);
        let mut bar = ProgressBar::on("generating", ProgressDrawTarget::hidden());
        let mut waiting = |elapsed| bar.line(&Progress { step: 0, steps: 1, elapsed, remaining: None, losses: None });
        assert_eq!([9.0, 12.0, 90.0].map(&mut waiting), [None, Some("generating 0/1  12s so far".to_owned()), None]);
        // Short work.
        assert_eq!(bar.line(&Progress { step: 9, steps: 10, elapsed: 1.0, remaining: None, losses: None }), None);
        let nothing = Progress { step: 0, steps: 0, elapsed: 0.0, remaining: None, losses: None };
        assert_eq!(bar.line(&nothing), None);
    }
}
