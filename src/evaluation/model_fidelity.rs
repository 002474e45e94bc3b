//! Fidelity of a model: its realisations and reconstructions, compared with a micrograph; and the paper's error measures, E_rec
//! and E_gen (Section 4.1).

use super::planes::{STEP, check_axis, judged_planes};
use super::{Fidelity, PARTS, evaluate, floor_windows};
use crate::Result;
use crate::descriptor::{DescriptorErrors, check_phase, generation_error, reconstruction_error};
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::micrograph::{Micrograph, PhaseImages};
use crate::model::Model;
use crate::progress::{ProgressCallback, in_parts};

/// Computes the figures of `phase` for realisations of a model, of volumes for planes across `axis`: 0 to 2 for z, y and x.
///
/// Of a volume every eighth plane is judged, and `count` of `options` is that of planes. `options` selects at least 32 realisations, 256 for a verdict. The windows of the micrograph are those of
/// [`floor_windows`] for the seed of `options`. E_rec is judged only if the model was trained on `micrograph`.
/// `progress` is called on this thread after a part of the work, at most every `progress_interval` seconds; its steps
/// are those parts, which take unequal times.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for an axis that there is not, an option out of range, a micrograph that is too
/// small or has another number of phases than the model, and what [`evaluate`] refuses;
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if the realisations do not fit into memory;
/// [`Error::Cancelled`](crate::Error::Cancelled) if `progress` asked to stop.
pub fn model_fidelity(
    model: &Model,
    micrograph: &Micrograph,
    phase: u8,
    axis: usize,
    options: &GenerationOptions,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<Fidelity> {
    check_axis(axis, model.profile.axes() == 3, || format!("this is a model of profile {}", model.profile.name()))?;
    options.validate()?;
    options.check_tile_size(model)?;
    model.check_material(&micrograph.images)?;
    let windows_at = floor_windows(&micrograph.images, model.side(), options.seed)?;
    let pool = model.thread_pool(options.threads)?;
    in_parts("judging", &pool, 1 + PARTS, progress_interval, progress, |done| {
        let made = made_images(model, axis, options)?;
        let is_reconstructed = model.encoder.is_some() && model.is_trained_on(micrograph, axis);
        let reconstructions = is_reconstructed.then(|| reconstruct(model, &model.tiles)).transpose()?;
        done()?;
        evaluate(&micrograph.images, &made, reconstructions.as_ref(), phase, &windows_at, done)
    })
}

/// The realisations of `options`, or as many planes across an axis of volumes.
fn made_images(model: &Model, axis: usize, options: &GenerationOptions) -> Result<PhaseImages> {
    if model.profile.axes() == 2 {
        return realisations(model, options);
    }
    Ok(judged_planes(&judged_volumes(model, options)?, axis, options.count))
}

/// As many volumes as have the planes that `options` count.
///
/// # Errors
///
/// Those of [`realisations`].
pub(crate) fn judged_volumes(model: &Model, options: &GenerationOptions) -> Result<PhaseImages> {
    realisations(model, &GenerationOptions { count: n_judged_volumes(model, options), ..options.clone() })
}

/// Number of these volumes.
pub(crate) fn n_judged_volumes(model: &Model, options: &GenerationOptions) -> usize {
    options.count.div_ceil(model.side().div_ceil(STEP))
}

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
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase, and those of [`realisations`].
pub fn model_errors(model: &Model, phase: Option<u8>, options: &GenerationOptions) -> Result<ModelErrors> {
    let phase = phase.unwrap_or_else(|| model.tiles.minority_phase());
    check_phase(&model.tiles, phase)?;
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

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::micrograph::testing::field;
    use crate::network::Profile;
    use crate::training::{Checkpoint, TrainingOptions};

    #[test]
    fn reconstructions_are_judged_only_for_the_micrograph_of_the_training() {
        let (own, other) = (field(1, 64, 64), field(2, 64, 64));
        let model = Checkpoint::untrained(TrainingOptions::new(Profile::Paper32), &own).model();
        let options = GenerationOptions { count: 32, threads: 1, ..GenerationOptions::default() };
        let judged = |of, axis| model_fidelity(&model, of, 1, axis, &options, 0.0, &mut |_| ControlFlow::Continue(()));
        assert_eq!(judged(&own, 0).unwrap().gates().len(), 16);
        assert_eq!(judged(&other, 0).unwrap().gates().len(), 15);
        let message = judged(&own, 2).unwrap_err().to_string();
        assert!(message.contains("axis = 2") && message.contains("profile paper32"), "{message}");
    }
}
