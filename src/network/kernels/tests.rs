use burn_tensor::{DType, Device, Int, TensorData};
use ndarray::Array4;
use rand::Rng;

use super::*;
use crate::descriptor::{
    FUNCTIONALS, Indicator, PATTERNS, SCALES, minkowski_functionals, pattern_histograms as histograms,
};
use crate::device::every_kind;
use crate::micrograph::PhaseImages;
use crate::network::{one_hot, phases_of_channels, read};
use crate::random::{Purpose, generator};

/// Both implementations.
const BOTH: [&dyn Kernels; 2] = [&Cpu, &Primitives];

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// `count` numbers from 0 to 1, all different.
fn waves(count: usize, factor: f32) -> Vec<f32> {
    (0..count).map(|i| 0.5 + 0.5 * (factor * i as f32).sin()).collect()
}

/// Asserts that all numbers are within `tolerance` of the expected ones.
fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance), "{found:?} instead of {expected:?}");
}

#[test]
fn translation_moves_every_pixel_where_it_belongs() {
    let images = |device: &Device| Tensor::<1, Int>::arange(0..120, device).float().reshape([2, 3, 4, 5]);
    let displacements = [[1, -2], [-5, 7]];
    let moved = read(Cpu.translate(images(&Device::flex()), &displacements)).unwrap();
    for device in every_kind() {
        assert_eq!(moved, read(Primitives.translate(images(&device), &displacements)).unwrap());
    }
    for (index, &value) in moved.iter().enumerate() {
        let (image, y, x) = (index / 60, index / 5 % 4, index % 5);
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
        let shape = [1, 1, 1, count];
        let (logits, targets) = (tensor(logits, shape), tensor(targets, shape));
        let (value, gradient) = Cpu.cross_entropy(logits.clone(), targets.clone(), 3.0);
        let found = Cpu.probabilities(logits.clone());

        let (logits, targets) = (logits.cast(DType::F64), targets.cast(DType::F64));
        let (expected, by_logits) = Primitives.cross_entropy(logits.clone(), targets, 3.0);
        let worst = |a: Tensor<4>, b: Tensor<4>| (a.cast(DType::F64) - b).abs().max().into_scalar::<f64>();
        assert!(worst(found, Primitives.probabilities(logits)) < 1e-6);
        assert!(worst(gradient, by_logits) < 1e-6);
        let (value, expected) = (value.into_scalar::<f32>(), expected.into_scalar::<f64>());
        assert!((f64::from(value) / expected - 1.0).abs() < 1e-6, "{value} {expected}");
    }
}

#[test]
fn nan_stays_nan() {
    let logits = || tensor(vec![f32::NAN, 1.0], [1, 1, 1, 2]);
    for kernels in BOTH {
        let (value, _) = kernels.cross_entropy(logits(), tensor(vec![1.0; 2], [1, 1, 1, 2]), 1.0);
        assert!(value.into_scalar::<f32>().is_nan());
        assert!(read(kernels.probabilities(logits())).unwrap()[0].is_nan());
    }
}

fn image(rows: &[&str], n_phases: usize) -> PhaseImages {
    let at = |(_, _, y, x): (usize, usize, usize, usize)| rows[y].as_bytes()[x] - b'0';
    PhaseImages::new(Array4::from_shape_fn((1, 1, rows.len(), rows[0].len()), at), n_phases).unwrap()
}

#[test]
fn functionals_of_channels_are_those_of_phases() {
    for (n_phases, rows) in [(2, ["0110", "1101", "0010"]), (3, ["0112", "2101", "0221"])] {
        let image = image(&rows, n_phases);
        let expected: Vec<f32> = phases_of_channels(n_phases)
            .flat_map(|phase| minkowski_functionals(image.image(0), 4, 0..3, 0..4, phase))
            .map(|value| value as f32)
            .collect();
        for kernels in BOTH {
            let found = kernels.functionals(&one_hot(&image, &[0], &Device::flex()));
            close(&read(found).unwrap(), &expected, 1e-6);
        }
    }
}

