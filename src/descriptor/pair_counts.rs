//! Two-point correlations of sets of images as exact pair counts, and Eq. 12 between them.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::{
    batched_fft::{Autocorrelation, Workspace},
    check_phase, check_same_shape,
    count::Count,
    distance::squared_distance,
    half_map::HalfMap,
    transform::Transform,
    two_point::{ADVICE, Estimator, S2Options, WHAT},
};
use crate::device::memory;
use crate::{Error, Result, micrograph::PhaseImages};

/// The two-point correlations of one phase in a set of images, as pair counts.
///
/// They are computed once and compared many times. For every lag the number of pairs of voxels of the phase is computed
/// by FFT and rounded to the integer that it is. So the counts do not depend on the other images, their order or the
/// processor. An image takes about 1 byte a voxel, or 2 above 65,535 voxels.
#[derive(Debug, Clone)]
pub struct PairCounts {
    shape: [usize; 3],
    counts: Counts,
    /// Counts per image.
    stride: usize,
    /// The first so many counts of an image are of one lag each, the others of a lag and its opposite.
    n_single: usize,
}

/// The counts of all images, each in the order of [`HalfMap`].
#[derive(Debug, Clone)]
enum Counts {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl PairCounts {
    /// Counts the pairs of `phase` in each image, in parallel on the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the images have no such phase, or more than 2^31 - 1 voxels each;
    /// [`Error::OutOfMemory`] if the counts, or the transforms of an image on each thread, do not fit into memory.
    pub fn new(images: &PhaseImages, phase: u8) -> Result<Self> {
        Self::of_range(images, 0..images.len(), phase)
    }

    /// [`new`](Self::new) for images `range`. Panics if there are not that many.
    pub fn of_range(images: &PhaseImages, range: Range<usize>, phase: u8) -> Result<Self> {
        check_phase(images, phase)?;
        let (shape, voxels) = (images.shape(), images.voxels());
        // A difference of two counts is taken as an i32.
        if i32::try_from(voxels).is_err() {
            return Err(Error::invalid(format!("{voxels} voxels in an image; at most {} are compared", i32::MAX)));
        }
        let images = &images.as_slice()[range.start * voxels..range.end * voxels];
        let map = HalfMap::new(shape);
        let (stride, n_single) = (map.len(), map.n_single());
        let counts = match voxels {
            0..=0xffff => Counts::Narrow(count(images, shape, phase, map)?),
            _ => Counts::Wide(count(images, shape, phase, map)?),
        };
        Ok(Self { shape, counts, stride, n_single })
    }

    /// Eq. 12 between image `index` of this set and image `other_index` of `other`.
    ///
    /// The root mean square difference of their periodic S2 over all lags, in 0 to 1; exactly 0 for identical images.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the images of the two sets differ in shape or there is no such image.
    pub fn error(&self, index: usize, other: &Self, other_index: usize) -> Result<f64> {
        check_same_shape(self.shape, other.shape)?;
        self.check_image(index)?;
        other.check_image(other_index)?;
        Ok(self.root_mean(self.squared_distance(index, other, other_index, f64::INFINITY)))
    }

    /// The smallest [`error`](Self::error) between image `index` of this set and an image of `other`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the images of the two sets differ in shape or there is no such image.
    pub fn smallest_error(&self, index: usize, other: &Self) -> Result<f64> {
        check_same_shape(self.shape, other.shape)?;
        self.check_image(index)?;
        let smallest = (0..other.len()).fold(f64::INFINITY, |smallest, candidate| {
            smallest.min(self.squared_distance(index, other, candidate, smallest))
        });
        Ok(self.root_mean(smallest))
    }

    /// Eq. 12 from the sum of squared differences of counts: sqrt(squared / N) / N for N voxels.
    fn root_mean(&self, squared: f64) -> f64 {
        let voxels = self.shape.iter().product::<usize>() as f64;
        (squared / voxels).sqrt() / voxels
    }

    /// Squared difference of counts, summed over all lags, or a partial sum of at least `limit`.
    fn squared_distance(&self, index: usize, other: &Self, other_index: usize, limit: f64) -> f64 {
        let [here, there] = [index, other_index].map(|index| index * self.stride..(index + 1) * self.stride);
        match (&self.counts, &other.counts) {
            (Counts::Narrow(a), Counts::Narrow(b)) => squared_distance(&a[here], &b[there], self.n_single, limit),
            (Counts::Wide(a), Counts::Wide(b)) => squared_distance(&a[here], &b[there], self.n_single, limit),
            _ => unreachable!("the shapes are equal"),
        }
    }

