//! Realisations of a model, appended to a file as they are made.

use std::cell::{Cell, RefCell};
use std::path::Path;

use ndarray::Array4;
use rayon::prelude::*;

use super::{Header, Layout, Mode, PERIODIC, RealisationFile, VOXEL_UNIT, model_digest};
use crate::Result;
use crate::descriptor::PairCounts;
use crate::device::ThreadPool;
use crate::error::counted;
use crate::generation::{BlockMaker, GenerationOptions, block_sides, generate_batches, parts};
use crate::micrograph::{PhaseImages, VoxelSize};
use crate::model::Model;
use crate::progress::{ProgressCallback, Reports, telling};

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
/// Those of more than [`block_sides`] voxels along an axis are made and appended block by block; `progress` counts blocks
/// then. If this is interrupted, the next call that appends the same realisation goes on behind the last block that is whole.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for an option out of range,
/// [`Error::Cancelled`](crate::Error::Cancelled) if `progress` asked to stop, with the realisations so far in the file, and
/// those of [`RealisationFile::open`].
pub fn generate_to_file(
    model: &Model,
    path: &Path,
    options: &GenerationOptions,
    file_options: &FileOptions,
    progress: ProgressCallback,
) -> Result<()> {
    generate_in_blocks_of(block_sides(options.shape_of(model)?), model, path, options, file_options, progress)
}

/// [`generate_to_file`] with blocks of at most `sides` voxels.
fn generate_in_blocks_of(
    sides: [usize; 3],
    model: &Model,
    path: &Path,
    options: &GenerationOptions,
    file_options: &FileOptions,
    progress: ProgressCallback,
) -> Result<()> {
    options.validate()?;
    let extent = options.extent_of(model)?;
    let n_blocks = if model.profile.is_fully_convolutional() { parts(extent, sides).len() as u64 } else { 1 };
    let steps = (options.count as u64).saturating_mul(n_blocks);
    let mut reports = Reports::new(steps, file_options.progress_interval, progress)?;
    let pool = model.thread_pool(options.threads)?;
    let judged = model.tiles.minority_phase();
    let counts = || PairCounts::new(&model.tiles, judged);
    // Eq. 12 compares images of one size.
    let of_tiles = extent == model.tiles.shape() && n_blocks == 1;
    let tiles = (of_tiles && file_options.with_s2_error).then(|| pool.install(counts)).transpose()?;
    pool.install(|| options.require_memory(model))?;
    let header = header(model, options, file_options)?;
    let mut file = RealisationFile::open(path, &file_options.layout, &header, file_options.mode)?;
    if n_blocks > 1 {
        append_in_blocks(sides, model, options, &pool, &mut file, &mut reports)?;
        return file.finish();
    }
    let (done, reports) = (Cell::new(0), RefCell::new(reports));
    let tell = || {
        reports.borrow_mut().tell(done.get(), || {
            let (done, all) = (done.get(), counted(steps, "realisation"));
            let held = if done == 0 { "none of them" } else { "them" };
            let advice = to_go_on(options.first + done, steps - done);
            format!("generation was cancelled after {done} of {all}; {} holds {held}; {advice}", path.display())
        })
    };
    generate_batches(model, options, &pool, tell, |first, images| {
        let errors = match &tiles {
            Some(tiles) => pool.install(|| nearest(tiles, images, judged))?,
            None => vec![f64::NAN; images.len()],
        };
        file.append(first, images, &errors)?;
        done.set(first - options.first + images.len() as u64);
        tell()
    })?;
    file.finish()
}

/// What to do after a cancelled call, where realisations `first..first + left` are not in the file.
fn to_go_on(first: u64, left: u64) -> String {
    match left {
        0 => "nothing is left to do".to_owned(),
        left => format!("to go on, add to the file with first = {first}, count = {left}"),
    }
}

