//! Every kind of file, and what is none.

use std::fs;
use std::path::{Path, PathBuf};

use davegan::Error;
use davegan::micrograph::{Micrograph, PhaseImages, Segmentation};
use ndarray::{Array2, Array3, Array4};
use png::BitDepth;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tiff::encoder::colortype::{ColorType, Gray8, Gray16, Gray32Float, RGB8};
use tiff::encoder::{TiffEncoder, TiffValue};

use super::{Folder, message, read_auto, read_by, write_grey_png, write_hdf5, write_png};

/// Two phases with values 10 and 200 on 5 rows of 7 columns.
fn pattern(y: usize, x: usize) -> u8 {
    if (3 * y + x * x) % 5 < 2 { 200 } else { 10 }
}

fn expected() -> Vec<u8> {
    (0..5).flat_map(|y| (0..7).map(move |x| u8::from(pattern(y, x) == 200))).collect()
}

fn assert_is_pattern(micrograph: &Micrograph, low: f64, high: f64) {
    assert_eq!(micrograph.images.shape(), [1, 5, 7]);
    assert_eq!(micrograph.images.image(0), expected());
    assert_eq!(micrograph.phase_values, [low, high]);
}

#[test]
fn hdf5_types_and_ranks() {
    let folder = Folder::new("hdf5-types");
    let path = folder.file("m.h5");
    let values = Array2::from_shape_fn((5, 7), |(y, x)| pattern(y, x));
    macro_rules! check {
        ($($kind:ty),*) => {$(
            write_hdf5(&path, "m", &values.mapv(|v| <$kind>::try_from(v / 2).unwrap()));
            assert_is_pattern(&read_auto(&path, Some("m")).unwrap(), 5.0, 100.0);
        )*};
    }
    check!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);
    write_hdf5(&path, "m", &values.mapv(|v| v == 200));
    assert_is_pattern(&read_auto(&path, None).unwrap(), 0.0, 1.0);

    let stack = Array4::from_shape_fn((3, 1, 5, 7), |(n, _, y, x)| pattern(y + n, x));
    for dataset in ["four", "three"] {
        match dataset {
            "four" => write_hdf5(&path, dataset, &stack),
            _ => write_hdf5(&path, dataset, &stack.clone().into_shape_with_order((3, 5, 7)).unwrap()),
        }
        let read = read_auto(&path, None).unwrap();
        assert_eq!((read.images.len(), read.source.to_string()), (3, format!("m.h5:/{dataset}")));
        assert_eq!(read.images.image(0), expected());
        assert_eq!(read.images.phases().mapv(|p| if p == 1 { 200 } else { 10 }), stack);
    }
}

#[test]
fn hdf5_datasets_are_found_and_listed() {
    let folder = Folder::new("hdf5-list");
    let path = folder.file("m.h5");
    let values = Array2::from_shape_fn((5, 7), |(y, x)| pattern(y, x));
    hdf5::sync::sync(|| {
        let file = hdf5::File::create(&path).unwrap();
        let group = file.create_group("cells").unwrap();
        group.new_dataset_builder().with_data(&values).create("phase").unwrap();
        group.link_hard("/cells", "loop").unwrap();
        group.link_soft("/nowhere", "broken").unwrap();
        file.new_dataset_builder().with_data(&[1.0, 2.0]).create("line").unwrap();
        let text: hdf5::types::VarLenUnicode = "text".parse().unwrap();
        file.new_dataset_builder().with_data(&[text.clone(), text]).create("words").unwrap();
    });
    assert_is_pattern(&read_auto(&path, None).unwrap(), 10.0, 200.0);
    assert_is_pattern(&read_auto(&path, Some("")).unwrap(), 10.0, 200.0);
    assert_eq!(read_auto(&path, Some("cells/phase")).unwrap().source.to_string(), "m.h5:cells/phase");
    assert!(matches!(read_auto(&path, Some("phase")), Err(Error::Hdf5 { .. })));
    assert!(message(&path, Some("phase")).contains("holds '/cells/phase'"));
    assert!(message(&path, Some("cells")).contains("'cells' cannot be opened"));
    assert!(message(&path, Some("line")).contains("shape [2]"));
    assert!(message(&path, Some("words")).contains("no numbers"));
    assert!(message(&path, Some("a\0b")).contains("cannot be opened"));

    hdf5::sync::sync(|| {
        let file = hdf5::File::append(&path).unwrap();
        file.new_dataset_builder().with_data(&values).create("other").unwrap();
    });
    assert!(matches!(read_auto(&path, None), Err(Error::InvalidParameter(_))));
    assert!(message(&path, None).contains("'/cells/phase', '/other'"));
}

