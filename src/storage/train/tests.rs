//! What a training keeps in its file, and what becomes of it.

use std::ops::ControlFlow;

use super::*;
use crate::Device;
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::micrograph::testing::checkerboard;
use crate::micrograph::{Block, GaussianField, PhaseImages, Sample};
use crate::model::Direction;
use crate::network::Profile;
use crate::progress::Progress;
use crate::storage::testing::TestDirectory;
use crate::storage::{model_digest, read_model, write_model};

fn options(steps: u64) -> TrainingOptions {
    TrainingOptions { steps, batch_size: 4, seed: 5, ..TrainingOptions::new(Profile::Paper32) }
}

fn run(threads: usize) -> RunOptions {
    RunOptions { threads, checkpoint_interval: 5, progress_interval: 0.0, ..RunOptions::default() }
}

fn resume() -> RunOptions {
    RunOptions { resume: true, ..run(1) }
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn train_to_bytes(path: &Path, options: &TrainingOptions, run: &RunOptions) -> Vec<u8> {
    train_to_file(&checkerboard(), Some(path), options, run, &mut go_on).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
#[cfg(unix)]
fn a_path_that_hdf5_cannot_open_is_refused_before_training() {
    use std::os::unix::ffi::OsStrExt;
    let directory = TestDirectory::new("train-path");
    let path = directory.path("x").with_file_name(std::ffi::OsStr::from_bytes(b"caf\xe9.h5"));
    let mut calls = 0;
    let mut count = |_: &Progress| {
        calls += 1;
        ControlFlow::Continue(())
    };
    let error = train_to_file(&checkerboard(), Some(&path), &options(4), &run(1), &mut count).unwrap_err();
    assert!(error.to_string().contains("UTF-8") && calls == 0, "{error}");
}

#[test]
fn the_bytes_depend_on_the_seed_and_not_on_the_threads() {
    let directory = TestDirectory::new("train-bytes");
    let train =
        |name: &str, options: &TrainingOptions, threads| train_to_bytes(&directory.path(name), options, &run(threads));
    // With two threads some of these steps are compared with steps on one.
    let one = train("one.h5", &options(26), 1);
    assert!(one == train("again.h5", &options(26), 1));
    assert!(one == train("two.h5", &options(26), 2));
    assert!(one != train("seed.h5", &TrainingOptions { seed: 6, ..options(26) }, 1));
}

#[test]
fn a_cancelled_run_resumes_to_the_same_bytes() {
    let directory = TestDirectory::new("train-resume");
    let path = directory.path("cancelled.h5");
    for options in [options(14), options(14).with(|r| r.ema_decay = 0.9)] {
        let whole = train_to_bytes(&directory.path("whole.h5"), &options, &run(1));
        for stop in [3, 7] {
            let mut cancel =
                |p: &Progress| if p.step == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            let error = train_to_file(&checkerboard(), Some(&path), &options, &resume(), &mut cancel).unwrap_err();
            let expected = format!("step {stop} of 14; {} holds", path.display());
            assert!(matches!(&error, Error::Cancelled(text) if text.contains(&expected)), "{error}");
            assert_eq!(read_checkpoint(&path, Device::Cpu).unwrap().state.step, stop);
        }
        assert!(whole == train_to_bytes(&path, &options, &resume()));
        // At the last step there is nothing to go on with.
        let mut cancel = |p: &Progress| if p.step == 15 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let longer = TrainingOptions { steps: 15, ..options.clone() };
        let error = train_to_file(&checkerboard(), Some(&path), &longer, &resume(), &mut cancel).unwrap_err();
        assert!(error.to_string().contains("holds the finished model"), "{error}");
        // Training further is resuming too; another option is not.
        train_to_bytes(&path, &TrainingOptions { steps: 16, ..options.clone() }, &resume());
        let other = TrainingOptions { steps: 16, beta: 0.5, ..options };
        let error = train_to_file(&checkerboard(), Some(&path), &other, &resume(), &mut go_on).unwrap_err();
        assert!(error.to_string().contains("beta = 1.0, but beta = 0.5 was given"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn an_interrupted_calibration_is_done_again_and_gives_the_same_bytes() {
    let directory = TestDirectory::new("train-calibration");
    let [whole, killed, cancelled] = ["whole.h5", "killed.h5", "cancelled.h5"].map(|name| directory.path(name));
    let options = TrainingOptions { steps: 2, batch_size: 2, seed: 5, ..TrainingOptions::new(Profile::Standard) };
    let mut seen = Vec::new();
    let mut copy_amid = |p: &Progress| {
        seen.push((p.step, p.steps, p.remaining.is_some()));
        if seen.len() == 4 {
            std::fs::copy(&whole, &killed).unwrap();
        }
        ControlFlow::Continue(())
    };
    train_to_file(&checkerboard(), Some(&whole), &options, &run(1), &mut copy_amid).unwrap();
    // Behind the last step nobody knows yet how long the calibration will take.
    assert_eq!(seen[..3], [(1, 2, true), (2, 2, false), (2, 2, true)]);
    assert_eq!((seen.len(), seen.last()), (2 + 45, Some(&(2, 2, true))));
    for (stop, text) in [(2, "cancelled at step 2 of 2; "), (4, "cancelled after 2 of 45 parts; ")] {
        let mut calls = 0;
        let mut cancel = |_: &Progress| {
            calls += 1;
            if calls == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let error = train_to_file(&checkerboard(), Some(&cancelled), &options, &run(1), &mut cancel).unwrap_err();
        let expected = format!("{text}{} holds the work so far, resume to go on", cancelled.display());
        assert!(matches!(&error, Error::Cancelled(found) if found.contains(&expected)), "{error}");
        assert!(std::fs::read(&cancelled).unwrap() == std::fs::read(&killed).unwrap());
    }
    let checkpoint = read_checkpoint(&killed, Device::Cpu).unwrap();
    assert!(checkpoint.state.step == 2 && checkpoint.relaxation.is_none() && !checkpoint.is_finished());
    train_to_file(&checkerboard(), Some(&killed), &options, &resume(), &mut go_on).unwrap();
    let expected = std::fs::read(&whole).unwrap();
    assert!(expected == std::fs::read(&killed).unwrap());
    // A further step makes biases and weights void.
    let longer = TrainingOptions { steps: 3, ..options };
    let mut cancel = |_: &Progress| ControlFlow::Break(());
    train_to_file(&checkerboard(), Some(&killed), &longer, &resume(), &mut cancel).unwrap_err();
    let longer = read_checkpoint(&killed, Device::Cpu).unwrap();
    assert_eq!((longer.position_biases, longer.relaxation), (None, None));
}

#[test]
fn the_model_is_the_same_with_a_file_and_without() {
    let directory = TestDirectory::new("train-model");
    let [checkpoint, saved] = ["checkpoint.h5", "saved.h5"].map(|name| directory.path(name));
    let without = train_to_file(&checkerboard(), None, &options(4), &run(1), &mut go_on).unwrap();
    let with = train_to_file(&checkerboard(), Some(&checkpoint), &options(4), &run(1), &mut go_on).unwrap();
    write_model(&without, &saved).unwrap();
    let [of_training, of_model] = [&checkpoint, &saved].map(|path| read_model(path, Device::Cpu).unwrap());
    let digest = model_digest(&without).unwrap();
    assert_eq!(
        [&with, &of_training, &of_model].map(|model| model_digest(model).unwrap()),
        [(); 3].map(|()| digest.clone())
    );
    assert_eq!(of_model.record, without.record);
}

#[test]
fn a_model_without_its_training_is_not_resumed() {
    let directory = TestDirectory::new("train-model-alone");
    let path = directory.path("model.h5");
    let model = train_to_file(&checkerboard(), None, &options(2), &run(1), &mut go_on).unwrap();
    write_model(&model, &path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = train_to_file(&checkerboard(), Some(&path), &options(3), &resume(), &mut go_on).unwrap_err();
    assert!(matches!(&error, Error::Format { reason, .. } if reason.contains("a model alone")), "{error}");
    assert!(before == std::fs::read(&path).unwrap());
    let error = train_to_file(&checkerboard(), None, &options(3), &resume(), &mut go_on).unwrap_err();
    assert!(error.to_string().contains("without a model file"), "{error}");
}

#[test]
fn divergence_is_told_with_its_step_and_keeps_the_last_model_file() {
    let directory = TestDirectory::new("train-diverged");
    let path = directory.path("diverged.h5");
    let before = train_to_bytes(&path, &options(5), &run(1));
    let wild =
        TrainingOptions { learning_rate_generator: 1.0, learning_rate_encoder: 1.0, lambda_rec: 1e6, ..options(400) };
    let at_the_end = RunOptions { checkpoint_interval: 0, ..run(1) };
    let error = train_to_file(&checkerboard(), Some(&path), &wild, &at_the_end, &mut go_on).unwrap_err();
    // The step itself, not the end of the interval of the loss history.
    let step = error.to_string().split(" at step ").nth(1).and_then(|rest| rest.split(';').next()?.parse::<u64>().ok());
    assert!(matches!(error, Error::Diverged(_)) && step.is_some_and(|step| step % 50 != 0), "{error}");
    assert!(error.to_string().contains("nothing had been saved yet"), "{error}");
    assert!(before == std::fs::read(&path).unwrap());
}

#[test]
fn a_model_of_volumes_is_trained_interrupted_and_makes_volumes() {
    let directory = TestDirectory::new("train-volumes");
    let [whole, interrupted] = ["whole.h5", "interrupted.h5"].map(|name| directory.path(name));
    let options = TrainingOptions { steps: 2, window_side: 32, seed: 5, ..TrainingOptions::new(Profile::Volume) };
    train_to_file(&checkerboard(), Some(&whole), &options, &run(1), &mut go_on).unwrap();
    let mut cancel = |_: &Progress| ControlFlow::Break(());
    train_to_file(&checkerboard(), Some(&interrupted), &options, &run(1), &mut cancel).unwrap_err();
    train_to_file(&checkerboard(), Some(&interrupted), &options, &resume(), &mut go_on).unwrap();
    assert!(std::fs::read(&whole).unwrap() == std::fs::read(&interrupted).unwrap());

    let model = read_model(&whole, Device::Cpu).unwrap();
    assert_eq!((model.shape(), model.tiles.shape()[0]), ([32; 3], 1));
    let made = |options: &GenerationOptions| realisations(&model, options).unwrap();
    let options = GenerationOptions { seed: 3, count: 2, shape: Some([32, 48, 64]), threads: 2, ..Default::default() };
    let all = made(&options);
    let second = made(&GenerationOptions { first: 1, count: 1, threads: 1, ..options.clone() });
    assert_eq!(second.as_slice(), all.image(1));
    let block = Block { first: [-3, 40, 0], size: [9, 20, 64] };
    let mut expected = vec![9; block.voxels()];
    block.copy([32, 48, 64], &Block::whole([32, 48, 64]), all.image(0), &mut expected);
    let of_block = made(&GenerationOptions { count: 1, block: Some(block), ..options.clone() });
    assert_eq!(of_block.as_slice(), expected);

    let message = |options: GenerationOptions| realisations(&model, &options).unwrap_err().to_string();
    let flat = message(GenerationOptions { shape: Some([1, 64, 64]), ..options });
    assert!(flat.contains("a model of profile volume has volumes, with 32 to"), "{flat}");
    assert!(reconstruct(&model, &model.tiles).unwrap_err().to_string().contains("has no encoder"));
}

#[test]
fn volumes_learn_each_direction_from_its_own_micrograph() {
    let directory = TestDirectory::new("train-directions");
    let lengths = GaussianField { nz: 48, ny: 64, nx: 64, correlation_z: 1.0, ..GaussianField::default() };
    let volume = Sample::GaussianField(GaussianField { correlation_x: 12.0, ..lengths }).make(1, 1).unwrap();
    let planes: Vec<Micrograph> = (0..3).map(|axis| volume.plane(axis, 7).unwrap()).collect();
    let options = TrainingOptions { steps: 2, window_side: 32, ..TrainingOptions::new(Profile::Volume) };
    let train = |path: &str, micrographs: &[&Micrograph], run: &RunOptions, progress: ProgressCallback| {
        let path = directory.path(path);
        train_to_file(Directions::new(micrographs.to_vec()).unwrap(), Some(&path), &options, run, progress)
    };
    let all: Vec<&Micrograph> = planes.iter().collect();
    // Without the calibration behind the last step, which takes long and has no part in this.
    let mut end = |p: &Progress| if p.step == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    for count in [2, 3] {
        let given = &all[..count];
        train("whole.h5", given, &run(1), &mut end).unwrap_err();
        let read = read_checkpoint(&directory.path("whole.h5"), Device::Cpu).unwrap();
        assert_eq!((read.further.len(), read.state.discriminators.len()), (count - 1, count));
        for (direction, micrograph) in read.further.iter().zip(&given[1..]) {
            assert_eq!(direction, &Direction::new(micrograph, 32).unwrap());
        }
        let sources: Vec<_> = read.further.iter().map(|direction| direction.origin.source.to_string()).collect();
        assert!(sources.iter().zip(["across y", "across x"]).all(|(source, across)| source.ends_with(across)));
        if count == 3 {
            train("cut.h5", given, &run(2), &mut |_| ControlFlow::Break(())).unwrap_err();
            train("cut.h5", given, &resume(), &mut end).unwrap_err();
            let bytes = ["whole.h5", "cut.h5"].map(|name| std::fs::read(directory.path(name)).unwrap());
            assert!(bytes[0] == bytes[1]);
        }

        let fewer = train("whole.h5", &given[..count - 1], &resume(), &mut go_on).unwrap_err().to_string();
        assert!(fewer.contains(&format!("was on {count} micrographs, but")), "{fewer}");
        let mut others = given.to_vec();
        others.swap(0, 1);
        let others = train("whole.h5", &others, &resume(), &mut go_on).unwrap_err().to_string();
        assert!(others.contains("plane 7 across z") && others.contains("plane 7 across y"), "{others}");
    }

    let refused = |micrographs: &[&Micrograph], profile: Profile| {
        let options = TrainingOptions { steps: 1, ..TrainingOptions::new(profile) };
        let given = Directions::new(micrographs.to_vec()).unwrap();
        train_to_file(given, None, &options, &run(1), &mut go_on).unwrap_err().to_string()
    };
    assert!(refused(&all, Profile::Standard).contains("3 micrographs for profile standard"));
    assert!(refused(&[&volume], Profile::Volume).contains("is a volume of 48 x 64 x 64 voxels"));
    let mut three = planes[1].clone();
    three.images = PhaseImages::new(three.images.into_phases(), 3).unwrap();
    assert!(refused(&[all[0], &three], Profile::Volume).contains("has 3 phases, but"));
    let sized = Micrograph { voxel_size: "2um".parse().ok(), ..planes[1].clone() };
    let refusal = refused(&[all[0], &sized], Profile::Volume);
    assert!(refusal.contains("give micrographs of one voxel size") && refusal.contains("is none"), "{refusal}");
}
