//! Models of volumes, from a micrograph for each direction to the report.

use ndarray::Array2;

use super::{fill_hdf5, folder, run, train};

#[test]
fn volumes_that_differ_by_direction_have_a_report_and_sizes() {
    let folder = folder("volumes");
    fill_hdf5(&folder.join("planes.h5"), |file| {
        // Layers across z: squares in planes across z, stripes in the others.
        for (name, rows) in [("xy", 8), ("xz", 4), ("yz", 4)] {
            let phase = |(y, x)| if name == "xy" { (y / 8 + x / rows) % 2 } else { y / rows % 2 };
            let plane = Array2::from_shape_fn((64, 64), |place| phase(place) as u8);
            file.new_dataset_builder().with_data(&plane).create(name).unwrap();
        }
    });
    let micrographs = ["planes.h5", "/xy", "--across-y", "planes.h5:/xz", "--across-x", "planes.h5:/yz"];
    let profile = ["--profile", "volume", "--window-side", "32", "--steps", "1", "--threads", "1"];
    run(&folder, 0, &[&["train", "--model", "model.h5"], &micrographs[..], &profile].concat());
    let report = ["report", "model.h5", "--count", "4", "--contact-sheet", "sheet.png"];
    let (output, _) = run(&folder, 0, &[&report, &micrographs[..]].concat());
    assert!(output.contains("wrote report.html"), "{output}");
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    for words in ["planes.h5:/xz: 1 image", "Micrograph, planes across x", "Realisations that percolate"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("was not trained on this micrograph"));
    assert!(std::fs::read(folder.join("sheet.png")).unwrap().starts_with(b"\x89PNG"));
    for (size, is_periodic) in [("32x32x32", true), ("32x40x32", false)] {
        let (output, _) = run(&folder, 0, &["generate", "model.h5", &format!("{size}.vtkhdf"), "--size", size]);
        assert_eq!(output.contains("not periodic: only multiples of 16 voxels are"), !is_periodic, "{output}");
    }
    let sizes = ["representative", "model.h5", "--sizes", "32", "--count", "2", "--json"];
    let studies: serde_json::Value = serde_json::from_str(&run(&folder, 0, &sizes).0).unwrap();
    let size = &studies[2]["sizes"][0];
    assert!(size["nz"] == 32 && size["interval"].is_f64(), "{studies}");
}

#[test]
fn a_model_of_images_is_judged_by_one_micrograph() {
    let folder = folder("one-micrograph");
    train(&folder, &["--steps", "1"]);
    let plane = Array2::from_shape_fn((64, 64), |(y, x)| ((y / 8 + x / 8) % 2) as u8);
    fill_hdf5(&folder.join("planes.h5"), |file| {
        file.new_dataset_builder().with_data(&plane).create("xy").unwrap();
    });
    for command in ["evaluate", "report"] {
        let arguments = [command, "model.h5", "planes.h5", "/xy", "--across-y", "planes.h5:/xy", "--count", "32"];
        let (_, errors) = run(&folder, 1, &arguments);
        assert!(errors.contains("2 micrographs for a model of profile paper32"), "{errors}");
    }
}
