//! Which tiles are relaxed, in which order, for a block of an image.

use std::ops::Range;

use super::Weights;
use super::frame::{Frame, Tile};
use crate::micrograph::Block;

/// Sweeps that follow one another in the same tiles, and whether these are shifted by half a tile. Those behind the first
/// begin by mending dangling ends.
pub type Stage = (Range<usize>, bool);

/// Those of so many sweeps over images. Where ends are mended, half as many follow.
pub fn stages(weights: &Weights, sweeps: usize) -> Vec<Stage> {
    // What lies around a tile may be unrelaxed yet: so borders of the first stage lie inside tiles of the second.
    let half = sweeps.div_ceil(2);
    let mut stages = vec![(0..half, false), (half..sweeps, true)];
    if !weights.dangling_ends().is_empty() {
        stages.push((sweeps..sweeps + half, false));
    }
    stages.retain(|(sweeps, _)| !sweeps.is_empty() && !weights.is_zero());
    stages
}

/// Sweeps over tiles that do not see each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub sweeps: Range<usize>,
    pub tiles: Vec<Tile>,
}

/// The steps that give the voxels of a block their final phases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// The voxels that they depend on.
    pub region: Block,
}

impl Plan {
    /// Those for `block` of the image of `frame`; for a block that is not all of it, the image must be a torus.
    pub fn new(frame: &Frame, block: &Block, stages: &[Stage]) -> Self {
        let begin = block.begin(frame.shape);
        let mut needed: [Arc; 3] =
            std::array::from_fn(|axis| Arc::new(begin[axis], block.size[axis], frame.shape[axis]));
        let mut steps = Vec::new();
        // From the last step to the first: each needs what the one behind it needs, and what its own tiles see.
        for (sweeps, shifted) in stages.iter().rev() {
            for colour in frame.colours().into_iter().rev() {
                let parts: [Vec<(usize, usize)>; 3] = std::array::from_fn(|axis| {
                    let parts = frame.parts(axis, *shifted, colour[axis]);
                    parts.into_iter().filter(|&(begin, size)| needed[axis].meets(begin, size)).collect()
                });
                if parts.iter().all(|parts| !parts.is_empty()) {
                    for (axis, parts) in parts.iter().enumerate() {
                        parts.iter().for_each(|&(begin, size)| needed[axis].cover(begin, size, frame.halo()[axis]));
                    }
                    steps.push(Step { sweeps: sweeps.clone(), tiles: Tile::all(&parts) });
                }
            }
        }
        steps.reverse();
        let region = Block {
            first: std::array::from_fn(|axis| needed[axis].begin as i64),
            size: std::array::from_fn(|axis| needed[axis].size),
        };
        Self { steps, region }
    }
}

/// Some neighbouring voxels along an axis that repeats.
#[derive(Debug, Clone, Copy)]
pub struct Arc {
    begin: usize,
    size: usize,
    /// Voxels along the whole axis.
    length: usize,
}

impl Arc {
    pub fn new(begin: usize, size: usize, length: usize) -> Self {
        if size < length { Self { begin, size, length } } else { Self { begin: 0, size: length, length } }
    }

    /// How far `to` lies behind `from`.
    fn distance(&self, from: usize, to: usize) -> usize {
        (to + self.length - from) % self.length
    }

    /// Whether a voxel of this arc is among the `size` from `begin` on.
    pub fn meets(&self, begin: usize, size: usize) -> bool {
        self.distance(self.begin, begin) < self.size || self.distance(begin, self.begin) < size
    }

