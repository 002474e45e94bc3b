//! What is said about files, and images from elsewhere.

use hdf5::File;
use ndarray::{Array2, Array3, Array4, s};
use serde_json::Value;

use super::{CHECKERBOARD, SMALL, fill_hdf5, folder, run, train};

fn json(folder: &std::path::Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&run(folder, 0, &[arguments, &["--json"]].concat()).0).unwrap()
}

#[test]
fn a_model_file_says_what_it_is() {
    let folder = folder("info-model");
    train(&folder, &["--steps", "3", "--seed", "5", "--voxel-size", "0.25um"]);
    let info = json(&folder, &["info", "model.h5"]);
    for (name, expected) in [
        ("kind", Value::from("model")),
        ("bytes", folder.join("model.h5").metadata().unwrap().len().into()),
        ("library_version", env!("CARGO_PKG_VERSION").into()),
        ("profile", "paper32".into()),
        ("n_phases", 2.into()),
        ("phase_values", vec![0.0, 1.0].into()),
        ("volume_fractions", vec![0.5, 0.5].into()),
        ("voxel_size", 0.25.into()),
        ("voxel_unit", "um".into()),
        ("n_tiles", 4.into()),
        ("tile_side", 32.into()),
        ("shape", vec![1, 32, 32].into()),
        ("seed", 5.into()),
        ("steps", 3.into()),
        ("steps_planned", 3.into()),
        ("complete", true.into()),
        ("can_resume", true.into()),
    ] {
        assert_eq!(info[name], expected, "{name} of {info}");
    }
    run(&folder, 0, &["generate", "model.h5", "out.vtkhdf"]);
    let model = hdf5::File::open(folder.join("out.vtkhdf")).unwrap().group("davegan").unwrap();
    let sha256: hdf5::types::FixedUnicode<64> = model.attr("model_sha256").unwrap().read_scalar().unwrap();
    assert_eq!(info["sha256"], sha256.as_str());
    let (text, _) = run(&folder, 0, &["info", "model.h5"]);
    for words in
        ["a davegan model", "3 of 3 steps, seed 5; complete", "2, of the values 0, 1", "0.25 um", "batch_size = 4"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_file_of_realisations_says_what_it_is() {
    let folder = folder("info-realisations");
    train(&folder, &["--steps", "2"]);
    let generate = ["generate", "model.h5", "out.h5", "--seed", "9"];
    run(&folder, 0, &[&generate[..], &["--count", "3", "--first", "4", "--voxel-size", "2nm"]].concat());
    run(&folder, 0, &[&generate[..], &["--group", "host/rve"]].concat());
    let info = json(&folder, &["info", "out.h5"]);
    let sets = info["sets"].as_array().unwrap();
    let (series, single) = if sets[0]["group"].is_null() { (&sets[0], &sets[1]) } else { (&sets[1], &sets[0]) };
    for (name, expected) in [
        ("n_written", Value::from(3)),
        ("first", 4.into()),
        ("last", 6.into()),
        ("complete", true.into()),
        ("shape", vec![1, 32, 32].into()),
        ("seed", 9.into()),
        ("voxel_size", 2.0.into()),
        ("voxel_unit", "nm".into()),
    ] {
        assert_eq!(series[name], expected, "{name} of {series}");
    }
    assert_eq!(
        (&info["kind"], &single["group"], sets.len()),
        (&"realisations".into(), &"/host/rve".into(), 2),
        "{info}"
    );
    let phases =
        File::open(folder.join("out.h5")).unwrap().dataset("VTKHDF/CellData/phase").unwrap().read_raw::<u8>().unwrap();
    let share = phases.iter().filter(|&&phase| phase == 1).count() as f64 / phases.len() as f64;
    assert!((series["volume_fractions"][1].as_f64().unwrap() - share).abs() < 1e-12, "{series} {share}");
    let (text, _) = run(&folder, 0, &["info", "out.h5"]);
    for words in
        ["VTKHDF", "3, numbers 4 to 6; complete", "32 x 32 x 1 voxels", "2 nm", "model_sha256", "in group /host/rve"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn files_of_davegan_are_no_micrographs() {
    let folder = folder("no-micrograph");
    train(&folder, &["--steps", "2"]);
    run(&folder, 0, &["generate", "model.h5", "one.vtkhdf"]);
    run(&folder, 0, &["generate", "model.h5", "more.vtkhdf", "--count", "3"]);
    run(&folder, 0, &["generate", "model.h5", "group.h5", "--count", "3", "--group", "host/rve"]);
    let model = "model.h5: is a davegan model; give the micrograph, and the model in its own place";
    for (arguments, words) in [
        (&["train", "--resume", "model.h5"][..], &[model, "davegan train: --model FILE"][..]),
        (&["train", "model.h5", "/tiles", "--model", "new.h5"], &[model]),
        (&["evaluate", "model.h5", "model.h5"], &[model]),
        (
            &["relax", "model.h5", "new.vtkhdf", "--sample", "discs"],
            &["model.h5: is a davegan model; give a file of images"],
        ),
        (
            &["train", "one.vtkhdf"],
            &["one.vtkhdf: holds realisations of davegan", "'/VTKHDF/CellData/phase'", "--model FILE"],
        ),
        (&["train", "more.vtkhdf"], &["holds realisations of davegan; name '/VTKHDF/CellData/phase' to read them"]),
        (&["train", "group.h5"], &["holds realisations of davegan; name '/host/rve/phase' to read them"]),
    ] {
        let (_, errors) = run(&folder, 1, arguments);
        words.iter().for_each(|words| assert!(errors.contains(words), "{arguments:?}: {errors}"));
    }
    // Where there is something else too, it may be meant.
    let scan = Array2::from_shape_fn((64, 64), |(y, x)| (x / 8 + y / 8) as u8 % 2);
    fill_hdf5(&folder.join("group.h5"), |file| {
        file.new_dataset_builder().with_data(&scan).create("scan").unwrap();
    });
    let (_, errors) = run(&folder, 1, &["train", "group.h5"]);
    assert!(errors.contains("name one of the datasets") && errors.contains("'/scan'"), "{errors}");
    // Realisations that are named are read.
    let named = ["evaluate", "model.h5", "more.vtkhdf", "/VTKHDF/CellData/phase", "--count", "32", "--threads", "1"];
    assert!(run(&folder, 1, &named).1.contains("32 x 32 pixels; evaluating"));
}

#[test]
fn a_small_micrograph_is_warned_of() {
    let folder = folder("small");
    let (output, _) = run(&folder, 0, &["train", "--sample", "discs", "--sample-size", "64", "--steps", "1"]);
    assert!(output.contains("warning: 1 image of 64 x 64 pixels: training sees 1 tile of 64 x 64 pixels"), "{output}");
    let (output, _) = train(&folder, &["--steps", "1", "--model", "paper.h5"]);
    assert!(!output.contains("warning"), "{output}");
}

#[test]
fn results_are_printed_as_json_too() {
    let folder = folder("json");
    train(&folder, &["--steps", "2"]);
    let model = ["model.h5", "--count", "32", "--threads", "1"];
    let judged = json(&folder, &[&["evaluate"], &model[..], &CHECKERBOARD].concat());
    let of = &judged[0];
    assert_eq!(of["gates"].as_array().unwrap().len() as u64, of["n_gates"].as_u64().unwrap());
    assert!(
        of["figures"]["E_rec"].is_f64()
            && of["gates"][0]["holds"].is_boolean()
            && of["axis"].is_null()
            && of["gates"][0]["real_varies"].is_boolean(),
        "{judged}"
    );
    let studies = json(&folder, &["representative", "model.h5", "--sizes", "32", "--count", "4"]);
    assert_eq!((&studies[0]["property"], &studies[2]["property"]), (&"volume fraction".into(), &"conductivity".into()));
    assert!(studies[0]["sizes"][0]["mean"].is_f64() && studies[0]["required_side"].is_null(), "{studies}");
}

/// A checkerboard with squares of 8 voxels in which every thirteenth voxel is wrong.
fn spoiled((z, y, x): (usize, usize, usize)) -> u8 {
    let phase = (z / 8 + y / 8 + x / 8) % 2;
    (if (64 * (64 * z + y) + x) % 13 == 0 { 1 - phase } else { phase }) as u8
}

#[test]
fn images_and_volumes_from_elsewhere_are_relaxed() {
    let folder = folder("relax");
    let clean = Array2::from_shape_fn((64, 64), |(y, x)| ((y / 8 + x / 8) % 2) as u8 * 255);
    let images = Array4::from_shape_fn((2, 1, 64, 64), |(_, _, y, x)| spoiled((0, y, x)));
    let volume = Array3::from_shape_fn((16, 16, 16), spoiled);
    fill_hdf5(&folder.join("in.h5"), |file| {
        file.new_dataset_builder().with_data(&clean).create("micrograph").unwrap();
        file.new_dataset_builder().with_data(&images).create("images").unwrap();
        file.new_dataset_builder().with_data(&volume).create("volume").unwrap();
    });
    let relax = |status, output, more: &[&str]| {
        let material = ["in.h5", "/micrograph", "--voxel-size", "2um", "--threads", "1"];
        run(&folder, status, &[&["relax", "in.h5", output], &material[..], more].concat())
    };
    let (said, _) = relax(0, "images.vtkhdf", &["--dataset", "/images"]);
    assert!(said.contains("wrote 2 images of 64 x 64 x 1 voxels"), "{said}");
    let open = |name: &str| File::open(folder.join(name)).unwrap().dataset("VTKHDF/CellData/phase").unwrap();
    let relaxed: Array4<u8> = open("images.vtkhdf").read().unwrap();
    let wrong = |images: &Array4<u8>| {
        let of_clean = clean.mapv(|value| value / 255);
        images
            .outer_iter()
            .map(|image| image.slice(s![0, .., ..]).iter().zip(&of_clean).filter(|(a, b)| a != b).count())
            .sum::<usize>()
    };
    assert!(2 * wrong(&relaxed) < wrong(&images), "{} of {}", wrong(&relaxed), wrong(&images));
    let info = json(&folder, &["info", "images.vtkhdf"]);
    let set = &info["sets"][0];
    assert_eq!((&set["n_written"], &set["voxel_unit"]), (&2.into(), &"um".into()), "{info}");
    assert_eq!(set["attributes"]["relaxed_from"], "in.h5:/images", "{info}");

    // A volume of given volume fractions, in a group, exported.
    let given =
        ["--dataset", "volume", "--volume", "--not-periodic", "--volume-fractions", "0.25,0.75", "--group", "rve"];
    relax(0, "volume.h5", &given);
    let info = json(&folder, &["info", "volume.h5"]);
    let set = &info["sets"][0];
    assert_eq!(
        (&set["shape"], &set["volume_fractions"]),
        (&vec![16, 16, 16].into(), &vec![0.25, 0.75].into()),
        "{info}"
    );
    assert_eq!(set["attributes"]["periodic"], "no", "{info}");
    let export = ["export", "volume.h5", "--group", "rve", "--output"];
    run(&folder, 0, &[&export[..], &["volume.tif"]].concat());
    let (_, errors) = run(&folder, 1, &[&export[..], &["volume.inp", "--periodic"]].concat());
    assert!(errors.contains("elements of 16 x 16 x 16 voxels that are not periodic"), "{errors}");
    // The pages of a TIFF as a volume.
    let pages = ["relax", "volume.tif", "again.vtkhdf", "in.h5", "/micrograph", "--volume"];
    assert!(run(&folder, 0, &pages).0.contains("1 image of 16 x 16 x 16 voxels"));

    for (output, more, words) in [
        ("images.vtkhdf", &["--dataset", "/images"][..], "or replace the set"),
        ("new.vtkhdf", &[], "name one of the datasets"),
        ("new.vtkhdf", &["--dataset", "/images", "--sweeps", "0"], "sweeps = 0"),
        ("new.vtkhdf", &["--dataset", "/images", "--volume-fractions", "0.5"], "1 volume fraction for 2 phases"),
        ("in.h5", &["--dataset", "/images"], "choose another path"),
    ] {
        let (_, errors) = relax(1, output, more);
        assert!(errors.contains(words), "{errors}");
    }
    assert!(!folder.join("new.vtkhdf").exists());
    relax(0, "images.vtkhdf", &["--dataset", "/images", "--replace"]);
}

#[test]
#[cfg(unix)]
fn a_file_that_another_program_has_locked_is_named() {
    let folder = folder("locked");
    train(&folder, &["--steps", "2"]);
    run(&folder, 0, &["generate", "model.h5", "rve.vtkhdf", "--count", "2"]);
    let image = Array2::from_shape_fn((64, 64), |(y, x)| (x / 8 + y / 8) as u8 % 2);
    fill_hdf5(&folder.join("scan.h5"), |file| {
        file.new_dataset_builder().with_data(&image).create("m").unwrap();
    });
    let resume = [&["train", "--resume", "--model", "model.h5"], &CHECKERBOARD[..], &SMALL].concat();
    let learn = [&["train", "scan.h5", "m", "--steps", "1", "--model", "new.h5"], &SMALL[..]].concat();
    for (name, uses) in [
        ("model.h5", &[&["info", "model.h5"][..], &["generate", "model.h5", "new.vtkhdf"], &resume][..]),
        (
            "rve.vtkhdf",
            &[
                &["info", "rve.vtkhdf"][..],
                &["export", "rve.vtkhdf", "--output", "rve.vti"],
                &["relax", "rve.vtkhdf", "new.vtkhdf", "--dataset", "/VTKHDF/CellData/phase", "--sample", "discs"],
                &["generate", "model.h5", "rve.vtkhdf", "--first", "2"],
            ],
        ),
        ("scan.h5", &[&learn, &["evaluate", "model.h5", "scan.h5", "m", "--count", "32"]]),
    ] {
        let (path, names) = (folder.join(name), || std::fs::read_dir(&folder).unwrap().count());
        let (before, n) = (std::fs::read(&path).unwrap(), names());
        let locked = std::fs::File::open(&path).unwrap();
        locked.lock().unwrap();
        for arguments in uses {
            let (_, errors) = run(&folder, 1, arguments);
            let words =
                [name, "another process of this or another program has the file open: close it there, and try again"];
            assert!(words.iter().all(|words| errors.contains(words)), "{arguments:?}: {errors}");
        }
        drop(locked);
        assert!(std::fs::read(&path).unwrap() == before && names() == n, "{name} or its folder has changed");
        run(&folder, 0, uses[0]);
    }
}
