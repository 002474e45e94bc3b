//! A phase of the voxels of a window, a bit each: voxels that lie 1, 2, 4 or 8 apart are neighbours in a word.

/// Words of a row of voxels: 1, 2, 4 and 8 for the residues of the distances, and one that is not used.
const WORDS: usize = 16;

/// Bits along one axis of a window, x or y, for each distance.
#[derive(Debug, PartialEq, Eq)]
pub struct Bits {
    /// By phase, z, the other axis (y or x), distance, and place along the axis modulo the distance. Bit 2 is the first
    /// voxel of the tile.
    pub words: Vec<u64>,
    axis: usize,
    halo: [usize; 3],
    /// Places along z and along the other axis, halo included.
    size: [usize; 2],
    scales: usize,
}

impl Bits {
    /// Bits of `layers` phases along `axis` of a window of `size` voxels.
    pub fn new(axis: usize, size: [usize; 3], halo: [usize; 3], scales: usize, layers: usize) -> Self {
        let size = [size[0], size[3 - axis]];
        Self { words: vec![0; layers * size[0] * size[1] * WORDS], axis, halo, size, scales }
    }

    /// Words from one place along an axis to the next, which is not that of the bits.
    pub fn step(&self, axis: usize) -> usize {
        if axis == 0 { self.size[1] * WORDS } else { WORDS }
    }

    /// The first word of the voxels at z and the other axis of the tile.
    #[inline]
    pub fn first(&self, layer: usize, z: usize, other: usize) -> usize {
        ((layer * self.size[0] + z + self.halo[0]) * self.size[1] + other + self.halo[3 - self.axis]) * WORDS
    }

    /// The word behind the first in which the voxel at `along` is, at the distance 2^scale.
    #[inline]
    pub fn residue(scale: usize, along: usize) -> usize {
        (1 << scale) - 1 + (along & ((1 << scale) - 1))
    }

    /// Stores a row of the window, whose first voxel is bit 0.
    pub fn put(&mut self, layer: usize, [z, other]: [usize; 2], row: u128) {
        let first = ((layer * self.size[0] + z) * self.size[1] + other) * WORDS;
        let mut parts = [row, 0, 0, 0, 0, 0, 0, 0];
        for scale in 0..self.scales {
            let count = 1 << scale;
            for residue in 0..count / 2 {
                parts[residue + count / 2] = even_bits(parts[residue] >> 1);
                parts[residue] = even_bits(parts[residue]);
            }
            let before = (self.halo[self.axis] >> scale) - 2;
            let words = &mut self.words[first + count - 1..][..count];
            words.iter_mut().zip(parts).for_each(|(word, part)| *word = (part >> before) as u64);
        }
    }

    /// Changes the bits of a voxel of the tile.
    pub fn flip(&mut self, layer: usize, place: [usize; 3]) {
        let along = place[self.axis];
        let first = self.first(layer, place[0], place[3 - self.axis]);
        (0..self.scales).for_each(|scale| self.words[first + Self::residue(scale, along)] ^= 4 << (along >> scale));
    }
}

/// A voxel in the bits of a phase, and the axis along which the patterns of a plane have their rows.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    pub words: &'a [u64],
    /// The [first word](Bits::first) of the voxel.
    pub first: usize,
    /// The voxel's place along the axis of the bits.
    pub along: usize,
    /// The [step](Bits::step) along the axis of the rows.
    pub step: usize,
}

impl Line<'_> {
    /// The numbers of the patterns at the distance 2^SCALE that contain the voxel, from that in which it is last to that in
    /// which it is first: three at a time, at bits 0, 10 and 20.
    #[inline(always)]
    pub fn numbers<const SCALE: usize>(self) -> [u32; 3] {
        let step = self.step << SCALE;
        let (first, shift) = (self.first + Bits::residue(SCALE, self.along) - 2 * step, self.along >> SCALE);
        // Of five voxels the first, the middle and the last three.
        let row = |row: usize| (((self.words[first + row * step] >> shift) as u32 & 31) * 0x4_0201) & 0x70_1c07;
        let [a, b, c, d, e] = [row(0), row(1), row(2), row(3), row(4)];
        [a | b << 3 | c << 6, b | c << 3 | d << 6, c | d << 3 | e << 6]
    }
}

/// Bits 0, 2, 4 and so on, side by side.
fn even_bits(bits: u128) -> u128 {
    let bits = bits & 0x5555_5555_5555_5555_5555_5555_5555_5555;
    let bits = (bits | bits >> 1) & 0x3333_3333_3333_3333_3333_3333_3333_3333;
    let bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f;
    let bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff;
    let bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff;
    let bits = (bits | bits >> 16) & 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    (bits | bits >> 32) & u128::from(u64::MAX)
}

/// Which of at most 128 voxels are of a phase below 8, a bit each.
pub fn packed(voxels: &[u8], phase: u8) -> u128 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let eight = |voxels: &[u8]| {
        let mut bytes = [0; 8];
        bytes[..voxels.len()].copy_from_slice(voxels);
        let other = u64::from_le_bytes(bytes) ^ (ONES * u64::from(phase));
        let own = !(other | other >> 1 | other >> 2) & ONES;
        // Bit 8 k goes to bit 56 + k.
        own.wrapping_mul(0x0102_0408_1020_4080) >> 56 & ((1 << voxels.len()) - 1)
    };
    let words = voxels.chunks(8).enumerate();
    words.fold(0, |bits, (word, voxels)| bits | u128::from(eight(voxels)) << (8 * word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_of_a_phase_are_packed() {
        let voxels: Vec<u8> = (0..77).map(|at| (at * at % 8) as u8).collect();
        for phase in 0..8 {
            let expected = voxels.iter().rev().fold(0, |bits, &voxel| bits << 1 | u128::from(voxel == phase));
            assert_eq!(packed(&voxels, phase), expected);
        }
    }

    #[test]
    fn every_distance_has_its_neighbours_side_by_side() {
        let (halo, scales) = (16, 4);
        let mut bits = Bits::new(2, [1, 3, 80], [0, 0, halo], scales, 2);
        let row = 0x9e37_79b9_7f4a_7c15_bf58_476d_1ce4_e5b9 & ((1 << 80) - 1);
        bits.put(1, [0, 2], row);
        for (scale, along) in (0..scales).flat_map(|scale| (0..48).map(move |along| (scale, along))) {
            let word = bits.words[bits.first(1, 0, 2) + Bits::residue(scale, along)] >> (along >> scale);
            for step in 0..5 {
                let at = halo + along + (step << scale) - (2 << scale);
                assert_eq!(word >> step & 1, (row >> at) as u64 & 1, "{step} of {along}, {scale}");
            }
        }
        assert!(bits.words[..5 * WORDS].iter().all(|&word| word == 0));
    }
}
