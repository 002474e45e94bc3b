//! One pass of each network of the paper at the batch sizes of its training step, and of layers and a generator of three
//! axes, forward and backward. `benches/peers/torch_volumes.py` times the volumes in PyTorch.

use burn_tensor::{Device, Tensor, TensorData};
use davegan::network::{
    Architecture, Axes, Geometry, Input, LayerKind, LayerSpec, Network, Padding, ParameterLayout, Profile, Variant,
    noise_sides, output_sides,
};
use divan::{Bencher, black_box};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn main() {
    // On one thread: the sums of these are what a step costs without parallelism.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("nobody built it before");
    divan::main();
}

/// Network, profile, images of one training step.
const OF_PAPER: [(&str, Profile, usize); 6] = [
    ("encoder", Profile::Paper64, 4),
    ("generator", Profile::Paper64, 8),
    ("discriminator", Profile::Paper64, 12),
    ("encoder", Profile::Paper32, 32),
    ("generator", Profile::Paper32, 64),
    ("discriminator", Profile::Paper32, 96),
];

/// Channels of a doubling layer of three axes, and the side of what it gives.
const LAYERS: [([usize; 2], usize); 4] = [([48, 24], 8), ([48, 24], 16), ([24, 12], 32), ([12, 6], 64)];

/// Channels of a generator of volumes.
const GENERATOR: [usize; 5] = [16, 48, 24, 12, 6];

/// Sides of what it gives.
const SIDES: [usize; 2] = [48, 64];

/// A network and the shape of its input.
struct Case {
    name: String,
    layers: Vec<LayerSpec>,
    input: [usize; 5],
}

fn cases() -> Vec<Case> {
    let of_paper = OF_PAPER.into_iter().map(|(network, profile, n)| {
        let (latent, side) = (if profile == Profile::Paper64 { 32 } else { 5 }, profile.side());
        let Architecture { encoder, generator, discriminator } =
            Architecture::new(profile, 1, latent, Variant::default());
        let (layers, input) = match network {
            "encoder" => (encoder.expect("profiles of images have one"), [n, 1, 1, side, side]),
            "generator" => (generator, [n, latent, 1, 1, 1]),
            _ => (discriminator, [n, 1, 1, side, side]),
        };
        Case { name: format!("{} {network} x{n}", profile.name()), layers, input }
    });
    let of_volume = |what: &str, widths: &[usize], side: usize| {
        let coarse = side >> (widths.len() - 1);
        let channels: Vec<String> = widths.iter().map(usize::to_string).collect();
        let layers = widths.windows(2).map(|pair| doubling(pair[0], pair[1])).collect();
        let name = format!("volume {what} {} to {side}^3", channels.join("-"));
        Case { name, layers, input: [1, widths[0], coarse, coarse, coarse] }
    };
    let layers = LAYERS.iter().map(|(widths, side)| of_volume("layer", widths, *side));
    let generators = SIDES.iter().map(|&side| of_volume("generator", &GENERATOR, side));
    of_paper.chain(layers).chain(generators).collect()
}

/// A periodic layer of three axes with all that a generator's layers have.
fn doubling(inputs: usize, outputs: usize) -> LayerSpec {
    let stride2 = Geometry::Stride2(Padding::Periodic);
    let linear = LayerSpec::linear(LayerKind::ConvTranspose, stride2, inputs, outputs);
    LayerSpec { axes: Axes::Three, normalised: true, activated: true, noisy: true, ..linear }
}

/// A network with its input and the gradient of its output.
fn made(name: &str) -> (Network, Input, Tensor<5>) {
    let Case { layers, input, .. } = cases().into_iter().find(|case| case.name == name).expect("one of the cases");
    let ([n, _, sides @ ..], outputs) = (input, layers.last().map_or(0, |layer| layer.outputs));
    let of_noise = |[depth, height, width]: [usize; 3]| waves([n, 1, depth, height, width]);
    let noise = noise_sides(&layers, sides).into_iter().map(of_noise).collect();
    let [depth, height, width] = output_sides(&layers, sides);
    let layout = ParameterLayout::new(&layers);
    let parameters = layout.initial_parameters(&mut ChaCha8Rng::seed_from_u64(1));
    let network = Network::new(layers, parameters, layout.initial_statistics(), &Device::flex());
    (network, Input { values: waves(input), noise }, waves([n, outputs, depth, height, width]))
}

fn waves(shape: [usize; 5]) -> Tensor<5> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (0.37 * i as f32).sin()).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn names() -> impl Iterator<Item = String> {
    cases().into_iter().map(|case| case.name)
}

#[divan::bench(args = names())]
fn forward(bencher: Bencher, name: &str) {
    let (mut network, input, _) = made(name);
    bencher.bench_local(|| black_box(network.forward_train(input.clone())));
}

#[divan::bench(args = names())]
fn backward_parameters(bencher: Bencher, name: &str) {
    let (mut network, input, gradient) = made(name);
    let tape = network.forward_train(input);
    bencher.bench_local(|| black_box(network.backward_parameters(&tape, gradient.clone())));
}

#[divan::bench(args = names())]
fn backward_input(bencher: Bencher, name: &str) {
    let (mut network, input, gradient) = made(name);
    let tape = network.forward_train(input);
    bencher.bench_local(|| black_box(network.backward_input(&tape, gradient.clone())));
}
