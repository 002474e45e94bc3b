//! Single elliptical inclusions, section 4.2 of the paper.

use std::f64::consts::PI;
use std::ops::RangeInclusive;

use ndarray::{Array2, Array3, Axis};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Material, check_range};
use crate::Result;

/// Share of the image that an ellipse covers (section 4.2).
const AREA_FRACTION: RangeInclusive<f64> = 0.012..=0.19;
/// Ratio of the semi-axes (section 4.2).
const ASPECT_RATIO: RangeInclusive<f64> = 1.0..=4.0;

/// Images with one ellipse of phase 1 wholly inside phase 0, as in section 4.2 of the paper.
///
/// The paper gives ranges, not distributions. Here area fraction, aspect ratio and angle are uniform in 1.2 to 19 %,
/// 1 to 4 and 0 to pi, and the centre is uniform where the ellipse is wholly inside. An ellipse is drawn again if the
/// pixels that it covers are not 1.2 to 19 % of the image too, so the limits hold for the ellipse and for its image.
#[derive(Debug, Clone, PartialEq)]
pub struct Ellipses {
    /// Side of the square image in pixels, 8 to 8192; default 32.
    pub side: usize,
}

/// An ellipse in an image; lengths in pixels, with the origin at the first corner of the first pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ellipse {
    /// Semi-major axis.
    pub a: f64,
    /// Semi-minor axis.
    pub b: f64,
    /// Centre along x.
    pub x1: f64,
    /// Centre along y, which points the way rows are counted.
    pub x2: f64,
    /// Angle between the major axis and x, towards y, in radians.
    pub phi: f64,
}

impl Default for Ellipses {
    fn default() -> Self {
        Self { side: 32 }
    }
}

impl Ellipses {
    pub(super) fn draw_ellipse(&self, rng: &mut ChaCha8Rng) -> Ellipse {
        let side = self.side as f64;
        // Ends soon: nearly every ellipse is good, those very close to a limit excepted.
        loop {
            let area = rng.random_range(AREA_FRACTION) * side * side;
            let aspect = rng.random_range(ASPECT_RATIO);
            let (a, b) = ((area * aspect / PI).sqrt(), (area / aspect / PI).sqrt());
            let phi = rng.random_range(0.0..PI);
            // Half the width and height of the turned ellipse: less than half the side, even for the largest.
            let half_width = (a * phi.cos()).hypot(b * phi.sin());
            let half_height = (a * phi.sin()).hypot(b * phi.cos());
            let x1 = rng.random_range(half_width..=side - half_width);
            let x2 = rng.random_range(half_height..=side - half_height);
            let ellipse = Ellipse { a, b, x1, x2, phi };
            let covered = ellipse.rasterise(self.side).iter().filter(|&&phase| phase == 1).count();
            if AREA_FRACTION.contains(&(covered as f64 / (side * side))) {
                return ellipse;
            }
        }
    }
}

impl Ellipse {
    /// A square image, `(side, side)`: phase 1 where the centre of the pixel is inside the ellipse, else 0. What of the
    /// ellipse is outside the image is cut off.
    pub fn rasterise(&self, side: usize) -> Array2<u8> {
        let (sin, cos) = self.phi.sin_cos();
        Array2::from_shape_fn((side, side), |(row, column)| {
            let (x, y) = (column as f64 + 0.5 - self.x1, row as f64 + 0.5 - self.x2);
            let (along, across) = (x * cos + y * sin, y * cos - x * sin);
            u8::from((along / self.a).powi(2) + (across / self.b).powi(2) <= 1.0)
        })
    }
}

impl Material for Ellipses {
    fn name(&self) -> &'static str {
        "ellipses"
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn shape(&self) -> [usize; 3] {
        [1, self.side, self.side]
    }

