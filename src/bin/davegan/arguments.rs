//! Arguments that several subcommands share.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use davegan::generation::GenerationOptions;
use davegan::micrograph::{
    Checkerboard, Directions, Discs, Ellipses, GaussianField, GrainBoundaries, Micrograph, ReadOptions, Region, Sample,
    Segmentation, VoxelSize,
};
use davegan::model::Model;
use davegan::storage::{check_other_file, read_model};
use davegan::{Device, Result};

/// A micrograph: a file, or a built-in material; and further ones, of a material whose planes differ by direction.
#[derive(Args)]
pub struct MicrographArguments {
    /// HDF5, PNG or TIFF file
    #[arg(value_name = "MICROGRAPH", required_unless_present = "sample")]
    file: Option<PathBuf>,
    /// Path of the dataset in an HDF5 file that holds several
    #[arg(value_name = "DATASET")]
    dataset: Option<String>,
    /// Find N phases in grey levels with Otsu's method
    #[arg(long, value_name = "N", conflicts_with_all = ["thresholds", "sample"], help_heading = "Micrograph")]
    otsu: Option<usize>,
    /// Split grey levels into phases at these values
    #[arg(
        long,
        value_name = "A,B",
        value_delimiter = ',',
        conflicts_with = "sample",
        help_heading = "Micrograph",
        allow_hyphen_values = true
    )]
    thresholds: Option<Vec<f64>>,
    /// Region of interest: first column, first row, columns and rows
    #[arg(long, value_name = "X0,Y0,NX,NY", conflicts_with = "sample", help_heading = "Micrograph")]
    roi: Option<Region>,
    /// Side of a pixel with its unit, such as 0.25um [default: as the file says]
    #[arg(long, value_name = "LENGTH", help_heading = "Micrograph", allow_hyphen_values = true)]
    voxel_size: Option<VoxelSize>,
    /// Take a built-in material instead of a file
    #[arg(long, value_name = "NAME", value_enum, conflicts_with = "file", help_heading = "Micrograph")]
    sample: Option<Material>,
    /// Seed of the built-in material [default: 0]
    #[arg(long, value_name = "N", requires = "sample", help_heading = "Micrograph")]
    sample_seed: Option<u64>,
    /// Pixels along each side of the built-in material [default: 256; ellipses: 32]
    #[arg(long, value_name = "N", requires = "sample", help_heading = "Micrograph")]
    sample_size: Option<usize>,
    /// Number of images of the built-in material [default: 1]
    #[arg(long, value_name = "N", requires = "sample", help_heading = "Micrograph")]
    sample_count: Option<usize>,
    /// Micrograph of planes across y, rows along z, for volumes that differ by direction; that of planes across x too, unless
    /// --across-x is given. MICROGRAPH is then of planes across z
    #[arg(long, value_name = "FILE[:DATASET]", conflicts_with = "sample", help_heading = "Micrograph")]
    across_y: Option<PathBuf>,
    /// Micrograph of planes across x, rows along z and columns along y
    #[arg(long, value_name = "FILE[:DATASET]", requires = "across_y", help_heading = "Micrograph")]
    across_x: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Material {
    Ellipses,
    Checkerboard,
    GaussianField,
    GrainBoundaries,
    Discs,
}

impl Material {
    fn sample(self, size: Option<usize>) -> Sample {
        let (side, small) = (size.unwrap_or(256), size.unwrap_or(32));
        match self {
            Self::Ellipses => Sample::Ellipses(Ellipses { side: small }),
            Self::Checkerboard => Sample::Checkerboard(Checkerboard { ny: side, nx: side, ..Default::default() }),
            Self::GaussianField => Sample::GaussianField(GaussianField { ny: side, nx: side, ..Default::default() }),
            Self::GrainBoundaries => {
                Sample::GrainBoundaries(GrainBoundaries { ny: side, nx: side, ..Default::default() })
            }
            Self::Discs => Sample::Discs(Discs { ny: side, nx: side, ..Default::default() }),
        }
    }
}

impl MicrographArguments {
    /// Refuses `written` as a path to write to if a micrograph is read from it.
    pub fn check_not(&self, written: &Path) -> Result<()> {
        let further = self.further().map(|(file, _)| file);
        self.file.iter().cloned().chain(further).try_for_each(|file| check_other_file(&file, written))
    }

    /// Reads the file, or makes the built-in material.
    fn open(&self) -> Result<Micrograph> {
        if let Some(material) = self.sample {
            let sample = material.sample(self.sample_size);
            let micrograph = sample.make(self.sample_seed.unwrap_or(0), self.sample_count.unwrap_or(1))?;
            return Ok(Micrograph { voxel_size: self.voxel_size, ..micrograph });
        }
        let file = self.file.as_ref().expect("clap asks for a file or a sample");
        self.read(file, self.dataset.as_deref())
    }

