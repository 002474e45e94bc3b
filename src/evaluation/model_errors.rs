//! The paper's error measures of a model: E_rec and E_gen (Section 4.1).

use crate::descriptor::{DescriptorErrors, generation_error, reconstruction_error};
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::model::Model;
use crate::{Error, Result};

/// Error measures of a model for one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelErrors {
    /// The phase judged.
    pub phase: u8,
    /// E_rec: between each training tile and its reconstruction.
    pub reconstruction: DescriptorErrors,
    /// E_gen: between each realisation and the nearest training tile.
    pub generation: DescriptorErrors,
}

/// Computes E_rec over the training tiles and E_gen over the realisations of `options`.
///
/// For `phase` or, if none is given, the phase with the smallest volume fraction.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there is no such phase, and those of [`realisations`].
pub fn model_errors(model: &Model, phase: Option<u8>, options: &GenerationOptions) -> Result<ModelErrors> {
    let phase = phase.unwrap_or_else(|| model.tiles.minority_phase());
    if usize::from(phase) >= model.n_phases() {
        return Err(Error::invalid(format!("phase = {phase}; the model has phases 0 to {}", model.n_phases() - 1)));
    }
    options.check_tile_size(model)?;
    let realisations = realisations(model, options)?;
    model.thread_pool(options.threads)?.install(|| {
        let reconstructions = reconstruct(model, &model.tiles)?;
        Ok(ModelErrors {
            phase,
            reconstruction: reconstruction_error(&model.tiles, &reconstructions, phase)?,
            generation: generation_error(&realisations, &model.tiles, phase)?,
        })
    })
}
