//! One tile with what lies around it: its phases, and the bits of its patterns.

use std::ops::Range;

use super::bits::{Bits, Line, packed};
use super::frame::{Frame, Tile};
use super::padding::padded;

/// Voxels of a pattern. Voxel k, at row k / 3 and column k % 3, is bit k of the pattern's number.
pub const PLACES: usize = 9;

/// The phases that patterns are counted of: one of two phases, as the other's patterns are the complements.
pub fn judged_phases(n_phases: usize) -> Range<u8> {
    if n_phases == 2 { 1..2 } else { 0..n_phases as u8 }
}

/// A tile and its halo. Places are `[z, y, x]` in the tile.
///
/// A judged phase has a bit for each voxel. Voxels `distance` apart lie side by side in a word, so that a row of a pattern
/// is a few bits of a word.
pub struct Window {
    /// Phases, x fastest; outside an image that is no torus, those of its edge.
    phases: Vec<u8>,
    /// Bits along x, and along y for volumes.
    bits: Vec<Bits>,
    /// By plane and distance.
    pub lattices: Vec<Lattice>,
    /// How many of the lattices lie in one plane; the first of them has neighbouring voxels.
    pub scales: usize,
    /// Whether a visit can change nothing before a flip nearby; a word of bits along x for each z and y, halo included.
    settled: Vec<u64>,
    steps: [usize; 3],
    halo: [usize; 3],
    tile: Tile,
    judged: Range<u8>,
    /// The image, if it has edges in reach.
    edges: Option<[usize; 3]>,
}

/// The patterns of one plane and distance.
#[derive(Debug, Clone, Copy)]
pub struct Lattice {
    /// The axes of the plane, of the pattern's rows and columns.
    plane: [usize; 2],
    /// The distance is 2^scale.
    pub scale: usize,
    /// Which bits: those along the axis of columns.
    bits: usize,
    /// Words from one row of a pattern to the next.
    row: usize,
}

impl Window {
    /// Copies the tile and its halo out of an image.
    pub fn new(frame: &Frame, image: &[u8], tile: &Tile, n_phases: usize) -> Self {
        let halo = frame.halo();
        let size: [usize; 3] = std::array::from_fn(|axis| tile.size[axis] + 2 * halo[axis]);
        let (phases, judged) = (padded(frame, image, tile, size), judged_phases(n_phases));
        let steps = [size[1] * size[2], size[2], 1];
        let volume = size[0] > 1;
        let mut bits = vec![Bits::new(2, size, halo, frame.scales, judged.len())];
        if volume {
            bits.push(Bits::new(
                1,
                [size[0], size[1], tile.size[2]],
                [halo[0], halo[1], 0],
                frame.scales,
                judged.len(),
            ));
        }
        let lattice = |&plane: &[usize; 2], scale: usize| {
            let of_columns = usize::from(plane[1] == 1);
            Lattice { plane, scale, bits: of_columns, row: bits[of_columns].step(plane[0]) << scale }
        };
        let lattices =
            frame.planes().iter().flat_map(|plane| (0..frame.scales).map(move |scale| lattice(plane, scale)));
        let lattices = lattices.collect();
        let near_edge = |axis: usize| {
            size[axis] > 1
                && (tile.begin[axis] < halo[axis]
                    || tile.begin[axis] + tile.size[axis] + halo[axis] > frame.shape[axis])
        };
        let edges = (!frame.periodic && (0..3).any(near_edge)).then_some(frame.shape);
        let settled = vec![0; size[0] * size[1]];
        let scales = frame.scales;
        let mut window =
            Self { phases, bits, lattices, scales, settled, steps, halo, tile: tile.clone(), judged, edges };
        window.pack(size);
        window
    }

    fn pack(&mut self, size: [usize; 3]) {
        for (layer, phase) in self.judged.clone().enumerate() {
            for (row, phases) in self.phases.chunks_exact(size[2]).enumerate() {
                self.bits[0].put(layer, [row / size[1], row % size[1]], packed(phases, phase));
            }
            let Some(along_y) = self.bits.get_mut(1) else { continue };
            let mut column = vec![0; size[1]];
            for z in 0..size[0] {
                for x in 0..self.tile.size[2] {
                    let first = z * self.steps[0] + x + self.halo[2];
                    let from = self.phases[first..].iter().step_by(size[2]);
                    column.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    along_y.put(layer, [z, x], packed(&column, phase));
                }
            }
        }
    }

    fn voxel(&self, place: [usize; 3]) -> usize {
        (0..3).map(|axis| (place[axis] + self.halo[axis]) * self.steps[axis]).sum()
    }

