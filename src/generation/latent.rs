//! The latent space: drawing, encoding, decoding, traversing, interpolating.

use burn_tensor::{Tensor, TensorData};
use ndarray::{Array2, Array4, ArrayView1, ArrayView2, Axis, s};

use super::GenerationOptions;
use super::patch_decoder::PatchDecoder;
use super::torus::{Cells, Part, latent_size};
use crate::device::memory;
use crate::micrograph::{Block, PhaseImages};
use crate::model::Model;
use crate::network::{
    Network, NormalImages, PendingPhases, STRIDE, inference_bytes, not_finite, one_hot, phases_of_channels, read,
};
use crate::random::{Normals, Purpose};
use crate::{Error, Result};

/// Images of 64 x 64 pixels that go through the encoder at once.
const ENCODED: usize = 64;

/// Latent vectors that go through the generator at once: enough to fill the cores.
pub(super) const DECODED: usize = 1024;

/// What takes memory here, and what to do if there is too little.
const WHAT: &str = "making latent vectors";
const ADVICE: &str = "ask for fewer images at once";

/// Where the encoder places images in latent space, one row an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// Mean of the latent vector, `(n, latents)`. A row of a fully convolutional model is
    /// `(channels, ny / 16, nx / 16)`.
    pub mean: Array2<f32>,
    /// Standard deviation of each latent, `(n, latents)`.
    pub deviation: Array2<f32>,
}

/// Images of `shape` that go through a network at once, if `of_tiles` of 64 x 64 pixels do.
pub(super) fn batch(of_tiles: usize, shape: [usize; 3]) -> usize {
    (of_tiles * 64 * 64 / shape.iter().product::<usize>()).clamp(1, of_tiles)
}

/// The latent vectors of the realisations of `options`, `(count, latents)`.
///
/// They are standard normal. Those of a fully convolutional model are `(channels, ny / 16, nx / 16)`; decoded, they lack
/// the noise of a realisation.
///
/// Row i depends on the model, the seed, the shape and `first + i` alone. Runs on the threads of the current pool.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the model has no realisations of that shape.
pub fn latent_vectors(model: &Model, options: &GenerationOptions) -> Result<Array2<f32>> {
    let (seed, first, count, shape) = (options.seed, options.first, options.count, options.shape_of(model)?);
    if model.profile.is_fully_convolutional() {
        return super::field::latent_vectors(model, seed, first, count, shape);
    }
    let mut vectors = zero_vectors(count, model.latent_size)?;
    of_realisations(model, options).draw(vectors.as_slice_mut().expect("zeros are in standard layout"));
    Ok(vectors)
}

/// Latent vectors of realisations of the size of a tile, `[count, latents, 1, 1, 1]`.
fn of_realisations(model: &Model, options: &GenerationOptions) -> NormalImages {
    let indices = options.first..options.first + options.count as u64;
    let normals = |index| Some(Normals::new(options.seed, Purpose::Realisation, index));
    NormalImages::single_cells(indices.map(normals).collect(), [model.latent_size, 1, 1, 1])
}

/// `n` latent vectors of zeros.
pub(super) fn zero_vectors(n: usize, latents: usize) -> Result<Array2<f32>> {
    let zeros = memory::zeros(n.saturating_mul(latents), WHAT, ADVICE)?;
    Ok(Array2::from_shape_vec((n, latents), zeros).expect("as many as in the shape"))
}

/// Encodes images.
///
/// They have the size of a training tile. A fully convolutional model takes images of any size (see [`latent_size`]), as
/// tori.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the model has no images of that shape or number of phases, [`Error::Diverged`] if the
/// encoder gives values that are not finite.
pub fn encode(model: &Model, images: &PhaseImages) -> Result<Encoded> {
    let encoder = model.encoder.as_ref().ok_or_else(no_encoder)?;
    let latents = latent_size(model, images.shape())?;
    if images.n_phases() != model.n_phases() {
        let [of_images, of_model] = [images.n_phases(), model.n_phases()];
        return Err(Error::invalid(format!("images of {of_images} phases; the model takes images of {of_model}")));
    }
    let (mut encoded, batch) = (zero_vectors(images.len(), 2 * latents)?, batch(ENCODED, images.shape()));
    let of_pass = encoder_bytes(model, encoder, images.shape(), batch.min(images.len()));
    memory::require(encoded.len().saturating_mul(size_of::<f32>()).saturating_add(of_pass), WHAT, ADVICE)?;
    for (first, mut rows) in (0..).step_by(batch).zip(encoded.axis_chunks_iter_mut(Axis(0), batch)) {
        let to = rows.as_slice_mut().expect("whole rows in standard layout");
        memory::catch_refused(|| encode_into(model, encoder, images, first, to))?;
    }
    if encoded.iter().any(|value| !value.is_finite()) {
        return Err(not_finite("encoder"));
    }
    let deviation = encoded.slice(s![.., latents..]).mapv(|log_variance| (0.5 * log_variance).exp());
    Ok(Encoded { mean: encoded.slice(s![.., ..latents]).to_owned(), deviation })
}

