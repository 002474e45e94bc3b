mod accelerators;
mod gradients;
mod independence;
mod singular_values;

use burn_tensor::DType;
use pulp::Arch;
#[cfg(target_arch = "x86_64")]
use pulp::x86;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::network::architecture::{Axes, Geometry, Padding};
use crate::network::{Architecture, LayerKind, Profile, Variant, noise_sides, with_primitives};
use crate::random::{Purpose, generator};

fn random<const D: usize>(shape: [usize; D], rng: &mut ChaCha8Rng) -> Tensor<D> {
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), (&Device::flex(), DType::F64))
}

/// A network in double precision, so that finite differences are sharp.
fn network(layers: Vec<LayerSpec>, rng: &mut ChaCha8Rng) -> Network {
    let layout = ParameterLayout::new(&layers);
    let (parameters, statistics) = (layout.initial_parameters(rng), layout.initial_statistics());
    let mut network = Network::new(layers, parameters, statistics, &Device::flex());
    network.parameters = network.parameters.cast(DType::F64) + random([layout.parameter_count()], rng) * 0.1;
    network.statistics = network.statistics.cast(DType::F64);
    network
}

fn doubles<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.cast(DType::F64).into_data().try_to_vec::<f64>().unwrap()
}

/// An input with noise for the layers that take it.
fn with_noise(network: &Network, values: Tensor<5>, rng: &mut ChaCha8Rng) -> Input {
    let [n, _, sides @ ..] = values.dims();
    let noise = noise_sides(&network.layers, sides).into_iter().map(|[z, y, x]| random([n, 1, z, y, x], rng)).collect();
    Input { values, noise }
}

/// The input in single precision.
fn cast(input: &Input) -> Input {
    let cast = |tensor: &Tensor<5>| tensor.clone().cast(DType::F32);
    Input { values: cast(&input.values), noise: input.noise.iter().map(cast).collect() }
}

