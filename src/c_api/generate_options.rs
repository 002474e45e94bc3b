//! The options of generation.

use std::ffi::c_void;
use std::ops::ControlFlow;

use super::guard::Host;
use super::micrograph::DAVEGAN_MAX_PHASES;
use super::micrograph_options::voxel_size;
use super::options::{self, count, switch, unsafe_growing};
use super::pointers::elements;
use super::progress::{davegan_progress_callback_t, listener};
use super::relaxation::given_fractions;
use crate::device::thread_pool;
use crate::generation::{GenerationOptions, Threshold};
use crate::micrograph::Block;
use crate::model::Model;
use crate::progress::{Progress, Tell, in_parts};
use crate::storage::{FileOptions, Layout, Mode};
use crate::{Error, Result};

/// Which realisations to make, and how. Filled by `davegan_generate_options_init`.
///
/// Realisation i depends on the model, `seed` and i alone: not on how many are made at once, by how many threads or in
/// which process. An ensemble of processes shares one seed and takes disjoint ranges.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_generate_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// Seed of the latent vectors, 0 or more; default 0.
    pub seed: i64,
    /// Index of the first realisation, at least 0; default 0.
    pub first: i64,
    /// Number of realisations, at least 1; default 1.
    pub count: i64,
    /// Voxels along x, from 32 on; default 0: those of a training tile. With a model of `DAVEGAN_PROFILE_STANDARD` or
    /// `DAVEGAN_PROFILE_VOLUME` realisations are periodic if all sides are multiples of 16; others are cut from the next
    /// larger ones. Other models make one size.
    pub nx: i64,
    /// Voxels along y, as `nx`.
    pub ny: i64,
    /// Voxels along z, as `nx`, with a model of `DAVEGAN_PROFILE_VOLUME`; for all others 1 or 0.
    pub nz: i64,
    /// Block of each realisation that is wanted, with a model that makes any size: its first voxel along x; default 0. A
    /// periodic realisation repeats along each axis, so a block may begin before 0 and go on beyond the end, for ghost layers
    /// or parts of any decomposition. All blocks of a realisation fit together.
    pub x0: i64,
    /// First voxel of the block along y.
    pub y0: i64,
    /// First voxel of the block along z.
    pub z0: i64,
    /// Voxels of the block along x; default 0: as many as the realisation has.
    pub block_nx: i64,
    /// Voxels of the block along y, as `block_nx`.
    pub block_ny: i64,
    /// Voxels of the block along z, as `block_nx`.
    pub block_nz: i64,
    /// Used by `davegan_generate_into`. Bytes from one row in the caller's memory to the next, at least the voxels of a row;
    /// default 0: rows follow one another. What lies between rows stays as it is.
    pub row_stride: i64,
    /// Used by `davegan_generate_into`. Bytes from one layer to the next, at least those of its rows; default 0: layers follow
    /// one another.
    pub layer_stride: i64,
    /// Used by `davegan_generate_into`. Bytes from one realisation to the next, at least those of all its layers; default 0:
    /// realisations follow one another.
    pub realisation_stride: i64,
    /// Threads on the CPU, 0 to 1024. Default 0: one for each processor that the calling thread may run on, by its affinity
    /// and control group, but no more than the environment variables `OMP_NUM_THREADS` (its first number) and
    /// `RAYON_NUM_THREADS` say.
    pub threads: i32,
    /// Used by `davegan_generate`. 0 (default): add to the realisations of the file; 1: remove those first.
    pub replace: i32,
    /// Used by `davegan_generate`. 1 (default): store the error (Eq. 12, minority phase) of each realisation to the
    /// nearest training tile; 0: store NaN, which saves time. NaN too for realisations that are larger than a tile.
    pub with_s2_error: i32,
    /// 1: show a progress bar on standard error, as in `davegan_train_options_t`; default 0. Used by `davegan_generate`,
    /// `davegan_volume_fraction_threshold`, `..._measure...`, `..._report`, `davegan_representative_size` and
    /// `davegan_element_statistics`.
    pub progress_bar: i32,
    /// Used by `davegan_generate`. Unit of `voxel_size`, a `DAVEGAN_UNIT_...`; default `DAVEGAN_UNIT_UNSPECIFIED`.
    pub voxel_unit: i32,
    /// Used by `davegan_generate`. Side of a voxel, required with `voxel_unit`; default 0: the micrograph's, else 1.
    pub voxel_size: f64,
    /// Seconds between two progress reports, 0 to 86400; default 0.5. Used where `progress_bar` is.
    pub progress_interval: f64,
    /// Called with the progress; default NULL. Used where `progress_bar` is. If it cancels `davegan_generate`, the
    /// realisations so far are in the file, and the message says with which `first` and `count` to go on.
    pub progress: davegan_progress_callback_t,
    /// Passed to `progress`; default NULL.
    pub user_data: *mut c_void,
    /// Volume fraction of each phase that each realisation has, to one voxel, 0 to 1 with the sum 1, with a model that
    /// makes any size. Default: all 0, as it comes.
    pub volume_fraction: [f64; DAVEGAN_MAX_PHASES],
    /// What gives a single realisation its `volume_fraction`, from `davegan_volume_fraction_threshold`; saves time where a
    /// realisation is made in blocks. Default: all 0, it is found in each call anew.
    pub threshold: davegan_threshold_t,
    /// Pixels of the smallest connected piece of a phase (8 neighbours): smaller ones take the phase around them. Each phase
    /// keeps its number of pixels. For whole realisations of at most 4,096 pixels a side, or 2^26 voxels; default 0: off.
    pub smallest_island: i32,
    /// Passes of a majority filter of 3 x 3 pixels before, 0 to 100, as `smallest_island`; default 0: off.
    pub majority: i32,
    /// Standard deviation of the volume fraction between realisations: that of the rarest phase of `volume_fraction`, which are
    /// then the means, is drawn for each realisation from a normal distribution, cut off where the reach of the model ends; the
    /// others share the rest as they do on average. Default 0: all realisations have `volume_fraction`.
    pub volume_fraction_deviation: f64,
}

