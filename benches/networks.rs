//! One pass of each network of the paper, forward and backward, at the batch sizes of its training step.

use burn_tensor::{Device, Tensor, TensorData};
use davegan::network::{Architecture, LayerSpec, Network, ParameterLayout, Profile, Variant};
use divan::{Bencher, black_box};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn main() {
    // On one thread: the sums of these are what a step costs without parallelism.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("nobody built it before");
    divan::main();
}

/// Network, profile, images of one training step.
const CASES: [(&str, Profile, usize); 6] = [
    ("encoder", Profile::Paper64, 4),
    ("generator", Profile::Paper64, 8),
    ("discriminator", Profile::Paper64, 12),
    ("encoder", Profile::Paper32, 32),
    ("generator", Profile::Paper32, 64),
    ("discriminator", Profile::Paper32, 96),
];

struct Case {
    network: Network,
    input: Tensor<5>,
    gradient: Tensor<5>,
}

fn case((name, profile, n): (&str, Profile, usize)) -> Case {
    let latent = if profile == Profile::Paper64 { 32 } else { 5 };
    let architecture = Architecture::new(profile, 1, latent, Variant::default());
    let side = profile.side();
    let images = [n, 1, 1, side, side];
    let (layers, input, output): (Vec<LayerSpec>, _, _) = match name {
        "encoder" => (architecture.encoder, images, [n, 2 * latent, 1, 1, 1]),
        "generator" => (architecture.generator, [n, latent, 1, 1, 1], images),
        _ => (architecture.discriminator, images, [n, 1, 1, 1, 1]),
    };
    let layout = ParameterLayout::new(&layers);
    let parameters = layout.initial_parameters(&mut ChaCha8Rng::seed_from_u64(1));
    let network = Network::new(layers, parameters, layout.initial_statistics(), &Device::flex());
    Case { network, input: waves(input), gradient: waves(output) }
}

fn waves(shape: [usize; 5]) -> Tensor<5> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (0.37 * i as f32).sin()).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[divan::bench(args = CASES.map(name))]
fn forward(bencher: Bencher, name: &str) {
    let mut case = case(find(name));
    bencher.bench_local(|| black_box(case.network.forward_train(case.input.clone())));
}

#[divan::bench(args = CASES.map(name))]
fn backward_parameters(bencher: Bencher, name: &str) {
    let mut case = case(find(name));
    let tape = case.network.forward_train(case.input.clone());
    bencher.bench_local(|| black_box(case.network.backward_parameters(&tape, case.gradient.clone())));
}

#[divan::bench(args = CASES.map(name))]
fn backward_input(bencher: Bencher, name: &str) {
    let mut case = case(find(name));
    let tape = case.network.forward_train(case.input.clone());
    bencher.bench_local(|| black_box(case.network.backward_input(&tape, case.gradient.clone())));
}

fn name((network, profile, n): (&'static str, Profile, usize)) -> String {
    format!("{} {network} x{n}", profile.name())
}

fn find(wanted: &str) -> (&'static str, Profile, usize) {
    CASES.into_iter().find(|&case| name(case) == wanted).expect("one of the cases")
}
