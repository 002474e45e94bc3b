//! Reading model and checkpoint files: a file is whole, with every part in its range, or refused.

use std::path::Path;

use super::Container;
use super::checkpoint_file::state_of;
use super::model_file::model_of;
use super::parts::Parts;
use crate::model::Model;
use crate::training::{BestCheckpoint, Checkpoint, TrainingOptions, TrainingState};
use crate::{Device, Error, Result};

/// Reads the model of the file at `path` and puts its networks on `device`. What else a checkpoint holds is checked too.
///
/// # Errors
///
/// Those of [`Container::read`], [`Error::Format`] if a part is missing, unknown, out of its range or does not fit the
/// others, and [`Error::Device`] if this build has no such device.
pub fn read_model(path: &Path, device: Device) -> Result<Model> {
    let device = device.open()?;
    Ok(whole(path, Container::read(path)?, &device)?.model)
}

/// Reads the checkpoint in the file at `path` and puts its networks on `device`.
///
/// # Errors
///
/// Those of [`read_model`], and [`Error::Format`] if the file holds a model alone.
pub fn read_checkpoint(path: &Path, device: Device) -> Result<Checkpoint> {
    let device = device.open()?;
    let Whole { model, options, state, smallest_shortfall } = whole(path, Container::read(path)?, &device)?;
    let state = state.ok_or_else(|| {
        let reason = "the file holds a model alone: it generates, but training cannot go on from it; resume from a file \
                      that training wrote, or train anew";
        Error::format(path, reason)
    })?;
    let Model { origin, tiles, record, selection, relaxation, encoder, generator, .. } = model;
    let best = record.best_step.zip(smallest_shortfall).map(|(step, smallest_shortfall)| BestCheckpoint {
        step,
        smallest_shortfall,
        selection,
        encoder,
        generator,
    });
    Ok(Checkpoint { options, origin, tiles, history: record.history, state, relaxation, best })
}

/// Everything in a file.
struct Whole {
    model: Model,
    options: TrainingOptions,
    /// Of a checkpoint.
    state: Option<TrainingState>,
    /// Of a checkpoint that validation chose.
    smallest_shortfall: Option<f64>,
}

fn whole(path: &Path, file: Container, device: &burn_tensor::Device) -> Result<Whole> {
    let mut parts = Parts::new(path, file)?;
    let (model, options) = model_of(&mut parts, device)?;
    let (mut state, mut smallest_shortfall) = (None, None);
    if parts.has_arrays("training/") {
        state = Some(state_of(&mut parts, &options, model.n_phases(), model.record.steps, device)?);
        smallest_shortfall = model.record.best_step.map(|_| parts.real("best_shortfall")).transpose()?;
    }
    parts.finish()?;
    Ok(Whole { model, options, state, smallest_shortfall })
}

#[cfg(test)]
mod tests;
