//! A box of voxels of a periodic image.

use super::AXES;
use crate::device::memory;
use crate::{Error, Result};

/// Most voxels of a block along an axis.
const LONGEST: usize = 1 << 32;

/// A box of voxels of a periodic image. It may begin anywhere, also before the image, and go on beyond its end: the
/// image repeats along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// First voxel, `[z, y, x]`.
    pub first: [i64; 3],
    /// Voxels along each axis, `[nz, ny, nx]`.
    pub size: [usize; 3],
}

impl Block {
    /// All of an image of `shape`.
    pub fn whole(shape: [usize; 3]) -> Self {
        Self { first: [0; 3], size: shape }
    }

    /// Checks that the block has voxels, no more than 2^32 along an axis, and that their number can be counted.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the axis and its value.
    pub fn check(&self) -> Result<()> {
        if let Some((axis, size)) = AXES.iter().zip(self.size).find(|(_, size)| !(1..=LONGEST).contains(size)) {
            return Err(Error::invalid(format!(
                "the block has {size} voxels along {axis}; it must have 1 to {LONGEST}"
            )));
        }
        let [nz, ny, nx] = self.size;
        match nz.checked_mul(ny).and_then(|layer| layer.checked_mul(nx)).filter(|&all| isize::try_from(all).is_ok()) {
            Some(_) => Ok(()),
            None => Err(Error::invalid(format!(
                "the block has {nz} x {ny} x {nx} voxels (z, y, x), more than can be counted; ask for a smaller one"
            ))),
        }
    }

    /// Checks that the block lies in an image of `shape` that is not periodic.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the axis, and where the block begins and ends.
    pub fn check_within(&self, shape: [usize; 3]) -> Result<()> {
        for (axis, name) in AXES.iter().enumerate() {
            let (first, size, length) = (i128::from(self.first[axis]), self.size[axis] as i128, shape[axis] as i128);
            if first < 0 || first + size > length {
                return Err(Error::invalid(format!(
                    "the block goes from voxel {first} to {} along {name}, but the realisation from 0 to {}, and it is not \
                     periodic; ask for a block within it, or for a realisation of a multiple of 16 voxels",
                    first + size - 1,
                    length - 1
                )));
            }
        }
        Ok(())
    }

