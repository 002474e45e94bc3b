//! Training that keeps its checkpoints in a file.

use std::path::Path;

use super::checkpoint_file::write_checkpoint_to;
use super::kind::Kind;
use super::output::Output;
use super::read_checkpoint;
use crate::micrograph::{Directions, Micrograph};
use crate::model::Model;
use crate::progress::ProgressCallback;
use crate::training::{Checkpoint, RunOptions, TrainingOptions, train};
use crate::{Error, Result};

/// Trains on `micrographs`, one but for volumes of a material that differs by direction, and keeps checkpoints, the last one at the end, in the file at `path`, if one is given.
///
/// Whatever happens, the file is the old one or a whole new one. A file that is there is gone on from if `run` says so.
/// It must be a model file, and no other call of this process can write it until this one returns.
///
/// # Errors
///
/// Those of [`train`], with the work so far in the file if the training was cancelled, and the last checkpoint if it
/// diverged; [`Error::InvalidParameter`] if there is no path to resume from; and those of reading and writing the file.
pub fn train_to_file<'a>(
    micrographs: impl Into<Directions<'a, Micrograph>>,
    path: Option<&Path>,
    options: &TrainingOptions,
    run: &RunOptions,
    progress: ProgressCallback,
) -> Result<Model> {
    let Some(path) = path else {
        if run.resume {
            return Err(Error::invalid("resume is set without a model file; give the path of the one to go on from"));
        }
        return train(micrographs, options, run, None, &mut |_| Ok(()), progress);
    };
    let mut output = Output::claim(path, Kind::Model)?;
    let resumed = (run.resume && path.exists()).then(|| read_checkpoint(path, run.device)).transpose()?;
    let mut saved = resumed.as_ref().map_or(0, |checkpoint| checkpoint.state.step);
    let mut finished = false;
    let mut save = |checkpoint: &Checkpoint| {
        write_checkpoint_to(checkpoint, &mut output)?;
        saved = checkpoint.state.step;
        finished = checkpoint.is_finished();
        Ok(())
    };
    train(micrographs, options, run, resumed, &mut save, progress).map_err(|error| {
        let path = path.display();
        match error {
            Error::Cancelled(text) if finished => Error::Cancelled(format!("{text}; {path} holds the finished model")),
            Error::Cancelled(text) => {
                Error::Cancelled(format!("{text}; {path} holds the work so far, resume to go on"))
            }
            Error::Diverged(text) if saved > 0 => Error::Diverged(format!("{text}; {path} holds step {saved}")),
            Error::Diverged(text) => Error::Diverged(format!("{text}; nothing had been saved yet")),
            other => other,
        }
    })
}

#[cfg(test)]
mod tests;