    /// The phase of a voxel.
    pub fn phase(&self, place: [usize; 3]) -> u8 {
        self.phases[self.voxel(place)]
    }

    /// The voxels of a row of the tile, a bit each, of which a neighbour in one of the planes has another phase.
    pub fn interfaces(&self, z: usize, y: usize) -> u64 {
        let uniform = (0..self.judged.len()).fold(0, |found, layer| {
            let [all, none] = self.lattices.iter().step_by(self.scales).fold([u64::MAX; 2], |[all, none], lattice| {
                let [of_all, of_none] = self.uniform(lattice, layer, z, y);
                [all & of_all, none & of_none]
            });
            found | all | if self.judged.len() == 1 { none } else { 0 }
        });
        !uniform & (u64::MAX >> (64 - self.tile.size[2]))
    }

    /// The voxels of a row of the tile around which all voxels have a phase, or none has.
    fn uniform(&self, lattice: &Lattice, layer: usize, z: usize, y: usize) -> [u64; 2] {
        let bits = &self.bits[0];
        let (all, any) = if lattice.bits == 0 {
            let at = bits.first(layer, z, y);
            let (a, b, c) = (bits.words[at - lattice.row], bits.words[at], bits.words[at + lattice.row]);
            let (all, any) = (a & b & c, a | b | c);
            (all >> 1 & all >> 2 & all >> 3, any >> 1 | any >> 2 | any >> 3)
        } else {
            // Neighbours along z and y lie in the same place of other words.
            let at = bits.first(layer, z, y) - bits.step(0) - bits.step(1);
            let words =
                (0..PLACES).map(|place| bits.words[at + place / 3 * bits.step(0) + place % 3 * bits.step(1)] >> 2);
            words.fold((u64::MAX, 0), |(all, any), word| (all & word, any | word))
        };
        [all, !any]
    }

    /// Whether one of the patterns around the voxel is not all in the image.
    pub fn lacks_patterns(&self, place: [usize; 3]) -> bool {
        let reach = 1 << (self.scales - 1);
        self.edges.is_some_and(|shape| (0..3).any(|axis| shape[axis] > 1 && !self.is_within(place, axis, reach, shape)))
    }

    /// Whether the voxel lies at least `distance` from either end of an axis of an image of `shape`.
    fn is_within(&self, place: [usize; 3], axis: usize, distance: usize, shape: [usize; 3]) -> bool {
        (distance..shape[axis] - distance).contains(&(self.tile.begin[axis] + place[axis]))
    }

    /// The phases of neighbours that are not the voxel's own, a bit each.
    pub fn other_phases(&self, place: [usize; 3]) -> u8 {
        let voxel = self.voxel(place);
        let mut bits = 0u8;
        for Lattice { plane: [row, column], .. } in self.lattices.iter().step_by(self.scales) {
            let (row, column) = (self.steps[*row], self.steps[*column]);
            let first = voxel - row - column;
            (0..PLACES).for_each(|at| bits |= 1 << self.phases[first + at / 3 * row + at % 3 * column]);
        }
        bits & !(1 << self.phases[voxel])
    }

    /// The phase that most neighbours of a voxel in an image of one layer have, but for its own; of several the first.
    pub fn most_frequent_other(&self, place: [usize; 3]) -> u8 {
        let (voxel, row) = (self.voxel(place), self.steps[1]);
        let mut counts = [0u8; 8];
        (0..PLACES).for_each(|at| counts[usize::from(self.phases[voxel - row - 1 + at / 3 * row + at % 3])] += 1);
        counts[usize::from(self.phases[voxel])] = 0;
        (0..8).rev().max_by_key(|&phase| counts[usize::from(phase)]).unwrap_or(0)
    }

    /// The voxels of a phase in an image of one layer, a bit each, row by row: those of the tile and `reach` around it.
    pub fn rows(&self, phase: u8, reach: usize) -> Vec<u128> {
        let [_, before, beside] = self.halo.map(|halo| halo.saturating_sub(reach));
        let rows = self.phases.chunks_exact(self.steps[1]).skip(before).take(self.tile.size[1] + 2 * reach);
        rows.map(|row| packed(row, phase) >> beside).collect()
    }

    /// The judged phase to which `phase` belongs, if it is judged.
    pub fn layer(&self, phase: u8) -> Option<usize> {
        phase.checked_sub(self.judged.start).map(usize::from)
    }

