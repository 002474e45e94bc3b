//! The checkpoint file: a model file with a second part, from which training goes on.
//!
//! | name | what |
//! |---|---|
//! | `training/encoder/...`, `training/generator/...`, `training/discriminator/...` | the networks of the last step, and Adam's moments |
//! | `training/average/...` | moving average of the generator, if training has one |
//! | `training/loss_sums`, `training/minkowski`, `training/patterns` | what steps remember |
//! | `best_shortfall` | smallest shortfall of the gates at any validation so far |

use std::path::Path;

use burn_tensor::Tensor;
use ndarray::Array1;

use super::model_file::{model_container, model_of, put_network};
use super::parts::Parts;
use super::{Attribute, Container, NamedArray};
use crate::model::Model;
use crate::network::read;
use crate::training::{BestCheckpoint, Checkpoint, Learner, TrainingState};
use crate::{Device, Error, Result};

/// Writes the model of `checkpoint` and what going on with it needs to `path`, replacing an older file in one step.
///
/// # Errors
///
/// Those of [`Container::write`], and [`Error::Device`] if the weights cannot be read back.
pub fn write_checkpoint(checkpoint: &Checkpoint, path: &Path) -> Result<()> {
    checkpoint_container(checkpoint)?.write(path)
}

/// What the file of `checkpoint` holds.
pub(super) fn checkpoint_container(checkpoint: &Checkpoint) -> Result<Container> {
    let Checkpoint { state, best, .. } = checkpoint;
    let mut file = model_container(&checkpoint.model())?;
    for (name, vector) in
        [("loss_sums", &state.loss_sums), ("minkowski", &state.minkowski), ("patterns", &state.patterns)]
    {
        put_vector(&mut file, name, vector)?;
    }
    for (name, learner) in
        [("encoder", &state.encoder), ("generator", &state.generator), ("discriminator", &state.discriminator)]
    {
        put_network(&mut file, &format!("training/{name}"), &learner.network)?;
        put_vector(&mut file, &format!("{name}/adam/first"), &learner.adam.first)?;
        put_vector(&mut file, &format!("{name}/adam/second"), &learner.adam.second)?;
    }
    if let Some(average) = &state.average {
        put_network(&mut file, "training/average", average)?;
    }
    if let Some(best) = best {
        file.attributes.insert("best_shortfall".into(), Attribute::Real(best.smallest_shortfall));
    }
    Ok(file)
}

/// Reads the checkpoint in the file at `path` and puts its networks on `device`.
///
/// # Errors
///
/// Those of [`read_model`](super::read_model), and [`Error::Format`] if the file holds a model alone.
pub fn read_checkpoint(path: &Path, device: Device) -> Result<Checkpoint> {
    let device = device.open()?;
    let parts = Parts { path, file: Container::read(path)? };
    let (model, options) = model_of(&parts, &device)?;
    if !parts.has("training/loss_sums") {
        let reason = "the file holds a model alone: it generates, but training cannot go on from it; resume from a file \
                      that training wrote, or train anew";
        return Err(Error::format(path, reason));
    }
    let architecture = options.architecture(model.n_phases());
    let mut state = TrainingState::new(&options, model.n_phases(), &device);
    state.step = model.record.steps;
    let TrainingState { encoder, generator, discriminator, average, minkowski, patterns, loss_sums, .. } = &mut state;
    for (name, vector) in [("loss_sums", loss_sums), ("minkowski", minkowski), ("patterns", patterns)] {
        *vector = parts.vector(&format!("training/{name}"), vector.dims()[0], &device)?;
    }
    if let Some(average) = average {
        *average = parts.network("training/average", architecture.generator.clone(), &device)?;
    }
    for (name, learner, layers) in [
        ("encoder", encoder, architecture.encoder),
        ("generator", generator, architecture.generator),
        ("discriminator", discriminator, architecture.discriminator),
    ] {
        let name = format!("training/{name}");
        let Learner { network, adam } = learner;
        *network = parts.network(&name, layers, &device)?;
        let length = network.layout().parameter_count();
        adam.first = parts.vector(&format!("{name}/adam/first"), length, &device)?;
        adam.second = parts.vector(&format!("{name}/adam/second"), length, &device)?;
    }
    let Model { origin, tiles, record, selection, encoder, generator, .. } = model;
    let best = record.best_step.map(|step| {
        let smallest_shortfall = parts.real("best_shortfall")?;
        Ok::<_, Error>(BestCheckpoint { step, smallest_shortfall, selection, encoder, generator })
    });
    Ok(Checkpoint { options, origin, tiles, history: record.history, state, best: best.transpose()? })
}

fn put_vector(file: &mut Container, name: &str, vector: &Tensor<1>) -> Result<()> {
    let values = Array1::from(read(vector.clone())?).into_dyn();
    file.arrays.insert(format!("training/{name}"), NamedArray::F32(values));
    Ok(())
}
