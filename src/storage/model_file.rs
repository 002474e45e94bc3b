//! The model file: a [`Model`] as a [`Container`].
//!
//! | name | what |
//! |---|---|
//! | `options` | training options, TOML |
//! | `source`, `micrograph_sha256`, `phase_values` | the micrograph |
//! | `step`, `steps_planned`, `history`, `loss_sums`, `minkowski`, `patterns` | how far training went |
//! | `tiles` | training tiles, `(n, nz, ny, nx)` |
//! | `encoder/...`, `generator/...`, `discriminator/...` | for each network its weights by layer, moving statistics and Adam's moments |
//! | `average/...` | moving average of the generator, if it has one |
//! | `chosen_step`, `chosen_shortfall`, `chosen_candidates`, `chosen/...` | encoder and generator that were best, if training chose, and how their candidates are selected |

use std::path::Path;

use burn_tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, ArrayD, Ix1, Ix2, Ix4, IxDyn};

use super::{Attribute, Container, NamedArray};
use crate::generation::Selection;
use crate::micrograph::PhaseImages;
use crate::model::{Choice, Model, Origin};
use crate::network::{Entry, ParameterLayout, read};
use crate::training::{Learner, LossHistory, LossRow, Losses, Snapshot, TrainingOptions, TrainingState};
use crate::{Error, Result};

/// Writes `model` to `path`, replacing an older file in one step.
///
/// # Errors
///
/// Those of [`Container::write`], and [`Error::Device`] if the weights cannot be read back.
pub fn write_model(model: &Model, path: &Path) -> Result<()> {
    container(model)?.write(path)
}

/// SHA-256 over everything in the model, in hexadecimal: the same as in its file.
///
/// # Errors
///
/// [`Error::Device`] if the weights cannot be read back.
pub fn model_digest(model: &Model) -> Result<String> {
    Ok(container(model)?.sha256())
}

fn container(model: &Model) -> Result<Container> {
    let mut file = Container::default();
    let options = toml::to_string(&model.options)
        .map_err(|error| Error::Internal(format!("training options cannot be written as TOML: {error}")))?;
    for (name, text) in [
        ("options", options),
        ("source", model.origin.source.clone()),
        ("micrograph_sha256", model.origin.digest.clone()),
        ("library_version", env!("CARGO_PKG_VERSION").to_owned()),
    ] {
        file.attributes.insert(name.into(), Attribute::Text(text));
    }
    for (name, number) in
        [("n_phases", model.n_phases() as u64), ("step", model.state.step), ("steps_planned", model.steps_planned)]
    {
        file.attributes.insert(name.into(), Attribute::Integer(number as i64));
    }
    let phase_values =
        ArrayD::from_shape_vec(IxDyn(&[model.origin.phase_values.len()]), model.origin.phase_values.clone());
    file.arrays.insert("phase_values".into(), NamedArray::F64(shaped(phase_values)?));
    file.arrays.insert("tiles".into(), NamedArray::U8(model.tiles.phases().clone().into_dyn()));
    file.arrays.insert("history".into(), NamedArray::F64(history_table(&model.history).into_dyn()));
    put_vector(&mut file, "loss_sums", &model.state.loss_sums)?;
    put_vector(&mut file, "minkowski", &model.state.minkowski)?;
    put_vector(&mut file, "patterns", &model.state.patterns)?;
    for (name, learner) in learners(&model.state) {
        let layout = learner.network.layout();
        put_entries(&mut file, name, &layout.parameters, &learner.network.parameters)?;
        put_entries(&mut file, name, &layout.statistics, &learner.network.statistics)?;
        put_vector(&mut file, &format!("{name}/adam/first"), &learner.adam.first)?;
        put_vector(&mut file, &format!("{name}/adam/second"), &learner.adam.second)?;
    }
    if let Some(average) = &model.state.average {
        let layout = model.state.generator.network.layout();
        put_entries(&mut file, "average", &layout.parameters, &average.parameters)?;
        put_entries(&mut file, "average", &layout.statistics, &average.statistics)?;
    }
    if let Some(choice) = &model.choice {
        file.attributes.insert("chosen_step".into(), Attribute::Integer(choice.step as i64));
        file.arrays.insert("chosen_shortfall".into(), NamedArray::F64(ndarray::arr1(&[choice.shortfall]).into_dyn()));
        if let Some(selection) = &choice.selection {
            file.attributes.insert("chosen_candidates".into(), Attribute::Integer(selection.candidates as i64));
            file.arrays.insert("chosen/selection".into(), NamedArray::F64(selection.rows.clone().into_dyn()));
        }
        for (name, learner, snapshot) in [
            ("chosen/encoder", &model.state.encoder, &choice.encoder),
            ("chosen/generator", &model.state.generator, &choice.generator),
        ] {
            let layout = learner.network.layout();
            put_entries(&mut file, name, &layout.parameters, &snapshot.parameters)?;
            put_entries(&mut file, name, &layout.statistics, &snapshot.statistics)?;
        }
    }
    Ok(file)
}

