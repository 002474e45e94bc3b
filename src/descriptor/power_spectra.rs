//! Eq. 12 between sets of images.

use rayon::prelude::*;

use super::{check_phase, check_same_shape, transform::Transform};
use crate::{Error, Result, micrograph::PhaseImages};

/// Numbers that are summed side by side, so that the compiler can use vector instructions.
const LANES: usize = 8;

/// Numbers after which a distance is checked against the smallest found so far.
const STRETCH: usize = 8 * LANES;

/// The power spectra of one phase in a set of images, computed once, to be compared many times.
///
/// By Parseval's theorem the root mean square difference of two periodic S2 over all lags (Eq. 12) is that of the power
/// spectra P = |FFT(I)|^2 / N, divided by the square root of the number of voxels N: no inverse transform is needed.
/// One image takes about half as many `f64` as it has voxels.
#[derive(Debug, Clone)]
pub struct PowerSpectra {
    shape: [usize; 3],
    /// Per image the spectrum, scaled so that Eq. 12 is the Euclidean distance, and zeros up to a multiple of `LANES`.
    points: Vec<f64>,
    stride: usize,
}

impl PowerSpectra {
    /// The spectra of `phase` in each of `images`, which are shared out to the threads of the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the images have no such phase.
    pub fn new(images: &PhaseImages, phase: u8) -> Result<Self> {
        check_phase(images, phase)?;
        let shape = images.shape();
        let transform = Transform::new(shape);
        let weights = weights(shape);
        let stride = stride(shape);
        let mut points = vec![0.0; images.len() * stride];
        points.par_chunks_exact_mut(stride).enumerate().for_each_init(
            || transform.workspace(),
            |workspace, (index, point)| {
                for (value, &voxel) in workspace.field.iter_mut().zip(images.image(index)) {
                    *value = f64::from(u8::from(voxel == phase));
                }
                transform.forward(workspace);
                let weights = weights.iter().cycle();
                for ((value, coefficient), weight) in point.iter_mut().zip(&workspace.spectrum).zip(weights) {
                    *value = weight * coefficient.norm_sqr();
                }
            },
        );
        Ok(Self { shape, points, stride })
    }

    /// Eq. 12 between image `index` of this set and image `other_index` of `other`: the root mean square difference of
    /// their periodic S2 over all lags, in 0 to 1; exactly 0 for identical images.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the images of the two sets differ in shape or there is no such image.
    pub fn error(&self, index: usize, other: &Self, other_index: usize) -> Result<f64> {
        check_same_shape(self.shape, other.shape)?;
        Ok(squared_distance(self.point(index)?, other.point(other_index)?, f64::INFINITY).sqrt())
    }

    /// The image of `other` with the smallest [`error`](Self::error) to image `index` of this set, the first of them if
    /// there are several, and that error.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the images of the two sets differ in shape or there is no such image.
    pub fn nearest(&self, index: usize, other: &Self) -> Result<(usize, f64)> {
        check_same_shape(self.shape, other.shape)?;
        let point = self.point(index)?;
        let (mut nearest, mut smallest) = (0, f64::INFINITY);
        for (candidate, other_point) in other.points.chunks_exact(other.stride).enumerate() {
            let squared = squared_distance(point, other_point, smallest);
            if squared < smallest {
                (nearest, smallest) = (candidate, squared);
            }
        }
        Ok((nearest, smallest.sqrt()))
    }

    fn point(&self, index: usize) -> Result<&[f64]> {
        self.points.chunks_exact(self.stride).nth(index).ok_or_else(|| {
            let count = self.points.len() / self.stride;
            Error::invalid(format!("there is no image {index}: the set has {count}, numbered from 0"))
        })
    }
}

/// Numbers that [`PowerSpectra`] keeps per image of the given shape.
pub(super) fn stride([nz, ny, nx]: [usize; 3]) -> usize {
    (nz * ny * (nx / 2 + 1)).next_multiple_of(LANES)
}

