//! How large an element must be to be representative.

use std::ffi::c_char;

use super::descriptor::judged_phase;
use super::generate_options::davegan_generate_options_t;
use super::guard::guard_with_host;
use super::micrograph::DAVEGAN_MAX_PHASES;
use super::model::davegan_model_t;
use super::options::{self, StructPlace, count, unsafe_growing};
use super::pointers::{Buffer, elements, images, optional_path, reference, slice};
use super::relaxation::given_fractions;
use super::status::davegan_status_t;
use crate::Result;
use crate::evaluation::{ElementStatistics, Property, SizeOptions, element_statistics, size_study};
use crate::report::size_report;

/// Number of properties of `davegan_element_statistics_t`.
pub const DAVEGAN_N_PROPERTIES: usize = 3;

/// Index of the volume fraction.
pub const DAVEGAN_PROPERTY_VOLUME_FRACTION: i32 = 0;

/// Index of the two-point correlation S2, summed up over distances.
///
/// Distances are 0, 1, ... voxels up to half the side of the smallest element or of a training tile, whichever is less.
/// The mean is the root mean square of the means, the deviation that of the deviations.
pub const DAVEGAN_PROPERTY_S2: i32 = 1;

/// Index of the effective conductivity, in units of that of the rest; the phase conducts 100 times as well.
pub const DAVEGAN_PROPERTY_CONDUCTIVITY: i32 = 2;

/// Default number of elements of each size.
const COUNT: i64 = 16;

/// Statistics of elements of one size, each array in the order of `DAVEGAN_PROPERTY_...`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_element_statistics_t {
    /// Size of this struct as the caller gave it.
    pub struct_size: usize,
    /// Voxels of an element along x.
    pub nx: i64,
    /// Voxels of an element along y.
    pub ny: i64,
    /// Voxels of an element along z; 1 for images.
    pub nz: i64,
    /// Number of elements n.
    pub count: i64,
    /// Mean m over the elements.
    pub mean: [f64; DAVEGAN_N_PROPERTIES],
    /// Standard deviation s between the elements.
    pub deviation: [f64; DAVEGAN_N_PROPERTIES],
    /// Half width of the 95 % confidence interval of the mean: t s / sqrt(n), with t of Student's distribution.
    pub interval: [f64; DAVEGAN_N_PROPERTIES],
    /// Relative error of one element, 2 s / m; that of the mean over N is sqrt(N) times smaller. NaN if m is 0.
    pub error: [f64; DAVEGAN_N_PROPERTIES],
}
// SAFETY: numbers only.
unsafe_growing!(davegan_element_statistics_t, error);

impl davegan_element_statistics_t {
    fn new(of: &ElementStatistics) -> Self {
        let [nz, ny, nx] = of.shape;
        let each = |value: fn(&Property) -> f64| of.properties.each_ref().map(value);
        Self {
            struct_size: size_of::<Self>(),
            nx: nx as i64,
            ny: ny as i64,
            nz: nz as i64,
            count: of.properties[0].count as i64,
            mean: each(|property| property.mean),
            deviation: each(|property| property.deviation),
            interval: each(Property::interval),
            error: each(|property| property.relative_error(1)),
        }
    }
}

