//! Models move between devices: what one has trained, another goes on with and generates from. Tests alone.

use std::ops::ControlFlow;
use std::path::PathBuf;

use burn_tensor::{Tensor, TensorData};

use super::{GenerationOptions, decode, encode, latent_vectors, realisations};
use crate::device::accelerator;
use crate::micrograph::testing::field;
use crate::network::{Profile, read};
use crate::storage::{read_checkpoint, read_model, train_to_file};
use crate::training::{RunOptions, TrainingOptions};
use crate::{Device, Error};

/// Trains so long that logits are not all near the threshold.
fn train_on(device: Device, name: &str, steps: u64) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("davegan-devices-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let profile = Profile::Paper32;
    let options = TrainingOptions {
        steps,
        batch_size: 4,
        seed: 3,
        learning_rate_generator: 1e-2,
        lambda_rec: 1e-2,
        ..TrainingOptions::new(profile)
    };
    let run = RunOptions { device, resume: true, ..RunOptions::default() };
    train_to_file(&field(2, 64, 96), Some(&path), &options, &run, &mut |_| ControlFlow::Continue(())).unwrap();
    path
}

#[test]
fn a_model_of_one_device_gives_the_same_on_another() {
    let Some(accelerator) = accelerator() else { return };
    for (device, name) in [(Device::Cpu, "of_processor.h5"), (accelerator, "of_accelerator.h5")] {
        let path = train_on(device, name, 12);
        let [here, there] = [Device::Cpu, accelerator].map(|device| read_model(&path, device).unwrap());
        let options = GenerationOptions { seed: 7, count: 40, ..GenerationOptions::default() };
        let vectors = latent_vectors(&here, &options).unwrap();
        let input = TensorData::new(vectors.iter().copied().collect::<Vec<_>>(), [40, here.latent_size, 1, 1, 1]);
        let logits = read(here.generator.forward(Tensor::from_data(input, &Device::Cpu.open().unwrap()))).unwrap();
        let [ours, theirs] = [&here, &there].map(|model| decode(model, vectors.view(), model.shape()).unwrap());
        let sure = logits.iter().filter(|logit| logit.abs() > 1e-3).count();
        assert!(sure > logits.len() / 2, "{sure} of {} pixels are of one phase for sure", logits.len());
        assert!(ours.volume_fractions().iter().all(|&fraction| fraction > 0.01), "{:?}", ours.volume_fractions());
        for ((logit, our), their) in logits.iter().zip(ours.as_slice()).zip(theirs.as_slice()) {
            assert!(our == their || logit.abs() < 1e-3, "phase {our} here and {their} there for a logit of {logit}");
        }
        let [ours, theirs] = [&here, &there].map(|model| encode(model, &model.tiles).unwrap());
        let differences = (&ours.mean - &theirs.mean).mapv(f32::abs);
        assert!(differences.iter().all(|&difference| difference < 1e-3), "{differences}");
    }
}

#[test]
fn a_training_goes_on_where_another_device_stopped() {
    let Some(accelerator) = accelerator() else { return };
    for (first, second, name) in [(Device::Cpu, accelerator, "there.h5"), (accelerator, Device::Cpu, "back.h5")] {
        let expected = train_on(first, &format!("whole_{name}"), 8);
        train_on(first, name, 4);
        let path = train_on(second, name, 8);
        let [found, expected] = [path, expected].map(|path| {
            let checkpoint = read_checkpoint(&path, Device::Cpu).unwrap();
            assert_eq!(checkpoint.state.step, 8);
            read(checkpoint.state.loss_sums).unwrap()
        });
        let alike = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-2 * b.abs());
        assert!(alike, "{found:?} {expected:?}");
    }
}

#[test]
fn a_seed_is_a_promise_on_an_accelerator_too() {
    let Some(accelerator) = accelerator() else { return };
    let [one, two] = ["one.h5", "two.h5"].map(|name| train_on(accelerator, name, 4));
    assert!(std::fs::read(&one).unwrap() == std::fs::read(two).unwrap());
    let model = read_model(&one, accelerator).unwrap();
    let options = GenerationOptions { seed: 5, first: 2, count: 21, ..GenerationOptions::default() };
    let made = realisations(&model, &options).unwrap();
    for index in [0, 13, 20] {
        let alone = GenerationOptions { first: 2 + index, count: 1, ..options.clone() };
        assert_eq!(realisations(&model, &alone).unwrap().image(0), made.image(index as usize), "{index}");
    }
}

#[test]
fn a_generator_that_gives_no_numbers_is_refused_on_an_accelerator_too() {
    let Some(accelerator) = accelerator() else { return };
    let mut model = read_model(&train_on(accelerator, "broken.h5", 2), accelerator).unwrap();
    let parameters = &mut model.generator.parameters;
    *parameters = Tensor::full(parameters.dims(), f32::NAN, &parameters.device());
    let error = realisations(&model, &GenerationOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Diverged(_)), "{error}");
}
