//! Realisations are the same however they are made.

use ndarray::s;

use super::*;
use crate::generation::{GenerationOptions, decode, realisations};
use crate::micrograph::PhaseImages;
use crate::micrograph::testing::field;
use crate::model::PositionBiases;
use crate::network::Profile;
use crate::training::{Checkpoint, TrainingOptions};

/// A model that has not been trained, of so many phases, 2 or 3.
pub fn model(n_phases: usize) -> Model {
    let mut micrograph = field(1, 64, 64);
    if n_phases == 3 {
        let mut phases = micrograph.images.into_phases();
        phases.slice_mut(s![.., .., ..24, ..]).fill(2);
        micrograph.images = PhaseImages::new(phases, 3).unwrap();
        micrograph.phase_values.push(2.0);
    }
    let options = TrainingOptions { latent_size: 4, ..TrainingOptions::new(Profile::Standard) };
    Checkpoint::untrained(options, &micrograph).model()
}

/// `model` with weights that make something else of its phases.
pub fn relaxing(mut model: Model) -> Model {
    let mut weights = Weights::zero(model.n_phases(), model.profile.axes() == 3);
    weights.add((0..weights.values().len()).map(|pattern| if pattern % 512 == 511 { 0.3 } else { 0.0 }));
    model.relaxation = Some(weights);
    model
}

/// A model of volumes that has not been trained.
pub fn volume_model() -> Model {
    let options = TrainingOptions { window_side: 32, latent_size: 4, ..TrainingOptions::new(Profile::Volume) };
    Checkpoint::untrained(options, &field(1, 64, 64)).model()
}

/// The model with a bias for each position.
fn biased(model: Model) -> Model {
    let axes = model.profile.axes();
    let values = (0..16usize.pow(axes as u32)).map(|position| (0.7 * position as f32).sin()).collect();
    Model { position_biases: PositionBiases::new(1, axes, values), ..model }
}

fn made(model: &Model, options: &GenerationOptions) -> Vec<u8> {
    realisations(model, options).unwrap().as_slice().to_vec()
}

/// Decodes a block of realisation 5 patch by patch, as if the torus were large.
fn in_patches(model: &Model, shape: [usize; 3], block: &Block) -> Vec<u8> {
    let (cells, part, mut image) = (Cells::of(shape), Part::of_block(shape, block), vec![9; block.voxels()]);
    let decoder = PatchDecoder::new(model, model.position_biases.as_ref());
    for patch in cells.patches(&part) {
        let input = drawn(model, &[], 3, 5..6, cells, &patch, decoder.noisy_layers_of_first());
        let phases = decoder.phases(input, &patch).unwrap();
        patch.place(&phases, &part, &mut image);
    }
    image
}

#[test]
fn patches_are_the_parts_of_the_torus() {
    let model = biased(model(2));
    let mut all = vec![0; 256 * 256];
    decode_fields(&model, &Shift::none(&model), 3, 5, [1, 256, 256], &Block::whole([1, 256, 256]), &mut all).unwrap();
    let share = all.iter().filter(|&&phase| phase == 1).count() as f64 / all.len() as f64;
    assert!((0.05..0.95).contains(&share), "{share}");
    for (first, size) in [([0, 0], [256, 256]), ([7, 250], [256, 256]), ([0, 96], [48, 112]), ([-5, 40], [70, 3])] {
        let block = Block { first: [0, first[0], first[1]], size: [1, size[0], size[1]] };
        let mut expected = vec![0; block.voxels()];
        block.copy([1, 256, 256], &Block::whole([1, 256, 256]), &all, &mut expected);
        assert!(in_patches(&model, [1, 256, 256], &block) == expected, "{block:?}");
        let mut decoded = vec![0; block.voxels()];
        decode_fields(&model, &Shift::none(&model), 3, 5, [1, 256, 256], &block, &mut decoded).unwrap();
        assert!(decoded == expected, "{block:?}");
    }
}

#[test]
fn volumes_in_two_parts_and_in_patches_are_those_of_one_pass() {
    let (model, shape) = (biased(volume_model()), [64, 32, 96]);
    let (cells, whole) = (Cells::of(shape), Block::whole(shape));
    let mut all = vec![0; whole.voxels()];
    let input = drawn(&model, &[], 3, 5..6, cells, &cells.as_patch(), 0);
    let biases = model.position_biases.as_ref().map(|biases| biases.of_box([0; 3], shape, &model.device()));
    model.generator.begin_phases(input, biases).read(&mut all).unwrap();
    let share = all.iter().filter(|&&phase| phase == 1).count() as f64 / all.len() as f64;
    assert!((0.02..0.98).contains(&share), "{share}");
    for (first, size) in [([0; 3], shape), ([-3, 30, 90], [20, 31, 96]), ([40, 0, 7], [1, 32, 30])] {
        let block = Block { first, size };
        let (mut expected, mut decoded) = (vec![0; block.voxels()], vec![0; block.voxels()]);
        block.copy(shape, &whole, &all, &mut expected);
        decode_fields(&model, &Shift::none(&model), 3, 5, shape, &block, &mut decoded).unwrap();
        assert!(decoded == expected, "{block:?}");
        assert!(in_patches(&model, shape, &block) == expected, "{block:?}");
    }
}

