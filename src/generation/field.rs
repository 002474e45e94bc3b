//! Realisations of fully convolutional models: all random numbers of a realisation belong to cells, a latent vector and
//! noise for each layer.

use std::ops::Range;

use burn_tensor::{Tensor, TensorData};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::latent::zero_vectors;
use super::patch_decoder::PatchDecoder;
use super::realisations::{ADVICE, WHAT};
use super::torus::{Cells, Part, Patch, STRIDE, latent_size};
use crate::Result;
use crate::device::memory;
use crate::micrograph::Block;
use crate::model::Model;
use crate::network::{Input, inference_bytes, noise_sides};
use crate::random::{self, Purpose};
use crate::relaxation::{RelaxationOptions, Weights, relax_block};

/// Words of the random stream of a realisation that belong to each cell.
const WORDS: u128 = 1 << 13;

/// About the bytes of the passes that decode `block` of `n` realisations on the threads of the current pool, with their
/// noise.
pub fn pass_bytes(model: &Model, shape: [usize; 3], block: &Block, n: usize) -> usize {
    let cells = Cells::of(shape);
    let (at_once, side) = cells.at_once(&Part::of_block(shape, block), n);
    let noise = at_once.saturating_mul(2 * (side * STRIDE).pow(2) * size_of::<f32>());
    let passes = match cells.whole() {
        Some(_) => inference_bytes(&model.generator, [1, side, side], at_once),
        None => at_once.saturating_mul(PatchDecoder::new(model).bytes(side)),
    };
    passes.saturating_add(noise)
}

/// Decodes `block` of realisation `first` and of those behind it into `to`, one after the other, x fastest.
///
/// The block is no larger than the torus. `shift` is added to all latent vectors.
///
/// # Errors
///
/// [`Error::Diverged`](crate::Error::Diverged) if the generator gives values that are not finite, and those of
/// reading a tensor back.
pub fn decode_fields(
    model: &Model,
    shift: &[f32],
    seed: u64,
    first: u64,
    shape: [usize; 3],
    block: &Block,
    to: &mut [u8],
) -> Result<()> {
    let (cells, all) = (Cells::of(shape), Block::whole(shape));
    if let Some(whole) = cells.whole() {
        let count = to.len() / block.voxels();
        let input = drawn(model, shift, seed, first..first + count as u64, cells, whole);
        if *block == all {
            return model.generator.begin_phases(input).read(to);
        }
        let mut phases = vec![0; count * all.voxels()];
        model.generator.begin_phases(input).read(&mut phases)?;
        let images = phases.chunks_exact(all.voxels()).zip(to.chunks_exact_mut(block.voxels()));
        images.for_each(|(image, to)| block.copy(shape, &all, image, to));
        return Ok(());
    }
    let decoder = PatchDecoder::new(model);
    cells.fill(&Part::of_block(shape, block), 1, to, |image, patch| {
        let index = first + image as u64;
        decoder.phases(drawn(model, shift, seed, index..index + 1, cells, patch), patch)
    })
}

/// A block of realisation `index`, decoded and relaxed, x fastest. `shift` is added to all latent vectors.
///
/// # Errors
///
/// Those of [`decode_fields`] and [`relax_block`], and [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is too
/// little memory.
pub fn relaxed(
    model: &Model,
    shift: &[f32],
    seed: u64,
    index: u64,
    shape: [usize; 3],
    block: &Block,
) -> Result<Vec<u8>> {
    let options = RelaxationOptions { seed, first: index, ..RelaxationOptions::default() };
    let none = Weights::zero(model.n_phases(), false);
    relax_block(shape, block, model.relaxation.as_ref().unwrap_or(&none), &options, |needed| {
        let mut phases = memory::zeros(needed.voxels(), WHAT, ADVICE)?;
        decode_fields(model, shift, seed, index, shape, needed, &mut phases)?;
        Ok(phases)
    })
}

