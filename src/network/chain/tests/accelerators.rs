//! The kernels of accelerators beside Burn's operations there.

use super::*;
use crate::device::accelerator;

#[test]
fn images() {
    let Some(device) = accelerator() else { return };
    let device = &device.open().unwrap();
    for (profile, latent, channels, n) in
        [(Profile::Paper32, 5, 1, 2), (Profile::Paper64, 32, 1, 5), (Profile::Paper32, 5, 3, 9)]
    {
        let normalised = n % 2 == 1;
        let variant = Variant { encoder_head_normalised: normalised, discriminator_head_normalised: normalised };
        let architecture = Architecture::new(profile, channels, latent, variant);
        let side = profile.side();
        check_fused_on(device, "encoder", &architecture.encoder.unwrap(), [n, channels, 1, side, side]);
        check_fused_on(device, "generator", &architecture.generator, [n, latent, 1, 1, 1]);
        let periodic = periodic(&architecture.generator[1..]);
        let inputs = periodic[0].inputs;
        check_fused_on(device, "periodic generator", &periodic, [n, inputs, 1, 4, 4]);
        check_fused_on(device, "periodic encoder", &reversed(&periodic), [n, channels, 1, side, side]);
        check_fused_on(device, "discriminator", &architecture.discriminator, [n, channels, 1, side, side]);
    }
}

#[test]
fn images_of_a_grid_of_latents() {
    let Some(device) = accelerator() else { return };
    let device = &device.open().unwrap();
    for (channels, n, ny, nx) in [(1, 2, 4, 4), (3, 3, 3, 5)] {
        let Architecture { encoder, generator, discriminator } =
            Architecture::new(Profile::Standard, channels, 16, Variant::default());
        check_fused_on(device, "encoder", &encoder.unwrap(), [n, channels, 1, 16 * ny, 16 * nx]);
        check_fused_on(device, "generator", &generator, [n, 16, 1, ny, nx]);
        check_fused_on(device, "discriminator", &discriminator, [n, channels, 1, 64, 64]);
    }
}

#[test]
fn volumes() {
    let Some(device) = accelerator() else { return };
    let device = &device.open().unwrap();
    for padding in [Padding::Zeros, Padding::Periodic] {
        for (n, [z, y, x], widths) in
            [(1, [2, 3, 4], [3, 5, 2]), (2, [4, 2, 3], [16, 12, 6]), (5, [3, 1, 2], [2, 7, 9])]
        {
            let layers = of_three_axes(padding, &widths);
            let [inputs, .., outputs] = widths;
            check_fused_on(device, "doubling", &layers, [n, inputs, z, y, x]);
            check_fused_on(device, "halving", &reversed(&layers), [n, outputs, 4 * z, 4 * y, 4 * x]);
        }
    }
    let halving = reversed(&of_three_axes(Padding::Zeros, &[6, 2]));
    let to_vectors = [halving, vec![valid_of_three_axes(6, 3)]].concat();
    for n in [1, 3] {
        check_fused_on(device, "to vectors", &to_vectors, [n, 2, 8, 8, 8]);
        check_fused_on(device, "from vectors", &reversed(&to_vectors), [n, 3, 1, 1, 1]);
    }
}

#[test]
fn results_are_the_same_bytes_again() {
    let Some(device) = accelerator() else { return };
    let device = &device.open().unwrap();
    let mut rng = generator(29, Purpose::Weights, 0);
    let layers = Architecture::new(Profile::Standard, 1, 16, Variant::default()).generator;
    let network = single(&network(layers, &mut rng));
    let input = cast(&with_noise(&network, random([4, 16, 1, 4, 4], &mut rng), &mut rng));
    let gradient = random(network.output_shape(input.values.dims()), &mut rng).cast(DType::F32).to_device(device);
    let (network, input) = (network_on(&network, device), input_on(&input, device));
    let first = results(&network, &input, &gradient);
    assert!((0..3).all(|_| first == results(&network, &input, &gradient)));
}

#[test]
fn phases_are_those_of_the_largest_logits() {
    let Some(device) = accelerator() else { return };
    let device = &device.open().unwrap();
    let mut rng = generator(21, Purpose::Weights, 0);
    for (outputs, is_biased) in [(1, false), (3, false), (1, true), (3, true)] {
        let network = single(&network(of_three_axes(Padding::Periodic, &[4, 6, outputs]), &mut rng));
        let input = cast(&with_noise(&network, random([3, 4, 2, 3, 4], &mut rng), &mut rng));
        let biases = is_biased.then(|| random([1, outputs, 8, 12, 16], &mut rng).cast(DType::F32).to_device(device));
        let (network, input) = (network_on(&network, device), input_on(&input, device));
        let phases = |network: &Network| {
            let mut phases = vec![9; 3 * 8 * 12 * 16];
            network.begin_phases(input.clone(), biases.clone()).read(&mut phases).unwrap();
            phases
        };
        let (found, expected) = (phases(&network), with_primitives(|| phases(&network)));
        let same = found.iter().zip(&expected).filter(|(found, expected)| found == expected).count();
        // Logits differ in the last digits, so that a phase may be another where two are alike.
        assert!(same >= found.len() - 3, "{same} of {}", found.len());
        let nan = Network { parameters: network.parameters.clone() * f32::NAN, ..network.clone() };
        assert!(nan.begin_phases(input.clone(), biases.clone()).read(&mut vec![0; found.len()]).is_err());
    }
}

#[test]
fn spectral_normalisation() {
    let Some(device) = accelerator() else { return };
    let device = &device.open().unwrap();
    let mut rng = generator(17, Purpose::Weights, 0);
    let layers = Architecture::new(Profile::Standard, 3, 16, Variant::default()).discriminator;
    let network = single(&network(layers, &mut rng));
    let network = network_on(&network, device);
    let gradient: Tensor<1> = random(network.parameters.dims(), &mut rng).cast(DType::F32).to_device(device);
    let all = || {
        let (normalised, directions) = network.normalise_spectrally();
        let by_parameters = normalised.backward(gradient.clone());
        [normalised.parameters().clone(), directions, by_parameters].map(values)
    };
    let (found, expected) = (all(), with_primitives(all));
    for ((what, found), expected) in ["parameters", "directions", "gradient"].into_iter().zip(found).zip(expected) {
        close(what, &found, &expected).unwrap();
    }
}