/// Reads the model file at `path` and puts its networks on `device`.
///
/// # Errors
///
/// Those of [`Container::read`], and [`Error::Format`] if a part is missing or does not fit the others.
pub fn read_model(path: &Path, device: &Device) -> Result<Model> {
    let file = Reader { path, file: Container::read(path)? };
    let options: TrainingOptions = toml::from_str(&file.text("options")?)
        .map_err(|error| file.wrong("options", format!("is not what this version writes: {error}")))?;
    options.validate().map_err(|error| file.wrong("options", error.to_string()))?;
    let n_phases = file.count("n_phases")? as usize;
    let tiles = file.u8("tiles")?.clone().into_dimensionality::<Ix4>();
    let tiles = tiles.map_err(|error| file.wrong("tiles", error.to_string()))?;
    let tiles = PhaseImages::new(tiles, n_phases).map_err(|error| file.wrong("tiles", error.to_string()))?;
    let side = options.profile.side();
    if tiles.shape() != [1, side, side] {
        return Err(file.wrong("tiles", format!("has shape {:?}, not that of the profile", tiles.shape())));
    }
    let phase_values = file.f64("phase_values")?.clone().into_dimensionality::<Ix1>();
    let phase_values = phase_values.map_err(|error| file.wrong("phase_values", error.to_string()))?.to_vec();
    if phase_values.len() != n_phases {
        return Err(file.wrong("phase_values", format!("has {} values for {n_phases} phases", phase_values.len())));
    }

    let mut state = TrainingState::new(&options, n_phases, device);
    state.step = file.count("step")?;
    state.loss_sums = file.vector("loss_sums", 5, device)?;
    for (name, remembered) in [("minkowski", &mut state.minkowski), ("patterns", &mut state.patterns)] {
        *remembered = file.vector(name, remembered.dims()[0], device)?;
    }
    for (name, learner) in learners_mut(&mut state) {
        let layout = learner.network.layout().clone();
        learner.network.parameters = file.entries(name, &layout.parameters, device)?;
        learner.network.statistics = file.entries(name, &layout.statistics, device)?;
        let length = layout.parameter_count();
        learner.adam.first = file.vector(&format!("{name}/adam/first"), length, device)?;
        learner.adam.second = file.vector(&format!("{name}/adam/second"), length, device)?;
    }
    if state.average.is_some() {
        let layout = state.generator.network.layout().clone();
        state.average = Some(file.snapshot("average", &layout, device)?);
    }
    let origin = Origin { source: file.text("source")?, phase_values, digest: file.text("micrograph_sha256")? };
    let (steps_planned, history) = (file.count("steps_planned")?, file.history()?);
    let choice = file.choice(&state, options.candidates, n_phases, device)?;
    Ok(Model { options, origin, tiles, steps_planned, history, state, choice })
}