/// What |FFT(I)|^2 is multiplied by, for each kx. With P = |FFT(I)|^2 / N, Eq. 12 is sqrt(sum over k of (P_A - P_B)^2) / N,
/// and a coefficient of the half spectrum stands for two, unless it is its own mirror image in kx.
fn weights([nz, ny, nx]: [usize; 3]) -> Vec<f64> {
    let voxels = (nz * ny * nx) as f64;
    let multiplicity = |kx: usize| if kx == 0 || 2 * kx == nx { 1.0 } else { 2.0_f64 };
    (0..=nx / 2).map(|kx| multiplicity(kx).sqrt() / (voxels * voxels)).collect()
}

/// Squared Euclidean distance; once it has reached `limit`, whatever it has reached.
///
/// The differences are summed, not |a|^2 + |b|^2 - 2ab, which would lose half the digits where two images are alike.
fn squared_distance(a: &[f64], b: &[f64], limit: f64) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(STRETCH).zip(b.chunks(STRETCH)) {
        let mut sums = [0.0; LANES];
        for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
            for lane in 0..LANES {
                let difference = a[lane] - b[lane];
                sums[lane] += difference * difference;
            }
        }
        total += sums.iter().sum::<f64>();
        if total >= limit {
            break;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct;

    #[test]
    fn agrees_with_the_direct_definition() {
        for (seed, shape) in direct::SHAPES.into_iter().enumerate() {
            let a = direct::random_images(seed as u64, 2, shape, 2);
            let b = direct::random_images(100 + seed as u64, 3, shape, 2);
            let (of_a, of_b) = (PowerSpectra::new(&a, 1).unwrap(), PowerSpectra::new(&b, 1).unwrap());
            for i in 0..2 {
                let direct = [0, 1, 2].map(|j| direct::error(&direct::s2(&a, i, 1), &direct::s2(&b, j, 1), None));
                for (j, expected) in direct.into_iter().enumerate() {
                    assert!((of_a.error(i, &of_b, j).unwrap() - expected).abs() < 1e-14, "{shape:?}");
                }
                let smallest = direct.into_iter().fold(f64::INFINITY, f64::min);
                let (index, error) = of_a.nearest(i, &of_b).unwrap();
                assert!((error - smallest).abs() < 1e-14);
                assert_eq!(error, of_a.error(i, &of_b, index).unwrap());
            }
        }
    }

    #[test]
    fn an_image_is_its_own_nearest_with_error_exactly_zero() {
        let images = direct::random_images(7, 40, [1, 32, 31], 2);
        let spectra = PowerSpectra::new(&images, 0).unwrap();
        for i in 0..40 {
            assert_eq!(spectra.nearest(i, &spectra).unwrap(), (i, 0.0));
            let alone = PowerSpectra::new(&images.range(i, 1), 0).unwrap();
            assert_eq!(spectra.error(i, &alone, 0).unwrap(), 0.0);
        }
    }

    #[test]
    fn one_voxel_of_many_is_seen_without_loss() {
        // Images that are nearly alike are where |a|^2 + |b|^2 - 2ab fails.
        let a = direct::random_images(2, 1, [1, 30, 32], 2);
        let mut changed = a.phases().clone();
        changed[[0, 0, 3, 4]] ^= 1;
        let b = PhaseImages::new(changed, 2).unwrap();
        let direct = direct::error(&direct::s2(&a, 0, 1), &direct::s2(&b, 0, 1), None);
        let found = PowerSpectra::new(&a, 1).unwrap().error(0, &PowerSpectra::new(&b, 1).unwrap(), 0).unwrap();
        assert!(direct > 0.0 && (found / direct - 1.0).abs() < 1e-11, "{found} {direct}");
    }

    #[test]
    fn wrong_shapes_and_indices_are_named() {
        let a = PowerSpectra::new(&direct::checkerboard(4, 1), 1).unwrap();
        let b = PowerSpectra::new(&direct::checkerboard(8, 1), 1).unwrap();
        let error = a.nearest(0, &b).unwrap_err().to_string();
        assert!(error.contains("1 x 4 x 4") && error.contains("1 x 8 x 8"), "{error}");
        assert!(a.error(0, &b, 0).is_err());
        let error = a.error(0, &a, 1).unwrap_err().to_string();
        assert!(error.contains("no image 1"), "{error}");
        assert!(PowerSpectra::new(&direct::checkerboard(4, 1), 7).is_err());
    }
}