    /// A voxel in the bits of a judged phase, for the patterns of a plane.
    #[inline(always)]
    pub fn line(&self, lattice: &Lattice, layer: usize, [z, y, x]: [usize; 3]) -> Line<'_> {
        let (along, other) = if lattice.bits == 0 { (x, y) } else { (y, x) };
        let bits = &self.bits[lattice.bits];
        Line { words: &bits.words, first: bits.first(layer, z, other), along, step: bits.step(lattice.plane[0]) }
    }

    /// Whether there are patterns in it that are not all in the image.
    pub fn has_edges(&self) -> bool {
        self.edges.is_some()
    }

    /// Those of the nine patterns of a plane and distance that contain a voxel and are all in the image.
    pub fn patterns_inside(&self, lattice: &Lattice, place: [usize; 3]) -> impl Iterator<Item = usize> {
        let (distance, [row, column]) = (1 << lattice.scale, lattice.plane);
        let inside = move |axis: usize, step: usize| {
            let at = self.tile.begin[axis] + place[axis] + step * distance;
            self.edges.is_none_or(|shape| (2 * distance..shape[axis]).contains(&at))
        };
        (0..PLACES).filter(move |at| inside(row, at / 3) && inside(column, at % 3))
    }

    /// Calls `with` for the number of each pattern of a judged phase that is centred in the tile and all in the image.
    pub fn for_each_pattern(&self, lattice: &Lattice, layer: usize, mut with: impl FnMut(usize)) {
        let bits = &self.bits[lattice.bits];
        let columns = lattice.plane[1];
        let (others, distance) = (3 - columns, 1 << lattice.scale);
        let is_inside = |place: [usize; 3], axis: usize| {
            self.edges.is_none_or(|shape| self.is_within(place, axis, distance, shape))
        };
        for z in 0..self.tile.size[0] {
            for other in 0..self.tile.size[others] {
                let mut place = [z, 0, 0];
                place[others] = other;
                if !is_inside(place, lattice.plane[0]) {
                    continue;
                }
                for residue in 0..distance {
                    let at = bits.first(layer, z, other) + Bits::residue(lattice.scale, residue);
                    let [mut a, mut b, mut c] =
                        [at - lattice.row, at, at + lattice.row].map(|row| bits.words[row] as usize >> 1);
                    for column in (residue..self.tile.size[columns]).step_by(distance) {
                        place[columns] = column;
                        if is_inside(place, columns) {
                            with(a & 7 | (b & 7) << 3 | (c & 7) << 6);
                        }
                        (a, b, c) = (a >> 1, b >> 1, c >> 1);
                    }
                }
            }
        }
    }

    fn settled_word(&self, z: usize, y: usize) -> usize {
        (z + self.halo[0]) * (self.steps[0] / self.steps[1]) + y + self.halo[1]
    }

    /// The voxels of a row of the tile, a bit each, of which a visit can change nothing before a flip near them.
    pub fn settled(&self, z: usize, y: usize) -> u64 {
        self.settled[self.settled_word(z, y)]
    }

    /// Notes that a visit of the voxel can change nothing before a flip near it.
    pub fn settle(&mut self, [z, y, x]: [usize; 3]) {
        let word = self.settled_word(z, y);
        self.settled[word] |= 1 << x;
    }

    /// Gives a voxel another phase.
    pub fn flip(&mut self, place: [usize; 3], to: u8) {
        let voxel = self.voxel(place);
        let from = std::mem::replace(&mut self.phases[voxel], to);
        for layer in [self.layer(from), self.layer(to)].into_iter().flatten() {
            self.bits.iter_mut().for_each(|bits| bits.flip(layer, place));
        }
        // Two patterns side by side reach two distances far.
        let [z, y, x] = place;
        let (at, of_z) = (self.settled_word(z, y), self.steps[0] / self.steps[1]);
        for Lattice { plane, scale, .. } in &self.lattices {
            let row = if plane[0] == 0 { of_z } else { 1 } << scale;
            let first = at - 2 * row;
            if plane[1] == 2 {
                let five = (1 | 1 << (1 << scale) | 1 << (2 << scale) | 1 << (3 << scale) | 1u128 << (4 << scale)) << x;
                let five = (five >> (2 << scale)) as u64;
                (0..5).for_each(|step| self.settled[first + step * row] &= !five);
            } else {
                let first = first - (2 << scale);
                (0..25).for_each(|step| self.settled[first + step / 5 * row + ((step % 5) << scale)] &= !(1 << x));
            }
        }
    }

    /// The phases of the tile, x fastest.
    pub fn tile_phases(&self) -> Vec<u8> {
        let [nz, ny, nx] = self.tile.size;
        let rows = (0..nz).flat_map(|z| (0..ny).map(move |y| [z, y, 0]));
        rows.flat_map(|first| &self.phases[self.voxel(first)..][..nx]).copied().collect()
    }
}

#[cfg(test)]
mod tests;