    /// Number of voxels.
    pub fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Where the block begins in an image of `shape`.
    pub fn begin(&self, shape: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| {
            let length = shape[axis] as i64;
            self.first[axis].rem_euclid(length) as usize
        })
    }

    /// Copies the voxels of the block, x fastest, from an image of `shape` of which `within` is at hand.
    ///
    /// `within` must hold all voxels of the block, and no more along an axis than the image.
    pub fn copy(&self, shape: [usize; 3], within: &Block, from: &[u8], to: &mut [u8]) {
        let (begin, origin) = (self.begin(shape), within.begin(shape));
        let [_, rows, columns] = within.size;
        // Where voxel `index` of the block lies along an axis of `within`.
        let place =
            |axis: usize, index: usize| (begin[axis] + index % shape[axis] + shape[axis] - origin[axis]) % shape[axis];
        let [_, ny, nx] = self.size;
        for (row, to) in to.chunks_exact_mut(nx).enumerate() {
            let from = &from[(place(0, row / ny) * rows + place(1, row % ny)) * columns..][..columns];
            let mut done = 0;
            while done < nx {
                let at = place(2, done);
                // To the end of the block, or of the image, whose beginning follows.
                let run = (nx - done).min(columns - at);
                to[done..done + run].copy_from_slice(&from[at..at + run]);
                done += run;
            }
        }
    }

    /// The voxels of the block, x fastest, of those of `within`, a part of an image of `shape` that holds them all: in the same
    /// memory, unless the block goes on at the beginning of the image within it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] that says `what` was done and `advice`.
    pub fn cut(
        &self,
        shape: [usize; 3],
        within: &Block,
        mut voxels: Vec<u8>,
        what: &str,
        advice: &str,
    ) -> Result<Vec<u8>> {
        let (begin, origin) = (self.begin(shape), within.begin(shape));
        let first: [usize; 3] = std::array::from_fn(|axis| (begin[axis] + shape[axis] - origin[axis]) % shape[axis]);
        if (0..3).any(|axis| first[axis] + self.size[axis] > within.size[axis]) {
            let mut cut = memory::zeros(self.voxels(), what, advice)?;
            self.copy(shape, within, &voxels, &mut cut);
            return Ok(cut);
        }
        let ([_, rows, columns], [nz, ny, nx]) = (within.size, self.size);
        for row in 0..nz * ny {
            let from = ((first[0] + row / ny) * rows + first[1] + row % ny) * columns + first[2];
            voxels.copy_within(from..from + nx, row * nx);
        }
        voxels.truncate(nz * ny * nx);
        Ok(voxels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_wrap_around_and_may_be_larger_than_the_image() {
        let shape = [2, 3, 4];
        let image: Vec<u8> = (0..24).collect();
        let whole = Block::whole(shape);
        for first in [[0, 0, 0], [-1, -1, -1], [1, 2, 3], [-7, 40, i64::MIN]] {
            for size in [[1, 1, 1], [2, 3, 4], [1, 2, 3], [4, 5, 6], [1, 1, 9]] {
                let block = Block { first, size };
                block.check().unwrap();
                let mut copied = vec![99; block.voxels()];
                block.copy(shape, &whole, &image, &mut copied);
                let at = |axis: usize, index: usize| {
                    (i128::from(first[axis]) + index as i128).rem_euclid(shape[axis] as i128) as usize
                };
                let mut expected = Vec::new();
                for (z, y) in (0..size[0]).flat_map(|z| (0..size[1]).map(move |y| (z, y))) {
                    expected.extend((0..size[2]).map(|x| ((at(0, z) * 3 + at(1, y)) * 4 + at(2, x)) as u8));
                }
                assert_eq!(copied, expected, "{block:?}");
            }
        }
    }

    #[test]
    fn a_block_is_copied_from_a_larger_one() {
        let shape = [1, 8, 9];
        let image: Vec<u8> = (0..72).collect();
        let within = Block { first: [0, 6, 7], size: [1, 5, 6] };
        let block = Block { first: [0, 7, 8], size: [1, 3, 4] };
        let [mut of_within, mut of_block, mut expected] = [vec![0; 30], vec![0; 12], vec![0; 12]];
        within.copy(shape, &Block::whole(shape), &image, &mut of_within);
        block.copy(shape, &within, &of_within, &mut of_block);
        block.copy(shape, &Block::whole(shape), &image, &mut expected);
        assert_eq!(of_block, expected);
        assert_eq!(block.cut(shape, &within, of_within, "", "").unwrap(), expected);
        // Across the end of an image that is there as a whole.
        assert_eq!(block.cut(shape, &Block::whole(shape), image, "", "").unwrap(), expected);
    }

    #[test]
    fn blocks_within_an_image_are_told_from_others() {
        let check = |first, size| Block { first: [0, 0, first], size: [1, 1, size] }.check_within([1, 1, 50]);
        assert!([(0, 50), (49, 1), (7, 8)].into_iter().all(|(first, size)| check(first, size).is_ok()));
        for (first, size, text) in
            [(-1, 3, "from voxel -1 to 1 along x"), (43, 8, "from voxel 43 to 50"), (i64::MAX, 9, "")]
        {
            let error = check(first, size).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("0 to 49"), "{error}");
        }
    }

    #[test]
    fn blocks_without_voxels_or_with_too_many_are_refused() {
        let message = |size| Block { first: [0; 3], size }.check().unwrap_err().to_string();
        assert!(message([1, 0, 5]).contains("0 voxels along y"));
        assert!(message([1, 1, LONGEST + 1]).contains("4294967297 voxels along x"));
        assert!(message([LONGEST; 3]).contains("more than can be counted"));
    }
}
