//! `davegan report`: a page of HTML about a model, and a picture.

use std::path::PathBuf;

use clap::Args;
use davegan::Result;
use davegan::micrograph::Directions;
use davegan::report::{contact_sheet, html_report};

use crate::arguments::{MicrographArguments, ModelArguments, warn_of_other_micrographs};
use crate::{print, progress};

/// Write a report on a model: whether its realisations may be taken for the material
///
/// Of volumes, planes across each axis are compared with the micrograph, or with that of their direction.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan report model.h5 micrograph.png --otsu 2 --output report.html
  davegan report model.h5 scan.h5 /phase --contact-sheet sheet.png
  davegan report volumes.h5 xy.png --across-y xz.png --across-x yz.png")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    micrograph: MicrographArguments,
    /// Page for a browser
    #[arg(long, short, value_name = "FILE.html", default_value = "report.html")]
    output: PathBuf,
    /// Write a picture of training tiles, reconstructions and realisations too, of a model of volumes of tiles and a cube
    #[arg(long, value_name = "FILE.png")]
    contact_sheet: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let (model, micrographs) = (arguments.model.load()?, arguments.micrograph.open_all()?);
    let micrographs = Directions::new(micrographs.iter().collect())?;
    warn_of_other_micrographs(&model, &micrographs);
    let options = arguments.model.realisations();
    let mut progress = progress::follow("report")?;
    html_report(&model, micrographs, &arguments.output, &options, progress::INTERVAL, &mut progress)?;
    if let Some(path) = &arguments.contact_sheet {
        contact_sheet(&model, path, &options)?;
    }
    print(&format!("wrote {}\n", arguments.output.display()))
}