    fn read(&self, file: &Path, dataset: Option<&str>) -> Result<Micrograph> {
        let segmentation = match (self.otsu, &self.thresholds) {
            (Some(n_phases), _) => Segmentation::Otsu { n_phases },
            (None, Some(thresholds)) => Segmentation::Thresholds(thresholds.clone()),
            (None, None) => Segmentation::Auto,
        };
        let options = ReadOptions { segmentation, region: self.roi.unwrap_or_default(), voxel_size: self.voxel_size };
        Micrograph::read(file, dataset, &options)
    }

    /// The micrograph, and those of further directions, which are read with the same options.
    pub fn open_all(&self) -> Result<Vec<Micrograph>> {
        let further = self.further().map(|(file, dataset)| self.read(&file, dataset.as_deref()));
        [self.open()].into_iter().chain(further).collect()
    }

    /// File and dataset of each further direction.
    fn further(&self) -> impl Iterator<Item = (PathBuf, Option<String>)> {
        [&self.across_y, &self.across_x].into_iter().flatten().map(|path| file_and_dataset(path))
    }
}

/// Warns if the model was trained on other micrographs: with other thresholds, say, a judgement is one of another material.
pub fn warn_of_other_micrographs(model: &Model, micrographs: &Directions<'_, Micrograph>) {
    let axes = if model.profile.axes() == 2 { 0..1 } else { 0..3 };
    let others = axes.filter(|&axis| !model.is_trained_on(micrographs.across(axis), axis));
    let sources: BTreeSet<String> = others.map(|axis| micrographs.across(axis).source.to_string()).collect();
    for source in sources {
        eprintln!(
            "davegan: warning: the model was not trained on this micrograph, as it is read now ({source}); if it was to be the same, \
             give --roi, --otsu and --thresholds as to davegan train"
        );
    }
}

/// The two parts of FILE:DATASET; the whole is a file if there is one of that name.
fn file_and_dataset(path: &Path) -> (PathBuf, Option<String>) {
    match path.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((file, dataset)) if !path.exists() => (file.into(), Some(dataset.into())),
        _ => (path.to_owned(), None),
    }
}

/// Source, size, the value and share of each phase, and warnings: what a user should look at before training.
pub fn describe(micrograph: &Micrograph) -> String {
    let images = &micrograph.images;
    let [_, ny, nx] = images.shape();
    let count = if images.len() > 1 { format!("{} images of ", images.len()) } else { String::new() };
    let side = micrograph.voxel_size.map(|side| format!(" of {side}")).unwrap_or_default();
    let mut text = format!("{}: {count}{nx} x {ny} pixels{side}\n", micrograph.source);
    for (phase, (value, share)) in micrograph.phase_values.iter().zip(images.volume_fractions()).enumerate() {
        let percent = 100.0 * share;
        writeln!(text, "phase {phase}: value {}, {percent:.2} %", in_short(*value))
            .expect("a text takes what is written");
    }
    micrograph.warnings.iter().for_each(|warning| text.push_str(&format!("warning: {warning}\n")));
    text
}

/// A number in at most twelve characters; with six digits where all would be more.
fn in_short(value: f64) -> String {
    let six = format!("{value:.5e}");
    let rounded: f64 = six.parse().unwrap_or(value);
    [value.to_string(), rounded.to_string()].into_iter().find(|text| text.len() <= 12).unwrap_or(six)
}

/// A trained model and which of its realisations are evaluated.
#[derive(Args)]
pub struct ModelArguments {
    /// Model file that davegan train has written
    #[arg(value_name = "MODEL")]
    path: PathBuf,
    /// Number of realisations
    #[arg(long, value_name = "N", default_value_t = 256)]
    count: usize,
    /// Seed of the realisations
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    machine: Machine,
}

/// What the work runs on; the results are the same for any number of threads.
#[derive(Args)]
pub struct Machine {
    /// Threads on the CPU; 0: one for each processor, at most OMP_NUM_THREADS
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// auto, cpu, cuda:N or wgpu:N
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Auto)]
    pub device: Device,
}

impl ModelArguments {
    /// Reads the model file.
    pub fn load(&self) -> Result<Model> {
        read_model(&self.path, self.machine.device)
    }

    /// Which realisations.
    pub fn realisations(&self) -> GenerationOptions {
        GenerationOptions {
            seed: self.seed,
            count: self.count,
            threads: self.machine.threads,
            ..GenerationOptions::default()
        }
    }
}
