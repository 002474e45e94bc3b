//! Figures and gates of fidelity: reading and writing them.

use std::ffi::c_char;

use super::guard::{self, guard};
use super::pointers::{self, Buffer, Place, optional_text, reference, text};
use super::status::davegan_status_t;
use crate::Error;
use crate::evaluation::Fidelity;
use crate::storage::write_fidelity;

/// Figures and gates of realisations for one phase.
///
/// Created by `davegan_fidelity_measure`, `..._measure_model` and `..._measure_file`, freed by `davegan_fidelity_free`.
/// Any number of threads may use it at once.
pub struct davegan_fidelity_t(pub(super) Fidelity);

/// Writes the judged phase to `*phase`.
///
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_phase(
    fidelity: *const davegan_fidelity_t,
    phase: *mut i32,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (place, fidelity) = unsafe { (Place::new(phase, 0, "phase")?, &reference(fidelity, "fidelity")?.0) };
        place.set(fidelity.phase.into());
        Ok(())
    })
}

/// Writes the figure `name` to `*value`.
///
/// Figures are dimensionless or counts: `E_gen`, `covariance`, `lineal`, `patterns_full`, `patterns_half` and
/// `patterns_quarter`, each also with `_floor`; `E_rec` and `E_rec_pixels`, only with reconstructions; `vf`,
/// `vf_micrograph`, `vf_bias_sd`, `vf_spread`; `interface_sd`, `seam_over_interior`; `objects`, `holes`, `largest` and
/// `k_eff`, each also with `_real` and `_sd`; `k_eff_ks_p`; `ends` and `likeness`, each also with `_real`; `copies`,
/// `variety`. Where real windows do not vary, a figure in their standard deviations (`_sd`) is 0 if realisations equal
/// them, a ratio (`vf_spread`, `variety`) 1, or else infinite. Fails with `DAVEGAN_INVALID_PARAMETER` if there is no such figure. May be called from any thread.
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

/// Writes the number of gates that hold to `*n_holding`, and the number of gates to `*n_gates`.
///
/// There are sixteen gates, or fifteen without reconstructions. All gates must hold, for at least 256 realisations;
/// with fewer the result is not conclusive. May be called from any thread.
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

/// Writes all figures as a table to `buffer` of `capacity` bytes, as UTF-8 with a terminating NUL.
///
/// A line has the name of a figure, its value and, if it has a gate, whether that holds and its range. Where real
/// windows do not vary, `equal` or `differs` stands for the value, and the line says so. The last line reads
/// `N of M gates hold`.
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

/// Writes all figures to a group of an HDF5 file; `group` NULL means `phase_` and the phase number.
///
/// Each figure is a dimensionless scalar dataset of its name (float64). If it has a gate, its attributes are
/// `requirement`, the range (text), and `holds`, whether the figure lies in it. The group has the attributes `phase`,
/// `n_gates` and `n_holding` (int64). The file is created if there is none. Other content stays, and a group of figures
/// of that name is replaced. The file is replaced in one step; after a failure it is unchanged.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `group` is no name, `DAVEGAN_IO` if the file cannot be written or is open
/// elsewhere for writing, `DAVEGAN_FORMAT` if it is no HDF5 file, a model file, or has something else of that name,
/// `DAVEGAN_HDF5` for other failures inside HDF5. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_fidelity_write(
    fidelity: *const davegan_fidelity_t,
    path: *const c_char,
    group: *const c_char,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (fidelity, path, group) = unsafe {
            let fidelity = &reference(fidelity, "fidelity")?.0;
            (fidelity, pointers::path(path, "path")?, optional_text(group, "group")?)
        };
        let group = group.map_or_else(|| format!("phase_{}", fidelity.phase), str::to_owned);
        write_fidelity(path, &group, fidelity)
    })
}

/// Frees figures; NULL is allowed.
///
/// No other thread may be using them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn davegan_fidelity_free(fidelity: *mut davegan_fidelity_t) {
    // SAFETY: as above.
    unsafe { guard::free(fidelity) };
}
