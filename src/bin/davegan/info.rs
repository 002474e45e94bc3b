//! `davegan info`: what a file is.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use davegan::micrograph::VoxelSize;
use davegan::storage::{Description, Layout, ModelDescription, RealisationsDescription, describe};
use davegan::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{print, print_json};

/// Say what a file is: a model, or realisations
///
/// Prints what made it, sizes, phases, volume fractions, seed, steps, voxel size, and whether it is complete. Shapes in JSON are
/// in the order of the file: z, y, x.
#[derive(Args)]
#[command(after_help = "\
Examples:
  davegan info model.h5
  davegan info realisations.vtkhdf --json")]
pub struct Arguments {
    /// Model file, or file of realisations
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A model file.
#[derive(Serialize)]
struct ModelInfo {
    kind: &'static str,
    file: PathBuf,
    bytes: u64,
    format_version: i64,
    /// What trained it.
    library_version: String,
    /// SHA-256 of the model's content; files of realisations name it.
    sha256: String,
    profile: &'static str,
    n_phases: usize,
    /// The value in the micrograph of each phase.
    phase_values: Vec<f64>,
    /// Of the training tiles.
    volume_fractions: Vec<f64>,
    micrograph: String,
    micrograph_sha256: String,
    voxel_size: Option<f64>,
    voxel_unit: Option<&'static str>,
    n_tiles: usize,
    /// Side of a training tile in pixels.
    tile_side: usize,
    /// Shape of a realisation if no other is asked for.
    shape: [usize; 3],
    latent_size: usize,
    seed: u64,
    steps: u64,
    steps_planned: u64,
    complete: bool,
    can_resume: bool,
    /// TOML.
    options: String,
}

impl ModelInfo {
    fn new(path: &Path, description: ModelDescription) -> Result<Self> {
        let ModelDescription { model, format_version, can_resume, sha256 } = description;
        let bytes = path.metadata().map_err(|error| Error::io(path, error))?.len();
        Ok(Self {
            kind: "model",
            file: path.into(),
            bytes,
            format_version,
            sha256,
            profile: model.profile.name(),
            n_phases: model.n_phases(),
            volume_fractions: model.tiles.volume_fractions(),
            n_tiles: model.tiles.len(),
            tile_side: model.side(),
            shape: model.shape(),
            latent_size: model.latent_size,
            complete: model.is_finished(),
            can_resume,
            seed: model.record.seed,
            steps: model.record.steps,
            steps_planned: model.record.steps_planned,
            library_version: model.record.library_version,
            options: model.record.options,
            phase_values: model.origin.phase_values,
            micrograph: model.origin.source.to_string(),
            micrograph_sha256: model.origin.digest,
            voxel_size: model.origin.voxel_size.map(|size| size.side),
            voxel_unit: model.origin.voxel_size.and_then(unit),
        })
    }

    fn write_to(&self, text: &mut String) -> std::fmt::Result {
        let [nz, ny, nx] = self.shape;
        let tiles = format!("{} of {} x {} pixels", self.n_tiles, self.tile_side, self.tile_side);
        let size = match (self.voxel_size, self.voxel_unit) {
            (Some(side), unit) => format!("{side} {}", unit.unwrap_or_default()).trim_end().to_owned(),
            _ => "not known".to_owned(),
        };
        let state = match (self.complete, self.can_resume) {
            (true, _) => "complete",
            (false, true) => "not complete: davegan train --resume goes on",
            (false, false) => "not complete",
        };
        writeln!(text, "{}: a davegan model, {} bytes", self.file.display(), self.bytes)?;
        for (name, value) in [
            ("made by", format!("davegan {}, file format {}", self.library_version, self.format_version)),
            ("profile", format!("{}, {} latents", self.profile, self.latent_size)),
            ("training", format!("{} of {} steps, seed {}; {state}", self.steps, self.steps_planned, self.seed)),
            ("micrograph", self.micrograph.clone()),
            ("phases", phases(&self.phase_values)),
            ("volume fractions", fractions(&self.volume_fractions)),
            ("training tiles", tiles),
            ("realisations", format!("{nx} x {ny} x {nz} voxels, if no size is asked for")),
            ("voxel size", size),
            ("SHA-256", self.sha256.clone()),
        ] {
            writeln!(text, "{name:18} {value}")?;
        }
        writeln!(text, "training options")?;
        self.options.lines().filter(|line| !line.is_empty()).try_for_each(|line| writeln!(text, "    {line}"))
    }
}

/// A file of realisations.
#[derive(Serialize)]
struct RealisationsInfo {
    kind: &'static str,
    file: PathBuf,
    sets: Vec<SetInfo>,
}

/// A set of realisations: a file holds one, unless a host has named several groups.
#[derive(Serialize)]
struct SetInfo {
    /// None for VTKHDF.
    group: Option<String>,
    n_written: usize,
    /// Smallest and largest index.
    first: Option<i64>,
    last: Option<i64>,
    complete: bool,
    /// Blocks that are there of a realisation that is not whole.
    unfinished_blocks: Option<u64>,
    shape: [usize; 3],
    first_voxel: [i64; 3],
    whole_shape: [usize; 3],
    n_phases: usize,
    /// Means over the realisations.
    volume_fractions: Vec<f64>,
    seed: u64,
    voxel_size: f64,
    voxel_unit: Option<&'static str>,
    /// What else the file says: model, micrograph, version, how the realisations were made.
    attributes: Map<String, Value>,
}

impl SetInfo {
    fn new(description: RealisationsDescription) -> Self {
        let RealisationsDescription { layout, set, unfinished_blocks, volume_fractions, texts } = description;
        let group = match layout {
            Layout::VtkHdf => None,
            Layout::Group(name) => Some(name),
        };
        Self {
            group,
            n_written: set.indices.len(),
            first: set.indices.iter().min().copied(),
            last: set.indices.iter().max().copied(),
            complete: set.complete,
            unfinished_blocks,
            shape: set.shape,
            first_voxel: set.first_voxel,
            whole_shape: set.whole_shape,
            n_phases: set.n_phases,
            volume_fractions,
            seed: set.seed,
            voxel_size: set.voxel_size.side,
            voxel_unit: unit(set.voxel_size),
            attributes: texts.into_iter().map(|(name, text)| (name, text.into())).collect(),
        }
    }