#[test]
fn blocks_of_a_large_torus_are_its_parts() {
    let model = biased(model(2));
    // The second is one pass over the first part of the generator, but small blocks of it are patches.
    for shape in [[1, 48, 544], [1, 64, 544]] {
        let whole = Block::whole(shape);
        let mut all = vec![0; whole.voxels()];
        decode_fields(&model, &Shift::none(&model), 3, 5, shape, &whole, &mut all).unwrap();
        assert!(in_patches(&model, shape, &whole) == all, "{shape:?}");
        for (first, size) in [([0, 0], [48, 544]), ([0, 300], [48, 300]), ([47, -1], [2, 544]), ([17, 90], [20, 30])] {
            let block = Block { first: [0, first[0], first[1]], size: [1, size[0], size[1]] };
            let (mut expected, mut decoded) = (vec![0; block.voxels()], vec![0; block.voxels()]);
            block.copy(shape, &whole, &all, &mut expected);
            decode_fields(&model, &Shift::none(&model), 3, 5, shape, &block, &mut decoded).unwrap();
            assert!(decoded == expected, "{block:?}");
        }
    }
    let is_whole = |shape, block| Cells::of(shape).whole(&Part::of_block(shape, &block)).is_some();
    let small = Block { first: [0; 3], size: [1, 20, 30] };
    assert!(is_whole([1, 64, 544], Block::whole([1, 64, 544])) && !is_whole([1, 64, 544], small));
    assert!(!is_whole([1, 48, 544], Block::whole([1, 48, 544])));
}

#[test]
fn a_realisation_depends_on_its_index_and_shape_alone() {
    let model = model(2);
    for shape in [None, Some([1, 64, 64]), Some([1, 48, 48]), Some([1, 32, 320]), Some([1, 272, 272])] {
        let options = GenerationOptions { seed: 2, first: 7, count: 3, shape, threads: 2, ..Default::default() };
        let all = made(&model, &options);
        let of_each = all.len() / 3;
        let last = made(&model, &GenerationOptions { first: 9, count: 1, threads: 1, ..options.clone() });
        assert_eq!(last, all[2 * of_each..]);
        assert_ne!(all[..of_each], all[of_each..2 * of_each]);
    }
    let tile = GenerationOptions { seed: 2, ..GenerationOptions::default() };
    assert_eq!(made(&model, &tile), made(&model, &GenerationOptions { shape: Some([1, 64, 64]), ..tile.clone() }));
}

#[test]
fn models_of_any_window_side_make_elements_of_any_size() {
    for window_side in [32, 128] {
        let options = TrainingOptions { window_side, latent_size: 4, ..TrainingOptions::new(Profile::Standard) };
        let model = Checkpoint::untrained(options, &field(1, 128, 128)).model();
        assert_eq!(made(&model, &GenerationOptions::default()).len(), window_side * window_side);
        let options = GenerationOptions { shape: Some([1, 64, 96]), ..GenerationOptions::default() };
        assert_eq!(made(&model, &options).len(), 64 * 96);
        let reconstructed = crate::generation::reconstruct(&model, &model.tiles).unwrap();
        assert_eq!(reconstructed.shape(), [1, window_side, window_side]);
    }
}

