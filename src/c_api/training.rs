//! Training: from a micrograph to a model.

use std::ffi::c_char;
use std::path::Path;

use super::guard::{Host, guard_with_host};
use super::micrograph::{davegan_micrograph_t, directions};
use super::model::davegan_model_t;
use super::options;
use super::pointers::{self, Place, optional_path, optional_text, reference};
use super::progress::listener;
use super::status::{davegan_status_t, keep_warnings};
use super::train_options::davegan_train_options_t;
use crate::micrograph::{Directions, Micrograph, ReadOptions};
use crate::network::Profile;
use crate::storage::{check_other_file, train_to_file};
use crate::{Error, Result};

/// Where a training goes on the host's side.
struct Target<'a> {
    file: Option<&'a Path>,
    handle: Option<Place<*mut davegan_model_t>>,
    options: davegan_train_options_t,
}

impl Target<'_> {
    /// From the last three arguments of the host.
    unsafe fn new(
        file: *const c_char,
        options: *const davegan_train_options_t,
        model: *mut *mut davegan_model_t,
    ) -> Result<Self> {
        // SAFETY: the caller's promise.
        let (handle, file, options) = unsafe {
            let handle = (!model.is_null()).then(|| Place::handle(model, "model")).transpose()?;
            (handle, optional_path(file, "path")?, options::read(options)?)
        };
        if file.is_none() && handle.is_none() {
            return Err(Error::invalid(
                "path and model are both NULL; the trained model would go nowhere, give one of them",
            ));
        }
        Ok(Self { file, handle, options: options.unwrap_or_else(|| davegan_train_options_t::new(Profile::Standard)) })
    }

    fn train(self, host: &mut Host, micrographs: Directions<Micrograph>) -> Result<()> {
        let Self { file, handle, options } = self;
        let mut tell = listener(host, "training", options.progress_bar, options.progress, options.user_data)?;
        // SAFETY: the host promises text or NULL for `paper_options`.
        let (training, run) = (unsafe { options.training() }?, options.run()?);
        let warnings = micrographs
            .iter()
            .flat_map(|micrograph| micrograph.warnings.iter().cloned().chain(training.few_tiles(&micrograph.images)));
        keep_warnings(&warnings.collect::<Vec<_>>());
        let model = train_to_file(micrographs, file, &training, &run, &mut tell)?;
        if let Some(handle) = handle {
            handle.give(davegan_model_t(model));
        }
        Ok(())
    }
}

/// Trains on a micrograph file and gives a model.
///
/// The micrograph is read as by `davegan_micrograph_read` with default options. For grey levels, read it with that
/// function and call `davegan_train_micrograph`. `davegan_last_warning` then holds the warnings of reading, and one if the
/// micrograph has fewer than four tiles. `options` NULL means the defaults of `DAVEGAN_PROFILE_STANDARD`. `*model` is a
/// new handle on the device that trained. `path` names the model file, which is replaced in one step at every checkpoint
/// and at the end. `path` NULL: nothing is written; if the call fails, the work is lost. `model` may be NULL if `path` is
/// given. With the same library version and kind of processor, the same micrograph and options give the same bytes for
/// any number of threads, resumed or not.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` for an option out of range, a micrograph smaller than the profile's images,
/// a training that cannot be resumed with these options, `path` and `model` both NULL, or `path` the file of
/// `micrograph`; `DAVEGAN_CANCELLED` if the callback asked to stop, and `DAVEGAN_DIVERGED` if a loss is no longer finite,
/// in both cases with the work so far, or up to the last checkpoint, in the model file; `DAVEGAN_FORMAT` if the file at
/// `path` is no model file, or the one to resume holds a model without its training; `DAVEGAN_IO` if that file cannot be
/// written, or another call or program writes it meanwhile; `DAVEGAN_DEVICE` if this build has no such device; and as
/// `davegan_micrograph_read`. May be called from any thread; two trainings at once need two model files.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_train(
    micrograph: *const c_char,
    dataset: *const c_char,
    path: *const c_char,
    options: *const davegan_train_options_t,
    model: *mut *mut davegan_model_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (target, micrograph, dataset) = unsafe {
            let target = Target::new(path, options, model)?;
            (target, pointers::path(micrograph, "micrograph")?, optional_text(dataset, "dataset")?)
        };
        keep_warnings(&[]);
        // Read first: who gives the model instead of a micrograph is told so.
        let read = Micrograph::read(micrograph, dataset, &ReadOptions::default())?;
        if let Some(path) = target.file {
            check_other_file(micrograph, path)?;
        }
        target.train(host, (&read).into())
    })
}

/// `davegan_train` on a micrograph in memory.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_train_micrograph(
    micrograph: *const davegan_micrograph_t,
    path: *const c_char,
    options: *const davegan_train_options_t,
    model: *mut *mut davegan_model_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (target, micrograph) =
            unsafe { (Target::new(path, options, model)?, reference(micrograph, "micrograph")?) };
        target.train(host, (&micrograph.0).into())
    })
}

/// `davegan_train` on one to three micrographs in memory, for volumes of a material that differs by direction.
///
/// `micrographs` holds `n` of them. Three: what planes across z, y and x look like; their rows and columns are y and x, z and x,
/// and z and y. Two: planes across z like the first, those across y and x like the second, whose rows are z (a transversely
/// isotropic material). One: the same as `davegan_train_micrograph`. `options` has `DAVEGAN_PROFILE_VOLUME`; NULL means its
/// defaults. There is a discriminator for each micrograph.
///
/// Fails as `davegan_train` does, and with `DAVEGAN_INVALID_PARAMETER` if `n` is not 1 to 3, `n` is above 1 for a profile of
/// images, or the micrographs have different numbers of phases or voxel sizes. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_train_volume(
    micrographs: *const *const davegan_micrograph_t,
    n: usize,
    path: *const c_char,
    options: *const davegan_train_options_t,
    model: *mut *mut davegan_model_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (mut target, micrographs) = unsafe { (Target::new(path, options, model)?, directions(micrographs, n)?) };
        if options.is_null() {
            target.options = davegan_train_options_t::new(Profile::Volume);
        }
        target.train(host, micrographs)
    })
}
