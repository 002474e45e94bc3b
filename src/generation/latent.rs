//! The latent space: drawing, encoding, decoding, traversing, interpolating.

use burn_tensor::{Tensor, TensorData};
use ndarray::{Array2, Array4, ArrayView1, ArrayView2, Axis, s};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::device::memory;
use crate::micrograph::PhaseImages;
use crate::model::Model;
use crate::network::{PendingPhases, inference_bytes, not_finite, one_hot, read};
use crate::random::{self, Purpose};
use crate::{Error, Result};

/// Images that go through the encoder at once.
const BATCH: usize = 64;

/// Latent vectors that go through the generator at once: enough to fill the cores.
pub(super) const DECODED: usize = 1024;

/// What takes memory here, and what to do if there is too little.
const WHAT: &str = "making latent vectors";
const ADVICE: &str = "ask for fewer images at once";

/// Where the encoder places images in latent space, one row an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// Mean of the latent vector, `(n, latents)`.
    pub mean: Array2<f32>,
    /// Standard deviation of each latent, `(n, latents)`.
    pub deviation: Array2<f32>,
}

/// The latent vectors of realisations `first..first + count`, `(count, latents)`: standard normal, or where the model has a
/// [`Selection`](crate::model::Selection) those of the candidates that are taken. Those of a fully convolutional model are
/// of realisations of the size of a training tile; decoded, they lack the noise of a realisation.
///
/// Row i depends on the model, `seed` and `first + i` alone.
///
/// # Errors
///
/// Those of [`decode`], where candidates are looked at.
pub fn latent_vectors(model: &Model, seed: u64, first: u64, count: usize) -> Result<Array2<f32>> {
    if model.profile.is_fully_convolutional() {
        return super::field::latent_vectors(model, seed, first, count);
    }
    match &model.selection {
        Some(selection) => memory::catch_refused(|| selection.latent_vectors(model, seed, first, count)),
        None => Ok(candidate_vectors(model, 1, seed, first, count)?.0),
    }
}

/// Standard normal latent vectors, `of_each` for each of the realisations `first..first + count`, and a number from 0 to 1 for
/// each of these to choose by.
pub(super) fn candidate_vectors(
    model: &Model,
    of_each: usize,
    seed: u64,
    first: u64,
    count: usize,
) -> Result<(Array2<f32>, Vec<f64>)> {
    let mut vectors = zero_vectors(count * of_each, model.latent_size)?;
    let mut draws = memory::vector(count, WHAT, ADVICE)?;
    for (index, mut rows) in (first..).zip(vectors.axis_chunks_iter_mut(Axis(0), of_each)) {
        let mut rng = random::generator(seed, Purpose::Realisation, index);
        rows.map_inplace(|latent| *latent = StandardNormal.sample(&mut rng));
        draws.push(rng.random());
    }
    Ok((vectors, draws))
}

/// `n` latent vectors of zeros.
pub(super) fn zero_vectors(n: usize, latents: usize) -> Result<Array2<f32>> {
    let zeros = memory::zeros(n.saturating_mul(latents), WHAT, ADVICE)?;
    Ok(Array2::from_shape_vec((n, latents), zeros).expect("as many as in the shape"))
}

/// Encodes images of the model's shape.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if shape or number of phases are not the model's, [`Error::Diverged`] if the encoder gives
/// values that are not finite.
pub fn encode(model: &Model, images: &PhaseImages) -> Result<Encoded> {
    check_images(model, images)?;
    let latents = model.latent_size;
    let device = model.device();
    let mut encoded = zero_vectors(images.len(), 2 * latents)?;
    let of_pass = inference_bytes(&model.encoder, model.side(), BATCH.min(images.len()));
    memory::require(images.len().saturating_mul(2 * latents * size_of::<f32>()) + of_pass, WHAT, ADVICE)?;
    for (first, mut rows) in (0..).step_by(BATCH).zip(encoded.axis_chunks_iter_mut(Axis(0), BATCH)) {
        let batch: Vec<usize> = (first..first + rows.nrows()).collect();
        let values = memory::catch_refused(|| read(model.encoder.forward(one_hot(images, &batch, &device))))?;
        rows.iter_mut().zip(values).for_each(|(to, from)| *to = from);
    }
    if encoded.iter().any(|value| !value.is_finite()) {
        return Err(not_finite("encoder"));
    }
    let deviation = encoded.slice(s![.., latents..]).mapv(|log_variance| (0.5 * log_variance).exp());
    Ok(Encoded { mean: encoded.slice(s![.., ..latents]).to_owned(), deviation })
}

