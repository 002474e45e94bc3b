//! Islands removed, and a majority filter, with as many voxels of each phase as before.
//!
//! Neighbours share a face, an edge or a corner: 8 in a layer, 26 in a volume. A piece is a set of voxels of one phase that
//! are connected through neighbours, and an island a piece of fewer voxels than a given number.

use super::adjuster::{Adjuster, Part, to_change};
use super::fractions::missing;
use crate::Result;
use crate::micrograph::{Block, Directions, MAX_PHASES};

/// Bytes for each voxel that [`Cleaner::clean`] takes.
pub const CLEANING_BYTES: usize = 10;

/// How often islands are removed anew, at most, where not all voxels that are missing were found.
const ATTEMPTS: usize = 64;

/// The piece of a voxel that has none yet.
const NONE: u32 = u32::MAX;

/// Removes islands from images of one shape.
pub struct Cleaner {
    adjuster: Adjuster,
    grid: Grid,
    n_phases: usize,
    smallest_island: usize,
    majority: usize,
}

impl Cleaner {
    /// For images of `shape` like `micrographs`: pieces of fewer than `smallest_island` voxels are removed, after
    /// `majority` passes of a filter.
    ///
    /// # Errors
    ///
    /// Those of [`Adjuster::new`].
    pub fn new<'a>(
        micrographs: impl Into<Directions<'a>>,
        shape: [usize; 3],
        periodic: bool,
        smallest_island: usize,
        majority: usize,
    ) -> Result<Self> {
        let micrographs = micrographs.into();
        let n_phases = micrographs.across(0).n_phases();
        let adjuster = Adjuster::new(micrographs, shape, periodic)?;
        Ok(Self { adjuster, grid: Grid::new(shape, periodic), n_phases, smallest_island, majority })
    }

    /// Cleans an image. Random numbers follow from `key` and place.
    ///
    /// Each phase has as many voxels afterwards as before. No island remains, but for a phase of fewer voxels altogether,
    /// which becomes one piece. If no such image is found in [`ATTEMPTS`], islands remain: volume fractions come first.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`](crate::Error::Internal) alone.
    pub fn clean(&self, image: &mut [u8], key: u64) -> Result<()> {
        let mut targets = vec![0; self.n_phases];
        image.iter().for_each(|&phase| targets[usize::from(phase)] += 1);
        for _ in 0..self.majority {
            image.copy_from_slice(&self.grid.majority(image));
        }
        let attempts = if self.smallest_island > 1 { ATTEMPTS } else { 0 };
        for _ in 0..attempts {
            self.grid.remove_islands(image, self.smallest_island);
            let mut lacking = self.meet_without_islands(image, key, &targets)?;
            if to_change(&lacking) == 0 {
                return Ok(());
            }
            // A phase in between becomes what is too many of another.
            let most = to_change(&lacking) as i64;
            lacking.iter_mut().filter(|count| **count == 0).for_each(|count| *count = most);
            if !self.change_without_islands(image, key, lacking)? {
                self.change(image, key, &targets, 1)?;
            }
        }
        while self.change(image, key, &targets, usize::MAX)? {}
        Ok(())
    }

    /// Changes voxels that make no island as long as there are some: what is missing of each phase then.
    fn meet_without_islands(&self, image: &mut [u8], key: u64, targets: &[i64]) -> Result<Vec<i64>> {
        loop {
            let lacking = missing(image, targets);
            if to_change(&lacking) == 0 || !self.change_without_islands(image, key, lacking.clone())? {
                return Ok(lacking);
            }
        }
    }

    /// One round of changes that make no island, or false if there are none.
    ///
    /// A voxel takes the phase of a neighbour, whose piece grows. The voxels of its own phase around it are connected
    /// among themselves, so that its piece stays one, and no neighbours change at once.
    fn change_without_islands(&self, image: &mut [u8], key: u64, mut lacking: Vec<i64>) -> Result<bool> {
        let pieces = self.grid.pieces(image);
        let mut spare = pieces.spare(self.smallest_island, self.n_phases);
        let piece = |voxel: usize| pieces.of_voxel[voxel] as usize;
        let may_change = |voxel: usize| spare[piece(voxel)] > 0 && self.grid.leaves_one_piece(image, voxel);
        let found = self.adjuster.round(key, &mut lacking, false, |look| self.look(image, &may_change, look))?;
        let Some((round, candidates)) = found else { return Ok(false) };
        for (voxel, to) in round.changes(&candidates) {
            if spare[piece(voxel)] > 0 {
                spare[piece(voxel)] -= 1;
                image[voxel] = to;
            }
        }
        Ok(true)
    }

    /// Changes at most so many voxels of one round, whatever becomes of pieces, or none and false if none is missing.
    fn change(&self, image: &mut [u8], key: u64, targets: &[i64], most: usize) -> Result<bool> {
        let mut lacking = missing(image, targets);
        if to_change(&lacking) == 0 {
            return Ok(false);
        }
        let (round, candidates) =
            self.adjuster.next_round(key, &mut lacking, |look| self.look(image, &|_| true, look))?;
        round.changes(&candidates).take(most).for_each(|(voxel, to)| image[voxel] = to);
        Ok(true)
    }

    fn look(
        &self,
        image: &[u8],
        may_change: &(dyn Fn(usize) -> bool + Sync),
        look: &mut dyn FnMut(Part),
    ) -> Result<()> {
        let whole = Block::whole(self.grid.shape);
        look(Part { phases: image, region: &whole, block: &whole, may_change });
        Ok(())
    }
}

