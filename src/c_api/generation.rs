//! Realisations of a model.

use std::ffi::{c_char, c_void};

use super::guard::{guard, guard_with_host};
use super::micrograph::DAVEGAN_MAX_PHASES;
use super::micrograph_options::voxel_size;
use super::model::davegan_model_t;
use super::options::{self, Growing, StructPlace, count, end_of, switch};
use super::pointers::{self, Buffer, Place, elements, optional_text, reference};
use super::progress::{Audience, davegan_progress_callback_t};
use super::relaxation::given_fractions;
use super::status::davegan_status_t;
use crate::device::thread_pool;
use crate::generation::{self, GenerationOptions, Threshold};
use crate::micrograph::Block;
use crate::model::Model;
use crate::storage::{FileOptions, Layout, Mode, generate_to_file};
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
    /// Pixels along x, from 32 on; default 0: those of a training tile. With a model of `DAVEGAN_PROFILE_STANDARD`
    /// realisations are periodic if `nx` and `ny` are multiples of 16; others are cut from the next larger ones. Other
    /// models make one size.
    pub nx: i64,
    /// Pixels along y, as `nx`.
    pub ny: i64,
    /// Block of each realisation that is wanted, with a model of `DAVEGAN_PROFILE_STANDARD`: its first pixel along x; default 0.
    /// A periodic realisation repeats along x and y, so a block may begin before 0 and go on beyond the end, for ghost layers or
    /// parts of any decomposition. All blocks of a realisation fit together.
    pub x0: i64,
    /// First pixel of the block along y.
    pub y0: i64,
    /// Pixels of the block along x; default 0: as many as the realisation has.
    pub block_nx: i64,
    /// Pixels of the block along y, as `block_nx`.
    pub block_ny: i64,
    /// Used by `davegan_generate_into`. Bytes from one row in the caller's memory to the next, at least the pixels of a row;
    /// default 0: rows follow one another. What lies between rows stays as it is.
    pub row_stride: i64,
    /// Used by `davegan_generate_into`. Bytes from one realisation to the next, at least those of all its rows; default 0:
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
    /// 1: show a progress bar on standard error; default 0. Used by `davegan_generate`, `..._measure...`, `..._report`,
    /// `davegan_representative_size` and `davegan_element_statistics`.
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
    /// Volume fraction of each phase that each realisation has, to one voxel, 0 to 1 with the sum 1, with a model of
    /// `DAVEGAN_PROFILE_STANDARD`. Default: all 0, as it comes.
    pub volume_fraction: [f64; DAVEGAN_MAX_PHASES],
    /// What gives a single realisation its `volume_fraction`, from `davegan_volume_fraction_threshold`; saves time where a
    /// realisation is made in blocks. Default: all 0, it is found in each call anew.
    pub threshold: davegan_threshold_t,
    /// Pixels of the smallest connected piece of a phase (8 neighbours): smaller ones take the phase around them. Each phase
    /// keeps its number of pixels. For whole realisations of at most 4,096 pixels a side; default 0: off.
    pub smallest_island: i32,
    /// Passes of a majority filter of 3 x 3 pixels before, 0 to 100, as `smallest_island`; default 0: off.
    pub majority: i32,
}

/// Length of `davegan_threshold_t`.
pub const DAVEGAN_THRESHOLD_LENGTH: usize = 256;

/// What gives one realisation its volume fractions. Processes may send it to each other as bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_threshold_t {
    /// Meant for the library alone. All 0: none.
    pub value: [i64; DAVEGAN_THRESHOLD_LENGTH],
}

impl davegan_threshold_t {
    const NONE: Self = Self { value: [0; DAVEGAN_THRESHOLD_LENGTH] };

    fn new(threshold: &Threshold) -> Result<Self> {
        let (mut value, words) = (Self::NONE.value, threshold.to_words());
        let place = value.get_mut(..words.len()).ok_or_else(|| {
            Error::invalid(
                "the realisation has to change too much for these volume fractions; ask for some nearer to those of the \
                 micrograph, or for a larger realisation",
            )
        })?;
        place.copy_from_slice(&words);
        Ok(Self { value })
    }

