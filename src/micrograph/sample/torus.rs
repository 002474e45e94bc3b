//! Geometry of periodic images.

use std::f64::consts::PI;

/// An image whose opposite edges meet.
#[derive(Clone, Copy)]
pub(super) struct Torus {
    pub ny: usize,
    pub nx: usize,
}

/// A pixel near a point.
pub(super) struct Near {
    /// `y * nx + x`
    pub pixel: usize,
    /// From the point to the centre of the pixel along y.
    pub dy: f64,
    /// The same along x.
    pub dx: f64,
}

impl Torus {
    /// Number of pixels.
    pub fn pixels(self) -> usize {
        self.ny * self.nx
    }

    /// All pixels whose centre is at most `radius` from the point `(y, x)`. A pixel that is within reach in several
    /// directions around the torus comes once for each.
    pub fn near(self, (y, x): (f64, f64), radius: f64) -> impl Iterator<Item = Near> {
        let range = move |centre: f64| (centre - radius - 0.5).ceil() as i64..=(centre + radius - 0.5).floor() as i64;
        range(y).flat_map(move |row| {
            let dy = row as f64 + 0.5 - y;
            let first = row.rem_euclid(self.ny as i64) as usize * self.nx;
            range(x).filter_map(move |column| {
                let dx = column as f64 + 0.5 - x;
                let pixel = first + column.rem_euclid(self.nx as i64) as usize;
                (dy * dy + dx * dx <= radius * radius).then_some(Near { pixel, dy, dx })
            })
        })
    }
}

/// Area of a disc.
pub(super) fn disc_area(radius: f64) -> f64 {
    PI * radius * radius
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_pixels_are_those_within_the_radius() {
        let torus = Torus { ny: 9, nx: 14 };
        for (y, x, radius) in [(0.2, 0.1, 3.0), (8.9, 13.6, 4.4), (4.5, 7.0, 0.4), (4.5, 7.5, 0.0)] {
            let mut found: Vec<usize> = torus.near((y, x), radius).map(|near| near.pixel).collect();
            found.sort_unstable();
            let around = |d: f64, length: usize| d.abs().min(length as f64 - d.abs());
            let inside = |&pixel: &usize| {
                let (row, column) = (pixel / 14, pixel % 14);
                around(row as f64 + 0.5 - y, 9).hypot(around(column as f64 + 0.5 - x, 14)) <= radius
            };
            assert_eq!(found, (0..torus.pixels()).filter(inside).collect::<Vec<_>>());
        }
    }

    #[test]
    fn far_reach_goes_around_more_than_once() {
        let torus = Torus { ny: 3, nx: 3 };
        let found = torus.near((1.5, 1.5), 5.0).count();
        assert!((found as f64 - disc_area(5.0)).abs() < 10.0, "{found}");
    }
}
