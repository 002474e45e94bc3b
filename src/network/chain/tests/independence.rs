//! In generation, a value depends on what it is computed from alone, to the last bit: not on the batch, and not on how large the
//! image around it is.

use super::*;
use crate::device::{every_kind, with_spinning_workers};

#[test]
fn an_image_does_not_depend_on_its_batch() {
    every_kind().for_each(|device| check_batches(&device));
}

fn check_batches(device: &Device) {
    let mut rng = generator(13, Purpose::Weights, 0);
    let architecture = Architecture::new(Profile::Paper64, 3, 32, Variant::default());
    let of_volumes = of_three_axes(Padding::Periodic, &[64, 24, 1]);
    for (layers, [channels, side]) in [(architecture.generator, [32, 1]), (of_volumes, [64, 4])] {
        let network = network_on(&single(&network(layers, &mut rng)), device);
        let depth = if network.layers[0].axes == Axes::Three { side } else { 1 };
        let images = random([9, channels, depth, side, side], &mut rng).cast(DType::F32).to_device(device);
        let together = network.forward(images.clone());
        for n in [1, 2, 4, 5, 8] {
            let alone = network.forward(images.clone().narrow(0, 9 - n, n));
            assert_eq!(values(alone), values(together.clone().narrow(0, 9 - n, n)), "{n} images");
        }
    }
}

#[test]
fn a_value_does_not_depend_on_the_size_of_its_image() {
    every_kind().for_each(|device| check_sizes(&device));
}

/// A periodic image that is repeated gives the periodic output, repeated.
fn check_sizes(device: &Device) {
    let mut rng = generator(14, Purpose::Weights, 0);
    let widths = [64, 24, 1];
    let of_images =
        of_three_axes(Padding::Periodic, &widths).into_iter().map(|layer| LayerSpec { axes: Axes::Two, ..layer });
    for (layers, depth) in [(of_images.collect(), 1), (of_three_axes(Padding::Periodic, &widths), 2)] {
        let network = network_on(&single(&network(layers, &mut rng)), device);
        let image = random([1, 64, depth, 4, 4], &mut rng).cast(DType::F32).to_device(device);
        let small = network.forward(image.clone());
        for [z, y, x] in [[1, 1, 2], [1, 1, 20], [1, 3, 1], [depth, 5, 4]] {
            let large = network.forward(image.clone().repeat(&[1, 1, z, y, x]));
            assert_eq!(values(large), values(small.clone().repeat(&[1, 1, z, y, x])), "{z} x {y} x {x} times");
        }
    }
}

/// Layers with few channels are shared among threads in bands of rows. Twice up and twice down, with and without
/// normalisation and noise, zeros and the opposite edge as border.
#[test]
fn the_number_of_threads_does_not_matter() {
    let mut rng = generator(15, Purpose::Weights, 0);
    let up = of_three_axes(Padding::Periodic, &[12, 6, 1]);
    for (layers, [channels, side]) in
        [(up.clone(), [12, 16]), (reversed(&up), [1, 64]), (of_three_axes(Padding::Zeros, &[6, 2]), [6, 32])]
    {
        let network = single(&network(layers, &mut rng));
        for n in [1, 2] {
            let images = random([n, channels, side, side / 2, side], &mut rng).cast(DType::F32);
            let input = cast(&with_noise(&network, images, &mut rng));
            let on = |threads| {
                let mut network = network.clone();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    with_spinning_workers(|| (network.forward(input.clone()), all_of(&mut network, input.clone())))
                })
            };
            let (inferred, trained) = on(1);
            for threads in [2, 3, 8] {
                let (also, too) = on(threads);
                assert!(values(also) == values(inferred.clone()) && too == trained, "{threads} threads, {n} images");
            }
        }
    }
}

/// Nor does it matter whether the weights were laid out for many passes before: up and down, of two and of three axes.
#[test]
fn a_network_for_many_passes_gives_the_same() {
    let mut rng = generator(17, Purpose::Weights, 0);
    let [paper, standard] =
        [Profile::Paper64, Profile::Standard].map(|profile| Architecture::new(profile, 3, 32, Variant::default()));
    let up = of_three_axes(Padding::Periodic, &[12, 6, 1]);
    for (layers, [channels, depth, side]) in [
        (paper.generator, [32, 1, 1]),
        (paper.encoder.unwrap(), [3, 1, 64]),
        (standard.generator, [32, 1, 4]),
        (reversed(&up), [1, 16, 16]),
        (up, [12, 4, 4]),
    ] {
        let network = single(&network(layers, &mut rng));
        let images = random([3, channels, depth, side, side], &mut rng).cast(DType::F32);
        let input = cast(&with_noise(&network, images, &mut rng));
        for instructions in instruction_sets() {
            let network = Network { workspace: KernelWorkspace::new(instructions), ..network.clone() };
            let prepared = network.for_inference();
            assert!(prepared.workspace.taps.iter().flatten().count() > 0);
            assert!(values(prepared.forward(input.clone())) == values(network.forward(input.clone())));
        }
    }
}
