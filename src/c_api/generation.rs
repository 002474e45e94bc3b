//! Realisations of a model.

use std::ffi::{c_char, c_void};

use super::guard::{guard, guard_with_host};
use super::micrograph_options::voxel_size;
use super::model::davegan_model_t;
use super::options::{self, Growing, StructPlace, count, end_of, switch};
use super::pointers::{self, Buffer, elements, optional_text, reference};
use super::progress::{Audience, davegan_progress_callback_t};
use super::status::davegan_status_t;
use crate::generation::{self, GenerationOptions};
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
    /// Pixels along x, a multiple of 16 from 32 on; default 0: those of a training tile. With a model of
    /// `DAVEGAN_PROFILE_FIELD` realisations of any size are periodic; other models make one size.
    pub nx: i64,
    /// Pixels along y, as `nx`.
    pub ny: i64,
    /// Threads on the processor, 0 to 1024; default 0: one a core.
    pub threads: i32,
    /// Used by `davegan_generate`. 0 (default): add to the realisations of the file; 1: remove those first.
    pub replace: i32,
    /// Used by `davegan_generate`. 1 (default): store the error (Eq. 12, minority phase) of each realisation to the
    /// nearest training tile; 0: store NaN, which saves time. NaN too for realisations that are larger than a tile.
    pub with_s2_error: i32,
    /// 1: show a progress bar on standard error; default 0. Used by `davegan_generate`, `..._measure...`, `..._report`.
    pub progress_bar: i32,
    /// Used by `davegan_generate`. Unit of `voxel_size`, a `DAVEGAN_UNIT_...`; default `DAVEGAN_UNIT_UNSPECIFIED`.
    pub voxel_unit: i32,
    /// Used by `davegan_generate`. Side of a voxel, required with `voxel_unit`; default 0: the micrograph's, else 1.
    pub voxel_size: f64,
    /// Seconds between two progress reports, 0 to 86400; default 0.5. Used where `progress_bar` is.
    pub progress_interval: f64,
    /// Called with the progress; default NULL. Used where `progress_bar` is. If it cancels `davegan_generate`, the
    /// realisations so far are in the file.
    pub progress: davegan_progress_callback_t,
    /// Passed to `progress`; default NULL.
    pub user_data: *mut c_void,
}
// SAFETY: numbers, an optional function and a pointer.
unsafe impl Growing for davegan_generate_options_t {
    const NAME: &'static str = "davegan_generate_options_t";
    const VERSION_1: usize = end_of!(Self, user_data);
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
            threads: generation.threads as i32,
            replace: (file.mode == Mode::Replace).into(),
            with_s2_error: file.with_s2_error.into(),
            progress_bar: 0,
            voxel_unit: 0,
            voxel_size: 0.0,
            progress_interval: file.progress_interval,
            progress: None,
            user_data: std::ptr::null_mut(),
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
        generate_to_file(model, path, &options.generation()?, &options.file(group)?, &mut |progress| {
            audience.tell(host, progress)
        })
    })
}

/// Makes realisations in the caller's memory: `count * nz * ny * nx` bytes of phase numbers, x fastest.
///
/// Of `options`, `seed`, `first`, `count`, `nx`, `ny` and `threads` are used; NULL means the defaults: one realisation. Fails with
/// `DAVEGAN_INVALID_PARAMETER` for an option out of range. May be called from any thread.
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
        let (model, options) = unsafe { (&reference(model, "model")?.0, read_options(options)?) };
        options.validate()?;
        let [nz, ny, nx] = options.shape_of(model)?;
        let voxels = elements(&[options.count, nz, ny, nx], "the realisations")?;
        // SAFETY: as above.
        let mut buffer = unsafe { Buffer::new(phases, capacity, voxels, "the realisations") }?;
        generation::generate_into(model, &options, buffer.zeroed())
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
    fn a_group_and_the_switches_are_understood() {
        let options = davegan_generate_options_t { replace: 1, with_s2_error: 0, ..davegan_generate_options_t::new() };
        let file = options.file(Some("rve")).unwrap();
        assert_eq!((file.layout, file.mode, file.with_s2_error), (Layout::Group("rve".into()), Mode::Replace, false));
        let options = davegan_generate_options_t { first: -1, ..options };
        assert!(options.generation().unwrap_err().to_string().contains("first is -1"));
    }
}