/// Length of `davegan_threshold_t`.
pub const DAVEGAN_THRESHOLD_LENGTH: usize = 256;
const _: () = assert!(DAVEGAN_THRESHOLD_LENGTH == Threshold::MOST_WORDS);

/// What gives one realisation its volume fractions. Processes may send it to each other as bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_threshold_t {
    /// Meant for the library alone. All 0: none.
    pub value: [i64; DAVEGAN_THRESHOLD_LENGTH],
}

impl davegan_threshold_t {
    pub(super) const NONE: Self = Self { value: [0; DAVEGAN_THRESHOLD_LENGTH] };

    pub(super) fn new(threshold: &Threshold) -> Result<Self> {
        let (mut value, words) = (Self::NONE.value, threshold.to_words());
        let place = value.get_mut(..words.len());
        let place = place.ok_or_else(|| Error::Internal(format!("a threshold of {} numbers", words.len())))?;
        place.copy_from_slice(&words);
        Ok(Self { value })
    }

    fn read(&self) -> Result<Option<Threshold>> {
        let is_none = self.value.iter().all(|&word| word == 0);
        if is_none { Ok(None) } else { Threshold::from_words(&self.value).map(Some) }
    }
}

// SAFETY: numbers, an optional function and a pointer.
unsafe_growing!(davegan_generate_options_t, majority);