/// The voxels of an image and their neighbours.
struct Grid {
    shape: [usize; 3],
    periodic: bool,
    /// From a voxel to its neighbours, `[z, y, x]`.
    offsets: Vec<[isize; 3]>,
}

/// The pieces of all phases.
struct Pieces {
    of_voxel: Vec<u32>,
    /// Phase and number of voxels of each.
    all: Vec<(u8, usize)>,
}

impl Grid {
    fn new(shape: [usize; 3], periodic: bool) -> Self {
        let layers = if shape[0] == 1 { 0..=0 } else { -1..=1 };
        let offsets = layers.flat_map(|z| (-1..=1).flat_map(move |y| (-1..=1).map(move |x| [z, y, x])));
        Self { shape, periodic, offsets: offsets.filter(|offset| *offset != [0; 3]).collect() }
    }

    /// The neighbours of a voxel, with the way to them.
    fn around(&self, voxel: usize) -> impl Iterator<Item = ([isize; 3], usize)> {
        let [_, ny, nx] = self.shape;
        let place = [voxel / nx / ny, voxel / nx % ny, voxel % nx];
        self.offsets.iter().filter_map(move |offset| {
            let along = |axis: usize| {
                let (length, at) = (self.shape[axis], place[axis].wrapping_add_signed(offset[axis]));
                match at {
                    at if at < length => Some(at),
                    _ if !self.periodic => None,
                    at if at == length => Some(0),
                    _ => Some(length - 1),
                }
            };
            Some((*offset, (along(0)? * ny + along(1)?) * nx + along(2)?))
        })
    }

    fn pieces(&self, image: &[u8]) -> Pieces {
        let mut pieces = Pieces { of_voxel: vec![NONE; image.len()], all: Vec::new() };
        let mut pending = Vec::new();
        for (first, &phase) in image.iter().enumerate() {
            if pieces.of_voxel[first] != NONE {
                continue;
            }
            let (piece, mut voxels) = (pieces.all.len() as u32, 0);
            pieces.of_voxel[first] = piece;
            pending.push(first as u32);
            while let Some(voxel) = pending.pop() {
                voxels += 1;
                for (_, near) in self.around(voxel as usize) {
                    if image[near] == phase && pieces.of_voxel[near] == NONE {
                        pieces.of_voxel[near] = piece;
                        pending.push(near as u32);
                    }
                }
            }
            pieces.all.push((phase, voxels));
        }
        pieces
    }

    /// Gives the voxels of each island the phase that is most frequent around it, the first of several: among the
    /// neighbours of its voxels that lie in pieces that stay. An island among islands alone waits for them. The largest
    /// piece of a phase stays, the first of several.
    fn remove_islands(&self, image: &mut [u8], smallest: usize) {
        let pieces = self.pieces(image);
        let mut stays = pieces.stay(smallest);
        let piece = |voxel: usize| pieces.of_voxel[voxel] as usize;
        let mut islands: Vec<usize> = (0..image.len()).filter(|&voxel| !stays[piece(voxel)]).collect();
        while !islands.is_empty() {
            let mut votes = vec![[0u32; MAX_PHASES]; pieces.all.len()];
            for &voxel in &islands {
                let around = self.around(voxel).filter(|(_, near)| stays[piece(*near)]);
                around.for_each(|(_, near)| votes[piece(voxel)][usize::from(image[near])] += 1);
            }
            islands.retain(|&voxel| match votes[piece(voxel)] {
                votes if votes == [0; MAX_PHASES] => true,
                votes => {
                    image[voxel] = most_frequent(&votes);
                    stays[piece(voxel)] = true;
                    false
                }
            });
        }
    }