fn no_encoder() -> Error {
    Error::invalid(
        "the model makes volumes and has no encoder, so that it can neither encode nor reconstruct images; train a model \
         with profile standard",
    )
}

/// Means and log variances of images `first..`, as many as `to` has room for.
fn encode_into(model: &Model, encoder: &Network, images: &PhaseImages, first: usize, to: &mut [f32]) -> Result<()> {
    let (device, shape) = (model.device(), images.shape());
    if grid_sides(model, shape).is_some() {
        let batch: Vec<usize> = (first..first + to.len() / (2 * latent_size(model, shape)?)).collect();
        to.copy_from_slice(&read(encoder.forward(one_hot(images, &batch, &device)))?);
        return Ok(());
    }
    let cells = Cells::of(shape);
    cells.fill(&Part::whole(cells, 1), 2 * channels(model), to, |image, patch| {
        let (pixels, [_, ny, nx]) = (patch.cut(images.image(first + image), STRIDE, cells), patch.sides);
        let square = PhaseImages::copy_of(&pixels, [1, 1, ny * STRIDE, nx * STRIDE], images.n_phases())?;
        read(encoder.forward(one_hot(&square, &[0], &device)))
    })
}

/// Channels of the grid of latent vectors.
pub(super) fn channels(model: &Model) -> usize {
    model.latent_size / model.latent_cells()
}

/// The sides of the grid of latent vectors of images of `shape` that are one pass.
fn grid_sides(model: &Model, shape: [usize; 3]) -> Option<[usize; 3]> {
    if model.profile.is_fully_convolutional() {
        Cells::of(shape).one_pass().map(|whole| whole.sides)
    } else {
        Some([1; 3])
    }
}

/// About the bytes of the passes that encode `n` images on the threads of the current pool, with what goes into them.
fn encoder_bytes(model: &Model, encoder: &Network, shape: [usize; 3], n: usize) -> usize {
    let all = Cells::of(shape);
    let (at_once, [_, ny, nx]) = all.at_once(&Part::whole(all, STRIDE), n);
    let (sides, channels) = ([1, ny * STRIDE, nx * STRIDE], phases_of_channels(model.n_phases()).count());
    let input = at_once.saturating_mul(channels * sides.iter().product::<usize>() * size_of::<f32>());
    inference_bytes(encoder, sides, at_once).saturating_add(input)
}

/// Decodes latent vectors, `(n, latents)`, to the most probable phase of each voxel.
///
/// The images have the shape `[nz, ny, nx]`; [`latent_size`] says which there are, and how many latents they have. Each
/// image depends on its own vector alone.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the model has no images of that shape, or the vectors are none, not of its length or
/// not finite.
pub fn decode(model: &Model, vectors: ArrayView2<f32>, shape: [usize; 3]) -> Result<PhaseImages> {
    check_vectors(model, vectors, shape)?;
    let ([nz, ny, nx], n, what) = (shape, vectors.nrows(), "decoding latent vectors");
    let (voxels, batch) = (nz * ny * nx, batch(DECODED, shape));
    let mut phases = memory::zeros(n.saturating_mul(voxels), what, ADVICE)?;
    let of_pass = match grid_sides(model, shape) {
        Some(sides) => inference_bytes(&model.generator, sides, n.min(batch)),
        None => super::field::pass_bytes(model, shape, &Block::whole(shape), n.min(batch)),
    };
    memory::require(of_pass, what, ADVICE)?;
    for (rows, to) in vectors.axis_chunks_iter(Axis(0), batch).zip(phases.chunks_mut(batch * voxels)) {
        memory::catch_refused(|| decode_into(model, rows, shape, to))?;
    }
    let phases = Array4::from_shape_vec((n, nz, ny, nx), phases).expect("as many as in the shape");
    PhaseImages::new(phases, model.n_phases())
}

