//! The candidates that realisations are taken from.

use ndarray::{Array2, Array4};

use super::super::latent::{DECODED, begin_to_decode, candidate_vectors};
use super::super::realisations::translate;
use crate::micrograph::PhaseImages;
use crate::model::Model;
use crate::network::PendingPhases;
use crate::{Error, Result};

/// Candidates of some realisations that follow one another.
pub struct Candidates {
    /// Latent vectors, `(realisations x candidates, latents)`.
    pub vectors: Array2<f32>,
    /// What they become.
    pub images: PhaseImages,
    /// For each realisation a number from 0 to 1 to choose by.
    pub draws: Vec<f64>,
}

/// Calls `each` with `of_each` candidates for each of the realisations `first..first + count`, part by part. An accelerator is at work on the next
/// part meanwhile.
///
/// # Errors
///
/// Those of [`decode`](super::super::decode), and that of `each`, which ends the work.
pub fn for_candidates(
    model: &Model,
    of_each: usize,
    seed: u64,
    first: u64,
    count: usize,
    mut each: impl FnMut(Candidates) -> Result<()>,
) -> Result<()> {
    let at_once = DECODED / of_each;
    let part = |done| Begun::new(model, of_each, seed, first + done as u64, at_once.min(count - done));
    let mut parts = (0..count).step_by(at_once).map(part);
    let mut begun = parts.next();
    while let Some(part) = begun {
        let part = part?;
        begun = parts.next();
        each(part.finish(model, of_each, seed)?)?;
    }
    Ok(())
}

/// Candidates that are being decoded.
struct Begun {
    first: u64,
    vectors: Array2<f32>,
    draws: Vec<f64>,
    decoding: PendingPhases,
}

impl Begun {
    fn new(model: &Model, of_each: usize, seed: u64, first: u64, count: usize) -> Result<Self> {
        let (vectors, draws) = candidate_vectors(model, of_each, seed, first, count)?;
        let decoding = begin_to_decode(model, vectors.view())?;
        Ok(Self { first, vectors, draws, decoding })
    }

    fn finish(self, model: &Model, of_each: usize, seed: u64) -> Result<Candidates> {
        let [nz, ny, nx] = model.shape();
        let mut phases = vec![0; self.vectors.nrows() * nz * ny * nx];
        self.decoding.read(&mut phases)?;
        translate(model, seed, self.first, of_each, &mut phases);
        let phases = Array4::from_shape_vec((self.vectors.nrows(), nz, ny, nx), phases)
            .map_err(|error| Error::Internal(format!("candidates of a wrong length: {error}")))?;
        Ok(Candidates { vectors: self.vectors, images: PhaseImages::new(phases, model.n_phases())?, draws: self.draws })
    }
}
