//! Writes training steps, with all their random draws, for PyTorch to repeat (`tests/python/test_training_step.py`).

use burn_tensor::{Device, Tensor};
use ndarray::{ArrayD, IxDyn};

use super::batches::TrainingData;
use super::draws::Draws;
use super::state::TrainingState;
use crate::micrograph::testing::field;
use crate::micrograph::{PhaseImages, tiles};
use crate::network::{Entry, Prior, Profile, read};
use crate::storage::{Attribute, Container, NamedArray};
use crate::training::TrainingOptions;

/// Environment variable with the folder to write to.
const FOLDER: &str = "DAVEGAN_ORACLE";

fn put<const D: usize>(file: &mut Container, name: &str, tensor: &Tensor<D>) {
    put_as(file, name.into(), &tensor.dims(), tensor.clone());
}

fn put_as<const D: usize>(file: &mut Container, name: String, shape: &[usize], tensor: Tensor<D>) {
    let array = ArrayD::from_shape_vec(IxDyn(shape), read(tensor).unwrap()).unwrap();
    file.arrays.insert(name, NamedArray::F32(array));
}

fn put_state(file: &mut Container, prefix: &str, state: &TrainingState) {
    for (name, learner) in state.learners() {
        let name = &name[..1];
        let layout = learner.network.layout();
        for (kind, vector, entries) in [
            ("", &learner.network.parameters, &layout.parameters),
            ("", &learner.network.statistics, &layout.statistics),
            ("first_moment/", &learner.adam.first, &layout.parameters),
        ] {
            for Entry { name: entry, shape, range } in entries {
                put_as(file, format!("{prefix}/{name}/{kind}{entry}"), shape, vector.clone().slice(range.clone()));
            }
        }
    }
    put(file, &format!("{prefix}/losses"), &state.loss_sums);
}

fn put_draws(file: &mut Container, draws: &Draws) {
    put(file, "draws/posterior_noise", &draws.posterior_noise);
    put(file, "draws/latent_noise", &draws.latent_noise);
    let Prior { mean, deviation, mean_scale, deviation_scale } = &draws.prior;
    put(file, "draws/prior_mean", mean);
    put(file, "draws/prior_deviation", deviation);
    put(file, "draws/mean_scale", mean_scale);
    put(file, "draws/deviation_scale", deviation_scale);
    let displacements = draws.displacements.iter().flatten().flatten().copied().collect();
    let shape = IxDyn(&[3, draws.displacements[0].len(), 2]);
    let array = ArrayD::from_shape_vec(shape, displacements).unwrap();
    file.arrays.insert("draws/displacements".into(), NamedArray::I64(array));
}

fn write_step(folder: &str, name: &str, n_phases: usize, options: &TrainingOptions) {
    let device = Device::flex();
    let mut phases = field(7, 128, 128).images.into_phases();
    // A second field on top makes further phases.
    for extra in 2..n_phases {
        let other = field(extra as u64, 128, 128);
        phases.zip_mut_with(other.images.phases(), |phase, &more| *phase = (*phase + more).min(extra as u8));
    }
    let images = PhaseImages::new(phases, n_phases).unwrap();
    let tiles = tiles(&images, options.side()).unwrap();
    let data = TrainingData { micrographs: (&images).into(), tiles: &tiles };
    let mut state = TrainingState::new(options, n_phases, 1, &device);

    let mut file = Container::default();
    file.attributes.insert("options".into(), Attribute::Text(toml::to_string(options).unwrap()));
    put_state(&mut file, "before", &state);
    put_draws(&mut file, &Draws::new(options, 0, &data, &device).unwrap());
    let tiles = data.tile_batch(options.seed, 0, options.batch(), &device);
    let [n, channels, _, height, width] = tiles.dims();
    put(&mut file, "tiles", &tiles.reshape([n, channels, height, width]));
    state.training_step(&data, options, &device).unwrap();
    put_state(&mut file, "after", &state);
    file.write(std::path::Path::new(folder).join(format!("{name}.h5"))).unwrap();
}

#[test]
fn training_steps_for_pytorch() {
    let Ok(folder) = std::env::var(FOLDER) else {
        println!("skipped: {FOLDER} is not set; tests/run.sh sets it and lets PyTorch check the files");
        return;
    };
    // Rates and reconstruction weight large enough that every term shows in the gradients.
    let paper = |profile| TrainingOptions {
        lambda_rec: 1e-2,
        learning_rate_discriminator: 1e-3,
        seed: 3,
        ..TrainingOptions::new(profile)
    };
    write_step(&folder, "paper64", 2, &paper(Profile::Paper64));
    let as_in_standard = paper(Profile::Paper64)
        .with(|r| (r.discriminator_head_normalised, r.generator_separate_batches) = (false, false));
    write_step(&folder, "three_phases", 3, &as_in_standard);
    write_step(&folder, "paper32", 2, &TrainingOptions { batch_size: 7, ..paper(Profile::Paper32) });
    let mut literal =
        TrainingOptions { lambda_vae: 0.5, lambda_noise: 2.0, beta: 0.3, lambda_rec: 3.0, ..paper(Profile::Paper64) };
    let readings = "encoder_head_normalised=1 discriminator_separate_batches=1 generator_separate_batches=0 \
                    latent_augmentation=0 reconstruction_mean=1 divergence_mean=1";
    literal.set_paper_options(readings).unwrap();
    write_step(&folder, "literal_tables", 2, &literal);
}