/// The latent vectors of realisations of `shape`, `(count, latents)`.
///
/// # Errors
///
/// Those of [`latent_size`], and [`Error::OutOfMemory`](crate::Error::OutOfMemory) if they do not fit into memory.
pub fn latent_vectors(model: &Model, seed: u64, first: u64, count: usize, shape: [usize; 3]) -> Result<Array2<f32>> {
    let (latents, cells) = (latent_size(model, shape)?, Cells::of(shape).count());
    let mut vectors = zero_vectors(count, latents)?;
    for (index, mut row) in (first..).zip(vectors.outer_iter_mut()) {
        let mut rng = random::generator(seed, Purpose::Realisation, index);
        for cell in 0..cells {
            rng.set_word_pos(cell as u128 * WORDS);
            (cell..latents).step_by(cells).for_each(|latent| row[latent] = StandardNormal.sample(&mut rng));
        }
    }
    Ok(vectors)
}

/// What the generator takes for a patch of each realisation of `indices`.
fn drawn(model: &Model, shift: &[f32], seed: u64, indices: Range<u64>, cells: Cells, patch: Patch) -> Input {
    let (device, n) = (model.device(), (indices.end - indices.start) as usize);
    let images = |values: Vec<f32>, [depth, height, width]: [usize; 3]| -> Tensor<5> {
        let channels = values.len() / (n * depth * height * width);
        Tensor::from_data(TensorData::new(values, [n, channels, depth, height, width]), &device)
    };
    let sides = [1, patch.side, patch.side];
    let (mut latents, noise) = numbers(model, seed, indices, cells, patch);
    for (channel, &shift) in latents.chunks_exact_mut(patch.side.pow(2)).zip(shift.iter().cycle()) {
        channel.iter_mut().for_each(|latent| *latent += shift);
    }
    let of_noise = noise_sides(model.generator.layers(), sides);
    let noise = of_noise.into_iter().zip(noise).map(|(sides, noise)| images(noise, sides)).collect();
    Input { values: images(latents, sides), noise }
}

/// Latents, `[n, channels, side, side]`, and noise of each noisy layer.
fn numbers(model: &Model, seed: u64, indices: Range<u64>, cells: Cells, patch: Patch) -> (Vec<f32>, Vec<Vec<f32>>) {
    let n = (indices.end - indices.start) as usize;
    let channels = model.latent_size / model.latent_side().pow(2);
    let of_cell: Vec<usize> =
        noise_sides(model.generator.layers(), [1; 3]).into_iter().map(|[.., side]| side).collect();
    let mut latents = vec![0f32; n * channels * patch.side.pow(2)];
    let mut noise: Vec<Vec<f32>> = of_cell.iter().map(|side| vec![0f32; n * (side * patch.side).pow(2)]).collect();
    for (image, index) in indices.enumerate() {
        let mut rng = random::generator(seed, Purpose::Realisation, index);
        for place in 0..patch.side.pow(2) {
            let [row, column] = [place / patch.side, place % patch.side];
            let cell = (patch.first[0] + row) % cells.ny * cells.nx + (patch.first[1] + column) % cells.nx;
            rng.set_word_pos(cell as u128 * WORDS);
            for channel in 0..channels {
                latents[(image * channels + channel) * patch.side.pow(2) + place] = StandardNormal.sample(&mut rng);
            }
            for (&side, noise) in of_cell.iter().zip(&mut noise) {
                let width = side * patch.side;
                draw_square(&mut noise[image * width * width..], [row * side, column * side], side, width, &mut rng);
            }
        }
    }
    (latents, noise)
}

