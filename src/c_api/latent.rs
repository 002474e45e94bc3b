//! The latent space of a model.

use ndarray::Array2;

use super::generate_options::{davegan_generate_options_t, read_options};
use super::guard::guard;
use super::model::davegan_model_t;
use super::options::count;
use super::pointers::{self, Buffer, Place, elements, reference, slice};
use super::status::davegan_status_t;
use crate::device::memory;
use crate::generation;
use crate::micrograph::PhaseImages;
use crate::model::Model;
use crate::{Error, Result};

/// `n` images of the host, of the shape `[nz, ny, nx]`.
unsafe fn images(model: &Model, phases: *const u8, n: usize, shape: [usize; 3], name: &str) -> Result<PhaseImages> {
    generation::latent_size(model, shape)?;
    let [nz, ny, nx] = shape;
    // SAFETY: the caller's promise.
    unsafe { pointers::images(phases, [n, nz, ny, nx], model.n_phases(), name) }
}

/// Voxels of `n` images of a shape that the model has.
fn voxels(model: &Model, n: usize, shape: [usize; 3]) -> Result<usize> {
    generation::latent_size(model, shape)?;
    let [nz, ny, nx] = shape;
    elements(&[n, nz, ny, nx], "the images")
}

/// `n` latent vectors of the host of images of `shape`, in the precision that the networks work in.
unsafe fn vectors(model: &Model, z: *const f64, n: usize, shape: [usize; 3]) -> Result<Array2<f32>> {
    let latents = generation::latent_size(model, shape)?;
    // SAFETY: the caller's promise.
    let z = unsafe { slice(z, elements(&[n, latents], "z")?, "z") }?;
    let mut vectors = memory::vector(z.len(), "copying latent vectors", "give fewer at once")?;
    vectors.extend(z.iter().map(|&value| value as f32));
    Array2::from_shape_vec((n, latents), vectors).map_err(|error| Error::invalid(error.to_string()))
}

/// Latent vectors as the host gets them.
fn doubles(vectors: &Array2<f32>) -> impl ExactSizeIterator<Item = f64> + '_ {
    vectors.iter().copied().map(f64::from)
}

/// Runs `work` with one thread a core.
fn in_parallel<T: Send>(model: &Model, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    model.thread_pool(0)?.install(work)
}

/// Gets the number of latents of an image of `nz * ny * nx` voxels, the length of its latent vector.
///
/// A model of `DAVEGAN_PROFILE_STANDARD` is fully convolutional: it has images of one layer and any multiples of 16
/// pixels, from 32 on, along y and x, and a grid of `channels` x `ny` / 16 x `nx` / 16 latents for each, stored in
/// this order, x fastest. Other models have images of the size of a training tile. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if the model has no images of that size; `latents` is then 0. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_latent_size(
    model: *const davegan_model_t,
    nz: usize,
    ny: usize,
    nx: usize,
    latents: *mut usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (latents, model) = unsafe { (Place::new(latents, 0, "latents")?, &reference(model, "model")?.0) };
        latents.set(generation::latent_size(model, [nz, ny, nx])?);
        Ok(())
    })
}

/// Copies the latent vectors of the realisations of `davegan_generate` with the same options into `z`.
///
/// `z` gets `count` rows of as many doubles as `davegan_latent_size` says: standard normal.
/// `davegan_decode` gives the same images for `paper32` and `paper64`; with `standard`, realisations have noise besides
/// and are relaxed. Of `options`, `seed`, `first`, `count`, `nx`, `ny` and `threads` are used; NULL means the defaults: one
/// realisation. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_latent_vectors(
    model: *const davegan_model_t,
    options: *const davegan_generate_options_t,
    z: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, options) = unsafe { (&reference(model, "model")?.0, read_options(options)?) };
        options.validate()?;
        let latents = generation::latent_size(model, options.shape_of(model)?)?;
        let needed = elements(&[options.count, latents], "z")?;
        // SAFETY: as above.
        let buffer = unsafe { Buffer::new(z, capacity, needed, "the latent vectors") }?;
        let vectors = model.thread_pool(options.threads)?.install(|| generation::latent_vectors(model, &options))?;
        buffer.fill_each(doubles(&vectors));
        Ok(())
    })
}

