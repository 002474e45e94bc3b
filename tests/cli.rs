//! The command line from outside, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "cli/files.rs"]
mod files;
#[path = "cli/help.rs"]
mod help;
#[cfg(unix)]
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/volumes.rs"]
mod volumes;

/// A micrograph and networks that are small enough for a test.
const CHECKERBOARD: [&str; 4] = ["--sample", "checkerboard", "--sample-size", "64"];
const SMALL: [&str; 6] = ["--profile", "paper32", "--batch-size", "4", "--threads", "1"];

/// An empty folder of this test run.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Fills the HDF5 file at `path`, new or not. It is open elsewhere: a process that another test starts meanwhile has all files
/// that are open, and their locks, until it runs.
fn fill_hdf5(path: &Path, fill: impl FnOnce(&hdf5::File)) {
    let draft = path.with_extension("draft");
    if path.exists() {
        std::fs::copy(path, &draft).unwrap();
    }
    let file = hdf5::File::append(&draft).unwrap();
    fill(&file);
    file.close().unwrap();
    std::fs::copy(&draft, path).unwrap();
}

fn davegan(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_davegan"));
    command.args(arguments).current_dir(folder);
    command
}

/// Standard output and standard error of a run that ends with `status`.
#[track_caller]
fn run(folder: &Path, status: i32, arguments: &[&str]) -> (String, String) {
    let Output { status: found, stdout, stderr } = davegan(folder, arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(found.code(), Some(status), "{arguments:?}: {stdout}{stderr}");
    (stdout, stderr)
}

fn train(folder: &Path, options: &[&str]) -> (String, String) {
    run(folder, 0, &[&["train"], &CHECKERBOARD[..], &SMALL, options].concat())
}

#[test]
fn wrong_usage_has_status_2_and_names_the_argument() {
    let folder = folder("usage");
    for (arguments, words) in [
        (&[][..], "Usage: davegan"),
        (&["grow"], "unrecognized subcommand 'grow'"),
        (&["train"], "MICROGRAPH"),
        (&["train", "image.png", "--size", "3"], "--size"),
        (&["train", "image.png", "--otsu", "two"], "invalid value 'two' for '--otsu"),
        (&["train", "image.png", "--otsu", "2", "--thresholds", "1"], "cannot be used with"),
        (&["train", "image.png", "--sample", "discs"], "cannot be used with"),
        (&["train", "--sample", "wood"], "gaussian_field"),
        (&["train", "image.png", "--roi", "1,2,3"], "four whole numbers"),
        (&["train", "image.png", "--voxel-size", "0.2 inch"], "one of m, mm, um, nm"),
        (&["train", "image.png", "--voxel-size", "-1um"], "'-1um' for '--voxel-size"),
        (&["train", "image.png", "--seed", "-3"], "invalid value '-3' for '--seed"),
        (&["generate", "model.h5", "out.vtkhdf", "--count", "-1"], "invalid value '-1' for '--count"),
        (&["train", "image.png", "--device", "gpu"], "choose auto, cpu, cuda:N or wgpu:N"),
        (&["train", "image.png", "--profile", "paper"], "choose standard, volume, paper32 or paper64"),
        (&["train", "image.png", "--across-x", "other.png"], "--across-y"),
        (&["train", "--sample", "discs", "--across-y", "other.png"], "cannot be used with"),
        (&["generate", "model.h5"], "OUTPUT"),
        (&["evaluate", "model.h5"], "MICROGRAPH"),
        (&["export", "a.vtkhdf"], "--output"),
        (&["export", "a.vtkhdf", "-o", "a.vti", "--format", "stl"], "dream3d"),
        (&["representative", "model.h5", "--sizes", "64,large"], "invalid value 'large'"),
        (&["relax", "images.h5", "out.vtkhdf"], "MICROGRAPH"),
        (&["info"], "FILE"),
        (&["completions", "csh"], "fish"),
    ] {
        let (output, errors) = run(&folder, 2, arguments);
        assert!(output.is_empty() && errors.contains(words), "{arguments:?}: {output}{errors}");
    }
}

#[test]
fn failures_have_status_1_and_the_words_of_the_library() {
    let folder = folder("failures");
    let grey: Vec<u8> = (0..64 * 64).map(|pixel: u32| (pixel % 251) as u8).collect();
    let mut encoder = png::Encoder::new(std::fs::File::create(folder.join("grey.png")).unwrap(), 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&grey).unwrap();
    std::fs::write(folder.join("text.h5"), "no model").unwrap();
    for (arguments, words) in [
        (&["train", "missing.png"][..], "missing.png: cannot open the image"),
        (&["train", "grey.png"], "distinct values, which cannot be phase numbers"),
        (&["train", "grey.png"], "--otsu N"),
        (&["train", "grey.png", "--otsu", "2", "--roi", "0,60,8,8"], "region of interest 0,60,8,8"),
        (&["train", "--sample", "discs", "--sample-size", "32"], "64 x 64"),
        (&["train", "--sample", "discs", "--beta", "-1"], "beta = -1"),
        (&["train", "--sample", "discs", "--paper-options", "displacement=1"], "displacement=1"),
        (&["train", "--sample", "discs", "--profile", "paper64", "--paper-options", "wood=1"], "wood"),
        (&["train", "--sample", "discs", "--steps", "1", "--model", "missing/model.h5"], "missing/model.h5"),
        (&["generate", "text.h5", "out.vtkhdf"], "text.h5"),
        (&["evaluate", "missing.h5", "--sample", "discs"], "missing.h5"),
        (&["report", "missing.h5", "--sample", "discs"], "missing.h5"),
        (&["representative", "missing.h5"], "missing.h5"),
        (&["relax", "missing.h5", "out.vtkhdf", "--sample", "discs"], "missing.h5"),
        (&["relax", "grey.png", "out.vtkhdf", "--sample", "discs"], "which is no phase"),
        (&["info", "missing.h5"], "missing.h5"),
        (&["info", "grey.png"], "not written by davegan"),
    ] {
        let (_, errors) = run(&folder, 1, arguments);
        assert!(errors.starts_with("davegan: ") && errors.contains(words), "{arguments:?}: {errors}");
    }
    // A micrograph is not written over, by a model or by a picture.
    let before = std::fs::read(folder.join("grey.png")).unwrap();
    let over = ["train", "grey.png", "--otsu", "2", "--model", "grey.png"];
    assert!(run(&folder, 1, &over).1.contains("grey.png is to be read and written over"));
    let over = [&["train", "--model", "grey.png"], &CHECKERBOARD[..], &SMALL].concat();
    assert!(run(&folder, 1, &over).1.contains("grey.png: is no davegan model"));
    assert!(std::fs::read(folder.join("grey.png")).unwrap() == before);
    // What the message of the grey picture asks for is enough.
    let grey = ["train", "grey.png", "--otsu", "2", "--steps", "1", "--roi", "4,2,40,50", "--voxel-size", "0.25um"];
    let (output, _) = run(&folder, 0, &[&grey, &SMALL[..]].concat());
    for words in ["grey.png", "40 x 50 pixels of 0.25 um", "phase 1: value"] {
        assert!(output.contains(words), "{output}");
    }
}

#[test]
fn a_model_is_trained_generates_and_is_judged() {
    let folder = folder("whole");
    let (output, errors) = train(&folder, &["--steps", "2"]);
    for words in ["64 x 64 pixels", "phase 0: value 0, 50.00 %", "phase 1: value 1, 50.00 %", "wrote model.h5"] {
        assert!(output.contains(words), "{output}");
    }
    assert!(errors.is_empty(), "{errors}");
    // Continued training gives the model of uninterrupted training.
    train(&folder, &["--steps", "4", "--resume"]);
    train(&folder, &["--steps", "4", "--model", "whole.h5"]);
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(bytes("model.h5") == bytes("whole.h5"));

    let generate = ["generate", "model.h5", "out.vtkhdf", "--seed", "3", "--first", "5", "--voxel-size", "0.5"];
    for (count, replace, expected) in [("4", None, 4), ("2", Some("--replace"), 2)] {
        let options: Vec<&str> = generate.iter().copied().chain(["--count", count]).chain(replace).collect();
        run(&folder, 0, &options);
        // A copy is opened: programs that other tests start meanwhile inherit its lock for a moment, which would stop the next call.
        let copy = folder.join(format!("{count}.vtkhdf"));
        std::fs::copy(folder.join("out.vtkhdf"), &copy).unwrap();
        let file = hdf5::File::open(copy).unwrap();
        assert_eq!(file.dataset("VTKHDF/CellData/phase").unwrap().shape(), [expected, 1, 32, 32]);
        assert_eq!(file.attr_at("VTKHDF", "Spacing"), [0.5; 3]);
    }
    let cleaned = ["--smallest-island", "5", "--majority", "1"];
    run(&folder, 0, &[&["generate", "model.h5", "host.h5", "--group", "rve", "--count", "3"], &cleaned[..]].concat());
    let file = hdf5::File::open(folder.join("host.h5")).unwrap();
    assert!(file.group("rve").unwrap().attr("smallest_island").is_ok());
    assert_eq!(file.dataset("rve/phase").unwrap().shape(), [3, 1, 32, 32]);

    let model = ["model.h5", "--count", "32", "--threads", "1"];
    let files = ["--output", "figures.h5", "--reconstructions", "reconstructions.h5"];
    let (table, _) = run(&folder, 0, &[&["evaluate"], &model[..], &CHECKERBOARD, &files].concat());
    assert!(table.starts_with("phase ") && table.contains("E_rec ") && table.contains(" gates hold"), "{table}");
    let phase: &str = table.split_whitespace().nth(1).unwrap();
    let figures = hdf5::File::open(folder.join("figures.h5")).unwrap();
    assert!(figures.dataset(&format!("phase_{phase}/E_rec")).is_ok());
    let reconstructions = hdf5::File::open(folder.join("reconstructions.h5")).unwrap();
    assert_eq!(reconstructions.dataset("reconstructed").unwrap().shape(), [4, 32, 32]);
    drop((figures, reconstructions));
    assert!(run(&folder, 1, &["info", "figures.h5"]).1.contains("holds figures of davegan evaluate"));
    // The same material with other pixels.
    let (_, errors) =
        run(&folder, 0, &[&["evaluate"], &model[..], &CHECKERBOARD[..2], &["--sample-size", "96"]].concat());
    assert!(
        errors.contains(
            "warning: the model was not trained on this micrograph, as it is read now (checkerboard, 96 x 96"
        ),
        "{errors}"
    );

    run(&folder, 0, &[&["report", "--contact-sheet", "sheet.png"], &model[..], &CHECKERBOARD].concat());
    assert!(bytes("report.html").starts_with(b"<!DOCTYPE html>") && bytes("sheet.png").starts_with(b"\x89PNG"));

    let sizes =
        ["representative", "model.h5", "--sizes", "32", "--count", "4", "--threads", "1", "--output", "sizes.html"];
    let (table, _) = run(&folder, 0, &sizes);
    assert!(table.contains("4 elements of each size") && table.contains("32 x 32"), "{table}");
    assert!(bytes("sizes.html").starts_with(b"<!DOCTYPE html>"));
    assert!(run(&folder, 1, &[&sizes[..], &["--precision", "2"]].concat()).1.contains("precision = 2"));
}

#[test]
fn realisations_are_exported_with_their_voxel_size() {
    let folder = folder("export");
    train(&folder, &["--steps", "2"]);
    let generate = ["generate", "model.h5", "a.vtkhdf", "--count", "3", "--first", "4", "--voxel-size", "0.25um"];
    run(&folder, 0, &generate);
    run(&folder, 0, &[&generate[..2], &["b.h5", "--group", "rve", "--first", "5"]].concat());
    let export = |status, input, output, more: &[&str]| {
        run(&folder, status, &[&["export", input, "--output", output], more].concat())
    };
    for name in ["a.vti", "a.npy", "a.tif", "a.tiff", "a.dream3d", "a.inp", "a.xdmf"] {
        let (output, _) = export(0, "a.vtkhdf", name, &["--index", "5"]);
        assert!(output.contains("wrote 32 x 32 x 1 voxels to a."), "{output}");
    }
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let text = |name: &str| String::from_utf8(bytes(name)).unwrap();
    assert!(text("a.vti").contains(r#"Spacing="0.25 0.25 0.25""#) && text("a.inp").contains("lengths in um"));
    // The same realisation from another file, the first one without an index, and another size of a voxel.
    export(0, "b.h5", "b.npy", &["--group", "rve"]);
    assert!(bytes("a.npy") == bytes("b.npy"));
    export(0, "a.vtkhdf", "b.npy", &[]);
    assert!(bytes("a.npy") != bytes("b.npy"));
    export(0, "a.vtkhdf", "plain", &["--format", "abaqus", "--periodic", "--plane-stress", "--voxel-size", "2"]);
    assert!(text("plain").contains("*EQUATION") && text("plain").contains("TYPE=CPS4"));
    for (input, output, more, words) in [
        ("a.vtkhdf", "a.npy", &["--index", "7"][..], "3 realisations from 4 to 6"),
        ("a.vtkhdf", "a.stl", &[], "give --format"),
        ("a.vtkhdf", "a.vti", &["--periodic"], "for the format abaqus"),
        ("a.vtkhdf", "a.vtkhdf", &["--format", "npy"], "choose another path"),
        ("a.vtkhdf", "model.h5", &["--format", "npy"], "an export replaces nothing else"),
        ("model.h5", "a.npy", &[], "model.h5: is a davegan model; give a file of realisations"),
    ] {
        let before = bytes("a.npy");
        let (_, errors) = export(1, input, output, more);
        assert!(errors.contains(words), "{errors}");
        assert!(bytes("a.npy") == before);
    }
}

/// Status, `None` if a signal ended it, and standard error of a run under a `limit` of the shell.
#[cfg(unix)]
fn run_under(limit: &str, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let script = format!("{limit}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_davegan")]).args(arguments).current_dir(folder);
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_no_file_and_says_what_to_do() {
    let folder = folder("full");
    train(&folder, &["--steps", "2"]);
    let report = [&["report", "model.h5", "--threads", "1"], &CHECKERBOARD[..]].concat();
    run(&folder, 0, &["generate", "model.h5", "a.vtkhdf"]);
    let runs = [
        [&["train", "--steps", "1", "--model", "new"], &CHECKERBOARD[..], &SMALL].concat(),
        vec!["generate", "model.h5", "new", "--replace"],
        vec!["export", "a.vtkhdf", "--output", "new", "--format", "abaqus"],
        vec!["export", "a.vtkhdf", "--output", "new", "--format", "dream3d"],
        [&report[..], &["--count", "1", "--output", "new"]].concat(),
        [&report[..], &["--count", "1", "--contact-sheet", "new"]].concat(),
    ];
    let content = || {
        let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names.into_iter().map(|name| (std::fs::read(folder.join(&name)).unwrap(), name)).collect::<Vec<_>>()
    };
    // No file can grow beyond a block or two: the next best thing to a full disk.
    let full = "trap '' XFSZ; ulimit -f 1";
    for arguments in runs {
        for _ in 0..2 {
            let before = content();
            let (status, errors) = run_under(full, &folder, &arguments);
            assert!(status == Some(1) && errors.contains("make room"), "{arguments:?}: {errors}");
            assert!(content() == before, "{arguments:?}");
            // The second time there is a file to write over.
            run(&folder, 0, &arguments);
        }
        std::fs::remove_file(folder.join("new")).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn too_little_memory_is_an_error_like_any_other() {
    let folder = folder("memory");
    let large = ["--profile", "paper64", "--batch-size", "16", "--threads", "4", "--steps", "1"];
    let train = [&["train"], &CHECKERBOARD[..], &large].concat();
    run(&folder, 0, &train);
    let generate = ["generate", "model.h5", "out.h5", "--replace", "--count", "256", "--threads", "8"];
    for arguments in [train, generate.to_vec()] {
        let with = |mib: u32, arguments: &[&str]| run_under(&format!("ulimit -v {}", mib << 10), &folder, arguments);
        // Less is too little for the system's loader.
        let least = (1..).find(|&mib| with(mib, &["--version"]).0 == Some(0)).unwrap();
        let (mut mib, mut done, mut refused) = (least, 0, 0);
        while done < 3 {
            mib += 13;
            match with(mib, &arguments) {
                (Some(0), _) => done += 1,
                (Some(1), errors) if errors.starts_with("davegan: ") => refused += 1,
                (status, errors) => panic!("{arguments:?} with {mib} MiB: {status:?}: {errors}"),
            }
        }
        assert!(refused > 1, "{arguments:?}");
    }
}

trait AttributeAt {
    fn attr_at(&self, group: &str, name: &str) -> Vec<f64>;
}

impl AttributeAt for hdf5::File {
    fn attr_at(&self, group: &str, name: &str) -> Vec<f64> {
        self.group(group).unwrap().attr(name).unwrap().read_raw().unwrap()
    }
}
