//! The checkpoint file: a model file with a second part, from which training goes on.
//!
//! | name | what |
//! |---|---|
//! | `training/encoder/...`, `training/generator/...`, `training/discriminator/...` | the networks of the last step, and Adam's moments; a further discriminator for each further micrograph |
//! | `training/average/...` | moving average of the generator, if training has one |
//! | `training/loss_sums` | sums of the losses since the last row of the history |

use std::path::Path;

use burn_tensor::{Device as BurnDevice, Tensor};
use ndarray::Array1;

use super::kind::Kind;
use super::model_file::{check_finite, model_container, put_network};
use super::output::Output;
use super::parts::Parts;
use super::{Container, NamedArray};
use crate::Result;
use crate::model::Model;
use crate::network::{Architecture, read};
use crate::training::{Checkpoint, DISCRIMINATORS, TrainingOptions, TrainingState};

/// Writes the model of `checkpoint` and what going on with it needs to `path`, replacing an older file in one step.
///
/// # Errors
///
/// Those of [`Container::write`](super::Container::write), [`Error::Diverged`](crate::Error::Diverged) if a weight or
/// moment is not finite, and [`Error::Device`](crate::Error::Device) if the weights cannot be read back.
pub fn write_checkpoint(checkpoint: &Checkpoint, path: &Path) -> Result<()> {
    write_checkpoint_to(checkpoint, &mut Output::claim(path, Kind::Model)?)
}

/// [`write_checkpoint`] for a file that is claimed already.
pub(super) fn write_checkpoint_to(checkpoint: &Checkpoint, output: &mut Output) -> Result<()> {
    let file = checkpoint_container(checkpoint)?;
    check_finite(&file, checkpoint.state.step)?;
    file.write_to(output)
}

/// Both parts of the file.
pub(super) fn checkpoint_container(checkpoint: &Checkpoint) -> Result<Container> {
    let state = &checkpoint.state;
    let mut file = model_container(&checkpoint.model())?;
    put_vector(&mut file, "loss_sums", &state.loss_sums)?;
    for (name, learner) in state.learners() {
        put_network(&mut file, &format!("training/{name}"), &learner.network)?;
        put_vector(&mut file, &format!("{name}/adam/first"), &learner.adam.first)?;
        put_vector(&mut file, &format!("{name}/adam/second"), &learner.adam.second)?;
    }
    if let Some(average) = &state.average {
        put_network(&mut file, "training/average", average)?;
    }
    Ok(file)
}

/// The state of the training that `model` comes from.
pub(super) fn state_of(
    parts: &mut Parts,
    options: &TrainingOptions,
    model: &Model,
    device: &BurnDevice,
) -> Result<TrainingState> {
    let Architecture { encoder, generator, discriminator } = options.architecture(model.n_phases());
    let averaged = generator.clone();
    let mut network = |name, layers| parts.network(&format!("training/{name}"), layers, device);
    let encoder = encoder.map(|layers| network("encoder", layers)).transpose()?;
    let generator = network("generator", generator)?;
    let names = DISCRIMINATORS.into_iter().take(1 + model.further.len());
    let discriminators = names.map(|name| network(name, discriminator.clone())).collect::<Result<Vec<_>>>()?;
    let mut state = TrainingState::from_networks(options, encoder, generator, discriminators);
    state.step = model.record.steps;
    if let Some(average) = &mut state.average {
        *average = network("average", averaged)?;
    }
    let mut read = |name: &str, vector: &mut Tensor<1>| -> Result<()> {
        *vector = parts.vector(&format!("training/{name}"), vector.dims()[0], device)?;
        Ok(())
    };
    read("loss_sums", &mut state.loss_sums)?;
    for (name, learner) in state.learners_mut() {
        read(&format!("{name}/adam/first"), &mut learner.adam.first)?;
        read(&format!("{name}/adam/second"), &mut learner.adam.second)?;
    }
    Ok(state)
}

fn put_vector(file: &mut Container, name: &str, vector: &Tensor<1>) -> Result<()> {
    let values = Array1::from(read(vector.clone())?).into_dyn();
    file.arrays.insert(format!("training/{name}"), NamedArray::F32(values));
    Ok(())
}
