//! Large realisations in a file, block by block.

use std::fs;
use std::ops::ControlFlow;

use hdf5::File;

use super::*;
use crate::Error;
use crate::generation::realisations;
use crate::micrograph::Block;
use crate::micrograph::testing::field;
use crate::network::Profile;
use crate::progress::Progress;
use crate::storage::VTKHDF_PHASE;
use crate::storage::testing::TestDirectory;
use crate::training::{Checkpoint, TrainingOptions};

/// Longest side of blocks here; realisations have 2 x 3 of them.
const SIDE: usize = 32;
const SHAPE: [usize; 3] = [1, 48, 80];
const BLOCKS: u64 = 6;

/// A model that has not been trained.
fn model() -> Model {
    let options = TrainingOptions { latent_size: 4, ..TrainingOptions::new(Profile::Standard) };
    Checkpoint::untrained(options, &field(1, 64, 64)).model()
}

fn options(first: u64, count: usize) -> GenerationOptions {
    GenerationOptions { seed: 3, first, count, shape: Some(SHAPE), threads: 1, ..GenerationOptions::default() }
}

fn layouts() -> [FileOptions; 2] {
    [Layout::VtkHdf, Layout::Group("rve/large".into())].map(|layout| FileOptions {
        layout,
        progress_interval: 0.0,
        ..FileOptions::default()
    })
}

