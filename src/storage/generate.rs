//! Realisations of a model, appended to a file as they are made.

use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;

use super::{Header, Layout, Mode, RealisationFile, model_digest};
use crate::descriptor::PairCounts;
use crate::device::thread_pool;
use crate::error::counted;
use crate::generation::{GenerationOptions, generate_batches};
use crate::micrograph::{LengthUnit, PhaseImages, VoxelSize};
use crate::model::Model;
use crate::progress::{Pace, ProgressCallback, check_interval};
use crate::{Error, Result};

/// How realisations are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct FileOptions {
    /// VTKHDF for ParaView, or a group of the host's own file.
    pub layout: Layout,
    /// Keep or replace realisations that are already there.
    pub mode: Mode,
    /// Side of a voxel; `None`: that of the micrograph, or 1 if it is not known.
    pub voxel_size: Option<VoxelSize>,
    /// Whether the error of each realisation to the nearest training tile is computed (Eq. 12, minority phase), if it
    /// has the size of one.
    pub with_s2_error: bool,
    /// Seconds between two reports of progress; 0: after every batch.
    pub progress_interval: f64,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            layout: Layout::VtkHdf,
            mode: Mode::Append,
            voxel_size: None,
            with_s2_error: true,
            progress_interval: 0.5,
        }
    }
}

/// Appends realisations to the HDF5 file at `path`; `progress` is called on this thread.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, [`Error::Cancelled`] if `progress` asked to stop, with the
/// realisations so far in the file, and those of [`RealisationFile::open`].
pub fn generate_to_file(
    model: &Model,
    path: &Path,
    options: &GenerationOptions,
    file_options: &FileOptions,
    progress: ProgressCallback,
) -> Result<()> {
    options.validate()?;
    check_interval(file_options.progress_interval)?;
    let pool = thread_pool(options.threads)?;
    let judged = model.tiles.minority_phase();
    let counts = || PairCounts::new(&model.tiles, judged);
    // Eq. 12 compares images of one size.
    let of_tiles = options.extent_of(model)? == model.shape();
    let tiles = (of_tiles && file_options.with_s2_error).then(|| pool.install(counts)).transpose()?;
    pool.install(|| options.require_memory(model))?;
    let header = header(model, options, file_options)?;
    let mut file = RealisationFile::open(path, &file_options.layout, &header, file_options.mode)?;
    let steps = options.count as u64;
    let pace = Pace::new(0, steps, file_options.progress_interval);
    let mut due = pace.next_report();
    generate_batches(model, options, &pool, |first, images| {
        let errors = match &tiles {
            Some(tiles) => pool.install(|| nearest(tiles, images, judged))?,
            None => vec![f64::NAN; images.len()],
        };
        file.append(first, images, &errors)?;
        let done = first - options.first + images.len() as u64;
        if done == steps || Instant::now() >= due {
            due = pace.next_report();
            if progress(&pace.report(done, None)).is_break() {
                return Err(Error::Cancelled(format!(
                    "generation was cancelled after {done} of {}; {} holds them",
                    counted(steps, "realisation"),
                    path.display()
                )));
            }
        }
        Ok(())
    })?;
    file.finish()
}

/// Eq. 12 from each image to the nearest training tile.
fn nearest(tiles: &PairCounts, images: &PhaseImages, phase: u8) -> Result<Vec<f64>> {
    let counts = PairCounts::new(images, phase)?;
    (0..images.len()).into_par_iter().map(|index| Ok(counts.nearest(index, tiles)?.1)).collect()
}

fn header(model: &Model, options: &GenerationOptions, file_options: &FileOptions) -> Result<Header> {
    let text = |name: &str, value: String| (name.to_owned(), value);
    let VoxelSize { side, unit } = file_options.voxel_size.or(model.origin.voxel_size).unwrap_or_default();
    let mut identity = vec![text("model_sha256", model_digest(model)?)];
    if unit != LengthUnit::Unspecified {
        identity.push(text("voxel_unit", unit.symbol().to_owned()));
    }
    if let Some(fractions) = &options.volume_fractions {
        identity.push(text("volume_fractions", format!("{fractions:?}")));
    }
    Ok(Header {
        shape: options.extent_of(model)?,
        first_voxel: options.block.map_or([0; 3], |block| block.first),
        whole_shape: options.shape_of(model)?,
        n_phases: model.n_phases(),
        seed: options.seed,
        voxel_size: side,
        identity,
        provenance: vec![
            text("library_version", env!("CARGO_PKG_VERSION").to_owned()),
            text("micrograph", model.origin.source.clone()),
            text("phase_values", format!("{:?}", model.origin.phase_values)),
            text("training_steps", model.record.steps.to_string()),
        ],
    })
}