impl davegan_generate_options_t {
    pub(super) fn new() -> Self {
        let (generation, file) = (GenerationOptions::default(), FileOptions::default());
        Self {
            struct_size: size_of::<Self>(),
            seed: generation.seed as i64,
            first: generation.first as i64,
            count: generation.count as i64,
            nx: 0,
            ny: 0,
            nz: 0,
            x0: 0,
            y0: 0,
            z0: 0,
            block_nx: 0,
            block_ny: 0,
            block_nz: 0,
            row_stride: 0,
            layer_stride: 0,
            realisation_stride: 0,
            threads: generation.threads as i32,
            replace: (file.mode == Mode::Replace).into(),
            with_s2_error: file.with_s2_error.into(),
            progress_bar: 0,
            voxel_unit: 0,
            voxel_size: 0.0,
            progress_interval: file.progress_interval,
            progress: None,
            user_data: std::ptr::null_mut(),
            volume_fraction: [0.0; DAVEGAN_MAX_PHASES],
            threshold: davegan_threshold_t::NONE,
            smallest_island: 0,
            majority: 0,
            volume_fraction_deviation: 0.0,
        }
    }

    /// What `options` of the host, or NULL, ask for.
    pub(super) unsafe fn read(options: *const Self) -> Result<Self> {
        // SAFETY: the caller's promise.
        Ok(unsafe { options::read(options) }?.unwrap_or_else(Self::new))
    }

    pub(super) fn generation(&self) -> Result<GenerationOptions> {
        Ok(GenerationOptions {
            seed: count(self.seed, "seed")?,
            first: count(self.first, "first")?,
            count: count(self.count, "count")?,
            shape: self.shape()?,
            threads: count(self.threads, "threads")?,
            ..GenerationOptions::default()
        })
    }

    /// The host's receiver of progress.
    pub(super) fn listener(
        &self,
        host: &mut Host,
        what: &'static str,
    ) -> Result<impl FnMut(&Progress) -> ControlFlow<()>> {
        listener(host, what, self.progress_bar, self.progress, self.user_data)
    }

    /// Runs `work` as [`in_parts`] does, on the threads that the host asks for, with reports to it.
    pub(super) fn in_parts<T: Send>(
        &self,
        host: &mut Host,
        what: &'static str,
        parts: u64,
        work: impl FnOnce(Tell) -> Result<T> + Send,
    ) -> Result<T> {
        let pool = thread_pool(count(self.threads, "threads")?)?;
        in_parts(what, &pool, parts, self.progress_interval, &mut self.listener(host, what)?, work)
    }

    /// The shape asked for, if any.
    fn shape(&self) -> Result<Option<[usize; 3]>> {
        match [count(self.nz, "nz")?, count(self.ny, "ny")?, count(self.nx, "nx")?] {
            [0, 0, 0] => Ok(None),
            [nz, ny, nx] if ny > 0 && nx > 0 => Ok(Some([nz.max(1), ny, nx])),
            [nz, ny, nx] => Err(Error::invalid(format!(
                "nx = {nx}, ny = {ny}, nz = {nz}; give nx and ny, of volumes nz too, or 0 for the size of a training tile"
            ))),
        }
    }

    /// What is wanted of realisations of `model`.
    pub(super) fn of_model(&self, model: &Model) -> Result<GenerationOptions> {
        let volume_fractions = given_fractions(&self.volume_fraction, model.n_phases()).map(<[f64]>::to_vec);
        let options = GenerationOptions {
            volume_fractions,
            volume_fraction_deviation: self.volume_fraction_deviation,
            threshold: self.threshold.read()?,
            smallest_island: count(self.smallest_island, "smallest_island")?,
            majority: count(self.majority, "majority")?,
            ..self.generation()?
        };
        let [nz, ny, nx] = options.shape_of(model)?;
        let or_all = |size: i64, name: &str, all: usize| -> Result<usize> {
            Ok(if size == 0 { all } else { count(size, name)? })
        };
        let size = [
            or_all(self.block_nz, "block_nz", nz)?,
            or_all(self.block_ny, "block_ny", ny)?,
            or_all(self.block_nx, "block_nx", nx)?,
        ];
        let block = Block { first: [self.z0, self.y0, self.x0], size };
        Ok(GenerationOptions { block: Some(block).filter(|block| *block != Block::whole([nz, ny, nx])), ..options })
    }

