//! The model, the micrograph and all images of a report.

use crate::Result;
use crate::error::Error;
use crate::evaluation::{floor_windows, judged_planes};
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::micrograph::{AXES, Micrograph, PhaseImages, windows};
use crate::model::Model;

/// Maximum number of images that a descriptor is averaged over.
const MOST: usize = 256;

/// Minimum number of images for a standard deviation.
const FEWEST_FOR_SPREAD: usize = 8;

/// A model, a micrograph, and images that the model generates, or planes of its volumes across one axis.
pub(super) struct Subject<'a> {
    /// The model that is judged.
    pub model: &'a Model,
    /// The micrograph it is compared with.
    pub micrograph: &'a Micrograph,
    /// Whether the model was trained on it.
    pub own_micrograph: bool,
    /// The options of the realisations.
    pub options: &'a GenerationOptions,
    /// The axis that planes of volumes are across, 0 to 2 for z, y and x.
    pub across: Option<usize>,
    /// The realisations, or planes of them.
    pub realisations: PhaseImages,
    /// Reconstructions of all training tiles, if the model has an encoder.
    pub reconstructions: Option<PhaseImages>,
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
        let made = realisations(model, options)?;
        let reconstructions = Some(reconstruct(model, &model.tiles)?);
        Ok(Self { reconstructions, ..Self::with(model, micrograph, options, None, made)? })
    }

    /// Planes of `volumes` across an axis, as many as `options` count, beside the micrograph that shows such planes.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if there is too little memory.
    pub fn of_planes(
        model: &'a Model,
        micrograph: &'a Micrograph,
        options: &'a GenerationOptions,
        axis: usize,
        volumes: &PhaseImages,
    ) -> Result<Self> {
        Self::with(model, micrograph, options, Some(axis), judged_planes(volumes, axis, options.count))
    }

    fn with(
        model: &'a Model,
        micrograph: &'a Micrograph,
        options: &'a GenerationOptions,
        across: Option<usize>,
        realisations: PhaseImages,
    ) -> Result<Self> {
        let side = model.side();
        let windows_at = reason(floor_windows(&micrograph.images, side, options.seed))?;
        let (real, real_name) = match &windows_at {
            Ok(places) => (windows(&micrograph.images, places, side)?, "real window"),
            Err(_) => (first(model.tiles_by_direction().across(across.unwrap_or(0)), MOST), "training tile"),
        };
        Ok(Self {
            model,
            micrograph,
            own_micrograph: model.is_trained_on(micrograph, across.unwrap_or(0)),
            options,
            across,
            realisations,
            reconstructions: None,
            real,
            real_name,
            windows_at,
            phases: micrograph.images.judged_phases(),
        })
    }

    /// The axis that planes of volumes are across; z for images.
    pub fn axis(&self) -> usize {
        self.across.unwrap_or(0)
    }

    /// The axes along which rows follow one another, and columns.
    pub fn rows_and_columns(&self) -> [&'static str; 2] {
        [[1, 2], [0, 2], [0, 1]][self.axis()].map(|axis: usize| AXES[axis])
    }

    /// What is compared with real images.
    pub fn made_name(&self) -> &'static str {
        if self.across.is_some() { "plane" } else { "realisation" }
    }

    /// What is said of the planes behind the name of a phase or a section; nothing of images.
    pub fn planes(&self) -> String {
        planes(self.across)
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

/// ", planes across z", or nothing of images.
pub(super) fn planes(across: Option<usize>) -> String {
    across.map_or_else(String::new, |axis| format!(", planes across {}", AXES[axis]))
}

/// The first images, at most `most` of them.
pub(super) fn first(images: &PhaseImages, most: usize) -> PhaseImages {
    images.range(0, images.len().min(most))
}
