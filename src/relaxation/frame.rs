//! The geometry of one image: which planes and distances its patterns lie in, and the tiles it is divided into.

use crate::micrograph::Block;
use crate::{Error, Result};

/// Distances between the voxels of a pattern.
pub const DILATIONS: [usize; 4] = [1, 2, 4, 8];

/// Shortest side of an image along an axis that patterns lie in.
const SHORTEST: usize = 8;

/// Side of a tile, about.
pub const TILE: usize = 32;

/// An image as far as patterns are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// `[nz, ny, nx]` in voxels.
    pub shape: [usize; 3],
    /// Whether the image is a torus.
    pub periodic: bool,
    /// How many of [`DILATIONS`] fit.
    pub scales: usize,
    /// The part of the image that is at hand.
    pub region: Block,
}

/// A part of an image that is relaxed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tile {
    /// First voxel, `[z, y, x]`.
    pub begin: [usize; 3],
    /// Voxels along each axis.
    pub size: [usize; 3],
}

/// The axes of the planes that patterns lie in: `[row axis, column axis]`.
pub fn planes(nz: usize) -> &'static [[usize; 2]] {
    const PLANES: [[usize; 2]; 3] = [[1, 2], [0, 2], [0, 1]];
    if nz == 1 { &PLANES[..1] } else { &PLANES }
}

impl Frame {
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the image is too small for a pattern and the voxels around it.
    pub fn new(shape: [usize; 3], periodic: bool) -> Result<Self> {
        let [nz, ny, nx] = shape;
        let shortest = if nz == 1 { ny.min(nx) } else { nz.min(ny).min(nx) };
        if shortest < SHORTEST {
            return Err(Error::invalid(format!(
                "images of {nz} x {ny} x {nx} voxels (z, y, x) are too small for relaxation; each side must be at least \
                 {SHORTEST}"
            )));
        }
        // A flip reaches two distances to either side, and must not meet itself around a torus.
        let scales = DILATIONS.iter().filter(|&&dilation| 4 * dilation <= shortest).count();
        Ok(Self { shape, periodic, scales, region: Block::whole(shape) })
    }

