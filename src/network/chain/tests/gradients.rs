//! Gradients beside finite differences.

use super::*;
use crate::network::spectral;

/// A loss whose gradient with respect to the output is `weights`.
fn loss(network: &Network, input: &Input, weights: &Tensor<5>) -> f64 {
    let output = network.clone().forward_train(input.clone()).output;
    (output * weights.clone()).sum().into_scalar::<f64>()
}

/// Compares a gradient with central differences at some of its entries.
fn check(gradient: &[f64], tolerance: f64, rng: &mut ChaCha8Rng, loss_with: impl Fn(usize, f64) -> f64) {
    let scale = gradient.iter().fold(0f64, |largest, g| largest.max(g.abs()));
    assert!(scale > 0.0);
    for _ in 0..6 {
        let index = rng.random_range(0..gradient.len());
        // So short that no activation crosses the kink of leaky ReLU.
        let step = 1e-8;
        let difference = (loss_with(index, step) - loss_with(index, -step)) / (2.0 * step);
        assert!((gradient[index] - difference).abs() < tolerance * scale, "{} {difference}", gradient[index]);
    }
}

fn bumped<const D: usize>(tensor: &Tensor<D>, index: usize, step: f64) -> Tensor<D> {
    let mut values = tensor.clone().into_data().try_to_vec::<f64>().unwrap();
    values[index] += step;
    Tensor::from_data(TensorData::new(values, tensor.dims()), (&Device::flex(), DType::F64))
}

fn check_network(layers: Vec<LayerSpec>, input: [usize; 5]) {
    let mut rng = generator(11, Purpose::Weights, 0);
    let mut network = network(layers, &mut rng);
    if network.is_spectral() {
        // Gradients take the singular vectors for exact.
        for _ in 0..2000 {
            network.statistics = spectral::normalise(&network.layout, &network.parameters, &network.statistics).1;
        }
    }
    let input = with_noise(&network, random(input, &mut rng), &mut rng);
    let tape = network.clone().forward_train(input.clone());
    let weights = random(tape.output.dims(), &mut rng);

    let loss_with_parameter = |index: usize, step: f64| {
        let mut network = network.clone();
        network.parameters = bumped(&network.parameters, index, step);
        loss(&network, &input, &weights)
    };
    let loss_with_pixel = |index: usize, step: f64| {
        let values = bumped(&input.values, index, step);
        loss(&network, &Input { values, noise: input.noise.clone() }, &weights)
    };
    let by_parameters = doubles(network.backward_parameters(&tape, weights.clone()));
    check(&by_parameters, 1e-5, &mut rng, loss_with_parameter);
    // Gains are few among all parameters.
    let gains: Vec<usize> = network.layout.layers.iter().filter_map(|layer| layer.gain.clone()).flatten().collect();
    let of_gains = |gradient: &[f64]| gains.iter().map(|&index| gradient[index]).collect::<Vec<f64>>();
    let loss_with_gain = |index: usize, step: f64| loss_with_parameter(gains[index], step);
    if !gains.is_empty() {
        check(&of_gains(&by_parameters), 1e-5, &mut rng, loss_with_gain);
    }
    let by_input = doubles(network.backward_input(&tape, weights.clone()));
    check(&by_input, 1e-5, &mut rng, loss_with_pixel);

    let mut fused = single(&network);
    let tape = fused.forward_train(cast(&input));
    let weights = weights.clone().cast(DType::F32);
    let by_parameters = doubles(fused.backward_parameters(&tape, weights.clone()));
    check(&by_parameters, 1e-4, &mut rng, loss_with_parameter);
    if !gains.is_empty() {
        check(&of_gains(&by_parameters), 1e-4, &mut rng, loss_with_gain);
    }
    check(&doubles(fused.backward_input(&tape, weights)), 1e-4, &mut rng, loss_with_pixel);
}

#[test]
fn gradients_agree_with_finite_differences() {
    for (profile, latent) in [(Profile::Paper32, 5), (Profile::Paper64, 32)] {
        for channels in [1, 3] {
            for normalised in [false, true] {
                let variant =
                    Variant { encoder_head_normalised: normalised, discriminator_head_normalised: normalised };
                let architecture = Architecture::new(profile, channels, latent, variant);
                let side = profile.side();
                check_network(architecture.encoder.unwrap(), [3, channels, 1, side, side]);
                check_network(architecture.generator, [3, latent, 1, 1, 1]);
                check_network(architecture.discriminator, [3, channels, 1, side, side]);
            }
        }
    }
}

#[test]
fn gradients_of_a_grid_of_latents_agree_with_finite_differences() {
    for channels in [1, 3] {
        let Architecture { encoder, generator, discriminator } =
            Architecture::new(Profile::Standard, channels, 5, Variant::default());
        check_network(encoder.unwrap(), [3, channels, 1, 64, 64]);
        check_network(generator, [3, 5, 1, 4, 4]);
        check_network(discriminator, [3, channels, 1, 64, 64]);
    }
}

#[test]
fn gradients_of_volumes_agree_with_finite_differences() {
    for padding in [Padding::Zeros, Padding::Periodic] {
        let layers = of_three_axes(padding, &[3, 6, 2]);
        check_network(layers.clone(), [2, 3, 2, 4, 3]);
        check_network(reversed(&layers), [2, 2, 8, 16, 12]);
    }
    check_network(vec![valid_of_three_axes(2, 3)], [2, 2, 4, 4, 4]);
}
