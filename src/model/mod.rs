//! A trained model: what training gives and generation takes.

mod position_biases;

use std::sync::OnceLock;

use burn_tensor::Device as BurnDevice;
use ndarray::Array2;
pub use position_biases::PositionBiases;
use sha2::{Digest, Sha256};

use crate::device::{KeptPool, Workers};
use crate::error::counted;
use crate::micrograph::{Directions, Micrograph, PhaseImages, Source, VoxelSize, tiles};
use crate::network::{Network, Profile};
use crate::progress::Losses;
use crate::relaxation::Weights;
use crate::{Error, Result};

/// Which micrograph a model was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Where it comes from.
    pub source: Source,
    /// The value in the micrograph of each phase, `n_phases` values.
    pub phase_values: Vec<f64>,
    /// Side of a pixel of the micrograph, if it is known.
    pub voxel_size: Option<VoxelSize>,
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
        let digest = format!("{:x}", hash.finalize());
        Self {
            source: micrograph.source.clone(),
            phase_values: micrograph.phase_values.clone(),
            voxel_size: micrograph.voxel_size,
            digest,
        }
    }
}

/// A further micrograph of a training: what the planes of volumes across other axes look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// The micrograph.
    pub origin: Origin,
    /// Its tiles, `(n, 1, side, side)`.
    pub tiles: PhaseImages,
}

impl Direction {
    /// A micrograph with its tiles of `side` x `side` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the micrograph is smaller than a tile.
    pub(crate) fn new(micrograph: &Micrograph, side: usize) -> Result<Self> {
        Ok(Self { tiles: tiles(&micrograph.images, side)?, origin: Origin::new(micrograph) })
    }
}

/// One row of the loss history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossRow {
    /// The last step of the mean.
    pub step: u64,
    /// Means since the row before.
    pub losses: Losses,
}

/// A record of the training. Generation needs nothing of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingRecord {
    /// The training options, as TOML.
    pub options: String,
    /// Seed of the training.
    pub seed: u64,
    /// Training steps done.
    pub steps: u64,
    /// Training steps planned; more than `steps` if training was interrupted.
    pub steps_planned: u64,
    /// Losses in the order of steps.
    pub history: Vec<LossRow>,
    /// Version of the library that trained.
    pub library_version: String,
}

/// What calls on a model leave to later ones: all of it follows from the model, but takes longer than a small realisation.
///
/// Filled when it is first asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// Threads, which end with the model.
    pub workers: Workers,
    /// The generator in the form that is fastest for generation.
    pub generator: OnceLock<Network>,
    /// The same in two parts, for patches of large tori.
    pub generator_parts: OnceLock<[Network; 2]>,
    /// How volume fractions follow the latents, `(phase, latent)`.
    pub slopes: OnceLock<Array2<f64>>,
}

/// A model that generates realisations. Reading it from many threads at once is safe.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its architecture.
    pub profile: Profile,
    /// Latents of an image of the size of a training tile.
    pub latent_size: usize,
    /// What it was trained on.
    pub origin: Origin,
    /// Tiles it was trained on, `(n, 1, side, side)`.
    pub tiles: PhaseImages,
    /// The same of further micrographs, of the planes of volumes across other axes.
    pub further: Vec<Direction>,
    /// What is added to the logits of its realisations, if it is fully convolutional.
    pub position_biases: Option<PositionBiases>,
    /// How realisations of a fully convolutional model are relaxed.
    pub relaxation: Option<Weights>,
    /// How it was trained.
    pub record: TrainingRecord,
    /// Image to mean and log variance of the latent vector; volumes have none.
    pub(crate) encoder: Option<Network>,
    /// Latent vector to logits.
    pub(crate) generator: Network,
    /// What calls leave to later ones.
    pub(crate) kept: Kept,
}

impl Model {
    /// Where its networks are.
    pub(crate) fn device(&self) -> BurnDevice {
        self.generator.parameters.device()
    }

    /// A pool of `threads` threads, which is kept for the next call; 0: as many as
    /// [`thread_pool`](crate::device::thread_pool) takes.
    pub(crate) fn thread_pool(&self, threads: usize) -> Result<KeptPool<'_>> {
        self.kept.workers.pool(threads)
    }

    /// The generator in the form that is fastest for generation.
    pub(crate) fn fast_generator(&self) -> &Network {
        self.kept.generator.get_or_init(|| self.generator.for_inference())
    }

    /// Number of phases, 2 to 8.
    pub fn n_phases(&self) -> usize {
        self.tiles.n_phases()
    }

    /// Shape of its realisations if no other is asked for, `[nz, ny, nx]` in voxels: the side of training tiles along
    /// each axis.
    pub fn shape(&self) -> [usize; 3] {
        let side = self.side();
        [if self.profile.axes() == 2 { 1 } else { side }, side, side]
    }

    /// Side of its training tiles in pixels.
    pub fn side(&self) -> usize {
        self.tiles.shape()[1]
    }

    /// Side of the grid of latent vectors of a realisation of the side of a tile.
    pub fn latent_side(&self) -> usize {
        self.profile.latent_side(self.side())
    }

    /// Number of its cells, each with a latent vector.
    pub fn latent_cells(&self) -> usize {
        self.latent_side().pow(self.profile.axes() as u32)
    }

    /// The tiles of planes across each axis.
    pub(crate) fn tiles_by_direction(&self) -> Directions<'_> {
        self.by_direction(&self.tiles, |direction| &direction.tiles)
    }

    /// Whether its training is finished: no step is left, and no calibration of the relaxation.
    pub fn is_finished(&self) -> bool {
        let is_calibrated = self.relaxation.is_some() || !self.profile.is_fully_convolutional();
        self.record.steps == self.record.steps_planned && is_calibrated
    }

    /// The origin of the tiles of planes across each axis.
    pub(crate) fn origins(&self) -> Directions<'_, Origin> {
        self.by_direction(&self.origin, |direction| &direction.origin)
    }

    fn by_direction<'a, T>(&'a self, first: &'a T, of: impl Fn(&'a Direction) -> &'a T) -> Directions<'a, T> {
        Directions::new([first].into_iter().chain(self.further.iter().map(of)).collect())
            .expect("a training has one to three micrographs")
    }

    /// Refuses several micrographs beside a model of images.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] with their number.
    pub fn check_count(&self, micrographs: &Directions<Micrograph>) -> Result<()> {
        let count = micrographs.count();
        if count == 1 || self.profile.axes() == 3 {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{count} micrographs for a model of profile {}, which makes images; give the one that it was trained on",
            self.profile.name()
        )))
    }

    /// Whether `micrograph` is the one that it was trained on, of volumes the one of planes across `axis`, 0 to 2 for z, y and x.
    pub fn is_trained_on(&self, micrograph: &Micrograph, axis: usize) -> bool {
        Origin::new(micrograph).digest == self.origins().across(axis).digest
    }

    /// Checks that `images` can be micrographs of the material that it has learned.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if they have another number of phases, or are smaller than a realisation.
    pub fn check_material(&self, images: &PhaseImages) -> Result<()> {
        let ([nz, ny, nx], side) = (images.shape(), self.side());
        if images.n_phases() != self.n_phases() {
            return Err(Error::invalid(format!(
                "the micrograph has {}, the model {}; give the micrograph that the model was trained on",
                counted(images.n_phases(), "phase"),
                self.n_phases()
            )));
        }
        if nz != 1 || ny < side || nx < side {
            return Err(Error::invalid(format!(
                "the micrograph has {nz} x {ny} x {nx} voxels, but must be two-dimensional and at least {side} x {side} pixels"
            )));
        }
        Ok(())
    }
}
