//! What relaxation does to images as a whole.

use ndarray::Array4;
use rand::Rng;

use super::fractions::FRACTION_PARTS;
use super::frame::Frame;
use super::{Adjuster, BlockRelaxer, Part, PatternShares, RelaxationOptions, Weights, meet_fractions, relax};
use crate::descriptor::{Indicator, interface_density};
use crate::micrograph::{Block, Discs, GrainBoundaries, PhaseImages, Sample};
use crate::random::{Purpose, generator};
use crate::{Error, Result};

fn grains(side: usize) -> Sample {
    Sample::GrainBoundaries(GrainBoundaries { ny: side, nx: side, ..Default::default() })
}

fn discs(side: usize) -> Sample {
    Sample::Discs(Discs { ny: side, nx: side, ..Default::default() })
}

/// The images with `share` of their voxels given another phase.
pub fn noisy(images: &PhaseImages, share: f64) -> PhaseImages {
    let mut rng = generator(5, Purpose::Step, 0);
    let n_phases = images.n_phases() as u8;
    let phases = images
        .phases()
        .mapv(|phase| if rng.random_bool(share) { (phase + rng.random_range(1..n_phases)) % n_phases } else { phase });
    PhaseImages::new(phases, images.n_phases()).unwrap()
}

fn calibrated(micrograph: &PhaseImages, images: &PhaseImages, options: &RelaxationOptions) -> Result<Weights> {
    Weights::calibrate(micrograph, images, options, &|| Ok(()))
}

fn flipped(a: &PhaseImages, b: &PhaseImages) -> f64 {
    let differing = a.as_slice().iter().zip(b.as_slice()).filter(|(a, b)| a != b).count();
    differing as f64 / a.as_slice().len() as f64
}

fn density(images: &PhaseImages) -> f64 {
    let densities = interface_density(&Indicator::new(images, 1).unwrap());
    densities.iter().sum::<f64>() / densities.len() as f64
}

/// The relaxed images, and how far the patterns are from those of the micrograph before and after.
fn relaxed_with_divergences(micrograph: &PhaseImages, images: &PhaseImages) -> (PhaseImages, [f64; 2]) {
    let options = RelaxationOptions::default();
    let weights = calibrated(micrograph, images, &options).unwrap();
    let relaxed = relax(images.clone(), &weights, &options).unwrap();
    let target = PatternShares::of(micrograph, false).unwrap();
    let divergences = [images, &relaxed].map(|of| PatternShares::of(of, true).unwrap().divergence(&target));
    (relaxed, divergences)
}

#[test]
fn noise_is_removed_and_the_interface_density_is_back() {
    for material in [grains(128), discs(128)] {
        let micrograph = material.make(1, 1).unwrap().images;
        let clean = material.make(2, 4).unwrap().images;
        let images = noisy(&clean, 0.02);
        let (relaxed, [before, after]) = relaxed_with_divergences(&micrograph, &images);
        assert!(after < 0.3 * before, "{after} of {before}");
        let densities = [&clean, &images, &relaxed].map(density);
        let [right, wrong, now] = densities;
        assert!((now - right).abs() < 0.1 * (wrong - right), "{densities:?}");
    }
}

#[test]
fn right_images_are_nearly_left_alone() {
    let micrograph = grains(256).make(1, 1).unwrap().images;
    let images = grains(128).make(2, 4).unwrap().images;
    let options = RelaxationOptions::default();
    let weights = calibrated(&micrograph, &images, &options).unwrap();
    let relaxed = relax(images.clone(), &weights, &options).unwrap();
    assert!(flipped(&relaxed, &images) < 0.01, "{}", flipped(&relaxed, &images));
    // On themselves there is nothing to gain.
    let own = calibrated(&images, &images, &RelaxationOptions { periodic: false, ..options.clone() }).unwrap();
    assert!(flipped(&relax(images.clone(), &own, &options).unwrap(), &images) < 0.001);
    assert_eq!(relax(images.clone(), &Weights::zero(2, false), &options).unwrap(), images);
}

/// Weights under which much is flipped, found on little.
pub fn some_weights(images: &PhaseImages) -> Weights {
    let options = RelaxationOptions { sweeps: 1, ..Default::default() };
    calibrated(&grains(64).make(1, 1).unwrap().images, images, &options).unwrap()
}

