//! `davegan evaluate`: descriptors of realisations beside those of the micrograph.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::evaluation::model_fidelity;
use davegan::generation::reconstruct;
use davegan::storage::{Mode, write_fidelity, write_phase_images};

use crate::arguments::{MicrographArguments, ModelArguments};
use crate::{print, progress};

/// Seconds between two reports of progress.
const INTERVAL: f64 = 0.5;

/// Compare realisations of a model with real windows of its micrograph
///
/// Prints a table for each phase: error measures of the paper and other descriptors, and which of the gates hold. For two
/// phases the one with the smaller volume fraction is evaluated, for more all but phase 0.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    micrograph: MicrographArguments,
    /// Evaluate this phase alone
    #[arg(long, value_name = "P")]
    phase: Option<u8>,
    /// Write the table to an HDF5 file too, a group phase_P for each phase
    #[arg(long, short, value_name = "FILE.h5")]
    output: Option<PathBuf>,
    /// Write the reconstructions of the training tiles to the dataset reconstructed of an HDF5 file
    #[arg(long, value_name = "FILE.h5")]
    reconstructions: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (model, micrograph) = (arguments.model.load()?, arguments.micrograph.open()?);
    if let Some(path) = &arguments.reconstructions {
        write_phase_images(path, "reconstructed", &reconstruct(&model, &model.tiles)?, Mode::Replace)?;
    }
    let options = arguments.model.realisations();
    let mut progress = progress::follow("evaluating")?;
    for phase in arguments.phase.map_or_else(|| micrograph.images.judged_phases(), |phase| vec![phase]) {
        let figures = model_fidelity(&model, &micrograph, phase, &options, INTERVAL, &mut progress)?;
        print(&format!("phase {phase}\n{}", figures.table()))?;
        if let Some(path) = &arguments.output {
            write_fidelity(path, &format!("phase_{phase}"), &figures)?;
        }
    }
    Ok(())
}
