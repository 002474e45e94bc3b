//! What a file of realisations does when something is wrong.

use std::fs::{self, File as SystemFile};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ndarray::Array4;

use super::tests::{SLICE, VOLUME, append, check, errors, group, header, images, write};
use super::*;
use crate::storage::testing::{TestDirectory, after_kill, in_process_with_file_limit};
use crate::storage::write_phase_images;

#[test]
fn a_set_of_another_kind_is_not_added_to() {
    let directory = TestDirectory::new("realisations-kinds");
    let path = directory.path("out.h5");
    write(&path, &Layout::VtkHdf, SLICE, &[2]);
    type Change = (&'static str, fn(&mut Header));
    let changes: [Change; 7] = [
        ("shape", |h| h.shape[2] += 1),
        ("n_phases", |h| h.n_phases = 2),
        ("seed", |h| h.seed = 1),
        ("voxel_size", |h| h.voxel_size = 1.0),
        ("model_sha256", |h| h.identity[0].1 = "ffff".into()),
        ("have no options, those to be added options x", |h| h.identity.push(("options".into(), "x".into()))),
        ("model_sha256 0a1b, those to be added no model_sha256", |h| h.identity[0].1.clear()),
    ];
    for (name, change) in changes {
        let mut other = header(SLICE);
        change(&mut other);
        let error = RealisationFile::open(&path, &Layout::VtkHdf, &other, Mode::Append).unwrap_err();
        assert!(matches!(error, Error::Format { .. }) && error.to_string().contains(name), "{error}");
        // A message, not a value of Rust.
        assert!(!error.to_string().contains("Some("), "{error}");
    }
    let mut other = header(SLICE);
    other.provenance[0].1 = "cuda:0".into();
    assert!(RealisationFile::open(&path, &Layout::VtkHdf, &other, Mode::Append).is_ok());
}

#[test]
fn realisations_that_do_not_belong_are_refused() {
    let directory = TestDirectory::new("realisations-wrong");
    let path = directory.path("out.h5");
    let mut file = RealisationFile::open(&path, &Layout::VtkHdf, &header(SLICE), Mode::Append).unwrap();
    append(&mut file, 0, 3);
    let two_phases = PhaseImages::new(Array4::zeros((1, 1, 5, 7)), 2).unwrap();
    let mut refused = |first: u64, images: &PhaseImages, errors: &[f64], words: &str| {
        let error = file.append(first, images, errors).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)) && error.to_string().contains(words), "{error}");
    };
    refused(3, &images(3, 1, VOLUME), &[0.0], "voxels");
    refused(3, &two_phases, &[0.0], "2 phases");
    refused(3, &images(3, 2, SLICE), &[0.0], "1 errors for 2");
    refused(2, &images(2, 2, SLICE), &[0.0; 2], "realisation 2 is in");
    refused(u64::MAX, &images(0, 1, SLICE), &[0.0], "2^63");
    refused(i64::MAX as u64, &images(0, 1, SLICE), &[0.0], "2^63");
    file.finish().unwrap();
    check(&path, &Layout::VtkHdf, SLICE, 3, true);
}

#[test]
fn headers_and_groups_that_make_no_sense_are_refused() {
    let directory = TestDirectory::new("realisations-headers");
    let path = directory.path("out.h5");
    let changes: [fn(&mut Header); 7] = [
        |h| h.shape[0] = 0,
        |h| h.n_phases = 1,
        |h| h.voxel_size = f64::NAN,
        |h| h.voxel_size = 0.0,
        |h| h.provenance.push(("seed".into(), "1".into())),
        |h| h.provenance.push(("model_sha256".into(), "1".into())),
        |h| h.provenance.push((String::new(), "1".into())),
    ];
    for change in changes {
        let mut wrong = header(SLICE);
        change(&mut wrong);
        let error = RealisationFile::open(&path, &Layout::VtkHdf, &wrong, Mode::Append).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)), "{error:?}");
    }
    for name in ["", "/", "a\0b"] {
        let layout = Layout::Group(name.into());
        let error = RealisationFile::open(&path, &layout, &header(SLICE), Mode::Append).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)), "{error:?}");
    }
    assert!(!path.exists());
}