#[test]
fn neither_threads_nor_the_other_images_matter() {
    let images = noisy(&grains(200).make(3, 3).unwrap().images, 0.05);
    let weights = some_weights(&images.range(0, 1));
    let relaxed = |images: PhaseImages, first, threads| {
        let options = RelaxationOptions { seed: 7, first, ..Default::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| relax(images, &weights, &options)).unwrap()
    };
    let all = relaxed(images.clone(), 4, 1);
    assert_eq!(relaxed(images.clone(), 4, 3), all);
    assert_eq!(relaxed(images.range(1, 2), 5, 2), all.range(1, 2));
    assert_ne!(relaxed(images.range(1, 2), 4, 2), all.range(1, 2));
    assert!(flipped(&all, &images) > 0.03);
}

#[test]
fn the_borders_of_tiles_leave_no_trace() {
    let images = noisy(&grains(256).make(3, 4).unwrap().images, 0.05);
    let weights = some_weights(&images.range(0, 1));
    let relaxed = relax(images, &weights, &RelaxationOptions::default()).unwrap();
    let begins: Vec<usize> =
        Frame::new([1, 256, 256], true).unwrap().tiles().concat().iter().map(|t| t.begin[2]).collect();
    let unlike = |x: usize| {
        let rows = relaxed.as_slice().chunks_exact(256);
        rows.filter(|row| row[x] != row[(x + 255) % 256]).count() as f64
    };
    let (at, inside): (Vec<usize>, Vec<usize>) = (0..256).partition(|x| begins.contains(x));
    let mean = |columns: &[usize]| columns.iter().map(|&x| unlike(x)).sum::<f64>() / columns.len() as f64;
    let (at, inside) = (mean(&at), mean(&inside));
    // Of 4,096 pairs at borders about 500 are unlike.
    assert!((at / inside - 1.0).abs() < 0.15, "{at} unlike neighbours a border, {inside} inside");
}

#[test]
fn several_phases_come_right_too() {
    // Discs of phase 2 within grains: phase 0 is the boundary.
    let material = |seed| {
        let (grains, discs) = (grains(128).make(seed, 2).unwrap().images, discs(128).make(seed, 2).unwrap().images);
        let phases = ndarray::Zip::from(grains.phases()).and(discs.phases()).map_collect(|&a, &b| a + a * b);
        PhaseImages::new(phases, 3).unwrap()
    };
    let (micrograph, clean) = (material(1), material(2));
    let images = noisy(&clean, 0.02);
    let (_, [before, after]) = relaxed_with_divergences(&micrograph, &images);
    assert!(after < 0.5 * before, "{after} of {before}");
}

#[test]
fn volumes_approach_the_micrograph_in_each_plane() {
    let micrograph = discs(128).make(1, 1).unwrap().images;
    let mut rng = generator(5, Purpose::Step, 1);
    // Cubes of four voxels, rough.
    let coarse: Vec<bool> = (0..8 * 8 * 8).map(|_| rng.random_bool(0.25)).collect();
    let cubes = Array4::from_shape_fn((1, 32, 32, 32), |(_, z, y, x)| {
        u8::from(coarse[(z / 4 * 8 + y / 4) * 8 + x / 4] ^ rng.random_bool(0.05))
    });
    let images = PhaseImages::new(cubes, 2).unwrap();
    let options = RelaxationOptions { sweeps: 2, ..Default::default() };
    let weights = calibrated(&micrograph, &images, &options).unwrap();
    let relaxed = relax(images.clone(), &weights, &options).unwrap();
    let target = PatternShares::of(&micrograph, false).unwrap();
    let divergences = |images| {
        let planes = PatternShares::of(images, true).unwrap().by_plane(3);
        planes.into_iter().map(|plane| plane.divergence(&target))
    };
    for (before, after) in divergences(&images).zip(divergences(&relaxed)) {
        assert!(after < 0.5 * before, "{after} of {before}");
    }
}