#[test]
fn gradients_of_functionals_are_the_effect_of_one_pixel() {
    let shape = [2, 3, 3, 4];
    let at = waves(72, 0.9);
    let weights = waves(12, 1.7);
    let of = |values: Vec<f32>| read(Cpu.functionals(&tensor(values, shape))).unwrap();
    let expected: Vec<f32> = (0..72)
        .map(|pixel| {
            // The functionals are linear in each pixel, from 0 to 1.
            let with = |to: f32| of(at.iter().enumerate().map(|(i, &x)| if i == pixel { to } else { x }).collect());
            let (set, unset, first) = (with(1.0), with(0.0), pixel / 12 * FUNCTIONALS);
            let [fraction, euler] = [first, first + 1].map(|number| set[number] - unset[number]);
            fraction * weights[first] + euler.min(0.0) * weights[first + 1]
        })
        .collect();
    for kernels in BOTH {
        let found = kernels.functionals_backward(&tensor(at.clone(), shape), tensor(weights.clone(), [2, 6]));
        close(&read(found).unwrap(), &expected, 1e-5);
    }
}

#[test]
fn the_euler_characteristic_joins_pieces_and_begins_none() {
    let line = ["0000000", "0000000", "1110111", "0000000", "0000000"];
    let images = one_hot(&image(&line, 2), &[0], &Device::flex());
    for kernels in BOTH {
        let found = read(kernels.functionals_backward(&images, tensor(vec![0.0, 1.0], [1, 2]))).unwrap();
        let at = |y: usize, x: usize| 35.0 * found[7 * y + x];
        // There are fewer pairs than pixels, so each counts a little more.
        assert!((at(2, 3) + 1.0).abs() < 0.5, "the gap: {}", at(2, 3));
        assert!(at(2, 1) < -0.5, "within the line: {}", at(2, 1));
        for (y, x) in [(0, 0), (0, 3), (0, 6), (1, 3), (4, 0), (4, 5)] {
            assert_eq!(at(y, x), 0.0);
        }
    }
}

/// Random images of `n_phases` phases, and the same as channels.
fn random(n: usize, n_phases: usize) -> (PhaseImages, Tensor<4>) {
    let mut rng = generator(1, Purpose::Step, 7);
    let phases = Array4::from_shape_fn((n, 1, 16, 16), |_| rng.random_range(0..n_phases as u8));
    let images = PhaseImages::new(phases, n_phases).unwrap();
    let channels = one_hot(&images, &(0..n).collect::<Vec<_>>(), &Device::flex());
    (images, channels)
}

#[test]
fn pattern_shares_are_those_of_the_descriptor() {
    for n_phases in [2, 3] {
        let (images, channels) = random(3, n_phases);
        let of_phase = |phase| histograms(&Indicator::new(&images, phase).unwrap()).concat();
        let expected: Vec<f32> = phases_of_channels(n_phases).flat_map(of_phase).map(|share| share as f32).collect();
        for kernels in BOTH {
            close(&read(kernels.pattern_shares(&channels)).unwrap(), &expected, 1e-6);
        }
    }
}

#[test]
fn gradients_of_patterns_are_the_effect_of_one_pixel() {
    let (_, images) = random(2, 3);
    let mut rng = generator(2, Purpose::Step, 7);
    let costs: Vec<f32> = (0..3 * SCALES * PATTERNS).map(|_| rng.random_range(-1.0..1.0)).collect();
    let backward = |kernels: &dyn Kernels, costs: &[f32]| {
        read(kernels.patterns_backward(&images, tensor(costs.to_vec(), [3, SCALES, PATTERNS]))).unwrap()
    };
    close(&backward(&Cpu, &costs), &backward(&Primitives, &costs), 1e-4);

    // At full resolution alone a change is followed exactly.
    let full = |(i, &cost): (usize, &f32)| if (i / PATTERNS).is_multiple_of(SCALES) { cost } else { 0.0 };
    let full: Vec<f32> = costs.iter().enumerate().map(full).collect();
    let found = backward(&Cpu, &full);
    let pixels = read(images.clone()).unwrap();
    let cost = |pixels: Vec<f32>| -> f32 {
        let shares = read(Cpu.pattern_shares(&tensor(pixels, images.dims()))).unwrap();
        shares.iter().zip(&full).map(|(share, cost)| share * cost).sum::<f32>() * (2 * 14 * 14) as f32
    };
    for pixel in (0..pixels.len()).step_by(41) {
        let with = |to: f32| cost(pixels.iter().enumerate().map(|(i, &x)| if i == pixel { to } else { x }).collect());
        let expected = with(1.0) - with(0.0);
        assert!((found[pixel] - expected).abs() < 1e-2, "{} instead of {expected}", found[pixel]);
    }
}
