//! The two-point correlation at one distance.

use std::f64::consts::FRAC_1_SQRT_2;

use super::indicator::Indicator;

/// Two-point correlation S2 of each image at `distance` pixels, in 0 to 1.
///
/// The mean over both axes and both diagonals; along diagonals the lag is rounded to whole pixels. Pairs lie inside the
/// image. `distance` must be less than the shorter side.
pub fn s2_at(images: &Indicator, distance: usize) -> Vec<f64> {
    let [ny, nx] = images.shape();
    let aslant = (distance as f64 * FRAC_1_SQRT_2).round() as usize;
    // Rows between the two pixels, column offset of the upper one, of the lower one.
    let lags = [[0, 0, distance], [distance, 0, 0], [aslant, 0, aslant], [aslant, aslant, 0]];
    let share = |image: &[bool], [down, upper, lower]: [usize; 3]| {
        let width = nx - upper.max(lower);
        let both = |y: usize| {
            let ends = [y * nx + upper, (y + down) * nx + lower].map(|start| &image[start..][..width]);
            ends[0].iter().zip(ends[1]).filter(|(a, b)| **a && **b).count()
        };
        (0..ny - down).map(both).sum::<usize>() as f64 / ((ny - down) * width) as f64
    };
    images.images().map(|image| lags.map(|lag| share(image, lag)).iter().sum::<f64>() / 4.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct::random_images;
    use crate::descriptor::{S2Options, s2};

    #[test]
    fn agrees_with_the_map() {
        let images = random_images(3, 2, [1, 12, 15], 2);
        let options = S2Options { periodic: false, max_lag: Some(7) };
        let (map, found) = (s2(&images, 1, &options).unwrap(), s2_at(&Indicator::new(&images, 1).unwrap(), 7));
        for (map, found) in map.outer_iter().zip(found) {
            // The diagonals' seven pixels are five in either direction, and of 15 entries the last five are lags of -5
            // to -1.
            let expected = [[0, 7], [7, 0], [5, 5], [5, 10]].map(|[y, x]| map[[0, y, x]]).iter().sum::<f64>() / 4.0;
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
