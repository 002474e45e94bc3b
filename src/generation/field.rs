//! Realisations of fully convolutional models: all random numbers of a realisation belong to cells, a latent vector and
//! noise for each layer.

use std::ops::Range;

use burn_tensor::Tensor;
use ndarray::Array2;

use super::latent::{channels, zero_vectors};
use super::patch_decoder::PatchDecoder;
use super::realisations::{ADVICE, WHAT};
use super::shift::Shift;
use super::torus::{Cells, Part, Patch, latent_size};
use crate::Result;
use crate::device::memory;
use crate::micrograph::Block;
use crate::model::Model;
use crate::network::{Input, NormalImages, STRIDE, inference_bytes, noise_sides};
use crate::random::{BLOCK, Normals, Purpose};
use crate::relaxation::{BlockRelaxer, RelaxationOptions, Weights};

/// Numbers of the random stream of a realisation that belong to each cell of an image, or of a volume.
const NUMBERS: [u64; 2] = [1 << 13, 1 << 14];

/// About the bytes of the passes that decode `block` of `n` realisations on the threads of the current pool, with their
/// noise.
pub fn pass_bytes(model: &Model, shape: [usize; 3], block: &Block, n: usize) -> usize {
    let cells = Cells::of(shape);
    let (at_once, sides) = cells.at_once(&Part::of_block(shape, block), n);
    let voxels = sides.iter().zip(cells.values(STRIDE)).map(|(side, voxels)| side * voxels).product::<usize>();
    let noise = at_once.saturating_mul(2 * voxels * size_of::<f32>());
    let passes = match cells.one_pass() {
        Some(_) => inference_bytes(&model.generator, sides, at_once),
        None => at_once.saturating_mul(PatchDecoder::new(model, None).bytes(sides)),
    };
    passes.saturating_add(noise)
}

/// Decodes `block` of realisation `first` and of those behind it into `to`, one after the other, x fastest.
///
/// The block is no larger than the torus.
///
/// # Errors
///
/// [`Error::Diverged`](crate::Error::Diverged) if the generator gives values that are not finite, and those of
/// reading a tensor back.
pub fn decode_fields(
    model: &Model,
    shift: &Shift,
    seed: u64,
    first: u64,
    shape: [usize; 3],
    block: &Block,
    to: &mut [u8],
) -> Result<()> {
    let (cells, all) = (Cells::of(shape), Block::whole(shape));
    let count = to.len() / block.voxels();
    if let Some(whole) = cells.one_pass() {
        let input = drawn(model, &shift.latents, seed, first..first + count as u64, cells, &whole, 0);
        let biases = shift.biases.as_ref().map(|biases| biases.of_box([0; 3], shape, &model.device()));
        if *block == all {
            return model.fast_generator().begin_phases(input, biases).read(to);
        }
        let mut phases = memory::zeros(count * all.voxels(), WHAT, ADVICE)?;
        model.fast_generator().begin_phases(input, biases).read(&mut phases)?;
        let images = phases.chunks_exact(all.voxels()).zip(to.chunks_exact_mut(block.voxels()));
        images.for_each(|(image, to)| block.copy(shape, &all, image, to));
        return Ok(());
    }
    let decoder = PatchDecoder::new(model, shift.biases.as_ref());
    let of_patch = |image: usize, patch: &Patch| {
        let index = first + image as u64;
        let coarse = decoder.noisy_layers_of_first();
        decoder.phases(drawn(model, &shift.latents, seed, index..index + 1, cells, patch, coarse), patch)
    };
    let part = Part::of_block(shape, block);
    if let Some(whole) = cells.whole(&part) {
        for (image, to) in to.chunks_exact_mut(block.voxels()).enumerate() {
            block.copy(shape, &all, &of_patch(image, &whole)?, to);
        }
        return Ok(());
    }
    cells.fill(&part, 1, to, |image, patch| of_patch(image, &patch))
}

/// A realisation that is decoded and relaxed block by block.
pub struct Field<'a> {
    model: &'a Model,
    shift: Shift,
    seed: u64,
    index: u64,
    shape: [usize; 3],
    relaxer: BlockRelaxer,
}

impl<'a> Field<'a> {
    /// Realisation `index` of `shape`, a torus.
    ///
    /// # Errors
    ///
    /// Those of [`BlockRelaxer::new`].
    pub fn new(model: &'a Model, shift: Shift, seed: u64, index: u64, shape: [usize; 3]) -> Result<Self> {
        let options = RelaxationOptions { seed, first: index, ..RelaxationOptions::default() };
        let none = Weights::zero(model.n_phases(), shape[0] > 1);
        let relaxer = BlockRelaxer::new(shape, model.relaxation.as_ref().unwrap_or(&none), &options)?;
        Ok(Self { model, shift, seed, index, shape, relaxer })
    }

