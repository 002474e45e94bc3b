//! Realisations of fully convolutional models: tori of any multiple of the stride, made in patches.
//!
//! All random numbers of a realisation belong to cells of 16 x 16 pixels: a latent vector, and noise for each layer. A
//! small square is decoded whole; its convolutions are periodic. Else the torus is decoded in square patches with so many
//! cells around them that their inner part does not depend on the patch's edge.

use std::ops::Range;

use burn_tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView1};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::latent::zero_vectors;
use crate::model::Model;
use crate::network::{Input, inference_bytes, noise_sides};
use crate::random::{self, Purpose};
use crate::{Error, Result};

/// Side of a cell in pixels.
pub const STRIDE: usize = 16;

/// Cells along the side of a patch, without those around it, and of the largest square that is decoded whole.
const PATCH: usize = 16;

/// Cells around a patch: more than its pixels depend on, and an even number, so that each sum has the order that it has
/// in a torus decoded whole.
const HALO: usize = 4;

/// Longest side of a realisation in pixels.
const LONGEST: usize = 1 << 20;

/// Words of the random stream of a realisation that belong to each cell.
const WORDS: u128 = 1 << 13;

/// Checks that `shape`, `[nz, ny, nx]`, is one that a fully convolutional model makes.
///
/// # Errors
///
/// [`Error::InvalidParameter`] naming what is wrong.
pub fn check_shape([nz, ny, nx]: [usize; 3]) -> Result<()> {
    let fits = |length: usize| (2 * STRIDE..=LONGEST).contains(&length) && length.is_multiple_of(STRIDE);
    if nz == 1 && fits(ny) && fits(nx) {
        return Ok(());
    }
    let nearest = |length: usize| (length.min(LONGEST) + STRIDE / 2) / STRIDE * STRIDE;
    Err(Error::invalid(format!(
        "realisations of {nz} x {ny} x {nx} voxels (z, y, x); the model makes one layer, with {} to {LONGEST} pixels along \
         y and x, multiples of {STRIDE}, such as {} x {}",
        2 * STRIDE,
        nearest(ny).max(2 * STRIDE),
        nearest(nx).max(2 * STRIDE)
    )))
}

/// The cells of a torus.
#[derive(Debug, Clone, Copy)]
struct Cells {
    ny: usize,
    nx: usize,
}

/// A square of cells, which may go beyond the end of the torus and wraps around it.
#[derive(Debug, Clone, Copy)]
struct Patch {
    /// First row and column of cells, the halo included; counted around the torus.
    first: [usize; 2],
    /// Cells along each side.
    side: usize,
    /// Cells at each edge that are decoded only for their neighbours.
    halo: usize,
}

impl Cells {
    /// The patches that make up the torus.
    fn patches(self) -> Vec<Patch> {
        if self.ny == self.nx && self.ny <= PATCH {
            return vec![Patch { first: [0, 0], side: self.ny, halo: 0 }];
        }
        let begins = |length: usize| (0..length).step_by(PATCH).map(move |at| (at + length * HALO - HALO) % length);
        let patch = |y, x| Patch { first: [y, x], side: PATCH + 2 * HALO, halo: HALO };
        begins(self.ny).flat_map(|y| begins(self.nx).map(move |x| patch(y, x))).collect()
    }
}

/// About the bytes of the passes that decode `n` realisations on the threads of the current pool, with their noise.
pub fn pass_bytes(model: &Model, [_, ny, nx]: [usize; 3], n: usize) -> usize {
    let patches = Cells { ny: ny / STRIDE, nx: nx / STRIDE }.patches();
    let at_once = if patches.len() == 1 { n } else { rayon::current_num_threads().min(patches.len()) };
    let side = patches[0].side;
    let noise = 2 * (side * STRIDE).pow(2) * size_of::<f32>();
    inference_bytes(&model.generator, side, at_once).saturating_add(at_once.saturating_mul(noise))
}

