//! Realisations of fully convolutional models: all random numbers of a realisation belong to cells, a latent vector and
//! noise for each layer.

use std::ops::Range;

use burn_tensor::{Tensor, TensorData};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::latent::zero_vectors;
use super::patch_decoder::PatchDecoder;
use super::realisations::{ADVICE, WHAT};
use super::shift::Shift;
use super::torus::{Cells, Part, Patch, latent_size};
use crate::Result;
use crate::device::memory;
use crate::micrograph::Block;
use crate::model::Model;
use crate::network::{Input, STRIDE, inference_bytes, noise_sides};
use crate::random::{self, Purpose};
use crate::relaxation::{BlockRelaxer, RelaxationOptions, Weights};

/// Words of the random stream of a realisation that belong to each cell of an image, or of a volume.
const WORDS: [u128; 2] = [1 << 13, 1 << 14];

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
    if let Some(whole) = cells.whole() {
        for (image, to) in to.chunks_exact_mut(block.voxels()).enumerate() {
            block.copy(shape, &all, &of_patch(image, &whole)?, to);
        }
        return Ok(());
    }
    cells.fill(&Part::of_block(shape, block), 1, to, |image, patch| of_patch(image, &patch))
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
    let (latents, cells, is_volume) = (latent_size(model, shape)?, Cells::of(shape).count(), shape[0] > 1);
    let mut vectors = zero_vectors(count, latents)?;
    for (index, mut row) in (first..).zip(vectors.outer_iter_mut()) {
        let mut rng = random::generator(seed, Purpose::Realisation, index);
        for cell in 0..cells {
            rng.set_word_pos(cell as u128 * WORDS[usize::from(is_volume)]);
            (cell..latents).step_by(cells).for_each(|latent| row[latent] = StandardNormal.sample(&mut rng));
        }
    }
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
    let (device, n) = (model.device(), (indices.end - indices.start) as usize);
    let images = |values: Vec<f32>, [depth, height, width]: [usize; 3]| -> Tensor<5> {
        let channels = values.len() / (n * depth * height * width);
        Tensor::from_data(TensorData::new(values, [n, channels, depth, height, width]), &device)
    };
    let (mut latents, noise) = numbers(model, seed, indices, cells, patch, coarse);
    for (channel, &shift) in latents.chunks_exact_mut(patch.cells()).zip(shift.iter().cycle()) {
        channel.iter_mut().for_each(|latent| *latent += shift);
    }
    let sides = noise_sides(model.generator.layers(), patch.sides);
    let noise = sides.into_iter().zip(noise).map(|(sides, noise)| images(noise, sides)).collect();
    Input { values: images(latents, patch.sides), noise }
}

/// Latents, `[n, channels, depth, height, width]`, and noise of each noisy layer.
fn numbers(
    model: &Model,
    seed: u64,
    indices: Range<u64>,
    cells: Cells,
    patch: &Patch,
    coarse: usize,
) -> (Vec<f32>, Vec<Vec<f32>>) {
    let n = (indices.end - indices.start) as usize;
    let channels = model.latent_size / model.latent_cells();
    let of_cell: Vec<[usize; 3]> =
        noise_sides(model.generator.layers(), [1; 3]).into_iter().map(|[.., side]| cells.values(side)).collect();
    let slabs = Slabs { cells, patch, coarse, of_cell: &of_cell };
    let (of_image, of_slab) = (slabs.count(), slabs.cells_of_each());
    let voxels = |size: &[usize; 3]| size.iter().product::<usize>();
    let mut latents = vec![0f32; n * channels * patch.cells()];
    let mut noise: Vec<Vec<f32>> = of_cell.iter().map(|size| vec![0f32; n * voxels(size) * patch.cells()]).collect();
    // The noise of a slab, layer by layer.
    let mut parts: Vec<Vec<&mut [f32]>> = (0..n * of_image).map(|_| Vec::new()).collect();
    for (size, noise) in of_cell.iter().zip(&mut noise) {
        parts.iter_mut().zip(noise.chunks_exact_mut(voxels(size) * of_slab)).for_each(|(slab, part)| slab.push(part));
    }
    let drawn = parts.into_par_iter().enumerate().map(|(number, mut noise)| {
        let mut rng = random::generator(seed, Purpose::Realisation, indices.start + (number / of_image) as u64);
        let mut latents = vec![0f32; channels * of_slab];
        slabs.draw(&mut rng, number % of_image, &mut latents, &mut noise);
        latents
    });
    for (number, slab) in drawn.collect::<Vec<_>>().iter().enumerate() {
        let (image, first) = (number / of_image, number % of_image * of_slab);
        for (channel, slab) in slab.chunks_exact(of_slab).enumerate() {
            latents[(image * channels + channel) * patch.cells() + first..][..of_slab].copy_from_slice(slab);
        }
    }
    (latents, noise)
}

/// The slabs of a patch, its cells at one place along the outermost axis, whose noise is in one piece.
struct Slabs<'a> {
    cells: Cells,
    patch: &'a Patch,
    /// Noisy layers for which all cells have noise.
    coarse: usize,
    /// Noise of a cell along each axis, for each noisy layer.
    of_cell: &'a [[usize; 3]],
}

impl Slabs<'_> {
    fn count(&self) -> usize {
        if self.cells.is_volume { self.patch.sides[0] } else { self.patch.sides[1] }
    }

    fn cells_of_each(&self) -> usize {
        self.patch.cells() / self.count()
    }

    /// Draws the latents of a slab, `[channels, cells]`, and its noise, from the stream of its realisation.
    fn draw(&self, rng: &mut ChaCha8Rng, slab: usize, latents: &mut [f32], noise: &mut [&mut [f32]]) {
        let (Self { cells, patch, .. }, [_, height, width]) = (self, self.patch.sides);
        let of_slab = self.cells_of_each();
        for place in 0..of_slab {
            let number = slab * of_slab + place;
            let at = [number / width / height, number / width % height, number % width];
            rng.set_word_pos(cells.number(patch, at) as u128 * WORDS[usize::from(cells.is_volume)]);
            let latents = latents[place..].iter_mut().step_by(of_slab);
            latents.for_each(|latent| *latent = StandardNormal.sample(rng));
            let drawn = if patch.is_near(at) { self.of_cell.len() } else { self.coarse };
            for (size, noise) in self.of_cell.iter().zip(&mut *noise).take(drawn) {
                let (height, row) = (size[1] * height, size[2] * width);
                let [y, x] = [place / width * size[1], place % width * size[2]];
                for (z, y) in (0..size[0]).flat_map(|z| (y..y + size[1]).map(move |y| (z, y))) {
                    noise[(z * height + y) * row + x..][..size[2]].fill_with(|| StandardNormal.sample(rng));
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
