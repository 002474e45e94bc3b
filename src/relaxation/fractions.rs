//! Given volume fractions: as many voxels change phase as are missing, where the patterns lose least.

use std::cmp::Reverse;
use std::sync::Mutex;

use super::calibration::check_alike;
use super::frame::{Frame, Tile};
use super::shares::PatternShares;
use super::sweeps::{RelaxationOptions, image_key, mix};
use super::weights::{GainTables, Weights};
use super::window::Window;
use crate::device::{for_each, memory};
use crate::error::counted;
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// Largest part of the candidates that change in one round, before their gains are found anew.
const PART: usize = 64;

/// Voxels this near, along all axes, do not change in one round.
const SPACING: usize = 4;

/// Parts of the work of [`meet_fractions`].
pub const FRACTION_PARTS: u64 = 64;

/// Largest deviation of the sum of fractions from 1.
const TOLERANCE: f64 = 1e-6;

/// Gives each image exactly the volume fractions `fractions`, one for each phase, to one voxel.
///
/// Interface voxels of phases that an image has too many of get the phase of a neighbour that it has too few of. Those
/// change first by which the patterns become most like those of `micrograph`, or least unlike: the sum of the
/// logarithms of the shares that the new patterns have in it, less that of the old ones, is largest. Neighbours do not
/// change at once. Only if there is no such interface, other voxels change. Of `options`, `seed`, `first` and
/// `periodic` are used. `done` is called each time that another 64th of all voxels that change has changed, and ends
/// the work by an error.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are not as many fractions as phases, one is not in 0 to 1, their sum is not 1,
/// or the micrograph has other phases or more than one layer; those of [`relax`](super::relax) and of `done`.
pub fn meet_fractions(
    micrograph: &PhaseImages,
    images: PhaseImages,
    fractions: &[f64],
    options: &RelaxationOptions,
    done: &dyn Fn() -> Result<()>,
) -> Result<PhaseImages> {
    check_alike(micrograph, &images)?;
    let weights = Weights::of_micrograph(micrograph, images.shape()[0] > 1)?;
    options.validate(&images, &weights)?;
    let targets = voxels_of_each(fractions, images.n_phases(), images.voxels())?;
    let frame = Frame::new(images.shape(), options.periodic)?;
    memory::require(8 * images.voxels(), "meeting volume fractions", "give smaller images")?;
    let (voxels, n_phases) = (images.voxels(), images.n_phases());
    let adjuster = Adjuster { tables: GainTables::new(&weights, frame.scales), tiles: frame.tiles().concat(), frame };
    let mut phases = images.into_phases();
    let all = phases.as_slice_mut().expect("in standard layout");
    let mut changes =
        Changes { total: all.chunks(voxels).map(|image| to_add(&missing(image, &targets))).sum(), made: 0, done };
    changes.add(0)?;
    for (index, image) in (options.first..).zip(all.chunks_exact_mut(voxels)) {
        adjuster.adjust(image, &mut missing(image, &targets), image_key(options.seed, index), &mut changes)?;
    }
    PhaseImages::new(phases, n_phases)
}

/// How many voxels of each phase an image has less than it is to have.
fn missing(image: &[u8], targets: &[i64]) -> Vec<i64> {
    let mut missing = targets.to_vec();
    image.iter().for_each(|&phase| missing[usize::from(phase)] -= 1);
    missing
}

/// How many voxels are to change.
fn to_add(missing: &[i64]) -> u64 {
    missing.iter().map(|&count| count.max(0) as u64).sum()
}

/// Voxels that are changed, and told of.
struct Changes<'a> {
    total: u64,
    made: u64,
    done: &'a dyn Fn() -> Result<()>,
}

impl Changes<'_> {
    /// Tells of each part that ends with `count` more changes. With nothing to change all parts are done at once.
    fn add(&mut self, count: u64) -> Result<()> {
        let parts = |made: u64| (FRACTION_PARTS * made).checked_div(self.total).unwrap_or(FRACTION_PARTS);
        let before = if self.total == 0 { 0 } else { parts(self.made) };
        self.made += count;
        (before..parts(self.made)).try_for_each(|_| (self.done)())
    }
}

impl Weights {
    /// The logarithm of the share of each pattern in the micrograph.
    fn of_micrograph(micrograph: &PhaseImages, volume: bool) -> Result<Self> {
        let mut weights = Self::zero(micrograph.n_phases(), volume);
        let shares = PatternShares::of(micrograph, false)?.in_planes(weights.planes());
        weights.add(shares.log_ratios_to_rare());
        Ok(weights)
    }
}

/// Checks that `fractions` are volume fractions of `n_phases` phases.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are not as many as phases, one is not in 0 to 1, or their sum is not 1.
pub fn check_fractions(fractions: &[f64], n_phases: usize) -> Result<()> {
    voxels_of_each(fractions, n_phases, 1).map(|_| ())
}

