//! Realisations without small islands, at unchanged volume fractions.

use super::GenerationOptions;
use super::blocks::{BLOCK_SIDE, SLAB_VOXELS, block_sides, parts};
use crate::micrograph::Block;
use crate::model::Model;
use crate::relaxation::{CLEANING_BYTES, Cleaner, image_key};
use crate::{Error, Result};

/// Most passes of the majority filter.
const MOST_PASSES: usize = 100;

/// Whether the realisations of `options` are cleaned.
fn is_asked_for(options: &GenerationOptions) -> bool {
    options.smallest_island > 1 || options.majority > 0
}

/// Bytes that cleaning a realisation of so many voxels takes.
pub fn cleaning_bytes(options: &GenerationOptions, voxels: usize) -> usize {
    if is_asked_for(options) { CLEANING_BYTES.saturating_mul(voxels) } else { 0 }
}

/// Refuses to clean what is no whole realisation of `shape`, or too large.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with what cannot be cleaned.
pub fn check(options: &GenerationOptions, [nz, ny, nx]: [usize; 3]) -> Result<()> {
    let GenerationOptions { smallest_island, majority, .. } = options;
    if *majority > MOST_PASSES {
        return Err(Error::invalid(format!("majority is {majority}; it must be 0 to {MOST_PASSES}")));
    }
    let is_whole = options.block.is_none_or(|block| block == Block::whole([nz, ny, nx]));
    let is_small = parts([nz, ny, nx], block_sides([nz, ny, nx])).len() == 1;
    if is_asked_for(options) && !(is_whole && is_small) {
        let what = if is_whole { format!("{nx} x {ny} x {nz} voxels") } else { "a block".into() };
        return Err(Error::invalid(format!(
            "smallest_island is {smallest_island} and majority {majority}, but {what} of a realisation cannot be cleaned; \
             ask for whole realisations of at most {BLOCK_SIDE} x {BLOCK_SIDE} pixels or {SLAB_VOXELS} voxels"
        )));
    }
    Ok(())
}

/// Cleans the realisations of `options`, one after the other, x fastest.
///
/// # Errors
///
/// Those of [`Cleaner::new`].
pub fn clean(model: &Model, options: &GenerationOptions, realisations: &mut [u8]) -> Result<()> {
    if !is_asked_for(options) {
        return Ok(());
    }
    let (shape, periodic) = (options.shape_of(model)?, options.are_periodic(model)?);
    let cleaner = Cleaner::new(model.tiles_by_direction(), shape, periodic, options.smallest_island, options.majority)?;
    let mut realisations = (options.first..).zip(realisations.chunks_exact_mut(shape.iter().product()));
    realisations.try_for_each(|(index, image)| cleaner.clean(image, image_key(options.seed, index)))
}

#[cfg(test)]
mod tests {
    use super::super::field::tests::model;
    use super::*;
    use crate::generation::realisations;

    #[test]
    fn a_cleaned_realisation_depends_on_its_index_alone() {
        let (model, shape) = (model(3), Some([1, 48, 61]));
        let raw = GenerationOptions { seed: 3, count: 2, shape, threads: 2, ..Default::default() };
        let options = GenerationOptions { smallest_island: 5, ..raw.clone() };
        let [raw, all] = [&raw, &options].map(|options| realisations(&model, options).unwrap());
        let alone = GenerationOptions { first: 1, count: 1, threads: 1, ..options };
        let [alone, second, raw] = [realisations(&model, &alone).unwrap(), all.range(1, 1), raw.range(1, 1)];
        assert!(alone == second && second != raw && second.volume_fractions() == raw.volume_fractions());
    }

    #[test]
    fn parts_are_refused() {
        let model = model(2);
        let message = |options: GenerationOptions| match realisations(&model, &options) {
            Err(Error::InvalidParameter(message)) => message,
            other => panic!("{other:?}"),
        };
        let islands = GenerationOptions { smallest_island: 2, shape: Some([1, 64, 64]), ..Default::default() };
        let block = Block { first: [0, 1, 0], size: [1, 64, 64] };
        assert!(message(GenerationOptions { block: Some(block), ..islands.clone() }).contains("but a block of"));
        assert!(
            message(GenerationOptions { shape: Some([1, 64, 4112]), ..islands }).contains("but 4112 x 64 x 1 voxels")
        );
        assert!(
            message(GenerationOptions { majority: 101, ..Default::default() }).contains("majority is 101; it must")
        );
    }
}
