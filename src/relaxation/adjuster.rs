//! Changes of voxels towards given volume fractions, in rounds. What a round changes depends on the voxels nearby alone.

use std::cmp::Reverse;
use std::sync::Mutex;

use super::frame::{Frame, TILE, Tile};
use super::shares::PatternShares;
use super::weights::{GainTables, Weights};
use super::window::Window;
use crate::device::for_each;
use crate::micrograph::{Block, Directions};
use crate::{Error, Result};

/// Largest part of the candidates that change in one round, before their gains are found anew.
const PART: usize = 2;

/// Voxels this near, along all axes, do not change in one round: the best of them is a candidate.
const SPACING: usize = 4;

/// Bits of the number that decides between equal gains. No image has more voxels than there are such numbers.
const DRAW_BITS: u32 = 40;

/// Finds the voxels of images of one shape whose change makes their patterns most like those of a micrograph.
pub struct Adjuster {
    frame: Frame,
    tables: GainTables,
    n_phases: usize,
}

/// What one round changes in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Phases that voxels change from, a bit each.
    pub surplus: u8,
    /// Phases that voxels change to, a bit each.
    pub wanted: u8,
    /// Whether voxels change that are no interface, and take a phase that no neighbour has.
    pub anywhere: bool,
    /// For each phase, the lowest rank of a voxel that changes from it or to it.
    pub last: Vec<i64>,
}

/// A voxel that ranks above all within [`SPACING`], and the phase that it would get.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The gain, and a random number behind it. No two voxels of an image have the same rank.
    rank: i64,
    from: u8,
    to: u8,
    /// Where the voxel lies in the region at hand.
    at: usize,
}

/// A part of an image: the phases of a region, and a block within it.
pub struct Part<'a> {
    pub phases: &'a [u8],
    pub region: &'a Block,
    pub block: &'a Block,
    /// Whether a voxel of the region may change.
    pub may_change: &'a (dyn Fn(usize) -> bool + Sync),
}

impl Round {
    /// The round in an image in which voxels of each phase are `missing`, or too many if negative.
    fn new(missing: &[i64], anywhere: bool) -> Self {
        let phases = |is: fn(i64) -> bool| {
            missing.iter().enumerate().fold(0, |bits, (phase, &count)| bits | u8::from(is(count)) << phase)
        };
        let (surplus, wanted) = (phases(|count| count < 0), phases(|count| count > 0));
        Self { surplus, wanted, anywhere, last: vec![i64::MIN; missing.len()] }
    }

    /// Ends each phase at the candidate with which it has the right number of voxels, or at the last one. They are in
    /// order of rank.
    fn end(&mut self, candidates: &[Candidate], missing: &mut [i64]) {
        self.last.fill(candidates.last().map_or(i64::MIN, |candidate| candidate.rank));
        for Candidate { rank, from, to, .. } in candidates {
            let [from, to] = [from, to].map(|&phase| usize::from(phase));
            if missing[from] < 0 && missing[to] > 0 {
                for (phase, by) in [(from, 1), (to, -1)] {
                    missing[phase] += by;
                    if missing[phase] == 0 {
                        self.last[phase] = *rank;
                    }
                }
            }
        }
    }

    fn includes(&self, Candidate { rank, from, to, .. }: &Candidate) -> bool {
        [from, to].into_iter().all(|&phase| *rank >= self.last[usize::from(phase)])
    }

    /// The voxels of this round among `candidates`, and the phases that they get.
    pub fn changes<'a>(&'a self, candidates: &'a [Candidate]) -> impl Iterator<Item = (usize, u8)> + 'a {
        let included = candidates.iter().filter(|candidate| self.includes(candidate));
        included.map(|candidate| (candidate.at, candidate.to))
    }

    /// Changes the voxels of this round among `candidates`, which lie in `region`.
    pub fn apply(&self, candidates: &[Candidate], region: &mut [u8]) {
        self.changes(candidates).for_each(|(at, to)| region[at] = to);
    }
}

/// How many voxels are to change.
pub fn to_change(missing: &[i64]) -> u64 {
    missing.iter().map(|&count| count.max(0) as u64).sum()
}

