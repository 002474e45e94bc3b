//! Local relaxation: correcting the patterns of images that the host brings.

use std::ffi::c_void;

use super::guard::{Host, guard_with_host};
use super::micrograph::{DAVEGAN_MAX_PHASES, davegan_micrograph_t, directions};
use super::options::{self, count, switch, unsafe_growing};
use super::pointers::{Buffer, images, reference};
use super::progress::{davegan_progress_callback_t, listener};
use super::status::davegan_status_t;
use crate::Result;
use crate::micrograph::Directions;
use crate::relaxation::{RelaxationOptions, relax_images};

/// How images are relaxed. Filled by `davegan_relax_options_init`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_relax_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// Visits of each voxel, 1 to 1000; default 4.
    pub sweeps: i32,
    /// 1 (default): the images are tori. 0: nothing is assumed outside them.
    pub periodic: i32,
    /// Seed of the random numbers, 0 or more; default 0.
    pub seed: i64,
    /// Index of the first image, 0 or more; default 0. Random numbers follow from seed, index and place.
    pub first: i64,
    /// Threads, 0 to 1024; default 0: one for each processor that the calling thread may run on, as in
    /// `davegan_generate_options_t`. The images do not depend on it.
    pub threads: i32,
    /// 1: show a progress bar on standard error, as in `davegan_train_options_t`; default 0.
    pub progress_bar: i32,
    /// Least seconds between two calls of `progress`, 0 to 86400; default 1.
    pub progress_interval: f64,
    /// Progress callback; default NULL.
    pub progress: davegan_progress_callback_t,
    /// Passed to `progress`; default NULL.
    pub user_data: *mut c_void,
    /// Volume fraction of each phase that each image gets, to one voxel, 0 to 1 with the sum 1. Default: all 0, no
    /// volume fraction is given.
    pub volume_fraction: [f64; DAVEGAN_MAX_PHASES],
}

/// The volume fractions of `n_phases` phases, if they are given: if not all are 0.
pub(super) fn given_fractions(fractions: &[f64; DAVEGAN_MAX_PHASES], n_phases: usize) -> Option<&[f64]> {
    let last = fractions.iter().rposition(|&fraction| fraction != 0.0)?;
    // One beyond the phases shows as one too many.
    Some(&fractions[..n_phases.max(last + 1)])
}

// SAFETY: numbers, a pointer and an optional function.
unsafe_growing!(davegan_relax_options_t, volume_fraction);

impl davegan_relax_options_t {
    fn new() -> Self {
        let defaults = RelaxationOptions::default();
        Self {
            struct_size: size_of::<Self>(),
            sweeps: defaults.sweeps as i32,
            periodic: defaults.periodic.into(),
            seed: defaults.seed as i64,
            first: defaults.first as i64,
            threads: 0,
            progress_bar: 0,
            progress_interval: 1.0,
            progress: None,
            user_data: std::ptr::null_mut(),
            volume_fraction: [0.0; DAVEGAN_MAX_PHASES],
        }
    }

    fn relaxation(&self) -> Result<RelaxationOptions> {
        Ok(RelaxationOptions {
            sweeps: count(self.sweeps, "sweeps")?,
            seed: count(self.seed, "seed")?,
            first: count(self.first, "first")?,
            periodic: switch(self.periodic, "periodic")?,
        })
    }
}

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_relax_options_init(
    options: *mut davegan_relax_options_t,
    size: usize,
) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || Ok(davegan_relax_options_t::new())) }
}

/// Changes interface voxels of images so that their patterns become those of `micrograph`.
///
/// `phases` holds `n` images of `nz * ny * nx` phase numbers of `micrograph`, x fastest, and gets the relaxed ones;
/// `options` NULL means the defaults. A pattern is 3 x 3 voxels 1, 2, 4 or 8 voxels apart, in the planes of each two
/// axes. Each pattern gets a weight, which is calibrated on the images themselves: on half of them, and judged on the
/// others. Images whose patterns cannot be improved are left as they are. Volumes (`nz` > 1) are compared with the
/// micrograph in the planes of all three directions. In images of one layer, thin branches of a phase that end in another
/// are joined or taken back if the micrograph has hardly any; half as many sweeps follow where there were some. With
/// `volume_fraction`, interface voxels are changed after that until each image has it. The result does not depend on the
/// number of threads.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if an option is out of range, volume fractions do not sum to 1, `n` is 0,
/// a side is below 8 voxels (but `nz` may be 1), or a voxel is no phase of `micrograph`; `DAVEGAN_CANCELLED` if the
/// callback asked to stop. `phases` is unchanged after a failure. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_relax(
    micrograph: *const davegan_micrograph_t,
    options: *const davegan_relax_options_t,
    phases: *mut u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let micrograph = unsafe { &reference(micrograph, "micrograph")?.0.images };
        // SAFETY: as above.
        unsafe { relax(host, &micrograph.into(), options, phases, [n, nz, ny, nx]) }
    })
}

/// `davegan_relax` with one to three micrographs, for volumes that differ by direction.
///
/// `micrographs` holds `n_micrographs` of them: of planes across z, y and x, or across z, and across y and x, as in
/// `davegan_train_volume`. Fails as `davegan_relax` does, and with `DAVEGAN_INVALID_PARAMETER` if `n_micrographs` is not 1 to 3, or
/// above 1 for images of one layer. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_relax_volume(
    micrographs: *const *const davegan_micrograph_t,
    n_micrographs: usize,
    options: *const davegan_relax_options_t,
    phases: *mut u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let micrographs = unsafe { directions(micrographs, n_micrographs)? };
        let images = micrographs.map(|micrograph| &micrograph.images);
        // SAFETY: as above.
        unsafe { relax(host, &images, options, phases, [n, nz, ny, nx]) }
    })
}

/// Relaxes the host's images, of the shape `[n, nz, ny, nx]`.
unsafe fn relax(
    host: &mut Host,
    micrographs: &Directions,
    options: *const davegan_relax_options_t,
    phases: *mut u8,
    shape: [usize; 4],
) -> Result<()> {
    let n_phases = micrographs.across(0).n_phases();
    // SAFETY: the caller's promise.
    let (images, options) = unsafe { (images(phases, shape, n_phases, "phases")?, options::read(options)?) };
    let options = options.unwrap_or_else(davegan_relax_options_t::new);
    let (relaxation, fractions) = (options.relaxation()?, given_fractions(&options.volume_fraction, n_phases));
    let threads = count(options.threads, "threads")?;
    let mut tell = listener(host, "relaxing", options.progress_bar, options.progress, options.user_data)?;
    let interval = options.progress_interval;
    let relaxed = relax_images(micrographs, images, fractions, &relaxation, threads, interval, &mut tell)?;
    let voxels = relaxed.as_slice();
    // SAFETY: as above.
    unsafe { Buffer::new(phases, voxels.len(), voxels.len(), "the relaxed images") }?.fill(voxels);
    Ok(())
}
