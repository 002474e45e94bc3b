//! What becomes of blocks when something is wrong.

use std::path::Path;

use ndarray::Array4;
use rand::Rng;

use super::super::tests::{SLICE, append, check, errors, group, header, images, write};
use super::*;
use crate::generation::parts;
use crate::micrograph::Block;
use crate::random::{self, Purpose};
use crate::storage::testing::{TestDirectory, after_kill, in_process_with_file_limit};

/// Longest side of a block of a [`SLICE`], which has 2 x 3 of them.
const SIDE: usize = 3;

fn open(path: &Path, layout: &Layout, shape: [usize; 3]) -> RealisationFile {
    RealisationFile::open(path, layout, &header(shape), Mode::Append).unwrap()
}

/// Adds at most `n` of the blocks of realisation `index` that are not there. Returns how many were there.
fn add_blocks(file: &mut RealisationFile, index: usize, n: usize) -> u64 {
    let image = images(index, 1, SLICE);
    let there = file.begin(index as u64, SIDE, 6).unwrap();
    for part in parts(SLICE, [SLICE[0], SIDE, SIDE]).skip(there as usize).take(n) {
        let mut voxels = vec![0; part.voxels()];
        part.copy(SLICE, &Block::whole(SLICE), image.as_slice(), &mut voxels);
        let [nz, ny, nx] = part.size;
        file.add_block(part.first, &PhaseImages::copy_of(&voxels, [1, nz, ny, nx], 3).unwrap()).unwrap();
    }
    there
}

/// Checks the file after [`add_blocks`], which stores no error.
fn check_blocks(path: &Path, layout: &Layout, n: usize) {
    let file = File::open_rw(path).unwrap();
    let column = file.group(layout.record_group()).unwrap().dataset("s2_error").unwrap();
    column.write(&errors(0, n)).unwrap();
    file.close().unwrap();
    check(path, layout, SLICE, n, true);
}

#[test]
fn a_killed_run_leaves_whole_realisations_and_blocks_to_go_on_with() {
    let name = "storage::realisation_file::in_blocks::tests::\
                a_killed_run_leaves_whole_realisations_and_blocks_to_go_on_with";
    let cases = || [0, 1, 2].into_iter().flat_map(|there| [Layout::VtkHdf, group()].map(|layout| (there, layout)));
    let of_case = |path: &Path, there: usize, layout: &Layout| {
        path.with_extension(format!("{there}-{}", if *layout == Layout::VtkHdf { "vtkhdf" } else { "h5" }))
    };
    let write_and_forget = |path: &Path| {
        for (there, layout) in cases() {
            let path = of_case(path, there, &layout);
            write(&path, &layout, SLICE, &[there][..there.min(1)]);
            let mut file = open(&path, &layout, SLICE);
            add_blocks(&mut file, there, 4);
            std::mem::forget(file);
        }
    };
    after_kill(name, "out", write_and_forget, |path| {
        for (there, layout) in cases() {
            let path = of_case(path, there, &layout);
            let record = File::open(&path).unwrap().group(layout.record_group()).unwrap();
            assert_eq!(record.attr("n_written").unwrap().read_scalar::<u64>().unwrap(), there as u64);
            drop(record);
            let mut file = open(&path, &layout, SLICE);
            assert_eq!(add_blocks(&mut file, there, 6), 4);
            file.end().unwrap();
            file.finish().unwrap();
            check_blocks(&path, &layout, there + 1);
        }
    });
}