/// Voxels of each phase: whole numbers nearest to the fractions, with the sum `voxels`.
pub fn voxels_of_each(fractions: &[f64], n_phases: usize, voxels: usize) -> Result<Vec<i64>> {
    if fractions.len() != n_phases {
        let given = counted(fractions.len(), "volume fraction");
        return Err(Error::invalid(format!("{given} for {n_phases} phases; give one for each phase")));
    }
    if let Some((phase, wrong)) = fractions.iter().enumerate().find(|(_, f)| !(0.0..=1.0).contains(*f)) {
        return Err(Error::invalid(format!("the volume fraction of phase {phase} is {wrong}; it must be 0 to 1")));
    }
    let sum: f64 = fractions.iter().sum();
    if (sum - 1.0).abs() > TOLERANCE {
        return Err(Error::invalid(format!("the volume fractions have the sum {sum}; it must be 1")));
    }
    // The end of each phase along all voxels, rounded: no rounding adds up.
    let mut end = 0.0;
    let ends = fractions.iter().map(|fraction| {
        end += fraction / sum;
        (end * voxels as f64).round() as i64
    });
    let ends: Vec<i64> = ends.collect();
    Ok(ends.iter().enumerate().map(|(phase, end)| end - if phase > 0 { ends[phase - 1] } else { 0 }).collect())
}

/// A voxel that may change.
#[derive(Clone, Copy)]
struct Candidate {
    gain: i32,
    /// Decides between equal gains.
    draw: u64,
    voxel: usize,
    to: u8,
}

struct Adjuster {
    frame: Frame,
    tables: GainTables,
    tiles: Vec<Tile>,
}

impl Adjuster {
    /// Changes voxels until none is `missing` of any phase; negative numbers are too many.
    fn adjust(&self, image: &mut [u8], missing: &mut [i64], key: u64, changes: &mut Changes) -> Result<()> {
        while missing.iter().any(|&count| count != 0) {
            let mut candidates = self.candidates(image, missing, key, true);
            if candidates.is_empty() {
                candidates = self.candidates(image, missing, key, false);
            }
            candidates.sort_unstable_by_key(|candidate| (Reverse(candidate.gain), candidate.draw, candidate.voxel));
            let (mut left, before) = (candidates.len().div_ceil(PART), to_add(missing));
            let mut blocked = vec![false; image.len()];
            for Candidate { voxel, to, .. } in candidates {
                let (from, to_index) = (usize::from(image[voxel]), usize::from(to));
                if left == 0 {
                    break;
                }
                if missing[from] < 0 && missing[to_index] > 0 && !blocked[voxel] {
                    image[voxel] = to;
                    missing[from] += 1;
                    missing[to_index] -= 1;
                    left -= 1;
                    self.frame.around(voxel, SPACING).into_iter().for_each(|near| blocked[near] = true);
                }
            }
            changes.add(before - to_add(missing))?;
        }
        Ok(())
    }

    /// Voxels of phases that are too many, and phases that are too few for them: those of neighbours, or any.
    fn candidates(&self, image: &[u8], missing: &[i64], key: u64, of_neighbours: bool) -> Vec<Candidate> {
        let n_phases = missing.len() as u8;
        let wanted =
            (0..n_phases).filter(|&phase| missing[usize::from(phase)] > 0).fold(0, |bits, phase| bits | 1 << phase);
        let found = Mutex::new(Vec::new());
        for_each(self.tiles.iter(), |tile| {
            let window = Window::new(&self.frame, image, tile, missing.len());
            let mut of_tile = Vec::new();
            for (voxel, at) in window.voxels_in(&self.frame) {
                let phase = window.phase(voxel);
                if missing[usize::from(phase)] >= 0 || (of_neighbours && !window.is_interface(voxel)) {
                    continue;
                }
                let phases = wanted & if of_neighbours { window.other_phases(voxel) } else { u8::MAX };
                let candidates = (0..n_phases).filter(|to| phases >> to & 1 == 1).map(|to| Candidate {
                    gain: self.tables.flip_gain(&window, voxel, to),
                    draw: mix(key, at as u64),
                    voxel: at,
                    to,
                });
                // The best of them.
                of_tile.extend(candidates.max_by_key(|candidate| candidate.gain));
            }
            found.lock().expect("no candidate panics").append(&mut of_tile);
        });
        found.into_inner().expect("no candidate panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_and_add_up() {
        assert_eq!(voxels_of_each(&[0.25, 0.75], 2, 8), Ok(vec![2, 6]));
        assert_eq!(voxels_of_each(&[1.0 / 3.0; 3], 3, 100), Ok(vec![33, 34, 33]));
        assert_eq!(voxels_of_each(&[0.0, 1.0], 2, 7), Ok(vec![0, 7]));
        let message = |fractions: &[f64]| voxels_of_each(fractions, 2, 8).unwrap_err().to_string();
        assert!(message(&[1.0]).contains("1 volume fraction for 2 phases; give one"));
        assert!(message(&[1.5, -0.5]).contains("phase 0 is 1.5"));
        assert!(message(&[f64::NAN, 0.5]).contains("phase 0 is NaN"));
        assert!(message(&[0.5, 0.4]).contains("the sum 0.9"));
    }
}