    /// Bytes from one row of `shape` to the next, from one layer to the next, and from one realisation to the next.
    pub(super) fn strides(&self, [nz, ny, nx]: [usize; 3]) -> Result<[usize; 3]> {
        let at_least = |name: &str, value: i64, least: usize| match count(value, name)? {
            0 => Ok(least),
            stride if stride >= least => Ok(stride),
            stride => Err(Error::invalid(format!("{name} is {stride}; it must be 0 or at least {least}"))),
        };
        let row = at_least("row_stride", self.row_stride, nx)?;
        let rows = elements(&[row, ny], "a layer")? - (row - nx);
        let layer = at_least("layer_stride", self.layer_stride, rows)?;
        let layers = elements(&[layer, nz], "a realisation")? - (layer - rows);
        Ok([row, layer, at_least("realisation_stride", self.realisation_stride, layers)?])
    }

    pub(super) fn file(&self, group: Option<&str>) -> Result<FileOptions> {
        Ok(FileOptions {
            layout: group.map_or(Layout::VtkHdf, |group| Layout::Group(group.to_owned())),
            mode: if switch(self.replace, "replace")? { Mode::Replace } else { Mode::Append },
            voxel_size: voxel_size(self.voxel_size, self.voxel_unit)?,
            with_s2_error: switch(self.with_s2_error, "with_s2_error")?,
            progress_interval: self.progress_interval,
        })
    }
}

/// What `options` of the host, or NULL, ask for, as far as realisations in memory go.
pub(super) unsafe fn read_options(options: *const davegan_generate_options_t) -> Result<GenerationOptions> {
    // SAFETY: the caller's promise.
    unsafe { davegan_generate_options_t::read(options) }?.generation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_come_back_as_they_were() {
        let options = davegan_generate_options_t::new();
        assert_eq!(options.generation(), Ok(GenerationOptions::default()));
        assert_eq!(options.file(None), Ok(FileOptions::default()));
    }

    #[test]
    fn rows_may_lie_apart_but_not_overlap() {
        let strides = |row_stride, realisation_stride| {
            let options =
                davegan_generate_options_t { row_stride, realisation_stride, ..davegan_generate_options_t::new() };
            options.strides([1, 3, 10]).map_err(|error| error.to_string())
        };
        assert_eq!(strides(0, 0), Ok([10, 30, 30]));
        assert_eq!(strides(12, 0), Ok([12, 34, 34]));
        assert_eq!(strides(12, 36), Ok([12, 34, 36]));
        let volume =
            davegan_generate_options_t { row_stride: 12, layer_stride: 40, ..davegan_generate_options_t::new() };
        assert_eq!(volume.strides([2, 3, 10]), Ok([12, 40, 74]));
        let error = davegan_generate_options_t { layer_stride: 33, ..volume }.strides([2, 3, 10]).unwrap_err();
        assert!(error.to_string().contains("layer_stride is 33; it must be 0 or at least 34"));
        assert!(strides(9, 0).unwrap_err().contains("row_stride is 9; it must be 0 or at least 10"));
        assert!(strides(12, 33).unwrap_err().contains("realisation_stride is 33; it must be 0 or at least 34"));
        assert!(strides(i64::MAX, 0).is_err() && strides(-1, 0).unwrap_err().contains("row_stride is -1"));
    }

    #[test]
    fn a_group_and_the_switches_are_understood() {
        let options = davegan_generate_options_t { replace: 1, with_s2_error: 0, ..davegan_generate_options_t::new() };
        let file = options.file(Some("rve")).unwrap();
        assert_eq!((file.layout, file.mode, file.with_s2_error), (Layout::Group("rve".into()), Mode::Replace, false));
        let options = davegan_generate_options_t { first: -1, ..options };
        assert!(options.generation().unwrap_err().to_string().contains("first is -1"));
    }
}
