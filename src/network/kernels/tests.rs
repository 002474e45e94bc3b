use burn_tensor::{DType, Device, Int, TensorData};

use super::*;
use crate::device::every_kind;
use crate::network::read;

/// Both implementations.
const BOTH: [&dyn Kernels; 2] = [&Cpu, &Primitives];

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[test]
fn translation_moves_every_pixel_where_it_belongs() {
    let images = |device: &Device| Tensor::<1, Int>::arange(0..240, device).float().reshape([2, 3, 2, 4, 5]);
    let displacements = [[1, -2], [-5, 7]];
    let moved = read(Cpu.translate(images(&Device::flex()), &displacements)).unwrap();
    for device in every_kind() {
        assert_eq!(moved, read(Primitives.translate(images(&device), &displacements)).unwrap());
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
        let (logits, targets) = (tensor(logits, shape), tensor(targets, shape));
        let (value, gradient) = Cpu.cross_entropy(logits.clone(), targets.clone(), 3.0);
        let found = Cpu.probabilities(logits.clone());

        let (logits, targets) = (logits.cast(DType::F64), targets.cast(DType::F64));
        let (expected, by_logits) = Primitives.cross_entropy(logits.clone(), targets, 3.0);
        let worst = |a: Tensor<5>, b: Tensor<5>| (a.cast(DType::F64) - b).abs().max().into_scalar::<f64>();
        assert!(worst(found, Primitives.probabilities(logits)) < 1e-6);
        assert!(worst(gradient, by_logits) < 1e-6);
        let (value, expected) = (value.into_scalar::<f32>(), expected.into_scalar::<f64>());
        assert!((f64::from(value) / expected - 1.0).abs() < 1e-6, "{value} {expected}");
    }
}

#[test]
fn nan_stays_nan() {
    let logits = || tensor(vec![f32::NAN, 1.0], [1, 1, 1, 1, 2]);
    for kernels in BOTH {
        let (value, _) = kernels.cross_entropy(logits(), tensor(vec![1.0; 2], [1, 1, 1, 1, 2]), 1.0);
        assert!(value.into_scalar::<f32>().is_nan());
        assert!(read(kernels.probabilities(logits())).unwrap()[0].is_nan());
    }
}
