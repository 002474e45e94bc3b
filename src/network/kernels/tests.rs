use burn_tensor::{DType, Device, Int, TensorData};

use super::*;
use crate::device::every_kind;
use crate::network::read;

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[test]
fn translation_moves_every_pixel_where_it_belongs() {
    let images = |device: &Device| Tensor::<1, Int>::arange(0..240, device).float().reshape([2, 3, 2, 4, 5]);
    let displacements = [[1, -2], [-5, 7]];
    let moved = read(Cpu.translate(images(&Device::flex()), &displacements)).unwrap();
    for device in every_kind() {
        for kernels in [&Primitives, kernels(&images(&device))] {
            assert_eq!(moved, read(kernels.translate(images(&device), &displacements)).unwrap());
        }
    }
    for (index, &value) in moved.iter().enumerate() {
        let (image, y, x) = (index / 120, index / 5 % 4, index % 5);
        let [dy, dx] = displacements[image];
        let from = |to: usize, by: i64, side: i64| (to as i64 - by).rem_euclid(side) as usize;
        let source = index - 5 * y - x + 5 * from(y, dy, 4) + from(x, dx, 5);
        assert_eq!(value, source as f32);
    }
}

#[test]
fn probabilities_and_cross_entropy_agree_with_double_precision() {
    for count in [1, 15, 16, 4096, 3 * 4096 + 7] {
        let logits: Vec<f32> = (0..count).map(|i| 120.0 * (i as f32 * 0.7).sin().powi(5)).collect();
        let targets: Vec<f32> = (0..count).map(|i| (i % 3 / 2) as f32).collect();
        let shape = [1, 1, 1, 1, count];
        check_likelihood(tensor(logits, shape), tensor(targets, shape));
    }
}

#[test]
fn probabilities_of_several_channels_agree_with_double_precision() {
    for (n, channels, count) in [(1, 2, 1), (2, 3, 16), (3, 4, 4099)] {
        let logits = (0..n * channels * count).map(|i| 120.0 * (i as f32 * 0.7).sin().powi(5)).collect();
        let phase = |i: usize| i / (channels * count) * 7 + i % count;
        let targets = (0..n * channels * count).map(|i| (phase(i) % channels == i / count % channels) as u8 as f32);
        let shape = [n, channels, 1, 1, count];
        check_likelihood(tensor(logits, shape), tensor(targets.collect(), shape));
    }
}

fn check_likelihood(logits: Tensor<5>, targets: Tensor<5>) {
    let (exact, exact_targets) = (logits.clone().cast(DType::F64), targets.clone().cast(DType::F64));
    let (expected, by_logits) = Primitives.cross_entropy(exact.clone(), exact_targets, 3.0);
    let (expected, expected_probabilities) = (expected.into_scalar::<f64>(), Primitives.probabilities(exact));
    for device in every_kind() {
        let [logits, targets] = [&logits, &targets].map(|of| of.clone().to_device(&device));
        let kernels = kernels(&logits);
        let (value, gradient) = kernels.cross_entropy(logits.clone(), targets, 3.0);
        let worst = |a: Tensor<5>, b: &Tensor<5>| {
            let difference = a.to_device(&Device::flex()).cast(DType::F64) - b.clone();
            difference.abs().max().into_scalar::<f64>()
        };
        assert!(worst(kernels.probabilities(logits), &expected_probabilities) < 1e-6);
        assert!(worst(gradient, &by_logits) < 1e-6);
        let value = f64::from(value.into_scalar::<f32>());
        // Burn's sum on the CPU adds one number after the other.
        assert!((value - expected).abs() < 1e-5 * expected.abs() + 1e-7, "{value} {expected}");
    }
}