#[test]
fn files_that_cannot_be_written_are_named_with_advice() {
    let directory = TestDirectory::new("realisations-unwritable");
    let open = |path: PathBuf| RealisationFile::open(path, &Layout::VtkHdf, &header(SLICE), Mode::Append).unwrap_err();
    let missing = open(directory.path("none/out.h5"));
    assert!(matches!(missing, Error::Io { .. }) && missing.to_string().contains("none/out.h5"), "{missing}");
    assert!(matches!(open(directory.path("")), Error::Io { .. }));
    for content in [b"a text".to_vec(), b"\x89HDF\r\n\x1a\n and no more".to_vec()] {
        fs::write(directory.path("text"), &content).unwrap();
        let error = open(directory.path("text"));
        assert!(matches!(error, Error::Format { .. }) && error.to_string().contains("no HDF5 file"), "{error}");
        assert_eq!(fs::read(directory.path("text")).unwrap(), content);
    }
}

#[test]
fn a_file_that_another_program_has_open_is_refused() {
    let directory = TestDirectory::new("realisations-locked");
    let path = directory.path("out.h5");
    write(&path, &Layout::VtkHdf, SLICE, &[1]);
    let mut other =
        Command::new("flock").arg("-s").arg(&path).args(["sleep", "20"]).spawn().expect("util-linux's flock");
    let mut result = RealisationFile::open(&path, &Layout::VtkHdf, &header(SLICE), Mode::Append);
    for _ in 0..100 {
        if result.is_err() {
            break;
        }
        drop(result); // flock has not started yet
        std::thread::sleep(Duration::from_millis(20));
        result = RealisationFile::open(&path, &Layout::VtkHdf, &header(SLICE), Mode::Append);
    }
    other.kill().unwrap();
    other.wait().unwrap();
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("another process"), "{error}");
}

#[test]
fn a_killed_run_leaves_a_readable_file_to_go_on_with() {
    let test = "storage::realisation_file::failure_tests::a_killed_run_leaves_a_readable_file_to_go_on_with";
    let files = |path: &Path| [(path.to_owned(), Layout::VtkHdf), (path.with_extension("h5"), group())];
    let write_and_forget = |path: &Path| {
        for (path, layout) in files(path) {
            let mut file = RealisationFile::open(path, &layout, &header(VOLUME), Mode::Append).unwrap();
            append(&mut file, 0, 1);
            append(&mut file, 1, 4);
            std::mem::forget(file); // A killed process closes nothing.
        }
    };
    after_kill(test, "out.vtkhdf", write_and_forget, |path| {
        for (path, layout) in files(path) {
            check(&path, &layout, VOLUME, 5, false);
            write(&path, &layout, VOLUME, &[2]);
            check(&path, &layout, VOLUME, 7, true);
        }
    });
}

#[test]
fn a_full_disk_costs_nothing_that_was_there() {
    let name = "storage::realisation_file::failure_tests::a_full_disk_costs_nothing_that_was_there";
    in_process_with_file_limit(name, 1 << 20, |directory| {
        for (layout, n) in [(Layout::VtkHdf, 1), (Layout::VtkHdf, 3), (group(), 3)] {
            let path = directory.path("out.h5");
            let mut file = RealisationFile::open(&path, &layout, &header(VOLUME), Mode::Append).unwrap();
            append(&mut file, 0, n);
            let many = images(n, 20_000, VOLUME);
            for _ in 0..3 {
                let error = file.append(n as u64, &many, &errors(n, 20_000)).unwrap_err();
                assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("make room"), "{error}");
                assert_eq!(file.n_written(), n);
            }
            append(&mut file, n, 2);
            file.finish().unwrap();
            check(&path, &layout, VOLUME, n + 2, true);
            fs::remove_file(path).unwrap();
        }
        for layout in [Layout::VtkHdf, group()] {
            let mut file =
                RealisationFile::open(directory.path("new.h5"), &layout, &header(VOLUME), Mode::Append).unwrap();
            let error = file.append(0, &images(0, 20_000, VOLUME), &errors(0, 20_000)).unwrap_err();
            assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("make room"), "{error}");
            assert_eq!(directory.names(), [""; 0]);
        }
        let error = write_phase_images(directory.path("big.h5"), "a", &images(0, 20_000, VOLUME), Mode::Append);
        assert!(matches!(error, Err(Error::Io { .. })), "{error:?}");
    });
}

