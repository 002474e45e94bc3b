//! The two-point correlation of one phase, as a map over lags.

use ndarray::Array4;
use rayon::prelude::*;

use super::{
    check_phase,
    transform::{Transform, Workspace},
};
use crate::device::memory;
use crate::{Result, micrograph::PhaseImages};

/// What takes memory here, and what to do if there is too little.
pub(super) const WHAT: &str = "the two-point correlation";
pub(super) const ADVICE: &str = "give smaller images or, without periodicity, a smaller max_lag";

/// How S2 is estimated, and up to which lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S2Options {
    /// Whether the image is taken to be periodic, as in Eq. 12.
    ///
    /// `true`: every lag is a mean over all voxels. `false`: over the pairs of voxels inside the image.
    pub periodic: bool,
    /// Longest lag in voxels, or `None` for all lags.
    ///
    /// An error counts the lags with Euclidean length |r| <= `max_lag`. A non-periodic map holds the box around them,
    /// clipped to the image; a periodic map is always whole.
    pub max_lag: Option<usize>,
}

impl Default for S2Options {
    /// Eq. 12: periodic, every lag.
    fn default() -> Self {
        Self { periodic: true, max_lag: None }
    }
}

/// Two-point correlation S2 of `phase` in each image, in 0 to 1.
///
/// The share of pairs of voxels a lag apart that both lie in the phase. At lag zero it is the volume fraction.
///
/// Returns one map per image, shape `(n, mz, my, mx)`, in the order of an FFT: on an axis of `m` entries, entry `i` is
/// lag `i` up to `m / 2` and lag `i - m` after that. A periodic map has the shape of the image. A non-periodic one has
/// `m = 2 L + 1` entries on an axis of `n` voxels, for lags of -L to L, where L is the smaller of
/// [`max_lag`](S2Options::max_lag) and `n - 1`.
///
/// The pairs are counted by FFT and rounded to integers, so a value is exactly count / number of pairs. Runs in
/// parallel on the current rayon pool; the result does not depend on the number of threads.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the images have no such phase,
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if the maps, or the transforms of an image on each thread, do not
/// fit into memory.
pub fn s2(images: &PhaseImages, phase: u8, options: &S2Options) -> Result<Array4<f64>> {
    check_phase(images, phase)?;
    let estimator = Estimator::new(images.shape(), options);
    let [mz, my, mx] = [0, 1, 2].map(|axis| estimator.lags[axis].len());
    let length = images.len() * mz * my * mx;
    let workers = images.len().min(rayon::current_num_threads());
    let bytes = (length * size_of::<f64>()).saturating_add(workers * Transform::workspace_bytes(estimator.padded));
    memory::require(bytes, WHAT, ADVICE)?;
    let mut values = memory::zeros(length, WHAT, ADVICE)?;
    values.par_chunks_exact_mut(mz * my * mx).enumerate().for_each_init(
        || estimator.transform.workspace(),
        |workspace, (index, map)| estimator.s2(images.image(index), phase, workspace, map),
    );
    Ok(Array4::from_shape_vec((images.len(), mz, my, mx), values).expect("allocated for this shape"))
}

/// Squared length of the lag at `index` of a map of the given shape in FFT order.
pub(super) fn squared_lag(index: (usize, usize, usize), shape: (usize, usize, usize)) -> usize {
    let along = |i: usize, m: usize| i.min(m - i).pow(2);
    along(index.0, shape.0) + along(index.1, shape.1) + along(index.2, shape.2)
}

/// Plans for images of one shape.
pub(super) struct Estimator {
    shape: [usize; 3],
    /// The image's shape, or what it is padded to.
    padded: [usize; 3],
    /// The lags of each axis.
    lags: [Vec<Lag>; 3],
    pub transform: Transform,
}

/// One lag along one axis.
struct Lag {
    /// Where the padded autocorrelation holds it.
    position: usize,
    /// Voxels of the axis that have a partner this lag away.
    overlap: usize,
}

impl Estimator {
    pub fn new(shape: [usize; 3], options: &S2Options) -> Self {
        if options.periodic {
            let lags = shape.map(|n| (0..n).map(|position| Lag { position, overlap: n }).collect());
            return Self { shape, padded: shape, lags, transform: Transform::new(shape) };
        }
        let longest = shape.map(|n| options.max_lag.map_or(n - 1, |limit| limit.min(n - 1)));
        let padded = [0, 1, 2].map(|axis| fast_length(shape[axis] + longest[axis]));
        let lags = [0, 1, 2].map(|axis| {
            let positive = (0..=longest[axis]).map(|lag| (lag, lag));
            let negative = (1..=longest[axis]).rev().map(|lag| (padded[axis] - lag, lag));
            let all = positive.chain(negative);
            all.map(|(position, lag)| Lag { position, overlap: shape[axis] - lag }).collect()
        });
        Self { shape, padded, lags, transform: Transform::new(padded) }
    }

