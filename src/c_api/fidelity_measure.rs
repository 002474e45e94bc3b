//! Fidelity: comparing realisations with the micrograph.

use std::ffi::c_char;

use super::descriptor::judged_phase;
use super::fidelity::davegan_fidelity_t;
use super::generate_options::davegan_generate_options_t;
use super::guard::{Host, guard_with_host};
use super::micrograph::davegan_micrograph_t;
use super::model::davegan_model_t;
use super::options::{self, count};
use super::pointers::{self, Place, images, optional_text, reference, text};
use super::status::davegan_status_t;
use crate::evaluation::{Fidelity, PARTS, evaluate, floor_windows, judged_images, model_fidelity};
use crate::micrograph::PhaseImages;
use crate::storage::VTKHDF_PHASE;
use crate::{Error, Result};

/// Default number of realisations of a model.
const COUNT: i64 = 256;

/// Judges images against `micrograph`.
fn judge(
    micrograph: &PhaseImages,
    phase: i32,
    realisations: &PhaseImages,
    reconstructions: Option<&PhaseImages>,
    options: &davegan_generate_options_t,
    host: &mut Host,
) -> Result<Fidelity> {
    let (phase, seed) = (judged_phase(phase, micrograph)?, count(options.seed, "seed")?);
    let [_, _, side] = realisations.shape();
    let windows = floor_windows(micrograph, side, seed)?;
    options.in_parts(host, "judging", PARTS, |done| {
        evaluate(micrograph, realisations, reconstructions, phase, &windows, done)
    })
}

/// Judges one phase of realisations against the micrograph that the model was trained on.
///
/// `phase` is the phase judged, or -1 for the minority phase. `realisations` is `n * nz * ny * nx` phase numbers, x
/// fastest. Images (`nz` 1) are square, with sides of at least 32; `axis` is 0. Of volumes every eighth plane across
/// `axis` is judged, 0 to 2 for z, y and x; these planes are square, and `micrograph` is one that shows such planes. At
/// least 32 images or planes are needed, 256 for a verdict. `reconstructions` is `n_reconstructions` images of phase
/// numbers, of the size of those judged; `n_reconstructions` is 0 (and `reconstructions` NULL) or the number of tiles of
/// the micrograph, in row-major order. All images have the phases of `micrograph`, which is at least twice as wide and
/// high as they are. Of `options`, `seed` (of the positions of the windows of the micrograph that realisations are
/// compared with), `threads` and the progress fields are used; NULL means the defaults. `*fidelity` is a new handle.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if an option or `axis` is out of range, images are too few, too small or have a
/// phase that `micrograph` lacks, the tiles are not as many as the reconstructions, or `phase` is nowhere or everywhere in
/// `micrograph`; `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_measure(
    micrograph: *const davegan_micrograph_t,
    phase: i32,
    axis: i32,
    realisations: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    reconstructions: *const u8,
    n_reconstructions: usize,
    options: *const davegan_generate_options_t,
    fidelity: *mut *mut davegan_fidelity_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (place, micrograph, options) = unsafe {
            let place = Place::handle(fidelity, "fidelity")?;
            let micrograph = &reference(micrograph, "micrograph")?.0.images;
            (place, micrograph, davegan_generate_options_t::read(options)?)
        };
        if n == 0 {
            return Err(Error::invalid("n is 0; give at least 32 realisations, and 256 for a verdict"));
        }
        let n_phases = micrograph.n_phases();
        // SAFETY: as above.
        let realisations = unsafe { images(realisations, [n, nz, ny, nx], n_phases, "realisations")? };
        let judged = judged_images(&realisations, count(axis, "axis")?)?;
        let [_, rows, columns] = judged.shape();
        let shape = [n_reconstructions, 1, rows, columns];
        // SAFETY: as above.
        let reconstructions = || unsafe { images(reconstructions, shape, n_phases, "reconstructions") };
        let reconstructions = (n_reconstructions > 0).then(reconstructions).transpose()?;
        let measured = judge(micrograph, phase, &judged, reconstructions.as_ref(), &options, host)?;
        place.give(davegan_fidelity_t(measured));
        Ok(())
    })
}

