//! Two-point correlation and the paper's error measures.

use ndarray::Axis;

use super::generate_options::{davegan_generate_options_t, read_options};
use super::guard::guard;
use super::model::davegan_model_t;
use super::options::{self, StructPlace, count, switch, unsafe_growing};
use super::pointers::{Buffer, Place, images, reference};
use super::status::davegan_status_t;
use crate::descriptor::{self, S2Options, radial_average};
use crate::device::thread_pool;
use crate::evaluation::model_errors;
use crate::micrograph::{MAX_PHASES, PhaseImages};
use crate::{Error, Result};

/// How the two-point correlation is estimated. Filled by `davegan_s2_options_init`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_s2_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// 1 (default): the image is a torus, every lag is a mean over all voxels. 0: nothing is assumed outside the image,
    /// every lag is a mean over the voxels where the image and its shifted self overlap.
    pub periodic: i32,
    /// Largest lag in voxels; 0 (default): all. `davegan_s2_error` uses lags of Euclidean length at most `max_lag`. A
    /// non-periodic map of `davegan_s2` has lags up to `max_lag` along each axis. A periodic map always holds all lags.
    pub max_lag: i64,
}
// SAFETY: numbers only.
unsafe_growing!(davegan_s2_options_t, max_lag);

impl davegan_s2_options_t {
    const DEFAULT: Self = Self { struct_size: size_of::<Self>(), periodic: 1, max_lag: 0 };
}

/// What `options` of the host, or NULL, ask for.
unsafe fn s2_options(options: *const davegan_s2_options_t) -> Result<S2Options> {
    // SAFETY: the caller's promise.
    let options = unsafe { options::read(options) }?.unwrap_or(davegan_s2_options_t::DEFAULT);
    let max_lag: usize = count(options.max_lag, "max_lag")?;
    Ok(S2Options { periodic: switch(options.periodic, "periodic")?, max_lag: (max_lag > 0).then_some(max_lag) })
}

/// Error measures of a model (paper, Section 4.1).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_evaluation_t {
    /// Size of this struct as the caller gave it.
    pub struct_size: usize,
    /// E_rec: mean error (Eq. 12) between a training tile and its reconstruction.
    pub e_rec: f64,
    /// E_gen: mean error (Eq. 12) between a realisation and the nearest training tile.
    pub e_gen: f64,
    /// The phase judged.
    pub phase: i32,
    /// Number of realisations judged.
    pub count: i64,
}
// SAFETY: numbers only.
unsafe_growing!(davegan_evaluation_t, count);

/// A phase number of the host.
pub(super) fn phase_number(phase: i32) -> Result<u8> {
    u8::try_from(phase).map_err(|_| Error::invalid(format!("phase is {phase}; phases are numbered from 0 to 7")))
}

/// The phase that is judged in `images`: -1 is the minority phase.
pub(super) fn judged_phase(phase: i32, images: &PhaseImages) -> Result<u8> {
    if phase == -1 { Ok(images.minority_phase()) } else { phase_number(phase) }
}

/// Runs `work` in a thread of its own: one image gives one thread to do, and none is left behind in the host.
fn aside<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread_pool(1)?.install(work)
}

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults: those of Eq. 12.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_s2_options_init(options: *mut davegan_s2_options_t, size: usize) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || Ok(davegan_s2_options_t::DEFAULT)) }
}

/// The error between two images of the same shape: the root mean square difference of their two-point correlations over
/// all lags (Eq. 12).
///
/// `a` and `b` are `nz * ny * nx` phase numbers each, x fastest; `phase` is the phase judged; `options` NULL means the
/// defaults. `*error` is between 0 and 1. The correlation of a phase that an image lacks is 0 at every lag. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if a length is 0, or `phase` or a voxel is not in 0 to 7. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_s2_error(
    a: *const u8,
    b: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    phase: i32,
    options: *const davegan_s2_options_t,
    error: *mut f64,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, a, b, options) = unsafe {
            let place = Place::new(error, 0.0, "error")?;
            let [a, b] = [(a, "a"), (b, "b")].map(|(image, name)| images(image, [1, nz, ny, nx], MAX_PHASES, name));
            (place, a?, b?, s2_options(options)?)
        };
        let phase = phase_number(phase)?;
        place.set(aside(|| descriptor::s2_error(&a, &b, phase, &options))?);
        Ok(())
    })
}