    /// Writes the number of pairs of voxels of `phase` at each padded lag to the workspace's field.
    pub fn count_pairs(&self, image: &[u8], phase: u8, workspace: &mut Workspace) {
        let [_, ny, nx] = self.shape;
        let [_, py, px] = self.padded;
        workspace.field.fill(0.0);
        for (row, voxels) in image.chunks_exact(nx).enumerate() {
            let start = (row / ny * py + row % ny) * px;
            for (value, &voxel) in workspace.field[start..].iter_mut().zip(voxels) {
                *value = f64::from(u8::from(voxel == phase));
            }
        }
        self.transform.forward(workspace);
        for coefficient in &mut workspace.spectrum {
            *coefficient = coefficient.norm_sqr().into();
        }
        self.transform.inverse(workspace);

        let scale = 1.0 / workspace.field.len() as f64;
        for value in &mut workspace.field {
            *value = (*value * scale).round();
        }
    }

    /// Writes S2 of `phase` in `image` to `map`.
    fn s2(&self, image: &[u8], phase: u8, workspace: &mut Workspace, map: &mut [f64]) {
        self.count_pairs(image, phase, workspace);
        let [_, py, px] = self.padded;
        let mut map = map.iter_mut();
        for z in &self.lags[0] {
            for y in &self.lags[1] {
                let row = &workspace.field[(z.position * py + y.position) * px..][..px];
                for (x, value) in self.lags[2].iter().zip(&mut map) {
                    *value = row[x.position] / (z.overlap * y.overlap * x.overlap) as f64;
                }
            }
        }
    }
}

/// The smallest even length of at least `n` without prime factors above 5; 1 for 1.
fn fast_length(n: usize) -> usize {
    let is_fast = |length: usize| {
        let mut rest = length;
        for factor in [2, 3, 5] {
            while rest.is_multiple_of(factor) {
                rest /= factor;
            }
        }
        rest == 1 && length.is_multiple_of(2)
    };
    if n == 1 { 1 } else { (n..).find(|&length| is_fast(length)).unwrap_or(n) }
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, s};

    use super::*;
    use crate::descriptor::direct::{self, SHAPES};

    const PERIODIC: S2Options = S2Options { periodic: true, max_lag: None };

    #[test]
    fn periodic_s2_is_exactly_the_double_loop() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let images = direct::random_images(seed as u64, 2, shape, 3);
            for phase in 0..3 {
                let maps = s2(&images, phase, &PERIODIC).unwrap();
                for (index, map) in maps.axis_iter(Axis(0)).enumerate() {
                    assert_eq!(map, direct::s2(&images, index, phase), "{shape:?}");
                }
            }
        }
    }

    #[test]
    fn non_periodic_s2_is_exactly_the_double_loop() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let images = direct::random_images(seed as u64, 2, shape, 2);
            for max_lag in [None, Some(0), Some(2), Some(3), Some(usize::MAX)] {
                let maps = s2(&images, 1, &S2Options { periodic: false, max_lag }).unwrap();
                for (index, map) in maps.axis_iter(Axis(0)).enumerate() {
                    assert_eq!(map, direct::s2_non_periodic(&images, index, 1, max_lag), "{shape:?} {max_lag:?}");
                }
            }
        }
    }

    #[test]
    fn a_checkerboard_is_a_checkerboard_of_one_half() {
        for (side, cell) in [(8, 1), (64, 1), (16, 4)] {
            let board = direct::checkerboard(side, cell);
            let map = s2(&board, 1, &PERIODIC).unwrap();
            // Triangle wave between perfect agreement (1) and perfect disagreement (-1) along each axis.
            let wave = |lag: usize| 1.0 - 2.0 * ((lag + cell) % (2 * cell)).abs_diff(cell) as f64 / cell as f64;
            for ((_, _, y, x), &value) in map.indexed_iter() {
                assert_eq!(value, 0.25 + 0.25 * wave(y) * wave(x), "side {side}, cell {cell}, lag ({y}, {x})");
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let images = direct::random_images(5, 9, [1, 16, 16], 2);
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| s2(&images, 1, &PERIODIC).unwrap())
        });
        assert_eq!(one, three);
        assert_eq!(one.slice(s![4..5, .., .., ..]), s2(&images.range(4, 1), 1, &PERIODIC).unwrap());
    }

    #[test]
    fn a_phase_that_does_not_exist_is_refused() {
        let error = s2(&direct::checkerboard(4, 1), 2, &PERIODIC).unwrap_err();
        assert_eq!(error.to_string(), "there is no phase 2: choose one of 0 to 1");
    }

    #[test]
    fn fast_lengths() {
        for (n, expected) in [(1, 1), (2, 2), (3, 4), (7, 8), (127, 128), (130, 144), (145, 150)] {
            assert_eq!(fast_length(n), expected);
        }
    }
}