/// Judges one phase of realisations of a model, and of its reconstructions, against `micrograph`.
///
/// `phase` is the phase judged, or -1 for the minority phase of `micrograph`. `axis` is 0, or of a model of volumes 0 to 2:
/// planes across z, y or x are judged, every eighth of a realisation, and `micrograph` is one that shows such planes; `count` of
/// `options` is their number. E_rec is judged only if the model was trained on `micrograph`, and not of volumes. Of `options`, `seed`, `first`, `count`, `threads` and the progress fields are used; NULL
/// means the defaults with 256 realisations. `seed` also determines the positions of the windows of the micrograph. The
/// figures are those of `davegan_fidelity_measure` for the same images. `*fidelity` is a new handle.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if an option is out of range, there are fewer than 32 realisations,
/// `axis` is not 0 to 2 or is not 0 for a model of images,
/// `micrograph` has not the model's number of phases or is not at least twice as wide and high as its realisations, or
/// `phase` is nowhere or everywhere in it; `DAVEGAN_OUT_OF_MEMORY` if the realisations do not fit into memory;
/// `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_measure_model(
    model: *const davegan_model_t,
    micrograph: *const davegan_micrograph_t,
    phase: i32,
    axis: i32,
    options: *const davegan_generate_options_t,
    fidelity: *mut *mut davegan_fidelity_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (place, model, micrograph, options) = unsafe {
            let place = Place::handle(fidelity, "fidelity")?;
            let (model, micrograph) = (&reference(model, "model")?.0, &reference(micrograph, "micrograph")?.0);
            (place, model, micrograph, options::read(options)?)
        };
        let options =
            options.unwrap_or_else(|| davegan_generate_options_t { count: COUNT, ..davegan_generate_options_t::new() });
        let (phase, axis) = (judged_phase(phase, &micrograph.images)?, count(axis, "axis")?);
        let mut tell = options.listener(host, "judging")?;
        let (generation, interval) = (options.generation()?, options.progress_interval);
        let measured = model_fidelity(model, micrograph, phase, axis, &generation, interval, &mut tell)?;
        place.give(davegan_fidelity_t(measured));
        Ok(())
    })
}

/// Judges one phase of realisations in an HDF5 file against the micrograph.
///
/// `dataset` names the dataset at `path` with the realisations: phase numbers of `micrograph` in any type of integers,
/// `(n, ny, nx)` or `(n, nz, ny, nx)`; NULL for that of a VTKHDF file of `davegan_generate`. `axis` is 0, or of volumes 0
/// to 2, as in `davegan_fidelity_measure`. `reconstructions` and `reconstructions_dataset` name those of the tiles in the
/// same way, as `davegan_write_images` writes them; both NULL if there are none. Otherwise as `davegan_fidelity_measure`.
///
/// Fails as that does, and with `DAVEGAN_IO` if a file cannot be read, `DAVEGAN_HDF5` if there is no such dataset (the
/// message lists those that exist), `DAVEGAN_FORMAT` if a file is no HDF5 file or damaged, the dataset has another
/// shape, or a pixel is no phase number of `micrograph`. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_measure_file(
    micrograph: *const davegan_micrograph_t,
    phase: i32,
    axis: i32,
    path: *const c_char,
    dataset: *const c_char,
    reconstructions: *const c_char,
    reconstructions_dataset: *const c_char,
    options: *const davegan_generate_options_t,
    fidelity: *mut *mut davegan_fidelity_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (place, micrograph, options) = unsafe {
            let place = Place::handle(fidelity, "fidelity")?;
            let micrograph = &reference(micrograph, "micrograph")?.0.images;
            (place, micrograph, davegan_generate_options_t::read(options)?)
        };
        // SAFETY: as above.
        let (path, dataset) = unsafe { (pointers::path(path, "path")?, optional_text(dataset, "dataset")?) };
        // A single realisation of a VTKHDF file has no axis for it.
        let read = |path, dataset| PhaseImages::read(path, dataset, micrograph.n_phases(), dataset == VTKHDF_PHASE);
        let realisations = read(path, dataset.unwrap_or(VTKHDF_PHASE))?;
        let reconstructions = if reconstructions.is_null() && reconstructions_dataset.is_null() {
            None
        } else {
            // SAFETY: as above.
            let (path, dataset) = unsafe {
                let path = pointers::path(reconstructions, "reconstructions")?;
                (path, text(reconstructions_dataset, "reconstructions_dataset")?)
            };
            Some(read(path, dataset)?)
        };
        let judged = judged_images(&realisations, count(axis, "axis")?)?;
        let measured = judge(micrograph, phase, &judged, reconstructions.as_ref(), &options, host)?;
        place.give(davegan_fidelity_t(measured));
        Ok(())
    })
}
