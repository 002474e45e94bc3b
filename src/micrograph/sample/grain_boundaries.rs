//! The grain boundaries of a polycrystal.

use ndarray::Array3;
use rand_chacha::ChaCha8Rng;

use super::torus::{Point, Torus, length, squared};
use super::{Material, check_range, shortest};
use crate::Result;

/// Seeds of grains keep this share of the mean grain diameter from each other, so that no grain is tiny. Each seed then
/// closes less than a mean grain to others, so there is always room for the next.
const SEED_DISTANCE: f64 = 0.4;

/// A Voronoi tessellation: phase 0 is the network of boundaries, phase 1 the grains. The image is periodic.
#[derive(Debug, Clone, PartialEq)]
pub struct GrainBoundaries {
    /// Layers in voxels, 8 to 8192, or 1 for an image; default 1.
    pub nz: usize,
    /// Rows in pixels, 8 to 8192; default 256.
    pub ny: usize,
    /// Columns in pixels, 8 to 8192; default 256.
    pub nx: usize,
    /// Diameter in pixels of the disc, or ball, that is as large as a mean grain, boundary included, 4 to half the shortest
    /// side; default 32.
    pub grain_size: f64,
    /// Thickness of the boundaries in pixels, 1 to half the grain size; default 2.
    pub thickness: f64,
}

impl Default for GrainBoundaries {
    fn default() -> Self {
        Self { nz: 1, ny: 256, nx: 256, grain_size: 32.0, thickness: 2.0 }
    }
}

impl GrainBoundaries {
    fn torus(&self) -> Torus {
        Torus(self.shape())
    }

    /// Places the seeds of the grains.
    fn seeds(&self, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let torus = self.torus();
        let wanted = (torus.voxels() as f64 / torus.ball(self.grain_size / 2.0)).round() as usize;
        let mut closed = vec![false; torus.voxels()];
        let mut seeds = Vec::with_capacity(wanted);
        while seeds.len() < wanted {
            let seed = torus.draw(rng);
            if closed[torus.voxel(seed)] {
                continue;
            }
            for near in torus.near(seed, [SEED_DISTANCE * self.grain_size; 3]) {
                closed[near.voxel] = true;
            }
            seeds.push(seed);
        }
        seeds
    }
}

impl Material for GrainBoundaries {
    fn name(&self) -> &'static str {
        "grain_boundaries"
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![("grain size", self.grain_size.to_string()), ("thickness", self.thickness.to_string())]
    }

    fn shape(&self) -> [usize; 3] {
        [self.nz, self.ny, self.nx]
    }

    fn check(&self) -> Result<()> {
        check_range("the grain size", self.grain_size, 4.0..=shortest(self.shape()) as f64 / 2.0)?;
        check_range("the thickness of the boundaries", self.thickness, 1.0..=self.grain_size / 2.0)
    }

    fn bytes_a_voxel(&self) -> usize {
        34
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Array3<u8>> {
        let (torus, seeds) = (self.torus(), self.seeds(rng));
        // A boundary at most half the thickness away is that towards a seed at most `distance + thickness` away.
        let mut reach = 1.5 * self.grain_size;
        let mut nearest = nearest_seeds(torus, &seeds, reach);
        while nearest.iter().any(|&offset| length(offset) + self.thickness > reach) {
            reach *= 2.0;
            nearest = nearest_seeds(torus, &seeds, reach);
        }
        let mut phases = vec![1; torus.voxels()];
        for &seed in &seeds {
            for near in torus.near(seed, [reach; 3]) {
                let nearest = nearest[near.voxel];
                let apart = length(std::array::from_fn(|axis| near.offset[axis] - nearest[axis]));
                // Distance of the voxel from the plane half-way between this seed and the nearest one.
                let distance = (squared(near.offset) - squared(nearest)) / (2.0 * apart);
                if apart > 0.0 && distance < self.thickness / 2.0 {
                    phases[near.voxel] = 0;
                }
            }
        }
        Ok(Array3::from_shape_vec(self.shape(), phases).expect("one phase for each voxel"))
    }
}

/// For each pixel `(dy, dx)` from its nearest seed, infinite if there is none within `reach`.
fn nearest_seeds(torus: Torus, seeds: &[Point], reach: f64) -> Vec<Point> {
    let mut nearest = vec![[f64::INFINITY; 3]; torus.voxels()];
    for &seed in seeds {
        for near in torus.near(seed, [reach; 3]) {
            if squared(near.offset) < squared(nearest[near.voxel]) {
                nearest[near.voxel] = near.offset;
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::super::{Sample, stream};
    use super::*;
    use crate::descriptor::{Neighbours, volume_clusters};

    #[test]
    fn boundaries_close_around_every_grain() {
        for seed in 0..4 {
            let sample = GrainBoundaries { ny: 200, nx: 256, thickness: 1.5, ..Default::default() };
            let seeds = sample.seeds(&mut stream(seed, 0)).len();
            let images = Sample::GrainBoundaries(sample).make(seed, 1).unwrap().images;
            let grains = volume_clusters(&images, 1, Neighbours::Faces, true).unwrap()[0];
            // A grain may be cut in two by rounding where it is very thin, or be lost, but boundaries have no holes.
            assert!(grains.count.abs_diff(seeds) <= 2, "{} grains from {seeds} seeds", grains.count);
            assert!(grains.largest * images.volume_fractions()[1] < 5.0 / seeds as f64);
        }
    }

    #[test]
    fn boundaries_are_where_two_seeds_are_equally_near() {
        let sample = GrainBoundaries { nz: 1, ny: 40, nx: 52, grain_size: 14.0, thickness: 2.0 };
        let seeds = sample.seeds(&mut stream(8, 0));
        let images = Sample::GrainBoundaries(sample).make(8, 1).unwrap().images;
        for ((_, _, y, x), &phase) in images.phases().indexed_iter() {
            // All seeds on three by three copies of the torus, from the pixel.
            let mut offsets = Vec::new();
            for (shift_y, shift_x) in (0..9).map(|copy| (40.0 * (copy / 3 - 1) as f64, 52.0 * (copy % 3 - 1) as f64)) {
                let offset = |&[_, sy, sx]: &Point| (sy + shift_y - y as f64 - 0.5, sx + shift_x - x as f64 - 0.5);
                offsets.extend(seeds.iter().map(offset));
            }
            offsets.sort_by(|p, q| p.0.hypot(p.1).total_cmp(&q.0.hypot(q.1)));
            let (ny, nx) = offsets[0];
            let distance =
                |&(oy, ox): &(f64, f64)| (oy * oy + ox * ox - ny * ny - nx * nx) / (2.0 * (oy - ny).hypot(ox - nx));
            let nearest = offsets[1..].iter().map(distance).fold(f64::INFINITY, f64::min);
            if (nearest - 1.0).abs() > 1e-9 {
                assert_eq!(phase, u8::from(nearest >= 1.0), "y = {y}, x = {x}");
            }
        }
    }

    #[test]
    fn defaults_look_like_an_alloy() {
        let fractions =
            Sample::GrainBoundaries(GrainBoundaries::default()).make(1, 4).unwrap().images.volume_fractions();
        assert!((0.10..0.15).contains(&fractions[0]), "{fractions:?}");
    }

    #[test]
    fn the_smallest_grains_find_room_too() {
        let sample = GrainBoundaries { nz: 1, ny: 64, nx: 40, grain_size: 4.0, thickness: 1.0 };
        assert_eq!(sample.seeds(&mut stream(1, 0)).len(), (2560.0 / sample.torus().ball(2.0)).round() as usize);
    }
}
