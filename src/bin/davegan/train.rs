//! `davegan train`: a model from a micrograph.

use std::path::PathBuf;

use clap::Args;
use davegan::network::Profile;
use davegan::storage::train_to_file;
use davegan::training::{RunOptions, TrainingOptions, warnings};
use davegan::{Error, Result};

use crate::arguments::{Machine, MicrographArguments, describe};
use crate::{print, progress};

/// Train a model on one micrograph
///
/// Prints the phases that were found, then trains. Ctrl-C stops and saves the work so far, and --resume continues it. The
/// model depends on the micrograph, the training options and the seed alone.
#[derive(Args)]
#[command(args_override_self = true, allow_negative_numbers = true)]
pub struct Arguments {
    #[command(flatten)]
    micrograph: MicrographArguments,
    /// Model file
    #[arg(long, short, value_name = "FILE.h5", default_value = "model.h5")]
    model: PathBuf,
    /// Continue the training of the model file, if there is one
    #[arg(long)]
    resume: bool,
    /// standard, or the paper's networks and hyperparameters: paper32 or paper64
    #[arg(long, value_parser = profile, default_value = "standard", help_heading = "Training")]
    profile: Profile,
    /// Training steps [default: that of the profile]
    #[arg(long, value_name = "N", help_heading = "Training")]
    steps: Option<u64>,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    seed: u64,
    /// Tiles in a training step [default: that of the profile]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch_size: Option<usize>,
    /// Length of the latent vector [default: that of the profile]
    #[arg(long, value_name = "N", help_heading = "Training")]
    latent_size: Option<usize>,
    /// Weight of the Kullback-Leibler divergence, Eq. 1 of the paper [default: that of the profile]
    #[arg(long, value_name = "X", help_heading = "Training")]
    beta: Option<f64>,
    /// Weight of the reconstruction in the generator's loss, Eq. 7 [default: that of the profile]
    #[arg(long, value_name = "X", help_heading = "Training")]
    lambda_rec: Option<f64>,
    /// Points that the paper leaves open, such as discriminator_head_normalised=0; for paper32 and paper64
    #[arg(long, value_name = "NAME=VALUE,...", default_value = "", help_heading = "Training")]
    paper_options: String,
    #[command(flatten)]
    machine: Machine,
}

fn profile(name: &str) -> std::result::Result<Profile, String> {
    Profile::from_name(name).ok_or_else(|| "choose standard, paper32 or paper64".into())
}

impl Arguments {
    fn options(&self) -> Result<TrainingOptions> {
        let of_profile = TrainingOptions::new(self.profile);
        let mut options = TrainingOptions {
            seed: self.seed,
            steps: self.steps.unwrap_or(of_profile.steps),
            batch_size: self.batch_size.unwrap_or(of_profile.batch_size),
            latent_size: self.latent_size.unwrap_or(of_profile.latent_size),
            beta: self.beta.unwrap_or(of_profile.beta),
            lambda_rec: self.lambda_rec.unwrap_or(of_profile.lambda_rec),
            ..of_profile
        };
        options.set_paper_options(&self.paper_options)?;
        Ok(options)
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let options = arguments.options()?;
    options.validate()?;
    let micrograph = arguments.micrograph.open()?;
    let mut progress = progress::follow("training")?;
    print(&describe(&micrograph))?;
    for warning in warnings(&micrograph.images, &options) {
        eprintln!("davegan: warning: {warning}");
    }
    let run = RunOptions {
        device: arguments.machine.device,
        threads: arguments.machine.threads,
        resume: arguments.resume,
        ..RunOptions::default()
    };
    match train_to_file(&micrograph, Some(&arguments.model), &options, &run, &mut progress) {
        Err(Error::Cancelled(reason)) => Err(Error::Cancelled(format!("{reason} (--resume)"))),
        other => other,
    }?;
    print(&format!("wrote {}\n", arguments.model.display()))
}
