//! Distances on images and volumes of which opposite edges are joined.

use std::f64::consts::PI;
use std::ops::RangeInclusive;

use rand::Rng;

/// An image or a volume of `[nz, ny, nx]` voxels; an image, with nz = 1, has no distances along z.
#[derive(Clone, Copy)]
pub(super) struct Torus(pub [usize; 3]);

/// A place between voxels, `[z, y, x]`.
pub(super) type Point = [f64; 3];

/// A voxel near a point.
pub(super) struct Near {
    /// `(z * ny + y) * nx + x`
    pub voxel: usize,
    /// From the point to the centre of the voxel.
    pub offset: Point,
}

impl Torus {
    /// Number of voxels.
    pub fn voxels(self) -> usize {
        self.0.iter().product()
    }

    /// A random place; of an image, in the middle of its layer.
    pub fn draw(self, rng: &mut impl Rng) -> Point {
        self.0.map(|length| if length == 1 { 0.5 } else { rng.random_range(0.0..length as f64) })
    }

    /// The voxel that a point is in.
    pub fn voxel(self, [z, y, x]: Point) -> usize {
        (z as usize * self.0[1] + y as usize) * self.0[2] + x as usize
    }

    /// All voxels whose centre lies in the ellipsoid with these semi-axes around `point`. A voxel that is within reach in
    /// several directions around the torus comes once for each.
    pub fn near(self, point: Point, semi_axes: Point) -> impl Iterator<Item = Near> {
        let Self([_, ny, nx]) = self;
        let range = move |axis: usize| self.range(axis, point[axis], semi_axes[axis]);
        range(0).flat_map(move |layer| {
            let (z, dz) = self.place(0, layer, point);
            range(1).flat_map(move |row| {
                let (y, dy) = self.place(1, row, point);
                range(2).filter_map(move |column| {
                    let (x, dx) = self.place(2, column, point);
                    let offset = [dz, dy, dx];
                    let scaled =
                        offset.iter().zip(semi_axes).map(|(distance, semi_axis)| (distance / semi_axis).powi(2));
                    (scaled.sum::<f64>() <= 1.0).then_some(Near { voxel: (z * ny + y) * nx + x, offset })
                })
            })
        })
    }

    /// Voxels whose centres are at most `reach` from `centre` along an axis, without wrapping.
    fn range(self, axis: usize, centre: f64, reach: f64) -> RangeInclusive<i64> {
        if self.0[axis] == 1 {
            0..=0
        } else {
            (centre - reach - 0.5).ceil() as i64..=(centre + reach - 0.5).floor() as i64
        }
    }

    /// Such a voxel's number along the axis, and its distance from the point.
    fn place(self, axis: usize, voxel: i64, point: Point) -> (usize, f64) {
        let distance = if self.0[axis] == 1 { 0.0 } else { voxel as f64 + 0.5 - point[axis] };
        (voxel.rem_euclid(self.0[axis] as i64) as usize, distance)
    }

    /// Area of a disc, or volume of a ball if there are several layers.
    pub fn ball(self, radius: f64) -> f64 {
        if self.0[0] == 1 { PI * radius * radius } else { 4.0 / 3.0 * PI * radius.powi(3) }
    }
}

/// Length of a vector.
pub(super) fn length(vector: Point) -> f64 {
    squared(vector).sqrt()
}

/// Its square.
pub(super) fn squared(vector: Point) -> f64 {
    vector.iter().map(|part| part * part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_voxels_are_those_within_the_semi_axes() {
        for (shape, stretch) in [([1, 9, 14], 1.0), ([6, 9, 14], 1.0), ([6, 9, 14], 1.7)] {
            let torus = Torus(shape);
            for (point, radius) in [([0.2, 0.2, 0.1], 2.6), ([5.9, 8.9, 13.6], 2.4), ([3.5, 4.5, 7.0], 0.4)] {
                let mut found: Vec<usize> =
                    torus.near(point, [radius, radius, stretch * radius]).map(|near| near.voxel).collect();
                found.sort_unstable();
                let around = |axis: usize, place: usize| {
                    let distance = (place as f64 + 0.5 - point[axis]).abs();
                    if shape[axis] == 1 { 0.0 } else { distance.min(shape[axis] as f64 - distance) }
                };
                let inside = |&voxel: &usize| {
                    let place = [voxel / 14 / 9, voxel / 14 % 9, voxel % 14];
                    let [z, y, x] = std::array::from_fn(|axis| around(axis, place[axis]));
                    length([z, y, x / stretch]) <= radius
                };
                assert_eq!(found, (0..torus.voxels()).filter(inside).collect::<Vec<_>>(), "{shape:?} {stretch}");
            }
        }
    }

    #[test]
    fn far_reach_goes_around_more_than_once() {
        let flat = Torus([1, 3, 3]);
        let found = flat.near([0.5, 1.5, 1.5], [5.0; 3]).count();
        assert!((found as f64 - flat.ball(5.0)).abs() < 10.0, "{found}");
        let cube = Torus([3; 3]);
        let found = cube.near([1.5; 3], [5.0; 3]).count();
        assert!((found as f64 - cube.ball(5.0)).abs() < 40.0, "{found}");
    }
}