impl Adjuster {
    /// For images of `shape` that are to be like `micrographs`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if a micrograph has more than one layer, or a side of it or of the images is below 8.
    pub fn new<'a>(micrographs: impl Into<Directions<'a>>, shape: [usize; 3], periodic: bool) -> Result<Self> {
        let micrographs = micrographs.into();
        let (frame, n_phases) = (Frame::new(shape, periodic)?, micrographs.across(0).n_phases());
        let mut weights = Weights::zero(n_phases, shape[0] > 1);
        weights.add(PatternShares::of_material(&micrographs, weights.planes())?.log_ratios_to_rare());
        Ok(Self { tables: GainTables::new(&weights, frame.scales), frame, n_phases })
    }

    /// Shape of the images, `[nz, ny, nx]` in voxels.
    pub fn shape(&self) -> [usize; 3] {
        self.frame.shape
    }

    /// The voxels of a torus on which those of `block` depend after `rounds`.
    pub fn needed_for(&self, block: &Block, rounds: usize) -> Block {
        let (begin, halo) = (block.begin(self.frame.shape), self.frame.halo());
        let mut needed = Block::whole(self.frame.shape);
        for (axis, &length) in self.frame.shape.iter().enumerate() {
            let margin = rounds * (halo[axis] + SPACING);
            if block.size[axis] + 2 * margin < length {
                needed.first[axis] = ((begin[axis] + length - margin) % length) as i64;
                needed.size[axis] = block.size[axis] + 2 * margin;
            }
        }
        needed
    }

    /// The round that follows in an image in which voxels of each phase are `missing`, and its candidates in the last part.
    ///
    /// `missing` becomes what is missing after it. `parts` shows the whole image, part by part, to the function that it is
    /// given; it is called once more if no interface voxel can change. Random numbers follow from `key` and place.
    ///
    /// # Errors
    ///
    /// Those of `parts`.
    pub fn next_round(
        &self,
        key: u64,
        missing: &mut [i64],
        mut parts: impl FnMut(&mut dyn FnMut(Part)) -> Result<()>,
    ) -> Result<(Round, Vec<Candidate>)> {
        for anywhere in [false, true] {
            if let Some(found) = self.round(key, missing, anywhere, &mut parts)? {
                return Ok(found);
            }
        }
        Err(Error::Internal("an image has fewer voxels of a phase than were counted".into()))
    }

    /// [`next_round`](Self::next_round) among interface voxels, or `anywhere`; `None` if no such voxel can change.
    pub fn round(
        &self,
        key: u64,
        missing: &mut [i64],
        anywhere: bool,
        mut parts: impl FnMut(&mut dyn FnMut(Part)) -> Result<()>,
    ) -> Result<Option<(Round, Vec<Candidate>)>> {
        let most = to_change(missing) as usize;
        let mut round = Round::new(missing, anywhere);
        let (mut count, mut best) = (0, Vec::new());
        parts(&mut |part| {
            let mut candidates = self.candidates(key, &round, &part);
            count += candidates.len();
            best.append(&mut candidates);
            // What is kept does not grow with the image.
            if best.len() > 2 * most {
                keep_best(&mut best, most);
            }
        })?;
        keep_best(&mut best, most.min(count.div_ceil(PART)));
        if count == 0 {
            return Ok(None);
        }
        best.sort_unstable_by_key(|candidate| Reverse(candidate.rank));
        round.end(&best, missing);
        Ok(Some((round, best)))
    }

    /// Changes what a round changes in a block of an image of which a region is at hand.
    pub fn change(&self, key: u64, round: &Round, phases: &mut [u8], region: &Block, block: &Block) {
        let candidates = self.candidates(key, round, &Part { phases, region, block, may_change: &|_| true });
        round.apply(&candidates, phases);
    }

    /// The candidates of a round, in any order.
    fn candidates(&self, key: u64, round: &Round, part: &Part) -> Vec<Candidate> {
        let frame = Frame { region: *part.region, ..self.frame.clone() };
        let (block, begin) = (part.block, part.block.begin(frame.shape));
        let parts = |axis: usize| {
            let size = block.size[axis];
            let part = |at: usize| ((begin[axis] + at) % frame.shape[axis], TILE.min(size - at));
            (0..size).step_by(TILE).map(part).collect()
        };
        let tiles = Tile::all(&std::array::from_fn(parts));
        let found = Mutex::new(Vec::new());
        for_each(tiles.iter(), |tile| {
            let mut of_tile = self.candidates_of_tile(key, round, &frame, part, tile);
            found.lock().expect("no tile panics").append(&mut of_tile);
        });
        found.into_inner().expect("no tile panics")
    }

    fn candidates_of_tile(&self, key: u64, round: &Round, frame: &Frame, part: &Part, tile: &Tile) -> Vec<Candidate> {
        let (wide, margin) = frame.widened(tile, SPACING);
        let window = Window::new(frame, part.phases, &wide, self.n_phases);
        let in_image = |place: [usize; 3]| -> [usize; 3] {
            std::array::from_fn(|axis| (wide.begin[axis] + place[axis]) % frame.shape[axis])
        };
        let in_region = |place: [usize; 3]| {
            let [z, y, x] = std::array::from_fn(|axis| frame.place(axis, in_image(place)[axis]));
            (z * frame.region.size[1] + y) * frame.region.size[2] + x
        };
        let [_, rows, columns] = wide.size;
        let mut ranks = vec![i64::MIN; wide.size.iter().product()];
        for place in places([0; 3], wide.size) {
            let [z, y, x] = place;
            let best = self.best_change(&window, place, round);
            if let Some((gain, _)) = best.filter(|_| (part.may_change)(in_region(place))) {
                let [in_z, in_y, in_x] = in_image(place);
                let voxel = ((in_z * frame.shape[1] + in_y) * frame.shape[2] + in_x) as u64;
                ranks[(z * rows + y) * columns + x] = i64::from(gain) << DRAW_BITS | draw(key, voxel);
            }
        }
        let near = |place: usize, size: usize| place.saturating_sub(SPACING)..(place + SPACING + 1).min(size);
        let mut candidates = Vec::new();
        for place in places(margin, tile.size) {
            let [z, y, x] = place;
            let rank = ranks[(z * rows + y) * columns + x];
            let [near_z, near_y, near_x] = std::array::from_fn(|axis| near(place[axis], wide.size[axis]));
            let is_best = || {
                near_z.clone().all(|z| {
                    near_y
                        .clone()
                        .all(|y| ranks[(z * rows + y) * columns..][near_x.clone()].iter().all(|&other| other <= rank))
                })
            };
            if rank > i64::MIN && is_best() {
                let to = self.best_change(&window, place, round).expect("it has a rank").1;
                candidates.push(Candidate { rank, from: window.phase(place), to, at: in_region(place) });
            }
        }
        candidates
    }

    /// What a voxel may change to in a round: the largest gain, and the phase.
    fn best_change(&self, window: &Window, place: [usize; 3], round: &Round) -> Option<(i32, u8)> {
        let phase = window.phase(place);
        if round.surplus >> phase & 1 == 0 {
            return None;
        }
        let phases = round.wanted & if round.anywhere { u8::MAX } else { window.other_phases(place) };
        let possible = (0..self.n_phases as u8).filter(|to| phases >> to & 1 == 1);
        possible.map(|to| (self.tables.flip_gain(window, place, to), to)).max()
    }
}