#[test]
fn what_cannot_be_relaxed_is_refused() {
    let images = grains(64).make(1, 1).unwrap().images;
    let weights = some_weights(&noisy(&images, 0.05));
    let refused = |weights: &Weights, options| match relax(images.clone(), weights, &options) {
        Err(Error::InvalidParameter(message)) => message,
        other => panic!("{other:?}"),
    };
    let defaults = RelaxationOptions::default;
    assert!(refused(&weights, RelaxationOptions { sweeps: 0, ..defaults() }).contains("sweeps = 0"));
    assert!(refused(&weights, RelaxationOptions { first: u64::MAX, ..defaults() }).contains("the last index"));
    assert!(refused(&Weights::zero(3, false), defaults()).contains("for images of 3 phases"));
    assert!(refused(&Weights::zero(2, true), defaults()).contains("for volumes of 2 phases"));
    let three = PhaseImages::new(images.phases().clone(), 3).unwrap();
    let error = calibrated(&images, &three, &defaults()).unwrap_err().to_string();
    assert!(error.contains("3 phases, but the micrograph has 2"), "{error}");
    let volume = PhaseImages::new(Array4::zeros((1, 9, 9, 9)), 2).unwrap();
    assert!(calibrated(&volume, &volume, &defaults()).unwrap_err().to_string().contains("9 layers"));
    assert!(Weights::new(2, false, vec![0.0; 3]).unwrap_err().to_string().contains("3 weights"));
    let mut values = weights.values().to_vec();
    assert_eq!(Weights::new(2, false, values.clone()).unwrap().values(), weights.values());
    values[5] = f32::NAN;
    assert!(Weights::new(2, false, values).unwrap_err().to_string().contains("NaN"));
}

#[test]
fn an_image_that_is_no_torus_is_relaxed_to_its_edges() {
    let clean = grains(512).make(4, 4).unwrap().images;
    let cut = |images: &PhaseImages| {
        PhaseImages::new(images.phases().slice(ndarray::s![.., .., ..300, ..450]).to_owned(), 2).unwrap()
    };
    let (clean, images) = (cut(&clean), cut(&noisy(&clean, 0.05)));
    let options = RelaxationOptions { periodic: false, ..Default::default() };
    let weights = calibrated(&clean, &images, &options).unwrap();
    let relaxed = relax(images.clone(), &weights, &options).unwrap();
    let unlike_neighbours = |image: &[u8]| {
        let rows: Vec<&[u8]> = image.chunks_exact(450).collect();
        let column = |x: usize| rows.iter().map(|row| row[x]).collect();
        let edges = [rows[0].to_vec(), rows[299].to_vec(), column(0), column(449)];
        edges.iter().flat_map(|edge| edge.windows(2)).filter(|pair| pair[0] != pair[1]).count()
    };
    let [right, wrong, now] = [&clean, &images, &relaxed]
        .map(|images| (0..images.len()).map(|index| unlike_neighbours(images.image(index))).sum::<usize>());
    assert!(wrong > right + 200 && 2 * now < right + wrong, "{now} instead of {right}, {wrong} before");
}

/// Voxels of each phase in an image.
fn counted(images: &PhaseImages, index: usize) -> Vec<usize> {
    let count = |phase| images.image(index).iter().filter(|&&found| usize::from(found) == phase).count();
    (0..images.n_phases()).map(count).collect()
}

/// The images with interface pixels changed at random until each image has `count` pixels of phase 0.
fn randomly_met(images: &PhaseImages, count: usize) -> PhaseImages {
    let mut rng = generator(6, Purpose::Step, 0);
    let mut phases = images.phases().clone();
    for mut image in phases.outer_iter_mut() {
        let image = image.as_slice_mut().unwrap();
        loop {
            let found = image.iter().filter(|&&phase| phase == 0).count();
            let voxel = rng.random_range(1..image.len());
            match found.cmp(&count) {
                std::cmp::Ordering::Equal => break,
                order => {
                    let too_many = u8::from(order.is_lt());
                    if image[voxel] == too_many && image[voxel - 1] != too_many {
                        image[voxel] = 1 - too_many;
                    }
                }
            }
        }
    }
    PhaseImages::new(phases, 2).unwrap()
}

