//! Weights that bring the patterns of images towards those of a micrograph.

use super::dangling::DanglingEnds;
use super::fractions::{FRACTION_PARTS, meet_fractions, voxels_of_each};
use super::shares::PatternShares;
use super::sweeps::{RelaxationOptions, relax};
use super::weights::Weights;
use super::window::PLACES;
use crate::device::{memory, thread_pool};
use crate::micrograph::{Directions, PhaseImages};
use crate::progress::{ProgressCallback, in_parts};
use crate::{Error, Result};

/// Rounds of [`Weights::calibrate`], at most.
pub const ROUNDS: u64 = 32;

/// Parts of the work of [`relax_images`], with volume fractions or without.
fn parts(with_fractions: bool) -> u64 {
    ROUNDS + if with_fractions { FRACTION_PARTS } else { 0 } + 1
}

/// What the first round adds to a weight, per unit of the logarithm of the ratio of shares.
const STEP: f64 = 0.1;

/// By how much the step grows after a round that was kept.
const GROWTH: f64 = 1.25;

/// Rounds in a row without success after which no other follows.
const PATIENCE: u64 = 4;

/// Weights are kept if they lower the divergence at least so far, as a part of that of the images themselves: those that
/// are right stay as they are.
const ENOUGH: f64 = 0.8;

/// Images are left out once the calibration has so many voxels.
const ENOUGH_VOXELS: usize = 1 << 22;

impl Weights {
    /// Finds the weights with which relaxed `images` have the patterns of `micrographs`.
    ///
    /// At first the log weight of each pattern is the logarithm of its share in the micrograph, divided by the patterns
    /// of one kind that a flip changes. Each round adds s ln((p + e) / (q + e)) to it, p being its share in the
    /// micrograph, q that in the first half of the images, relaxed with the best weights so far, and e = 1e-5. A round is
    /// kept if it lowers the Jensen-Shannon divergence of patterns on the second half; s is 0.1 at first, grows by a
    /// quarter after a round that is kept and is halved after another; four such rounds in a row are the last. Images of
    /// which the divergence does not fall by a fifth get weights of zero. A single image is both halves. Large sets are
    /// calibrated on as many images as have 4 million voxels. At last, dangling ends are mended of the phases of which the
    /// first half, relaxed, has far more than the micrograph.
    ///
    /// A micrograph has one layer. One alone counts for the planes of all three directions of volumes. `done` is called
    /// after each of 32 rounds, also those left out, and ends the calibration by an error. Threads are those of [`relax`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if `images` have another number of phases than a micrograph, a micrograph has
    /// more than one layer, or a side is below 8 pixels; those of [`relax`] and of `done`.
    pub fn calibrate<'a>(
        micrographs: impl Into<Directions<'a>>,
        images: &PhaseImages,
        options: &RelaxationOptions,
        done: &dyn Fn() -> Result<()>,
    ) -> Result<Self> {
        let micrographs = micrographs.into();
        check_alike(&micrographs, images)?;
        let halves = Halves::new(images, options)?;
        let none = Self::zero(images.n_phases(), images.shape()[0] > 1);
        let target = PatternShares::of_material(&micrographs, none.planes())?;
        let (_, untouched) = halves.relaxed(&none, &target)?;
        let mut best = Self::likelihood(&none, &target);
        let (mut shares, mut divergence) = halves.relaxed(&best, &target)?;
        let (mut step, mut failed) = (STEP, 0);
        for _ in 0..ROUNDS {
            if failed == PATIENCE {
                done()?;
                continue;
            }
            let mut tried = best.clone();
            tried.add(target.log_ratios(&shares).map(|ratio| step * ratio));
            let (shares_now, divergence_now) = halves.relaxed(&tried, &target)?;
            if divergence_now < divergence {
                (best, shares, divergence) = (tried, shares_now, divergence_now);
                (step, failed) = (step * GROWTH, 0);
            } else {
                (step, failed) = (step / 2.0, failed + 1);
            }
            done()?;
        }
        let found = if divergence < ENOUGH * untouched { best } else { none };
        let dangling_ends = halves.dangling_ends(&found, &micrographs)?;
        Ok(found.with_dangling_ends(dangling_ends))
    }

    /// Weights with which a flip is about as likely as the patterns that it makes, `target` being their shares: each
    /// counts as a part of all those of one kind that a flip changes.
    fn likelihood(none: &Self, target: &PatternShares) -> Self {
        let phases = if none.n_phases() > 2 { 2 } else { 1 };
        let changed = (PLACES * none.planes() * phases) as f64;
        let mut weights = none.clone();
        weights.add(target.log_ratios_to_rare().map(|log| log / changed));
        weights
    }
}