#[test]
fn a_file_that_another_program_cuts_removes_or_replaces_meanwhile_is_not_added_to() {
    let directory = TestDirectory::new("realisations-meanwhile");
    type Foreign = fn(&Path);
    let cut: Foreign = |path| SystemFile::options().write(true).open(path).unwrap().set_len(3000).unwrap();
    let remove: Foreign = |path| fs::remove_file(path).unwrap();
    let replace: Foreign = |path| {
        fs::write(path.with_extension("new"), "theirs").unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    for (foreign, words) in [(cut, "has cut it"), (remove, "removed"), (replace, "replaced")] {
        for (layout, n) in [(Layout::VtkHdf, 1), (Layout::VtkHdf, 3), (group(), 3)] {
            let path = directory.path("out.h5");
            let mut file = RealisationFile::open(&path, &layout, &header(VOLUME), Mode::Append).unwrap();
            append(&mut file, 0, n);
            foreign(&path);
            let left = fs::read(&path).ok();
            for words in [words, "open it again"] {
                let error = file.append(n as u64, &images(n, 2, VOLUME), &errors(n, 2)).unwrap_err();
                assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(words), "{error}");
                assert_eq!(file.n_written(), n);
            }
            assert!(matches!(file.finish(), Err(Error::Io { .. })));
            assert_eq!(fs::read(&path).ok(), left);
            if left.is_some() {
                let error = RealisationFile::open(&path, &layout, &header(VOLUME), Mode::Append).unwrap_err();
                assert!(matches!(error, Error::Format { .. }), "{error}");
                fs::remove_file(path).unwrap();
            }
            assert_eq!(directory.names(), [""; 0]);
        }
    }
}

#[test]
fn whoever_creates_a_file_that_is_there_already_is_told() {
    let directory = TestDirectory::new("realisations-created");
    let path = directory.path("out.h5");
    fs::write(&path, "").unwrap();
    let theirs = directory.path("theirs.h5");
    write(&theirs, &Layout::VtkHdf, SLICE, &[1]);
    let theirs = fs::read(theirs).unwrap();
    let fill = |_: &File| fs::write(&path, &theirs).map_err(|e| Error::io(&path, e));
    let mut output = Output::claim(&path, Kind::Hdf5).unwrap();
    let error = hdf5::sync::sync(|| JournalledFile::create(&mut output, fill)).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("another program"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), theirs);
    assert_eq!(directory.names(), ["out.h5", "theirs.h5"]);
}

#[test]
fn a_record_that_somebody_has_damaged_is_noticed() {
    let directory = TestDirectory::new("realisations-damaged");
    let path = directory.path("out.h5");
    let changes: [fn(&File); 4] = [
        |f| f.group("davegan").unwrap().attr("n_written").unwrap().write_scalar(&1_000_000_u64).unwrap(),
        |f| f.group("davegan").unwrap().delete_attr("n_written").unwrap(),
        |f| f.unlink("davegan/index").unwrap(),
        |f| f.unlink("VTKHDF/CellData/phase").unwrap(),
    ];
    for change in changes {
        write(&path, &Layout::VtkHdf, SLICE, &[2]);
        let file = File::open_rw(&path).unwrap();
        change(&file);
        file.close().unwrap();
        let error = RealisationFile::open(&path, &Layout::VtkHdf, &header(SLICE), Mode::Append).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error:?}");
        RealisationFile::open(&path, &Layout::VtkHdf, &header(SLICE), Mode::Replace).unwrap().finish().unwrap();
    }
}
