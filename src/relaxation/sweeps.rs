//! Sweeps over the interface voxels of images.

use std::ops::Range;

use rand::Rng;

use super::frame::{Frame, Tile};
use super::plan::{Plan, Step, stages};
use super::weights::{GainTables, UNIT, Weights};
use super::window::Window;
use crate::device::{for_each, memory};
use crate::micrograph::{Block, PhaseImages};
use crate::random::{self, MAX_COUNTER, Purpose};
use crate::{Error, Result};

/// A flip that loses so much is never accepted: less likely than the smallest random number.
const TOO_MUCH: f32 = 17.0;

/// Most sweeps.
const MAX_SWEEPS: usize = 1000;

/// How images are relaxed.
#[derive(Debug, Clone, PartialEq)]
pub struct RelaxationOptions {
    /// Visits of each voxel, 1 to 1000.
    pub sweeps: usize,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Index of the first image: random numbers follow from seed, index and place.
    pub first: u64,
    /// Whether the images are tori.
    pub periodic: bool,
}

impl Default for RelaxationOptions {
    fn default() -> Self {
        Self { sweeps: 4, seed: 0, first: 0, periodic: true }
    }
}

impl RelaxationOptions {
    /// Checks every value, and that images and weights fit.
    pub(super) fn validate(&self, images: &PhaseImages, weights: &Weights) -> Result<()> {
        if !(1..=MAX_SWEEPS).contains(&self.sweeps) {
            return Err(Error::invalid(format!("sweeps = {}; it must be 1 to {MAX_SWEEPS}", self.sweeps)));
        }
        let count = images.len();
        if self.first.checked_add(count as u64).is_none_or(|end| end > MAX_COUNTER) {
            return Err(Error::invalid(format!(
                "first = {} and {count} images; the last index must be below {MAX_COUNTER}",
                self.first
            )));
        }
        let ([nz, ..], n_phases) = (images.shape(), images.n_phases());
        if weights.n_phases() != n_phases || weights.volume() != (nz > 1) {
            return Err(Error::invalid(format!(
                "the weights are for {} of {} phases, but the images have {n_phases} phases and {nz} layers",
                if weights.volume() { "volumes" } else { "images" },
                weights.n_phases()
            )));
        }
        Ok(())
    }
}

/// Relaxes images: interface voxels are visited, and given a neighbour's phase with the probability of Metropolis.
///
/// With g the sum of log weights of the patterns that a flip makes less those that it breaks, it is accepted with
/// probability min(1, exp(g)); near an edge, where patterns are not all in the image, only if g is positive. Between the
/// sweeps dangling ends are mended, if the weights say so, and half as many sweeps follow in tiles that had some. Weights
/// of zero leave images as they are. Image i depends on its voxels, the weights, the options and i alone, and not on the
/// number of threads. Runs on the threads of the current Rayon pool, or else on this one.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, weights for other images, or a side below 8 voxels;
/// [`Error::OutOfMemory`] if there is too little memory.
pub fn relax(images: PhaseImages, weights: &Weights, options: &RelaxationOptions) -> Result<PhaseImages> {
    options.validate(&images, weights)?;
    let frame = Frame::new(images.shape(), options.periodic)?;
    if weights.is_zero() {
        return Ok(images);
    }
    let n_phases = images.n_phases();
    memory::require(images.as_slice().len(), "relaxing images", "give fewer or smaller images at once")?;
    let plan = Plan::new(&frame, &Block::whole(frame.shape), &stages(weights, options.sweeps));
    let mut phases = images.into_phases();
    run(phases.as_slice_mut().expect("in standard layout"), &frame, &plan.steps, weights, options);
    PhaseImages::new(phases, n_phases)
}

/// The voxels of an image of `shape`, a torus, on which a relaxed `block` of it depends.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if a side of the image is below 8 voxels.
pub fn needed_for(shape: [usize; 3], block: &Block, weights: &Weights, options: &RelaxationOptions) -> Result<Block> {
    Ok(Plan::new(&Frame::new(shape, true)?, block, &stages(weights, options.sweeps)).region)
}

/// Takes the steps in all images, of which the region of `frame` is at hand.
pub fn run(images: &mut [u8], frame: &Frame, steps: &[Step], weights: &Weights, options: &RelaxationOptions) {
    let tables = GainTables::new(weights, frame.scales);
    let count = images.len() / frame.region.voxels();
    let sweepers: Vec<Sweeper> = (options.first..options.first + count as u64)
        .map(|index| Sweeper {
            frame,
            tables: &tables,
            weights,
            sweeps: options.sweeps,
            key: image_key(options.seed, index),
        })
        .collect();
    steps.iter().for_each(|step| relax_tiles(images, step, &sweepers));
}

