//! Blocks of realisations of fully convolutional models, and large realisations block by block.

use std::array::from_fn;

use burn_tensor::Device;

use super::latent::{DECODED, batch};
use super::realisations::GenerationOptions;
use crate::micrograph::Block;
use crate::model::Model;

/// Longest side of what is made at once of an image, in pixels. Larger realisations are made block by block.
pub const BLOCK_SIDE: usize = 4096;

/// About the voxels that are made at once of a volume, in whole layers; larger volumes are made slab by slab.
pub const SLAB_VOXELS: usize = 1 << 26;

/// Layers of a slab are a multiple of this, the side of the tiles that are relaxed.
const SLAB_LAYERS: usize = 32;

/// Most voxels along each axis of what is made at once of a realisation of `shape`.
pub fn block_sides([nz, ny, nx]: [usize; 3]) -> [usize; 3] {
    if nz == 1 {
        return [1, BLOCK_SIDE, BLOCK_SIDE];
    }
    let layers = SLAB_VOXELS / ny.saturating_mul(nx).max(1) / SLAB_LAYERS * SLAB_LAYERS;
    [layers.max(SLAB_LAYERS), ny, nx]
}

/// The blocks of at most `most` voxels along each axis that an image of `shape` is divided into, x fastest.
pub fn parts(shape: [usize; 3], most: [usize; 3]) -> impl ExactSizeIterator<Item = Block> {
    let along: [usize; 3] = from_fn(|axis| shape[axis].div_ceil(most[axis]));
    (0..along.iter().product()).map(move |number| {
        let place = [number / along[2] / along[1], number / along[2] % along[1], number % along[2]];
        let first = from_fn(|axis| place[axis] * most[axis]);
        let size = from_fn(|axis| most[axis].min(shape[axis] - first[axis]));
        Block { first: first.map(|first| first as i64), size }
    })
}

/// The block of an image of `shape` that `part` is of `block`.
pub fn block_within(shape: [usize; 3], block: &Block, part: &Block) -> Block {
    let begin = block.begin(shape);
    Block { first: from_fn(|axis| begin[axis] as i64 + part.first[axis]), size: part.size }
}

/// Realisations of given volume fractions that a thread makes before they are stored: what is not stored is lost to whoever
/// cancels.
pub const STORED_BY_THREAD: usize = 16;

/// Realisations that are made one by one, but on several threads of the current pool at once where blocks of them are so
/// small, at most `largest`, that one does not keep all threads busy.
pub fn side_by_side(model: &Model, largest: &Block) -> usize {
    match model.device() == Device::flex() {
        true => rayon::current_num_threads().min(batch(DECODED, largest.size)),
        false => 1,
    }
}

/// The largest block that is made at once: of what is `wanted` of realisations of `shape`, all or a block, or of the
/// realisation for which a threshold is looked for.
pub fn largest_block(shape: [usize; 3], wanted: Option<Block>, options: &GenerationOptions) -> Block {
    let whole = Block::whole(shape);
    let wanted = wanted.unwrap_or(whole);
    // The first one is the largest.
    let first = |size| parts(size, block_sides(shape)).next().unwrap_or(whole);
    let made = block_within(shape, &wanted, &first(wanted.size));
    let is_looked_for = options.volume_fractions.is_some() && options.threshold.is_none();
    let looked_at = is_looked_for.then(|| first(shape));
    looked_at.filter(|looked_at| looked_at.voxels() > made.voxels()).unwrap_or(made)
}

/// Copies the voxels of `part` to their place in an image of `shape`.
pub fn place(voxels: &[u8], part: &Block, shape: [usize; 3], to: &mut [u8]) {
    let ([z, y, x], [_, ny, nx]) = (part.begin(shape), part.size);
    for (row, voxels) in voxels.chunks_exact(nx).enumerate() {
        let at = ((z + row / ny) * shape[1] + y + row % ny) * shape[2] + x;
        to[at..at + nx].copy_from_slice(voxels);
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::tests::model;
    use super::*;
    use crate::device::thread_pool;

    #[test]
    fn small_realisations_are_made_side_by_side_and_large_ones_one_by_one() {
        let (model, pool) = (model(2), thread_pool(8).unwrap());
        let at_once = |shape, side, volume_fractions| {
            let options = GenerationOptions { shape: Some(shape), volume_fractions, ..GenerationOptions::default() };
            let largest = largest_block(shape, Some(Block { first: [0; 3], size: [1, side, side] }), &options);
            pool.install(|| Ok(side_by_side(&model, &largest))).unwrap()
        };
        let given = Some(vec![0.5; 2]);
        assert_eq!(at_once([1, 64, 64], 64, given.clone()), 8);
        // A block needs its neighbourhood alone, but its volume fractions all that it is a part of.
        assert_eq!([None, given].map(|given| at_once([1, 8192, 8192], 64, given)), [8, 1]);
    }

    #[test]
    fn parts_cover_each_voxel_once() {
        let shape = [3, 5, 7];
        let mut covered = vec![0; 105];
        for part in parts(shape, [2, 5, 3]) {
            let mut image = vec![0; 105];
            place(&vec![1; part.voxels()], &part, shape, &mut image);
            covered.iter_mut().zip(image).for_each(|(sum, here)| *sum += here);
        }
        assert_eq!((covered, parts(shape, [2, 5, 3]).len()), (vec![1; 105], 6));
        // As many as can be counted are no list in memory.
        assert_eq!(parts([1, 1 << 32, 1 << 30], block_sides([1; 3])).len(), 1 << 38);
    }
}
