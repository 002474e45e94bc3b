//! Validation: keeps the latest networks whose shortfall is at most `TOLERANCE` above the smallest.
//!
//! Adversarial training does not converge monotonically, so the best checkpoint is kept.

use super::averaged::averaged_generator;
use super::checkpoint::{BestCheckpoint, Checkpoint};
use super::options::TrainingOptions;
use crate::evaluation::{evaluate, floor_windows};
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::micrograph::PhaseImages;
use crate::model::{Model, Selection};
use crate::{Error, Result};

/// Realisations that are judged.
const COUNT: usize = 256;

/// Shortfall by which a later checkpoint may exceed the smallest and still be kept (sampling error).
const TOLERANCE: f64 = 0.25;

/// What the user should know before a training on `micrograph` begins, a sentence each.
pub fn warnings(micrograph: &PhaseImages, options: &TrainingOptions) -> Vec<String> {
    let too_small = floor_windows(micrograph, options.profile.side(), options.seed).err();
    let warning = |error| format!("validation and selection are skipped, and the last networks are used: {error}");
    too_small.filter(|_| options.recipe.validation_interval > 0).map(warning).into_iter().collect()
}

/// Computes the shortfall of the networks, and keeps them as the best checkpoint if it is within the tolerance.
///
/// The best checkpoint is unchanged if the micrograph is too small or a phase fills it.
///
/// # Errors
///
/// [`Error::Diverged`] if the generator no longer gives numbers, and those of reading tensors back.
pub fn validate(checkpoint: &mut Checkpoint, micrograph: &PhaseImages, threads: usize) -> Result<()> {
    let mut model = Model {
        encoder: checkpoint.state.encoder.network.clone(),
        generator: averaged_generator(checkpoint),
        selection: None,
        ..checkpoint.model()
    };
    // Seeds in the C interface are below 2^63: evaluation there never uses the windows or realisations of validation.
    let seed = checkpoint.options.seed | 1 << 63;
    if checkpoint.options.recipe.candidates > 1 {
        model.selection = Some(Selection::fit(&model, micrograph, checkpoint.options.recipe.candidates, seed)?);
    }
    let shortfall = match shortfall(&model, micrograph, seed, threads) {
        Err(Error::InvalidParameter(_)) => return Ok(()),
        other => other?,
    };
    let least = checkpoint.best.as_ref().map_or(f64::INFINITY, |best| best.smallest_shortfall);
    if shortfall <= least + TOLERANCE {
        let Model { encoder, generator, selection, .. } = model;
        let (step, smallest_shortfall) = (checkpoint.state.step, shortfall.min(least));
        checkpoint.best = Some(BestCheckpoint { step, smallest_shortfall, encoder, generator, selection });
    }
    Ok(())
}

/// Shortfall of the gates, summed over the phases that are judged.
fn shortfall(model: &Model, micrograph: &PhaseImages, seed: u64, threads: usize) -> Result<f64> {
    let windows = floor_windows(micrograph, model.side(), seed)?;
    let made = realisations(model, &GenerationOptions { seed, count: COUNT, threads, ..GenerationOptions::default() })?;
    let reconstructions = reconstruct(model, &model.tiles)?;
    let of = |phase| Ok(evaluate(micrograph, &made, Some(&reconstructions), phase, &windows)?.shortfall());
    micrograph.judged_phases().into_iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::training::TrainingState;

    fn checkpoint(side: usize) -> (Checkpoint, PhaseImages) {
        let field = GaussianField { ny: side, nx: side, ..GaussianField::default() };
        let micrograph = Sample::GaussianField(field).make(1, 1).unwrap();
        let tiles = tiles(&micrograph.images, 32).unwrap();
        let options = TrainingOptions::new(Profile::Paper32);
        let origin = Origin::new(&micrograph);
        (Checkpoint::new(options, origin, tiles, &burn_tensor::Device::flex()), micrograph.images)
    }

    #[test]
    fn better_networks_are_kept_and_worse_ones_are_not() {
        let (mut checkpoint, micrograph) = checkpoint(80);
        validate(&mut checkpoint, &micrograph, 1).unwrap();
        let first = checkpoint.best.clone().unwrap();
        let shortfall = first.smallest_shortfall;
        assert!(first.step == 0 && shortfall > 0.0 && shortfall <= 16.0, "{shortfall}");
        // Hardly worse than the best before: the later ones.
        checkpoint.state.step = 5;
        checkpoint.best.as_mut().unwrap().smallest_shortfall -= 0.2;
        validate(&mut checkpoint, &micrograph, 1).unwrap();
        let later = checkpoint.best.clone().unwrap();
        assert_eq!((later.step, later.smallest_shortfall), (5, shortfall - 0.2));
        checkpoint.best.as_mut().unwrap().smallest_shortfall = shortfall / 2.0;
        checkpoint.state.step = 9;
        validate(&mut checkpoint, &micrograph, 1).unwrap();
        assert_eq!(checkpoint.best.as_ref().unwrap().step, 5);
    }

    #[test]
    fn generation_takes_the_chosen_networks() {
        let (mut checkpoint, micrograph) = checkpoint(80);
        validate(&mut checkpoint, &micrograph, 1).unwrap();
        let options = GenerationOptions { count: 2, threads: 1, ..GenerationOptions::default() };
        let chosen = realisations(&checkpoint.model(), &options).unwrap();
        let other = TrainingOptions { seed: 1, ..checkpoint.options.clone() };
        checkpoint.state = TrainingState::new(&other, 2, &burn_tensor::Device::flex());
        assert_eq!(realisations(&checkpoint.model(), &options).unwrap(), chosen);
        checkpoint.best = None;
        assert_ne!(realisations(&checkpoint.model(), &options).unwrap(), chosen);
    }

    #[test]
    fn a_micrograph_too_small_to_judge_by_leaves_no_choice() {
        let (mut checkpoint, micrograph) = checkpoint(50);
        validate(&mut checkpoint, &micrograph, 1).unwrap();
        assert!(checkpoint.best.is_none());
    }
}
