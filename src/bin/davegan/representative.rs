//! `davegan representative`: how large an element must be.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::evaluation::{SizeOptions, size_study};
use davegan::generation::GenerationOptions;
use davegan::report::size_report;
use davegan::storage::read_model;

use crate::arguments::Machine;
use crate::{print, progress};

/// Seconds between two reports of progress.
const INTERVAL: f64 = 0.5;

/// Examine elements of growing sizes: which size is representative
///
/// Prints mean, 95 % confidence interval and deviation of volume fraction, two-point correlation and conductivity at each
/// size, and the size that a relative error needs.
#[derive(Args)]
pub struct Arguments {
    /// Model file that davegan train has written, of profile standard for several sizes
    model: PathBuf,
    /// Sides of the elements in pixels, increasing multiples of 16
    #[arg(long, value_name = "A,B,...", value_delimiter = ',', default_values_t = [64, 128, 256])]
    sizes: Vec<usize>,
    /// Number of elements of each size
    #[arg(long, value_name = "N", default_value_t = 16)]
    count: usize,
    /// Relative error that is wished
    #[arg(long, value_name = "E", default_value_t = 0.01)]
    precision: f64,
    /// Examine this phase [default: the one with the smallest volume fraction]
    #[arg(long, value_name = "P")]
    phase: Option<u8>,
    /// Volume fraction of each phase that elements are given, such as 0.25,0.75 [default: as it comes]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    volume_fractions: Option<Vec<f64>>,
    /// Seed of the realisations
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write a page with tables and plots for a browser
    #[arg(long, short, value_name = "FILE.html")]
    output: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = read_model(&arguments.model, arguments.machine.device)?;
    let options = SizeOptions {
        sides: arguments.sizes.clone(),
        phase: arguments.phase.unwrap_or_else(|| model.tiles.minority_phase()),
        precision: arguments.precision,
        realisations: GenerationOptions {
            seed: arguments.seed,
            count: arguments.count,
            volume_fractions: arguments.volume_fractions.clone(),
            threads: arguments.machine.threads,
            ..GenerationOptions::default()
        },
    };
    let mut progress = progress::follow("examining")?;
    let study = match &arguments.output {
        Some(path) => size_report(&model, &options, path, INTERVAL, &mut progress),
        None => size_study(&model, &options, INTERVAL, &mut progress),
    }?;
    print(&study.table())?;
    arguments.output.as_ref().map_or(Ok(()), |path| print(&format!("\nwrote {}\n", path.display())))
}