#[test]
fn a_constant_network_in_training_becomes_the_moving_one() {
    let mut rng = generator(12, Purpose::Weights, 0);
    let architecture = Architecture::new(Profile::Paper32, 1, 5, Variant::default());
    let mut network = network(architecture.generator, &mut rng);
    let input = random([7, 5, 1, 1, 1], &mut rng);
    let mut trained = network.forward_train(input.clone()).output;
    for _ in 0..2500 {
        trained = network.forward_train(input.clone()).output;
    }
    let moving = network.forward(input);
    let difference = (trained - moving).abs().max().into_scalar::<f64>();
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn measured_statistics_are_the_mean_of_those_of_the_batches() {
    let mut rng = generator(13, Purpose::Weights, 0);
    let architecture = Architecture::new(Profile::Paper32, 1, 5, Variant::default());
    let network = network(architecture.generator, &mut rng);
    let batches: [Tensor<5>; 3] = std::array::from_fn(|_| random([7, 5, 1, 1, 1], &mut rng));
    let measured = |batches: &[Tensor<5>]| {
        let mut network = network.clone();
        network.measure_statistics(batches.iter().cloned().map(Input::from));
        network
    };
    let far = |a: Tensor<1>, b: Tensor<1>| (a - b).abs().max().into_scalar::<f64>();
    let [a, b, c] = batches.each_ref().map(|batch| measured(std::slice::from_ref(batch)).statistics);
    let all = measured(&batches);
    assert!(far(all.statistics.clone(), (a + b + c) / 3.0) < 1e-12);
    // The earlier statistics do not matter, and training continues with its own momentum.
    let mut other = Network { statistics: network.statistics.clone() * 2.0 + 1.0, ..network.clone() };
    other.measure_statistics(batches.iter().cloned().map(Input::from));
    assert!(far(all.statistics.clone(), other.statistics) == 0.0);
    let mut next = all.clone();
    next.forward_train(batches[0].clone());
    assert!(far(next.statistics, all.statistics) < 0.1);
    // With one batch, the pass of training and that with moving statistics agree.
    let mut one = measured(&batches[..1]);
    let moving = one.forward(batches[0].clone());
    let trained = one.forward_train(batches[0].clone()).output;
    assert!((trained - moving).abs().max().into_scalar::<f64>() < 1e-9);
}

#[test]
fn passes_leave_nothing_behind_for_the_next_ones() {
    let mut rng = generator(19, Purpose::Weights, 0);
    let architecture = Architecture::new(Profile::Paper64, 1, 32, Variant::default());
    let around = periodic(&architecture.generator[1..]);
    for (layers, [channels, side]) in
        [(architecture.encoder.unwrap(), [1, 64]), (around, [64, 4]), (architecture.generator, [32, 1])]
    {
        let network = network(layers, &mut rng);
        for n in [3, 4] {
            let mut image = || random([n, channels, 1, side, side], &mut rng).cast(DType::F32);
            let (first, second) = (image() * 100.0, image());
            let mut used = single(&network);
            all_of(&mut used, first.clone());
            let mut used = Network { statistics: single(&network).statistics, ..used };
            assert_eq!(all_of(&mut used, second.clone()), all_of(&mut single(&network), second));
        }
    }
}

/// The output of a pass, and the gradients of half its square.
fn all_of(network: &mut Network, input: impl Into<Input>) -> [Vec<f32>; 3] {
    let tape = network.forward_train(input);
    let by_parameters = network.backward_parameters(&tape, tape.output.clone());
    let by_input = network.backward_input(&tape, tape.output.clone());
    [values(tape.output.clone()), by_parameters.into_data().try_to_vec().unwrap(), values(by_input)]
}

/// The same layers with periodic padding.
fn periodic(layers: &[LayerSpec]) -> Vec<LayerSpec> {
    layers.iter().map(|layer| LayerSpec { geometry: Geometry::Stride2(Padding::Periodic), ..*layer }).collect()
}

/// The layers the other way round, from images down.
fn reversed(layers: &[LayerSpec]) -> Vec<LayerSpec> {
    let other_way = |layer: &LayerSpec| LayerSpec {
        kind: if layer.kind == LayerKind::ConvTranspose { LayerKind::Conv } else { LayerKind::ConvTranspose },
        inputs: layer.outputs,
        outputs: layer.inputs,
        // Without, the shift between two normalisations would have no gradient to compare.
        activated: true,
        ..*layer
    };
    layers.iter().rev().map(other_way).collect()
}

/// Doubling layers of three axes between so many channels, with normalisation, activation and noise, and one without.
fn of_three_axes(padding: Padding, widths: &[usize]) -> Vec<LayerSpec> {
    let layer = |pair: &[usize]| LayerSpec {
        axes: Axes::Three,
        ..LayerSpec::linear(LayerKind::ConvTranspose, Geometry::Stride2(padding), pair[0], pair[1])
    };
    let hidden = |spec| LayerSpec { normalised: true, activated: true, noisy: true, ..spec };
    let mut layers: Vec<LayerSpec> = widths.windows(2).map(|pair| hidden(layer(pair))).collect();
    let last = layers.len() - 1;
    layers[last] = layer(&widths[last..]);
    layers
}

/// A layer of three axes from volumes of 4 x 4 x 4 to vectors.
fn valid_of_three_axes(inputs: usize, outputs: usize) -> LayerSpec {
    LayerSpec { axes: Axes::Three, ..LayerSpec::linear(LayerKind::Conv, Geometry::Valid, inputs, outputs) }
}

#[test]
fn a_periodic_generator_s_halving_layers_move_with_their_input() {
    let mut rng = generator(16, Purpose::Weights, 0);
    let layers = periodic(&Architecture::new(Profile::Paper64, 1, 32, Variant::default()).generator[1..]);
    let network = network(layers, &mut rng);
    let input = random([2, 64, 1, 4, 4], &mut rng);
    // One pixel of the input is sixteen of the output.
    let moved = |images: Tensor<5>, by: usize| {
        let side = images.dims()[4];
        Tensor::cat(vec![images.clone().narrow(4, side - by, by), images.narrow(4, 0, side - by)], 4)
    };
    let difference = network.forward(moved(input.clone(), 1)) - moved(network.forward(input), 16);
    assert!(difference.abs().max().into_scalar::<f64>() < 1e-12);
}

/// Whether values are within 1e-4 of the largest.
fn close(what: &str, found: &[f32], expected: &[f32]) -> std::result::Result<(), String> {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0f32, |largest, v| largest.max(v.abs()));
    let worst = found.iter().zip(expected).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(scale > 0.0);
    if worst < 1e-4 * scale { Ok(()) } else { Err(format!("{what}: {worst} of {scale}")) }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().unwrap()
}

/// The same network in single precision.
fn single(network: &Network) -> Network {
    Network {
        parameters: network.parameters.clone().cast(DType::F32),
        statistics: network.statistics.clone().cast(DType::F32),
        ..network.clone()
    }
}

