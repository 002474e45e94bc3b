//! Dangling ends: thin branches of a phase that end in another, as a boundary that does not reach the next one.
//!
//! A single voxel at such an end may come or go, and the patterns stay as they are: sweeps lead no end to where it
//! meets anything. So ends are mended where the micrograph has hardly any: a branch is joined to what lies close before its
//! end, or else taken back.

mod square;

use square::{FAR, REACH, SIDE, Square};

use super::frame::{DILATIONS, Frame, Tile};
use super::window::Window;
use crate::Result;
use crate::micrograph::PhaseImages;

/// Passes over a tile, each of which takes about [`REACH`] voxels off a branch.
const PASSES: usize = 5;

/// Ends are mended if their share is so many times that in the micrograph, ...
const TIMES: f64 = 4.0;

/// ... and at least the first, but less than the second of these: where most is an end, no branch would be left.
const SHARES: [f64; 2] = [1e-3, 0.1];

/// The phases, a bit each, of which dangling ends are mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DanglingEnds(u8);

impl FromIterator<u8> for DanglingEnds {
    fn from_iter<T: IntoIterator<Item = u8>>(phases: T) -> Self {
        Self(phases.into_iter().fold(0, |bits, phase| bits | 1u8.checked_shl(phase.into()).unwrap_or(0)))
    }
}

impl DanglingEnds {
    /// The phases of which images of one layer have far more dangling ends than a micrograph.
    pub fn in_excess(images: &PhaseImages, periodic: bool, micrograph: &PhaseImages) -> Result<Self> {
        let (found, right) = (shares(images, periodic)?, shares(micrograph, false)?);
        let [least, most] = SHARES;
        let is_in_excess = |found: f64, right: f64| (least..most).contains(&found) && found > TIMES * right;
        let phases = (0u8..).zip(found.into_iter().zip(right));
        let phases = phases.filter(|(_, (found, right))| found.zip(*right).is_some_and(|(a, b)| is_in_excess(a, b)));
        Ok(phases.map(|(phase, _)| phase).collect())
    }

    /// The phases, in order.
    pub fn phases(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |phase| self.0 >> phase & 1 == 1)
    }

    /// Whether there is no such phase.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Mends ends in a tile of an image of one layer, with all around it as it is: whether there were any.
    pub fn mend(self, window: &mut Window, tile: &Tile) -> bool {
        // Squares reach beyond what lies around tiles of small images.
        if window.scales < DILATIONS.len() {
            return false;
        }
        let mut found = false;
        for phase in self.phases() {
            found |= Ends::joined(window, tile, phase).take_back(window);
        }
        found
    }
}

/// The share of the voxels of each phase that lie at dangling ends, if there are any voxels; of images too small for squares
/// around tiles nothing is known.
fn shares(images: &PhaseImages, periodic: bool) -> Result<Vec<Option<f64>>> {
    let (frame, n_phases) = (Frame::new(images.shape(), periodic)?, images.n_phases());
    let mut counts = vec![[0u64; 2]; n_phases];
    if frame.scales < DILATIONS.len() {
        return Ok(vec![None; n_phases]);
    }
    for image in (0..images.len()).map(|index| images.image(index)) {
        for tile in frame.tiles().iter().flatten() {
            let window = Window::new(&frame, image, tile, n_phases);
            for (phase, [dangling, all]) in (0u8..).zip(&mut counts) {
                let rows = window.rows(phase, REACH);
                for place @ [_, y, x] in (0..tile.size[1]).flat_map(|y| (0..tile.size[2]).map(move |x| [0, y, x])) {
                    if window.phase(place) == phase && !window.lacks_patterns(place) {
                        *all += 1;
                        *dangling += u64::from(Square::around(&rows, y + REACH, x + REACH).is_at_end());
                    }
                }
            }
        }
    }
    Ok(counts.into_iter().map(|[dangling, all]| (all > 0).then(|| dangling as f64 / all as f64)).collect())
}

/// The ends in a tile.
struct Ends {
    phase: u8,
    /// Which voxels are of the phase in the tile and [`AROUND`] it, row by row, a bit each.
    rows: Vec<u128>,
    /// Voxels of the tile that may be at an end, row by row, a bit each.
    to_visit: Vec<u64>,
}

/// Voxels that are looked at around a tile: ends that may be joined through it, with their squares.
const AROUND: usize = FAR + REACH;