    fn check(&self) -> Result<()> {
        check_range("the side of the image", self.side, 8..=8192)
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Array3<u8>> {
        Ok(self.draw_ellipse(rng).rasterise(self.side).insert_axis(Axis(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::*;

    #[test]
    fn every_ellipse_is_as_the_paper_says() {
        for side in [8, 32, 64] {
            let micrograph = Sample::Ellipses(Ellipses { side }).make(4, 500).unwrap();
            let parameters = micrograph.parameters.unwrap();
            assert_eq!(parameters.dim(), (500, 5));
            let pixels = (side * side) as f64;
            for (index, row) in parameters.outer_iter().enumerate() {
                let [a, b, x1, x2, phi] = [row[0], row[1], row[2], row[3], row[4]];
                let image = micrograph.images.image(index);
                assert_eq!(image, Ellipse { a, b, x1, x2, phi }.rasterise(side).as_slice().unwrap());
                let covered = image.iter().filter(|&&phase| phase == 1).count() as f64;
                assert!((0.012..=0.19).contains(&(covered / pixels)));
                assert!((0.012 - 1e-12..=0.19 + 1e-12).contains(&(PI * a * b / pixels)));
                assert!((1.0..=4.0 + 1e-12).contains(&(a / b)) && (0.0..PI).contains(&phi));
                // Wholly inside: no point of the rim leaves the image.
                for step in 0..360 {
                    let (sin, cos) = f64::from(step).to_radians().sin_cos();
                    let x = x1 + a * cos * phi.cos() - b * sin * phi.sin();
                    let y = x2 + a * cos * phi.sin() + b * sin * phi.cos();
                    let inside = -1e-9..=side as f64 + 1e-9;
                    assert!(inside.contains(&x) && inside.contains(&y));
                }
            }
        }
    }

    #[test]
    fn parameters_fill_their_ranges() {
        let parameters = Sample::Ellipses(Ellipses::default()).make(9, 2000).unwrap().parameters.unwrap();
        let mean = |value: &dyn Fn(ndarray::ArrayView1<'_, f64>) -> f64| {
            parameters.outer_iter().map(value).sum::<f64>() / 2000.0
        };
        assert!((mean(&|p| PI * p[0] * p[1] / 1024.0) - 0.101).abs() < 0.005);
        assert!((mean(&|p| p[0] / p[1]) - 2.5).abs() < 0.1);
        assert!((mean(&|p| p[2]) - 16.0).abs() < 0.4 && (mean(&|p| p[3]) - 16.0).abs() < 0.4);
        assert!((mean(&|p| p[4]) - PI / 2.0).abs() < 0.1);
    }

    #[test]
    fn reference_sample_of_the_paper() {
        // Principal axes of 6 pixels (horizontal) and 14 pixels (vertical), at the centre, phi = pi / 2.
        let image = Ellipse { a: 7.0, b: 3.0, x1: 16.0, x2: 16.0, phi: PI / 2.0 }.rasterise(32);
        let rows = (0..32).filter(|&y| image.row(y).iter().any(|&p| p == 1)).collect::<Vec<_>>();
        let columns = (0..32).filter(|&x| image.column(x).iter().any(|&p| p == 1)).collect::<Vec<_>>();
        assert_eq!((rows[0], rows.len(), columns[0], columns.len()), (9, 14, 13, 6));
        let flipped = image.slice(ndarray::s![..;-1, ..;-1]);
        assert_eq!(image, flipped);
        let area = image.iter().filter(|&&p| p == 1).count() as f64;
        assert!((area - PI * 21.0).abs() < 4.0, "{area}");
    }

    #[test]
    fn the_angle_turns_from_x_towards_y() {
        let image = Ellipse { a: 10.0, b: 2.0, x1: 16.0, x2: 16.0, phi: PI / 4.0 }.rasterise(32);
        assert_eq!((image[[21, 21]], image[[10, 10]], image[[21, 10]], image[[10, 21]]), (1, 1, 0, 0));
    }
}
