//! `davegan train`: a model from a micrograph.

use std::path::{Path, PathBuf};

use clap::Args;
use davegan::micrograph::Directions;
use davegan::network::Profile;
use davegan::storage::{self, Description, train_to_file};
use davegan::training::{RunOptions, TrainingOptions};
use davegan::{Error, Result};

use crate::arguments::{Machine, MicrographArguments, describe};
use crate::{print, progress};

/// Train a model on one micrograph, or one for each direction
///
/// Prints the phases that were found, then trains. Ctrl-C stops and saves the work so far, and --resume continues it. The
/// model depends on the micrograph, the training options and the seed alone.
#[derive(Args)]
#[command(args_override_self = true)]
#[command(after_help = "\
Examples:
  davegan train micrograph.png --otsu 2 --roi 0,0,512,400
  davegan train scan.h5 /phase --model model.h5 --steps 8000 --voxel-size 0.25um
  davegan train scan.h5 /phase --model model.h5 --resume
  davegan train micrograph.tif --profile volume --model volume.h5")]
pub struct Arguments {
    #[command(flatten)]
    micrograph: MicrographArguments,
    /// Model file
    #[arg(long, short, value_name = "FILE.h5", default_value = "model.h5")]
    model: PathBuf,
    /// Continue the training of the model file, if there is one
    #[arg(long)]
    resume: bool,
    /// standard for images, volume for volumes, or the paper's networks and hyperparameters: paper32 or paper64
    #[arg(long, value_parser = profile, default_value = "standard", help_heading = "Training")]
    profile: Profile,
    /// Training steps [default: that of the profile]
    #[arg(long, value_name = "N", help_heading = "Training")]
    steps: Option<u64>,
    /// Side of training windows in pixels: 32, 64, 128 or 256 [default: as the correlation length asks for]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, help_heading = "Training")]
    window_side: usize,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    seed: u64,
    #[command(flatten)]
    hyperparameters: Hyperparameters,
    /// Points that the paper leaves open, such as displacement=1,latent_augmentation=0; for paper32 and paper64
    #[arg(
        long,
        value_name = "NAME=VALUE,...",
        default_value = "",
        hide_default_value = true,
        help_heading = "Training"
    )]
    paper_options: String,
    #[command(flatten)]
    machine: Machine,
}

fn profile(name: &str) -> std::result::Result<Profile, String> {
    Profile::from_name(name).ok_or_else(|| "choose standard, volume, paper32 or paper64".into())
}

/// Hyperparameters of the paper's Table 1; those that are not given are the profile's.
#[derive(Args)]
#[command(next_help_heading = "Hyperparameters [default: those of the profile]")]
struct Hyperparameters {
    /// Tiles in a training step
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Length of the latent vector
    #[arg(long, value_name = "N")]
    latent_size: Option<usize>,
    /// Learning rate of the generator
    #[arg(long, value_name = "X")]
    learning_rate_generator: Option<f64>,
    /// Learning rate of the discriminator
    #[arg(long, value_name = "X")]
    learning_rate_discriminator: Option<f64>,
    /// Learning rate of the encoder
    #[arg(long, value_name = "X")]
    learning_rate_encoder: Option<f64>,
    /// Weight of the Kullback-Leibler divergence, Eq. 1
    #[arg(long, value_name = "X")]
    beta: Option<f64>,
    /// Weight of the adversarial loss of reconstructions, Eq. 7
    #[arg(long, value_name = "X")]
    lambda_vae: Option<f64>,
    /// Weight of the adversarial loss of realisations, Eq. 7
    #[arg(long, value_name = "X")]
    lambda_noise: Option<f64>,
    /// Weight of the reconstruction loss, Eq. 7
    #[arg(long, value_name = "X")]
    lambda_rec: Option<f64>,
}

impl Arguments {
    fn options(&self) -> Result<TrainingOptions> {
        let mut options = TrainingOptions::new(self.profile);
        let given = &self.hyperparameters;
        options.seed = self.seed;
        options.steps = self.steps.unwrap_or(options.steps);
        options.window_side = self.window_side;
        options.batch_size = given.batch_size.unwrap_or(options.batch_size);
        options.latent_size = given.latent_size.unwrap_or(options.latent_size);
        for (option, value) in [
            (&mut options.learning_rate_generator, given.learning_rate_generator),
            (&mut options.learning_rate_discriminator, given.learning_rate_discriminator),
            (&mut options.learning_rate_encoder, given.learning_rate_encoder),
            (&mut options.beta, given.beta),
            (&mut options.lambda_vae, given.lambda_vae),
            (&mut options.lambda_noise, given.lambda_noise),
            (&mut options.lambda_rec, given.lambda_rec),
        ] {
            *option = value.unwrap_or(*option);
        }
        options.set_paper_options(&self.paper_options)?;
        options.validate()?;
        Ok(options)
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let options = arguments.options()?;
    // Read first: who gives the model instead of a micrograph is told so.
    let micrographs = arguments.micrograph.open_all()?;
    arguments.micrograph.check_not(&arguments.model)?;
    let mut progress = progress::follow("training")?;
    for micrograph in &micrographs {
        let few_tiles = options.few_tiles(&micrograph.images).map(|warning| format!("warning: {warning}\n"));
        print(&(describe(micrograph) + few_tiles.as_deref().unwrap_or_default()))?;
    }
    if let Some(warning) = given_up(&arguments.model).filter(|_| !arguments.resume) {
        print(&warning)?;
    }
    let micrographs = Directions::new(micrographs.iter().collect())?;
    let run = RunOptions {
        device: arguments.machine.device,
        threads: arguments.machine.threads,
        resume: arguments.resume,
        ..RunOptions::default()
    };
    match train_to_file(micrographs, Some(&arguments.model), &options, &run, &mut progress) {
        Err(Error::Cancelled(reason)) if reason.ends_with("resume to go on") => {
            Err(Error::Cancelled(format!("{reason} (--resume)")))
        }
        other => other,
    }?;
    print(&format!("wrote {}\n", arguments.model.display()))
}

/// What is said of the training in the file at `path` that is replaced before it has ended.
fn given_up(path: &Path) -> Option<String> {
    let Ok(Description::Model(found)) = storage::describe(path) else { return None };
    let record = &found.model.record;
    (found.can_resume && !found.model.is_finished()).then(|| {
        format!(
            "warning: {} holds a training that was stopped after {} of {} steps, which this one replaces; --resume would go on with \
             it\n",
            path.display(),
            record.steps,
            record.steps_planned
        )
    })
}
