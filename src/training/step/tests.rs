//! What a step does, and that all kernels agree on it.

#[cfg(feature = "cube")]
mod launches;

use super::super::augmentation::Displacements;
use super::super::state::Learner;
use super::*;
use crate::micrograph::testing::field;
use crate::micrograph::{Micrograph, tiles};
use crate::network::{Profile, read, with_primitives};
use crate::training::WINDOW_SIDES;

/// The losses of each of the first steps.
fn losses(micrograph: &Micrograph, options: &TrainingOptions, steps: usize) -> Vec<Vec<f32>> {
    let device = &Device::flex();
    let tiles = tiles(&micrograph.images, options.side()).unwrap();
    let data = TrainingData { micrographs: (&micrograph.images).into(), tiles: &tiles };
    let mut state = TrainingState::new(options, tiles.n_phases(), 1, device);
    let mut rows = Vec::new();
    for _ in 0..steps {
        state.training_step(&data, options, device).unwrap();
        rows.push(read(state.loss_sums.clone()).unwrap());
        state.loss_sums = Tensor::zeros([5], device);
    }
    rows
}

#[test]
fn noise_reaches_the_discriminator_alone() {
    let micrograph = field(3, 256, 256);
    let quiet = TrainingOptions { batch_size: 4, seed: 2, ..TrainingOptions::new(Profile::Paper64) };
    let noisy = quiet.clone().with(|r| r.discriminator_noise = 0.2);
    let (quiet, noisy) = (losses(&micrograph, &quiet, 1), losses(&micrograph, &noisy, 1));
    // In the first step: L_Enc, L_Rec and L_KLD know nothing of the discriminator.
    for loss in [0, 3, 4] {
        assert_eq!(quiet[0][loss], noisy[0][loss]);
    }
    for loss in [1, 2] {
        assert!(quiet[0][loss] != noisy[0][loss] && noisy[0][loss].is_finite());
    }
}

#[test]
fn windows_and_realisations_of_the_standard_profile_stay_and_those_of_the_paper_move() {
    let micrograph = field(3, 256, 256);
    let tiles = tiles(&micrograph.images, 64).unwrap();
    let data = TrainingData { micrographs: (&micrograph.images).into(), tiles: &tiles };
    let largest = |options: &TrainingOptions| -> [i64; 3] {
        let draws = (0..20).map(|step| Draws::new(options, step, &data, &Device::flex()).unwrap().displacements);
        let largest = |of: &Displacements| of.iter().flatten().map(|u| u.abs()).max().unwrap();
        draws.fold([0; 3], |all, now| std::array::from_fn(|stream| all[stream].max(largest(&now[stream]))))
    };
    assert_eq!(largest(&TrainingOptions::new(Profile::Standard)), [0; 3]);
    assert!(largest(&TrainingOptions::new(Profile::Paper64)).iter().all(|largest| (9..50).contains(largest)));
}

#[test]
fn what_reconstructions_are_worth_to_the_discriminator_counts_only_if_it_sees_them() {
    let micrograph = field(3, 256, 256);
    for (seen, noise) in [(true, 0.0), (false, 0.0), (false, 0.5)] {
        let options = TrainingOptions { seed: 2, ..TrainingOptions::new(Profile::Standard) }
            .with(|r| (r.discriminator_reconstructions, r.discriminator_noise) = (seen, noise));
        let other = TrainingOptions { lambda_vae: 0.5, ..options.clone() };
        let (one, other) = (losses(&micrograph, &options, 2), losses(&micrograph, &other, 2));
        assert_eq!(one == other, !seen);
        assert!(one.iter().flatten().all(|loss| loss.is_finite()));
    }
}

#[test]
fn windows_of_every_side_are_trained_on() {
    let micrograph = field(3, 256, 256);
    for side in WINDOW_SIDES {
        let options = TrainingOptions { window_side: side, ..TrainingOptions::new(Profile::Standard) };
        let rows = losses(&micrograph, &options, 2);
        assert!(rows.iter().flatten().all(|loss| loss.is_finite()), "{side}: {rows:?}");
        // L_Rec is a sum over pixels.
        let of_each = rows[0][3] / side.pow(2) as f32;
        assert!((0.3..1.5).contains(&of_each), "{side}: {of_each}");
    }
}

#[test]
fn the_discriminator_is_shown_phases_alone_if_asked() {
    let micrograph = field(3, 256, 256);
    let grey = TrainingOptions { seed: 2, ..TrainingOptions::new(Profile::Paper64) };
    let binary = grey.clone().with(|r| r.straight_through = true);
    let (grey, binary) = (losses(&micrograph, &grey, 1), losses(&micrograph, &binary, 1));
    assert_eq!((grey[0][0], grey[0][3]), (binary[0][0], binary[0][3]));
    assert!(grey[0][1] != binary[0][1] && binary[0][2].is_finite());
}

/// Options whose gradients are continuous: the others ask which of two numbers is larger, and the last bit may decide.
fn continuous(profile: Profile, seed: u64) -> TrainingOptions {
    TrainingOptions {
        seed,
        learning_rate_generator: 1e-4,
        learning_rate_discriminator: 4e-5,
        learning_rate_encoder: 1e-4,
        ..TrainingOptions::new(profile)
    }
    .with(|r| r.straight_through = false)
}

