//! Fidelity: what realisations are like beside real windows of their micrograph.

use std::ffi::c_char;

use ndarray::Array4;

use super::descriptor::phase_number;
use super::guard::guard;
use super::micrograph::davegan_micrograph_t;
use super::options::count;
use super::pointers::{self, Buffer, Place, elements, reference, slice, text};
use super::status::davegan_status_t;
use crate::device::thread_pool;
use crate::evaluation::{Fidelity, evaluate, floor_windows};
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// The figures of realisations for one phase, and the gates that they pass or not.
///
/// Made by `davegan_fidelity_measure`; ended by `davegan_fidelity_free`. Any number of threads may use it at once.
pub struct davegan_fidelity_t(Fidelity);

/// Square images of the host with as many phases as `like`; None for no images.
unsafe fn square_images(
    phases: *const u8,
    n: usize,
    side: usize,
    like: &PhaseImages,
    name: &str,
) -> Result<Option<PhaseImages>> {
    // SAFETY: the caller's promise.
    let values = unsafe { slice(phases, elements(&[n, side, side], name)?, name)? };
    if n == 0 {
        return Ok(None);
    }
    let images = Array4::from_shape_vec((n, 1, side, side), values.to_vec());
    let images = images.map_err(|error| Error::invalid(format!("{name}: {error}")))?;
    PhaseImages::new(images, like.n_phases()).map(Some)
}

/// Judges realisations of one phase beside the micrograph that they were learned from.
///
/// `realisations` is `n * side * side` phase numbers, x fastest, of at least 32 images; a verdict wants 256.
/// `reconstructions` is `n_reconstructions * side * side` phase numbers, one image for each tile of the micrograph, row by
/// row; NULL and 0 if there are none. They have the phases of `micrograph`, which is at least `2 * side` pixels wide and
/// high. `seed` (0 to 2^63 - 1) says where the real windows lie that the figures stand beside; `threads` as in
/// `davegan_generate_options_t`. `*fidelity` is a new handle. 256 realisations of 64 x 64 pixels take some seconds.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if images are too few, too small or have a phase that `micrograph` lacks, the
/// tiles are not as many as the reconstructions, or `phase` is nowhere or everywhere in `micrograph`. May be called from
/// any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_measure(
    micrograph: *const davegan_micrograph_t,
    phase: i32,
    realisations: *const u8,
    n: usize,
    side: usize,
    reconstructions: *const u8,
    n_reconstructions: usize,
    seed: i64,
    threads: i32,
    fidelity: *mut *mut davegan_fidelity_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (place, micrograph) =
            unsafe { (Place::handle(fidelity, "fidelity")?, &reference(micrograph, "micrograph")?.0.images) };
        let (phase, seed) = (phase_number(phase)?, count(seed, "seed")?);
        // SAFETY: as above.
        let (realisations, reconstructions) = unsafe {
            (
                square_images(realisations, n, side, micrograph, "realisations")?,
                square_images(reconstructions, n_reconstructions, side, micrograph, "reconstructions")?,
            )
        };
        let none = || Error::invalid("n is 0; give at least 32 realisations, and 256 for a verdict");
        let realisations = realisations.ok_or_else(none)?;
        let measured = thread_pool(count(threads, "threads")?)?.install(|| {
            let windows = floor_windows(micrograph, side, seed)?;
            evaluate(micrograph, &realisations, reconstructions.as_ref(), phase, &windows)
        })?;
        place.give(davegan_fidelity_t(measured));
        Ok(())
    })
}

/// Tells the figure `name` in `*value`.
///
/// Names are those of the table that `davegan_fidelity_table` writes, such as `E_gen` or `k_eff_sd`. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if there is no such figure; the message lists them. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_figure(
    fidelity: *const davegan_fidelity_t,
    name: *const c_char,
    value: *mut f64,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, fidelity, name) = unsafe {
            (Place::new(value, f64::NAN, "value")?, &reference(fidelity, "fidelity")?.0, text(name, "name")?)
        };
        let figures = fidelity.figures();
        let found = figures.iter().find(|(figure, _)| *figure == name).ok_or_else(|| {
            let names: Vec<&str> = figures.iter().map(|(name, _)| *name).collect();
            Error::invalid(format!("there is no figure {name:?}; there are {}", names.join(", ")))
        })?;
        place.set(found.1);
        Ok(())
    })
}

/// Tells in `*n_holding` how many of the `*n_gates` gates hold: sixteen, or fifteen without reconstructions. All must,
/// before realisations may be taken for the material.
///
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_gates(
    fidelity: *const davegan_fidelity_t,
    n_holding: *mut i32,
    n_gates: *mut i32,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (holding, all, fidelity) = unsafe {
            let (holding, all) = (Place::new(n_holding, 0, "n_holding")?, Place::new(n_gates, 0, "n_gates")?);
            (holding, all, &reference(fidelity, "fidelity")?.0)
        };
        let gates = fidelity.gates();
        holding.set(gates.iter().filter(|gate| gate.holds).count() as i32);
        all.set(gates.len() as i32);
        Ok(())
    })
}

/// Writes all figures as a table into `buffer` of `capacity` bytes: a line a figure with its name, its value and, for a
/// gate, whether it holds and what must; UTF-8, ended by a NUL.
///
/// `*needed` is set to the number of bytes, also if the status is `DAVEGAN_BUFFER_SIZE`: so a call with capacity 0 asks
/// for it, for which `buffer` may be NULL. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_table(
    fidelity: *const davegan_fidelity_t,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, fidelity) = unsafe { (Place::new(needed, 0, "needed")?, &reference(fidelity, "fidelity")?.0) };
        let mut table = fidelity.table().into_bytes();
        table.push(0);
        place.set(table.len());
        // SAFETY: as above.
        unsafe { Buffer::new(buffer.cast::<u8>(), capacity, table.len(), "the table") }?.fill(&table);
        Ok(())
    })
}

/// Ends the life of figures; NULL is fine.
///
/// No other thread may be using them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn davegan_fidelity_free(fidelity: *mut davegan_fidelity_t) {
    // There is nobody to tell of a failure, which would be a defect, but the message is kept.
    let _ = guard(|| {
        // SAFETY: as above.
        unsafe { pointers::free(fidelity) };
        Ok(())
    });
}
