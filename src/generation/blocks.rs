//! Blocks of realisations of fully convolutional models, and large realisations block by block.

use std::array::from_fn;

use crate::Result;
use crate::micrograph::Block;

use super::realisations::GenerationOptions;

/// Longest side of what is made at once of an image, in pixels. Larger realisations are made block by block.
pub const BLOCK_SIDE: usize = 4096;

/// The same for a volume, in voxels.
pub const VOLUME_BLOCK_SIDE: usize = 256;

/// Most voxels along each axis of what is made at once of a realisation of `shape`.
pub fn block_sides([nz, ..]: [usize; 3]) -> [usize; 3] {
    if nz == 1 { [1, BLOCK_SIDE, BLOCK_SIDE] } else { [VOLUME_BLOCK_SIDE; 3] }
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

/// Fills `to` with `block` of an image of `shape`, of which `make` makes parts of at most `sides` voxels.
pub fn make_blocks(
    shape: [usize; 3],
    block: &Block,
    sides: [usize; 3],
    to: &mut [u8],
    mut make: impl FnMut(&Block) -> Result<Vec<u8>>,
) -> Result<()> {
    parts(block.size, sides).try_for_each(|part| {
        place(&make(&block_within(shape, block, &part))?, &part, block.size, to);
        Ok(())
    })
}

/// The largest block that is made at once: of what is wanted of realisations of `shape`, or of the realisation for which
/// a threshold is looked for.
pub fn largest_block(shape: [usize; 3], options: &GenerationOptions) -> Block {
    let whole = Block::whole(shape);
    let wanted = options.block.unwrap_or(whole);
    // The first one is the largest.
    let first = |size| parts(size, block_sides(shape)).next().unwrap_or(whole);
    let made = block_within(shape, &wanted, &first(wanted.size));
    let is_looked_for = options.volume_fractions.is_some() && options.threshold.is_none();
    let looked_at = is_looked_for.then(|| first(shape));
    looked_at.filter(|looked_at| looked_at.voxels() > made.voxels()).unwrap_or(made)
}

/// Copies the voxels of `part` to their place in an image of `shape`.
fn place(voxels: &[u8], part: &Block, shape: [usize; 3], to: &mut [u8]) {
    let ([z, y, x], [_, ny, nx]) = (part.begin(shape), part.size);
    for (row, voxels) in voxels.chunks_exact(nx).enumerate() {
        let at = ((z + row / ny) * shape[1] + y + row % ny) * shape[2] + x;
        to[at..at + nx].copy_from_slice(voxels);
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::relaxed;
    use super::super::field::tests::{model, relaxing};
    use super::*;

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

    #[test]
    fn large_realisations_have_the_same_bytes_in_blocks() {
        let model = relaxing(model(2));
        let shape = [1, 64, 656];
        for block in [Block::whole(shape), Block { first: [0, -7, 650], size: [1, 30, 700] }] {
            let make = |sides: [usize; 3]| {
                let mut made = vec![9; block.voxels()];
                make_blocks(shape, &block, sides, &mut made, |part| relaxed(&model, &[], 0, 5, shape, part)).unwrap();
                made
            };
            assert!(make(block_sides(shape)) == make([1, 300, 300]), "{block:?}");
        }
    }
}