#[test]
fn other_sizes_are_cut_from_the_next_larger_torus() {
    let model = model(2);
    let of_torus = GenerationOptions { seed: 2, count: 2, shape: Some([1, 64, 112]), ..Default::default() };
    let cropped = GenerationOptions { shape: Some([1, 50, 100]), ..of_torus.clone() };
    assert!(of_torus.are_periodic(&model).unwrap() && !cropped.are_periodic(&model).unwrap());
    let (torus, all) = (made(&model, &of_torus), made(&model, &cropped));
    for (image, torus) in all.chunks_exact(50 * 100).zip(torus.chunks_exact(64 * 112)) {
        assert!(image.chunks_exact(100).zip(torus.chunks_exact(112)).all(|(row, of_torus)| row == &of_torus[..100]));
    }
    let block = |first, size| GenerationOptions { block: Some(Block { first, size }), count: 1, ..cropped.clone() };
    assert_eq!(made(&model, &block([0, 40, 7], [1, 10, 93]))[..93], all[40 * 100 + 7..41 * 100]);
    let refused = |options: GenerationOptions| realisations(&model, &options).unwrap_err().to_string();
    assert!(refused(block([0, 40, 8], [1, 10, 93])).contains("from voxel 8 to 100 along x"));
    let fractions = Some(vec![0.5, 0.5]);
    assert!(
        refused(GenerationOptions { volume_fractions: fractions, ..cropped.clone() })
            .contains("a realisation of 100 x 50 pixels is cut")
    );
    assert!(refused(GenerationOptions { shape: Some([1, 31, 64]), ..cropped.clone() }).contains("1 x 31 x 64"));
}

#[test]
fn blocks_of_relaxed_realisations_fit_together() {
    let model = model(2);
    let (shape, whole) = ([1, 64, 656], Block::whole([1, 64, 656]));
    let options = GenerationOptions { seed: 2, first: 7, count: 2, shape: Some(shape), ..Default::default() };
    let unrelaxed = made(&model, &options);
    let model = relaxing(model);
    let all = made(&model, &options);
    assert_ne!(all, unrelaxed);
    let rows: &[_] = &[(0, 5), (5, 59)];
    let columns: &[_] = &[(0, 320), (320, 17), (337, 319)];
    for (&(y, ny), &(x, nx)) in rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))) {
        let block = Block { first: [0, y - 64, x], size: [1, ny, nx] };
        let made = made(&model, &GenerationOptions { block: Some(block), threads: 1, ..options.clone() });
        for (made, all) in made.chunks_exact(block.voxels()).zip(all.chunks_exact(whole.voxels())) {
            let mut expected = vec![9; block.voxels()];
            block.copy(shape, &whole, all, &mut expected);
            assert!(made == expected, "{block:?}");
        }
    }
    let with_ghosts = Block { first: [0, -1, -1], size: [1, 66, 658] };
    let made = made(&model, &GenerationOptions { block: Some(with_ghosts), ..options.clone() });
    assert_eq!((made[0], made.len()), (all[64 * 656 - 1], 2 * 66 * 658));
}

#[test]
fn given_volume_fractions_are_met_to_one_voxel() {
    let mut model = model(2);
    let of_tiles = |phase: u8| {
        let tiles = model.tiles.as_slice();
        tiles.iter().filter(|&&p| p == phase).count() as f64 / tiles.len() as f64
    };
    let wanted = of_tiles(1) * 1.05;
    model.relaxation = Some(Weights::zero(2, false));
    for shape in [[1, 64, 64], [1, 48, 80]] {
        let fractions = Some(vec![1.0 - wanted, wanted]);
        let options =
            GenerationOptions { count: 2, shape: Some(shape), volume_fractions: fractions, ..Default::default() };
        let all = made(&model, &options);
        let voxels = shape[1] * shape[2];
        for image in all.chunks_exact(voxels) {
            let found = image.iter().filter(|&&phase| phase == 1).count() as f64;
            assert!((found - wanted * voxels as f64).abs() <= 1.0, "{found} of {voxels}");
        }
        let last = GenerationOptions { first: 1, count: 1, threads: 1, ..options.clone() };
        assert_eq!(made(&model, &last), all[voxels..]);
    }
    let message = |options| realisations(&model, &options).unwrap_err().to_string();
    let with = |fractions: &[f64]| {
        let volume_fractions = Some(fractions.to_vec());
        GenerationOptions { volume_fractions, ..GenerationOptions::default() }
    };
    assert!(message(with(&[0.1, 0.9])).contains("can have"));
    assert!(message(with(&[0.1, 0.8])).contains("the sum 0.9"));
}

#[test]
fn latent_vectors_are_those_of_realisations() {
    let (model, cells) = (model(2), Cells::of([1, 96, 96]));
    let vectors = latent_vectors(&model, 3, 8, 2, [1, 96, 96]).unwrap();
    let Input { values, .. } = drawn(&model, &[], 3, 8..10, cells, &cells.as_patch(), 0);
    let without_noise = model.generator.forward(values);
    let expected: Vec<u8> = crate::network::read(without_noise).unwrap().iter().map(|&l| u8::from(l > 0.0)).collect();
    assert_eq!(decode(&model, vectors.view(), [1, 96, 96]).unwrap().as_slice(), expected);
    assert_eq!(latent_vectors(&model, 3, 9, 1, [1, 32, 64]).unwrap().dim(), (1, 32));
}
