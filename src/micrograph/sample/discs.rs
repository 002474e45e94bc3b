//! Discs and balls that do not touch.

use ndarray::Array3;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::torus::{Point, Torus};
use super::{Material, check_range, shortest};
use crate::{Error, Result};

/// So often a place is sought for one disc.
const ATTEMPTS: usize = 10_000;

/// Discs of phase 1, in a volume balls, at random places in phase 0, none nearer to another than a gap. The image is
/// periodic. Elongated along x they are ellipses and ellipsoids.
#[derive(Debug, Clone, PartialEq)]
pub struct Discs {
    /// Layers in voxels, 8 to 8192, or 1 for an image; default 1.
    pub nz: usize,
    /// Rows in pixels, 8 to 8192; default 256.
    pub ny: usize,
    /// Columns in pixels, 8 to 8192; default 256.
    pub nx: usize,
    /// Volume fraction of the discs, 0 to 1, met as nearly as whole discs allow; there is at least one. Random places
    /// are found for up to about half of the image. Default 0.25.
    pub volume_fraction: f64,
    /// Length along x divided by that across it, 1 to 8; default 1.
    pub elongation: f64,
    /// Smallest radius across x in pixels, at least 1; radii are uniform between this and the largest. Default 6.
    pub radius_min: f64,
    /// Largest radius across x in pixels; with half the gap it must fit into half of each side. Default 12.
    pub radius_max: f64,
    /// No pixel of another disc has its centre nearer to the rim of a disc than this, in pixels; 0 to a quarter of the
    /// shortest side. Default 2.
    pub gap: f64,
}

impl Default for Discs {
    fn default() -> Self {
        let [radius_min, radius_max] = [6.0, 12.0];
        Self { nz: 1, ny: 256, nx: 256, volume_fraction: 0.25, elongation: 1.0, radius_min, radius_max, gap: 2.0 }
    }
}

impl Discs {
    /// Draws radii until the discs together come nearest to the volume fraction; the largest first, since they are the
    /// hardest to place.
    fn radii(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let torus = Torus(self.shape());
        let size = |radius| self.elongation * torus.ball(radius);
        let mut missing = self.volume_fraction * torus.voxels() as f64;
        let mut radii = Vec::new();
        loop {
            let radius = rng.random_range(self.radius_min..=self.radius_max);
            if !radii.is_empty() && missing < size(radius) / 2.0 {
                break;
            }
            missing -= size(radius);
            radii.push(radius);
        }
        radii.sort_by(|p, q| q.total_cmp(p));
        radii
    }
}

impl Material for Discs {
    fn name(&self) -> &'static str {
        "discs"
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("volume fraction", self.volume_fraction.to_string()),
            ("radius", format!("{} to {}", self.radius_min, self.radius_max)),
            ("gap", self.gap.to_string()),
        ];
        parameters.extend((self.elongation != 1.0).then(|| ("elongation", self.elongation.to_string())));
        parameters
    }

    fn shape(&self) -> [usize; 3] {
        [self.nz, self.ny, self.nx]
    }

    fn check(&self) -> Result<()> {
        check_range("the volume fraction", self.volume_fraction, 0.0..=1.0)?;
        check_range("the elongation", self.elongation, 1.0..=8.0)?;
        check_range("the gap", self.gap, 0.0..=shortest(self.shape()) as f64 / 4.0)?;
        let [along, across] =
            [self.nx, shortest([self.nz, self.ny, usize::MAX])].map(|side| (side as f64 - self.gap) / 2.0);
        check_range("the largest radius", self.radius_max, 1.0..=across.min(along / self.elongation))?;
        check_range("the smallest radius", self.radius_min, 1.0..=self.radius_max)
    }

    fn bytes_a_voxel(&self) -> usize {
        2
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Array3<u8>> {
        let torus = Torus(self.shape());
        let mut phases = vec![0; torus.voxels()];
        for radius in self.radii(rng) {
            let semi_axes = |gap| [radius + gap, radius + gap, self.elongation * radius + gap];
            let mut places = (0..ATTEMPTS).map(|_| torus.draw(rng));
            let free = |&place: &Point| torus.near(place, semi_axes(self.gap)).all(|near| phases[near.voxel] == 0);
            let Some(place) = places.find(free) else {
                let reached = phases.iter().filter(|&&phase| phase == 1).count() as f64 / torus.voxels() as f64;
                return Err(Error::invalid(format!(
                    "no place was found for a disc of radius {radius:.1} at volume fraction {reached:.3}; lower the \
                     volume fraction of {}, the radii or the gap",
                    self.volume_fraction
                )));
            };
            for near in torus.near(place, semi_axes(0.0)) {
                phases[near.voxel] = 1;
            }
        }
        Ok(Array3::from_shape_vec(self.shape(), phases).expect("one phase for each voxel"))
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::super::Sample;
    use super::*;

    #[test]
    fn volume_fraction_is_met_to_half_a_disc() {
        for volume_fraction in [0.1, 0.3, 0.4] {
            let sample = Discs { ny: 200, volume_fraction, ..Default::default() };
            let images = Sample::Discs(sample).make(1, 8).unwrap().images;
            for index in 0..8 {
                let found = images.range(index, 1).volume_fractions()[1];
                let half_a_disc = PI * 144.0 / 2.0 / (200.0 * 256.0);
                assert!((found - volume_fraction).abs() < 1.1 * half_a_disc, "{found} instead of {volume_fraction}");
            }
        }
    }

    #[test]
    fn equal_discs_are_apart_and_whole() {
        let sample = Discs { volume_fraction: 0.2, radius_min: 5.0, radius_max: 5.0, gap: 3.0, ..Default::default() };
        let images = Sample::Discs(sample).make(2, 1).unwrap().images;
        let phases = images.phases();
        let mut rows_of_runs = 0;
        // Along a row, runs of the matrix between discs are longer than the gap less one pixel of rounding, and no
        // run of a disc is longer than a disc, also across the edges.
        for y in 0..256 {
            let Some(start) = (0..256).find(|&x| phases[[0, 0, y, x]] != phases[[0, 0, y, (x + 255) % 256]]) else {
                continue;
            };
            rows_of_runs += 1;
            let mut run = 0;
            for x in 0..256 {
                let here = phases[[0, 0, y, (start + x) % 256]];
                run += 1;
                if here != phases[[0, 0, y, (start + x + 1) % 256]] {
                    assert!(if here == 1 { run <= 10 } else { run >= 2 }, "row {y}: a run of {run} of phase {here}");
                    run = 0;
                }
            }
        }
        assert!(rows_of_runs > 200);
    }

    #[test]
    fn one_disc_at_least() {
        let sample = Discs {
            ny: 16,
            nx: 16,
            volume_fraction: 0.0,
            radius_min: 8.0,
            radius_max: 8.0,
            gap: 0.0,
            ..Default::default()
        };
        let fraction = Sample::Discs(sample).make(3, 1).unwrap().images.volume_fractions()[1];
        assert!((fraction - PI * 64.0 / 256.0).abs() < 0.05, "{fraction}");
    }

    #[test]
    fn packing_that_is_too_dense_is_refused() {
        let error = Sample::Discs(Discs { volume_fraction: 0.8, ..Default::default() }).make(0, 1).unwrap_err();
        assert!(error.to_string().contains("volume fraction of 0.8"), "{error}");
    }
}
