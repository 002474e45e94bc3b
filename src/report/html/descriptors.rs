//! Descriptors of a set of images: means and standard deviations.

use ndarray::{Array2, Array4, Axis};

use crate::Result;
use crate::descriptor::{Indicator, S2Options, deviation, interface_density, lineal_path, mean, radial_curves, s2};
use crate::micrograph::PhaseImages;

/// Longest segments of the lineal path in pixels, as for the gate.
const LINEAL: usize = 32;

/// Mean and standard deviation over images, for each lag.
pub(super) struct Ensemble {
    /// Mean.
    pub mean: Vec<f64>,
    /// Standard deviation over images; zero for one image.
    pub deviation: Vec<f64>,
}

impl Ensemble {
    /// From rows of equal length, one for each image.
    fn new(rows: &[Vec<f64>]) -> Self {
        let lags = 0..rows.first().map_or(0, Vec::len);
        let columns: Vec<Vec<f64>> = lags.map(|lag| rows.iter().map(|row| row[lag]).collect()).collect();
        let spread = |values: &Vec<f64>| if values.len() > 1 { deviation(values) } else { 0.0 };
        Self {
            mean: columns.iter().map(|values| mean(values)).collect(),
            deviation: columns.iter().map(spread).collect(),
        }
    }
}

/// Descriptors of one phase in a set of images.
pub(super) struct Descriptors {
    /// Mean two-point correlation, `(2 l + 1, 2 l + 1)`, l half the side; lag zero in the middle.
    pub map: Array2<f64>,
    /// Radial average of the two-point correlation, for lags 0 to half the side.
    pub radial: Ensemble,
    /// Lineal path, for segments of 1 pixel and more.
    pub lineal: Ensemble,
    /// Volume fraction of each image.
    pub volume_fractions: Vec<f64>,
    /// Interface density of each image.
    pub interfaces: Vec<f64>,
}

impl Descriptors {
    /// Computes the descriptors of `phase` in `images`, which are not taken to be periodic.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase or the images are
    /// three-dimensional.
    pub fn new(images: &PhaseImages, phase: u8) -> Result<Self> {
        let [_, ny, nx] = images.shape();
        let side = ny.min(nx);
        let longest = side / 2;
        let maps = s2(images, phase, &S2Options { periodic: false, max_lag: Some(longest) })?;
        let of_image = |index| Ok(lineal_path(&Indicator::new(&images.range(index, 1), phase)?, LINEAL.min(side - 1)));
        let lineal = (0..images.len()).map(of_image).collect::<Result<Vec<_>>>()?;
        let all = Indicator::new(images, phase)?;
        Ok(Self {
            map: centred(&maps),
            radial: Ensemble::new(&radial_curves(&maps, longest)),
            lineal: Ensemble::new(&lineal),
            volume_fractions: all.volume_fractions(),
            interfaces: interface_density(&all),
        })
    }
}

/// The mean of maps in FFT order, with lag zero moved to the middle.
fn centred(maps: &Array4<f64>) -> Array2<f64> {
    let (n, _, my, mx) = maps.dim();
    let sum = maps.sum_axis(Axis(0)).index_axis_move(Axis(0), 0);
    Array2::from_shape_fn((my, mx), |(y, x)| sum[[(y + my.div_ceil(2)) % my, (x + mx.div_ceil(2)) % mx]] / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes() -> PhaseImages {
        // The second image is the first, shifted by one column.
        let phases = Array4::from_shape_fn((2, 1, 32, 32), |(n, _, _, x)| ((x + n) / 2 % 2) as u8);
        PhaseImages::new(phases, 2).unwrap()
    }

    #[test]
    fn lag_zero_is_in_the_middle() {
        let found = Descriptors::new(&stripes(), 1).unwrap();
        assert_eq!(found.map.dim(), (33, 33));
        assert_eq!(found.map[[16, 16]], 0.5);
        assert_eq!(found.map[[3, 16]], 0.5, "along y nothing changes");
        assert_eq!(found.map[[16, 18]], 0.0, "two pixels along x: the other phase");
        assert_eq!(found.radial.mean.len(), 17);
        assert_eq!((found.radial.mean[0], found.lineal.mean[0]), (0.5, 0.5));
    }

    #[test]
    fn spread_is_that_over_images() {
        let found = Ensemble::new(&[vec![1.0, 5.0], vec![3.0, 5.0]]);
        assert_eq!((found.mean, found.deviation), (vec![2.0, 5.0], vec![2f64.sqrt(), 0.0]));
        assert_eq!(Ensemble::new(&[vec![1.0]]).deviation, [0.0]);
        assert_eq!(Descriptors::new(&stripes(), 1).unwrap().volume_fractions, [0.5, 0.5]);
    }
}
