//! A trained, or partly trained, model: what training writes and generation reads.

use std::path::Path;

use burn_tensor::Device as BurnDevice;
use ndarray::Array4;
use sha2::{Digest, Sha256};

use crate::device::Device;
use crate::generation::Selection;
use crate::micrograph::{Micrograph, PhaseImages};
use crate::network::Network;
use crate::training::{LossHistory, Losses, Snapshot, TrainingOptions, TrainingState};
use crate::{Error, Result, storage};

/// Which micrograph a model was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// File and dataset, or the built-in sample.
    pub source: String,
    /// The value in the micrograph of each phase, `n_phases` values.
    pub phase_values: Vec<f64>,
    /// SHA-256 over shape and phases of the micrograph, in hexadecimal.
    pub digest: String,
}

impl Origin {
    /// Describes `micrograph`.
    pub fn new(micrograph: &Micrograph) -> Self {
        let mut hash = Sha256::new();
        let images = &micrograph.images;
        for length in images.shape().into_iter().chain([images.len(), images.n_phases()]) {
            hash.update((length as u64).to_le_bytes());
        }
        hash.update(images.as_slice());
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { source: micrograph.source.clone(), phase_values: micrograph.phase_values.clone(), digest }
    }
}

/// A model with everything that resuming its training needs. Reading it from many threads at once is safe.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it was trained with.
    pub options: TrainingOptions,
    /// What it was trained on.
    pub origin: Origin,
    /// Tiles it was trained on, `(n, 1, side, side)`.
    pub tiles: PhaseImages,
    /// Steps that the training was to have.
    pub steps_planned: u64,
    /// Losses so far.
    pub history: LossHistory,
    /// Networks and optimisers.
    pub state: TrainingState,
    /// The best networks so far, if training chooses.
    pub choice: Option<Choice>,
}

/// The last networks whose realisations were as like the micrograph as those of any step, but for chance.
#[derive(Debug, Clone)]
pub struct Choice {
    /// That step.
    pub step: u64,
    /// What the gates lacked together at least, after any step, over all phases that are judged.
    pub shortfall: f64,
    /// The encoder then.
    pub encoder: Snapshot,
    /// The generator then, as generation uses it.
    pub generator: Snapshot,
    /// Which of its candidates become realisations, if there are more than one for each.
    pub selection: Option<Selection>,
}

impl Model {
    /// A model with random weights.
    pub fn untrained(options: TrainingOptions, origin: Origin, tiles: PhaseImages, device: &BurnDevice) -> Self {
        let state = TrainingState::new(&options, tiles.n_phases(), device);
        let steps_planned = options.total_steps(tiles.len());
        Self { options, origin, tiles, steps_planned, history: LossHistory::new(), state, choice: None }
    }

    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if there is no such file, [`Error::Format`] if it is not a whole model file, [`Error::Device`] if
    /// this build has no such device.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        storage::read_model(path, &device.open()?)
    }

    /// Writes the model file, replacing an older one in one step. Equal models give equal bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if a loss is not finite, [`Error::Io`] or [`Error::Hdf5`] if the file cannot be written; the
    /// older file stays in both cases.
    pub fn save(&self, path: &Path) -> Result<()> {
        let pending = self.state.step % self.options.history_interval;
        if pending > 0 {
            Losses::mean(&self.state.loss_sums, pending, self.state.step)?;
        }
        storage::write_model(self, path)
    }

    /// The generator that realisations come from: the chosen one, else averaged weights if the model has them.
    pub fn generator(&self) -> Network {
        let snapshot = self.choice.as_ref().map(|choice| &choice.generator).or(self.state.average.as_ref());
        at(&self.state.generator.network, snapshot)
    }

    /// The encoder that belongs to it.
    pub fn encoder(&self) -> Network {
        at(&self.state.encoder.network, self.choice.as_ref().map(|choice| &choice.encoder))
    }

    /// How realisations are selected from candidates, if they are.
    pub fn selection(&self) -> Option<&Selection> {
        self.choice.as_ref()?.selection.as_ref()
    }

    /// Number of phases, 2 to 8.
    pub fn n_phases(&self) -> usize {
        self.tiles.n_phases()
    }

    /// Shape of its realisations, `[nz, ny, nx]` in voxels.
    pub fn shape(&self) -> [usize; 3] {
        self.tiles.shape()
    }

    /// `phases`, `n` images in the caller's memory, as images of this model.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the length is not that of `n` images, or a voxel is not a phase of the model.
    pub fn images(&self, phases: &[u8], n: usize) -> Result<PhaseImages> {
        let [nz, ny, nx] = self.shape();
        let given = phases.len();
        let phases = Array4::from_shape_vec((n, nz, ny, nx), phases.to_vec())
            .map_err(|_| Error::invalid(format!("{given} voxels are not {n} images of {nz} x {ny} x {nx} voxels")))?;
        PhaseImages::new(phases, self.n_phases())
    }

    /// Whether `micrograph` is the one that it was trained on.
    pub fn is_trained_on(&self, micrograph: &Micrograph) -> bool {
        Origin::new(micrograph).digest == self.origin.digest
    }

    /// Checks that `images` can be micrographs of the material that it has learned.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if they have another number of phases, or are smaller than a realisation.
    pub fn check_material(&self, images: &PhaseImages) -> Result<()> {
        let [nz, ny, nx] = images.shape();
        let side = self.options.profile.side();
        if images.n_phases() != self.n_phases() {
            return Err(Error::invalid(format!(
                "the micrograph has {} phases, the model {}; give the micrograph that the model was trained on",
                images.n_phases(),
                self.n_phases()
            )));
        }
        if nz != 1 || ny < side || nx < side {
            return Err(Error::invalid(format!(
                "a micrograph of {nz} x {ny} x {nx} voxels (z, y, x) and realisations of {side} x {side} pixels; give \
                 the micrograph that the model was trained on"
            )));
        }
        Ok(())
    }

    /// Checks that training with `options` on the micrograph of `origin` continues this model.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the first difference, or that the model has more steps than asked for.
    pub fn check_resumable(&self, path: &Path, options: &TrainingOptions, origin: &Origin) -> Result<()> {
        let path = path.display();
        if self.origin.digest != origin.digest {
            return Err(Error::invalid(format!(
                "{path} was trained on {}, whose phases are not those of {}; resume with that micrograph, or choose \
                 another model file",
                self.origin.source, origin.source
            )));
        }
        if let Some(difference) = self.options.first_difference(options) {
            return Err(Error::invalid(format!(
                "{path} was trained with {difference}; resume with that, or choose another model file"
            )));
        }
        let total = options.total_steps(self.tiles.len());
        if self.state.step > total {
            return Err(Error::invalid(format!(
                "{path} has {} training steps already, more than the {total} asked for; ask for more, or choose another \
                 model file",
                self.state.step
            )));
        }
        Ok(())
    }
}

/// A network with what it had learned at another time, if that is given.
fn at(network: &Network, snapshot: Option<&Snapshot>) -> Network {
    let mut network = network.clone();
    if let Some(Snapshot { parameters, statistics }) = snapshot {
        network.parameters = parameters.clone();
        network.statistics = statistics.clone();
    }
    network
}
