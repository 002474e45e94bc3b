//! Realisations: which, and how they are made.

use ndarray::Array4;
use rayon::prelude::*;

use crate::device::{ThreadPool, memory};
use crate::error::counted;
use crate::micrograph::{Block, PhaseImages};
use crate::model::Model;
use crate::network::{PendingPhases, inference_bytes};
use crate::progress::{Tell, telling};
use crate::random::MAX_COUNTER;
use crate::relaxation::{RelaxationOptions, check_fractions, needed_for, relax};
use crate::{Error, Result};

use super::Threshold;
use super::block_maker::BlockMaker;
use super::blocks::{STORED_BY_THREAD, block_sides, largest_block, parts, side_by_side};
use super::cleaning;
use super::field::{decode_fields, pass_bytes};
use super::fractions::{check_deviation, check_reach, drawn, slopes};
use super::latent::{self, DECODED, begin_realisations};
use super::shift::Shift;
use super::torus::{check_cropped_shape, torus_of};

/// What takes memory here, and what to do if there is too little.
pub(super) const WHAT: &str = "making realisations";
pub(super) const ADVICE: &str = "ask for smaller realisations, close other programs or raise the limit";

/// Realisations of `shape` that are made before they are stored.
fn batch(shape: [usize; 3]) -> usize {
    latent::batch(DECODED, shape)
}

/// Which realisations, and how they are made.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationOptions {
    /// Seed of the latent vectors.
    pub seed: u64,
    /// Index of the first realisation: indices `first..first + count` are made.
    pub first: u64,
    /// Number of realisations, at least 1.
    pub count: usize,
    /// Their shape, `[nz, ny, nx]` in voxels; `None`: that of the training tiles. Profile `standard` makes any along y and x,
    /// `volume` along z too. Multiples of 16 are periodic; others are cut from the next larger ones.
    pub shape: Option<[usize; 3]>,
    /// The part of each realisation that is wanted; `None`: all of it. The parts of a realisation fit together, however
    /// it is divided. Profile `standard` alone makes parts.
    pub block: Option<Block>,
    /// Volume fraction of each phase that each realisation has, to one voxel; `None`: as it comes. Profile `standard` alone.
    pub volume_fractions: Option<Vec<f64>>,
    /// Standard deviation with which the fraction of the rarest of these phases is drawn for each realisation, from a normal
    /// distribution that is cut off where the model's reach ends; the others share the rest as they do on average.
    pub volume_fraction_deviation: f64,
    /// What gives the only realisation its volume fractions, as [`threshold`](super::threshold) has found it; `None`: it is
    /// found for each realisation, which takes several times as long as making all of it, also for a block.
    pub threshold: Option<Threshold>,
    /// Connected pieces of a phase with fewer voxels take the most frequent phase around them; 0 or 1: none. Voxels are
    /// connected through faces, edges and corners. Each phase has as many voxels afterwards as before. Whole realisations
    /// that are made at once ([`block_sides`]) alone.
    pub smallest_island: usize,
    /// Passes of a majority filter of 3 x 3 pixels before, 0 to 100. It removes lines of one and two pixels.
    pub majority: usize,
    /// Threads on the CPU; 0: one for each processor that the calling thread may run on, at most `OMP_NUM_THREADS` and
    /// `RAYON_NUM_THREADS`.
    pub threads: usize,
}

impl Default for GenerationOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            first: 0,
            count: 1,
            shape: None,
            block: None,
            volume_fractions: None,
            volume_fraction_deviation: 0.0,
            threshold: None,
            smallest_island: 0,
            majority: 0,
            threads: 0,
        }
    }
}

impl GenerationOptions {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the option, its value and its range.
    pub fn validate(&self) -> Result<()> {
        if self.count == 0 {
            return Err(Error::invalid("count = 0 realisations; ask for at least 1"));
        }
        if self.first.checked_add(self.count as u64).is_none_or(|end| end > MAX_COUNTER) {
            return Err(Error::invalid(format!(
                "first = {}, count = {}; the last index must be below {MAX_COUNTER}",
                self.first, self.count
            )));
        }
        Ok(())
    }