#[test]
fn endless_groups_are_not_followed() {
    let folder = Folder::new("hdf5-deep");
    let path = folder.file("m.h5");
    let values = Array2::from_shape_fn((5, 7), |(y, x)| pattern(y, x));
    hdf5::sync::sync(|| {
        let file = hdf5::File::create(&path).unwrap();
        let near = file.create_group("a/b/c/d").unwrap();
        near.new_dataset_builder().with_data(&values).create("near").unwrap();
        let far = file.create_group(&"g/".repeat(20_000)).unwrap();
        far.new_dataset_builder().with_data(&values).create("far").unwrap();
    });
    let small_stack = std::thread::Builder::new().stack_size(1 << 20);
    let read = small_stack.spawn(move || read_auto(&path, None).unwrap().source.to_string()).unwrap();
    assert_eq!(read.join().unwrap(), "m.h5:/a/b/c/d/near");
}

#[test]
fn absurd_hdf5_shapes_are_refused_before_memory_is_taken() {
    let folder = Folder::new("hdf5-absurd");
    let path = folder.file("m.h5");
    hdf5::sync::sync(|| {
        let file = hdf5::File::create(&path).unwrap();
        file.new_dataset::<u8>().chunk((64, 64)).shape((1usize << 31, 1usize << 31)).create("huge").unwrap();
        file.new_dataset::<u8>().chunk((1, 64)).shape((0.., 64)).create("empty").unwrap();
    });
    assert!(message(&path, Some("huge")).contains("2147483648 x 2147483648"));
    assert!(message(&path, Some("empty")).contains("hold nothing"));
}

#[test]
fn not_a_number_is_located() {
    let folder = Folder::new("nan");
    let path = folder.file("m.h5");
    let mut values = Array3::from_shape_fn((2, 5, 7), |(_, y, x)| f32::from(pattern(y, x)));
    values[[1, 3, 4]] = f32::NAN;
    write_hdf5(&path, "m", &values);
    let text = message(&path, None);
    assert!(text.contains("y = 3, x = 4 of image 1 is NaN"), "{text}");
}

#[test]
fn png_of_every_grey_kind() {
    let folder = Folder::new("png");
    // The name says nothing: the content does.
    let path = folder.file("m.tif");
    let grey: Vec<u8> = (0..35).map(|pixel| pattern(pixel / 7, pixel % 7)).collect();
    let write = |color, depth, of_level: &dyn Fn(u8) -> Vec<u8>| {
        let samples: Vec<u8> = grey.iter().flat_map(|&level| of_level(level)).collect();
        write_png(&path, 7, (color, depth), &samples);
    };
    let wide = |level: u8| (u16::from(level) * 300).to_be_bytes().to_vec();
    let kinds: [(_, _, &dyn Fn(u8) -> Vec<u8>, _); 6] = [
        (png::ColorType::Grayscale, BitDepth::Eight, &|level| vec![level], [10.0, 200.0]),
        (png::ColorType::Grayscale, BitDepth::Sixteen, &wide, [3000.0, 60000.0]),
        (png::ColorType::GrayscaleAlpha, BitDepth::Eight, &|level| vec![level, 255], [10.0, 200.0]),
        (png::ColorType::Rgb, BitDepth::Eight, &|level| vec![level; 3], [10.0, 200.0]),
        (png::ColorType::Rgb, BitDepth::Sixteen, &|level| wide(level).repeat(3), [3000.0, 60000.0]),
        (png::ColorType::Rgba, BitDepth::Eight, &|level| vec![level, level, level, 255], [10.0, 200.0]),
    ];
    for (color, depth, of_level, [low, high]) in kinds {
        write(color, depth, of_level);
        assert_is_pattern(&read_auto(&path, None).unwrap(), low, high);
        assert_eq!(read_auto(&path, Some("")).unwrap().source.to_string(), "m.tif");
        assert!(matches!(read_auto(&path, Some("m")), Err(Error::InvalidParameter(_))));
    }
    write(png::ColorType::Rgb, BitDepth::Eight, &|level| vec![level, 10, 10]);
    assert!(matches!(read_auto(&path, None), Err(Error::Format { .. })));
    assert!(message(&path, None).contains("(200, 10, 10)"));
}

