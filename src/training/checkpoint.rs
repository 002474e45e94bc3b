//! A checkpoint: the model and the state needed to resume.

use burn_tensor::Device as BurnDevice;

use super::options::TrainingOptions;
use super::state::{HISTORY_INTERVAL, TrainingState};
use crate::error::counted;
#[cfg(test)]
use crate::micrograph::Micrograph;
use crate::micrograph::PhaseImages;
use crate::model::{Direction, Kept, LossRow, Model, Origin, PositionBiases, TrainingRecord};
use crate::progress::Losses;
use crate::relaxation::Weights;
use crate::{Error, Result};

/// State of a training.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Training options.
    pub options: TrainingOptions,
    /// Which micrograph it is.
    pub origin: Origin,
    /// Tiles of the micrograph, `(n, 1, side, side)`.
    pub tiles: PhaseImages,
    /// Further micrographs, of the planes of volumes across other axes.
    pub further: Vec<Direction>,
    /// Losses so far.
    pub history: Vec<LossRow>,
    /// Networks and optimisers.
    pub state: TrainingState,
    /// What is added to the logits of realisations: of a fully convolutional model, once it is trained.
    pub position_biases: Option<PositionBiases>,
    /// How realisations are relaxed: of a fully convolutional model, once it is trained.
    pub relaxation: Option<Weights>,
}

impl Checkpoint {
    /// A training that has not begun: random weights.
    pub(crate) fn new(options: TrainingOptions, mut micrographs: Vec<Direction>, device: &BurnDevice) -> Self {
        let n_phases = micrographs[0].tiles.n_phases();
        let state = TrainingState::new(&options, n_phases, micrographs.len(), device);
        let Direction { origin, tiles } = micrographs.remove(0);
        let further = micrographs;
        Self { options, origin, tiles, further, history: Vec::new(), state, position_biases: None, relaxation: None }
    }

    /// A training on one micrograph that has not begun, on the CPU.
    #[cfg(test)]
    pub(crate) fn untrained(options: TrainingOptions, micrograph: &Micrograph) -> Self {
        let direction = Direction::new(micrograph, options.side()).unwrap();
        Self::new(options, vec![direction], &BurnDevice::flex())
    }

    /// The micrographs, first to last.
    fn origins(&self) -> impl Iterator<Item = &Origin> {
        [&self.origin].into_iter().chain(self.further.iter().map(|direction| &direction.origin))
    }

    /// Volume fractions of the tiles, each direction counting alike.
    pub(super) fn volume_fractions(&self) -> Vec<f64> {
        let of_each = [&self.tiles].into_iter().chain(self.further.iter().map(|direction| &direction.tiles));
        let of_each: Vec<Vec<f64>> = of_each.map(PhaseImages::volume_fractions).collect();
        // With two micrographs the second counts for two of three directions.
        let mean = |phase: usize| (0..3).map(|axis| of_each[axis.min(of_each.len() - 1)][phase]).sum::<f64>() / 3.0;
        (0..self.tiles.n_phases()).map(mean).collect()
    }

    /// Steps that the training is to have.
    pub fn steps_planned(&self) -> u64 {
        self.options.total_steps(self.tiles.len())
    }

    /// Whether nothing is left to do: no step, and no calibration of position biases and relaxation.
    pub fn is_finished(&self) -> bool {
        let is_calibrated = self.relaxation.is_some() || !self.options.profile.is_fully_convolutional();
        self.state.step == self.steps_planned() && is_calibrated
    }

    /// The model: the networks of the last step, with averaged weights if there are any.
    pub fn model(&self) -> Model {
        Model {
            profile: self.options.profile,
            latent_size: self.options.latent_count(),
            origin: self.origin.clone(),
            tiles: self.tiles.clone(),
            further: self.further.clone(),
            position_biases: self.position_biases.clone(),
            relaxation: self.relaxation.clone(),
            record: TrainingRecord {
                options: self.options.to_text(),
                seed: self.options.seed,
                steps: self.state.step,
                steps_planned: self.steps_planned(),
                history: self.history.clone(),
                library_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            encoder: self.state.encoder.as_ref().map(|encoder| encoder.network.clone()),
            generator: self.state.averaged_or_last().clone(),
            kept: Kept::default(),
        }
    }

    /// The last row of the loss history, if there is one.
    pub(super) fn last_losses(&self) -> Option<Losses> {
        self.history.last().map(|row| row.losses)
    }

    /// Checks that the losses since the last row of the loss history are finite, so that it is worth saving.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if not, [`Error::Device`] if they cannot be read back.
    pub(super) fn check_finite(&self) -> Result<()> {
        let pending = self.state.step % HISTORY_INTERVAL;
        if pending > 0 {
            self.state.mean_losses(pending, self.state.step + 1 - pending)?;
        }
        Ok(())
    }

    /// Checks that training with `options` on these micrographs continues this training.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the first difference, or that there are more steps than asked for.
    pub(super) fn check_resumable(&self, options: &TrainingOptions, micrographs: &[Direction]) -> Result<()> {
        let origins: Vec<&Origin> = self.origins().collect();
        if origins.len() != micrographs.len() {
            return Err(Error::invalid(format!(
                "the training to resume was on {}, but {} given; resume with those micrographs, or choose another model \
                 file",
                counted(origins.len(), "micrograph"),
                if micrographs.len() == 1 { "one is".to_owned() } else { format!("{} are", micrographs.len()) }
            )));
        }
        let mut pairs = origins.into_iter().zip(micrographs.iter().map(|direction| &direction.origin));
        if let Some((trained, given)) = pairs.find(|(trained, given)| trained.digest != given.digest) {
            return Err(Error::invalid(format!(
                "the training to resume was on {}, whose phases are not those of {} as it is read now; give that micrograph with \
                 the same region of interest, thresholds and so on, or choose another model file",
                trained.source, given.source
            )));
        }
        if let Some(difference) = self.options.first_difference(options) {
            return Err(Error::invalid(format!(
                "the model file was trained with {difference} was given; give the same value or choose another model file"
            )));
        }
        let total = options.total_steps(self.tiles.len());
        if self.state.step > total {
            return Err(Error::invalid(format!(
                "the training to resume has had {} already, more than the {total} asked for; ask for more, or \
                 choose another model file",
                counted(self.state.step, "step")
            )));
        }
        Ok(())
    }
}