/// Decodes one batch. A fully convolutional model has noise of zero.
fn decode_into(model: &Model, vectors: ArrayView2<f32>, shape: [usize; 3], to: &mut [u8]) -> Result<()> {
    if let Some(sides) = grid_sides(model, shape) {
        let grids = grids(model, vectors.iter().copied().collect(), sides);
        return model.fast_generator().begin_phases(grids, None).read(to);
    }
    let (cells, decoder) = (Cells::of(shape), PatchDecoder::new(model, None));
    cells.fill(&Part::whole(cells, STRIDE), 1, to, |image, patch| {
        let latents = patch.cut(&vectors.row(image).to_vec(), 1, cells);
        decoder.phases(grids(model, latents, patch.sides).into(), &patch)
    })
}

/// Begins to decode the realisations of `options`, at most [`DECODED`] of the size of a training tile, of a model that is not
/// fully convolutional.
pub(super) fn begin_realisations(model: &Model, options: &GenerationOptions) -> PendingPhases {
    model.fast_generator().begin_phases(of_realisations(model, options).on(&model.device()), None)
}

/// Grids of latent vectors with so many cells along each axis, `[n, channels, depth, height, width]`.
fn grids(model: &Model, latents: Vec<f32>, [depth, height, width]: [usize; 3]) -> Tensor<5> {
    let channels = channels(model);
    let n = latents.len() / (channels * depth * height * width);
    Tensor::from_data(TensorData::new(latents, [n, channels, depth, height, width]), &model.device())
}

