//! The model, the micrograph and all images of a report.

use crate::Result;
use crate::error::Error;
use crate::evaluation::floor_windows;
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::micrograph::{Micrograph, PhaseImages, windows};
use crate::model::Model;

/// Maximum number of images that a descriptor is averaged over.
const MOST: usize = 256;

/// Minimum number of images for a standard deviation.
const FEWEST_FOR_SPREAD: usize = 8;

/// A model, a micrograph, and images that the model generates.
pub(super) struct Subject<'a> {
    /// The model that is judged.
    pub model: &'a Model,
    /// The micrograph it is compared with.
    pub micrograph: &'a Micrograph,
    /// Whether the model was trained on it.
    pub own_micrograph: bool,
    /// The options of the realisations.
    pub options: &'a GenerationOptions,
    /// The realisations.
    pub realisations: PhaseImages,
    /// Reconstructions of all training tiles.
    pub reconstructions: PhaseImages,
    /// Images of the real material, of the size of a realisation.
    pub real: PhaseImages,
    /// What these images are called: windows of the micrograph or training tiles.
    pub real_name: &'static str,
    /// Positions of windows of the micrograph, or the reason why there are none.
    pub windows_at: std::result::Result<Vec<(usize, usize, usize)>, String>,
    /// The phases that are judged.
    pub phases: Vec<u8>,
}

impl<'a> Subject<'a> {
    /// Generates the realisations of `options` and the reconstructions.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the micrograph cannot be the material of the model, and those of
    /// [`realisations`].
    pub fn new(model: &'a Model, micrograph: &'a Micrograph, options: &'a GenerationOptions) -> Result<Self> {
        model.check_material(&micrograph.images)?;
        options.check_tile_size(model)?;
        let side = model.side();
        let windows_at = reason(floor_windows(&micrograph.images, side, options.seed))?;
        let (real, real_name) = match &windows_at {
            Ok(places) => (windows(&micrograph.images, places, side)?, "real window"),
            Err(_) => (first(&model.tiles, MOST), "training tile"),
        };
        Ok(Self {
            model,
            micrograph,
            own_micrograph: model.is_trained_on(micrograph),
            options,
            realisations: realisations(model, options)?,
            reconstructions: reconstruct(model, &model.tiles)?,
            real,
            real_name,
            windows_at,
            phases: micrograph.images.judged_phases(),
        })
    }

    /// The realisations that descriptors are averaged over.
    pub fn measured(&self) -> PhaseImages {
        first(&self.realisations, MOST)
    }

    /// Whether there are enough real images for a standard deviation.
    pub fn spread_is_known(&self) -> bool {
        self.real.len() >= FEWEST_FOR_SPREAD
    }
}

/// Converts [`Error::InvalidParameter`] to the reason why a part of the report is left out.
///
/// # Errors
///
/// All other errors.
pub(super) fn reason<T>(result: Result<T>) -> Result<std::result::Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Error::InvalidParameter(reason)) => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}

/// The first images, at most `most` of them.
pub(super) fn first(images: &PhaseImages, most: usize) -> PhaseImages {
    images.range(0, images.len().min(most))
}