/// The same network on another device.
fn network_on(network: &Network, device: &Device) -> Network {
    Network {
        parameters: network.parameters.clone().to_device(device),
        statistics: network.statistics.clone().to_device(device),
        ..network.clone()
    }
}

fn input_on(input: &Input, device: &Device) -> Input {
    let there = |tensor: &Tensor<5>| tensor.clone().to_device(device);
    Input { values: there(&input.values), noise: input.noise.iter().map(there).collect() }
}

/// Results of one forward pass and both backward passes.
#[derive(PartialEq)]
struct Results {
    output: Vec<f32>,
    statistics: Vec<f32>,
    by_parameters: Vec<f32>,
    by_input: Vec<f32>,
    fixed: Vec<f32>,
}

fn results(network: &Network, input: &Input, gradient: &Tensor<5>) -> Results {
    let mut network = network.clone();
    let tape = network.forward_train(input.clone());
    Results {
        output: values(tape.output.clone()),
        statistics: values(network.statistics.clone()),
        by_parameters: values(network.backward_parameters(&tape, gradient.clone())),
        by_input: values(network.backward_input(&tape, gradient.clone())),
        fixed: values(network.forward(input.clone())),
    }
}

/// With some seeds a value lies so near the kink of leaky ReLU that fused kernels and primitives are on different sides of
/// it. That depends on the seed, and a wrong kernel does not: one of four seeds must agree.
fn check_fused(name: &str, layers: &[LayerSpec], input: [usize; 5]) {
    check_fused_on(&Device::flex(), name, layers, input);
}

/// [`check_fused`] on any device.
fn check_fused_on(device: &Device, name: &str, layers: &[LayerSpec], input: [usize; 5]) {
    let differences: Vec<String> =
        (19..23).map_while(|seed| compare_fused(device, seed, layers, input).err()).collect();
    assert!(differences.len() < 4, "{name}, input {input:?}: {differences:?}");
}

fn compare_fused(
    device: &Device,
    seed: u64,
    layers: &[LayerSpec],
    input: [usize; 5],
) -> std::result::Result<(), String> {
    let mut rng = generator(seed, Purpose::Weights, 0);
    let network = single(&network(layers.to_vec(), &mut rng));
    let input = cast(&with_noise(&network, random(input, &mut rng), &mut rng));
    let gradient = random(network.output_shape(input.values.dims()), &mut rng).cast(DType::F32).to_device(device);
    let (network, input) = (network_on(&network, device), input_on(&input, device));
    let primitives = with_primitives(|| results(&network, &input, &gradient));
    let sets = if *device == Device::flex() { instruction_sets() } else { vec![Arch::Scalar] };
    for set in sets {
        let network = Network { workspace: KernelWorkspace::new(set), ..network.clone() };
        compare(&network.layout, results(&network, &input, &gradient), &primitives)?;
    }
    Ok(())
}

fn compare(layout: &ParameterLayout, fused: Results, primitives: &Results) -> std::result::Result<(), String> {
    assert!(fused != *primitives, "the fused kernels did not do the work");
    close("output", &fused.output, &primitives.output)?;
    close("moving", &fused.fixed, &primitives.fixed)?;
    close("by input", &fused.by_input, &primitives.by_input)?;
    if !fused.statistics.is_empty() {
        close("statistics", &fused.statistics, &primitives.statistics)?;
    }
    for entry in &layout.parameters {
        let part = |all: &'_ Results| all.by_parameters[entry.range.clone()].to_vec();
        close(&entry.name, &part(&fused), &part(primitives))?;
    }
    Ok(())
}

/// The instruction sets of this processor that the kernels differ for.
fn instruction_sets() -> Vec<Arch> {
    #[cfg(target_arch = "x86_64")]
    return [Some(Arch::Scalar), x86::V3::try_new().map(Arch::V3), x86::V4::try_new().map(Arch::V4)]
        .into_iter()
        .flatten()
        .collect();
    #[cfg(not(target_arch = "x86_64"))]
    return vec![Arch::Scalar, Arch::new()];
}

