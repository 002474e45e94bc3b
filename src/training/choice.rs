//! Which networks of a training are used: the last ones whose realisations pass as many gates as any, but for chance.
//!
//! A game between two networks has no end: realisations get better for a while, and worse where the discriminator learns
//! the one micrograph by heart.

use super::averaged::averaged_generator;
use super::step::Snapshot;
use crate::evaluation::{evaluate, floor_windows};
use crate::generation::{GenerationOptions, Selection, realisations, reconstruct};
use crate::micrograph::PhaseImages;
use crate::model::{Choice, Model};
use crate::network::Network;
use crate::{Error, Result};

/// Realisations that are judged.
const COUNT: usize = 256;

/// By how much later networks may lack more than the best ones and are still taken: half as much as for a gate that is just missed.
/// Other realisations would lack more or less than these by chance.
const CHANCE: f64 = 0.25;

/// Judges the networks as they are, and keeps them unless earlier ones were clearly better.
///
/// A micrograph that is too small for floors, or a phase that fills it, leaves the choice as it is.
///
/// # Errors
///
/// [`Error::Diverged`] if the generator no longer gives numbers, and those of reading tensors back.
pub fn choose(model: &mut Model, micrograph: &PhaseImages, threads: usize) -> Result<()> {
    let last = Model { choice: None, ..model.clone() };
    let Network { parameters, statistics, .. } = last.encoder();
    let mut choice = Choice {
        step: model.state.step,
        shortfall: f64::INFINITY,
        encoder: Snapshot { parameters, statistics },
        generator: averaged_generator(&last),
        selection: None,
    };
    let chosen = |choice: &Choice| Model { choice: Some(choice.clone()), ..last.clone() };
    // No host can choose such a seed: neither windows nor realisations are those of a later judgement.
    let seed = model.options.seed | 1 << 63;
    if model.options.candidates > 1 {
        choice.selection = Some(Selection::fit(&chosen(&choice), micrograph, seed)?);
    }
    choice.shortfall = match shortfall(&chosen(&choice), micrograph, seed, threads) {
        Err(Error::InvalidParameter(_)) => return Ok(()),
        other => other?,
    };
    let least = model.choice.as_ref().map_or(f64::INFINITY, |best| best.shortfall);
    if choice.shortfall <= least + CHANCE {
        choice.shortfall = choice.shortfall.min(least);
        model.choice = Some(choice);
    }
    Ok(())
}

/// What the gates lack, over all phases that are judged.
fn shortfall(model: &Model, micrograph: &PhaseImages, seed: u64, threads: usize) -> Result<f64> {
    let windows = floor_windows(micrograph, model.options.profile.side(), seed)?;
    let made = realisations(model, &GenerationOptions { seed, first: 0, count: COUNT, threads })?;
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
    use crate::training::{TrainingOptions, TrainingState};

    fn model(side: usize) -> (Model, PhaseImages) {
        let field = GaussianField { ny: side, nx: side, ..GaussianField::default() };
        let micrograph = Sample::GaussianField(field).make(1, 1).unwrap();
        let tiles = tiles(&micrograph.images, 32).unwrap();
        let options = TrainingOptions::new(Profile::Paper32);
        let origin = Origin::new(&micrograph);
        (Model::untrained(options, origin, tiles, &burn_tensor::Device::flex()), micrograph.images)
    }

    #[test]
    fn better_networks_are_kept_and_worse_ones_are_not() {
        let (mut model, micrograph) = model(80);
        choose(&mut model, &micrograph, 1).unwrap();
        let first = model.choice.clone().unwrap();
        assert!(first.step == 0 && first.shortfall > 0.0 && first.shortfall <= 16.0, "{}", first.shortfall);
        // Hardly worse than the best before: the later ones.
        model.state.step = 5;
        model.choice.as_mut().unwrap().shortfall -= 0.2;
        choose(&mut model, &micrograph, 1).unwrap();
        let later = model.choice.clone().unwrap();
        assert_eq!((later.step, later.shortfall), (5, first.shortfall - 0.2));
        model.choice.as_mut().unwrap().shortfall = first.shortfall / 2.0;
        model.state.step = 9;
        choose(&mut model, &micrograph, 1).unwrap();
        assert_eq!(model.choice.as_ref().unwrap().step, 5);
    }

    #[test]
    fn generation_takes_the_chosen_networks() {
        let (mut model, micrograph) = model(80);
        choose(&mut model, &micrograph, 1).unwrap();
        let options = GenerationOptions { count: 2, threads: 1, ..GenerationOptions::default() };
        let chosen = realisations(&model, &options).unwrap();
        let other = TrainingOptions { seed: 1, ..model.options.clone() };
        model.state = TrainingState::new(&other, 2, &burn_tensor::Device::flex());
        assert_eq!(realisations(&model, &options).unwrap(), chosen);
        model.choice = None;
        assert_ne!(realisations(&model, &options).unwrap(), chosen);
    }

    #[test]
    fn a_micrograph_too_small_to_judge_by_leaves_no_choice() {
        let (mut model, micrograph) = model(50);
        choose(&mut model, &micrograph, 1).unwrap();
        assert!(model.choice.is_none());
    }
}
