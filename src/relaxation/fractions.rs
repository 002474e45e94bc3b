//! Given volume fractions: as many voxels change phase as are missing, where the patterns lose least.

use super::adjuster::{Adjuster, Part, to_change};
use super::calibration::check_alike;
use super::sweeps::{RelaxationOptions, image_key};
use super::weights::Weights;
use crate::device::memory;
use crate::error::counted;
use crate::micrograph::{Block, Directions, PhaseImages};
use crate::{Error, Result};

/// Parts of the work of [`meet_fractions`].
pub const FRACTION_PARTS: u64 = 64;

/// Largest deviation of the sum of fractions from 1.
const TOLERANCE: f64 = 1e-6;

/// Gives each image exactly the volume fractions `fractions`, one for each phase, to one voxel.
///
/// Interface voxels of phases that an image has too many of get the phase of a neighbour that it has too few of. Those
/// change first by which the patterns become most like those of `micrographs`, or least unlike: the sum of the
/// logarithms of the shares that the new patterns have in it, less that of the old ones, is largest. Neighbours do not
/// change at once. Only if there is no such interface, other voxels change. Of `options`, `seed`, `first` and
/// `periodic` are used. `done` is called each time that another 64th of all voxels that change has changed, and ends
/// the work by an error.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are not as many fractions as phases, one is not in 0 to 1, their sum is not 1,
/// or a micrograph has other phases or more than one layer; those of [`relax`](super::relax) and of `done`.
pub fn meet_fractions<'a>(
    micrographs: impl Into<Directions<'a>>,
    images: PhaseImages,
    fractions: &[f64],
    options: &RelaxationOptions,
    done: &dyn Fn() -> Result<()>,
) -> Result<PhaseImages> {
    let micrographs = micrographs.into();
    check_alike(&micrographs, &images)?;
    options.validate(&images, &Weights::zero(images.n_phases(), images.shape()[0] > 1))?;
    let targets = voxels_of_each(fractions, images.n_phases(), images.voxels())?;
    let adjuster = Adjuster::new(micrographs, images.shape(), options.periodic)?;
    memory::require(2 * images.voxels(), "meeting volume fractions", "give smaller images")?;
    let (voxels, n_phases, whole) = (images.voxels(), images.n_phases(), Block::whole(images.shape()));
    let mut phases = images.into_phases();
    let all = phases.as_slice_mut().expect("in standard layout");
    let mut changes =
        Changes { total: all.chunks(voxels).map(|image| to_change(&missing(image, &targets))).sum(), made: 0, done };
    changes.add(0)?;
    for (index, image) in (options.first..).zip(all.chunks_exact_mut(voxels)) {
        let (mut missing, key) = (missing(image, &targets), image_key(options.seed, index));
        while to_change(&missing) > 0 {
            let before = to_change(&missing);
            let (round, candidates) = adjuster.next_round(key, &mut missing, |look| {
                look(Part { phases: image, region: &whole, block: &whole, may_change: &|_| true });
                Ok(())
            })?;
            round.apply(&candidates, image);
            changes.add(before - to_change(&missing))?;
        }
    }
    PhaseImages::new(phases, n_phases)
}

/// How many voxels of each phase an image has less than it is to have.
pub fn missing(image: &[u8], targets: &[i64]) -> Vec<i64> {
    let mut missing = targets.to_vec();
    image.iter().for_each(|&phase| missing[usize::from(phase)] -= 1);
    missing
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
        return Err(Error::invalid(format!("the volume fractions have the sum {sum:.6}; it must be 1")));
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
