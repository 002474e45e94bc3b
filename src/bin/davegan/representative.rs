//! `davegan representative`: how large an element must be.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::evaluation::{PROPERTIES, SizeOptions, SizeStudy, size_study};
use davegan::generation::GenerationOptions;
use davegan::model::Model;
use davegan::report::size_report;
use davegan::storage::read_model;

use serde::Serialize;

use crate::arguments::Machine;
use crate::{print, print_json, progress};

/// Examine elements of growing sizes: which size is representative
///
/// Prints mean, 95 % confidence interval and deviation of volume fraction, two-point correlation and conductivity at each
/// size, and the size that a relative error needs. Elements of a model of volumes are cubes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan representative model.h5 --sizes 64,128,256 --precision 0.02
  davegan representative model.h5 --count 32 --output sizes.html
  davegan representative volumes.h5 --sizes 32,48,64")]
pub struct Arguments {
    /// Model file that davegan train has written, of profile standard or volume for several sizes
    model: PathBuf,
    /// Sides of the elements in voxels, increasing multiples of 16 [default: 64,128,256; volumes: 32,64,96]
    #[arg(long, value_name = "A,B,...", value_delimiter = ',')]
    sizes: Option<Vec<usize>>,
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
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

/// A property of elements of growing sizes.
#[derive(Serialize)]
struct Study {
    phase: u8,
    property: &'static str,
    sizes: Vec<Size>,
    /// The deviation falls as side^-exponent.
    exponent: Option<f64>,
    /// Side in voxels at which one element has the wished relative error.
    required_side: Option<f64>,
}

#[derive(Serialize)]
struct Size {
    nx: usize,
    ny: usize,
    nz: usize,
    count: usize,
    mean: f64,
    /// Half width of the 95 % confidence interval of the mean.
    interval: f64,
    deviation: f64,
    /// Relative error of one element.
    error: f64,
}

fn studies(study: &SizeStudy) -> Vec<Study> {
    let of_property = |(index, property): (usize, &&'static str)| Study {
        phase: study.phase,
        property,
        sizes: study
            .sizes
            .iter()
            .map(|size| {
                let (of, [nz, ny, nx]) = (&size.properties[index], size.shape);
                let (interval, error) = (of.interval(), of.relative_error(1));
                Size { nx, ny, nz, count: of.count, mean: of.mean, interval, deviation: of.deviation, error }
            })
            .collect(),
        exponent: study.fit(index).map(|fit| fit.exponent),
        required_side: study.required_side(index, 1),
    };
    PROPERTIES.iter().enumerate().map(of_property).collect()
}

/// Sizes whose examination takes minutes.
fn usual_sizes(model: &Model) -> Vec<usize> {
    if model.profile.axes() == 2 { vec![64, 128, 256] } else { vec![32, 64, 96] }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = read_model(&arguments.model, arguments.machine.device)?;
    let options = SizeOptions {
        sides: arguments.sizes.clone().unwrap_or_else(|| usual_sizes(&model)),
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
        Some(path) => size_report(&model, &options, path, progress::INTERVAL, &mut progress),
        None => size_study(&model, &options, progress::INTERVAL, &mut progress),
    }?;
    if arguments.json {
        return print_json(&studies(&study));
    }
    print(&study.table())?;
    arguments.output.as_ref().map_or(Ok(()), |path| print(&format!("\nwrote {}\n", path.display())))
}
