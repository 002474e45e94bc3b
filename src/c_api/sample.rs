//! Built-in micrographs and volumes, made from a seed.

use super::guard::guard;
use super::micrograph::davegan_micrograph_t;
use super::options::{self, count, unsafe_growing};
use super::pointers::Place;
use super::status::davegan_status_t;
use crate::micrograph::{Checkerboard, Discs, Ellipses, GaussianField, GrainBoundaries, Sample};
use crate::{Error, Result};

/// One ellipse an image, exactly as in the paper's Section 4.2; uses `nx` and `ny`, which must be equal.
pub const DAVEGAN_SAMPLE_ELLIPSES: i32 = 1;
/// Squares of alternating phase; uses `cell_size`.
pub const DAVEGAN_SAMPLE_CHECKERBOARD: i32 = 2;
/// A thresholded Gaussian random field; uses `volume_fraction`, the correlation lengths and `nz`.
pub const DAVEGAN_SAMPLE_GAUSSIAN_FIELD: i32 = 3;
/// The grain boundaries (phase 0) of a polycrystal (Voronoi cells); uses `grain_size`, `boundary_thickness` and `nz`.
pub const DAVEGAN_SAMPLE_GRAIN_BOUNDARIES: i32 = 4;
/// Random discs, in volumes balls, that do not touch; uses `volume_fraction`, the radii, `elongation`, `gap` and `nz`.
pub const DAVEGAN_SAMPLE_DISCS: i32 = 5;

/// Which built-in micrograph to make. Filled by `davegan_sample_options_init`. Lengths are in pixels; fields that a
/// kind does not use are ignored.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_sample_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// One of `DAVEGAN_SAMPLE_...`, set by the initialiser.
    pub kind: i32,
    /// Columns of an image, 8 to 8192; default 32 for ellipses, otherwise 256.
    pub nx: i64,
    /// Rows of an image, 8 to 8192; default 32 for ellipses, otherwise 256.
    pub ny: i64,
    /// Layers, 8 to 8192, or 1 for an image; default 1.
    pub nz: i64,
    /// Number of images, at least 1; default 1. Image i depends on the other options and i alone.
    pub count: i64,
    /// Seed of all random draws, 0 or more; default 0.
    pub seed: i64,
    /// Volume fraction of phase 1 of a Gaussian field, 0 to 1 (default 0.4), or of discs (default 0.25).
    pub volume_fraction: f64,
    /// Correlation length of a Gaussian field along x, 0 to a quarter of the image; default 5.
    pub correlation_length_x: f64,
    /// Correlation length of a Gaussian field along y, 0 to a quarter of the image; default 5.
    pub correlation_length_y: f64,
    /// Correlation length of a Gaussian field along z, 0 to a quarter of the volume; default 5.
    pub correlation_length_z: f64,
    /// Side of a square of the checkerboard, at least 1 and below the shorter side of the image; default 8.
    pub cell_size: i64,
    /// Equivalent diameter of a grain, 4 to half the shortest side of the image; default 32.
    pub grain_size: f64,
    /// Thickness of a grain boundary, 1 to `grain_size / 2`; default 2.
    pub boundary_thickness: f64,
    /// Smallest radius of a disc across x, 1 to `radius_max`; default 6.
    pub radius_min: f64,
    /// Largest radius of a disc across x, from 1; with half the gap it fits into half of each side. Default 12.
    pub radius_max: f64,
    /// Length of a disc along x divided by that across it, 1 to 8; default 1.
    pub elongation: f64,
    /// Smallest distance between two discs, 0 to a quarter of the shortest side of the image; default 2.
    pub gap: f64,
}
// SAFETY: numbers only.
unsafe_growing!(davegan_sample_options_t, gap);

fn unknown_sample(kind: i32) -> Error {
    Error::invalid(format!(
        "kind = {kind}; choose one of DAVEGAN_SAMPLE_ELLIPSES (1), _CHECKERBOARD (2), _GAUSSIAN_FIELD (3), _GRAIN_BOUNDARIES (4), \
         _DISCS (5)"
    ))
}

impl davegan_sample_options_t {
    fn new(kind: i32) -> Result<Self> {
        let (board, field) = (Checkerboard::default(), GaussianField::default());
        let (grains, discs) = (GrainBoundaries::default(), Discs::default());
        let ((ny, nx), volume_fraction) = match kind {
            DAVEGAN_SAMPLE_ELLIPSES => ((Ellipses::default().side, Ellipses::default().side), 0.0),
            DAVEGAN_SAMPLE_CHECKERBOARD => ((board.ny, board.nx), 0.0),
            DAVEGAN_SAMPLE_GAUSSIAN_FIELD => ((field.ny, field.nx), field.volume_fraction),
            DAVEGAN_SAMPLE_GRAIN_BOUNDARIES => ((grains.ny, grains.nx), 0.0),
            DAVEGAN_SAMPLE_DISCS => ((discs.ny, discs.nx), discs.volume_fraction),
            _ => return Err(unknown_sample(kind)),
        };
        Ok(Self {
            struct_size: size_of::<Self>(),
            kind,
            nx: nx as i64,
            ny: ny as i64,
            nz: 1,
            count: 1,
            seed: 0,
            cell_size: board.cell as i64,
            volume_fraction,
            correlation_length_x: field.correlation_x,
            correlation_length_y: field.correlation_y,
            correlation_length_z: field.correlation_z,
            grain_size: grains.grain_size,
            boundary_thickness: grains.thickness,
            radius_min: discs.radius_min,
            radius_max: discs.radius_max,
            elongation: discs.elongation,
            gap: discs.gap,
        })
    }

