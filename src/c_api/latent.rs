//! The latent space of a model.

use ndarray::Array2;

use super::generation::{davegan_generate_options_t, read_options, voxels};
use super::guard::guard;
use super::model::davegan_model_t;
use super::options::count;
use super::pointers::{Buffer, elements, reference, slice};
use super::status::davegan_status_t;
use crate::device::{memory, thread_pool};
use crate::generation;
use crate::micrograph::PhaseImages;
use crate::model::Model;
use crate::{Error, Result};

/// `n` images of the host.
unsafe fn images(model: &Model, phases: *const u8, n: usize, name: &str) -> Result<PhaseImages> {
    // SAFETY: the caller's promise.
    model.images(unsafe { slice(phases, voxels(model, n)?, name) }?, n)
}

/// `n` latent vectors of the host, in the precision that the networks work in.
unsafe fn vectors(model: &Model, z: *const f64, n: usize) -> Result<Array2<f32>> {
    let latents = model.latent_size;
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

/// Runs `work` with one thread a core, and leaves no thread behind in the host.
fn in_parallel<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread_pool(0)?.install(work)
}

/// Copies the latent vectors of the realisations of `davegan_generate` with the same options into `z`.
///
/// `z` gets `count * latent_size` doubles, one row per realisation: standard normal, or those of the selected
/// candidates (`standard`). `davegan_decode` gives the same images for `paper32` and `paper64`; with `standard`,
/// realisations are in addition translated periodically by random distances. Of `options`, `seed`, `first`, `count` and
/// `threads` are used; NULL means the defaults: one realisation. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_latent_vectors(
    model: *const davegan_model_t,
    options: *const davegan_generate_options_t,
    z: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (model, options) = unsafe { (&reference(model, "model")?.0, read_options(options)?) };
        options.validate()?;
        let needed = elements(&[options.count, model.latent_size], "z")?;
        // SAFETY: as above.
        let buffer = unsafe { Buffer::new(z, capacity, needed, "the latent vectors") }?;
        let vectors = thread_pool(options.threads)?
            .install(|| generation::latent_vectors(model, options.seed, options.first, options.count))?;
        buffer.fill_each(doubles(&vectors));
        Ok(())
    })
}

/// Encodes `n` images: mean and standard deviation of each latent.
///
/// `phases` are `n * nz * ny * nx` phase numbers of the model, x fastest. `mean` and `deviation` each hold `capacity`
/// doubles, of which `n * latent_size` are filled, one row per image. `deviation` may be NULL. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if `n` is 0 or a phase is not the model's. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_encode(
    model: *const davegan_model_t,
    phases: *const u8,
    n: usize,
    mean: *mut f64,
    deviation: *mut f64,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let model = unsafe { &reference(model, "model")?.0 };
        let needed = elements(&[n, model.latent_size], "mean")?;
        // SAFETY: as above.
        let (images, mean, deviation) = unsafe {
            let images = images(model, phases, n, "phases")?;
            let mean = Buffer::new(mean, capacity, needed, "the mean")?;
            let deviation = (!deviation.is_null()).then(|| Buffer::new(deviation, capacity, needed, "the deviation"));
            (images, mean, deviation.transpose()?)
        };
        let encoded = in_parallel(|| generation::encode(model, &images))?;
        mean.fill_each(doubles(&encoded.mean));
        if let Some(deviation) = deviation {
            deviation.fill_each(doubles(&encoded.deviation));
        }
        Ok(())
    })
}

/// Decodes `n` latent vectors to images.
///
/// `z` holds `n * latent_size` finite numbers, one row per vector, which are rounded to single precision. `phases` gets
/// `n * nz * ny * nx` phase numbers, x fastest. Fails with `DAVEGAN_INVALID_PARAMETER` if `n` is 0 or a number is not
/// finite. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_decode(
    model: *const davegan_model_t,
    z: *const f64,
    n: usize,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, vectors, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            (model, vectors(model, z, n)?, Buffer::new(phases, capacity, voxels(model, n)?, "the images")?)
        };
        buffer.fill(in_parallel(|| generation::decode(model, vectors.view()))?.as_slice());
        Ok(())
    })
}

/// Encodes `n` images and decodes their means.
///
/// `phases` and `reconstructions` are `n * nz * ny * nx` phase numbers each, x fastest. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if `n` is 0 or a phase is not the model's. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_reconstruct(
    model: *const davegan_model_t,
    phases: *const u8,
    n: usize,
    reconstructions: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, images, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            let images = images(model, phases, n, "phases")?;
            (model, images, Buffer::new(reconstructions, capacity, voxels(model, n)?, "the reconstructions")?)
        };
        buffer.fill(in_parallel(|| generation::reconstruct(model, &images))?.as_slice());
        Ok(())
    })
}

/// Decodes `n` copies of `z` whose latent `dimension` takes equally spaced values (paper, Figure 4).
///
/// `z` holds `latent_size` numbers; `dimension` counts from 0; its values go from `-range` to `range`, in standard
/// deviations of the prior, usually 3. `phases` gets `n * nz * ny * nx` phase numbers, x fastest. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if there is no such latent, `n` is below 2, or `range` is not positive. May be called
/// from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_traverse(
    model: *const davegan_model_t,
    z: *const f64,
    dimension: i32,
    n: usize,
    range: f64,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, vector, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            (model, vectors(model, z, 1)?, Buffer::new(phases, capacity, voxels(model, n)?, "the images")?)
        };
        let vector: Vec<f32> = vector.into_iter().collect();
        let dimension = count(dimension, "dimension")?;
        buffer.fill(in_parallel(|| generation::traverse(model, &vector, dimension, n, range))?.as_slice());
        Ok(())
    })
}

/// Decodes `n` equally spaced points between the encoder means of two images, both included.
///
/// `from` and `to` are `nz * ny * nx` phase numbers each; `phases` gets `n` times as many, x fastest. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if `n` is below 2 or a phase is not the model's. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_interpolate(
    model: *const davegan_model_t,
    from: *const u8,
    to: *const u8,
    n: usize,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, from, to, buffer) = unsafe {
            let model = &reference(model, "model")?.0;
            let (from, to) = (images(model, from, 1, "from")?, images(model, to, 1, "to")?);
            (model, from, to, Buffer::new(phases, capacity, voxels(model, n)?, "the images")?)
        };
        buffer.fill(in_parallel(|| generation::interpolate(model, &from, &to, n))?.as_slice());
        Ok(())
    })
}
