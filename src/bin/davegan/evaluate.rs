//! `davegan evaluate`: descriptors of realisations beside those of the micrograph.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::evaluation::model_fidelity;
use davegan::generation::reconstruct;
use davegan::micrograph::Directions;
use davegan::storage::{Mode, write_fidelity, write_phase_images};

use crate::arguments::{DirectionArguments, MicrographArguments, ModelArguments};
use crate::{print, progress};

/// Seconds between two reports of progress.
const INTERVAL: f64 = 0.5;

/// Compare realisations of a model with real windows of its micrograph
///
/// Prints a table for each phase: error measures of the paper and other descriptors, and which of the gates hold. For two
/// phases the one with the smaller volume fraction is evaluated, for more all but phase 0. Of volumes, planes across each axis
/// are compared with the micrograph, or with that of their direction.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    micrograph: MicrographArguments,
    #[command(flatten)]
    directions: DirectionArguments,
    /// Evaluate this phase alone
    #[arg(long, value_name = "P")]
    phase: Option<u8>,
    /// Write the table to an HDF5 file too, a group phase_P for each phase, of volumes phase_P_z, phase_P_y and phase_P_x
    #[arg(long, short, value_name = "FILE.h5")]
    output: Option<PathBuf>,
    /// Write the reconstructions of the training tiles to the dataset reconstructed of an HDF5 file
    #[arg(long, value_name = "FILE.h5")]
    reconstructions: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (model, micrographs) = (arguments.model.load()?, arguments.micrograph.open_all(&arguments.directions)?);
    let micrographs = Directions::new(micrographs.iter().collect())?;
    if let Some(path) = &arguments.reconstructions {
        write_phase_images(path, "reconstructed", &reconstruct(&model, &model.tiles)?, Mode::Replace)?;
    }
    let options = arguments.model.realisations();
    let mut progress = progress::follow("evaluating")?;
    let phases = arguments.phase.map_or_else(|| micrographs.across(0).images.judged_phases(), |phase| vec![phase]);
    let axes: &[_] = if model.profile.axes() == 2 { &[""] } else { &["z", "y", "x"] };
    for (phase, (axis, name)) in phases.iter().flat_map(|phase| axes.iter().enumerate().map(move |axis| (phase, axis)))
    {
        let figures =
            model_fidelity(&model, micrographs.across(axis), *phase, axis, &options, INTERVAL, &mut progress)?;
        let across = if name.is_empty() { String::new() } else { format!(", planes across {name}") };
        print(&format!("phase {phase}{across}\n{}", figures.table()))?;
        if let Some(path) = &arguments.output {
            let group = if name.is_empty() { format!("phase_{phase}") } else { format!("phase_{phase}_{name}") };
            write_fidelity(path, &group, &figures)?;
        }
    }
    Ok(())
}
