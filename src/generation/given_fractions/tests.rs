//! Realisations of given volume fractions, and blocks of them.

use super::super::field::tests::{model, relaxing, volume_model};
use std::ops::ControlFlow;

use super::*;
use crate::generation::realisations;
use crate::model::PositionBiases;

/// A model of two or three phases that has not been trained, with realisations as its tiles, and fractions that lie a
/// little off theirs.
fn material(n_phases: usize) -> (Model, Vec<f64>) {
    let mut model = relaxing(model(n_phases));
    model.tiles =
        realisations(&model, &GenerationOptions { seed: 8, count: 4, ..GenerationOptions::default() }).unwrap();
    let mut fractions = model.tiles.volume_fractions();
    let change = 0.03 * fractions[0].min(fractions[1]);
    fractions[0] -= change;
    fractions[1] += change;
    (model, fractions)
}

fn threshold(model: &Model, options: &GenerationOptions) -> Result<Threshold> {
    super::threshold(model, options, 0.5, &mut |_| ControlFlow::Continue(()))
}

fn made(model: &Model, options: &GenerationOptions) -> Vec<u8> {
    realisations(model, options).unwrap().as_slice().to_vec()
}

#[test]
fn blocks_fit_together_and_have_the_volume_fractions() {
    for (n_phases, shape) in [(2, [1, 64, 400]), (3, [1, 96, 208])] {
        let (model, fractions) = material(n_phases);
        let options = GenerationOptions {
            seed: 4,
            first: 9,
            shape: Some(shape),
            volume_fractions: Some(fractions.clone()),
            threads: 2,
            ..GenerationOptions::default()
        };
        let (whole, voxels) = (made(&model, &options), shape[1] * shape[2]);
        for (phase, fraction) in fractions.iter().enumerate() {
            let found = whole.iter().filter(|&&found| usize::from(found) == phase).count() as f64;
            assert!((found - fraction * voxels as f64).abs() <= 1.0, "{found} of {voxels} of phase {phase}");
        }
        let threshold = threshold(&model, &GenerationOptions { threads: 1, ..options.clone() }).unwrap();
        let words = threshold.to_words();
        let threshold = Some(Threshold::from_words(&words).unwrap());
        let options = GenerationOptions { threshold, ..options };
        assert!(made(&model, &options) == whole);
        for (first, size) in [([0, 0], [40, 333]), ([40, 333], [60, 80]), ([-1, -1], [shape[1] + 2, shape[2] + 2])] {
            let block = Block { first: [0, first[0], first[1]], size: [1, size[0], size[1]] };
            let mut expected = vec![9; block.voxels()];
            block.copy(shape, &Block::whole(shape), &whole, &mut expected);
            let options = GenerationOptions { block: Some(block), threads: 1, ..options.clone() };
            assert!(made(&model, &options) == expected, "{block:?}");
        }
    }
}

#[test]
fn a_threshold_that_is_found_block_by_block_is_exact_too() {
    let ((model, fractions), shape) = (material(2), [1, 48, 400]);
    let mut given = GivenFractions { sides: [1, 80, 80], ..GivenFractions::new(&model, shape).unwrap() };
    assert!(parts(shape, [1, 80, 80]).len() > SAMPLE);
    let threshold = given.threshold(3, 2, &fractions, &|| Ok(())).unwrap();
    assert!(!threshold.rounds.is_empty());
    let whole = given.block(&threshold, &Block::whole(shape)).unwrap();
    assert!(given.last.is_none());
    let found = whole.iter().filter(|&&found| found == 1).count() as f64;
    assert!((found - fractions[1] * whole.len() as f64).abs() <= 1.0);
    for block in [parts(shape, [1, 140, 140]).nth(1).unwrap(), Block { first: [0, -9, 390], size: [1, 30, 30] }] {
        let mut expected = vec![9; block.voxels()];
        block.copy(shape, &Block::whole(shape), &whole, &mut expected);
        assert!(given.block(&threshold, &block).unwrap() == expected);
    }
}

#[test]
fn fractions_far_from_those_of_the_model_take_few_rounds() {
    for (model, shape) in [(model(2), [1, 64, 80]), (model(3), [1, 64, 64]), (volume_model(), [32, 32, 48])] {
        let (first, n) = (0.1 + 0.8 / model.n_phases() as f64, model.n_phases());
        let mut fractions = vec![0.0; n];
        for phase in 0..n {
            fractions.fill((1.0 - first) / (n - 1) as f64);
            fractions[phase] = first;
            let mut given = GivenFractions::new(&model, shape).unwrap();
            let threshold = given.threshold(3, 2, &fractions, &|| Ok(())).unwrap();
            assert!(threshold.rounds.len() <= 20, "{} rounds to {fractions:?}", threshold.rounds.len());
        }
    }
}