    /// Whether this is realisation `index` of `seed` with this shift.
    pub fn is(&self, shift: &Shift, seed: u64, index: u64) -> bool {
        (&self.shift, self.seed, self.index) == (shift, seed, index)
    }

    /// The voxels of a block, x fastest. Blocks that follow one another along z share the work that both need.
    ///
    /// # Errors
    ///
    /// Those of [`decode_fields`] and [`BlockRelaxer::relax`].
    pub fn block(&mut self, block: &Block) -> Result<Vec<u8>> {
        let Self { model, shift, seed, index, shape, relaxer } = self;
        relaxer.relax(block, |needed, to| decode_fields(model, shift, *seed, *index, *shape, needed, to))
    }
}

/// The latent vectors of realisations of `shape`, `(count, latents)`.
///
/// # Errors
///
/// Those of [`latent_size`], and [`Error::OutOfMemory`](crate::Error::OutOfMemory) if they do not fit into memory.
pub fn latent_vectors(model: &Model, seed: u64, first: u64, count: usize, shape: [usize; 3]) -> Result<Array2<f32>> {
    let cells = Cells::of(shape);
    let mut vectors = zero_vectors(count, latent_size(model, shape)?)?;
    let numbers = CellNumbers { seed, indices: first..first + count as u64, cells, patch: &cells.as_patch() };
    numbers.latents(model).draw(vectors.as_slice_mut().expect("zeros are in standard layout"));
    Ok(vectors)
}

/// What the generator takes for a patch of each realisation of `indices`.
///
/// The cells at the patch's edge, but for those next to its inner part, have noise for the first `coarse` noisy layers
/// alone; for the others it is 0.
fn drawn(
    model: &Model,
    shift: &[f32],
    seed: u64,
    indices: Range<u64>,
    cells: Cells,
    patch: &Patch,
    coarse: usize,
) -> Input {
    let (device, numbers) = (model.device(), CellNumbers { seed, indices, cells, patch });
    let mut values = numbers.latents(model).on(&device);
    if !shift.is_empty() {
        values = values + Tensor::<1>::from_data(shift, &device).reshape([1, shift.len(), 1, 1, 1]);
    }
    let noise = numbers.noise(model, coarse).iter().map(|noise| noise.on(&device)).collect();
    Input { values, noise }
}

/// The random numbers of a patch of realisations: each cell has a latent vector, and behind it noise for each noisy layer,
/// each from a whole block of the stream on.
struct CellNumbers<'a> {
    seed: u64,
    indices: Range<u64>,
    cells: Cells,
    patch: &'a Patch,
}

impl CellNumbers<'_> {
    /// Latents, `[n, channels, depth, height, width]`.
    fn latents(&self, model: &Model) -> NormalImages {
        self.images(0, [channels(model), 1, 1, 1], |_| true)
    }

    /// Noise of each noisy layer.
    fn noise(&self, model: &Model, coarse: usize) -> Vec<NormalImages> {
        let mut first = channels(model).next_multiple_of(BLOCK);
        let layers = noise_sides(model.generator.layers(), [1; 3]).into_iter().enumerate();
        let of_layer = layers.map(|(layer, [.., side])| {
            let [depth, height, width] = self.cells.values(side);
            let images = self.images(first, [1, depth, height, width], |at| layer < coarse || self.patch.is_near(at));
            first += (depth * height * width).next_multiple_of(BLOCK);
            images
        });
        of_layer.collect()
    }

    /// Numbers `first` and following of each cell that `is_drawn`.
    fn images(&self, first: usize, of_cell: [usize; 4], is_drawn: impl Fn([usize; 3]) -> bool) -> NormalImages {
        let [depth, height, width] = self.patch.sides;
        let of_all = NUMBERS[usize::from(self.cells.is_volume)];
        let places = (0..depth * height * width).map(|i| [i / width / height, i / width % height, i % width]);
        let cells =
            places.map(|at| is_drawn(at).then(|| self.cells.number(self.patch, at) as u64 * of_all + first as u64));
        let realisation = |index| Some(Normals::new(self.seed, Purpose::Realisation, index));
        NormalImages {
            images: self.indices.clone().map(realisation).collect(),
            cells: cells.collect(),
            sides: self.patch.sides,
            of_cell,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
