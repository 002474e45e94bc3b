//! Built-in micrographs and volumes, each from a seed.

mod checkerboard;
mod discs;
mod ellipses;
mod gaussian_field;
mod grain_boundaries;
mod torus;

use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;

use ndarray::{Array2, Array3, Array4};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use checkerboard::Checkerboard;
pub use discs::Discs;
pub use ellipses::{Ellipse, Ellipses};
pub use gaussian_field::GaussianField;
pub use grain_boundaries::GrainBoundaries;

use super::{Micrograph, PhaseImages, Source, check_size};
use crate::device::memory;
use crate::{Error, Result};

/// A built-in material of two phases, with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// One ellipse in each image, as in section 4.2 of the paper.
    Ellipses(Ellipses),
    /// Squares of alternating phase.
    Checkerboard(Checkerboard),
    /// A thresholded Gaussian random field.
    GaussianField(GaussianField),
    /// The grain boundaries of a polycrystal.
    GrainBoundaries(GrainBoundaries),
    /// Discs, or balls, that do not touch.
    Discs(Discs),
}

/// What the materials have in common.
trait Material {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Its parameters with their values, but for the shape.
    fn parameters(&self) -> Vec<(&'static str, String)>;

    /// `[nz, ny, nx]` in voxels; nz = 1: an image.
    fn shape(&self) -> [usize; 3];

    /// Refuses parameters out of range, with their name, value and range. The shape is already checked.
    fn check(&self) -> Result<()>;

    /// About the bytes a voxel that drawing one image takes.
    fn bytes_a_voxel(&self) -> usize {
        1
    }

    /// Draws one image of phases 0 and 1, `(nz, ny, nx)`.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Array3<u8>>;
}

impl Sample {
    /// Makes `count` images. Image `i` depends on the parameters, `seed` and `i` alone, so a larger `count` continues
    /// a smaller one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if a parameter is out of its range, `count` is zero or the images have more than
    /// [`MAX_PIXELS`](super::MAX_PIXELS) pixels together, or if [`Discs`] cannot be packed as densely as asked;
    /// [`Error::OutOfMemory`] if they do not fit into memory.
    pub fn make(&self, seed: u64, count: usize) -> Result<Micrograph> {
        let material = self.material();
        let [nz, ny, nx] = material.shape();
        if nz != 1 {
            check_range("the number of layers", nz, 8..=8192)?;
        }
        check_range("the number of rows", ny, 8..=8192)?;
        check_range("the number of columns", nx, 8..=8192)?;
        check_size((count, nz.saturating_mul(ny), nx)).map_err(Error::InvalidParameter)?;
        material.check()?;

        let (what, advice) = ("making the samples", "make fewer or smaller images");
        memory::require(nz * ny * nx * (count + material.bytes_a_voxel()), what, advice)?;
        let phases = memory::zeros(count * nz * ny * nx, what, advice)?;
        let mut phases = Array4::from_shape_vec((count, nz, ny, nx), phases).expect("as many as in the shape");
        for (index, mut image) in phases.outer_iter_mut().enumerate() {
            image.assign(&material.draw(&mut stream(seed, index))?);
        }
        Ok(Micrograph {
            images: PhaseImages::new(phases, 2)?,
            phase_values: vec![0.0, 1.0],
            source: source(material, seed),
            voxel_size: None,
            warnings: Vec::new(),
            parameters: self.parameters(seed, count),
        })
    }

    /// The parameters of drawn ellipses, a row for each image. They are drawn a second time rather than kept, so that
    /// no other material needs to know of them.
    fn parameters(&self, seed: u64, count: usize) -> Option<Array2<f64>> {
        let Self::Ellipses(sample) = self else { return None };
        let mut parameters = Array2::zeros((count, 5));
        for (index, mut row) in parameters.outer_iter_mut().enumerate() {
            let Ellipse { a, b, x1, x2, phi } = sample.draw_ellipse(&mut stream(seed, index));
            row.assign(&ndarray::arr1(&[a, b, x1, x2, phi]));
        }
        Some(parameters)
    }

    fn material(&self) -> &dyn Material {
        match self {
            Self::Ellipses(sample) => sample,
            Self::Checkerboard(sample) => sample,
            Self::GaussianField(sample) => sample,
            Self::GrainBoundaries(sample) => sample,
            Self::Discs(sample) => sample,
        }
    }
}

/// The name of a material, its size, the parameters and the seed.
fn source(material: &dyn Material, seed: u64) -> Source {
    let [nz, ny, nx] = material.shape();
    let layers = if nz > 1 { format!(" x {nz}") } else { String::new() };
    let mut details = vec![format!("{nx} x {ny}{layers}")];
    details.extend(material.parameters().into_iter().map(|(name, value)| format!("{name} {value}")));
    details.push(format!("seed {seed}"));
    Source::named(material.name()).with(&details.join(", "))
}

/// The random numbers for image `index`.
fn stream(seed: u64, index: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index as u64);
    rng
}

/// The shortest side of an image or a volume.
fn shortest(shape: [usize; 3]) -> usize {
    shape.into_iter().filter(|&side| side > 1).min().unwrap_or(1)
}