    fn write_to(&self, path: &Path, text: &mut String) -> std::fmt::Result {
        let place = self.group.as_ref().map_or("VTKHDF, for ParaView".to_owned(), |group| format!("in group {group}"));
        let [nz, ny, nx] = self.shape;
        let indices = match (self.first, self.last) {
            (Some(first), Some(last)) => format!("{}, numbers {first} to {last}", self.n_written),
            _ => "none".to_owned(),
        };
        let state = match (self.complete, self.unfinished_blocks) {
            (true, _) => "complete".to_owned(),
            (false, None) => "not complete: what made them has not finished".to_owned(),
            (false, Some(1)) => "not complete: 1 block of another one is there".to_owned(),
            (false, Some(blocks)) => format!("not complete: {blocks} blocks of another one are there"),
        };
        let whole = match (self.whole_shape, self.first_voxel) {
            (whole, [0, 0, 0]) if whole == self.shape => String::new(),
            ([nz, ny, nx], [z, y, x]) => format!(", from voxel {x}, {y}, {z} of {nx} x {ny} x {nz}"),
        };
        writeln!(text, "{}: davegan realisations, {place}", path.display())?;
        for (name, value) in [
            ("realisations", format!("{indices}; {state}")),
            ("size", format!("{nx} x {ny} x {nz} voxels{whole}")),
            ("voxel size", format!("{} {}", self.voxel_size, self.voxel_unit.unwrap_or_default())),
            ("phases", self.n_phases.to_string()),
            ("volume fractions", fractions(&self.volume_fractions)),
            ("seed", self.seed.to_string()),
        ] {
            // Without a realisation there are no volume fractions.
            if !value.is_empty() {
                writeln!(text, "{name:18} {}", value.trim_end())?;
            }
        }
        // The unit stands beside the voxel size.
        let others = self.attributes.iter().filter(|(name, _)| *name != davegan::storage::VOXEL_UNIT);
        others
            .into_iter()
            .try_for_each(|(name, value)| writeln!(text, "{name:18} {}", value.as_str().unwrap_or_default()))
    }
}

fn unit(size: VoxelSize) -> Option<&'static str> {
    Some(size.unit.symbol()).filter(|symbol| !symbol.is_empty())
}

fn phases(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    format!("{}, of the values {}", values.len(), values.join(", "))
}

fn fractions(fractions: &[f64]) -> String {
    fractions.iter().map(|fraction| format!("{fraction:.4}")).collect::<Vec<_>>().join(", ")
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let path = arguments.file.as_path();
    let mut text = String::new();
    match describe(path)? {
        Description::Model(model) => {
            let info = ModelInfo::new(path, *model)?;
            if arguments.json {
                return print_json(&info);
            }
            info.write_to(&mut text)
        }
        Description::Realisations(sets) => {
            let sets: Vec<_> = sets.into_iter().map(SetInfo::new).collect();
            if arguments.json {
                return print_json(&RealisationsInfo { kind: "realisations", file: path.into(), sets });
            }
            sets.iter().try_for_each(|set| set.write_to(path, &mut text))
        }
    }
    .expect("a text takes what is written");
    print(&text)
}