#[test]
fn nan_stays_nan() {
    for device in every_kind() {
        let on_device = |values: Vec<f32>| tensor(values, [1, 1, 1, 1, 2]).to_device(&device);
        let logits = || on_device(vec![f32::NAN, 1.0]);
        for kernels in [&Primitives, kernels(&logits())] {
            let (value, _) = kernels.cross_entropy(logits(), on_device(vec![1.0; 2]), 1.0);
            assert!(value.into_scalar::<f32>().is_nan());
            assert!(read(kernels.probabilities(logits())).unwrap()[0].is_nan());
        }
    }
}

/// What lies between the networks, of images and latents with random values.
fn between(kernels: &dyn Kernels, to: &dyn Fn(Tensor<1>) -> Tensor<1>, channels: usize) -> Vec<Vec<f64>> {
    let numbers = |count: usize, seed: usize, least: f32| -> Tensor<1> {
        let value = |i: usize| least.max(3.0 * ((i + 100 * seed) as f32 * 0.7).sin());
        to(tensor((0..count).map(value).collect(), [count]))
    };
    let shape = [3, channels, 1, 5, 7];
    let images = |seed| numbers(shape.iter().product(), seed, -9.0).reshape(shape);
    let latents = |seed, least| numbers(600, seed, least).reshape([3, 200]);
    let encoded = || numbers(1200, 3, -9.0).reshape([3, 400]);
    let prior = Prior {
        mean: latents(4, -9.0),
        deviation: latents(5, 0.5),
        mean_scale: latents(6, 0.5),
        deviation_scale: latents(7, 0.5),
    };
    let streams = [(true, 0.5), (false, 2.0), (true, 0.0)].map(|(real, weight)| AdversarialStream { real, weight });
    let logits = || numbers(21, 8, -9.0).reshape([21, 1, 1, 1, 1]);
    let (adversarial, by_judged) = kernels.adversarial(logits(), &streams);
    let (divergence, by_encoded) = kernels.divergence(encoded(), prior, 7.0);
    let loss = |seed| numbers(1, seed, -9.0);
    let terms = LossTerms {
        discriminator: loss(9),
        adversarial: adversarial.clone(),
        reconstruction: loss(10),
        divergence: divergence.clone(),
        beta: 0.3,
        lambda_rec: 0.7,
    };
    let mut moved = numbers(300, 11, -9.0);
    kernels.move_towards(&mut moved, numbers(300, 12, -9.0), 0.9);
    let probabilities = kernels.probabilities(images(1));
    let all = [
        kernels.probabilities_backward(probabilities.clone(), images(2), None).flatten(0, 4),
        kernels.probabilities_backward(probabilities, images(2), Some((images(3), 0.3))).flatten(0, 4),
        adversarial,
        by_judged.flatten(0, 4),
        kernels.sample_posterior(encoded(), latents(13, -9.0)).flatten(0, 1),
        divergence,
        by_encoded.clone().flatten(0, 1),
        kernels.posterior_backward(encoded(), latents(13, -9.0), latents(14, -9.0), (by_encoded, 0.4)).flatten(0, 1),
        kernels.add_losses(numbers(5, 15, -9.0), terms),
        moved,
    ];
    let doubles = |of: Tensor<1>| of.to_device(&Device::flex()).cast(DType::F64).into_data().try_to_vec().unwrap();
    all.map(doubles).to_vec()
}

#[test]
fn what_lies_between_networks_agrees_with_double_precision() {
    for channels in [1, 3] {
        let expected = between(&Primitives, &|numbers| numbers.cast(DType::F64), channels);
        for device in every_kind() {
            let there = |numbers: Tensor<1>| numbers.to_device(&device);
            let found = between(kernels(&there(tensor(vec![0.0], [1]))), &there, channels);
            for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let scale = expected.iter().fold(0f64, |largest, value| largest.max(value.abs()));
                let worst = found.iter().zip(expected).fold(0f64, |worst, (a, b)| worst.max((a - b).abs()));
                assert!(found.len() == expected.len() && worst < 2e-6 * scale, "{number}: {worst} of {scale}");
            }
        }
    }
}
