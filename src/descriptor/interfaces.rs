//! Interface density: how often neighbouring pixels differ.

use super::indicator::Indicator;

/// Interface density of each image, 0 to 2: share of unlike neighbours along y plus that along x.
pub fn interface_density(images: &Indicator) -> Vec<f64> {
    let [ny, nx] = images.shape();
    let differing = |image: &[bool], step: usize, within: &dyn Fn(usize) -> bool| {
        (0..image.len() - step).filter(|&i| within(i) && image[i] != image[i + step]).count()
    };
    let density = |image: &[bool]| {
        let along_y = differing(image, nx, &|_| true) as f64 / ((ny - 1) * nx) as f64;
        let along_x = differing(image, 1, &|i| (i + 1) % nx != 0) as f64 / (ny * (nx - 1)) as f64;
        along_y + along_x
    };
    images.images().map(density).collect()
}

/// Interface density between opposite edges, 0 to 2: last and first row and column, mean over images.
pub fn seam_density(images: &Indicator) -> f64 {
    let [ny, nx] = images.shape();
    let density = |image: &[bool]| {
        let along_y = (0..nx).filter(|x| image[*x] != image[(ny - 1) * nx + x]).count() as f64 / nx as f64;
        let along_x = (0..ny).filter(|y| image[y * nx] != image[y * nx + nx - 1]).count() as f64 / ny as f64;
        along_y + along_x
    };
    images.images().map(density).sum::<f64>() / images.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn neighbours_that_differ_are_counted_along_both_axes() {
        let images = drawn(&[&["##.", "#.."], &["...", "..."]]);
        assert_eq!(interface_density(&images), [1.0 / 3.0 + 2.0 / 4.0, 0.0]);
        // Across the edges: along y the middle column of three, along x both rows.
        assert_eq!(seam_density(&images), (1.0 / 3.0 + 1.0) / 2.0);
    }

    #[test]
    fn a_checkerboard_is_nothing_but_interface() {
        let board = drawn(&[&["#.#.", ".#.#", "#.#.", ".#.#"]]);
        assert_eq!((interface_density(&board)[0], seam_density(&board)), (2.0, 2.0));
    }
}
