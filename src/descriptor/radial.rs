//! The two-point correlation as a function of distance.

use ndarray::{Array4, ArrayView3};

use super::two_point::squared_lag;

/// S2 against distance: bin `i` holds the lags whose length in voxels rounds to `i`.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialAverage {
    /// Mean S2 of each bin, in 0 to 1; bin 0 is the volume fraction.
    pub mean: Vec<f64>,
    /// Number of lags in each bin, at least 1.
    ///
    /// It falls beyond half the side of a periodic map and beyond the longest lag along the axes of others.
    pub lags: Vec<usize>,
}

/// Averages a map of [`s2`](super::s2) over all directions.
///
/// `map` has the shape `(mz, my, mx)`, lags in the order of an FFT. A periodic lag is the shortest of its images.
pub fn radial_average(map: ArrayView3<f64>) -> RadialAverage {
    let (mz, my, mx) = map.dim();
    let longest = squared_lag((mz / 2, my / 2, mx / 2), map.dim());
    let bins = 1 + bin(longest);
    let (mut mean, mut lags) = (vec![0.0; bins], vec![0; bins]);
    for (index, &value) in map.indexed_iter() {
        let bin = bin(squared_lag(index, map.dim()));
        mean[bin] += value;
        lags[bin] += 1;
    }
    // No bin is empty: between neighbouring lags the length differs by at most 1.
    for (sum, &count) in mean.iter_mut().zip(&lags) {
        *sum /= count as f64;
    }
    RadialAverage { mean, lags }
}

/// The mean of S2 at distances of 0 to `longest` voxels, as far as there are so many, of each map.
pub(crate) fn radial_curves(maps: &Array4<f64>, longest: usize) -> Vec<Vec<f64>> {
    let curve = |map| radial_average(map).mean.into_iter().take(longest + 1).collect();
    maps.outer_iter().map(curve).collect()
}

fn bin(squared_lag: usize) -> usize {
    (squared_lag as f64).sqrt().round() as usize
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis};

    use super::*;
    use crate::descriptor::{S2Options, direct, s2};

    #[test]
    fn counts_every_lag_once_and_leaves_no_bin_empty() {
        for shape in direct::SHAPES {
            let average = radial_average(Array3::from_elem(shape, 0.25).view());
            assert_eq!(average.lags.iter().sum::<usize>(), shape.iter().product::<usize>());
            assert!(average.lags.iter().all(|&count| count > 0), "{shape:?} {:?}", average.lags);
            assert!(average.mean.iter().all(|&mean| (mean - 0.25).abs() < 1e-15));
        }
    }

    #[test]
    fn an_isotropic_map_gives_its_own_profile() {
        // Lags of the torus 8 x 8 by hand: the origin, the ring of length 1 and sqrt(2), then 2 and sqrt(5).
        let map = Array3::from_shape_fn((1, 8, 8), |(_, y, x)| bin(squared_lag((0, y, x), (1, 8, 8))) as f64);
        let average = radial_average(map.view());
        assert_eq!(average.mean, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(average.lags[..3], [1, 8, 12]);
    }

    #[test]
    fn is_the_mean_of_the_lags_of_that_length() {
        let images = direct::random_images(11, 1, [4, 6, 7], 2);
        for options in [S2Options::default(), S2Options { periodic: false, max_lag: Some(3) }] {
            let map = s2(&images, 1, &options).unwrap();
            let average = radial_average(map.index_axis(Axis(0), 0));
            assert_eq!(average.mean[0], images.volume_fractions()[1]);
            // Length 1 and sqrt(2): up to 6 faces and 12 edges of the cube around the origin.
            let (_, mz, my, mx) = map.dim();
            let near = |i: usize, m: usize| i.min(m - i);
            let ring = |&((_, z, y, x), _): &((usize, usize, usize, usize), &f64)| {
                [near(z, mz), near(y, my), near(x, mx)].iter().all(|&l| l < 2)
                    && (1..3).contains(&(near(z, mz) + near(y, my) + near(x, mx)))
            };
            let values: Vec<f64> = map.indexed_iter().filter(ring).map(|(_, &value)| value).collect();
            assert_eq!(average.lags[1], values.len());
            assert!((average.mean[1] - values.iter().sum::<f64>() / values.len() as f64).abs() < 1e-15);
        }
    }
}
