//! The model file: a [`Model`] as a [`Container`].
//!
//! | name | what |
//! |---|---|
//! | `options`, `library_version` | training options, TOML; what trained |
//! | `source`, `source_dataset`, `source_details`, `micrograph_sha256`, `phase_values`, `voxel_size`, `n_phases` | the micrograph |
//! | `step`, `steps_planned`, `history` | how far training went |
//! | `tiles` | training tiles, `(n, nz, ny, nx)` |
//! | `source_2`, `source_dataset_2`, `tiles_2` and so on, and the same with `_3` | further micrographs of volumes |
//! | `encoder/...`, `generator/...` | weights by layer and moving statistics, as generation uses them; volumes have no encoder |
//! | `position_biases` | what is added to the logits of realisations by position within a cell, once calibrated |
//! | `relaxation` | how realisations are relaxed, if they are: log weights of patterns |
//! | `dangling_ends` | whether dangling ends are mended, by phase |
//!
//! A file that training wrote has a second part besides, which `checkpoint_file` describes; `reader` reads both.

use std::path::Path;

use burn_tensor::{Device as BurnDevice, Tensor};
use ndarray::{Array1, Array2, ArrayD, IxDyn};

use super::container::is_sha256;
use super::parts::Parts;
use super::{Attribute, Container, NamedArray};
use crate::device::memory;
use crate::error::{FREE_MEMORY, short};
use crate::micrograph::{MAX_PHASES, PhaseImages, Source, VoxelSize};
use crate::model::{Direction, Kept, LossRow, Model, Origin, PositionBiases, TrainingRecord};
use crate::network::{Entry, Network, Profile, STRIDE, channels, read};
use crate::progress::Losses;
use crate::relaxation::{DanglingEnds, Weights};
use crate::training::TrainingOptions;
use crate::{Error, Result};

/// What the names of the parts of the first to third micrograph end in.
const SUFFIXES: [&str; 3] = ["", "_2", "_3"];

/// Writes `model` to `path`, replacing an older file in one step. Equal models give equal bytes.
///
/// The file generates, but a training cannot go on from it.
///
/// # Errors
///
/// Those of [`Container::write`], [`Error::Diverged`] if a weight is not finite, and [`Error::Device`] if the weights
/// cannot be read back.
pub fn write_model(model: &Model, path: &Path) -> Result<()> {
    let file = model_container(model)?;
    check_finite(&file, model.record.steps)?;
    file.write(path)
}

/// Refuses to write what cannot be read again: numbers of a training that diverged in its step `step`.
pub(super) fn check_finite(file: &Container, step: u64) -> Result<()> {
    let Some((name, value)) = file.first_not_finite() else { return Ok(()) };
    let reason = format!("{name} holds {value} after step {step}; lower the learning rates or the lambdas");
    Err(Error::Diverged(reason))
}

/// SHA-256 over everything in the model, in hexadecimal; the same for a model of a checkpoint.
///
/// # Errors
///
/// [`Error::Device`] if the weights cannot be read back.
pub fn model_digest(model: &Model) -> Result<String> {
    Ok(model_container(model)?.sha256())
}

/// The model part of a file.
pub(super) fn model_container(model: &Model) -> Result<Container> {
    let Model { origin, record, tiles, .. } = model;
    // A copy of the tiles here, and one for their checksum.
    memory::require(2 * tiles.as_slice().len(), "writing the training tiles", FREE_MEMORY)?;
    let mut file = Container::default();
    let voxel_size = origin.voxel_size.map(|size| size.to_string());
    for (name, text) in [
        ("options", Some(&record.options)),
        ("library_version", Some(&record.library_version)),
        ("voxel_size", voxel_size.as_ref()),
    ] {
        file.attributes.extend(text.map(|text| (name.into(), Attribute::Text(text.clone()))));
    }
    for (name, number) in
        [("n_phases", model.n_phases() as u64), ("step", record.steps), ("steps_planned", record.steps_planned)]
    {
        file.attributes.insert(name.into(), Attribute::Integer(number as i64));
    }
    let further = model.further.iter().map(|Direction { origin, tiles }| (origin, tiles));
    for (suffix, (origin, tiles)) in SUFFIXES.into_iter().zip([(origin, tiles)].into_iter().chain(further)) {
        put_direction(&mut file, suffix, origin, tiles);
    }
    for (name, numbers) in [
        ("history", Some(history_table(&record.history).into_dyn())),
        ("relaxation", model.relaxation.as_ref().map(|weights| relaxation_row(weights).into_dyn())),
        ("dangling_ends", model.relaxation.as_ref().map(|weights| dangling_ends_row(weights).into_dyn())),
    ] {
        file.arrays.extend(numbers.map(|numbers| (name.into(), NamedArray::F64(numbers))));
    }
    if let Some(biases) = &model.position_biases {
        let values = Array1::from(biases.values().to_vec()).into_dyn();
        file.arrays.insert("position_biases".into(), NamedArray::F32(values));
    }
    if let Some(encoder) = &model.encoder {
        put_network(&mut file, "encoder", encoder)?;
    }
    put_network(&mut file, "generator", &model.generator)?;
    Ok(file)
}