/// Relaxes tiles that do not see each other, in all images.
fn relax_tiles(images: &mut [u8], Step { tiles, sweeps }: &Step, sweepers: &[Sweeper]) {
    let voxels = images.len() / sweepers.len();
    let mut relaxed = vec![Vec::new(); sweepers.len() * tiles.len()];
    let of_all = sweepers.iter().zip(images.chunks_exact(voxels)).zip(relaxed.chunks_exact_mut(tiles.len()));
    let work: Vec<_> = of_all
        .flat_map(|((sweeper, image), to)| tiles.iter().zip(to).map(move |(tile, to)| (sweeper, image, tile, to)))
        .collect();
    for_each(work.into_iter(), |(sweeper, image, tile, to)| *to = sweeper.relaxed(image, tile, sweeps.clone()));
    for (image, of_image) in images.chunks_exact_mut(voxels).zip(relaxed.chunks_exact(tiles.len())) {
        for (tile, from) in tiles.iter().zip(of_image) {
            sweepers[0].frame.place_back(image, tile, from);
        }
    }
}

/// Relaxes the tiles of one image.
struct Sweeper<'a> {
    frame: &'a Frame,
    tables: &'a GainTables,
    weights: &'a Weights,
    /// How many there are of the whole image.
    sweeps: usize,
    /// What the random numbers of this image follow from.
    key: u64,
}

impl Sweeper<'_> {
    /// The phases of a tile after `sweeps`, with all around it as it is.
    fn relaxed(&self, image: &[u8], tile: &Tile, sweeps: Range<usize>) -> Vec<u8> {
        let mut window = Window::new(self.frame, image, tile, self.weights.n_phases());
        // Sweeps close most gaps: ends are mended between them. Sweeps that follow for that alone are for tiles with ends.
        let mended = sweeps.start > 0 && self.weights.dangling_ends().mend(&mut window, tile);
        if self.weights.prefer_any() && (mended || sweeps.start < self.sweeps) {
            sweeps.for_each(|sweep| self.sweep(&mut window, tile, sweep));
        }
        window.tile_phases()
    }

    /// Visits each interface voxel of the tile once: every third along each axis, then those beside them. Voxels of one
    /// third are no neighbours, so that a flip of one leaves the others what they are.
    fn sweep(&self, window: &mut Window, tile: &Tile, sweep: usize) {
        const EVERY_THIRD: u64 = 0x9249_2492_4924_9249;
        let [_, ny, nx] = self.frame.shape;
        let thirds = |axis: usize, third: usize| (third..tile.size[axis]).step_by(3);
        let in_image = |axis: usize, at: usize| (tile.begin[axis] + at) % self.frame.shape[axis];
        let before = (sweep * self.frame.shape.iter().product::<usize>()) as u64;
        for third in 0..27 {
            for z in thirds(0, third / 9) {
                for y in thirds(1, third / 3 % 3) {
                    let first = before + ((in_image(0, z) * ny + in_image(1, y)) * nx) as u64;
                    let mut left = window.interfaces(z, y) & !window.settled(z, y) & EVERY_THIRD << (third % 3);
                    while left != 0 {
                        let x = left.trailing_zeros() as usize;
                        left &= left - 1;
                        self.visit(window, [z, y, x], || Draw(mix(self.key, first + in_image(2, x) as u64)));
                    }
                }
            }
        }
    }

    /// Proposes the phase of a neighbour.
    fn visit(&self, window: &mut Window, place: [usize; 3], draw: impl Fn() -> Draw) {
        let (to, is_only) = match self.weights.n_phases() {
            2 => (1 - window.phase(place), true),
            _ => draw().one_of(window.other_phases(place)),
        };
        let gain = self.tables.flip_gain(window, place, to) as f32 / UNIT;
        if gain < -TOO_MUCH {
            if is_only {
                window.settle(place);
            }
        } else if gain > 0.0 || draw().accepts(gain) && !window.lacks_patterns(place) {
            window.flip(place, to);
        }
    }
}

/// The random bits of one visit.
#[derive(Clone, Copy)]
struct Draw(u64);

impl Draw {
    /// Whether a flip that gains `gain` is accepted.
    fn accepts(self, gain: f32) -> bool {
        // Twenty-four bits are as many as a single-precision number holds.
        ((self.0 >> 40) as f32) < gain.exp() * (1 << 24) as f32
    }

    /// One of the phases whose bits are set in `phases`, at least one; and whether it is the only one.
    fn one_of(self, phases: u8) -> (u8, bool) {
        let count = phases.count_ones();
        let skipped = (u64::from(self.0 as u32) * u64::from(count)) >> 32;
        let left = (0..skipped).fold(phases, |left, _| left & (left - 1));
        (left.trailing_zeros() as u8, count == 1)
    }
}

/// What the random numbers of an image follow from.
pub fn image_key(seed: u64, index: u64) -> u64 {
    random::generator(seed, Purpose::Relaxation, index).random()
}

/// A random number for each counter: SplitMix64 begun at `key`.
pub fn mix(key: u64, counter: u64) -> u64 {
    let mut bits = key.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