/// The work of [`relax_images`]; `done` is called after each of its [`parts`].
fn relax_towards(
    micrographs: &Directions,
    images: PhaseImages,
    fractions: Option<&[f64]>,
    options: &RelaxationOptions,
    done: &dyn Fn() -> Result<()>,
) -> Result<PhaseImages> {
    if let Some(fractions) = fractions {
        voxels_of_each(fractions, images.n_phases(), images.voxels())?;
    }
    let weights = Weights::calibrate(micrographs.clone(), &images, options, done)?;
    let relaxed = relax(images, &weights, options)?;
    done()?;
    match fractions {
        Some(fractions) => meet_fractions(micrographs.clone(), relaxed, fractions, options, done),
        None => Ok(relaxed),
    }
}

/// Relaxes `images` by weights that are calibrated on them, and gives them volume `fractions` if there are any, on `threads`
/// threads, 0 for the default. `progress` is called on this thread, at most every `progress_interval` seconds.
///
/// # Errors
///
/// Those of [`Weights::calibrate`], [`relax`] and [`meet_fractions`]; [`Error::InvalidParameter`] for threads and interval;
/// [`Error::Cancelled`] if `progress` asked to stop.
pub fn relax_images(
    micrographs: &Directions,
    images: PhaseImages,
    fractions: Option<&[f64]>,
    options: &RelaxationOptions,
    threads: usize,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<PhaseImages> {
    let pool = thread_pool(threads)?;
    in_parts("relaxing", &pool, parts(fractions.is_some()), progress_interval, progress, |done| {
        relax_towards(micrographs, images, fractions, options, done)
    })
}

/// Refuses a micrograph of several layers, or of other phases than the images, and several for images of one layer.
pub fn check_alike(micrographs: &Directions, images: &PhaseImages) -> Result<()> {
    if images.shape()[0] == 1 && micrographs.count() > 1 {
        return Err(Error::invalid(format!(
            "{} micrographs for images of one layer, which have one direction; give one",
            micrographs.count()
        )));
    }
    for micrograph in micrographs.iter() {
        let ([layers, ..], of_micrograph, of_images) = (micrograph.shape(), micrograph.n_phases(), images.n_phases());
        if layers > 1 {
            return Err(Error::invalid(format!(
                "the micrograph has {layers} layers; it must be an image of one layer"
            )));
        }
        if of_micrograph != of_images {
            return Err(Error::invalid(format!(
                "the images have {of_images} phases, but the micrograph has {of_micrograph}; both must have the same"
            )));
        }
    }
    Ok(())
}

/// The images that weights are found on, and those that they are judged on.
struct Halves {
    found_on: PhaseImages,
    judged_on: Option<PhaseImages>,
    options: RelaxationOptions,
}

impl Halves {
    fn new(images: &PhaseImages, options: &RelaxationOptions) -> Result<Self> {
        let count = images.len().min((ENOUGH_VOXELS / images.voxels()).max(2));
        memory::require(2 * count * images.voxels(), "calibrating a relaxation", "give smaller images")?;
        let half = count.div_ceil(2);
        let judged_on = (count > 1).then(|| images.range(half, count - half));
        Ok(Self { found_on: images.range(0, half), judged_on, options: options.clone() })
    }

    /// The phases of which the first half, relaxed, has far more dangling ends than the micrograph; none of volumes.
    fn dangling_ends(&self, weights: &Weights, micrographs: &Directions) -> Result<DanglingEnds> {
        match (weights.volume(), micrographs.iter().next()) {
            (false, Some(micrograph)) => {
                let relaxed = relax(self.found_on.clone(), weights, &self.options)?;
                DanglingEnds::in_excess(&relaxed, self.options.periodic, micrograph)
            }
            _ => Ok(DanglingEnds::default()),
        }
    }

    /// The patterns of the first half, relaxed, and the divergence of the second from `target`.
    fn relaxed(&self, weights: &Weights, target: &PatternShares) -> Result<(PatternShares, f64)> {
        let shares = |images: &PhaseImages, first| {
            let options = RelaxationOptions { first, ..self.options.clone() };
            PatternShares::of(&relax(images.clone(), weights, &options)?, self.options.periodic)
        };
        let of_first = shares(&self.found_on, self.options.first)?;
        let of_second = match &self.judged_on {
            Some(images) => shares(images, self.options.first + self.found_on.len() as u64)?,
            None => of_first.clone(),
        };
        let divergence = of_second.divergence(target);
        Ok((of_first, divergence))
    }
}