/// Adds what is known of one micrograph.
fn put_direction(file: &mut Container, suffix: &str, origin: &Origin, tiles: &PhaseImages) {
    let Source { name, dataset, details } = &origin.source;
    for (name, text) in [
        ("source", Some(name)),
        ("source_dataset", dataset.as_ref()),
        ("source_details", details.as_ref()),
        ("micrograph_sha256", Some(&origin.digest)),
    ] {
        file.attributes.extend(text.map(|text| (format!("{name}{suffix}"), Attribute::Text(text.clone()))));
    }
    let phase_values = Array1::from(origin.phase_values.clone()).into_dyn();
    file.arrays.insert(format!("phase_values{suffix}"), NamedArray::F64(phase_values));
    file.arrays.insert(format!("tiles{suffix}"), NamedArray::U8(tiles.phases().clone().into_dyn()));
}

/// The model of a file, and the options that it was trained with.
pub(super) fn model_of(parts: &mut Parts, device: &BurnDevice) -> Result<(Model, TrainingOptions)> {
    let text = parts.text("options")?;
    let options = TrainingOptions::from_text(&text).map_err(|error| parts.wrong("options", error))?;
    let n_phases = parts.count("n_phases", 2, MAX_PHASES as u64)? as usize;
    let voxel_size = parts.optional_text("voxel_size")?.map(|text| text.parse());
    let voxel_size = voxel_size.transpose().map_err(|error: Error| parts.wrong("voxel_size", error))?;
    let mut directions = Vec::new();
    for suffix in SUFFIXES {
        let is_further = options.profile.axes() == 3 && parts.has_arrays(&format!("tiles{suffix}"));
        if suffix.is_empty() || is_further {
            directions.push(direction(parts, suffix, n_phases, options.side(), voxel_size)?);
        }
    }
    let Direction { origin, tiles } = directions.remove(0);
    let architecture = options.architecture(n_phases);
    let model = Model {
        profile: options.profile,
        latent_size: options.latent_count(),
        position_biases: position_biases(parts, n_phases, options.profile)?,
        relaxation: relaxation(parts, n_phases, options.profile)?,
        record: record(parts, text, &options, tiles.len())?,
        origin,
        tiles,
        further: directions,
        encoder: architecture.encoder.map(|layers| parts.network("encoder", layers, device)).transpose()?,
        generator: parts.network("generator", architecture.generator, device)?,
        kept: Kept::default(),
    };
    Ok((model, options))
}

fn record(parts: &mut Parts, text: String, options: &TrainingOptions, tiles: usize) -> Result<TrainingRecord> {
    let planned = options.total_steps(tiles);
    let steps = parts.count("step", 0, planned)?;
    Ok(TrainingRecord {
        seed: options.seed,
        steps,
        steps_planned: parts.count("steps_planned", planned, planned)?,
        history: history(parts, steps)?,
        library_version: parts.text("library_version")?,
        options: text,
    })
}

/// One micrograph.
fn direction(
    parts: &mut Parts,
    suffix: &str,
    n_phases: usize,
    side: usize,
    voxel_size: Option<VoxelSize>,
) -> Result<Direction> {
    let name = |name: &str| format!("{name}{suffix}");
    let tiles = parts.images(&name("tiles"), n_phases)?;
    if tiles.shape() != [1, side, side] {
        return Err(parts.wrong(
            &name("tiles"),
            format!("has shape {:?}, not the side {side} of the options (window_side)", tiles.shape()),
        ));
    }
    let phase_values = parts.row(&name("phase_values"))?.to_vec();
    if phase_values.len() != n_phases || phase_values.windows(2).any(|pair| pair[0] >= pair[1]) {
        let found = phase_values.iter().map(|&value| short(value)).collect::<Vec<_>>().join(", ");
        return Err(
            parts.wrong(&name("phase_values"), format!("has {found}, not {n_phases} values in increasing order"))
        );
    }
    let digest = parts.text(&name("micrograph_sha256"))?;
    if !is_sha256(&digest) {
        return Err(parts.wrong(&name("micrograph_sha256"), format!("is {digest:?}, not 64 hexadecimal digits")));
    }
    let source = Source {
        name: parts.text(&name("source"))?,
        dataset: parts.optional_text(&name("source_dataset"))?,
        details: parts.optional_text(&name("source_details"))?,
    };
    let origin = Origin { source, phase_values, voxel_size, digest };
    Ok(Direction { origin, tiles })
}

