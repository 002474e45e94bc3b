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