#[test]
fn fused_kernels_agree_with_primitives() {
    for (profile, latent) in [(Profile::Paper32, 5), (Profile::Paper64, 32)] {
        for (channels, n) in [(1, 2), (1, 4), (3, 3), (1, 5), (1, 8), (4, 7), (1, 12), (1, 16), (1, 33)] {
            let normalised = n % 2 == 1;
            let variant = Variant { encoder_head_normalised: normalised, discriminator_head_normalised: normalised };
            let architecture = Architecture::new(profile, channels, latent, variant);
            let side = profile.side();
            check_fused("encoder", &architecture.encoder.unwrap(), [n, channels, 1, side, side]);
            check_fused("generator", &architecture.generator, [n, latent, 1, 1, 1]);
            let periodic = periodic(&architecture.generator[1..]);
            let inputs = periodic[0].inputs;
            check_fused("periodic generator", &periodic, [n, inputs, 1, 4, 4]);
            check_fused("periodic encoder", &reversed(&periodic), [n, channels, 1, side, side]);
            check_fused("discriminator", &architecture.discriminator, [n, channels, 1, side, side]);
        }
    }
}

#[test]
fn fused_kernels_agree_with_primitives_on_a_grid_of_latents() {
    // Wide images are computed in bands.
    for (channels, n, ny, nx) in [(1, 2, 4, 4), (3, 5, 4, 4), (1, 9, 4, 4), (1, 1, 6, 6), (1, 1, 3, 64)] {
        let Architecture { encoder, generator, discriminator } =
            Architecture::new(Profile::Standard, channels, 16, Variant::default());
        check_fused("encoder", &encoder.unwrap(), [n, channels, 1, 16 * ny, 16 * nx]);
        check_fused("generator", &generator, [n, 16, 1, ny, nx]);
        check_fused("discriminator", &discriminator, [n, channels, 1, 64, 64]);
    }
}

#[test]
fn fused_kernels_agree_with_primitives_on_volumes() {
    for padding in [Padding::Zeros, Padding::Periodic] {
        for (n, [z, y, x], widths) in [
            (1, [2, 3, 4], [3, 5, 2]),
            (1, [5, 8, 6], [4, 6, 1]),
            (2, [4, 2, 3], [16, 12, 6]),
            (4, [2, 4, 2], [5, 16, 3]),
            (5, [3, 1, 2], [2, 7, 9]),
            (16, [2, 2, 1], [1, 4, 8]),
            (1, [5, 8, 64], [4, 6, 1]),
        ] {
            let layers = of_three_axes(padding, &widths);
            let [inputs, .., outputs] = widths;
            check_fused("doubling", &layers, [n, inputs, z, y, x]);
            check_fused("halving", &reversed(&layers), [n, outputs, 4 * z, 4 * y, 4 * x]);
        }
    }
    let halving = reversed(&of_three_axes(Padding::Zeros, &[6, 2]));
    let to_vectors = [halving, vec![valid_of_three_axes(6, 3)]].concat();
    for n in [1, 3, 16] {
        check_fused("to vectors", &to_vectors, [n, 2, 8, 8, 8]);
        check_fused("from vectors", &reversed(&to_vectors), [n, 3, 1, 1, 1]);
    }
}

#[test]
fn phases_of_volumes_are_those_of_the_largest_logits() {
    let mut rng = generator(21, Purpose::Weights, 0);
    for (outputs, is_biased) in [(1, false), (3, false), (1, true), (3, true)] {
        let network = single(&network(of_three_axes(Padding::Periodic, &[4, 6, outputs]), &mut rng));
        let input = cast(&with_noise(&network, random([3, 4, 2, 3, 4], &mut rng), &mut rng));
        let biases = is_biased.then(|| random([1, outputs, 8, 12, 16], &mut rng).cast(input.values.dtype()));
        let logits = network.forward(input.clone());
        let logits = values(biases.iter().fold(logits, |logits, biases| logits + biases.clone()));
        let voxels = 8 * 12 * 16;
        let expected = logits.chunks_exact(outputs * voxels).flat_map(|image| {
            (0..voxels).map(|voxel| {
                let logit = |channel: usize| image[channel * voxels + voxel];
                match outputs {
                    1 => u8::from(logit(0) > 0.0),
                    _ => (0..outputs).max_by(|&a, &b| logit(a).total_cmp(&logit(b))).unwrap() as u8,
                }
            })
        });
        let expected: Vec<u8> = expected.collect();
        let phases = || {
            let mut phases = vec![9; 3 * voxels];
            network.begin_phases(input.clone(), biases.clone()).read(&mut phases).unwrap();
            phases
        };
        assert_eq!(phases(), expected);
        // Logits of primitives differ in the last digits, so that a phase may be another where two are alike.
        let same = with_primitives(phases).iter().zip(&expected).filter(|(found, expected)| found == expected).count();
        assert!(same >= 3 * voxels - 3, "{same} of {}", 3 * voxels);
    }
}
