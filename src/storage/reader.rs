//! Reading model and checkpoint files: a file is whole, with every part in its range, or refused.

use std::path::Path;

use super::Container;
use super::checkpoint_file::state_of;
use super::model_file::model_of;
use super::parts::Parts;
use crate::model::Model;
use crate::training::{Checkpoint, TrainingOptions, TrainingState};
use crate::{Device, Error, Result};

/// Reads the model of the file at `path` and puts its networks on `device`. What else a checkpoint holds is not read; the
/// checksum covers it.
///
/// # Errors
///
/// Those of [`Container::read`], [`Error::Format`] if a part is missing, unknown, out of its range or does not fit the
/// others, and [`Error::Device`] if this build has no such device.
pub fn read_model(path: &Path, device: Device) -> Result<Model> {
    let device = device.open()?;
    Ok(whole(path, Container::read_without("training", path)?, &device)?.0)
}

/// Reads the model of the file at `path` on the CPU, and whether training can go on from the file.
pub(super) fn read_described(path: &Path) -> Result<(Model, bool)> {
    let (model, _, state) = whole(path, Container::read(path)?, &Device::Cpu.open()?)?;
    Ok((model, state.is_some()))
}

/// Reads the checkpoint in the file at `path` and puts its networks on `device`.
///
/// # Errors
///
/// Those of [`read_model`], and [`Error::Format`] if the file holds a model alone.
pub fn read_checkpoint(path: &Path, device: Device) -> Result<Checkpoint> {
    let device = device.open()?;
    let (model, options, state) = whole(path, Container::read(path)?, &device)?;
    let state = state.ok_or_else(|| {
        let reason = "the file holds a model alone: it generates, but training cannot go on from it; resume from a file \
                      that training wrote, or train anew";
        Error::format(path, reason)
    })?;
    let Model { origin, tiles, further, record, position_biases, relaxation, .. } = model;
    Ok(Checkpoint { options, origin, tiles, further, history: record.history, state, position_biases, relaxation })
}

/// Everything in a file; a model alone has no state of a training.
fn whole(
    path: &Path,
    file: Container,
    device: &burn_tensor::Device,
) -> Result<(Model, TrainingOptions, Option<TrainingState>)> {
    let mut parts = Parts::new(path, file)?;
    let (model, options) = model_of(&mut parts, device)?;
    let state = parts.has_arrays("training/").then(|| state_of(&mut parts, &options, &model, device)).transpose()?;
    parts.finish()?;
    Ok((model, options, state))
}

#[cfg(test)]
mod tests;
