//! Progress on a terminal.

use std::time::Duration;

use indicatif::{HumanDuration, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::progress::Progress;

const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len} {msg}";

/// A progress bar on standard error; shows nothing where that is no terminal.
pub struct ProgressBar(indicatif::ProgressBar);

impl ProgressBar {
    /// A bar for work of the name `what`, drawn from the first report on. It stays on the terminal when dropped.
    pub fn new(what: &'static str) -> Self {
        Self::on(what, ProgressDrawTarget::stderr())
    }

    fn on(what: &'static str, target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = indicatif::ProgressBar::with_draw_target(None, target).with_style(style).with_prefix(what);
        Self(bar.with_finish(ProgressFinish::Abandon))
    }

    /// Draws where the work stands.
    pub fn show(&mut self, progress: &Progress) {
        self.0.set_length(progress.steps);
        self.0.set_message(message(progress));
        self.0.set_position(progress.step);
    }
}

/// The losses that tell most, and the time to come.
fn message(progress: &Progress) -> String {
    let losses = progress.losses.map(|losses| {
        let (rec, disc, generator) = (losses.reconstruction, losses.discriminator, losses.generator);
        format!("L_Rec {rec:.3e}  L_Disc {disc:.3}  L_Gen {generator:.3}")
    });
    let remaining = progress.remaining.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let remaining = remaining.map(|time| format!("{:#} left", HumanDuration(time)));
    losses.into_iter().chain(remaining).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Losses;

    #[test]
    fn the_bar_follows_the_reports() {
        let mut bar = ProgressBar::on("training", ProgressDrawTarget::hidden());
        let losses = Losses::from_array([1.0, 2.0, 3.0, 400.0, 5.0]);
        let mut progress = Progress { step: 5, steps: 20, elapsed: 1.0, remaining: None, losses: None };
        bar.show(&progress);
        assert_eq!((bar.0.position(), bar.0.length(), bar.0.message().as_str()), (5, Some(20), ""));
        progress = Progress { step: 20, remaining: Some(45.0), losses: Some(losses), ..progress };
        bar.show(&progress);
        assert_eq!((bar.0.position(), bar.0.prefix().as_str()), (20, "training"));
        assert_eq!(bar.0.message(), "L_Rec 4.000e2  L_Disc 2.000  L_Gen 3.000  45s left");
        progress.remaining = Some(f64::INFINITY);
        bar.show(&progress);
        assert!(!bar.0.message().contains("left"));
    }
}
