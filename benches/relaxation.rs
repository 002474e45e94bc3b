//! Relaxation and its calibration, on one thread: divan prints voxels a second.

use davegan::micrograph::{GrainBoundaries, PhaseImages, Sample};
use davegan::relaxation::{RelaxationOptions, Weights, relax};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() {
    divan::main();
}

fn grains(side: usize, seed: u64) -> PhaseImages {
    let sample = Sample::GrainBoundaries(GrainBoundaries { ny: side, nx: side, ..Default::default() });
    sample.make(seed, 1).expect("a valid sample").images
}

/// Grain boundaries in which every twentieth voxel is wrong.
fn noisy(side: usize) -> PhaseImages {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let phases = grains(side, 2).into_phases().mapv_into(|phase| phase ^ u8::from(rng.random_bool(0.05)));
    PhaseImages::new(phases, 2).expect("phases 0 and 1")
}

fn calibrated(images: &PhaseImages) -> Weights {
    let options = RelaxationOptions::default();
    Weights::calibrate(&grains(256, 1), images, &options, &|| Ok(())).expect("of one kind")
}

#[divan::bench(args = [1, 4, 16])]
fn sweeps(bencher: Bencher, sweeps: usize) {
    let (weights, options) = (calibrated(&noisy(256)), RelaxationOptions { sweeps, ..Default::default() });
    let images = noisy(1024);
    bencher
        .counter(ItemsCount::new(images.voxels()))
        .with_inputs(|| images.clone())
        .bench_local_values(|images| relax(images, black_box(&weights), &options));
}

#[divan::bench(sample_count = 5)]
fn calibration(bencher: Bencher) {
    let images = noisy(256);
    bencher.counter(ItemsCount::new(images.voxels())).bench_local(|| calibrated(black_box(&images)));
}
