//! Micrographs: read from files, taken from memory.

use std::ffi::c_char;

use super::guard::{self, guard};
use super::micrograph_options::{davegan_micrograph_options_t, side_and_unit};
use super::options::{self, StructPlace, count, unsafe_growing};
use super::pointers::{self, Buffer, Place, elements, optional_text, slice, text};
use super::status::{davegan_status_t, keep_warnings};
use crate::micrograph::{Directions, MAX_PHASES, Micrograph};
use crate::storage::{Mode, write_phase_images};
use crate::{Error, Result};

/// The largest number of phases of a micrograph.
pub const DAVEGAN_MAX_PHASES: usize = 8;
const _: () = assert!(DAVEGAN_MAX_PHASES == MAX_PHASES, "cbindgen wants the number itself");

/// One micrograph, or a stack of micrographs of the same size, as phase numbers.
///
/// Made by `davegan_micrograph_read`, `..._from_memory`, `..._sample` and `..._plane`; ended by `davegan_micrograph_free`.
pub struct davegan_micrograph_t(pub(super) Micrograph);

/// The host's micrographs of one to three directions.
pub(super) unsafe fn directions<'a>(
    micrographs: *const *const davegan_micrograph_t,
    n: usize,
) -> Result<Directions<'a, Micrograph>> {
    // SAFETY: the caller's promise. No more are looked at than there can be.
    let handles = unsafe { slice(micrographs, n.min(4), "micrographs")? };
    // SAFETY: as above.
    let given =
        handles.iter().map(|&handle| Ok(unsafe { &pointers::reference(handle, "an element of micrographs")?.0 }));
    Directions::new(given.collect::<Result<Vec<_>>>()?)
}

/// What there is to know about a micrograph.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_micrograph_info_t {
    /// Size of this struct as the caller gave it.
    pub struct_size: usize,
    /// Number of images.
    pub n_images: i64,
    /// Layers of an image: 1, but for built-in volumes.
    pub nz: i64,
    /// Rows of an image.
    pub ny: i64,
    /// Columns of an image.
    pub nx: i64,
    /// Number of phases, 2 to `DAVEGAN_MAX_PHASES`.
    pub n_phases: i32,
    /// One of `DAVEGAN_UNIT_...`, the unit of `voxel_size`.
    pub voxel_unit: i32,
    /// Share of the voxels in each phase, over all images; 0 beyond `n_phases`.
    pub volume_fraction: [f64; DAVEGAN_MAX_PHASES],
    /// Value of each phase before it was numbered: as in the file, or the mean grey level of the phase; 0 beyond
    /// `n_phases`.
    pub phase_value: [f64; DAVEGAN_MAX_PHASES],
    /// The phase with the smallest volume fraction: the one that error measures judge by default.
    pub minority_phase: i32,
    /// Columns of `davegan_micrograph_parameters`: 5 for built-in ellipses, else 0.
    pub n_parameters: i32,
    /// Side of a pixel; 0 if it is not known.
    pub voxel_size: f64,
}
// SAFETY: numbers only.
unsafe_growing!(davegan_micrograph_info_t, voxel_size);

/// One value a phase, as the arrays of C hold them: 0 beyond the last phase.
pub(super) fn per_phase(values: &[f64]) -> [f64; DAVEGAN_MAX_PHASES] {
    std::array::from_fn(|phase| values.get(phase).copied().unwrap_or(0.0))
}

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_options_init(
    options: *mut davegan_micrograph_options_t,
    size: usize,
) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || Ok(davegan_micrograph_options_t::DEFAULT)) }
}

/// Reads a micrograph from an HDF5, PNG or TIFF file, recognised by its content.
///
/// `dataset` names the dataset of an HDF5 file: `(ny, nx)`, or `(n, ny, nx)` for a stack; NULL for PNG and TIFF, or if
/// the file holds only one such dataset. `options` says how it is read; NULL for the defaults. `*micrograph` is a
/// new handle.
///
/// x runs fastest: that is `phase[ny][nx]` in C and `(ny, nx)` in h5py, but `phase(nx, ny)` in Fortran. What MATLAB
/// saves (version 7.3) is transposed to what MATLAB shows. Axes of length 1 are dropped. A stack of n images is read as
/// n micrographs of one material, not as a volume.
///
/// Phase numbers are the stored values. Thresholds and Otsu's method use grey levels. Images with a grey palette are
/// converted to 0..255. Unsigned min-is-white TIFF images are inverted.
///
/// `davegan_last_warning` tells what was decided: a data bar that was cut off, a stack, a dataset transposed, grey
/// levels that look like smoothed edges. The size of a pixel comes from `options`, else from the text of an electron
/// microscope in the file, never from a TIFF's or PNG's resolution, which is mostly that of a printer.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` for options that cannot be used or a dataset that is not named where there is
/// a choice or a region that is not inside the image, `DAVEGAN_IO` if the file cannot be read, `DAVEGAN_HDF5` if there is no such dataset (the message lists
/// those that exist), `DAVEGAN_FORMAT` if the file is of no known kind, damaged, or holds fewer than 2 or more than
/// `DAVEGAN_MAX_PHASES` phases. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_read(
    path: *const c_char,
    dataset: *const c_char,
    options: *const davegan_micrograph_options_t,
    micrograph: *mut *mut davegan_micrograph_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, path, dataset, options) = unsafe {
            let place = Place::handle(micrograph, "micrograph")?;
            (place, pointers::path(path, "path")?, optional_text(dataset, "dataset")?, options::read(options)?)
        };
        let options = options.unwrap_or(davegan_micrograph_options_t::DEFAULT).read_options()?;
        keep_warnings(&[]);
        let micrograph = Micrograph::read(path, dataset, &options)?;
        keep_warnings(&micrograph.warnings);
        place.give(davegan_micrograph_t(micrograph));
        Ok(())
    })
}

