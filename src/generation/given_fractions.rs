//! Given volume fractions: a shift of all latents and logits, with which a realisation has about these fractions, and then
//! rounds of changes of its voxels.

use std::sync::Arc;

use ndarray::Array2;
use sha2::{Digest, Sha256};

use super::blocks::{block_sides, parts};
use super::field::Field;
use super::fractions::slopes;
use super::realisations::{ADVICE, WHAT};
use super::shift::{Shift, ShiftAmount, ShiftSearch};
use super::{GenerationOptions, Threshold};
use crate::micrograph::Block;
use crate::model::Model;
use crate::progress::{ProgressCallback, Reports, Tell, telling};
use crate::relaxation::{Adjuster, Part, image_key, to_change, voxels_of_each};
use crate::{Error, Result};

/// Steps in which the shift is found, at most.
const STEPS: usize = 16;

/// Steps in which large realisations are looked at in part, at most, and in how many blocks.
const SAMPLED_STEPS: usize = 8;
const SAMPLE: usize = 4;

/// Finds what gives realisation `options.first` its volume fractions, which are those of the options.
///
/// Of `options`, `seed`, `first`, `shape`, `volume_fractions`, their deviation and `threads` are used. The realisation is made
/// several times, block by block, and never held as a whole if it is large. `progress` is called on this thread at most every
/// `progress_interval` seconds.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range or without volume fractions, [`Error::OutOfMemory`] if there is
/// too little memory for a block, [`Error::Cancelled`] if `progress` asked to stop.
pub fn threshold(
    model: &Model,
    options: &GenerationOptions,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<Threshold> {
    let whole = GenerationOptions { count: 1, block: None, threshold: None, ..options.clone() };
    let options = GenerationOptions { smallest_island: 0, majority: 0, ..whole };
    options.validate()?;
    let shape = options.extent_of(model)?;
    let fractions = options.volume_fractions.as_deref();
    let fractions =
        fractions.ok_or_else(|| Error::invalid("a threshold is asked for without volume fractions; give them"))?;
    let fractions = options.fractions_of(model, options.first, fractions);
    // Nobody knows how long it takes.
    let mut reports = Reports::new(1, progress_interval, progress)?;
    let mut told = |done| reports.tell(done, || "finding volume fractions was cancelled".into());
    let pool = model.thread_pool(options.threads)?;
    let find = |tell: Tell| {
        options.require_memory(model)?;
        GivenFractions::new(model, shape)?.threshold(options.seed, options.first, &fractions, tell)
    };
    let found = telling(&pool, || told(0), |tell| pool.install(|| find(tell)))?;
    told(1)?;
    Ok(found)
}

/// Makes realisations of given volume fractions, or blocks of them.
pub struct GivenFractions<'a> {
    model: &'a Model,
    slopes: &'a Array2<f64>,
    /// For realisations of the shape that are to be made.
    adjuster: Arc<Adjuster>,
    digest: u64,
    /// Sides of the blocks in which a realisation is looked at.
    sides: [usize; 3],
    /// The last realisation that was made as a whole, if it is no larger than such a block.
    last: Option<(Threshold, Vec<u8>)>,
    /// The realisation of which a part was made last.
    field: Option<Field<'a>>,
}

impl<'a> GivenFractions<'a> {
    /// For realisations of `shape`, a torus.
    ///
    /// # Errors
    ///
    /// Those of [`slopes`] and [`Adjuster::new`].
    pub fn new(model: &'a Model, shape: [usize; 3]) -> Result<Self> {
        let adjuster = Arc::new(Adjuster::new(model.tiles_by_direction(), shape, true)?);
        let slopes = slopes(model)?;
        let mut hash = Sha256::new_with_prefix(&model.origin.digest);
        slopes.iter().for_each(|slope| hash.update(slope.to_le_bytes()));
        let digest = hash.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Ok(Self { model, slopes, digest, sides: block_sides(shape), adjuster, last: None, field: None })
    }

    /// A block of a realisation, x fastest.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for the threshold of another model, and those of [`Field::block`].
    pub fn block(&mut self, threshold: &Threshold, block: &Block) -> Result<Vec<u8>> {
        if threshold.model != self.digest {
            return Err(Error::invalid(
                "the threshold belongs to another model, or was found on another kind of processor; find it with this one",
            ));
        }
        let (phases, region) = self.changed(threshold, block)?;
        block.cut(threshold.shape, &region, phases, WHAT, ADVICE)
    }