    /// Gives each voxel the phase that is most frequent among itself and its neighbours: of several its own, if it is one
    /// of them, or the first.
    fn majority(&self, image: &[u8]) -> Vec<u8> {
        let filtered = image.iter().enumerate().map(|(voxel, &phase)| {
            let mut votes = [0; MAX_PHASES];
            votes[usize::from(phase)] = 1;
            self.around(voxel).for_each(|(_, near)| votes[usize::from(image[near])] += 1);
            let most = most_frequent(&votes);
            if votes[usize::from(phase)] == votes[usize::from(most)] { phase } else { most }
        });
        filtered.collect()
    }

    /// Whether the neighbours that have the phase of a voxel are connected without it; false if there are none.
    fn leaves_one_piece(&self, image: &[u8], voxel: usize) -> bool {
        let same = self.around(voxel).filter(|(_, near)| image[*near] == image[voxel]);
        let mut apart: Vec<[isize; 3]> = same.map(|(offset, _)| offset).collect();
        let mut reached: Vec<[isize; 3]> = apart.pop().into_iter().collect();
        if reached.is_empty() {
            return false;
        }
        while let Some(from) = reached.pop() {
            reached.extend(apart.extract_if(.., |to| (0..3).all(|axis| to[axis].abs_diff(from[axis]) <= 1)));
        }
        apart.is_empty()
    }
}

impl Pieces {
    /// Whether each piece stays.
    fn stay(&self, smallest: usize) -> Vec<bool> {
        let mut largest: [Option<usize>; MAX_PHASES] = [None; MAX_PHASES];
        for (piece, &(phase, voxels)) in self.all.iter().enumerate() {
            let largest = &mut largest[usize::from(phase)];
            if largest.is_none_or(|largest| self.all[largest].1 < voxels) {
                *largest = Some(piece);
            }
        }
        let is_largest = |piece: usize, phase: u8| largest[usize::from(phase)] == Some(piece);
        let all = self.all.iter().enumerate();
        all.map(|(piece, &(phase, voxels))| voxels >= smallest || is_largest(piece, phase)).collect()
    }

    /// How many voxels each piece can lose: none of them becomes an island, and the only one of a phase does not vanish.
    fn spare(&self, smallest: usize, n_phases: usize) -> Vec<usize> {
        let counts: Vec<usize> =
            (0..n_phases as u8).map(|phase| self.all.iter().filter(|piece| piece.0 == phase).count()).collect();
        let least = |phase: u8| if counts[usize::from(phase)] == 1 { 1 } else { smallest };
        self.all.iter().map(|&(phase, voxels)| voxels.saturating_sub(least(phase))).collect()
    }
}