    /// The shape of realisations of `model`, `[nz, ny, nx]`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the model cannot make the shape that is asked for.
    pub fn shape_of(&self, model: &Model) -> Result<[usize; 3]> {
        let shape = self.shape.unwrap_or(model.shape());
        check_cropped_shape(model, shape)?;
        Ok(shape)
    }

    /// The realisations, of each of which `extent` is made, in words.
    pub(crate) fn in_words(&self, [nz, ny, nx]: [usize; 3]) -> String {
        format!("{} of {nx} x {ny} x {nz} voxels (x, y, z)", counted(self.count, "realisation"))
    }

    /// Whether realisations of `model` are periodic.
    ///
    /// # Errors
    ///
    /// Those of [`shape_of`](Self::shape_of).
    pub fn are_periodic(&self, model: &Model) -> Result<bool> {
        let shape = self.shape_of(model)?;
        Ok(model.profile.is_fully_convolutional() && shape == torus_of(model, shape))
    }

    /// The torus that realisations are, or that they are cut from, and the part of it that is made if not all of it is.
    pub(super) fn torus_and_block(&self, model: &Model) -> Result<([usize; 3], Option<Block>)> {
        let shape = self.shape_of(model)?;
        let torus = torus_of(model, shape);
        let cut = (torus != shape).then_some(Block::whole(shape));
        Ok((torus, self.block.or(cut)))
    }

    /// What is made of each realisation, `[nz, ny, nx]`: its shape, or the size of the block.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the model cannot make the shape, or the block, that is asked for.
    pub fn extent_of(&self, model: &Model) -> Result<[usize; 3]> {
        let shape = self.shape_of(model)?;
        self.check_fractions(model, shape)?;
        cleaning::check(self, shape)?;
        let Some(block) = &self.block else { return Ok(shape) };
        block.check()?;
        if !model.profile.is_fully_convolutional() {
            return Err(Error::invalid(format!(
                "a block of a realisation; profile {} makes whole realisations, and profile standard blocks",
                model.profile.name()
            )));
        }
        if !self.are_periodic(model)? {
            block.check_within(shape)?;
        }
        Ok(block.size)
    }

    fn check_fractions(&self, model: &Model, shape: [usize; 3]) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid(what));
        let Some(fractions) = &self.volume_fractions else {
            return match self.threshold {
                Some(_) => wrong("a threshold without volume fractions; give those that it was found for".into()),
                None if self.volume_fraction_deviation != 0.0 => {
                    wrong("a standard deviation without volume fractions; give their mean".into())
                }
                None => Ok(()),
            };
        };
        check_fractions(fractions, model.n_phases())?;
        if !model.profile.is_fully_convolutional() {
            return wrong(format!(
                "volume fractions are given, but profile {} makes realisations as they come; train a model with profile \
                 standard",
                model.profile.name()
            ));
        }
        if !self.are_periodic(model)? {
            let [_, ny, nx] = shape;
            return wrong(format!(
                "volume fractions are given, but a realisation of {nx} x {ny} pixels is cut from a larger one and has them \
                 as they come; ask for multiples of 16 pixels"
            ));
        }
        check_reach(&model.tiles, fractions)?;
        check_deviation(&model.tiles, fractions, self.volume_fraction_deviation)?;
        let Some(threshold) = &self.threshold else { return Ok(()) };
        if self.count > 1 {
            return wrong(format!("a threshold belongs to one realisation, but count is {}; ask for one", self.count));
        }
        threshold.check(self.seed, self.first, shape, &self.fractions_of(model, self.first, fractions))
    }

    /// The volume fractions of realisation `index`, of which `fractions` are the mean.
    pub(super) fn fractions_of(&self, model: &Model, index: u64, fractions: &[f64]) -> Vec<f64> {
        drawn(&model.tiles, fractions, self.volume_fraction_deviation, self.seed, index)
    }

    /// Refuses realisations for which there is surely too little memory, on the threads of the current pool and apart from
    /// a buffer for all.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] with the estimate, and those of [`shape_of`](Self::shape_of).
    pub fn require_memory(&self, model: &Model) -> Result<()> {
        let extent = self.extent_of(model)?;
        let voxels: usize = extent.iter().product();
        // Blocks, realisations of given volume fractions and large ones are made one by one on each thread.
        let is_large = parts(extent, block_sides(self.shape_of(model)?)).len() > 1;
        let (shape, wanted) = self.torus_and_block(model)?;
        let block = largest_block(shape, wanted, self);
        let one_by_one = wanted.is_some() || self.volume_fractions.is_some() || is_large;
        let of_pass = if one_by_one { side_by_side(model, &block) } else { usize::MAX };
        let at_once = of_pass.min(batch(extent)).min(self.count);
        // What is decoded at once: latent vectors, and phases before and after; the passes over the generator.
        let (of_each, passes) = if model.profile.is_fully_convolutional() {
            let needed = match &model.relaxation {
                Some(weights) => needed_for(shape, &block, weights, &RelaxationOptions::default())?,
                None => block,
            };
            (2 * (needed.voxels() + block.voxels()), pass_bytes(model, shape, &needed, at_once))
        } else {
            (2 * voxels + 2 * model.latent_size * size_of::<f32>(), inference_bytes(&model.generator, [1; 3], at_once))
        };
        let others = passes.saturating_add(cleaning::cleaning_bytes(self, voxels));
        memory::require(at_once.saturating_mul(of_each).saturating_add(others), WHAT, ADVICE)
    }

    /// Checks that realisations of `model` have the size of a training tile, at which they are judged.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if another shape is asked for.
    pub fn check_tile_size(&self, model: &Model) -> Result<()> {
        let [nz, ny, nx] = self.extent_of(model)?;
        if [nz, ny, nx] == model.shape() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "realisations of {nx} x {ny} x {nz} voxels cannot be judged beside training tiles of {side} x {side}; leave \
             their size to the model",
            side = model.side()
        )))
    }

    /// The parts of at most `batch` realisations, in order.
    fn batches(&self, batch: usize) -> impl Iterator<Item = Self> + '_ {
        (0..self.count).step_by(batch).map(move |done| Self {
            first: self.first + done as u64,
            count: batch.min(self.count - done),
            ..self.clone()
        })
    }
}