fn write_tiff<C: ColorType>(path: &Path, pages: usize, value: impl Fn(u8) -> C::Inner)
where
    [C::Inner]: TiffValue,
{
    let mut encoder = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    let channels = C::BITS_PER_SAMPLE.len();
    for page in 0..pages {
        let pixels = (0..5).flat_map(|y| (0..7).map(move |x| pattern(y + page, x)));
        let samples: Vec<C::Inner> = pixels.flat_map(|v| (0..channels).map(move |_| v)).map(&value).collect();
        encoder.write_image::<C>(7, 5, &samples).unwrap();
    }
}

#[test]
fn tiff_of_every_grey_kind_and_several_pages() {
    let folder = Folder::new("tiff");
    let path = folder.file("m");
    write_tiff::<Gray8>(&path, 1, |v| v);
    assert_is_pattern(&read_auto(&path, None).unwrap(), 10.0, 200.0);
    assert!(read_auto(&path, Some("m")).is_err());
    write_tiff::<Gray16>(&path, 1, |v| u16::from(v) * 300);
    assert_is_pattern(&read_auto(&path, None).unwrap(), 3000.0, 60000.0);
    write_tiff::<Gray32Float>(&path, 1, |v| f32::from(v) - 10.5);
    assert_is_pattern(&read_auto(&path, None).unwrap(), -0.5, 189.5);
    write_tiff::<RGB8>(&path, 1, |v| v);
    assert_is_pattern(&read_auto(&path, None).unwrap(), 10.0, 200.0);
    write_tiff::<Gray32Float>(&path, 1, |v| if v == 200 { f32::NAN } else { 0.0 });
    assert!(message(&path, None).contains("is NaN"));

    write_tiff::<Gray8>(&path, 4, |v| v);
    let stack = read_auto(&path, None).unwrap();
    assert_eq!(stack.images.len(), 4);
    for ((n, _, y, x), &phase) in stack.images.phases().indexed_iter() {
        assert_eq!(phase, u8::from(pattern(y + n, x) == 200));
    }

    let mut encoder = TiffEncoder::new(fs::File::create(&path).unwrap()).unwrap();
    encoder.write_image::<Gray8>(2, 1, &[0, 1]).unwrap();
    encoder.write_image::<Gray8>(1, 2, &[0, 1]).unwrap();
    assert!(message(&path, None).contains("page 2 has 2 x 1 pixels, but page 1 has 1 x 2"));
}

#[test]
fn grey_levels_need_a_segmentation() {
    let folder = Folder::new("grey");
    let path = folder.file("m.png");
    let level = |x: u32| if x < 8 { 20 + x as u8 } else { 200 + x as u8 };
    write_grey_png(&path, [16, 4], |x, _| level(x));
    let text = message(&path, None);
    assert!(text.contains("16 distinct values") && text.contains("Otsu"), "{text}");
    for segmentation in [Segmentation::Otsu { n_phases: 2 }, Segmentation::Thresholds(vec![100.0])] {
        let micrograph = read_by(&path, segmentation).unwrap();
        assert_eq!(micrograph.images.volume_fractions(), [0.5, 0.5]);
        for (found, mean) in micrograph.phase_values.iter().zip([23.5, 211.5]) {
            assert!((found - mean).abs() < 1e-9, "{found}");
        }
    }
    let segmentation = Segmentation::Thresholds(vec![f64::NAN]);
    assert!(matches!(read_by(&path, segmentation), Err(Error::InvalidParameter(_))));
}