/// Refuses a value out of `range`, NaN included.
fn check_range<T: PartialOrd + Display + Debug>(name: &str, value: T, range: RangeInclusive<T>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let all_digits = value.to_string();
    let text = if all_digits.len() > 24 { format!("{value:?}") } else { all_digits };
    Err(Error::invalid(format!("{name} is {text}, but must be {} to {}", range.start(), range.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Sample; 5] {
        [
            Sample::Ellipses(Ellipses::default()),
            Sample::Checkerboard(Checkerboard::default()),
            Sample::GaussianField(GaussianField::default()),
            Sample::GrainBoundaries(GrainBoundaries::default()),
            Sample::Discs(Discs::default()),
        ]
    }

    #[test]
    fn results_are_reproducible() {
        for sample in all() {
            let three = sample.make(11, 3).unwrap();
            let five = sample.make(11, 5).unwrap();
            assert_eq!(three.images, five.images.range(0, 3), "{sample:?}");
            assert_eq!(three.images.n_phases(), 2);
            assert!(three.images.volume_fractions().iter().all(|&f| f > 0.0));
            if !matches!(sample, Sample::Checkerboard(_)) {
                assert_ne!(three.images, sample.make(12, 3).unwrap().images, "{sample:?}");
                assert_ne!(three.images.image(0), three.images.image(1), "{sample:?}");
            }
        }
    }

    #[test]
    fn only_ellipses_have_parameters_and_all_say_what_they_are() {
        for sample in all() {
            let micrograph = sample.make(3, 2).unwrap();
            assert_eq!(micrograph.parameters.is_some(), matches!(sample, Sample::Ellipses(_)));
        }
        let source = |sample: Sample| sample.make(3, 1).unwrap().source.to_string();
        assert_eq!(
            all().map(source),
            [
                "ellipses, 32 x 32, seed 3",
                "checkerboard, 256 x 256, side of a square 8, seed 3",
                "gaussian_field, 256 x 256, volume fraction 0.4, correlation length 5, seed 3",
                "grain_boundaries, 256 x 256, grain size 32, thickness 2, seed 3",
                "discs, 256 x 256, volume fraction 0.25, radius 6 to 12, gap 2, seed 3",
            ]
        );
        let field = GaussianField { nz: 16, ny: 16, nx: 32, correlation_x: 8.0, ..GaussianField::default() };
        let field = GaussianField { correlation_y: 4.0, correlation_z: 4.0, ..field };
        let lengths = "correlation length along x, y and z 8, 4 and 4";
        assert_eq!(
            source(Sample::GaussianField(field)),
            format!("gaussian_field, 32 x 16 x 16, volume fraction 0.4, {lengths}, seed 3")
        );
        let ellipsoids = Discs { elongation: 2.5, ..Discs::default() };
        assert!(source(Sample::Discs(ellipsoids)).contains("gap 2, elongation 2.5, seed"));
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        let board = |cell| Sample::Checkerboard(Checkerboard { ny: 24, nx: 32, cell });
        let field = |change: fn(&mut GaussianField)| Sample::GaussianField(changed(change));
        let grains = |change: fn(&mut GrainBoundaries)| Sample::GrainBoundaries(changed(change));
        let discs = |change: fn(&mut Discs)| Sample::Discs(changed(change));
        for (sample, expected) in [
            (board(0), "is 0, but must be 1 to 23"),
            (board(24), "is 24, but must be 1 to 23"),
            (field(|f| f.volume_fraction = 1.5), "volume fraction is 1.5, but must be 0 to 1"),
            (field(|f| f.volume_fraction = f64::NAN), "volume fraction is NaN"),
            (field(|f| f.correlation_y = -1.0), "along y is -1, but must be 0 to 64"),
            (field(|f| f.correlation_x = 65.0), "along x is 65"),
            (grains(|g| g.grain_size = 129.0), "grain size is 129, but must be 4 to 128"),
            (grains(|g| g.grain_size = f64::NAN), "grain size is NaN"),
            (grains(|g| g.thickness = 0.5), "is 0.5, but must be 1 to 16"),
            (grains(|g| (g.grain_size, g.thickness) = (4.0, 3.0)), "is 3, but must be 1 to 2"),
            (discs(|d| d.volume_fraction = -0.1), "volume fraction is -0.1, but must be 0 to 1"),
            (discs(|d| d.radius_min = 13.0), "smallest radius is 13, but must be 1 to 12"),
            (discs(|d| d.radius_max = 128.0), "largest radius is 128, but must be 1 to 127"),
            (discs(|d| d.radius_max = f64::NAN), "largest radius is NaN"),
            (discs(|d| d.gap = f64::INFINITY), "gap is inf"),
        ] {
            let error = sample.make(0, 1).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    fn changed<T: Default>(change: fn(&mut T)) -> T {
        let mut parameters = T::default();
        change(&mut parameters);
        parameters
    }

    #[test]
    fn counts_and_sides_out_of_range_are_named() {
        let message = |sample: Sample, count| sample.make(0, count).unwrap_err().to_string();
        assert!(message(all()[0].clone(), 0).contains("0 images"));
        assert!(message(all()[3].clone(), usize::MAX).contains("have more than"));
        let wide = Checkerboard { nx: 1 << 40, ..Checkerboard::default() };
        assert!(message(Sample::Checkerboard(wide), 1).contains("1099511627776"));
        let none = GaussianField { ny: 0, ..GaussianField::default() };
        assert!(message(Sample::GaussianField(none), 1).contains("rows is 0"));
    }
}