/// Makes a micrograph of `n` images of `ny` rows and `nx` columns from `phases`, `n * ny * nx` bytes, x fastest.
///
/// The distinct values are numbered from 0 in increasing order. The bytes are copied. `*micrograph` is a new handle.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if a length is 0, or there are fewer than 2 or more than `DAVEGAN_MAX_PHASES`
/// distinct values. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_from_memory(
    phases: *const u8,
    n: usize,
    ny: usize,
    nx: usize,
    micrograph: *mut *mut davegan_micrograph_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, phases) = unsafe {
            let place = Place::handle(micrograph, "micrograph")?;
            (place, slice(phases, elements(&[n, ny, nx], "phases")?, "phases")?)
        };
        place.give(davegan_micrograph_t(Micrograph::from_memory(phases, (n, ny, nx))?));
        Ok(())
    })
}

/// Tells shape, phases and volume fractions of a micrograph in `info`, a struct of `size` bytes (`sizeof *info`).
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_info(
    micrograph: *const davegan_micrograph_t,
    info: *mut davegan_micrograph_info_t,
    size: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, micrograph) =
            unsafe { (StructPlace::new(info, size, "info")?, pointers::reference(micrograph, "micrograph")?) };
        let micrograph = &micrograph.0;
        let [nz, ny, nx] = micrograph.images.shape().map(|length| length as i64);
        let (voxel_size, voxel_unit) = side_and_unit(micrograph.voxel_size);
        place.set(davegan_micrograph_info_t {
            struct_size: size,
            n_images: micrograph.images.len() as i64,
            nz,
            ny,
            nx,
            n_phases: micrograph.images.n_phases() as i32,
            voxel_unit,
            volume_fraction: per_phase(&micrograph.images.volume_fractions()),
            phase_value: per_phase(&micrograph.phase_values),
            minority_phase: micrograph.images.minority_phase().into(),
            n_parameters: micrograph.parameters.as_ref().map_or(0, |parameters| parameters.ncols() as i32),
            voxel_size,
        });
        Ok(())
    })
}

/// Copies the phase numbers of all images into `buffer`, `n_images * nz * ny * nx` bytes, x fastest.
///
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_phases(
    micrograph: *const davegan_micrograph_t,
    buffer: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let phases = unsafe { pointers::reference(micrograph, "micrograph")? }.0.images.as_slice();
        // SAFETY: as above.
        unsafe { Buffer::new(buffer, capacity, phases.len(), "the phases") }?.fill(phases);
        Ok(())
    })
}

/// Takes plane `number` across an axis, 0 to 2 for z, y and x, of each volume of a micrograph.
///
/// `*plane` is a new micrograph, of images whose rows and columns are the other two axes in their order: y and x, z and x, or z
/// and y. So a built-in volume gives micrographs to train on. Fails with `DAVEGAN_INVALID_PARAMETER` if there is no such axis or
/// plane. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_plane(
    micrograph: *const davegan_micrograph_t,
    axis: i32,
    number: i64,
    plane: *mut *mut davegan_micrograph_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, micrograph) =
            unsafe { (Place::handle(plane, "plane")?, pointers::reference(micrograph, "micrograph")?) };
        let (axis, number) = (count(axis, "axis")?, count(number, "number")?);
        place.give(davegan_micrograph_t(micrograph.0.plane(axis, number)?));
        Ok(())
    })
}

/// Copies the true parameters of built-in ellipses into `buffer`, `n_images * 5` doubles, a row an image.
///
/// A row holds the semi-axes a and b, the centre x1 (along x) and x2 (along y), all in pixels with the origin at the
/// first corner of the first pixel, and phi, the angle from x to the major axis towards y in radians. Fails with
/// `DAVEGAN_INVALID_PARAMETER` for a micrograph that has no parameters. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_parameters(
    micrograph: *const davegan_micrograph_t,
    buffer: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let micrograph = unsafe { pointers::reference(micrograph, "micrograph")? };
        let parameters = micrograph.0.parameters.as_ref().ok_or_else(|| {
            Error::invalid(format!("{} has no parameters; built-in ellipses alone have", micrograph.0.source))
        })?;
        // SAFETY: as above.
        let buffer = unsafe { Buffer::new(buffer, capacity, parameters.len(), "the parameters") }?;
        buffer.fill_each(parameters.iter().copied());
        Ok(())
    })
}

/// Writes the phase numbers of a micrograph as the dataset `dataset`, `(n_images, ny, nx)`, of the HDF5 file at `path`.
///
/// The file is created if there is none; what else it holds stays, and a dataset of that name that davegan wrote is
/// replaced. Fails as `davegan_write_images` does for a file that cannot be written. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_write(
    micrograph: *const davegan_micrograph_t,
    path: *const c_char,
    dataset: *const c_char,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (micrograph, path, dataset) = unsafe {
            (pointers::reference(micrograph, "micrograph")?, pointers::path(path, "path")?, text(dataset, "dataset")?)
        };
        write_phase_images(path, dataset, &micrograph.0.images, Mode::Replace)
    })
}

/// Ends the life of a micrograph; NULL is fine.
///
/// No other thread may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn davegan_micrograph_free(micrograph: *mut davegan_micrograph_t) {
    // SAFETY: as above.
    unsafe { guard::free(micrograph) };
}