#[test]
fn a_kill_before_the_realisation_counts_loses_no_block() {
    let directory = TestDirectory::new("blocks-end");
    for layout in [Layout::VtkHdf, group()] {
        for there in [0, 2] {
            let path = directory.path("out.h5");
            write(&path, &layout, SLICE, &[there][..there.min(1)]);
            let mut file = open(&path, &layout, SLICE);
            add_blocks(&mut file, there, 6);
            let rows = |file: &File| match &layout {
                Layout::VtkHdf => vtkhdf::put_unfinished(file, there, SLICE),
                Layout::Group(_) => Ok(()),
            };
            file.change(|_, file| file.transaction("test", |file| rows(file).explain(&path, "test"))).unwrap();
            drop(file);
            let mut file = open(&path, &layout, SLICE);
            assert_eq!((file.n_written(), add_blocks(&mut file, there, 6)), (there, 6));
            file.end().unwrap();
            file.finish().unwrap();
            check_blocks(&path, &layout, there + 1);
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn whole_realisations_take_the_place_of_blocks() {
    let directory = TestDirectory::new("blocks-append");
    for layout in [Layout::VtkHdf, group()] {
        for (there, added) in [(0, 1), (0, 2), (1, 1), (2, 1)] {
            let path = directory.path("out.h5");
            write(&path, &layout, SLICE, &[there][..there.min(1)]);
            let mut file = open(&path, &layout, SLICE);
            add_blocks(&mut file, 9, 4);
            append(&mut file, there, added);
            assert!(file.end().is_err());
            file.finish().unwrap();
            check(&path, &layout, SLICE, there + added, true);
            assert_eq!(add_blocks(&mut open(&path, &layout, SLICE), 9, 1), 0);
            RealisationFile::open(&path, &layout, &header(SLICE), Mode::Replace).unwrap().finish().unwrap();
            assert_eq!(add_blocks(&mut open(&path, &layout, SLICE), 9, 1), 0);
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_full_disk_costs_no_block_that_was_there() {
    let name = "storage::realisation_file::in_blocks::tests::a_full_disk_costs_no_block_that_was_there";
    let shape = [1, 2048, 2048];
    // Phases that are hard to compress.
    let noise_of = |side: usize, n: u64| {
        let mut rng = random::generator(n, Purpose::Realisation, 0);
        PhaseImages::new(Array4::from_shape_simple_fn((1, 1, side, side), || rng.random_range(0..3)), 3).unwrap()
    };
    let noise = |n: u64| noise_of(1024, n);
    in_process_with_file_limit(name, 1 << 19, |directory| {
        for layout in [Layout::VtkHdf, group()] {
            let path = directory.path("out.h5");
            let mut file = open(&path, &layout, shape);
            assert_eq!(file.begin(7, 1024, 4), Ok(0));
            let parts: Vec<Block> = parts(shape, [1, 1024, 1024]).collect();
            let added = parts.iter().zip(1..).try_for_each(|(part, n)| file.add_block(part.first, &noise(n)));
            let error = added.unwrap_err();
            assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("make room"), "{error}");
            drop(file);
            let mut file = open(&path, &layout, shape);
            let there = file.begin(7, 1024, 4).unwrap() as usize;
            assert!((1..4).contains(&there), "{there}");
            for part in &parts[there..] {
                let zeros = PhaseImages::new(Array4::zeros((1, 1, 1024, 1024)), 3).unwrap();
                file.add_block(part.first, &zeros).unwrap();
            }
            file.end().unwrap();
            file.finish().unwrap();
            let written = File::open(&path).unwrap();
            let name = if layout == Layout::VtkHdf { vtkhdf::PHASE } else { "ensembles/run 1/phase" };
            let phases = written.dataset(name).unwrap().read_raw::<u8>().unwrap();
            for (number, part) in parts.iter().enumerate() {
                let mut found = vec![9; part.voxels()];
                part.copy(shape, &Block::whole(shape), &phases, &mut found);
                let expected =
                    if number < there { noise(number as u64 + 1).as_slice().to_vec() } else { vec![0; 1 << 20] };
                assert!(found == expected, "block {number} of {there}");
            }
            std::fs::remove_file(&path).unwrap();
            // Without a block that was there, nothing stays.
            let mut file = open(&path, &layout, shape);
            assert_eq!(file.begin(7, 2048, 1), Ok(0));
            let error = file.add_block([0; 3], &noise_of(2048, 1)).unwrap_err();
            assert!(matches!(error, Error::Io { .. }) && !path.exists(), "{error}");
        }
    });
}
