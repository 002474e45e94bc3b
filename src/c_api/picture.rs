//! Images for people and for other programs.

use std::ffi::c_char;

use super::generate_options::{davegan_generate_options_t, read_options};
use super::guard::{Host, guard, guard_with_host};
use super::micrograph::{davegan_micrograph_t, directions};
use super::model::davegan_model_t;
use super::pointers::{self, images, reference, text};
use super::status::davegan_status_t;
use crate::Result;
use crate::micrograph::{Directions, MAX_PHASES, Micrograph};
use crate::report;
use crate::storage::{Mode, write_phase_images};

/// Writes a PNG with training tiles, their reconstructions and realisations, up to sixteen of each; with
/// `DAVEGAN_PROFILE_STANDARD` one realisation as large as sixteen tiles, with `DAVEGAN_PROFILE_VOLUME` tiles and one realisation
/// twice as long along each axis as a tile, as a cube.
///
/// The titles show E_rec of all tiles and E_gen of `count` realisations, but not of volumes. Phases are grey levels from black (0) to
/// white. Of `options`, `seed`, `first`, `count` and `threads` are used; NULL means the defaults: one realisation.
/// The file is replaced in one step. Fails with `DAVEGAN_IO` if it cannot be written, and `DAVEGAN_FORMAT` if something
/// else than a PNG of davegan is there; that is untouched then. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_contact_sheet(
    model: *const davegan_model_t,
    png: *const c_char,
    options: *const davegan_generate_options_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (model, png, options) =
            unsafe { (&reference(model, "model")?.0, pointers::path(png, "png")?, read_options(options)?) };
        report::contact_sheet(model, png, &options)
    })
}

/// Writes a page of HTML that says whether the realisations of a model may be taken for the material of `micrograph`.
///
/// On top stands how many gates hold, as `davegan_fidelity_gates` counts them, and what falls short in words; below
/// it micrograph, realisations, tiles and reconstructions, every gate with its figures, two-point correlation, lineal
/// path and volume fraction beside those of real windows, the losses, the latent space, the paper's Table 4 if it has a
/// material of that name, and how the model was trained. The page needs no other file, no network and no script. For two
/// phases the minority phase is judged, for more every phase but phase 0. Of volumes: `davegan_report_volume`, with one
/// micrograph.
///
/// `micrograph` is the one that the model was trained on; of another one of the same material E_rec is not judged. Of
/// `options`, `seed`, `first`, `count`, `threads` and the progress fields are used. NULL means the defaults: one
/// realisation and so no gates; set `count` to 256. The gates need at least 32 realisations, and 256 for a verdict, and
/// a micrograph at least twice as wide and high as they are; otherwise the page says what is left out and why. `html`
/// is replaced in one step; after a failure it is unchanged.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `micrograph` has not the model's number of phases or is smaller than its
/// realisations, or an option is out of range; `DAVEGAN_OUT_OF_MEMORY` if memory is too small; `DAVEGAN_IO` if the file
/// cannot be written; `DAVEGAN_FORMAT` if something else than a report is there; `DAVEGAN_CANCELLED` if the callback asked
/// to stop. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_report(
    model: *const davegan_model_t,
    micrograph: *const davegan_micrograph_t,
    html: *const c_char,
    options: *const davegan_generate_options_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let micrograph = unsafe { &reference(micrograph, "micrograph")?.0 };
        // SAFETY: as above.
        unsafe { write_report(model, micrograph.into(), html, options, host) }
    })
}

/// Writes a page of HTML about a model of volumes: `davegan_report` on one to three micrographs.
///
/// `micrographs` holds `n` of them, as for `davegan_train_volume`: those that the model was trained on, or others of the same
/// material. The page shows slices in three directions beside the micrographs, a realisation as a cube, the gates of planes
/// across each axis, and three-dimensional descriptors with mean and standard deviation over up to eight realisations: surface, Euler
/// characteristic, components, percolation and conductivity. There are no reconstructions, no latent space and no Table 4.
///
/// `count` of `options` is the number of planes that are judged across each axis, every eighth of a realisation.
///
/// Fails as `davegan_report` does, and with `DAVEGAN_INVALID_PARAMETER` if `n` is not 1 to 3, or above 1 for a model of images.
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_report_volume(
    model: *const davegan_model_t,
    micrographs: *const *const davegan_micrograph_t,
    n: usize,
    html: *const c_char,
    options: *const davegan_generate_options_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        unsafe { write_report(model, directions(micrographs, n)?, html, options, host) }
    })
}

/// Writes the report for the host.
unsafe fn write_report(
    model: *const davegan_model_t,
    micrographs: Directions<Micrograph>,
    html: *const c_char,
    options: *const davegan_generate_options_t,
    host: &mut Host,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let (model, html, options) = unsafe {
        (&reference(model, "model")?.0, pointers::path(html, "html")?, davegan_generate_options_t::read(options)?)
    };
    let mut tell = options.listener(host, "report")?;
    let (generation, interval) = (options.generation()?, options.progress_interval);
    report::html_report(model, micrographs, html, &generation, interval, &mut tell)
}

/// Writes `n` images as the dataset `dataset` of the HDF5 file at `path`: `(n, ny, nx)` if `nz` is 1, else `(n, nz, ny,
/// nx)`.
///
/// `phases` is `n * nz * ny * nx` phase numbers, 0 to 7, x fastest. The file is created if there is none; what else it
/// holds stays, and a dataset of that name that davegan wrote is replaced, in a copy of the file that takes its place.
/// A process that is killed leaves the file as it was or with the images. Fails with `DAVEGAN_INVALID_PARAMETER` if a
/// length is 0 or a number above 7, `DAVEGAN_IO` if the file cannot be written or is open elsewhere, `DAVEGAN_FORMAT` if
/// it is no HDF5 file, a model file, or has something else of that name, `DAVEGAN_HDF5` for other failures inside HDF5.
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_write_images(
    path: *const c_char,
    dataset: *const c_char,
    phases: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (path, dataset, images) = unsafe {
            let path = pointers::path(path, "path")?;
            (path, text(dataset, "dataset")?, images(phases, [n, nz, ny, nx], MAX_PHASES, "phases")?)
        };
        write_phase_images(path, dataset, &images, Mode::Replace)
    })
}