/// Makes realisations block by block and adds the blocks to `file`, but for those that are there.
fn append_in_blocks(
    sides: [usize; 3],
    model: &Model,
    options: &GenerationOptions,
    pool: &ThreadPool,
    file: &mut RealisationFile,
    reports: &mut Reports,
) -> Result<()> {
    let extent = options.extent_of(model)?;
    let n_blocks = parts(extent, sides).len() as u64;
    let count = options.count as u64;
    let mut maker = pool.install(|| BlockMaker::new(model, options))?;
    for number in 0..count {
        let index = options.first + number;
        let told = || {
            reports.tell(number * n_blocks, || {
                let advice = to_go_on(index, count - number);
                format!("generation was cancelled while volume fractions of realisation {index} were found; {advice}")
            })
        };
        let mut realisation = telling(pool, told, |tell| pool.install(|| maker.begin(index, tell)))?;
        let mut done = file.begin(index, sides[2], n_blocks)?;
        if number == 0 {
            reports.go_on_from(done);
        }
        let mut parts = parts(extent, sides).skip(done as usize);
        loop {
            if let Some(part) = parts.next() {
                let [nz, ny, nx] = part.size;
                let phases = pool.install(|| realisation.part(&part))?;
                let phases = Array4::from_shape_vec((1, nz, ny, nx), phases).expect("as many as in the shape");
                file.add_block(part.first, &PhaseImages::new(phases, model.n_phases())?)?;
                done += 1;
            }
            if done == n_blocks {
                file.end()?;
            }
            reports.tell(number * n_blocks + done, || {
                let is_whole = u64::from(done == n_blocks);
                let advice = to_go_on(index + is_whole, count - number - is_whole);
                let of_all = counted(n_blocks, "block");
                format!(
                    "generation was cancelled after {done} of {of_all} of realisation {index}, which are kept; {advice}"
                )
            })?;
            if done == n_blocks {
                break;
            }
        }
    }
    Ok(())
}

/// Eq. 12 from each image to the nearest training tile.
fn nearest(tiles: &PairCounts, images: &PhaseImages, phase: u8) -> Result<Vec<f64>> {
    let counts = PairCounts::new(images, phase)?;
    (0..images.len()).into_par_iter().map(|index| counts.smallest_error(index, tiles)).collect()
}

fn header(model: &Model, options: &GenerationOptions, file_options: &FileOptions) -> Result<Header> {
    let text = |name: &str, value: String| (name.to_owned(), value);
    let VoxelSize { side, unit } = file_options.voxel_size.or(model.origin.voxel_size).unwrap_or_default();
    let is_cut = model.profile.is_fully_convolutional() && !options.are_periodic(model)?;
    let unless_off = |value: usize, off: usize| if value > off { value.to_string() } else { String::new() };
    let fractions = options.volume_fractions.as_ref().map(|fractions| format!("{fractions:?}"));
    let deviation = match options.volume_fraction_deviation {
        0.0 => String::new(),
        deviation => deviation.to_string(),
    };
    Ok(Header {
        shape: options.extent_of(model)?,
        first_voxel: options.block.map_or([0; 3], |block| block.first),
        whole_shape: options.shape_of(model)?,
        n_phases: model.n_phases(),
        seed: options.seed,
        voxel_size: side,
        identity: vec![
            text("model_sha256", model_digest(model)?),
            text(VOXEL_UNIT, unit.symbol().to_owned()),
            text(PERIODIC, if is_cut { "no" } else { "" }.to_owned()),
            text("volume_fractions", fractions.unwrap_or_default()),
            text("volume_fraction_deviation", deviation),
            text("smallest_island", unless_off(options.smallest_island, 1)),
            text("majority", unless_off(options.majority, 0)),
        ],
        provenance: vec![
            text("library_version", env!("CARGO_PKG_VERSION").to_owned()),
            text("micrograph", model.origin.source.to_string()),
            text("phase_values", format!("{:?}", model.origin.phase_values)),
            text("training_steps", model.record.steps.to_string()),
        ],
    })
}

#[cfg(test)]
mod tests;