/// The phase of the most votes, the first of several.
fn most_frequent(votes: &[u32; MAX_PHASES]) -> u8 {
    (0..MAX_PHASES).rev().max_by_key(|&phase| votes[phase]).unwrap_or(0) as u8
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;
    use rand::Rng;

    use super::*;
    use crate::micrograph::PhaseImages;
    use crate::random::{Purpose, generator};

    /// Blobs of all phases, and noise.
    fn blobs(grid: &Grid, n_phases: u8) -> Vec<u8> {
        let mut rng = generator(3, Purpose::Step, 1);
        let drawn: Vec<u8> = (0..grid.shape.iter().product()).map(|_| rng.random_range(0..n_phases)).collect();
        let mut smooth = (0..4).fold(drawn, |image, _| grid.majority(&image));
        let noise = smooth.iter_mut().filter(|_| rng.random_bool(0.05));
        noise.for_each(|phase| *phase = (*phase + 1) % n_phases);
        smooth
    }

    fn micrograph(n_phases: u8) -> PhaseImages {
        let phases = blobs(&Grid::new([1, 64, 64], true), n_phases);
        PhaseImages::new(Array4::from_shape_vec((1, 1, 64, 64), phases).unwrap(), n_phases.into()).unwrap()
    }

    fn drawn(rows: &[&str]) -> (Grid, Vec<u8>) {
        let phase = |pixel: u8| if pixel == b'.' { 0 } else { pixel - b'0' };
        (Grid::new([1, rows.len(), rows[0].len()], true), rows.concat().bytes().map(phase).collect())
    }

    fn cleaned(cleaner: &Cleaner, image: &[u8]) -> Vec<u8> {
        let mut cleaned = image.to_vec();
        cleaner.clean(&mut cleaned, 7).unwrap();
        let count =
            |image: &[u8]| (0..8).map(|phase| image.iter().filter(|&&p| p == phase).count()).collect::<Vec<_>>();
        assert_eq!(count(&cleaned), count(image));
        cleaned
    }

    fn unlike_neighbours(grid: &Grid, image: &[u8]) -> usize {
        let unlike = |voxel: usize| grid.around(voxel).filter(|(_, near)| image[*near] != image[voxel]).count();
        (0..image.len()).map(unlike).sum()
    }

    #[test]
    fn no_island_remains_and_each_phase_has_as_many_voxels() {
        let cases = [([1, 96, 80], true, 2), ([1, 90, 81], false, 3), ([16, 17, 18], true, 2), ([9, 16, 20], false, 4)];
        for (shape, periodic, n_phases) in cases {
            let clean = |smallest, majority| Cleaner::new(&micrograph(n_phases), shape, periodic, smallest, majority);
            let (islands, both, filter) = (clean(12, 0).unwrap(), clean(12, 1).unwrap(), clean(0, 1).unwrap());
            let grid = &islands.grid;
            let image = blobs(grid, n_phases);
            let smallest = |image: &[u8]| grid.pieces(image).all.iter().map(|piece| piece.1).min().unwrap();
            assert!(smallest(&image) < 3, "{shape:?}");
            let (without, smooth) = (cleaned(&islands, &image), cleaned(&both, &image));
            assert!(smallest(&without) >= 12 && smallest(&smooth) >= 12, "{shape:?}");
            let far = without.iter().zip(&image).filter(|(a, b)| a != b).count() as f64 / image.len() as f64;
            assert!((0.001..0.15).contains(&far), "{far} of the voxels changed");
            assert!(cleaned(&islands, &without) == without);
            assert!(unlike_neighbours(grid, &cleaned(&filter, &image)) < unlike_neighbours(grid, &image));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            assert!(pool.install(|| cleaned(&both, &image)) == smooth);
        }
    }

    #[test]
    fn islands_go_wherever_the_torus_begins() {
        let grid = Grid::new([1, 60, 50], true);
        for n_phases in [2, 5] {
            let image = blobs(&grid, n_phases);
            let moved = |image: &[u8]| -> Vec<u8> {
                (0..3000).map(|voxel| image[(voxel / 50 + 23) % 60 * 50 + (voxel + 31) % 50]).collect()
            };
            let [mut here, mut there] = [image.clone(), moved(&image)];
            grid.remove_islands(&mut here, 15);
            grid.remove_islands(&mut there, 15);
            assert!(moved(&here) == there && here != image);
        }
    }

    #[test]
    fn lines_are_pieces_and_islands_take_the_phase_around_them() {
        let rows = ["1.......", ".1..2...", "..1.22..", "...1....", "....1..2", ".2...1..", "......1.", ".......1"];
        let (grid, mut image) = drawn(&rows);
        grid.remove_islands(&mut image, 4);
        // Phase 2 has no other piece than the largest. Diagonals go on around the torus.
        let right = ["1.......", ".1..2...", "..1.22..", "...1....", "....1...", ".....1..", "......1.", ".......1"];
        assert_eq!(image, drawn(&right).1);
        // The filter removes lines.
        assert!(grid.majority(&image).iter().all(|&phase| phase == 0 || phase == 2));
        assert!(!grid.leaves_one_piece(&image, 9) && grid.leaves_one_piece(&image, 12));
    }

    #[test]
    fn phases_that_are_rare_or_do_not_touch_come_right() {
        // A square of phase 2 within one of phase 1, and in it phase 0; phase 3 is nowhere large enough.
        let within = |voxel: usize, first: usize, end: usize| {
            (first..end).contains(&(voxel / 32)) && (first..end).contains(&(voxel % 32))
        };
        let mut image: Vec<u8> = (0..1024)
            .map(|voxel| match voxel {
                _ if within(voxel, 14, 16) => 0,
                _ if within(voxel, 8, 22) => 2,
                _ if within(voxel, 6, 24) => 1,
                _ => 0,
            })
            .collect();
        for voxel in [40, 200, 900] {
            image[voxel] = 3;
        }
        let cleaner = Cleaner::new(&micrograph(4), [1, 32, 32], true, 10, 0).unwrap();
        let pieces = cleaner.grid.pieces(&cleaned(&cleaner, &image)).all;
        let (rare, others): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece| piece.0 == 3);
        assert!(rare == [(3, 3)] && others.len() == 3, "{rare:?} {others:?}");
    }
}