#[test]
fn files_that_are_not_micrographs() {
    let folder = Folder::new("not");
    assert!(matches!(read_auto(&folder.file("missing.h5"), None), Err(Error::Io { .. })));
    assert!(message(&folder.file("missing.h5"), None).contains("missing.h5"));
    assert!(matches!(read_auto(&folder.0, None), Err(Error::Io { .. })));
    for content in ["", "P", "nothing of this kind"] {
        fs::write(folder.file("m.png"), content).unwrap();
        assert!(matches!(read_auto(&folder.file("m.png"), None), Err(Error::Format { .. })));
    }
    fs::write(folder.file("m.png"), b"\xff\xd8\xff\xe0\0\x10JFIF\0").unwrap();
    assert!(message(&folder.file("m.png"), None).contains("a JPEG"));
}

/// The developers' micrographs are not part of the project: without them the test says that it was skipped.
#[test]
fn real_micrographs() {
    let Some(folder) = std::env::var_os("DAVEGAN_DATA").map(PathBuf::from) else {
        eprintln!("skipped: DAVEGAN_DATA does not name a folder with micrographs.h5");
        return;
    };
    let path = folder.join("micrographs.h5");
    assert!(message(&path, None).contains("'/ceramics'"));
    for (dataset, fractions) in [
        ("alloy", vec![0.135, 0.865]),
        ("ceramics", vec![0.609, 0.391]),
        ("rubber", vec![0.974, 0.026]),
        ("composite", vec![0.562, 0.269, 0.169]),
    ] {
        let from_hdf5 = read_auto(&path, Some(dataset)).unwrap();
        assert_eq!(from_hdf5.images.shape(), [1, 256, 256]);
        for (found, expected) in from_hdf5.images.volume_fractions().iter().zip(fractions) {
            assert!((found - expected).abs() < 6e-4, "{dataset}: {found} instead of {expected}");
        }
        let from_png = read_auto(&folder.join(dataset).with_extension("png"), None).unwrap();
        assert_eq!(from_png.images, from_hdf5.images, "{dataset}");
    }
}

#[test]
fn hdf5_after_a_user_block_is_found() {
    let folder = Folder::new("user-block");
    let path = folder.file("m.h5");
    let values = Array2::from_shape_fn((5, 7), |(y, x)| pattern(y, x));
    hdf5::sync::sync(|| {
        let file = hdf5::File::with_options().with_fcpl(|p| p.userblock(2048)).create(&path).unwrap();
        file.new_dataset_builder().with_data(&values).create("m").unwrap();
    });
    assert_is_pattern(&read_auto(&path, None).unwrap(), 10.0, 200.0);
}

/// HDF5's words alone do not help.
fn assert_advises(reason: &str) {
    let ours = reason.split("(HDF5 says").next().unwrap();
    assert!(["damaged", "truncated", "h5repack"].iter().any(|word| ours.contains(word)), "{reason}");
}

#[test]
fn a_file_of_a_newer_hdf5_is_told_from_a_damaged_one() {
    let folder = Folder::new("newer");
    let path = folder.file("m.h5");
    write_hdf5(&path, "m", &Array2::from_shape_fn((5, 7), |(y, x)| pattern(y, x)));
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 9; // the version of the superblock
    fs::write(&path, bytes).unwrap();
    let message = message(&path, None);
    assert!(message.contains("written by a newer HDF5") && message.contains("h5repack --high=2"), "{message}");
}