    fn len(&self) -> usize {
        let numbers = match &self.counts {
            Counts::Narrow(counts) => counts.len(),
            Counts::Wide(counts) => counts.len(),
        };
        numbers / self.stride
    }

    fn check_image(&self, index: usize) -> Result<()> {
        if index < self.len() {
            return Ok(());
        }
        Err(Error::invalid(format!("there is no image {index}: the set has {}, numbered from 0", self.len())))
    }
}

/// Counts that [`PairCounts`] keeps per image of the given shape.
pub(super) fn stride(shape: [usize; 3]) -> usize {
    HalfMap::new(shape).len()
}

/// The counts of each image, in the order of `map`.
fn count<C: Count>(images: &[u8], shape: [usize; 3], phase: u8, map: HalfMap) -> Result<Vec<C>> {
    if Autocorrelation::suits(shape) {
        count_together(images, shape, phase, map)
    } else {
        count_one_by_one(images, shape, phase, &map)
    }
}

/// Counts groups of images at once, one or two in each SIMD lane.
fn count_together<C: Count>(images: &[u8], shape: [usize; 3], phase: u8, map: HalfMap) -> Result<Vec<C>> {
    let (stride, voxels) = (map.len(), shape.iter().product::<usize>());
    let (count, autocorrelation) = (images.len() / voxels, Autocorrelation::new(shape, map));
    let group = Autocorrelation::group(count);
    // A field of two single-precision numbers, and some bits.
    let of_worker = group * voxels * size_of::<f32>() + voxels * (size_of::<u32>() + 1);
    filled_in_parts(count * stride, group * stride, of_worker, Workspace::default, |workspace, part, counts| {
        let images = images.chunks(group * voxels).nth(part).expect("as many as parts");
        autocorrelation.count_pairs(images, phase, workspace, counts);
    })
}

/// Counts image by image in double precision, for shapes that do not suit [`count_together`].
fn count_one_by_one<C: Count>(images: &[u8], shape: [usize; 3], phase: u8, map: &HalfMap) -> Result<Vec<C>> {
    let estimator = Estimator::new(shape, &S2Options::default());
    let images: Vec<&[u8]> = images.chunks_exact(shape.iter().product()).collect();
    let workspace = || estimator.transform.workspace();
    let of_worker = Transform::workspace_bytes(shape);
    filled_in_parts(images.len() * map.len(), map.len(), of_worker, workspace, |workspace, index, counts| {
        estimator.count_pairs(images[index], phase, workspace);
        for (counts, &row) in counts.chunks_exact_mut(map.nx).zip(&map.rows) {
            for (count, &pairs) in counts.iter_mut().zip(&workspace.field[row * map.nx..]) {
                *count = C::new(pairs as u32);
            }
        }
    })
}

/// A vector whose parts of `part` numbers are zeroed and filled in parallel; each worker takes `of_worker` bytes besides.
fn filled_in_parts<C: Count, W>(
    length: usize,
    part: usize,
    of_worker: usize,
    workspace: impl Fn() -> W + Sync + Send,
    fill: impl Fn(&mut W, usize, &mut [C]) + Sync + Send,
) -> Result<Vec<C>> {
    let workers = length.div_ceil(part).min(rayon::current_num_threads());
    memory::require((length * size_of::<C>()).saturating_add(workers * of_worker), WHAT, ADVICE)?;
    let mut numbers = memory::vector(length, WHAT, ADVICE)?;
    let parts = numbers.spare_capacity_mut()[..length].par_chunks_mut(part).enumerate();
    parts.for_each_init(workspace, |workspace, (index, numbers)| fill(workspace, index, zeroed(numbers)));
    // SAFETY: every part has been written.
    unsafe { numbers.set_len(length) };
    Ok(numbers)
}

/// Writes zeros to uninitialised memory.
fn zeroed<C: Count>(numbers: &mut [MaybeUninit<C>]) -> &mut [C] {
    numbers.fill(MaybeUninit::new(C::default()));
    // SAFETY: all have just been written.
    unsafe { &mut *(std::ptr::from_mut(numbers) as *mut [C]) }
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
            let (of_a, of_b) = (PairCounts::new(&a, 1).unwrap(), PairCounts::new(&b, 1).unwrap());
            for i in 0..2 {
                let direct = [0, 1, 2].map(|j| direct::error(&direct::s2(&a, i, 1), &direct::s2(&b, j, 1), None));
                for (j, expected) in direct.into_iter().enumerate() {
                    assert!((of_a.error(i, &of_b, j).unwrap() - expected).abs() < 1e-14, "{shape:?}");
                }
                let smallest = direct.into_iter().fold(f64::INFINITY, f64::min);
                assert!((of_a.smallest_error(i, &of_b).unwrap() - smallest).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn an_image_has_an_error_of_exactly_zero_to_itself() {
        let images = direct::random_images(7, 40, [1, 32, 31], 2);
        let counts = PairCounts::new(&images, 0).unwrap();
        for i in 0..40 {
            assert_eq!(counts.smallest_error(i, &counts).unwrap(), 0.0);
            let alone = PairCounts::new(&images.range(i, 1), 0).unwrap();
            assert_eq!(counts.error(i, &alone, 0).unwrap(), 0.0);
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
        let found = PairCounts::new(&a, 1).unwrap().error(0, &PairCounts::new(&b, 1).unwrap(), 0).unwrap();
        assert!(direct > 0.0 && (found / direct - 1.0).abs() < 1e-11, "{found} {direct}");
    }

    #[test]
    fn neither_the_set_nor_the_place_in_it_nor_the_threads_change_an_error() {
        let images = direct::random_images(11, 70, [1, 12, 20], 2);
        let other = PairCounts::new(&direct::random_images(12, 1, [1, 12, 20], 2), 1).unwrap();
        let errors = |first, count| -> Vec<f64> {
            let counts = PairCounts::of_range(&images, first..first + count, 1).unwrap();
            (0..count).map(|index| counts.error(index, &other, 0).unwrap()).collect()
        };
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| errors(0, 70))
        });
        assert_eq!(one, three);
        for (first, count) in [(0, 1), (1, 2), (3, 3), (5, 33), (69, 1)] {
            assert_eq!(errors(first, count), one[first..first + count]);
        }
    }

    #[test]
    fn together_and_one_by_one_the_counts_are_the_same() {
        for shape in [[1, 10, 15], [3, 4, 6]] {
            let images = direct::random_images(13, 5, shape, 2);
            let map = || HalfMap::new(shape);
            let images = images.as_slice();
            let together: Vec<u16> = count_together(images, shape, 1, map()).unwrap();
            let one_by_one: Vec<u16> = count_one_by_one(images, shape, 1, &map()).unwrap();
            assert_eq!(together, one_by_one);
            assert_eq!(together.len(), 5 * map().len());
        }
    }

    #[test]
    fn shapes_with_large_primes_and_with_many_voxels_agree_with_the_maps() {
        for shape in [[1, 1, 521], [1, 256, 256], [2, 181, 182]] {
            let images = direct::random_images(14, 3, shape, 2);
            let counts = PairCounts::new(&images, 1).unwrap();
            let maps = crate::descriptor::s2(&images, 1, &S2Options::default()).unwrap();
            let map = |index| maps.index_axis(ndarray::Axis(0), index).to_owned();
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                let expected = direct::error(&map(a), &map(b), None);
                assert!((counts.error(a, &counts, b).unwrap() / expected - 1.0).abs() < 1e-10, "{shape:?}");
            }
        }
    }

    #[test]
    fn wrong_shapes_and_indices_are_named() {
        let a = PairCounts::new(&direct::checkerboard(4, 1), 1).unwrap();
        let b = PairCounts::new(&direct::checkerboard(8, 1), 1).unwrap();
        let error = a.smallest_error(0, &b).unwrap_err().to_string();
        assert!(error.contains("1 x 4 x 4") && error.contains("1 x 8 x 8"), "{error}");
        assert!(a.error(0, &b, 0).is_err());
        let error = a.error(0, &a, 1).unwrap_err().to_string();
        assert!(error.contains("no image 1"), "{error}");
        assert!(PairCounts::new(&direct::checkerboard(4, 1), 7).is_err());
    }
}