impl Ends {
    /// Joins branches to pieces close before their ends.
    fn joined(window: &mut Window, tile: &Tile, phase: u8) -> Self {
        let [_, ny, nx] = tile.size;
        let mut ends = Self { phase, rows: window.rows(phase, AROUND), to_visit: vec![0; ny] };
        let in_tile = |y: usize, x: usize| {
            let [y, x] = [y.checked_sub(AROUND)?, x.checked_sub(AROUND)?];
            (y < ny && x < nx).then_some([0, y, x])
        };
        let mut gaps = Vec::new();
        // Ends beside the tile may be joined through it.
        for y in REACH..ny + AROUND + FAR {
            let mut left = ends.rows[y] >> REACH & ((1 << (nx + 2 * FAR)) - 1);
            while left != 0 {
                let x = left.trailing_zeros() as usize + REACH;
                left &= left - 1;
                let square = Square::around(&ends.rows, y, x);
                if square.is_at_end() {
                    in_tile(y, x).into_iter().for_each(|[_, y, x]| ends.to_visit[y] |= 1 << x);
                    gaps.extend(ends.gap(square, y, x));
                }
            }
        }
        for (y, x) in gaps {
            // What is filled beside the tile now will be filled with the tiles there.
            ends.rows[y] |= 1 << x;
            if let Some(place) = in_tile(y, x).filter(|place| window.phase(*place) != phase) {
                window.flip(place, phase);
            }
        }
        ends
    }

    /// The voxels from the end of a branch, in the middle of a square, to the piece straight before it, if there is one.
    fn gap(&self, square: Square, y: usize, x: usize) -> Vec<(usize, usize)> {
        let mut gap = Vec::new();
        for (dy, dx) in square.ahead() {
            let (Some(y), Some(x)) = (y.checked_add_signed(dy), x.checked_add_signed(dx)) else { break };
            match self.rows.get(y) {
                Some(row) if row >> x & 1 == 1 => return gap,
                Some(_) => gap.push((y, x)),
                None => break,
            }
        }
        Vec::new()
    }