/// All places of a box, x fastest.
fn places(begin: [usize; 3], size: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    let along = move |axis: usize| begin[axis]..begin[axis] + size[axis];
    along(0).flat_map(move |z| along(1).flat_map(move |y| along(2).map(move |x| [z, y, x])))
}

/// Removes all but the `most` candidates of the highest ranks.
fn keep_best(candidates: &mut Vec<Candidate>, most: usize) {
    if most < candidates.len() {
        candidates.select_nth_unstable_by_key(most, |candidate| Reverse(candidate.rank));
        candidates.truncate(most);
    }
}

/// A random number of [`DRAW_BITS`] for each voxel of an image, no two the same.
fn draw(key: u64, voxel: u64) -> i64 {
    const MASK: u64 = (1 << DRAW_BITS) - 1;
    // Each step is invertible within the bits.
    let bits = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb].into_iter();
    bits.fold((voxel ^ key) & MASK, |bits, factor| {
        let product = bits.wrapping_mul(factor) & MASK;
        product ^ product >> (DRAW_BITS / 2)
    }) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_voxels_have_the_same_draw() {
        for key in [0, 7, u64::MAX] {
            let ends = (0..1 << 16).chain((1 << DRAW_BITS) - (1 << 16)..1 << DRAW_BITS);
            let mut draws: Vec<i64> = ends.map(|voxel| draw(key, voxel)).collect();
            let above = draws.iter().filter(|&&draw| draw >> (DRAW_BITS - 1) == 1).count();
            assert!((60_000..71_000).contains(&above), "{above}");
            draws.sort_unstable();
            assert!(draws.windows(2).all(|pair| pair[0] < pair[1]) && draws[0] >= 0);
        }
    }

    #[test]
    fn a_round_ends_each_phase_where_its_voxels_are_right() {
        let candidate = |rank, from, to| Candidate { rank, from, to, at: 0 };
        let candidates =
            [candidate(9, 0, 2), candidate(8, 1, 2), candidate(7, 0, 3), candidate(6, 0, 2), candidate(5, 0, 3)];
        let mut missing = [-3, -1, 2, 2];
        let mut round = Round::new(&missing, false);
        assert_eq!((round.surplus, round.wanted), (0b11, 0b1100));
        round.end(&candidates, &mut missing);
        assert_eq!((missing, round.last.as_slice()), ([0; 4], &[5, 8, 8, 5][..]));
        assert_eq!(candidates.map(|candidate| round.includes(&candidate)), [true, true, true, false, true]);
    }
}