    /// Finds the threshold of a realisation, and calls `tell` after each block that it has looked at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if too many rounds of changes are needed, and those of [`Field::block`] and `tell`.
    pub fn threshold(&mut self, seed: u64, index: u64, fractions: &[f64], tell: Tell) -> Result<Threshold> {
        let (shape, adjuster) = (self.adjuster.shape(), self.adjuster.clone());
        let (blocks, n_phases) = (parts(shape, self.sides).collect::<Vec<_>>(), fractions.len());
        let shift = ShiftAmount::zero(n_phases);
        let mut threshold = Threshold {
            seed,
            index,
            shape,
            fractions: fractions.to_vec(),
            model: self.digest,
            shift,
            rounds: Vec::new(),
        };
        let targets = voxels_of_each(fractions, n_phases, shape.iter().product())?;
        let mut missing = self.find_shift(&mut threshold, &blocks, &targets, tell)?;
        while to_change(&missing) > 0 {
            let (round, _) = adjuster.next_round(image_key(seed, index), &mut missing, |look| {
                blocks.iter().try_for_each(|block| {
                    let (phases, region) = self.changed(&threshold, &adjuster.needed_for(block, 1))?;
                    look(Part { phases: &phases, region: &region, block, may_change: &|_| true });
                    tell()
                })
            })?;
            threshold.rounds.push(round);
            if threshold.to_words().len() > Threshold::MOST_WORDS {
                return Err(Error::invalid(format!(
                    "realisation {index} of seed {seed} changes too much for the volume fractions {fractions:?}; ask for some \
                     nearer to those of the micrograph, for larger realisations, or train the model longer"
                )));
            }
        }
        Ok(threshold)
    }

    /// Finds the shift with which the realisation has nearly the volume fractions: how many voxels of each phase it lacks.
    fn find_shift(
        &mut self,
        threshold: &mut Threshold,
        blocks: &[Block],
        targets: &[i64],
        tell: Tell,
    ) -> Result<Vec<i64>> {
        let fractions = threshold.fractions.clone();
        let mut search = ShiftSearch::new(self.slopes, &fractions, threshold.shape.iter().product());
        let mut best: Option<(f64, Vec<i64>, ShiftAmount)> = None;
        let mut sampled = blocks.len() > SAMPLE;
        for step in 0..STEPS {
            sampled &= step < SAMPLED_STEPS;
            let every = if sampled { blocks.len().div_ceil(SAMPLE) } else { 1 };
            threshold.shift = search.amount();
            let counts = self.count(threshold, blocks.iter().step_by(every), tell)?;
            let voxels: i64 = counts.iter().sum();
            let shares: Vec<f64> = counts.iter().map(|&count| count as f64 / voxels as f64).collect();
            let off = search.off(&shares);
            if !sampled && best.as_ref().is_none_or(|(least, ..)| off < *least) {
                let missing = targets.iter().zip(&counts).map(|(target, count)| target - count).collect();
                best = Some((off, missing, search.amount()));
            }
            if off > 1.0 {
                search.step(&shares);
            } else if sampled {
                sampled = false;
            } else {
                break;
            }
        }
        let (_, missing, shift) = best.ok_or_else(|| Error::Internal("no shift was tried on all blocks".into()))?;
        threshold.shift = shift;
        Ok(missing)
    }

    /// Voxels of each phase in blocks of a realisation.
    fn count<'b>(
        &mut self,
        threshold: &Threshold,
        blocks: impl Iterator<Item = &'b Block>,
        tell: Tell,
    ) -> Result<Vec<i64>> {
        let mut counts = vec![0; threshold.fractions.len()];
        for block in blocks {
            let (phases, _) = self.changed(threshold, block)?;
            phases.iter().for_each(|&phase| counts[usize::from(phase)] += 1);
            tell()?;
        }
        Ok(counts)
    }

    /// A region of a realisation, within which a block has had all rounds.
    fn changed(&mut self, threshold: &Threshold, block: &Block) -> Result<(Vec<u8>, Block)> {
        let &Threshold { seed, index, shape, ref rounds, .. } = threshold;
        let region = self.adjuster.needed_for(block, rounds.len());
        let is_whole = region == Block::whole(shape);
        let last = self.last.take().filter(|(last, _)| is_whole && threshold.goes_on_from(last));
        let (mut phases, done) = match last {
            Some((last, phases)) => (phases, last.rounds.len()),
            None => (self.field(threshold)?.block(&region)?, 0),
        };
        for (round, left) in rounds.iter().zip((0..rounds.len()).rev()).skip(done) {
            let block = if is_whole { region } else { self.adjuster.needed_for(block, left) };
            self.adjuster.change(image_key(seed, index), round, &mut phases, &region, &block);
        }
        if is_whole && (0..3).all(|axis| shape[axis] <= self.sides[axis]) {
            self.last = Some((threshold.clone(), phases.clone()));
        }
        Ok((phases, region))
    }

    /// The realisation before all rounds.
    fn field(&mut self, threshold: &Threshold) -> Result<&mut Field<'a>> {
        let &Threshold { seed, index, shape, .. } = threshold;
        let shift = Shift::new(self.model, self.slopes, &threshold.shift);
        let field = match self.field.take().filter(|field| field.is(&shift, seed, index)) {
            Some(field) => field,
            None => Field::new(self.model, shift, seed, index, shape)?,
        };
        Ok(self.field.insert(field))
    }
}

#[cfg(test)]
mod tests;
