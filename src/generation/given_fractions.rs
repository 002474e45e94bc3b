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
use crate::device::memory;
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
        if region == *block {
            return Ok(phases);
        }
        let mut cut = memory::zeros(block.voxels(), WHAT, ADVICE)?;
        block.copy(threshold.shape, &region, &phases, &mut cut);
        Ok(cut)
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
mod tests {
    use super::super::field::tests::{model, relaxing, volume_model};
    use std::ops::ControlFlow;

    use super::*;
    use crate::generation::realisations;
    use crate::model::PositionBiases;

    /// A model of two or three phases that has not been trained, with realisations as its tiles, and fractions that lie a
    /// little off theirs.
    fn material(n_phases: usize) -> (Model, Vec<f64>) {
        let mut model = relaxing(model(n_phases));
        model.tiles =
            realisations(&model, &GenerationOptions { seed: 8, count: 4, ..GenerationOptions::default() }).unwrap();
        let mut fractions = model.tiles.volume_fractions();
        let change = 0.03 * fractions[0].min(fractions[1]);
        fractions[0] -= change;
        fractions[1] += change;
        (model, fractions)
    }

    fn threshold(model: &Model, options: &GenerationOptions) -> Result<Threshold> {
        super::threshold(model, options, 0.5, &mut |_| ControlFlow::Continue(()))
    }

    fn made(model: &Model, options: &GenerationOptions) -> Vec<u8> {
        realisations(model, options).unwrap().as_slice().to_vec()
    }

    #[test]
    fn blocks_fit_together_and_have_the_volume_fractions() {
        for (n_phases, shape) in [(2, [1, 64, 400]), (3, [1, 96, 208])] {
            let (model, fractions) = material(n_phases);
            let options = GenerationOptions {
                seed: 4,
                first: 9,
                shape: Some(shape),
                volume_fractions: Some(fractions.clone()),
                threads: 2,
                ..GenerationOptions::default()
            };
            let (whole, voxels) = (made(&model, &options), shape[1] * shape[2]);
            for (phase, fraction) in fractions.iter().enumerate() {
                let found = whole.iter().filter(|&&found| usize::from(found) == phase).count() as f64;
                assert!((found - fraction * voxels as f64).abs() <= 1.0, "{found} of {voxels} of phase {phase}");
            }
            let threshold = threshold(&model, &GenerationOptions { threads: 1, ..options.clone() }).unwrap();
            let words = threshold.to_words();
            let threshold = Some(Threshold::from_words(&words).unwrap());
            let options = GenerationOptions { threshold, ..options };
            assert!(made(&model, &options) == whole);
            for (first, size) in [([0, 0], [40, 333]), ([40, 333], [60, 80]), ([-1, -1], [shape[1] + 2, shape[2] + 2])]
            {
                let block = Block { first: [0, first[0], first[1]], size: [1, size[0], size[1]] };
                let mut expected = vec![9; block.voxels()];
                block.copy(shape, &Block::whole(shape), &whole, &mut expected);
                let options = GenerationOptions { block: Some(block), threads: 1, ..options.clone() };
                assert!(made(&model, &options) == expected, "{block:?}");
            }
        }
    }

    #[test]
    fn a_threshold_that_is_found_block_by_block_is_exact_too() {
        let ((model, fractions), shape) = (material(2), [1, 48, 400]);
        let mut given = GivenFractions { sides: [1, 80, 80], ..GivenFractions::new(&model, shape).unwrap() };
        assert!(parts(shape, [1, 80, 80]).len() > SAMPLE);
        let threshold = given.threshold(3, 2, &fractions, &|| Ok(())).unwrap();
        assert!(!threshold.rounds.is_empty());
        let whole = given.block(&threshold, &Block::whole(shape)).unwrap();
        assert!(given.last.is_none());
        let found = whole.iter().filter(|&&found| found == 1).count() as f64;
        assert!((found - fractions[1] * whole.len() as f64).abs() <= 1.0);
        for block in [parts(shape, [1, 140, 140]).nth(1).unwrap(), Block { first: [0, -9, 390], size: [1, 30, 30] }] {
            let mut expected = vec![9; block.voxels()];
            block.copy(shape, &Block::whole(shape), &whole, &mut expected);
            assert!(given.block(&threshold, &block).unwrap() == expected);
        }
    }

    #[test]
    fn fractions_far_from_those_of_the_model_take_few_rounds() {
        for (model, shape) in [(model(2), [1, 64, 80]), (model(3), [1, 64, 64]), (volume_model(), [32, 32, 48])] {
            let (first, n) = (0.1 + 0.8 / model.n_phases() as f64, model.n_phases());
            let mut fractions = vec![0.0; n];
            for phase in 0..n {
                fractions.fill((1.0 - first) / (n - 1) as f64);
                fractions[phase] = first;
                let mut given = GivenFractions::new(&model, shape).unwrap();
                let threshold = given.threshold(3, 2, &fractions, &|| Ok(())).unwrap();
                assert!(threshold.rounds.len() <= 20, "{} rounds to {fractions:?}", threshold.rounds.len());
            }
        }
    }