#[test]
fn volume_fractions_are_met_to_one_voxel_and_the_morphology_stays() {
    let micrograph = grains(256).make(1, 1).unwrap().images;
    let images = grains(128).make(2, 2).unwrap().images;
    let target = PatternShares::of(&micrograph, false).unwrap();
    let divergence = |images: &PhaseImages| PatternShares::of(images, true).unwrap().divergence(&target);
    let options = RelaxationOptions::default();
    let natural = micrograph.volume_fractions()[0];
    for fraction in [natural - 0.02, natural, natural + 0.02] {
        let met =
            meet_fractions(&micrograph, images.clone(), &[fraction, 1.0 - fraction], &options, &|| Ok(())).unwrap();
        for index in 0..2 {
            let missing = fraction * 16384.0 - counted(&met, index)[0] as f64;
            assert!(missing.abs() <= 0.5, "{missing} voxels");
        }
        assert!((density(&met) / density(&images) - 1.0).abs() < 0.15, "{} of {}", density(&met), density(&images));
        let at_random = randomly_met(&images, (fraction * 16384.0).round() as usize);
        let divergences = [&images, &met, &at_random].map(divergence);
        assert!(divergences[1] < divergences[2], "{divergences:?}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let met = || meet_fractions(&micrograph, images.clone(), &[0.2, 0.8], &options, &|| Ok(())).unwrap();
    assert_eq!(pool.install(met), met());
}

#[test]
fn any_volume_fraction_of_any_phase_is_met() {
    let three = |images: &PhaseImages| PhaseImages::new(images.phases().clone(), 3).unwrap();
    // No phase 2, neither in the micrograph nor in the images.
    let (micrograph, images) =
        (three(&grains(64).make(1, 1).unwrap().images), three(&discs(64).make(2, 1).unwrap().images));
    let options = RelaxationOptions { periodic: false, ..Default::default() };
    for (fractions, counts) in
        [([0.0, 1.0, 0.0], [0, 4096, 0]), ([0.5, 0.25, 0.25], [2048, 1024, 1024]), ([0.0, 0.0, 1.0], [0, 0, 4096])]
    {
        let met = meet_fractions(&micrograph, images.clone(), &fractions, &options, &|| Ok(())).unwrap();
        assert_eq!(counted(&met, 0), counts);
    }
}

#[test]
fn meeting_volume_fractions_tells_its_parts_and_can_be_ended() {
    let micrograph = grains(64).make(1, 1).unwrap().images;
    let images = grains(64).make(2, 3).unwrap().images;
    let options = RelaxationOptions::default();
    let met = |images: &PhaseImages, done: &dyn Fn() -> Result<()>| {
        meet_fractions(&micrograph, images.clone(), &[0.3, 0.7], &options, done)
    };
    let told = std::cell::Cell::new(0);
    let count = || {
        told.set(told.get() + 1);
        if told.get() == 100 { Err(Error::Cancelled("enough".into())) } else { Ok(()) }
    };
    let right = met(&images, &count).unwrap();
    assert_eq!(told.get(), FRACTION_PARTS);
    // The hundredth call is amid the work. Images that are right have all parts as well.
    assert_eq!(met(&images, &count), Err(Error::Cancelled("enough".into())));
    told.set(0);
    assert_eq!((met(&right, &count), told.get()), (Ok(right), FRACTION_PARTS));
}

#[test]
fn blocks_are_parts_of_the_whole() {
    let [ny, nx] = [384, 1024];
    let grains = Sample::GrainBoundaries(GrainBoundaries { ny, nx, ..GrainBoundaries::default() });
    let images = noisy(&grains.make(3, 2).unwrap().images, 0.05);
    let weights = some_weights(&images.range(0, 1));
    let options = RelaxationOptions { seed: 3, first: 7, sweeps: 3, ..RelaxationOptions::default() };
    let image = images.range(1, 1);
    let shape = image.shape();
    let all = relax(image.clone(), &weights, &options).unwrap();
    let whole = Block::whole(shape);
    for (first, size) in [
        ([0, 0, 0], shape),
        ([0, 0, 0], [1, ny, nx / 2]),
        ([0, 383, 1020], [1, 3, 70]),
        ([0, -1, -1], [1, ny + 2, nx + 2]),
        ([5, -700, 200], [2, 64, 1]),
    ] {
        let block = Block { first, size };
        let mut seen = 0;
        let unrelaxed = |region: &Block, voxels: &mut [u8]| {
            seen = region.voxels();
            region.copy(shape, &whole, image.as_slice(), voxels);
            Ok(())
        };
        let relaxed = BlockRelaxer::new(shape, &weights, &options).unwrap().relax(&block, unrelaxed).unwrap();
        let mut expected = vec![9; block.voxels()];
        block.copy(shape, &whole, all.as_slice(), &mut expected);
        assert!(relaxed == expected, "{block:?}");
        assert!(size[2] > 100 || seen < ny * nx, "{seen} voxels for {block:?}");
    }
    assert!(flipped(&all, &image) > 0.03);
}

#[test]
fn rounds_of_changes_in_blocks_are_those_of_the_whole() {
    for n_phases in [2, 3] {
        let sample = Sample::GrainBoundaries(GrainBoundaries { ny: 160, nx: 224, ..GrainBoundaries::default() });
        let two = sample.make(3, 1).unwrap().images;
        let image = noisy(&PhaseImages::new(two.into_phases(), n_phases).unwrap(), 0.01);
        let (shape, key) = (image.shape(), 7);
        let whole = Block::whole(shape);
        let adjuster = Adjuster::new(&image, shape, true).unwrap();
        let copied = |from: &[u8], within: &Block, block: &Block| {
            let mut phases = vec![9; block.voxels()];
            block.copy(shape, within, from, &mut phases);
            phases
        };
        // One of three phases that are missing is missing more.
        let all_missing = [[-900, 900, 0], [-600, 400, 200]][n_phases - 2];
        let (mut missing, mut missing_of_blocks) = (all_missing[..n_phases].to_vec(), all_missing[..n_phases].to_vec());
        let (mut changed, mut rounds) = (image.as_slice().to_vec(), Vec::new());
        // Block by block, each from the image as it was.
        let in_block = |block: &Block, rounds: &[_]| {
            let region = adjuster.needed_for(block, rounds.len());
            let mut phases = copied(image.as_slice(), &whole, &region);
            for (round, left) in rounds.iter().zip((0..rounds.len()).rev()) {
                adjuster.change(key, round, &mut phases, &region, &adjuster.needed_for(block, left));
            }
            (phases, region)
        };
        let blocks: Vec<Block> = [(0, 30, 0, 224), (30, 130, 0, 1), (30, 130, 1, 150), (30, 130, 151, 73)]
            .map(|(y, ny, x, nx)| Block { first: [0, y, x], size: [1, ny, nx] })
            .to_vec();
        for _ in 0..4 {
            let (expected, candidates) = adjuster
                .next_round(key, &mut missing, |look| {
                    look(Part { phases: &changed, region: &whole, block: &whole, may_change: &|_| true });
                    Ok(())
                })
                .unwrap();
            expected.apply(&candidates, &mut changed);
            let in_parts = |look: &mut dyn FnMut(Part)| {
                for block in &blocks {
                    let (phases, region) = in_block(&adjuster.needed_for(block, 1), &rounds);
                    look(Part { phases: &phases, region: &region, block, may_change: &|_| true });
                }
                Ok(())
            };
            let (round, _) = adjuster.next_round(key, &mut missing_of_blocks, in_parts).unwrap();
            assert_eq!((&round, &missing_of_blocks), (&expected, &missing));
            rounds.push(round);
        }
        assert!(missing[1] < all_missing[1] - 20, "{missing:?}");
        let found = counted(&PhaseImages::copy_of(&changed, [1, 1, 160, 224], n_phases).unwrap(), 0);
        for phase in 0..n_phases {
            let change = found[phase] as i64 - counted(&image, 0)[phase] as i64;
            assert_eq!(change, all_missing[phase] - missing[phase]);
        }
        for (first, size) in [([0, 0, 0], shape), ([0, -1, -1], [1, 162, 226]), ([0, 150, 200], [1, 31, 40])] {
            let block = Block { first, size };
            let (phases, region) = in_block(&block, &rounds);
            assert!(copied(&phases, &region, &block) == copied(&changed, &whole, &block), "{block:?}");
        }
    }
}