    fn read(&self) -> Result<Option<Threshold>> {
        let is_none = self.value.iter().all(|&word| word == 0);
        if is_none { Ok(None) } else { Threshold::from_words(&self.value).map(Some) }
    }
}

// SAFETY: numbers, an optional function and a pointer.
unsafe impl Growing for davegan_generate_options_t {
    const NAME: &'static str = "davegan_generate_options_t";
    const VERSION_1: usize = end_of!(Self, majority);
}

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
            x0: 0,
            y0: 0,
            block_nx: 0,
            block_ny: 0,
            row_stride: 0,
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

    /// The shape asked for, if any.
    fn shape(&self) -> Result<Option<[usize; 3]>> {
        match (count(self.ny, "ny")?, count(self.nx, "nx")?) {
            (0, 0) => Ok(None),
            (ny, nx) if ny > 0 && nx > 0 => Ok(Some([1, ny, nx])),
            (ny, nx) => {
                Err(Error::invalid(format!("nx = {nx}, ny = {ny}; give both, or 0 for the size of a training tile")))
            }
        }
    }

    /// What is wanted of realisations of `model`.
    fn of_model(&self, model: &Model) -> Result<GenerationOptions> {
        let volume_fractions = given_fractions(&self.volume_fraction, model.n_phases()).map(<[f64]>::to_vec);
        let options = GenerationOptions {
            volume_fractions,
            threshold: self.threshold.read()?,
            smallest_island: count(self.smallest_island, "smallest_island")?,
            majority: count(self.majority, "majority")?,
            ..self.generation()?
        };
        let [nz, ny, nx] = options.shape_of(model)?;
        let or_all = |size: i64, name: &str, all: usize| -> Result<usize> {
            Ok(if size == 0 { all } else { count(size, name)? })
        };
        let size = [nz, or_all(self.block_ny, "block_ny", ny)?, or_all(self.block_nx, "block_nx", nx)?];
        let block = Block { first: [0, self.y0, self.x0], size };
        Ok(GenerationOptions { block: Some(block).filter(|block| *block != Block::whole([nz, ny, nx])), ..options })
    }

    /// Bytes from one row of `shape` to the next, and from one realisation to the next.
    fn strides(&self, [nz, ny, nx]: [usize; 3]) -> Result<[usize; 2]> {
        let at_least = |name: &str, value: i64, least: usize| match count(value, name)? {
            0 => Ok(least),
            stride if stride >= least => Ok(stride),
            stride => Err(Error::invalid(format!("{name} is {stride}; it must be 0 or at least {least}"))),
        };
        let row = at_least("row_stride", self.row_stride, nx)?;
        let rows = elements(&[row, nz, ny], "a realisation")?;
        Ok([row, at_least("realisation_stride", self.realisation_stride, rows - (row - nx))?])
    }

    fn file(&self, group: Option<&str>) -> Result<FileOptions> {
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

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_generate_options_init(
    options: *mut davegan_generate_options_t,
    size: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        unsafe { StructPlace::new(options, size, "options") }?.set(davegan_generate_options_t::new());
        Ok(())
    })
}

/// Makes realisations and adds them to the HDF5 file at `path`.
///
/// `group` NULL: a VTKHDF file, which ParaView 5.12 or newer opens, with the phases in `/VTKHDF/CellData/phase`, `(nz,
/// ny, nx)` for one realisation and `(n, nz, ny, nx)`, a time series, for several. Otherwise the name of a group,
/// created if need be, in a file that may hold other things: `<group>/phase`, `(n, nz, ny, nx)`. Indices, volume
/// fractions and errors are in `/davegan`, or in the group. The file is created if there is none. `options` NULL means
/// the defaults: one realisation.
///
/// A realisation, or a block of one, of more than 4,096 pixels along x or y is made and stored in blocks of at most 4,096 x
/// 4,096 pixels, in the memory of one, unless volume fractions are given. The callback is called between blocks, and counts
/// them. If the call is cancelled, fails or is killed, whole blocks stay. The next call that adds this realisation, as large
/// and with the same seed, goes on behind them: call again without `replace`, with `first` the index of this realisation.
///
/// A process that is killed on the way leaves all earlier realisations, and perhaps `path` with `.davegan-journal` appended:
/// a journal with which the next call completes what was begun.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if an option is out of range or the file already holds a realisation of that
/// index (set `replace` or a larger `first`), `DAVEGAN_IO` if the file cannot be written or is open elsewhere, also in
/// another call, `DAVEGAN_FORMAT` if it is no HDF5 file, a model file, or holds realisations of another model, seed or
/// voxel size, `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread; two calls at once need
/// two files.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_generate(
    model: *const davegan_model_t,
    path: *const c_char,
    group: *const c_char,
    options: *const davegan_generate_options_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (model, path, group, options) = unsafe {
            let model = &reference(model, "model")?.0;
            let group = optional_text(group, "group")?;
            (model, pointers::path(path, "path")?, group, davegan_generate_options_t::read(options)?)
        };
        let mut audience = Audience::new("generating", options.progress_bar, options.progress, options.user_data)?;
        let (options, file_options) = (options.of_model(model)?, options.file(group)?);
        generate_to_file(model, path, &options, &file_options, &mut |progress| audience.tell(host, progress))
    })
}