fn learners(state: &TrainingState) -> [(&'static str, &Learner); 3] {
    [("encoder", &state.encoder), ("generator", &state.generator), ("discriminator", &state.discriminator)]
}

fn learners_mut(state: &mut TrainingState) -> [(&'static str, &mut Learner); 3] {
    [("encoder", &mut state.encoder), ("generator", &mut state.generator), ("discriminator", &mut state.discriminator)]
}

fn history_table(history: &LossHistory) -> Array2<f64> {
    Array2::from_shape_fn((history.len(), 6), |(row, column)| match column {
        0 => history[row].step as f64,
        _ => history[row].losses.as_array()[column - 1],
    })
}

fn put_vector(file: &mut Container, name: &str, vector: &Tensor<1>) -> Result<()> {
    let values = read(vector.clone())?;
    let array = shaped(ArrayD::from_shape_vec(IxDyn(&[values.len()]), values))?;
    file.arrays.insert(name.into(), NamedArray::F32(array));
    Ok(())
}

fn put_entries(file: &mut Container, network: &str, entries: &[Entry], vector: &Tensor<1>) -> Result<()> {
    let values = read(vector.clone())?;
    for entry in entries {
        let part = values[entry.range.clone()].to_vec();
        let array = shaped(ArrayD::from_shape_vec(IxDyn(&entry.shape), part))?;
        file.arrays.insert(format!("{network}/{}", entry.name), NamedArray::F32(array));
    }
    Ok(())
}

fn shaped<A>(array: std::result::Result<ArrayD<A>, ndarray::ShapeError>) -> Result<ArrayD<A>> {
    array.map_err(|error| Error::Internal(format!("an array of the model file has another length than shape: {error}")))
}

/// Parts of a container by name, each missing or ill-fitting one an error that names it.
struct Reader<'a> {
    path: &'a Path,
    file: Container,
}

impl Reader<'_> {
    fn wrong(&self, name: &str, what: String) -> Error {
        Error::format(self.path, format!("{name} {what}; the file is not a whole davegan model, train it anew"))
    }

    fn text(&self, name: &str) -> Result<String> {
        match self.file.attributes.get(name) {
            Some(Attribute::Text(text)) => Ok(text.clone()),
            _ => Err(self.wrong(name, "is missing or no text".into())),
        }
    }

    fn count(&self, name: &str) -> Result<u64> {
        match self.file.attributes.get(name) {
            Some(Attribute::Integer(number)) if *number >= 0 => Ok(*number as u64),
            _ => Err(self.wrong(name, "is missing or no count".into())),
        }
    }

    fn u8(&self, name: &str) -> Result<&ArrayD<u8>> {
        match self.file.arrays.get(name) {
            Some(NamedArray::U8(array)) => Ok(array),
            _ => Err(self.wrong(name, "is missing or not of bytes".into())),
        }
    }

    fn f64(&self, name: &str) -> Result<&ArrayD<f64>> {
        match self.file.arrays.get(name) {
            Some(NamedArray::F64(array)) => Ok(array),
            _ => Err(self.wrong(name, "is missing or not in double precision".into())),
        }
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.file.arrays.get(name) {
            Some(NamedArray::F32(array)) if array.shape() == shape => Ok(array.iter().copied().collect()),
            _ => Err(self.wrong(name, format!("is missing or not in single precision of shape {shape:?}"))),
        }
    }

    fn vector(&self, name: &str, length: usize, device: &Device) -> Result<Tensor<1>> {
        Ok(Tensor::from_data(TensorData::new(self.f32(name, &[length])?, [length]), device))
    }

    fn entries(&self, network: &str, entries: &[Entry], device: &Device) -> Result<Tensor<1>> {
        let mut values = Vec::new();
        for entry in entries {
            values.extend(self.f32(&format!("{network}/{}", entry.name), &entry.shape)?);
        }
        let length = values.len();
        Ok(Tensor::from_data(TensorData::new(values, [length]), device))
    }

    fn snapshot(&self, network: &str, layout: &ParameterLayout, device: &Device) -> Result<Snapshot> {
        let parameters = self.entries(network, &layout.parameters, device)?;
        Ok(Snapshot { parameters, statistics: self.entries(network, &layout.statistics, device)? })
    }

    fn selection(&self, most: usize, n_phases: usize) -> Result<Selection> {
        let candidates = self.count("chosen_candidates")? as usize;
        if !(2..=most).contains(&candidates) {
            return Err(self.wrong("chosen_candidates", format!("is {candidates}, not 2 to {most}")));
        }
        let rows = self.f64("chosen/selection")?.clone().into_dimensionality::<Ix2>();
        let rows = rows.map_err(|error| self.wrong("chosen/selection", error.to_string()))?;
        Selection::from_rows(candidates, rows, n_phases)
            .map_err(|error| self.wrong("chosen/selection", error.to_string()))
    }

    fn choice(&self, state: &TrainingState, most: usize, n_phases: usize, device: &Device) -> Result<Option<Choice>> {
        if !self.file.attributes.contains_key("chosen_step") {
            return Ok(None);
        }
        let shortfall = self.f64("chosen_shortfall")?.first().copied();
        Ok(Some(Choice {
            step: self.count("chosen_step")?,
            shortfall: shortfall.ok_or_else(|| self.wrong("chosen_shortfall", "is empty".into()))?,
            encoder: self.snapshot("chosen/encoder", state.encoder.network.layout(), device)?,
            generator: self.snapshot("chosen/generator", state.generator.network.layout(), device)?,
            selection: (most > 1).then(|| self.selection(most, n_phases)).transpose()?,
        }))
    }

    fn history(&self) -> Result<LossHistory> {
        let table = self.f64("history")?.clone().into_dimensionality::<Ix2>();
        let table = table.map_err(|error| self.wrong("history", error.to_string()))?;
        if table.ncols() != 6 {
            return Err(self.wrong("history", format!("has {} columns instead of 6", table.ncols())));
        }
        let row = |row: ndarray::ArrayView1<f64>| LossRow {
            step: row[0] as u64,
            losses: Losses::from_array(std::array::from_fn(|i| row[i + 1])),
        };
        Ok(table.outer_iter().map(row).collect())
    }
}