/// The two-point correlation of one phase of an image: for every lag the probability, 0 to 1, that both ends lie in the
/// phase.
///
/// `image` is `nz * ny * nx` phase numbers, x fastest; `options` NULL means the defaults. `s2` gets a map, x fastest,
/// with lags in the order of an FFT: along an axis of `m` entries, entry `i` is lag `i` up to `m/2`, and lag `i-m`
/// after that; the first of all is the volume fraction. A periodic map has the shape of the image. A non-periodic one
/// has `2L+1` entries along an axis of length `n`, `L` being the smaller of `max_lag` and `n-1`. The map of a phase that
/// the image lacks is 0. Fails with `DAVEGAN_INVALID_PARAMETER` if a length is 0, or `phase` or a voxel is not in 0 to 7.
/// May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_s2(
    image: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    phase: i32,
    options: *const davegan_s2_options_t,
    s2: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (image, options) = unsafe { (images(image, [1, nz, ny, nx], MAX_PHASES, "image")?, s2_options(options)?) };
        let phase = phase_number(phase)?;
        let map = aside(|| descriptor::s2(&image, phase, &options))?;
        // SAFETY: as above.
        unsafe { Buffer::new(s2, capacity, map.len(), "s2") }?.fill(map.as_slice().unwrap_or_default());
        Ok(())
    })
}

/// The two-point correlation against the length of the lag: the map of `davegan_s2`, averaged over all directions in
/// bins one voxel wide.
///
/// Bin i holds the lags whose length rounds to i: `radius` gets i and `s2` the mean; both hold `capacity` doubles.
/// `*needed` is set to the number of bins, also if the status is `DAVEGAN_BUFFER_SIZE`: so a call with capacity 0 asks
/// for it, for which `radius` and `s2` may be NULL. Otherwise as `davegan_s2`. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_s2_radial(
    image: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    phase: i32,
    options: *const davegan_s2_options_t,
    radius: *mut f64,
    s2: *mut f64,
    capacity: usize,
    needed: *mut usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, image, options) = unsafe {
            let place = Place::new(needed, 0, "needed")?;
            (place, images(image, [1, nz, ny, nx], MAX_PHASES, "image")?, s2_options(options)?)
        };
        let phase = phase_number(phase)?;
        let map = aside(|| descriptor::s2(&image, phase, &options))?;
        let mean = radial_average(map.index_axis(Axis(0), 0)).mean;
        place.set(mean.len());
        let radii: Vec<f64> = (0..mean.len()).map(|bin| bin as f64).collect();
        // SAFETY: as above.
        let (radius, s2) = unsafe {
            (Buffer::new(radius, capacity, radii.len(), "radius")?, Buffer::new(s2, capacity, mean.len(), "s2")?)
        };
        radius.fill(&radii);
        s2.fill(&mean);
        Ok(())
    })
}

/// Measures E_rec over the training tiles and E_gen over realisations (paper, Section 4.1) in `evaluation`, a struct of
/// `size` bytes (`sizeof *evaluation`).
///
/// `phase` is the phase judged, or -1 for the minority phase. Of `options`, `seed`, `first`, `count` and `threads` are
/// used; NULL means the defaults: one realisation. Set `count` to 256 for a meaningful E_gen. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if the model has no such phase or an option is out of range, `DAVEGAN_OUT_OF_MEMORY` if
/// the realisations do not fit into memory. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_evaluate(
    model: *const davegan_model_t,
    phase: i32,
    options: *const davegan_generate_options_t,
    evaluation: *mut davegan_evaluation_t,
    size: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, model, options) = unsafe {
            let place = StructPlace::new(evaluation, size, "evaluation")?;
            (place, &reference(model, "model")?.0, read_options(options)?)
        };
        let phase = if phase == -1 { None } else { Some(phase_number(phase)?) };
        let measured = model_errors(model, phase, &options)?;
        place.set(davegan_evaluation_t {
            struct_size: size,
            e_rec: measured.reconstruction.mean,
            e_gen: measured.generation.mean,
            phase: measured.phase.into(),
            count: measured.generation.per_image.len() as i64,
        });
        Ok(())
    })
}