/// Makes realisations, or a block of each, in the caller's memory: `count * nz * ny * nx` bytes of phase numbers, x fastest.
///
/// Of `options`, those before `replace` and from `volume_fraction` on are used; NULL means the defaults: one
/// realisation. Fails with `DAVEGAN_INVALID_PARAMETER` for an option out of range, `DAVEGAN_BUFFER_SIZE` if `capacity` ends
/// before the last row. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_generate_into(
    model: *const davegan_model_t,
    options: *const davegan_generate_options_t,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, raw) = unsafe { (&reference(model, "model")?.0, davegan_generate_options_t::read(options)?) };
        let options = raw.of_model(model)?;
        options.validate()?;
        let [nz, ny, nx] = options.extent_of(model)?;
        let [row, realisation] = raw.strides([nz, ny, nx])?;
        let voxels = elements(&[options.count - 1, realisation], "the realisations")?
            .checked_add(row * (nz * ny - 1) + nx)
            .ok_or_else(|| Error::invalid("the realisations have more bytes than can be counted; ask for fewer"))?;
        // SAFETY: as above.
        let mut buffer = unsafe { Buffer::new(phases, capacity, voxels, "the realisations") }?;
        if voxels == options.count * nz * ny * nx {
            return generation::generate_into(model, &options, buffer.zeroed());
        }
        let pool = thread_pool(options.threads)?;
        generation::generate_batches(model, &options, &pool, |first, images| {
            for (index, image) in (first - options.first..).zip(images.as_slice().chunks_exact(nz * ny * nx)) {
                for (number, pixels) in image.chunks_exact(nx).enumerate() {
                    buffer.put(index as usize * realisation + number * row, pixels);
                }
            }
            Ok(())
        })
    })
}

/// Finds what gives realisation `first` the `volume_fraction` of `options`, once for all its blocks.
///
/// Of `options`, `seed`, `first`, `nx`, `ny`, `threads` and `volume_fraction` are used. `threshold`, which may be the one in
/// `options`, then serves for calls with the same values of these, but for `threads`, and `count` = 1. So one process finds
/// it and sends it to the others, and each makes its block. The realisation is made several times for it, in blocks of at
/// most 4096 x 4096 pixels.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` for an option out of range or without `volume_fraction`; `threshold` is then all
/// 0. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_volume_fraction_threshold(
    model: *const davegan_model_t,
    options: *const davegan_generate_options_t,
    threshold: *mut davegan_threshold_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above. Options are copied before the threshold, which may lie in them, is written.
        let (raw, place, model) = unsafe {
            let raw = davegan_generate_options_t::read(options);
            let place = Place::new(threshold, davegan_threshold_t::NONE, "threshold")?;
            (raw?, place, &reference(model, "model")?.0)
        };
        let raw = davegan_generate_options_t { threshold: davegan_threshold_t::NONE, ..raw };
        place.set(davegan_threshold_t::new(&generation::threshold(model, &raw.of_model(model)?)?)?);
        Ok(())
    })
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
        assert_eq!(strides(0, 0), Ok([10, 30]));
        assert_eq!(strides(12, 0), Ok([12, 34]));
        assert_eq!(strides(12, 36), Ok([12, 36]));
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