    /// The planes of this image.
    pub fn planes(&self) -> &'static [[usize; 2]] {
        planes(self.shape[0])
    }

    /// The distances of its patterns.
    pub fn dilations(&self) -> &'static [usize] {
        &DILATIONS[..self.scales]
    }

    /// How far the patterns reach that contain a voxel, along each axis.
    pub fn halo(&self) -> [usize; 3] {
        let reach = 2 * self.dilations().last().copied().unwrap_or(0);
        [if self.shape[0] == 1 { 0 } else { reach }, reach, reach]
    }

    /// The tile with the voxels of the image at most `distance` from it, and where it begins in that.
    pub fn widened(&self, tile: &Tile, distance: usize) -> (Tile, [usize; 3]) {
        let (mut wide, mut margin) = (tile.clone(), [0; 3]);
        for (axis, &length) in self.shape.iter().enumerate().filter(|(_, length)| **length > 1) {
            let (begin, end) = (tile.begin[axis], tile.begin[axis] + tile.size[axis]);
            let [before, after] =
                if self.periodic { [distance; 2] } else { [begin, length - end].map(|left| left.min(distance)) };
            margin[axis] = before;
            wide.begin[axis] = (begin + length - before) % length;
            wide.size[axis] = before + tile.size[axis] + after;
        }
        (wide, margin)
    }

    /// Where voxel `at` of the image lies along an axis of the region at hand.
    pub fn place(&self, axis: usize, at: usize) -> usize {
        // The region of an image that is no torus begins at 0.
        let begin = self.region.first[axis] as usize;
        if at >= begin { at - begin } else { at + self.shape[axis] - begin }
    }

    /// Copies the voxels of a tile, x fastest, into the image, of which the region is at hand.
    pub fn place_back(&self, image: &mut [u8], tile: &Tile, voxels: &[u8]) {
        let [nz, ny, nx] = self.region.size;
        let [z0, y0, x0] = std::array::from_fn(|axis| self.place(axis, tile.begin[axis]));
        // Tiles of a torus may begin before its end and go on at its beginning.
        let until_end = tile.size[2].min(nx - x0);
        for (row, voxels) in voxels.chunks_exact(tile.size[2]).enumerate() {
            let (z, y) = ((z0 + row / tile.size[1]) % nz, (y0 + row % tile.size[1]) % ny);
            let to = &mut image[(z * ny + y) * nx..][..nx];
            let (first, second) = voxels.split_at(until_end);
            to[x0..][..first.len()].copy_from_slice(first);
            to[..second.len()].copy_from_slice(second);
        }
    }

    /// The tiles of each colour, which do not see each other's voxels.
    pub fn tiles(&self) -> Vec<Vec<Tile>> {
        let of_colour =
            |colour: [bool; 3]| Tile::all(&std::array::from_fn(|axis| self.parts(axis, false, colour[axis])));
        self.colours().into_iter().map(of_colour).filter(|tiles| !tiles.is_empty()).collect()
    }

    /// The colours of tiles, in order: whether their number along each axis is odd.
    ///
    /// Each differs from the one before along one axis (Gray code): so a voxel depends on fewer tiles around it, the fewest
    /// along z.
    pub fn colours(&self) -> Vec<[bool; 3]> {
        (0..8).map(|number| number ^ number >> 1).map(|colour| [4, 2, 1].map(|bit| colour & bit > 0)).collect()
    }

    /// The parts of an axis, first voxel and length, whose number is odd or even. If `shifted`, they begin half a part
    /// later; a part may reach beyond the end of a torus, and goes on at its beginning.
    pub fn parts(&self, axis: usize, shifted: bool, odd: bool) -> Vec<(usize, usize)> {
        let length = self.shape[axis];
        let parts = divide(length, self.periodic, shifted && length > 1);
        parts.into_iter().skip(usize::from(odd)).step_by(2).collect()
    }
}

impl Tile {
    /// A tile for each part along z with each along y and each along x.
    pub fn all([along_z, along_y, along_x]: &[Vec<(usize, usize)>; 3]) -> Vec<Self> {
        let mut tiles = Vec::with_capacity(along_z.len() * along_y.len() * along_x.len());
        for &(z, nz) in along_z {
            for &(y, ny) in along_y {
                tiles.extend(along_x.iter().map(|&(x, nx)| Self { begin: [z, y, x], size: [nz, ny, nx] }));
            }
        }
        tiles
    }
}

/// Divides an axis into nearly equal parts of about [`TILE`]: first voxel and length of each. On a torus their number is
/// even, so that colours alternate all around. If `shifted`, the parts begin half a part later: on a torus the last one
/// goes on at its beginning, else the first and the last part are half as long.
fn divide(length: usize, periodic: bool, shifted: bool) -> Vec<(usize, usize)> {
    let parts = match (length, periodic) {
        (1, _) => 1,
        (_, true) => 2 * ((length + TILE) / (2 * TILE)).max(1),
        (_, false) => ((length + TILE / 2) / TILE).max(1),
    };
    let half = if shifted { length / parts / 2 } else { 0 };
    let mut begins: Vec<usize> = (0..=parts).map(|part| part * length / parts + half).collect();
    if shifted && !periodic {
        begins.insert(0, 0);
        *begins.last_mut().expect("one at least") = length;
    }
    begins.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_images_have_fewer_distances_or_are_refused() {
        let scales = |shape| Frame::new(shape, true).map(|frame| frame.scales);
        assert_eq!((scales([1, 32, 40]), scales([1, 40, 31]), scales([1, 8, 8])), (Ok(4), Ok(3), Ok(2)));
        assert_eq!(scales([16, 64, 64]), Ok(3));
        let error = scales([2, 64, 64]).unwrap_err().to_string();
        assert!(error.contains("2 x 64 x 64") && error.contains("at least 8"), "{error}");
    }
}
