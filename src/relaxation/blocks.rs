//! Blocks of an image that are relaxed alone.

use std::collections::HashSet;

use super::frame::{Frame, TILE, Tile};
use super::plan::{Arc, Plan, Step, stages};
use super::sweeps::run;
use super::{RelaxationOptions, Weights};
use crate::Result;
use crate::device::memory;
use crate::micrograph::Block;

const WHAT: &str = "relaxing a block";
const ADVICE: &str = "ask for a smaller one";

/// Relaxes blocks of an image of one shape, a torus, as [`relax`](super::relax) does with the whole image.
///
/// A block depends on voxels around it. If it lies behind the one before it along z, with the same voxels along y and x,
/// what both depend on is relaxed once.
pub struct BlockRelaxer {
    frame: Frame,
    weights: Weights,
    options: RelaxationOptions,
    kept: Option<Relaxed>,
}

impl BlockRelaxer {
    /// For an image of `shape`, `[nz, ny, nx]` in voxels; `options.first` is its index.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if a side of the image is below 8 voxels.
    pub fn new(shape: [usize; 3], weights: &Weights, options: &RelaxationOptions) -> Result<Self> {
        Ok(Self { frame: Frame::new(shape, true)?, weights: weights.clone(), options: options.clone(), kept: None })
    }

    /// The relaxed voxels of `block`, x fastest.
    ///
    /// `unrelaxed` fills a block with voxels of the image as it was; it is called for those on which `block` depends, as
    /// far as they were not needed before.
    ///
    /// # Errors
    ///
    /// Those of `unrelaxed` and of [`Block::check`], and [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn relax(&mut self, block: &Block, unrelaxed: impl FnOnce(&Block, &mut [u8]) -> Result<()>) -> Result<Vec<u8>> {
        block.check()?;
        let shape = self.frame.shape;
        let stages = stages(&self.weights, self.options.sweeps);
        let Plan { steps, region } = Plan::new(&self.frame, block, &stages);
        let kept = self.kept.take().and_then(|kept| kept.left_in(&region, shape[0]));
        let mut relaxed = kept.unwrap_or_else(|| Relaxed::nothing_of(&region));
        relaxed.fill_up(&region, unrelaxed)?;
        let steps: Vec<Step> = steps.into_iter().filter_map(|step| relaxed.left_of(step)).collect();
        run(&mut relaxed.phases, &Frame { region, ..self.frame.clone() }, &steps, &self.weights, &self.options);
        if region == *block || !is_short(&region, shape[0]) {
            return block.cut(shape, &region, relaxed.phases, WHAT, ADVICE);
        }
        let mut cut = memory::zeros(block.voxels(), WHAT, ADVICE)?;
        block.copy(shape, &region, &relaxed.phases, &mut cut);
        self.kept = Some(relaxed);
        Ok(cut)
    }
}

/// Whether no tile that is at one end of `region` along z, of a torus of `length` there, can be at its other end too.
fn is_short(region: &Block, length: usize) -> bool {
    region.size[0] + 2 * TILE <= length
}

/// A part of an image in which some tiles are relaxed.
struct Relaxed {
    region: Block,
    phases: Vec<u8>,
    /// Tiles, and the first sweep of their stage.
    done: HashSet<(usize, Tile)>,
}

impl Relaxed {
    /// No layer of `region`.
    fn nothing_of(region: &Block) -> Self {
        let [_, ny, nx] = region.size;
        Self { region: Block { size: [0, ny, nx], ..*region }, phases: Vec::new(), done: HashSet::new() }
    }

    fn layer(&self) -> usize {
        self.region.size[1] * self.region.size[2]
    }

    /// What is left of this in `region`, if that lies further along z, where the torus has `length` voxels.
    fn left_in(mut self, region: &Block, length: usize) -> Option<Self> {
        let passed = (region.first[0] - self.region.first[0]).rem_euclid(length as i64) as usize;
        let left = self.region.size[0].checked_sub(passed).filter(|left| (1..=region.size[0]).contains(left))?;
        let is_in_line = (1..3)
            .all(|axis| (self.region.first[axis], self.region.size[axis]) == (region.first[axis], region.size[axis]));
        if !is_in_line || !is_short(region, length) {
            return None;
        }
        self.phases.drain(..passed * self.layer());
        let there = Arc::new(region.first[0] as usize, left, length);
        self.done.retain(|(_, tile)| there.meets(tile.begin[0], tile.size[0]));
        self.region = Block { first: region.first, size: [left, region.size[1], region.size[2]] };
        Some(self)
    }

    /// Adds the layers of `region` that follow those that are there.
    fn fill_up(&mut self, region: &Block, unrelaxed: impl FnOnce(&Block, &mut [u8]) -> Result<()>) -> Result<()> {
        let ([there, ..], [all, ny, nx]) = (self.region.size, region.size);
        if there < all {
            let [z, y, x] = region.first;
            let rest = Block { first: [z + there as i64, y, x], size: [all - there, ny, nx] };
            let end = self.phases.len();
            memory::extend(&mut self.phases, rest.voxels(), WHAT, ADVICE)?;
            unrelaxed(&rest, &mut self.phases[end..])?;
        }
        self.region = *region;
        Ok(())
    }

    /// The tiles of `step` that have not been relaxed; they are from now on.
    fn left_of(&mut self, step: Step) -> Option<Step> {
        let first = step.sweeps.start;
        let tiles: Vec<Tile> = step.tiles.into_iter().filter(|tile| self.done.insert((first, tile.clone()))).collect();
        (!tiles.is_empty()).then_some(Step { tiles, ..step })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noisy, some_weights};
    use super::*;
    use crate::micrograph::{GrainBoundaries, Sample};
    use crate::relaxation::relax;

    #[test]
    fn blocks_in_line_are_those_of_the_whole_and_share_what_they_need() {
        let shape = [416, 40, 48];
        let [nz, ny, nx] = shape;
        let grains = GrainBoundaries { nz, ny, nx, grain_size: 16.0, ..GrainBoundaries::default() };
        let image = noisy(&Sample::GrainBoundaries(grains).make(3, 1).unwrap().images, 0.05);
        let weights = some_weights(&image);
        let options = RelaxationOptions { seed: 3, ..RelaxationOptions::default() };
        let (all, whole) = (relax(image.clone(), &weights, &options).unwrap(), Block::whole(shape));
        let cut = |phases: &[u8], block: &Block| {
            let mut cut = vec![9; block.voxels()];
            block.copy(shape, &whole, phases, &mut cut);
            cut
        };
        let mut relaxer = BlockRelaxer::new(shape, &weights, &options).unwrap();
        let mut asked = Vec::new();
        // Slabs of several heights all around the torus and beyond its end, one again, one further back, a narrower one.
        let slabs = [(0, 32), (32, 64), (96, 17), (113, 100), (213, 203), (416, 30), (446, 5), (446, 5), (440, 20)];
        let slabs = slabs.map(|(first, height)| ([first, 0, 0], [height, ny, nx]));
        for (first, size) in [&slabs[..], &[([460, 0, 0], [9, ny, 20])]].concat() {
            let block = Block { first, size };
            let relaxed = relaxer.relax(&block, |needed, to| {
                asked.push(needed.size[0]);
                to.copy_from_slice(&cut(image.as_slice(), needed));
                Ok(())
            });
            assert!(relaxed.unwrap() == cut(all.as_slice(), &block), "{block:?}");
        }
        // The first slab depends on much around it, those that follow on little that is new.
        assert!(asked[0] > 32 + 100 && asked[1..4].iter().all(|&layers| layers < 100), "{asked:?}");
    }
}