/// Realisations in memory, `(count, nz, ny, nx)`. Each depends on the model, the seed and its index alone, not on
/// count, threads or what was made before.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, [`Error::OutOfMemory`] if they do not fit into memory.
pub fn realisations(model: &Model, options: &GenerationOptions) -> Result<PhaseImages> {
    options.validate()?;
    let [nz, ny, nx] = options.extent_of(model)?;
    let what = format!("making {}", counted(options.count, "realisation"));
    let mut phases = memory::zeros(options.count.saturating_mul(nz * ny * nx), &what, "ask for fewer")?;
    generate_into(model, options, &mut phases)?;
    let phases = Array4::from_shape_vec((options.count, nz, ny, nx), phases)
        .map_err(|error| Error::Internal(format!("realisations of a wrong length: {error}")))?;
    PhaseImages::new(phases, model.n_phases())
}

/// Realisations in the caller's buffer, x fastest, one after the other.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, [`Error::BufferSize`] if the buffer is too small.
pub fn generate_into(model: &Model, options: &GenerationOptions, buffer: &mut [u8]) -> Result<()> {
    options.validate()?;
    let extent = options.extent_of(model)?;
    let voxels: usize = extent.iter().product();
    let needed = options.count.saturating_mul(voxels);
    if buffer.len() < needed {
        return Err(Error::BufferSize { what: options.in_words(extent), given: buffer.len(), needed });
    }
    model.thread_pool(options.threads)?.install(|| {
        let batch = batch(extent);
        options.require_memory(model)?;
        let mut maker = Maker::new(model, options.batches(batch));
        buffer[..needed].chunks_mut(batch * voxels).try_for_each(|to| maker.make(to, &|| Ok(())))
    })
}

