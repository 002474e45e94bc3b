//! Realisations of fully convolutional models: all random numbers of a realisation belong to cells, a latent vector and
//! noise for each layer.

use std::ops::Range;

use burn_tensor::{Tensor, TensorData};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::latent::zero_vectors;
use super::torus::{Cells, Patch, STRIDE, latent_size};
use crate::Result;
use crate::model::Model;
use crate::network::{Input, inference_bytes, noise_sides};
use crate::random::{self, Purpose};

/// Words of the random stream of a realisation that belong to each cell.
const WORDS: u128 = 1 << 13;

/// About the bytes of the passes that decode `n` realisations on the threads of the current pool, with their noise.
pub fn pass_bytes(model: &Model, shape: [usize; 3], n: usize) -> usize {
    let (at_once, side) = Cells::of(shape).at_once(n);
    let noise = 2 * (side * STRIDE).pow(2) * size_of::<f32>();
    inference_bytes(&model.generator, side, at_once).saturating_add(at_once.saturating_mul(noise))
}

/// Decodes realisation `first` and those behind it into `to`, one after the other, x fastest.
///
/// # Errors
///
/// [`Error::Diverged`](crate::Error::Diverged) if the generator gives values that are not finite, and those of
/// reading a tensor back.
pub fn decode_fields(model: &Model, seed: u64, first: u64, shape: [usize; 3], to: &mut [u8]) -> Result<()> {
    let cells = Cells::of(shape);
    if let Some(whole) = cells.whole() {
        let indices = first..first + (to.len() / shape.iter().product::<usize>()) as u64;
        return model.generator.begin_phases(drawn(model, seed, indices, cells, whole)).read(to);
    }
    cells.fill([1, STRIDE], to, |image, patch| {
        let (mut phases, index) = (vec![0; (patch.side * STRIDE).pow(2)], first + image as u64);
        model.generator.begin_phases(drawn(model, seed, index..index + 1, cells, patch)).read(&mut phases)?;
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
fn drawn(model: &Model, seed: u64, indices: Range<u64>, cells: Cells, patch: Patch) -> Input {
    let (device, n) = (model.device(), (indices.end - indices.start) as usize);
    let images = |values: Vec<f32>, side: usize| -> Tensor<4> {
        let channels = values.len() / (n * side * side);
        Tensor::from_data(TensorData::new(values, [n, channels, side, side]), &device)
    };
    let (latents, noise) = numbers(model, seed, indices, cells, patch);
    let sides = noise_sides(model.generator.layers(), patch.side);
    let noise = sides.into_iter().zip(noise).map(|(side, noise)| images(noise, side)).collect();
    Input { values: images(latents, patch.side), noise }
}

/// Latents, `[n, channels, side, side]`, and noise of each noisy layer.
fn numbers(model: &Model, seed: u64, indices: Range<u64>, cells: Cells, patch: Patch) -> (Vec<f32>, Vec<Vec<f32>>) {
    let n = (indices.end - indices.start) as usize;
    let channels = model.latent_size / model.profile.latent_side().pow(2);
    let of_cell = noise_sides(model.generator.layers(), 1);
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
    use super::super::torus::HALO;
    use super::*;
    use crate::generation::{GenerationOptions, decode, realisations};
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::training::{Checkpoint, TrainingOptions};

    /// A model that has not been trained.
    pub fn model() -> Model {
        let sample = Sample::GaussianField(GaussianField { ny: 64, nx: 64, ..GaussianField::default() });
        let micrograph = sample.make(1, 1).unwrap();
        let tiles = tiles(&micrograph.images, 64).unwrap();
        let options = TrainingOptions { latent_size: 4, ..TrainingOptions::new(Profile::Field) };
        Checkpoint::new(options, Origin::new(&micrograph), tiles, &burn_tensor::Device::flex()).model()
    }

    fn made(model: &Model, options: &GenerationOptions) -> Vec<u8> {
        realisations(model, options).unwrap().as_slice().to_vec()
    }

    #[test]
    fn patches_are_the_parts_of_the_torus() {
        let (model, cells) = (model(), Cells { ny: 16, nx: 16 });
        let whole = cells.whole().expect("a square of 16 x 16 cells is one pass");
        let decoded = |patch: Patch| {
            let mut phases = vec![0; (patch.side * STRIDE).pow(2)];
            model.generator.begin_phases(drawn(&model, 3, 5..6, cells, patch)).read(&mut phases).unwrap();
            phases
        };
        let (all, mut joined) = (decoded(whole), vec![9; 256 * 256]);
        // Inner parts of 6 x 6 cells: the last of each row and column goes beyond the end.
        let begins = [12, 2, 8];
        for (y, x) in begins.into_iter().flat_map(|y| begins.map(|x| (y, x))) {
            let patch = Patch { first: [y, x], side: 6 + 2 * HALO, halo: HALO };
            patch.place(&decoded(patch), STRIDE, cells, &mut joined);
        }
        assert_eq!(joined, all);
        let share = all.iter().filter(|&&phase| phase == 1).count() as f64 / all.len() as f64;
        assert!((0.05..0.95).contains(&share), "{share}");
    }

    #[test]
    fn a_realisation_depends_on_its_index_and_shape_alone() {
        let model = model();
        for shape in [None, Some([1, 64, 64]), Some([1, 32, 320]), Some([1, 272, 272])] {
            let options = GenerationOptions { seed: 2, first: 7, count: 3, shape, threads: 2 };
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
    fn latent_vectors_are_those_of_realisations() {
        let (model, cells) = (model(), Cells { ny: 6, nx: 6 });
        let vectors = latent_vectors(&model, 3, 8, 2, [1, 96, 96]).unwrap();
        let Input { values, .. } = drawn(&model, 3, 8..10, cells, cells.whole().unwrap());
        let without_noise = model.generator.forward(values);
        let expected: Vec<u8> =
            crate::network::read(without_noise).unwrap().iter().map(|&l| u8::from(l > 0.0)).collect();
        assert_eq!(decode(&model, vectors.view(), [1, 96, 96]).unwrap().as_slice(), expected);
        assert_eq!(latent_vectors(&model, 3, 9, 1, [1, 32, 64]).unwrap().dim(), (1, 32));
    }
}