    #[test]
    fn a_search_tells_that_it_goes_on_and_can_be_cancelled() {
        let (model, fractions) = material(2);
        let options = GenerationOptions { volume_fractions: Some(fractions), ..GenerationOptions::default() };
        for most in [1, 3, usize::MAX] {
            let mut steps = Vec::new();
            let found = super::threshold(&model, &options, 0.0, &mut |progress| {
                steps.push(progress.step);
                if steps.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            match found {
                Ok(_) => assert!(steps.len() > 3 && most == usize::MAX && steps.pop() == Some(1)),
                Err(error) => assert!(matches!(error, Error::Cancelled(_)) && steps.len() == most, "{error}"),
            }
            assert!(steps.iter().all(|&step| step == 0));
        }
    }

    #[test]
    fn fractions_that_vary_are_those_of_each_realisation_alone() {
        let (model, fractions) = material(2);
        let options = GenerationOptions {
            seed: 4,
            first: 1,
            count: 4,
            shape: Some([1, 64, 80]),
            volume_fractions: Some(fractions.clone()),
            volume_fraction_deviation: 0.01,
            ..GenerationOptions::default()
        };
        let (all, mut counts) = (made(&model, &options), Vec::new());
        for (index, image) in (1..).zip(all.chunks_exact(64 * 80)) {
            let wanted = options.fractions_of(&model, index, &fractions)[1] * image.len() as f64;
            counts.push(image.iter().filter(|&&phase| phase == 1).count());
            assert!((counts[counts.len() - 1] as f64 - wanted).abs() <= 1.0, "{counts:?}, {wanted}");
            let alone = GenerationOptions { first: index, count: 1, ..options.clone() };
            let found = Some(threshold(&model, &alone).unwrap());
            assert!(made(&model, &GenerationOptions { threshold: found, ..alone }) == image);
        }
        assert!(counts.windows(2).all(|pair| pair[0] != pair[1]), "{counts:?}");
    }

    #[test]
    fn fractions_that_would_take_too_many_rounds_are_refused() {
        // Half of all voxels stay as they are, whatever is added to the logits.
        let values = (0..16 * 16 * 16).map(|position| if position % 2 == 0 { 1e30 } else { -1e30 }).collect();
        let model = Model { position_biases: PositionBiases::new(1, 3, values), ..volume_model() };
        let mut given = GivenFractions::new(&model, [32; 3]).unwrap();
        let error = given.threshold(3, 2, &[0.2, 0.8], &|| Ok(())).unwrap_err().to_string();
        assert!(error.contains("realisation 2 of seed 3") && error.contains("[0.2, 0.8]"), "{error}");
    }

    #[test]
    fn a_threshold_of_something_else_is_refused() {
        let (model, fractions) = material(2);
        let options = GenerationOptions { volume_fractions: Some(fractions.clone()), ..GenerationOptions::default() };
        let found = threshold(&model, &options).unwrap();
        let right = GenerationOptions { threshold: Some(found.clone()), ..options.clone() };
        let message = |options: GenerationOptions| realisations(&model, &options).unwrap_err().to_string();
        let others = [
            GenerationOptions { seed: 1, ..right.clone() },
            GenerationOptions { first: 1, ..right.clone() },
            GenerationOptions { shape: Some([1, 64, 80]), ..right.clone() },
            GenerationOptions { volume_fractions: Some(model.tiles.volume_fractions()), ..right.clone() },
        ];
        for other in others {
            let message = message(other);
            assert!(message.contains("realisation 0 of seed 0, 1 x 64 x 64 voxels"), "{message}");
        }
        assert!(message(GenerationOptions { count: 2, ..right.clone() }).contains("count is 2"));
        assert!(message(GenerationOptions { volume_fractions: None, ..right.clone() }).contains("without volume"));
        let of_other = Some(Threshold { model: found.model ^ 1, ..found.clone() });
        assert!(message(GenerationOptions { threshold: of_other, ..right }).contains("another model"));
        let without = GenerationOptions::default();
        assert!(threshold(&model, &without).unwrap_err().to_string().contains("without volume fractions"));
        // Tiles of one volume fraction.
        let model = Model { tiles: model.tiles.range(0, 1), ..model };
        let impossible = GenerationOptions { volume_fractions: Some(vec![0.01, 0.99]), ..without };
        assert!(threshold(&model, &impossible).unwrap_err().to_string().contains("can have"));
        let words = found.to_words();
        let nan = f64::NAN.to_bits() as i64;
        for wrong in [&[][..], &[0; 256], &words[..words.len() - 1], &[&words[..7], &[nan; 90]].concat()] {
            assert!(Threshold::from_words(wrong).is_err_and(|error| error.to_string().contains("none that was found")));
        }
        assert_eq!(Threshold::from_words(&[words, vec![0; 9]].concat()), Ok(found));
    }
}
