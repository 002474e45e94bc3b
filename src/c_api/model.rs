//! Trained models.

use std::ffi::c_char;

use super::device;
use super::guard::{self, guard};
use super::micrograph::{DAVEGAN_MAX_PHASES, per_phase};
use super::micrograph_options::side_and_unit;
use super::options::{StructPlace, unsafe_growing};
use super::pointers::{self, Buffer, Place, reference};
use super::status::davegan_status_t;
use super::train_options::profile_code;
use crate::model::Model;
use crate::storage::{read_model, write_model};

/// A trained model.
///
/// Made by `davegan_train`, `davegan_train_micrograph` or `davegan_model_load`; ended by `davegan_model_free`. Any number of threads may use it at once.
pub struct davegan_model_t(pub(super) Model);

// What the header promises: a handle may be used from many threads at once.
const _: fn() = || {
    fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Model>();
};

/// What there is to know about a model.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_model_info_t {
    /// Size of this struct as the caller gave it.
    pub struct_size: usize,
    /// Architecture, one of `DAVEGAN_PROFILE_...`.
    pub profile: i32,
    /// Number of phases, 2 to `DAVEGAN_MAX_PHASES`.
    pub n_phases: i32,
    /// Latents of an image of the size of a training tile.
    pub latent_size: i32,
    /// The phase of the training tiles with the smallest volume fraction: the one that error measures judge by default.
    pub minority_phase: i32,
    /// Layers of an image; 1.
    pub nz: i64,
    /// Rows of an image.
    pub ny: i64,
    /// Columns of an image.
    pub nx: i64,
    /// Number of training tiles.
    pub n_tiles: i64,
    /// Training steps done.
    pub steps: i64,
    /// Training steps planned; more than `steps` if training was interrupted.
    pub steps_planned: i64,
    /// Seed of the training.
    pub seed: i64,
    /// Rows of the loss history.
    pub n_history: i64,
    /// Share of the voxels of the training tiles in each phase; 0 beyond `n_phases`.
    pub volume_fraction: [f64; DAVEGAN_MAX_PHASES],
    /// Value of each phase in the micrograph, before it was numbered; 0 beyond `n_phases`.
    pub phase_value: [f64; DAVEGAN_MAX_PHASES],
    /// One of `DAVEGAN_UNIT_...`, the unit of `voxel_size`.
    pub voxel_unit: i32,
    /// Side of a pixel of the micrograph; 0 if it is not known.
    pub voxel_size: f64,
}
// SAFETY: numbers only.
unsafe_growing!(davegan_model_info_t, voxel_size);

/// Loads a model file onto a device.
///
/// `device` is one of `DAVEGAN_DEVICE_KIND_...`, `device_index` the number of an accelerator. `*model` is a new handle.
///
/// Fails with `DAVEGAN_IO` if there is no such file, `DAVEGAN_FORMAT` if it is no whole model file or of a later
/// version, `DAVEGAN_DEVICE` if this build has no such device. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_model_load(
    path: *const c_char,
    device: i32,
    device_index: i32,
    model: *mut *mut davegan_model_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (place, path) = unsafe { (Place::handle(model, "model")?, pointers::path(path, "path")?) };
        place.give(davegan_model_t(read_model(path, device::device(device, device_index)?)?));
        Ok(())
    })
}

/// Writes a model to the file at `path`, or replaces it in one step.
///
/// The file is for `davegan_model_load`; a training cannot be resumed from it. Equal models give equal bytes. Fails with
/// `DAVEGAN_IO` if the file cannot be written, and `DAVEGAN_FORMAT` if something else than a model file is there; that
/// is untouched then. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_model_save(model: *const davegan_model_t, path: *const c_char) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, path) = unsafe { (&reference(model, "model")?.0, pointers::path(path, "path")?) };
        write_model(model, path)
    })
}

/// Tells what there is to know about a model in `info`, a struct of `size` bytes (`sizeof *info`).
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_model_info(
    model: *const davegan_model_t,
    info: *mut davegan_model_info_t,
    size: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, model) = unsafe { (StructPlace::new(info, size, "info")?, reference(model, "model")?) };
        let model = &model.0;
        let [nz, ny, nx] = model.shape().map(|length| length as i64);
        let (voxel_size, voxel_unit) = side_and_unit(model.origin.voxel_size);
        place.set(davegan_model_info_t {
            struct_size: size,
            profile: profile_code(model.profile),
            n_phases: model.n_phases() as i32,
            latent_size: model.latent_size as i32,
            minority_phase: model.tiles.minority_phase().into(),
            nz,
            ny,
            nx,
            n_tiles: model.tiles.len() as i64,
            steps: model.record.steps as i64,
            steps_planned: model.record.steps_planned as i64,
            seed: model.record.seed as i64,
            n_history: model.record.history.len() as i64,
            volume_fraction: per_phase(&model.tiles.volume_fractions()),
            phase_value: per_phase(&model.origin.phase_values),
            voxel_unit,
            voxel_size,
        });
        Ok(())
    })
}

/// Copies the training tiles into `buffer`, `n_tiles * ny * nx` bytes of phase numbers, x fastest.
///
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_model_tiles(
    model: *const davegan_model_t,
    buffer: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let tiles = unsafe { reference(model, "model")? }.0.tiles.as_slice();
        // SAFETY: as above.
        unsafe { Buffer::new(buffer, capacity, tiles.len(), "the tiles") }?.fill(tiles);
        Ok(())
    })
}

/// Copies the loss history into `buffer`, `n_history * 6` doubles, a row after the other.
///
/// A row holds the step and the means, since the row before, of L_Enc, L_Disc, L_Gen, L_Rec and L_KLD. May be called
/// from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_model_history(
    model: *const davegan_model_t,
    buffer: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let rows = unsafe { reference(model, "model")? }.0.record.history.iter();
        let history: Vec<f64> =
            rows.flat_map(|row| [row.step as f64].into_iter().chain(row.losses.as_array())).collect();
        // SAFETY: as above.
        unsafe { Buffer::new(buffer, capacity, history.len(), "the loss history") }?.fill(&history);
        Ok(())
    })
}

/// Ends the life of a model; NULL is fine.
///
/// No other thread may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn davegan_model_free(model: *mut davegan_model_t) {
    // SAFETY: as above.
    unsafe { guard::free(model) };
}