    /// Extends this arc to the `size` voxels from `begin` on, some of which it has, and `halo` more to either side.
    fn cover(&mut self, begin: usize, size: usize, halo: usize) {
        let size = size + 2 * halo;
        if size >= self.length {
            return *self = Self::new(0, self.length, self.length);
        }
        let begin = self.distance(halo, begin);
        let before = Some(self.distance(begin, self.begin)).filter(|&before| before < size).unwrap_or(0);
        let first = self.distance(before, self.begin);
        let end = (before + self.size).max(self.distance(first, begin) + size);
        *self = Self::new(first, end, self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relaxation::frame::TILE;

    #[test]
    fn an_arc_covers_the_shortest_run_with_both() {
        let mut arc = Arc::new(90, 20, 100);
        assert!(arc.meets(5, 3) && arc.meets(80, 11) && !arc.meets(10, 80));
        arc.cover(8, 4, 1);
        assert_eq!((arc.begin, arc.size), (90, 23));
        arc.cover(85, 10, 2);
        assert_eq!((arc.begin, arc.size), (83, 30));
        arc.cover(90, 2, 0);
        assert_eq!((arc.begin, arc.size), (83, 30));
        // From the arc's end all the way to its beginning.
        arc.cover(12, 72, 0);
        assert_eq!((arc.begin, arc.size), (0, 100));
        let mut arc = Arc::new(3, 4, 100);
        arc.cover(3, 4, 49);
        assert_eq!((arc.begin, arc.size), (0, 100));
    }

    #[test]
    fn tiles_cover_each_voxel_once_and_do_not_see_their_colour() {
        for (shape, periodic) in [
            ([1, 64, 200], true),
            ([1, 32, 97], true),
            ([1, 47, 95], true),
            ([1, 47, 95], false),
            ([1, 8, 8], true),
            ([1, 40, 300], false),
            ([33, 64, 100], true),
            ([9, 10, 70], false),
        ] {
            let frame = Frame::new(shape, periodic).unwrap();
            let voxel = |[z, y, x]: [usize; 3]| (z * shape[1] + y) * shape[2] + x;
            let mut owner = vec![0; shape.iter().product()];
            let plan = Plan::new(&frame, &Block::whole(shape), &[(0..1, false), (1..2, true)]);
            assert_eq!(plan.region, Block::whole(shape));
            for tiles in plan.steps.into_iter().map(|step| step.tiles) {
                let mut seen = owner.clone();
                seen.fill(0);
                for (number, tile) in (1..).zip(&tiles) {
                    visit(tile, [0; 3], &frame, |place| owner[voxel(place)] += 1);
                    visit(tile, frame.halo(), &frame, |place| seen[voxel(place)] |= 1 << number);
                }
                for (number, tile) in (1..).zip(&tiles) {
                    visit(tile, [0; 3], &frame, |place| assert_eq!(seen[voxel(place)], 1 << number, "{shape:?}"));
                    assert!(tile.size.iter().all(|&length| length < 2 * TILE - 4), "words have room for 60 voxels");
                }
            }
            assert!(owner.iter().all(|&tiles| tiles == 2), "{shape:?}");
        }
    }

    /// Calls `with` for each voxel within `margin` of the tile.
    fn visit(tile: &Tile, margin: [usize; 3], frame: &Frame, mut with: impl FnMut([usize; 3])) {
        let range = |axis: usize| {
            let (begin, margin) = (tile.begin[axis] as isize, margin[axis] as isize);
            begin - margin..begin + tile.size[axis] as isize + margin
        };
        let place = |axis: usize, at: isize| match (frame.periodic, frame.shape[axis] as isize) {
            (true, length) => Some(at.rem_euclid(length) as usize),
            (false, length) => (0..length).contains(&at).then_some(at as usize),
        };
        for z in range(0).filter_map(|at| place(0, at)) {
            for y in range(1).filter_map(|at| place(1, at)) {
                range(2).filter_map(|at| place(2, at)).for_each(|x| with([z, y, x]));
            }
        }
    }

    #[test]
    fn a_block_needs_as_much_around_it_however_large_the_image() {
        let weights = Weights::zero(2, false).with_dangling_ends([1].into_iter().collect());
        let stages = stages(&weights, 4);
        assert_eq!(stages, [(0..2, false), (2..4, true), (4..6, false)]);
        let of = |length: usize| {
            let frame = Frame::new([1, length, length], true).unwrap();
            let first = (length / 2) as i64;
            Plan::new(&frame, &Block { first: [0, first, first], size: [1, 100, 70] }, &stages)
        };
        let (one, other) = (of(2048), of(4096));
        assert_eq!((one.region.size, one.steps.len()), (other.region.size, other.steps.len()));
        assert!(one.region.size[1] < 1024, "{:?}", one.region);
    }
}