    fn sample(&self) -> Result<Sample> {
        let [nz, ny, nx] = [count(self.nz, "nz")?, count(self.ny, "ny")?, count(self.nx, "nx")?];
        let volume_fraction = self.volume_fraction;
        match self.kind {
            DAVEGAN_SAMPLE_ELLIPSES | DAVEGAN_SAMPLE_CHECKERBOARD if nz != 1 => {
                Err(Error::invalid(format!("nz = {nz}; ellipses and checkerboards are images, with nz = 1")))
            }
            DAVEGAN_SAMPLE_ELLIPSES if nx == ny => Ok(Sample::Ellipses(Ellipses { side: nx })),
            DAVEGAN_SAMPLE_ELLIPSES => {
                Err(Error::invalid(format!("nx = {nx}, ny = {ny}; images of ellipses are square")))
            }
            DAVEGAN_SAMPLE_CHECKERBOARD => {
                Ok(Sample::Checkerboard(Checkerboard { ny, nx, cell: count(self.cell_size, "cell_size")? }))
            }
            DAVEGAN_SAMPLE_GAUSSIAN_FIELD => Ok(Sample::GaussianField(GaussianField {
                nz,
                ny,
                nx,
                volume_fraction,
                correlation_z: self.correlation_length_z,
                correlation_y: self.correlation_length_y,
                correlation_x: self.correlation_length_x,
            })),
            DAVEGAN_SAMPLE_GRAIN_BOUNDARIES => Ok(Sample::GrainBoundaries(GrainBoundaries {
                nz,
                ny,
                nx,
                grain_size: self.grain_size,
                thickness: self.boundary_thickness,
            })),
            DAVEGAN_SAMPLE_DISCS => Ok(Sample::Discs(Discs {
                nz,
                ny,
                nx,
                volume_fraction,
                radius_min: self.radius_min,
                radius_max: self.radius_max,
                elongation: self.elongation,
                gap: self.gap,
            })),
            other => Err(unknown_sample(other)),
        }
    }
}

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults of a built-in micrograph.
///
/// `kind` is one of `DAVEGAN_SAMPLE_...`. Fails with `DAVEGAN_INVALID_PARAMETER` for another kind, or if `size` is less
/// than that of the first version. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_sample_options_init(
    options: *mut davegan_sample_options_t,
    size: usize,
    kind: i32,
) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || davegan_sample_options_t::new(kind)) }
}

/// Makes a built-in micrograph of two phases; the same options always give the same images.
///
/// `*micrograph` is a new handle. Fails with `DAVEGAN_INVALID_PARAMETER` if an option is out of its range, or discs
/// cannot be packed as densely as asked. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_micrograph_sample(
    options: *const davegan_sample_options_t,
    micrograph: *mut *mut davegan_micrograph_t,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (place, options) = unsafe { (Place::handle(micrograph, "micrograph")?, options::read(options)?) };
        let options = options.ok_or_else(|| Error::invalid("options is NULL; it must say which sample to make"))?;
        let sample = options.sample()?.make(count(options.seed, "seed")?, count(options.count, "count")?)?;
        place.give(davegan_micrograph_t(sample));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_come_back_as_they_were() {
        for (kind, sample) in [
            (DAVEGAN_SAMPLE_ELLIPSES, Sample::Ellipses(Ellipses::default())),
            (DAVEGAN_SAMPLE_CHECKERBOARD, Sample::Checkerboard(Checkerboard::default())),
            (DAVEGAN_SAMPLE_GAUSSIAN_FIELD, Sample::GaussianField(GaussianField::default())),
            (DAVEGAN_SAMPLE_GRAIN_BOUNDARIES, Sample::GrainBoundaries(GrainBoundaries::default())),
            (DAVEGAN_SAMPLE_DISCS, Sample::Discs(Discs::default())),
        ] {
            assert_eq!(davegan_sample_options_t::new(kind).and_then(|options| options.sample()), Ok(sample));
        }
        assert!(davegan_sample_options_t::new(0).is_err());
    }

    #[test]
    fn volumes_are_of_the_kinds_that_have_them() {
        for (kind, is_volume) in [(1, false), (2, false), (3, true), (4, true), (5, true)] {
            let options = davegan_sample_options_t::new(kind).unwrap();
            let sample = davegan_sample_options_t { nz: 32, ny: 32, nx: 32, grain_size: 16.0, ..options }.sample();
            match sample {
                Ok(sample) => assert_eq!((is_volume, sample.make(1, 1).unwrap().images.shape()), (true, [32; 3])),
                Err(error) => assert!(!is_volume && error.to_string().contains("nz = 32"), "{error}"),
            }
        }
    }

    #[test]
    fn images_of_ellipses_are_square() {
        let options = davegan_sample_options_t::new(DAVEGAN_SAMPLE_ELLIPSES).unwrap();
        let options = davegan_sample_options_t { ny: 33, ..options };
        assert!(options.sample().unwrap_err().to_string().contains("ny = 33"));
    }
}