/// Losses, then gradients and moving statistics of encoder, generator and discriminator.
type Outcome = Vec<Vec<f32>>;

/// What one step from the state `before` gives on `device`.
fn outcome(before: &TrainingState, data: &TrainingData, options: &TrainingOptions, device: &Device) -> Outcome {
    let mut state = before.clone();
    for (_, Learner { network, adam }) in state.learners_mut() {
        for vector in [&mut network.parameters, &mut network.statistics, &mut adam.first, &mut adam.second] {
            *vector = Tensor::from_data(vector.to_data(), device);
        }
    }
    state.average = None;
    state.loss_sums = Tensor::zeros([5], device);
    state.training_step(data, options, device).unwrap();
    let mut outcome = vec![read(state.loss_sums.clone()).unwrap()];
    for ((_, after), (_, before)) in state.learners().zip(before.learners()) {
        let beta = options.recipe.adam_beta1 as f32;
        let (new, old) = (read(after.adam.first.clone()).unwrap(), read(before.adam.first.clone()).unwrap());
        outcome.push(new.iter().zip(old).map(|(new, old)| (new - beta * old) / (1.0 - beta)).collect());
        outcome.push(read(after.network.statistics.clone()).unwrap());
    }
    outcome
}

/// The largest relative difference between the vectors of two outcomes, by Euclidean norm.
fn difference(found: &Outcome, expected: &Outcome) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected).filter(|(found, _)| !found.is_empty());
    let relative = pairs.map(|(found, expected)| {
        let off = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
        off / norm(&mut expected.iter().map(|&value| f64::from(value)))
    });
    relative.fold(0.0, f64::max)
}

/// The longest sums of a step go over all pixels of a batch, and a sum of n numbers is off by n roundings at most.
fn tolerance(options: &TrainingOptions) -> f64 {
    (options.batch_size * options.side().pow(2)) as f64 * f64::from(f32::EPSILON) / 2.0
}

/// Calls `check` with states of some steps of short trainings.
fn for_states(check: impl Fn(&TrainingState, &TrainingData, &TrainingOptions)) {
    let micrograph = field(3, 256, 256);
    for profile in Profile::ALL {
        let (window_side, batch_size) = if profile == Profile::Volume { (32, 2) } else { (profile.side(), 4) };
        let tiles = tiles(&micrograph.images, window_side).unwrap();
        let data = TrainingData { micrographs: (&micrograph.images).into(), tiles: &tiles };
        // Burn's primitives take long for volumes.
        let (seeds, steps) = if profile == Profile::Volume { (1..=1, vec![0, 2]) } else { (1..=2, vec![0, 1, 20]) };
        for seed in seeds {
            let options = TrainingOptions { batch_size, window_side, ..continuous(profile, seed) };
            let mut state = TrainingState::new(&options, 2, 1, &Device::flex());
            for &step in &steps {
                while state.step < step {
                    state.training_step(&data, &options, &Device::flex()).unwrap();
                }
                check(&state, &data, &options);
            }
        }
    }
}

/// The difference `off` of a step, or of one with other draws if it is beyond the tolerance.
///
/// A value may lie so near the kink of leaky ReLU that two implementations are on different sides of it. That depends on
/// the draws, and a wrong kernel does not: one of four must agree.
fn smallest_difference(options: &TrainingOptions, off: impl Fn(&TrainingOptions) -> f64) -> f64 {
    let mut smallest = f64::INFINITY;
    for seed in (options.seed..).step_by(100).take(4) {
        smallest = smallest.min(off(&TrainingOptions { seed, ..options.clone() }));
        if smallest < tolerance(options) {
            break;
        }
    }
    smallest
}

#[test]
fn fused_kernels_and_primitives_agree_in_every_step() {
    for_states(|state, data, options| {
        let fused = |state: &TrainingState, options: &TrainingOptions| outcome(state, data, options, &Device::flex());
        let off = smallest_difference(options, |options| {
            let (fused, primitives) = (fused(state, options), with_primitives(|| fused(state, options)));
            assert!(fused != primitives, "the fused kernels did not do the work");
            difference(&fused, &primitives)
        });
        let (step, tolerance) = (state.step, tolerance(options));
        assert!(off < tolerance, "{:?}, seed {}, step {step}: {off} beyond {tolerance}", options.profile, options.seed);
        // Other weights are seen.
        let mut other = state.clone();
        other.generator.network.parameters = other.generator.network.parameters * 1.01;
        let off = difference(&fused(&other, options), &fused(state, options));
        assert!(off > tolerance, "{off} within {tolerance}");
    });
}

#[test]
fn an_accelerator_agrees_with_the_processor_in_every_step() {
    let Some(device) = crate::device::accelerator() else { return };
    let device = device.open().unwrap();
    for_states(|state, data, options| {
        let off = smallest_difference(options, |options| {
            let (found, fused) =
                (outcome(state, data, options, &device), outcome(state, data, options, &Device::flex()));
            assert!(found != fused, "the processor did the work");
            let primitives = with_primitives(|| outcome(state, data, options, &Device::flex()));
            difference(&found, &fused).max(difference(&found, &primitives))
        });
        let tolerance = tolerance(options);
        assert!(off < tolerance, "{:?}, step {}: {off} beyond {tolerance}", options.profile, state.step);
    });
}