    /// Takes branches back from their ends: whether there was an end.
    fn take_back(mut self, window: &mut Window) -> bool {
        let found = self.to_visit.iter().any(|row| *row != 0);
        for _ in 0..PASSES {
            let mut ends = Vec::new();
            for (y, to_visit) in self.to_visit.iter_mut().enumerate().filter(|(_, to_visit)| **to_visit != 0) {
                let mut left = window.interfaces(0, y) & std::mem::take(to_visit);
                while left != 0 {
                    let place @ [_, _, x] = [0, y, left.trailing_zeros() as usize];
                    left &= left - 1;
                    let is_at_end = || Square::around(&self.rows, y + AROUND, x + AROUND).is_at_end();
                    if window.phase(place) == self.phase && is_at_end() {
                        ends.push((place, window.most_frequent_other(place)));
                    }
                }
            }
            for (place @ [_, y, x], to) in ends {
                window.flip(place, to);
                self.rows[y + AROUND] ^= 1 << (x + AROUND);
                let near = (u128::from(u64::MAX >> (64 - SIDE)) << x >> REACH) as u64;
                let rows = self.to_visit.iter_mut().take(y + REACH + 1).skip(y.saturating_sub(REACH));
                rows.for_each(|row| *row |= near);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::thread_pool;
    use crate::micrograph::{Block, GrainBoundaries, Sample};
    use crate::relaxation::{BlockRelaxer, RelaxationOptions, Weights, relax};
    use ndarray::Array4;

    /// An image whose voxels for which `is_one` has phase 1 are 1, the others 0.
    fn drawn([ny, nx]: [usize; 2], is_one: impl Fn(usize, usize) -> bool) -> PhaseImages {
        PhaseImages::new(Array4::from_shape_fn((1, 1, ny, nx), |(_, _, y, x)| u8::from(is_one(y, x))), 2).unwrap()
    }

    fn without_ends(images: &PhaseImages, periodic: bool) -> PhaseImages {
        let weights = Weights::zero(2, false).with_dangling_ends([1].into_iter().collect());
        relax(images.clone(), &weights, &RelaxationOptions { periodic, ..RelaxationOptions::default() }).unwrap()
    }

    #[test]
    fn branches_are_joined_across_gaps_and_tiles() {
        // Gaps of four and six voxels in two lines, where tiles of both kinds of stages meet.
        for (gap, periodic) in [(4, true), (6, true), (4, false)] {
            // Lines reach the edges of the image that is no torus.
            let is_gap = |x: usize| (x + gap / 2) % 16 < gap && (periodic || (8..120).contains(&x));
            let image = drawn([64, 128], |y, x| (y / 2 == 15 || y == 47) && !is_gap(x));
            let mended = without_ends(&image, periodic);
            let is_whole = |y: usize| (0..128).all(|x| mended.as_slice()[y * 128 + x] == 1);
            assert!(is_whole(47) && (is_whole(30) || is_whole(31)), "{gap} {periodic}");
        }
    }

    #[test]
    fn of_several_phases_ends_take_what_is_most_frequent_around_them() {
        // A line of phase 1 with a gap of phase 0 between phases 0 and 2, and a branch of it in phase 2.
        let phases = Array4::from_shape_fn((1, 1, 64, 64), |(_, _, y, x)| match (y, x) {
            (31, 20..24) => 0,
            (31, _) | (32..48, 40) => 1,
            (..31, _) => 0,
            _ => 2,
        });
        let weights = Weights::zero(3, false).with_dangling_ends([1].into_iter().collect());
        let image = PhaseImages::new(phases, 3).unwrap();
        let mended = relax(image, &weights, &RelaxationOptions::default()).unwrap();
        let at = |y: usize, x: usize| mended.as_slice()[y * 64 + x];
        assert!((0..64).all(|x| at(31, x) == 1) && (38..48).all(|y| at(y, 40) == 2));
    }

    #[test]
    fn branches_are_taken_back_and_what_goes_on_stays() {
        let line = |y: usize, _: usize| y / 2 == 10;
        // A branch of two voxels' width away from the line, of several lengths, at several places of tiles.
        for (length, first) in [(6, 5), (14, 30), (25, 61)] {
            let image =
                drawn([70, 96], |y, x| line(y, x) || x.wrapping_sub(first) < 2 && (22..22 + length).contains(&y));
            let relaxed = without_ends(&image, true);
            let left = (0..96 * 70).filter(|at| relaxed.as_slice()[*at] == 1 && !line(at / 96, 0)).count();
            assert!(left <= 2 * REACH, "{left} voxels are left of {length} x 2");
            assert!((0..96).all(|x| (20..22).all(|y| relaxed.as_slice()[y * 96 + x] == 1)), "{length}");
        }
        // What meets the edge of an image that is no torus goes on for all that is known.
        let image = drawn([64, 64], |y, x| line(y, x) || x / 2 == 15);
        assert_eq!(without_ends(&image, false), image);
    }

    #[test]
    fn small_images_stay_as_they_are() {
        let image = drawn([31, 40], |y, x| y / 2 == 7 && x < 20);
        assert_eq!(without_ends(&image, true), image);
    }

    #[test]
    fn pieces_that_end_nowhere_thin_stay() {
        let image = drawn([64, 64], |y, x| y.abs_diff(32).pow(2) + x.abs_diff(30).pow(2) < 144);
        assert_eq!(without_ends(&image, true), image);
    }

    /// Grain boundaries with gaps.
    fn broken(count: usize, side: usize) -> PhaseImages {
        let grains = Sample::GrainBoundaries(GrainBoundaries { ny: side, nx: side, ..Default::default() });
        let mut phases = grains.make(2, count).unwrap().images.into_phases();
        let gap = |y: usize, x: usize| (y % 24 < 6) && (x % 32 < 6);
        phases.indexed_iter_mut().filter(|((_, _, y, x), _)| gap(*y, *x)).for_each(|(_, phase)| *phase = 1);
        PhaseImages::new(phases, 2).unwrap()
    }

    #[test]
    fn calibration_finds_the_phases_with_more_ends_than_the_micrograph() {
        let grains = Sample::GrainBoundaries(GrainBoundaries { ny: 256, nx: 256, ..Default::default() });
        let (micrograph, broken) = (grains.make(1, 1).unwrap().images, broken(4, 128));
        let options = RelaxationOptions::default();
        let found = |images| Weights::calibrate(&micrograph, images, &options, &|| Ok(())).unwrap();
        let weights = found(&broken);
        assert_eq!(weights.dangling_ends().phases().collect::<Vec<_>>(), [0]);
        let share = |images: &PhaseImages| shares(images, true).unwrap()[0].unwrap();
        let relaxed = relax(broken.clone(), &weights, &options).unwrap();
        assert!(share(&relaxed) < 0.3 * share(&broken), "{} of {}", share(&relaxed), share(&broken));
        let whole = grains.make(3, 2).unwrap().images;
        assert_eq!(found(&whole).dangling_ends(), DanglingEnds::default());
        // Nothing but ends: all would go.
        let noise = drawn([128, 128], |y, x| (y * 7 + x * 13) % 9 != 0);
        assert_eq!(DanglingEnds::in_excess(&noise, true, &micrograph).unwrap(), DanglingEnds::default());
        // Of a micrograph that is too small nothing is known.
        let small = drawn([31, 64], |_, x| x > 9);
        assert_eq!(DanglingEnds::in_excess(&broken, true, &small).unwrap(), DanglingEnds::default());
    }

    #[test]
    fn ends_are_those_of_the_whole_in_blocks_and_on_any_number_of_threads() {
        let image = broken(1, 640);
        let weights = Weights::zero(2, false).with_dangling_ends([0].into_iter().collect());
        let options = RelaxationOptions::default();
        let on = |threads: usize| thread_pool(threads)?.install(|| relax(image.clone(), &weights, &options));
        let whole = on(1).unwrap();
        assert_ne!(whole, image);
        assert_eq!(on(3), Ok(whole.clone()));
        for (first, size) in [([0, -9, 600], [1, 40, 50]), ([0, 30, 31], [1, 7, 97])] {
            let (block, all) = (Block { first, size }, Block::whole(image.shape()));
            let mut relaxer = BlockRelaxer::new(image.shape(), &weights, &options).unwrap();
            let relaxed = relaxer.relax(&block, |needed, to| {
                assert!(needed.size[1..].iter().all(|&length| length < 640), "{needed:?}");
                needed.copy(image.shape(), &all, image.as_slice(), to);
                Ok(())
            });
            let mut expected = vec![9; block.voxels()];
            block.copy(image.shape(), &all, whole.as_slice(), &mut expected);
            assert_eq!(relaxed.unwrap(), expected, "{block:?}");
        }
    }
}