/// Cut short, `good` must be refused, unless what is missing comes after the pixels; with bytes changed at random places
/// it may be read or refused, but no more.
fn survives_damage(path: &Path, dataset: Option<&str>) {
    let good = fs::read(path).unwrap();
    let whole = read_auto(path, dataset).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    for length in (0..good.len()).step_by((good.len() / 200).max(1)) {
        fs::write(path, &good[..length]).unwrap();
        match read_auto(path, dataset) {
            Err(Error::Hdf5 { reason, .. }) => assert_advises(&reason),
            Err(_) => {}
            Ok(read) => assert_eq!(read, whole, "{length} of {} bytes of {}", good.len(), path.display()),
        }
    }
    fs::write(path, &good[..good.len() / 2]).unwrap();
    assert!(read_auto(path, dataset).is_err());
    for _ in 0..400 {
        let mut bad = good.clone();
        for _ in 0..rng.random_range(1..4) {
            let position = rng.random_range(0..bad.len());
            bad[position] = rng.random();
        }
        fs::write(path, &bad).unwrap();
        // Whatever the outcome, the process lives and the text says what to do.
        match read_auto(path, dataset) {
            Err(Error::Hdf5 { reason, .. }) => assert_advises(&reason),
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(_) => {}
        }
    }
}

#[test]
fn damaged_files_are_refused() {
    let folder = Folder::new("damage");
    let values = Array2::from_shape_fn((5, 7), |(y, x)| pattern(y, x));
    let path = folder.file("m.h5");
    write_hdf5(&path, "m", &values);
    survives_damage(&path, Some("m"));
    hdf5::sync::sync(|| {
        let file = hdf5::File::create(&path).unwrap();
        file.new_dataset_builder().with_data(&values).chunk((2, 3)).shuffle().deflate(4).create("m").unwrap();
    });
    survives_damage(&path, None);
    let path = folder.file("m.png");
    write_grey_png(&path, [7, 5], |x, y| pattern(y as usize, x as usize));
    survives_damage(&path, None);
    let path = folder.file("m.tif");
    write_tiff::<Gray16>(&path, 2, u16::from);
    survives_damage(&path, None);
}

#[test]
fn phase_numbers_stay_as_they_are() {
    let folder = Folder::new("phase-numbers");
    let path = folder.file("m.h5");
    let read = |n_phases| PhaseImages::read(&path, "m", n_phases, false);
    // Phase 0 does not occur.
    let values = Array3::from_shape_fn((2, 5, 7), |(_, y, x)| 1 + u8::from(pattern(y, x) == 200));
    write_hdf5(&path, "m", &values.mapv(i16::from));
    let images = read(3).unwrap();
    assert_eq!((images.len(), images.shape(), images.n_phases()), (2, [1, 5, 7], 3));
    assert!(images.as_slice().iter().eq(values.iter()));
    let volume = PhaseImages::read(&path, "m", 3, true).unwrap();
    assert_eq!((volume.len(), volume.shape()), (1, [2, 5, 7]));
    let message = read(2).unwrap_err().to_string();
    assert!(message.contains("of image 0 is 2; the phases are numbered 0 to 1"), "{message}");
    // With four axes there is nothing to decide.
    let phases = Array4::from_shape_fn((3, 2, 5, 7), |(n, z, y, x)| pattern(y + n + z, x) / 200);
    for layers in [1, 2] {
        write_hdf5(&path, "m", &phases.slice(ndarray::s![.., ..layers, .., ..]).to_owned());
        for stack_is_volume in [false, true] {
            let volumes = PhaseImages::read(&path, "m", 2, stack_is_volume).unwrap();
            assert_eq!((volumes.len(), volumes.shape()), (3, [layers, 5, 7]));
        }
    }
    for wrong in [-1.0, 0.5, f64::NAN, 256.0] {
        write_hdf5(&path, "m", &Array2::from_elem((2, 3), wrong));
        assert!(matches!(read(8), Err(Error::Format { .. })), "{wrong}");
    }
    write_grey_png(&folder.file("m.png"), [7, 5], |x, y| pattern(y as usize, x as usize));
    let message = PhaseImages::read(folder.file("m.png"), "m", 2, false).unwrap_err().to_string();
    assert!(message.contains("no HDF5 file"), "{message}");
}
