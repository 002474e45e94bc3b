//! Training: from a micrograph to a model file.

use std::ffi::c_char;
use std::path::Path;

use super::guard::{Host, guard_with_host};
use super::micrograph::davegan_micrograph_t;
use super::options;
use super::pointers::{optional_text, path, reference};
use super::progress::Audience;
use super::status::{davegan_status_t, keep_warnings};
use super::train_options::davegan_train_options_t;
use crate::Result;
use crate::micrograph::{Micrograph, ReadOptions};
use crate::network::Profile;
use crate::training::train;

/// What `options` of the host, or NULL, ask for.
unsafe fn read_options(options: *const davegan_train_options_t) -> Result<davegan_train_options_t> {
    // SAFETY: the caller's promise.
    Ok(unsafe { options::read(options) }?.unwrap_or_else(|| davegan_train_options_t::new(Profile::Standard)))
}

fn train_for(host: &mut Host, micrograph: &Micrograph, model: &Path, options: &davegan_train_options_t) -> Result<()> {
    let mut audience = Audience::new("training", options.progress_bar, options.progress, options.user_data)?;
    // SAFETY: the host promises text or NULL for `paper_options`.
    let training = unsafe { options.training() }?;
    train(micrograph, model, &training, &options.run()?, &mut |progress| audience.tell(host, progress))
}

/// Trains on a micrograph file and writes the model file `model`.
///
/// `micrograph` and `dataset` are read as by `davegan_micrograph_read` with default options; `options` NULL means the
/// defaults of `DAVEGAN_PROFILE_STANDARD`. The model file is written to a temporary file and renamed, at every
/// checkpoint and at the end; whatever happens, it is the old one or a whole new one. The same micrograph and options
/// give the same bytes, with any number of threads, interrupted and resumed or not.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` for an option out of range, a micrograph smaller than the profile's images,
/// or a model file that cannot be resumed with these options; `DAVEGAN_CANCELLED` if the callback asked to stop, and
/// `DAVEGAN_DIVERGED` if a loss is no longer finite, in both cases with the work so far, or up to the last checkpoint,
/// in the model file; `DAVEGAN_DEVICE` if this build has no such device; and as `davegan_micrograph_read`. May be
/// called from any thread; two trainings at once need two model files.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_train(
    micrograph: *const c_char,
    dataset: *const c_char,
    model: *const c_char,
    options: *const davegan_train_options_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (micrograph, dataset, model, options) = unsafe {
            let micrograph = path(micrograph, "micrograph")?;
            (micrograph, optional_text(dataset, "dataset")?, path(model, "model")?, read_options(options)?)
        };
        keep_warnings(&[]);
        let micrograph = Micrograph::read(micrograph, dataset, &ReadOptions::default())?;
        keep_warnings(&micrograph.warnings);
        train_for(host, &micrograph, model, &options)
    })
}

/// `davegan_train` on a micrograph in memory.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_train_micrograph(
    micrograph: *const davegan_micrograph_t,
    model: *const c_char,
    options: *const davegan_train_options_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (micrograph, model, options) =
            unsafe { (reference(micrograph, "micrograph")?, path(model, "model")?, read_options(options)?) };
        train_for(host, &micrograph.0, model, &options)
    })
}