/// Encodes `n` images: mean and standard deviation of each latent.
///
/// `phases` are `n * nz * ny * nx` phase numbers of the model, x fastest. `mean` and `deviation` each hold `capacity`
/// doubles, of which `n` rows of as many as `davegan_latent_size` says are filled. `deviation` may be NULL. A model of
/// `DAVEGAN_PROFILE_STANDARD` takes each image as a torus: what is at one edge is seen at the opposite one. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if `n` is 0, the model has no images of that size, or a phase is not the model's. May be
/// called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_encode(
    model: *const davegan_model_t,
    phases: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    mean: *mut f64,
    deviation: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let model = unsafe { &reference(model, "model")?.0 };
        let needed = elements(&[n, generation::latent_size(model, [nz, ny, nx])?], "mean")?;
        // SAFETY: as above.
        let (images, mean, deviation) = unsafe {
            let mean = Buffer::new(mean, capacity, needed, "the mean")?;
            let deviation = (!deviation.is_null()).then(|| Buffer::new(deviation, capacity, needed, "the deviation"));
            (images(model, phases, n, [nz, ny, nx], "phases")?, mean, deviation.transpose()?)
        };
        let encoded = in_parallel(model, || generation::encode(model, &images))?;
        mean.fill_each(doubles(&encoded.mean));
        if let Some(deviation) = deviation {
            deviation.fill_each(doubles(&encoded.deviation));
        }
        Ok(())
    })
}

/// Decodes `n` latent vectors to images of `nz * ny * nx` voxels.
///
/// `z` holds `n` rows of as many finite numbers as `davegan_latent_size` says, which are rounded to single precision.
/// `phases` gets `n * nz * ny * nx` phase numbers, x fastest. With `DAVEGAN_PROFILE_STANDARD` images are periodic, have no
/// noise and are not relaxed. Fails with `DAVEGAN_INVALID_PARAMETER` if `n` is 0, the model has no images of that
/// size, or a number is not finite. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_decode(
    model: *const davegan_model_t,
    z: *const f64,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        let shape = [nz, ny, nx];
        // SAFETY: as above.
        let (model, vectors, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            let buffer = Buffer::new(phases, capacity, voxels(model, n, shape)?, "the images")?;
            (model, vectors(model, z, n, shape)?, buffer)
        };
        buffer.fill(in_parallel(model, || generation::decode(model, vectors.view(), shape))?.as_slice());
        Ok(())
    })
}

/// Encodes `n` images and decodes their means.
///
/// `phases` and `reconstructions` are `n * nz * ny * nx` phase numbers each, x fastest. Fails as `davegan_encode`
/// does. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_reconstruct(
    model: *const davegan_model_t,
    phases: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    reconstructions: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        let shape = [nz, ny, nx];
        // SAFETY: as above.
        let (model, images, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            let buffer = Buffer::new(reconstructions, capacity, voxels(model, n, shape)?, "the reconstructions")?;
            (model, images(model, phases, n, shape, "phases")?, buffer)
        };
        buffer.fill(in_parallel(model, || generation::reconstruct(model, &images))?.as_slice());
        Ok(())
    })
}

/// Decodes `n` copies of `z` whose latent `dimension` takes equally spaced values (paper, Figure 4).
///
/// `z` holds as many numbers as `davegan_latent_size` says; `dimension` counts from 0; its values go from `-range` to
/// `range`, in standard deviations of the prior, usually 3. `phases` gets `n * nz * ny * nx` phase numbers, x
/// fastest. Fails with `DAVEGAN_INVALID_PARAMETER` if there is no such latent, `n` is below 2, `range` is not
/// positive, or the model has no images of that size. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_traverse(
    model: *const davegan_model_t,
    z: *const f64,
    dimension: i32,
    n: usize,
    range: f64,
    nz: usize,
    ny: usize,
    nx: usize,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        let shape = [nz, ny, nx];
        // SAFETY: as above.
        let (model, vector, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            let buffer = Buffer::new(phases, capacity, voxels(model, n, shape)?, "the images")?;
            (model, vectors(model, z, 1, shape)?, buffer)
        };
        let vector: Vec<f32> = vector.into_iter().collect();
        let dimension = count(dimension, "dimension")?;
        buffer
            .fill(in_parallel(model, || generation::traverse(model, &vector, shape, dimension, n, range))?.as_slice());
        Ok(())
    })
}

/// Decodes `n` equally spaced points between the encoder means of two images, both included.
///
/// `from` and `to` are `nz * ny * nx` phase numbers each; `phases` gets `n` times as many, x fastest. Fails as
/// `davegan_encode` does, and if `n` is below 2. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_interpolate(
    model: *const davegan_model_t,
    from: *const u8,
    to: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        let shape = [nz, ny, nx];
        // SAFETY: as above.
        let (model, from, to, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            let buffer = Buffer::new(phases, capacity, voxels(model, n, shape)?, "the images")?;
            (model, images(model, from, 1, shape, "from")?, images(model, to, 1, shape, "to")?, buffer)
        };
        buffer.fill(in_parallel(model, || generation::interpolate(model, &from, &to, n))?.as_slice());
        Ok(())
    })
}