fn check_vectors(model: &Model, vectors: ArrayView2<f32>, shape: [usize; 3]) -> Result<()> {
    let (latents, (n, given), [nz, ny, nx]) = (latent_size(model, shape)?, vectors.dim(), shape);
    if given != latents || n == 0 {
        return Err(Error::invalid(format!(
            "{n} latent vectors of {given} values; images of {nz} x {ny} x {nx} voxels (z, y, x) are decoded from one or \
             more of {latents} values"
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
    decode(model, encode(model, images)?.mean.view(), images.shape())
}

/// Decodes `n` copies of `vector`, one latent of which goes from `-range` to `range`.
///
/// Its values are equally spaced, ends included (paper, Figure 4 with `range` 3). The images have the shape
/// `[nz, ny, nx]`.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there is no such latent, `n` is below 2, or `range` is not finite and positive; those
/// of [`decode`].
pub fn traverse(
    model: &Model,
    vector: &[f32],
    shape: [usize; 3],
    latent: usize,
    n: usize,
    range: f64,
) -> Result<PhaseImages> {
    let latents = latent_size(model, shape)?;
    if vector.len() != latents || latent >= latents {
        return Err(Error::invalid(format!(
            "latent {latent} of a vector of {} values; the images have latents 0 to {}",
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
    decode(model, vectors.view(), shape)
}

/// Decodes `n` equally spaced points of the straight line between the means of two images, ends included.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are not exactly two images of one shape, or `n` is below 2; those of
/// [`encode`].
pub fn interpolate(model: &Model, from: &PhaseImages, to: &PhaseImages, n: usize) -> Result<PhaseImages> {
    if from.len() != 1 || to.len() != 1 {
        return Err(Error::invalid(format!(
            "interpolation goes from one image to one other, not from {} to {}",
            from.len(),
            to.len()
        )));
    }
    let shape = from.shape();
    if shape != to.shape() {
        let text = |[nz, ny, nx]: [usize; 3]| format!("{nz} x {ny} x {nx} voxels");
        return Err(Error::invalid(format!(
            "interpolation from an image of {} to one of {} (z, y, x); give two of one size",
            text(shape),
            text(to.shape())
        )));
    }
    check_at_least_two(n)?;
    let (from, to) = (encode(model, from)?.mean, encode(model, to)?.mean);
    let mut vectors = zero_vectors(n, from.ncols())?;
    for (step, mut row) in vectors.outer_iter_mut().enumerate() {
        let share = step as f32 / (n - 1) as f32;
        row.assign(&(&from.row(0) * (1.0 - share) + &to.row(0) * share));
    }
    decode(model, vectors.view(), shape)
}

fn check_at_least_two(n: usize) -> Result<()> {
    if n < 2 {
        Err(Error::invalid(format!("n = {n}; both ends are included, so it must be at least 2")))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::tests::model;
    use super::*;
    use crate::micrograph::testing::field;

    /// An image that is no tile of the model.
    fn image(ny: usize, nx: usize) -> PhaseImages {
        field(4, ny, nx).images
    }

    /// Images with `ny` x `nx` copies of themselves.
    fn repeated(images: &PhaseImages, ny: usize, nx: usize) -> PhaseImages {
        let [_, side_y, side_x] = images.shape();
        let phases = Array4::from_shape_fn((images.len(), 1, ny * side_y, nx * side_x), |(n, z, y, x)| {
            images.phases()[(n, z, y % side_y, x % side_x)]
        });
        PhaseImages::new(phases, images.n_phases()).unwrap()
    }

    #[test]
    fn latents_of_a_repeated_image_are_repeated_and_give_it_again() {
        let (model, two) = (model(2), image(64, 128));
        let tiles = crate::micrograph::tiles(&two, 64).unwrap();
        let of_tiles = encode(&model, &tiles).unwrap();
        let decoded = decode(&model, of_tiles.mean.view(), [1, 64, 64]).unwrap();
        assert_ne!(decoded.image(0), decoded.image(1));
        // Neither is one pass: the second has several patches, which wrap around the torus.
        for (ny, nx) in [(2, 3), (5, 6)] {
            let shape = [1, 64 * ny, 64 * nx];
            let encoded = encode(&model, &repeated(&tiles, ny, nx)).unwrap();
            for (found, expected) in [(&encoded.mean, &of_tiles.mean), (&encoded.deviation, &of_tiles.deviation)] {
                let of_cell = |image: usize, channel: usize, y: usize, x: usize| {
                    (
                        found[(image, (channel * 4 * ny + y) * 4 * nx + x)],
                        expected[(image, (channel * 4 + y % 4) * 4 + x % 4)],
                    )
                };
                for image in 0..2 {
                    let places =
                        (0..4).flat_map(|c| (0..4 * ny).flat_map(move |y| (0..4 * nx).map(move |x| (c, y, x))));
                    let pairs = places.map(|(channel, y, x)| of_cell(image, channel, y, x));
                    pairs.for_each(|(found, expected)| assert!((found - expected).abs() < 1e-5, "{found} {expected}"));
                }
            }
            assert_eq!(decode(&model, encoded.mean.view(), shape).unwrap(), repeated(&decoded, ny, nx));
            assert_eq!(reconstruct(&model, &repeated(&tiles, ny, nx)).unwrap(), repeated(&decoded, ny, nx));
        }
    }

    #[test]
    fn images_of_any_size_are_traversed_and_interpolated() {
        let (model, [from, to]) = (model(2), [image(32, 48), image(48, 96)].map(|image| image.range(0, 1)));
        let to = PhaseImages::new(to.phases().slice(s![.., .., ..32, ..48]).to_owned(), 2).unwrap();
        let between = interpolate(&model, &from, &to, 3).unwrap();
        assert_eq!(
            [between.range(0, 1), between.range(2, 1)],
            [from, to.clone()].map(|i| reconstruct(&model, &i).unwrap())
        );
        let mut vector = encode(&model, &to).unwrap().mean.row(0).to_vec();
        let along = traverse(&model, &vector, [1, 32, 48], 23, 3, 2.0).unwrap();
        vector[23] = 2.0;
        let last = decode(&model, ArrayView2::from_shape((1, 24), &vector).unwrap(), [1, 32, 48]).unwrap();
        assert_eq!(along.range(2, 1), last);
    }

    #[test]
    fn vectors_and_images_of_another_size_are_refused() {
        let (model, tall) = (model(2), image(72, 64));
        let refused = |result: Result<PhaseImages>, parts: [&str; 2]| {
            let error = result.unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        let vectors = Array2::zeros((1, 24));
        refused(decode(&model, vectors.view(), [1, 64, 64]), ["1 latent vectors of 24 values", "of 64 values"]);
        refused(decode(&model, vectors.view(), [1, 32, 40]), ["1 x 32 x 40", "1 x 32 x 48"]);
        refused(reconstruct(&model, &tall), ["1 x 72 x 64", "1 x 80 x 64"]);
        refused(traverse(&model, &[0.0; 24], [1, 32, 48], 24, 3, 2.0), ["latent 24", "latents 0 to 23"]);
        let (from, to) = (image(32, 48), image(48, 32));
        refused(interpolate(&model, &from, &to, 3), ["1 x 32 x 48 voxels to one of 1 x 48 x 32", "one size"]);
        let three = PhaseImages::new(from.into_phases(), 3).unwrap();
        refused(reconstruct(&model, &three), ["images of 3 phases", "of 2"]);
    }
}