/// Makes realisations batch by batch in `pool`. On this thread, `sink` takes each batch, with the index of its first one, and
/// `told` is called now and then while volume fractions are found.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an option out of range, and those of `told` and `sink`, which end the work.
pub fn generate_batches(
    model: &Model,
    options: &GenerationOptions,
    pool: &ThreadPool,
    mut told: impl FnMut() -> Result<()>,
    mut sink: impl FnMut(u64, &PhaseImages) -> Result<()>,
) -> Result<()> {
    options.validate()?;
    let [nz, ny, nx] = options.extent_of(model)?;
    let mut maker = pool.install(|| {
        options.require_memory(model)?;
        let mut batch = batch([nz, ny, nx]);
        if options.volume_fractions.is_some() {
            let (shape, wanted) = options.torus_and_block(model)?;
            let made = largest_block(shape, wanted, options);
            batch = batch.min(self::batch(made.size)).min(STORED_BY_THREAD * side_by_side(model, &made));
        }
        Ok(Maker::new(model, options.batches(batch)))
    })?;
    while let Some(GenerationOptions { first, count, .. }) = maker.part().cloned() {
        let mut phases = memory::zeros(count * nz * ny * nx, WHAT, ADVICE)?;
        telling(pool, &mut told, |tell| pool.install(|| maker.make(&mut phases, tell)))?;
        let phases = Array4::from_shape_vec((count, nz, ny, nx), phases).expect("as many as in the shape");
        sink(first, &PhaseImages::new(phases, model.n_phases())?)?;
    }
    Ok(())
}

/// Makes realisations part by part. An accelerator is at work on the next part while the host has the one before.
struct Maker<'a, Parts> {
    model: &'a Model,
    parts: Parts,
    /// The next part; fields are decoded when they are wanted.
    begun: Option<(GenerationOptions, Option<PendingPhases>)>,
}

impl<'a, Parts: Iterator<Item = GenerationOptions>> Maker<'a, Parts> {
    fn new(model: &'a Model, parts: Parts) -> Self {
        let mut maker = Self { model, parts, begun: None };
        maker.begin_next();
        maker
    }

    fn begin_next(&mut self) {
        if let Some(part) = self.parts.next() {
            let is_field = self.model.profile.is_fully_convolutional();
            let decoding = (!is_field).then(|| begin_realisations(self.model, &part));
            self.begun = Some((part, decoding));
        }
    }

    /// The part that is made next.
    fn part(&self) -> Option<&GenerationOptions> {
        self.begun.as_ref().map(|(part, _)| part)
    }

    /// The realisations of the next part, into a buffer of as many voxels as they have.
    fn make(&mut self, to: &mut [u8], tell: Tell) -> Result<()> {
        let Some((part, decoding)) = self.begun.take() else { return Ok(()) };
        let Some(decoding) = decoding else {
            self.make_fields(&part, to, tell)?;
            self.begin_next();
            return cleaning::clean(self.model, &part, to);
        };
        decoding.read(to)?;
        self.begin_next();
        cleaning::clean(self.model, &part, to)
    }

    /// Decodes the realisations of a part, and relaxes them if the model says how.
    fn make_fields(&self, part: &GenerationOptions, to: &mut [u8], tell: Tell) -> Result<()> {
        let model = self.model;
        let (shape, block) = part.torus_and_block(model)?;
        if block.is_some() || part.volume_fractions.is_some() || parts(shape, block_sides(shape)).len() > 1 {
            let voxels = block.unwrap_or(Block::whole(shape)).voxels();
            if part.volume_fractions.is_some() {
                slopes(model)?; // once for all threads
            }
            let of_thread = part.count.div_ceil(side_by_side(model, &largest_block(shape, block, part)));
            return to.par_chunks_mut(of_thread * voxels).enumerate().try_for_each(|(thread, to)| {
                let (first, mut maker) = (part.first + (thread * of_thread) as u64, BlockMaker::new(model, part)?);
                (first..)
                    .zip(to.chunks_exact_mut(voxels))
                    .try_for_each(|(index, to)| maker.begin(index, tell)?.fill(block_sides(shape), to))
            });
        }
        let options = RelaxationOptions { seed: part.seed, first: part.first, ..RelaxationOptions::default() };
        decode_fields(model, &Shift::none(model), part.seed, part.first, shape, &Block::whole(shape), to)?;
        let Some(weights) = &model.relaxation else { return Ok(()) };
        let [nz, ny, nx] = shape;
        let images = PhaseImages::copy_of(to, [part.count, nz, ny, nx], model.n_phases())?;
        to.copy_from_slice(relax(images, weights, &options)?.as_slice());
        Ok(())
    }
}