fn history_table(history: &[LossRow]) -> Array2<f64> {
    Array2::from_shape_fn((history.len(), 6), |(row, column)| match column {
        0 => history[row].step as f64,
        _ => history[row].losses.as_array()[column - 1],
    })
}

/// The loss history of a training of so many `steps`.
fn history(parts: &mut Parts, steps: u64) -> Result<Vec<LossRow>> {
    let table = parts.table("history")?;
    if table.ncols() != 6 {
        return Err(parts.wrong("history", format!("has {} columns instead of 6", table.ncols())));
    }
    let mut last = 0.0;
    for &step in table.column(0) {
        if step.fract() != 0.0 || step <= last || step > steps as f64 {
            let reason =
                format!("has step {} after step {last}; steps are whole, increase and end at {steps}", short(step));
            return Err(parts.wrong("history", reason));
        }
        last = step;
    }
    let row = |row: ndarray::ArrayView1<f64>| LossRow {
        step: row[0] as u64,
        losses: Losses::from_array(std::array::from_fn(|i| row[i + 1])),
    };
    Ok(table.outer_iter().map(row).collect())
}

fn position_biases(parts: &mut Parts, n_phases: usize, profile: Profile) -> Result<Option<PositionBiases>> {
    if !parts.has_arrays("position_biases") {
        return Ok(None);
    }
    let (channels, axes) = (channels(n_phases), profile.axes());
    let values = parts.f32("position_biases", &[channels * STRIDE.pow(axes as u32)])?;
    Ok(PositionBiases::new(channels, axes, values))
}

fn relaxation_row(weights: &Weights) -> Array1<f64> {
    weights.values().iter().map(|&weight| f64::from(weight)).collect()
}

fn relaxation(parts: &mut Parts, n_phases: usize, profile: Profile) -> Result<Option<Weights>> {
    if !parts.has_arrays("relaxation") {
        let is_part = parts.has_arrays("dangling_ends");
        return if is_part { Err(parts.wrong("relaxation", "is missing beside dangling_ends")) } else { Ok(None) };
    }
    let values = parts.row("relaxation")?.iter().map(|&weight| weight as f32).collect();
    let are_volumes = profile.axes() == 3;
    let weights = Weights::new(n_phases, are_volumes, values).map_err(|error| parts.wrong("relaxation", error))?;
    let ends = dangling_ends(parts, n_phases)?;
    if are_volumes && !ends.is_empty() {
        return Err(parts.wrong("dangling_ends", "are those of images, but the model makes volumes"));
    }
    Ok(Some(weights.with_dangling_ends(ends)))
}

/// 1 for each phase of which ends are mended, 0 for the others.
fn dangling_ends_row(weights: &Weights) -> Array1<f64> {
    let mut row = Array1::zeros(weights.n_phases());
    weights.dangling_ends().phases().for_each(|phase| row[usize::from(phase)] = 1.0);
    row
}

fn dangling_ends(parts: &mut Parts, n_phases: usize) -> Result<DanglingEnds> {
    // Files of earlier days have none.
    if !parts.has_arrays("dangling_ends") {
        return Ok(DanglingEnds::default());
    }
    let row = parts.row("dangling_ends")?;
    if row.len() != n_phases || row.iter().any(|&mended| mended != 0.0 && mended != 1.0) {
        return Err(parts.wrong("dangling_ends", format!("is {row}, not 0 or 1 for each of {n_phases} phases")));
    }
    Ok((0u8..).zip(row).filter(|&(_, mended)| mended == 1.0).map(|(phase, _)| phase).collect())
}

/// Adds weights by layer and moving statistics.
pub(super) fn put_network(file: &mut Container, name: &str, network: &Network) -> Result<()> {
    let layout = network.layout();
    put_entries(file, name, &layout.parameters, &network.parameters)?;
    put_entries(file, name, &layout.statistics, &network.statistics)
}

fn put_entries(file: &mut Container, network: &str, entries: &[Entry], vector: &Tensor<1>) -> Result<()> {
    let values = read(vector.clone())?;
    for entry in entries {
        let part = ArrayD::from_shape_vec(IxDyn(&entry.shape), values[entry.range.clone()].to_vec())
            .map_err(|error| Error::Internal(format!("{} has another length than shape: {error}", entry.name)))?;
        file.arrays.insert(format!("{network}/{}", entry.name), NamedArray::F32(part));
    }
    Ok(())
}