/// Examines elements of a model at growing sizes: how much they vary, and which size a wished error needs.
///
/// `options->count` realisations are made at each of the `n_sides` `sides` in voxels, which increase: squares, or cubes with
/// `DAVEGAN_PROFILE_VOLUME`, whose conductivity takes minutes and 150 bytes a voxel on each thread. `phase` is the
/// phase examined, or -1 for the minority phase of the training tiles. `precision` is the wished relative error of one
/// element, above 0 and below 1; for the mean over N elements give `precision * sqrt(N)`. Of `options`, `seed`, `first`,
/// `count` (at least 2), `volume_fraction`, `threads` and the progress fields are used; NULL means the defaults with 16
/// elements. The progress counts elements, of which large ones take longer. Size number k has the realisations from
/// `first + k * count` on. Memory holds as many elements at a time as there are threads.
///
/// `statistics` gets `n_sides` structs, each of `size` bytes (`sizeof *statistics`). `required_sides` gets the side in
/// voxels that each property needs, in the order of `DAVEGAN_PROPERTY_...`, by a fit deviation = c side^-alpha; beyond
/// `sides` it is an extrapolation. It is NaN for a single size, or where the deviation does not fall with the side.
/// `html` is the path of a page with tables and plots of all this, or NULL. It is replaced in one step; after a failure
/// it is unchanged.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if an option is out of range, `count` is below 2, `sides` do not increase, or
/// the model does not make elements of such a side (multiples of 16 from 32 on with `DAVEGAN_PROFILE_STANDARD` and
/// `DAVEGAN_PROFILE_VOLUME`, that of a training tile with others); `DAVEGAN_IO` if the page cannot be written; `DAVEGAN_FORMAT` if something else than a
/// report is there; `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_representative_size(
    model: *const davegan_model_t,
    phase: i32,
    sides: *const i64,
    n_sides: usize,
    precision: f64,
    html: *const c_char,
    options: *const davegan_generate_options_t,
    statistics: *mut davegan_element_statistics_t,
    size: usize,
    required_sides: *mut f64,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (model, sides, html, options) = unsafe {
            let sides = slice(sides, elements(&[n_sides], "sides")?, "sides")?;
            (&reference(model, "model")?.0, sides, optional_path(html, "html")?, options::read(options)?)
        };
        // SAFETY: as above.
        let places = unsafe { StructPlace::array(statistics, n_sides, size, "statistics") }?;
        // SAFETY: as above.
        let required =
            unsafe { Buffer::new(required_sides, DAVEGAN_N_PROPERTIES, DAVEGAN_N_PROPERTIES, "the required sides") }?;
        let options =
            options.unwrap_or_else(|| davegan_generate_options_t { count: COUNT, ..davegan_generate_options_t::new() });
        let mut tell = options.listener(host, "examining")?;
        let mut realisations = options.generation()?;
        realisations.volume_fractions =
            given_fractions(&options.volume_fraction, model.n_phases()).map(<[f64]>::to_vec);
        let examined = SizeOptions {
            sides: sides.iter().map(|&side| count(side, "a side")).collect::<Result<_>>()?,
            phase: judged_phase(phase, &model.tiles)?,
            precision,
            realisations,
        };
        let study = match html {
            Some(path) => size_report(model, &examined, path, options.progress_interval, &mut tell),
            None => size_study(model, &examined, options.progress_interval, &mut tell),
        }?;
        required.fill(&[0, 1, 2].map(|property| study.required_side(property, 1).unwrap_or(f64::NAN)));
        for (place, of) in places.into_iter().zip(&study.sizes) {
            place.set(davegan_element_statistics_t::new(of));
        }
        Ok(())
    })
}

/// Statistics of periodic elements that the host brings, all of one size.
///
/// `phases` is `n * nz * ny * nx` phase numbers, 0 to 7, x fastest; `n` is at least 2, and `nz` is 1 for images. `phase` is the phase examined, or -1 for
/// the minority phase. S2 is taken at distances up to half the shortest side. Of `options`, `threads` and the progress
/// fields are used; NULL means the defaults. `*statistics` is a struct of `size` bytes (`sizeof *statistics`).
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `n` is below 2, a length is 0, `phase` or a pixel is not in 0 to 7, or an
/// option is out of range; `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_element_statistics(
    phases: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    phase: i32,
    options: *const davegan_generate_options_t,
    statistics: *mut davegan_element_statistics_t,
    size: usize,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (place, images, options) = unsafe {
            let place = StructPlace::new(statistics, size, "statistics")?;
            let images = images(phases, [n, nz, ny, nx], DAVEGAN_MAX_PHASES, "phases")?;
            (place, images, davegan_generate_options_t::read(options)?)
        };
        let phase = judged_phase(phase, &images)?;
        let found = options.in_parts(host, "examining", n as u64, |done| element_statistics(&images, phase, done))?;
        place.set(davegan_element_statistics_t::new(&found));
        Ok(())
    })
}