/// Generates until `stop` reports have come. Returns the steps that were reported, and the error.
fn generate(
    model: &Model,
    path: &Path,
    options: &GenerationOptions,
    file: &FileOptions,
    stop: usize,
) -> (Vec<u64>, Result<()>) {
    let mut steps = Vec::new();
    let mut progress = |progress: &Progress| {
        assert_eq!(progress.steps, options.count as u64 * BLOCKS);
        steps.push(progress.step);
        if steps.len() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = generate_in_blocks_of([1, SIDE, SIDE], model, path, options, file, &mut progress);
    (steps, result)
}

/// Checks that the file has exactly the realisations of `options`, from the first index 0 on.
fn check(model: &Model, path: &Path, layout: &Layout, options: &GenerationOptions) {
    let expected = realisations(model, options).unwrap();
    let file = File::open(path).unwrap();
    let record = file.group(layout.record_group()).unwrap();
    let phases = match layout {
        Layout::VtkHdf => file.dataset(VTKHDF_PHASE).unwrap(),
        Layout::Group(name) => file.dataset(&format!("{name}/phase")).unwrap(),
    };
    let ([nz, ny, nx], n) = (expected.shape(), options.count);
    let is_single = *layout == Layout::VtkHdf && n == 1;
    assert_eq!(phases.shape(), if is_single { vec![nz, ny, nx] } else { vec![n, nz, ny, nx] });
    assert!(phases.read_raw::<u8>().unwrap() == expected.as_slice());
    assert!(phases.attr("Attribute").is_ok() == (*layout == Layout::VtkHdf));
    let fractions: ndarray::Array2<f64> = record.dataset("volume_fraction").unwrap().read_2d().unwrap();
    for (image, fractions) in fractions.outer_iter().enumerate() {
        assert_eq!(fractions.to_vec(), expected.range(image, 1).volume_fractions());
    }
    assert_eq!(record.dataset("index").unwrap().read_raw::<i64>().unwrap(), (0..n as i64).collect::<Vec<_>>());
    assert_eq!(record.attr("n_written").unwrap().read_scalar::<u64>().unwrap(), n as u64);
    assert!(record.attr("complete").unwrap().read_scalar::<bool>().unwrap());
    assert!(record.attr("unfinished").is_err());
    if *layout == Layout::VtkHdf {
        assert!(!record.link_exists("phase"));
        let steps = file.group("VTKHDF/Steps").map(|steps| steps.attr("NSteps").unwrap().read_scalar::<i64>().unwrap());
        assert_eq!(steps.ok(), Some(n as i64).filter(|&n| n > 1));
    }
}

#[test]
fn large_realisations_are_stored_block_by_block_with_the_same_bytes() {
    let (directory, model) = (TestDirectory::new("generate-blocks"), model());
    for file in layouts() {
        for counts in [&[1, 1, 1][..], &[3]] {
            let (path, mut there) = (directory.path("out.h5"), 0);
            for &count in counts {
                let (steps, result) = generate(&model, &path, &options(there, count), &file, usize::MAX);
                result.unwrap();
                assert_eq!(steps, (1..=count as u64 * BLOCKS).collect::<Vec<_>>());
                there += count as u64;
                check(&model, &path, &file.layout, &options(0, there as usize));
            }
            let (steps, result) = generate(&model, &path, &options(there - 1, 2), &file, usize::MAX);
            let error = result.unwrap_err().to_string();
            assert!(steps.is_empty() && error.contains("realisation 2 is in"), "{error}");
            fs::remove_file(path).unwrap();
        }
        let path = directory.path("block.h5");
        let block = Some(Block { first: [0, -10, 70], size: [1, 50, 66] });
        let options = GenerationOptions { block, ..options(0, 2) };
        generate(&model, &path, &options, &file, usize::MAX).1.unwrap();
        check(&model, &path, &file.layout, &options);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_interrupted_realisation_goes_on_behind_its_last_block() {
    let (directory, model) = (TestDirectory::new("generate-interrupted"), model());
    for file in layouts() {
        // The first, the second and the third realisation have different places in a VTKHDF file.
        for interrupted in 0..3 {
            let path = directory.path("out.h5");
            if interrupted > 0 {
                generate(&model, &path, &options(0, interrupted), &file, usize::MAX).1.unwrap();
            }
            let rest = options(interrupted as u64, 3 - interrupted);
            let (steps, result) = generate(&model, &path, &rest, &file, 2);
            let error = result.unwrap_err();
            let expected = format!(
                "2 of 6 blocks of realisation {interrupted}, which are kept; to go on, add to the file \
                                    with first = {interrupted}, count = {}",
                3 - interrupted
            );
            assert!(matches!(&error, Error::Cancelled(text) if text.contains(&expected)), "{error}");
            assert_eq!(steps, [1, 2]);
            let counted = File::open(&path).unwrap().group(file.layout.record_group()).unwrap();
            assert_eq!(counted.attr("n_written").unwrap().read_scalar::<u64>().unwrap(), interrupted as u64);
            drop(counted);
            // Three more blocks, and the realisation as a whole.
            assert_eq!(generate(&model, &path, &rest, &file, 3).0, [3, 4, 5]);
            let (steps, result) = generate(&model, &path, &options(interrupted as u64, 1), &file, 1);
            assert_eq!(steps, [6]);
            assert!(result.unwrap_err().to_string().contains("nothing is left to do"));
            if interrupted < 2 {
                generate(&model, &path, &options(interrupted as u64 + 1, 2 - interrupted), &file, usize::MAX)
                    .1
                    .unwrap();
                check(&model, &path, &file.layout, &options(0, 3));
            }
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn finding_volume_fractions_can_be_cancelled() {
    let (directory, model) = (TestDirectory::new("generate-fractions"), model());
    let fractions = Some(model.tiles.volume_fractions());
    let path = directory.path("out.h5");
    for (sides, message) in [
        (
            [1, SIDE, SIDE],
            "while volume fractions of realisation 2 were found; to go on, add to the file with first = 2",
        ),
        (SHAPE, "out.h5 holds none of them; to go on, add to the file with first = 2, count = 3"),
    ] {
        let options = GenerationOptions { volume_fractions: fractions.clone(), ..options(2, 3) };
        let file = FileOptions { progress_interval: 0.0, ..FileOptions::default() };
        let mut cancel = |progress: &Progress| {
            assert_eq!(progress.step, 0);
            ControlFlow::Break(())
        };
        let error = generate_in_blocks_of(sides, &model, &path, &options, &file, &mut cancel).unwrap_err();
        assert!(matches!(&error, Error::Cancelled(text) if text.contains(message)), "{error}");
    }
}

#[test]
fn realisations_of_given_volume_fractions_are_stored_soon() {
    let (directory, model) = (TestDirectory::new("generate-soon"), model());
    let (volume_fractions, shape) = (Some(model.tiles.volume_fractions()), Some([1, 32, 32]));
    let options = GenerationOptions { volume_fractions, shape, ..options(0, 40) };
    let file = FileOptions { progress_interval: 0.0, ..FileOptions::default() };
    let mut cancel =
        |progress: &Progress| if progress.step > 16 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let error = generate_to_file(&model, &directory.path("out.h5"), &options, &file, &mut cancel).unwrap_err();
    let words = "cancelled after 32 of 40 realisations; ";
    assert!(error.to_string().contains(words) && error.to_string().ends_with("first = 32, count = 8"), "{error}");
}

#[test]
fn the_time_that_has_passed_counts_volume_fractions_too() {
    let (directory, model) = (TestDirectory::new("generate-elapsed"), model());
    let options = GenerationOptions { volume_fractions: Some(model.tiles.volume_fractions()), ..options(0, 1) };
    let file = FileOptions { progress_interval: 0.0, ..FileOptions::default() };
    let mut reports = Vec::new();
    let mut keep = |progress: &Progress| {
        reports.push((progress.step, progress.elapsed));
        ControlFlow::Continue(())
    };
    generate_in_blocks_of([1, SIDE, SIDE], &model, &directory.path("out.h5"), &options, &file, &mut keep).unwrap();
    assert!(reports.is_sorted() && reports[0].0 == 0 && reports[reports.len() - 1].0 == BLOCKS, "{reports:?}");
}

#[test]
fn blocks_of_another_realisation_are_not_taken_over() {
    let (directory, model) = (TestDirectory::new("generate-foreign"), model());
    for file in layouts() {
        for there in 0..3 {
            let path = directory.path("out.h5");
            if there > 0 {
                generate(&model, &path, &options(0, there), &file, usize::MAX).1.unwrap();
            }
            generate(&model, &path, &options(9, 1), &file, 4).1.unwrap_err();
            let (steps, result) = generate(&model, &path, &options(there as u64, 1), &file, usize::MAX);
            result.unwrap();
            assert_eq!(steps, [1, 2, 3, 4, 5, 6]);
            check(&model, &path, &file.layout, &options(0, there + 1));
            // Blocks of another size are those of another run.
            generate(&model, &path, &options(there as u64 + 1, 1), &file, 1).1.unwrap_err();
            let mut calls = 0;
            let mut count = |_: &Progress| {
                calls += 1;
                ControlFlow::Continue(())
            };
            generate_in_blocks_of([1, 48, 48], &model, &path, &options(there as u64 + 1, 1), &file, &mut count)
                .unwrap();
            assert_eq!(calls, 2);
            check(&model, &path, &file.layout, &options(0, there + 2));
            // What a call with another seed asks for does not belong in this file.
            let other = GenerationOptions { seed: 4, ..options(9, 1) };
            let error = generate(&model, &path, &other, &file, usize::MAX).1.unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
            fs::remove_file(path).unwrap();
        }
    }
}