#[test]
fn a_search_tells_that_it_goes_on_and_can_be_cancelled() {
    let (model, fractions) = material(2);
    let options = GenerationOptions { volume_fractions: Some(fractions), ..GenerationOptions::default() };
    for most in [1, 3, usize::MAX] {
        let mut steps = Vec::new();
        let found = super::threshold(&model, &options, 0.0, &mut |progress| {
            steps.push(progress.step);
            if steps.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        match found {
            Ok(_) => assert!(steps.len() > 3 && most == usize::MAX && steps.pop() == Some(1)),
            Err(error) => assert!(matches!(error, Error::Cancelled(_)) && steps.len() == most, "{error}"),
        }
        assert!(steps.iter().all(|&step| step == 0));
    }
}

#[test]
fn fractions_that_vary_are_those_of_each_realisation_alone() {
    let (model, fractions) = material(2);
    let options = GenerationOptions {
        seed: 4,
        first: 1,
        count: 4,
        shape: Some([1, 64, 80]),
        volume_fractions: Some(fractions.clone()),
        volume_fraction_deviation: 0.01,
        ..GenerationOptions::default()
    };
    let (all, mut counts) = (made(&model, &options), Vec::new());
    for (index, image) in (1..).zip(all.chunks_exact(64 * 80)) {
        let wanted = options.fractions_of(&model, index, &fractions)[1] * image.len() as f64;
        counts.push(image.iter().filter(|&&phase| phase == 1).count());
        assert!((counts[counts.len() - 1] as f64 - wanted).abs() <= 1.0, "{counts:?}, {wanted}");
        let alone = GenerationOptions { first: index, count: 1, ..options.clone() };
        let found = Some(threshold(&model, &alone).unwrap());
        assert!(made(&model, &GenerationOptions { threshold: found, ..alone }) == image);
    }
    assert!(counts.windows(2).all(|pair| pair[0] != pair[1]), "{counts:?}");
}

#[test]
fn fractions_that_would_take_too_many_rounds_are_refused() {
    // Half of all voxels stay as they are, whatever is added to the logits.
    let values = (0..16 * 16 * 16).map(|position| if position % 2 == 0 { 1e30 } else { -1e30 }).collect();
    let model = Model { position_biases: PositionBiases::new(1, 3, values), ..volume_model() };
    let mut given = GivenFractions::new(&model, [32; 3]).unwrap();
    let error = given.threshold(3, 2, &[0.2, 0.8], &|| Ok(())).unwrap_err().to_string();
    assert!(error.contains("realisation 2 of seed 3") && error.contains("[0.2, 0.8]"), "{error}");
}

#[test]
fn a_threshold_of_something_else_is_refused() {
    let (model, fractions) = material(2);
    let options = GenerationOptions { volume_fractions: Some(fractions.clone()), ..GenerationOptions::default() };
    let found = threshold(&model, &options).unwrap();
    let right = GenerationOptions { threshold: Some(found.clone()), ..options.clone() };
    let message = |options: GenerationOptions| realisations(&model, &options).unwrap_err().to_string();
    let others = [
        GenerationOptions { seed: 1, ..right.clone() },
        GenerationOptions { first: 1, ..right.clone() },
        GenerationOptions { shape: Some([1, 64, 80]), ..right.clone() },
        GenerationOptions { volume_fractions: Some(model.tiles.volume_fractions()), ..right.clone() },
    ];
    for other in others {
        let message = message(other);
        assert!(message.contains("realisation 0 of seed 0, 1 x 64 x 64 voxels"), "{message}");
    }
    assert!(message(GenerationOptions { count: 2, ..right.clone() }).contains("count is 2"));
    assert!(message(GenerationOptions { volume_fractions: None, ..right.clone() }).contains("without volume"));
    let of_other = Some(Threshold { model: found.model ^ 1, ..found.clone() });
    assert!(message(GenerationOptions { threshold: of_other, ..right }).contains("another model"));
    let without = GenerationOptions::default();
    assert!(threshold(&model, &without).unwrap_err().to_string().contains("without volume fractions"));
    // Tiles of one volume fraction.
    let model = Model { tiles: model.tiles.range(0, 1), ..model };
    let impossible = GenerationOptions { volume_fractions: Some(vec![0.01, 0.99]), ..without };
    assert!(threshold(&model, &impossible).unwrap_err().to_string().contains("can have"));
    let words = found.to_words();
    let nan = f64::NAN.to_bits() as i64;
    for wrong in [&[][..], &[0; 256], &words[..words.len() - 1], &[&words[..7], &[nan; 90]].concat()] {
        assert!(Threshold::from_words(wrong).is_err_and(|error| error.to_string().contains("none that was found")));
    }
    assert_eq!(Threshold::from_words(&[words, vec![0; 9]].concat()), Ok(found));
}