/// Decodes latent vectors, `(n, latents)`, to the most probable phase of each voxel. Each image depends on its own
/// vector alone.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the vectors are none, not of the model's length or not finite.
pub fn decode(model: &Model, vectors: ArrayView2<f32>) -> Result<PhaseImages> {
    check_vectors(model, vectors)?;
    let [nz, ny, nx] = model.shape();
    let mut phases = memory::zeros(vectors.nrows().saturating_mul(nz * ny * nx), "decoding latent vectors", ADVICE)?;
    memory::require(inference_bytes(&model.generator, 1, vectors.nrows()), "decoding latent vectors", ADVICE)?;
    for (rows, to) in vectors.axis_chunks_iter(Axis(0), DECODED).zip(phases.chunks_mut(DECODED * nz * ny * nx)) {
        memory::catch_refused(|| begin(model, rows).read(to))?;
    }
    let phases = Array4::from_shape_vec((vectors.nrows(), nz, ny, nx), phases).expect("as many as in the shape");
    PhaseImages::new(phases, model.n_phases())
}

/// Begins to decode at most [`DECODED`] vectors.
///
/// # Errors
///
/// Those of [`decode`] that can be told before.
pub(super) fn begin_to_decode(model: &Model, vectors: ArrayView2<f32>) -> Result<PendingPhases> {
    check_vectors(model, vectors)?;
    Ok(begin(model, vectors))
}

fn begin(model: &Model, vectors: ArrayView2<f32>) -> PendingPhases {
    let values: Vec<f32> = vectors.iter().copied().collect();
    let side = model.profile.latent_side();
    let data = TensorData::new(values, [vectors.nrows(), vectors.ncols() / side.pow(2), side, side]);
    model.generator.begin_phases(Tensor::from_data(data, &model.device()))
}

fn check_vectors(model: &Model, vectors: ArrayView2<f32>) -> Result<()> {
    let latents = model.latent_size;
    if vectors.ncols() != latents || vectors.nrows() == 0 {
        return Err(Error::invalid(format!(
            "{} latent vectors of {} values; the model decodes one or more of {latents} values",
            vectors.nrows(),
            vectors.ncols()
        )));
    }
    if let Some(((row, column), value)) = vectors.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::invalid(format!("latent {column} of vector {row} is {value}; it must be finite")));
    }
    Ok(())
}

/// Encodes images and decodes the means: what the model makes of them.
///
/// # Errors
///
/// Those of [`encode`] and [`decode`].
pub fn reconstruct(model: &Model, images: &PhaseImages) -> Result<PhaseImages> {
    decode(model, encode(model, images)?.mean.view())
}

/// Moves one latent of `vector` from `-range` to `range` in `n` equal steps, ends included, and decodes each (paper,
/// Figure 4 with `range` 3).
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there is no such latent, `n` is below 2, or `range` is not finite and positive.
pub fn traverse(model: &Model, vector: &[f32], latent: usize, n: usize, range: f64) -> Result<PhaseImages> {
    let latents = model.latent_size;
    if vector.len() != latents || latent >= latents {
        return Err(Error::invalid(format!(
            "latent {latent} of a vector of {} values; the model has latents 0 to {}",
            vector.len(),
            latents - 1
        )));
    }
    if !(range.is_finite() && range > 0.0) {
        return Err(Error::invalid(format!("range = {range}; it must be a positive number, such as 3")));
    }
    check_at_least_two(n)?;
    let mut vectors = zero_vectors(n, latents)?;
    for (step, mut row) in vectors.outer_iter_mut().enumerate() {
        row.assign(&ArrayView1::from(vector));
        row[latent] = (range * (2.0 * step as f64 / (n - 1) as f64 - 1.0)) as f32;
    }
    decode(model, vectors.view())
}

/// Decodes `n` equally spaced points of the straight line between the means of two images, ends included.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are not exactly two images of the model's shape, or `n` is below 2.
pub fn interpolate(model: &Model, from: &PhaseImages, to: &PhaseImages, n: usize) -> Result<PhaseImages> {
    if from.len() != 1 || to.len() != 1 {
        return Err(Error::invalid(format!(
            "interpolation goes from one image to one other, not from {} to {}",
            from.len(),
            to.len()
        )));
    }
    check_at_least_two(n)?;
    let (from, to) = (encode(model, from)?.mean, encode(model, to)?.mean);
    let mut vectors = zero_vectors(n, model.latent_size)?;
    for (step, mut row) in vectors.outer_iter_mut().enumerate() {
        let share = step as f32 / (n - 1) as f32;
        row.assign(&(&from.row(0) * (1.0 - share) + &to.row(0) * share));
    }
    decode(model, vectors.view())
}

fn check_at_least_two(n: usize) -> Result<()> {
    if n < 2 {
        Err(Error::invalid(format!("n = {n}; both ends are included, so it must be at least 2")))
    } else {
        Ok(())
    }
}

fn check_images(model: &Model, images: &PhaseImages) -> Result<()> {
    if images.shape() != model.shape() || images.n_phases() != model.n_phases() {
        return Err(Error::invalid(format!(
            "images of {:?} voxels and {} phases; the model takes {:?} voxels (nz, ny, nx) and {} phases",
            images.shape(),
            images.n_phases(),
            model.shape(),
            model.n_phases()
        )));
    }
    Ok(())
}