/// Fills a square of an image of `width` columns, whose first pixel is at `[row, column]`, with normal numbers.
fn draw_square(image: &mut [f32], [row, column]: [usize; 2], side: usize, width: usize, rng: &mut ChaCha8Rng) {
    for row in row..row + side {
        image[row * width + column..][..side].fill_with(|| StandardNormal.sample(rng));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ndarray::s;

    use super::*;
    use crate::generation::{GenerationOptions, decode, realisations};
    use crate::micrograph::{GaussianField, PhaseImages, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::training::{Checkpoint, TrainingOptions};

    /// A model that has not been trained, of so many phases, 2 or 3.
    pub fn model(n_phases: usize) -> Model {
        let sample = Sample::GaussianField(GaussianField { ny: 64, nx: 64, ..GaussianField::default() });
        let mut micrograph = sample.make(1, 1).unwrap();
        if n_phases == 3 {
            let mut phases = micrograph.images.into_phases();
            phases.slice_mut(s![.., .., ..24, ..]).fill(2);
            micrograph.images = PhaseImages::new(phases, 3).unwrap();
            micrograph.phase_values.push(2.0);
        }
        let tiles = tiles(&micrograph.images, 64).unwrap();
        let options = TrainingOptions { latent_size: 4, ..TrainingOptions::new(Profile::Standard) };
        Checkpoint::new(options, Origin::new(&micrograph), tiles, &burn_tensor::Device::flex()).model()
    }

    fn made(model: &Model, options: &GenerationOptions) -> Vec<u8> {
        realisations(model, options).unwrap().as_slice().to_vec()
    }

    /// Decodes a block of realisation 5 patch by patch, as if the torus were large.
    fn in_patches(model: &Model, shape: [usize; 3], block: &Block) -> Vec<u8> {
        let (cells, part, mut image) = (Cells::of(shape), Part::of_block(shape, block), vec![9; block.voxels()]);
        let decoder = PatchDecoder::new(model);
        for patch in cells.patches(&part) {
            let phases = decoder.phases(drawn(model, &[], 3, 5..6, cells, patch), patch).unwrap();
            patch.place(&phases, &part, &mut image);
        }
        image
    }

    #[test]
    fn patches_are_the_parts_of_the_torus() {
        let model = model(2);
        let mut all = vec![0; 256 * 256];
        decode_fields(&model, &[], 3, 5, [1, 256, 256], &Block::whole([1, 256, 256]), &mut all).unwrap();
        let share = all.iter().filter(|&&phase| phase == 1).count() as f64 / all.len() as f64;
        assert!((0.05..0.95).contains(&share), "{share}");
        for (first, size) in [([0, 0], [256, 256]), ([7, 250], [256, 256]), ([0, 96], [48, 112]), ([-5, 40], [70, 3])] {
            let block = Block { first: [0, first[0], first[1]], size: [1, size[0], size[1]] };
            let mut expected = vec![0; block.voxels()];
            block.copy([1, 256, 256], &Block::whole([1, 256, 256]), &all, &mut expected);
            assert!(in_patches(&model, [1, 256, 256], &block) == expected, "{block:?}");
            let mut decoded = vec![0; block.voxels()];
            decode_fields(&model, &[], 3, 5, [1, 256, 256], &block, &mut decoded).unwrap();
            assert!(decoded == expected, "{block:?}");
        }
    }

    #[test]
    fn blocks_of_a_large_torus_are_its_parts() {
        let (model, shape) = (model(2), [1, 48, 544]);
        let whole = Block::whole(shape);
        let mut all = vec![0; whole.voxels()];
        decode_fields(&model, &[], 3, 5, shape, &whole, &mut all).unwrap();
        for (first, size) in [([0, 0], [48, 544]), ([0, 300], [48, 300]), ([47, -1], [2, 544]), ([17, 90], [20, 30])] {
            let block = Block { first: [0, first[0], first[1]], size: [1, size[0], size[1]] };
            let (mut expected, mut decoded) = (vec![0; block.voxels()], vec![0; block.voxels()]);
            block.copy(shape, &whole, &all, &mut expected);
            decode_fields(&model, &[], 3, 5, shape, &block, &mut decoded).unwrap();
            assert!(decoded == expected, "{block:?}");
        }
    }

    #[test]
    fn a_realisation_depends_on_its_index_and_shape_alone() {
        let model = model(2);
        for shape in [None, Some([1, 64, 64]), Some([1, 48, 48]), Some([1, 32, 320]), Some([1, 272, 272])] {
            let options = GenerationOptions { seed: 2, first: 7, count: 3, shape, threads: 2, ..Default::default() };
            let all = made(&model, &options);
            let of_each = all.len() / 3;
            let last = made(&model, &GenerationOptions { first: 9, count: 1, threads: 1, ..options.clone() });
            assert_eq!(last, all[2 * of_each..]);
            assert_ne!(all[..of_each], all[of_each..2 * of_each]);
        }
        let tile = GenerationOptions { seed: 2, ..GenerationOptions::default() };
        assert_eq!(made(&model, &tile), made(&model, &GenerationOptions { shape: Some([1, 64, 64]), ..tile.clone() }));
    }

    #[test]
    fn models_of_any_window_side_make_elements_of_any_size() {
        for window_side in [32, 128] {
            let sample = Sample::GaussianField(GaussianField { ny: 128, nx: 128, ..GaussianField::default() });
            let micrograph = sample.make(1, 1).unwrap();
            let tiles = tiles(&micrograph.images, window_side).unwrap();
            let options = TrainingOptions { window_side, latent_size: 4, ..TrainingOptions::new(Profile::Standard) };
            let model = Checkpoint::new(options, Origin::new(&micrograph), tiles, &burn_tensor::Device::flex()).model();
            assert_eq!(made(&model, &GenerationOptions::default()).len(), window_side * window_side);
            let options = GenerationOptions { shape: Some([1, 64, 96]), ..GenerationOptions::default() };
            assert_eq!(made(&model, &options).len(), 64 * 96);
            let reconstructed = crate::generation::reconstruct(&model, &model.tiles).unwrap();
            assert_eq!(reconstructed.shape(), [1, window_side, window_side]);
        }
    }

    #[test]
    fn other_sizes_are_cut_from_the_next_larger_torus() {
        let model = model(2);
        let of_torus = GenerationOptions { seed: 2, count: 2, shape: Some([1, 64, 112]), ..Default::default() };
        let cropped = GenerationOptions { shape: Some([1, 50, 100]), ..of_torus.clone() };
        assert!(of_torus.are_periodic(&model).unwrap() && !cropped.are_periodic(&model).unwrap());
        let (torus, all) = (made(&model, &of_torus), made(&model, &cropped));
        for (image, torus) in all.chunks_exact(50 * 100).zip(torus.chunks_exact(64 * 112)) {
            assert!(
                image.chunks_exact(100).zip(torus.chunks_exact(112)).all(|(row, of_torus)| row == &of_torus[..100])
            );
        }
        let block = |first, size| GenerationOptions { block: Some(Block { first, size }), count: 1, ..cropped.clone() };
        assert_eq!(made(&model, &block([0, 40, 7], [1, 10, 93]))[..93], all[40 * 100 + 7..41 * 100]);
        let refused = |options: GenerationOptions| realisations(&model, &options).unwrap_err().to_string();
        assert!(refused(block([0, 40, 8], [1, 10, 93])).contains("from voxel 8 to 100 along x"));
        let fractions = Some(vec![0.5, 0.5]);
        assert!(
            refused(GenerationOptions { volume_fractions: fractions, ..cropped.clone() })
                .contains("a realisation of 100 x 50 pixels is cut")
        );
        assert!(refused(GenerationOptions { shape: Some([1, 31, 64]), ..cropped.clone() }).contains("1 x 31 x 64"));
    }

    #[test]
    fn blocks_of_relaxed_realisations_fit_together() {
        let mut model = model(2);
        let (shape, whole) = ([1, 64, 656], Block::whole([1, 64, 656]));
        let options = GenerationOptions { seed: 2, first: 7, count: 2, shape: Some(shape), ..Default::default() };
        let unrelaxed = made(&model, &options);
        let mut weights = Weights::zero(2, false);
        // Weights that make of the untrained model's phases something else.
        weights.add((0..weights.values().len()).map(|pattern| if pattern % 512 == 511 { 0.3 } else { 0.0 }));
        model.relaxation = Some(weights);
        let all = made(&model, &options);
        assert_ne!(all, unrelaxed);
        let rows: &[_] = &[(0, 5), (5, 59)];
        let columns: &[_] = &[(0, 320), (320, 17), (337, 319)];
        for (&(y, ny), &(x, nx)) in rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))) {
            let block = Block { first: [0, y - 64, x], size: [1, ny, nx] };
            let made = made(&model, &GenerationOptions { block: Some(block), threads: 1, ..options.clone() });
            for (made, all) in made.chunks_exact(block.voxels()).zip(all.chunks_exact(whole.voxels())) {
                let mut expected = vec![9; block.voxels()];
                block.copy(shape, &whole, all, &mut expected);
                assert!(made == expected, "{block:?}");
            }
        }
        let with_ghosts = Block { first: [0, -1, -1], size: [1, 66, 658] };
        let made = made(&model, &GenerationOptions { block: Some(with_ghosts), ..options.clone() });
        assert_eq!((made[0], made.len()), (all[64 * 656 - 1], 2 * 66 * 658));
    }

    #[test]
    fn given_volume_fractions_are_met_to_one_voxel() {
        let mut model = model(2);
        let of_tiles = |phase: u8| {
            let tiles = model.tiles.as_slice();
            tiles.iter().filter(|&&p| p == phase).count() as f64 / tiles.len() as f64
        };
        let wanted = of_tiles(1) * 1.05;
        model.relaxation = Some(Weights::zero(2, false));
        for shape in [[1, 64, 64], [1, 48, 80]] {
            let fractions = Some(vec![1.0 - wanted, wanted]);
            let options =
                GenerationOptions { count: 2, shape: Some(shape), volume_fractions: fractions, ..Default::default() };
            let all = made(&model, &options);
            let voxels = shape[1] * shape[2];
            for image in all.chunks_exact(voxels) {
                let found = image.iter().filter(|&&phase| phase == 1).count() as f64;
                assert!((found - wanted * voxels as f64).abs() <= 1.0, "{found} of {voxels}");
            }
            let last = GenerationOptions { first: 1, count: 1, threads: 1, ..options.clone() };
            assert_eq!(made(&model, &last), all[voxels..]);
        }
        let message = |options| realisations(&model, &options).unwrap_err().to_string();
        let with = |fractions: &[f64]| {
            let volume_fractions = Some(fractions.to_vec());
            GenerationOptions { volume_fractions, ..GenerationOptions::default() }
        };
        assert!(message(with(&[0.1, 0.9])).contains("can have"));
        assert!(message(with(&[0.1, 0.8])).contains("the sum 0.9"));
    }

    #[test]
    fn latent_vectors_are_those_of_realisations() {
        let (model, cells) = (model(2), Cells { ny: 6, nx: 6 });
        let vectors = latent_vectors(&model, 3, 8, 2, [1, 96, 96]).unwrap();
        let Input { values, .. } = drawn(&model, &[], 3, 8..10, cells, cells.whole().unwrap());
        let without_noise = model.generator.forward(values);
        let expected: Vec<u8> =
            crate::network::read(without_noise).unwrap().iter().map(|&l| u8::from(l > 0.0)).collect();
        assert_eq!(decode(&model, vectors.view(), [1, 96, 96]).unwrap().as_slice(), expected);
        assert_eq!(latent_vectors(&model, 3, 9, 1, [1, 32, 64]).unwrap().dim(), (1, 32));
    }
}