/// Decodes realisation `first` and those behind it into `to`, one after the other, x fastest.
///
/// # Errors
///
/// [`Error::Diverged`] if the generator gives values that are not finite, and those of reading a tensor back.
pub fn decode_fields(model: &Model, seed: u64, first: u64, shape: [usize; 3], to: &mut [u8]) -> Result<()> {
    let [_, ny, nx] = shape;
    let cells = Cells { ny: ny / STRIDE, nx: nx / STRIDE };
    let patches = cells.patches();
    let indices = first..first + (to.len() / (ny * nx)) as u64;
    if let [whole @ Patch { halo: 0, .. }] = patches[..] {
        return model.generator.begin_phases(drawn(model, seed, indices, cells, whole)).read(to);
    }
    for (index, image) in indices.zip(to.chunks_exact_mut(ny * nx)) {
        let decode = |patch: &Patch| {
            let mut phases = vec![0; (patch.side * STRIDE).pow(2)];
            model.generator.begin_phases(drawn(model, seed, index..index + 1, cells, *patch)).read(&mut phases)?;
            Ok((*patch, phases))
        };
        // As many at once as there are threads: their memory is that of one patch each.
        for part in patches.chunks(rayon::current_num_threads()) {
            let decoded: Vec<(Patch, Vec<u8>)> = part.par_iter().map(decode).collect::<Result<_>>()?;
            decoded.iter().for_each(|(patch, phases)| place(patch, phases, [ny, nx], image));
        }
    }
    Ok(())
}

/// Copies the inner part of a decoded patch to its place, as far as it is in the image.
fn place(patch: &Patch, phases: &[u8], [ny, nx]: [usize; 2], image: &mut [u8]) {
    let (side, edge) = (patch.side * STRIDE, patch.halo * STRIDE);
    let begin = [(patch.first[0] * STRIDE + edge) % ny, (patch.first[1] * STRIDE + edge) % nx];
    let rows = (side - 2 * edge).min(ny - begin[0]);
    let columns = (side - 2 * edge).min(nx - begin[1]);
    for row in 0..rows {
        let from = (row + edge) * side + edge;
        image[(begin[0] + row) * nx + begin[1]..][..columns].copy_from_slice(&phases[from..from + columns]);
    }
}

/// The latent vectors of realisations of the size of a training tile, `(count, latents)`.
///
/// # Errors
///
/// [`Error::OutOfMemory`] if they do not fit into memory.
pub fn latent_vectors(model: &Model, seed: u64, first: u64, count: usize) -> Result<Array2<f32>> {
    let side = model.profile.latent_side();
    let (cells, whole) = (Cells { ny: side, nx: side }, Patch { first: [0, 0], side, halo: 0 });
    let mut vectors = zero_vectors(count, model.latent_size)?;
    for (index, mut row) in (first..).zip(vectors.outer_iter_mut()) {
        let (latents, _) = numbers(model, seed, index..index + 1, cells, whole);
        row.assign(&ArrayView1::from(&latents));
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
mod tests {
    use super::*;
    use crate::generation::{GenerationOptions, decode, realisations};
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::training::{Checkpoint, TrainingOptions};

    /// A model that has not been trained.
    fn model() -> Model {
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
        let [whole] = cells.patches()[..] else { panic!("a square of 16 x 16 cells is decoded whole") };
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
            place(&patch, &decoded(patch), [256, 256], &mut joined);
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
        let model = model();
        let (cells, whole) = (Cells { ny: 4, nx: 4 }, Patch { first: [0, 0], side: 4, halo: 0 });
        let vectors = latent_vectors(&model, 3, 8, 2).unwrap();
        let Input { values, .. } = drawn(&model, 3, 8..10, cells, whole);
        let without_noise = model.generator.forward(values);
        let expected: Vec<u8> =
            crate::network::read(without_noise).unwrap().iter().map(|&l| u8::from(l > 0.0)).collect();
        assert_eq!(decode(&model, vectors.view()).unwrap().as_slice(), expected);
    }

    #[test]
    fn other_shapes_are_refused_with_one_that_is_right() {
        for (shape, parts) in [
            ([1, 100, 64], ["1 x 100 x 64", "96 x 64"]),
            ([1, 64, 16], ["1 x 64 x 16", "64 x 32"]),
            ([2, 64, 64], ["2 x 64 x 64", "one layer"]),
            ([1, 0, 64], ["1 x 0 x 64", "32 x 64"]),
            ([1, 64, 1 << 21], ["2097152", "64 x 1048576"]),
        ] {
            let error = check_shape(shape).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
