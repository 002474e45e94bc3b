//! `davegan evaluate`: descriptors of realisations beside those of the micrograph.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::evaluation::{Fidelity, Gate, model_fidelity};
use davegan::generation::reconstruct;
use davegan::micrograph::{AXES, Directions};
use davegan::storage::{Mode, write_fidelity, write_phase_images};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::arguments::{MicrographArguments, ModelArguments, warn_of_other_micrographs};
use crate::{print, print_json, progress};

/// Compare realisations of a model with real windows of its micrograph
///
/// Prints a table for each phase: error measures of the paper and other descriptors, and which of the gates hold. For two
/// phases the one with the smaller volume fraction is evaluated, for more all but phase 0. Of volumes, planes across each axis
/// are compared with the micrograph, or with that of their direction.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan evaluate model.h5 micrograph.png --otsu 2
  davegan evaluate model.h5 scan.h5 /phase --output figures.h5
  davegan evaluate model.h5 micrograph.png --otsu 2 --json > figures.json")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    micrograph: MicrographArguments,
    /// Evaluate this phase alone
    #[arg(long, value_name = "P")]
    phase: Option<u8>,
    /// Write the table to an HDF5 file too, a group phase_P for each phase, of volumes phase_P_z, phase_P_y and phase_P_x
    #[arg(long, short, value_name = "FILE.h5")]
    output: Option<PathBuf>,
    /// Write the reconstructions of the training tiles to the dataset reconstructed of an HDF5 file
    #[arg(long, value_name = "FILE.h5")]
    reconstructions: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// The results of one phase, of volumes for planes across one axis.
#[derive(Serialize)]
struct Judgement {
    phase: u8,
    /// z, y or x.
    axis: Option<&'static str>,
    figures: Map<String, Value>,
    gates: Vec<Gate>,
    n_gates: usize,
    n_holding: usize,
}

impl Judgement {
    fn new(fidelity: &Fidelity, axis: Option<&'static str>) -> Self {
        let gates = fidelity.gates();
        Self {
            phase: fidelity.phase,
            axis,
            figures: fidelity.figures().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
            n_gates: gates.len(),
            n_holding: gates.iter().filter(|gate| gate.holds).count(),
            gates,
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (model, micrographs) = (arguments.model.load()?, arguments.micrograph.open_all()?);
    let micrographs = Directions::new(micrographs.iter().collect())?;
    model.check_count(&micrographs)?;
    warn_of_other_micrographs(&model, &micrographs);
    if let Some(path) = &arguments.reconstructions {
        write_phase_images(path, "reconstructed", &reconstruct(&model, &model.tiles)?, Mode::Replace)?;
    }
    let options = arguments.model.realisations();
    let mut progress = progress::follow("evaluating")?;
    let phases = arguments.phase.map_or_else(|| micrographs.across(0).images.judged_phases(), |phase| vec![phase]);
    let axes = if model.profile.axes() == 2 { vec![None] } else { AXES.map(Some).to_vec() };
    let mut judgements = Vec::new();
    for (phase, (number, &axis)) in
        phases.iter().flat_map(|phase| axes.iter().enumerate().map(move |axis| (phase, axis)))
    {
        let figures = model_fidelity(
            &model,
            micrographs.across(number),
            *phase,
            number,
            &options,
            progress::INTERVAL,
            &mut progress,
        )?;
        if arguments.json {
            judgements.push(Judgement::new(&figures, axis));
        } else {
            let across = axis.map_or_else(String::new, |axis| format!(", planes across {axis}"));
            print(&format!("phase {phase}{across}\n{}", figures.table()))?;
        }
        if let Some(path) = &arguments.output {
            let group = axis.map_or_else(|| format!("phase_{phase}"), |axis| format!("phase_{phase}_{axis}"));
            write_fidelity(path, &group, &figures)?;
        }
    }
    if arguments.json { print_json(&judgements) } else { Ok(()) }
}
