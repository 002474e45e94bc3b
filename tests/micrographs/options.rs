//! Regions, stored values of PNGs, and pictures whose edges are smoothed.

use davegan::Error;
use davegan::micrograph::{LengthUnit, Micrograph, ReadOptions, Region, Segmentation, VoxelSize};
use ndarray::{Array2, Array3};
use png::{BitDepth, ColorType};

use super::{Folder, message, read_auto, read_by, values, write_grey_png, write_hdf5, write_png};

/// A disc of grey 255 on 0 whose edge is smoothed as drawing programs do: by the share of each pixel that it covers.
fn smoothed(x: u32, y: u32) -> u8 {
    let inside = |i: u32| {
        let (dx, dy) = (f64::from(4 * x + i % 4) / 4.0 - 20.3, f64::from(4 * y + i / 4) / 4.0 - 19.1);
        u32::from(dx * dx + dy * dy < 150.0)
    };
    let covered: u32 = (0..16).map(inside).sum();
    // Five levels.
    (covered.div_ceil(4) * 255 / 4) as u8
}

#[test]
fn smoothed_edges_are_pointed_out_and_real_phases_are_not() {
    let folder = Folder::new("rims");
    let path = folder.file("m.png");
    write_grey_png(&path, [40, 40], smoothed);
    let read = read_auto(&path, None).unwrap();
    assert_eq!(read.images.n_phases(), 5);
    let warning = &read.warnings[..];
    assert_eq!(warning.len(), 1);
    for part in ["0 (", "255 (", "63, 127, 191 occur only as thin rims", "Otsu's method", "of 2 phases"] {
        assert!(warning[0].contains(part), "{part}: {warning:?}");
    }
    // Who says that they are phases, or gives thresholds, is not warned.
    for by in [Segmentation::PhaseNumbers, Segmentation::Otsu { n_phases: 2 }, Segmentation::Thresholds(vec![100.0])] {
        assert_eq!(read_by(&path, by).unwrap().warnings, [""; 0]);
    }
    // Bands and grains of three phases, the middle one between the others or not.
    for band in [1, 3, 7] {
        let level = |x: u32, y: u32| [0, 90, 255][((x / band + y / (2 * band)) % 3) as usize];
        write_grey_png(&path, [60, 60], level);
        let thin = band == 1;
        assert_eq!(read_auto(&path, None).unwrap().warnings.is_empty(), !thin, "{band}");
    }
}

#[test]
fn a_region_is_cut_out_before_thresholds_are_found() {
    let folder = Folder::new("region");
    let path = folder.file("m.png");
    // Grey levels around 50 and 100; a data bar of 240 and 250 below.
    let level = |x: u32, y: u32| match (y >= 20, (x / 3 + y / 2) % 2) {
        (false, phase) => 50 + 50 * phase + (x * y) % 7,
        (true, phase) => 240 + 10 * phase,
    };
    write_grey_png(&path, [30, 26], |x, y| level(x, y) as u8);
    let region = Region { x0: 3, y0: 2, nx: 25, ny: 18 };
    let options = ReadOptions { segmentation: Segmentation::Otsu { n_phases: 2 }, region, voxel_size: None };
    let read = Micrograph::read(&path, None, &options).unwrap();
    assert_eq!(read.images.shape(), [1, 18, 25]);
    for ((_, _, y, x), &phase) in read.images.phases().indexed_iter() {
        assert_eq!(u32::from(phase), ((x as u32 + 3) / 3 + (y as u32 + 2) / 2) % 2);
    }
    let outside = ReadOptions { region: Region { ny: 25, ..region }, ..options };
    assert!(matches!(Micrograph::read(&path, None, &outside), Err(Error::InvalidParameter(_))));
    // Every image of a stack is cut; a value outside does not count, not even NaN.
    let path = folder.file("m.h5");
    let picture = Array2::from_shape_fn((6, 8), |(y, x)| if y == 5 { f64::NAN } else { ((x + y) % 2) as f64 });
    write_hdf5(&path, "m", &picture);
    assert!(message(&path, None).contains("NaN"));
    let options = ReadOptions { region: Region { ny: 5, ..Region::default() }, ..ReadOptions::default() };
    assert_eq!(Micrograph::read(&path, None, &options).unwrap().images.shape(), [1, 5, 8]);
}

#[test]
fn voxel_sizes_are_validated_before_the_file_is_opened() {
    for side in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let size = VoxelSize { side, ..VoxelSize::default() };
        let options = ReadOptions { voxel_size: Some(size), ..ReadOptions::default() };
        assert!(matches!(Micrograph::read("no_such_file", None, &options), Err(Error::InvalidParameter(_))));
    }
}

/// The advice for grey levels names what takes thresholds.
#[test]
fn grey_pictures_are_told_how_to_be_read() {
    let folder = Folder::new("advice");
    let path = folder.file("m.png");
    write_grey_png(&path, [16, 4], |x, y| (x * y) as u8);
    for part in ["davegan_micrograph_read", "davegan_train_micrograph", "--otsu", "--thresholds"] {
        assert!(message(&path, None).contains(part), "{part}");
    }
}

#[test]
fn values_of_few_bits_are_those_stored() {
    let folder = Folder::new("png-bits");
    let path = folder.file("m.png");
    for (depth, nx, rows, expected) in [
        (BitDepth::One, 2, [0b0100_0000, 0b1000_0000], &[0.0, 1.0, 1.0, 0.0][..]),
        (BitDepth::Two, 2, [0b0111_0000, 0b1100_0000], &[1.0, 3.0, 3.0, 0.0]),
        (BitDepth::Four, 2, [0x25, 0xF2], &[2.0, 5.0, 15.0, 2.0]),
        (BitDepth::Eight, 1, [7, 9], &[7.0, 9.0]),
    ] {
        write_png(&path, nx, (ColorType::Grayscale, depth), &rows);
        assert_eq!(values(&read_auto(&path, None).unwrap()), expected, "{depth:?}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for unit in LengthUnit::ALL {
        for side in [0.25, 4e-9, 3.0, 1e21] {
            let size = VoxelSize::new(side, unit).unwrap();
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
    let expected = VoxelSize { side: 0.25, unit: LengthUnit::Micrometre };
    for text in ["0.25um", "0.25 \u{b5}m", "2.5e-1\u{3bc}m"] {
        assert_eq!(text.parse(), Ok(expected));
    }
}

#[test]
fn what_is_no_size_is_named() {
    for (text, named) in [
        ("", "\"\""),
        ("um", "\"um\""),
        ("0 um", "size 0"),
        ("-1", "size -1"),
        ("1 inch", "\"inch\""),
        ("inf", "\"inf\""),
    ] {
        let message = text.parse::<VoxelSize>().unwrap_err().to_string();
        assert!(message.contains(named), "{text}: {message}");
    }
    assert!(VoxelSize::new(f64::NAN, LengthUnit::Metre).is_err());
}

#[test]
fn regions_reach_to_the_edge_by_default() {
    let folder = Folder::new("edges");
    let path = folder.file("m.h5");
    let stack = Array3::from_shape_fn((2, 5, 7), |(n, y, x)| ((x * x + y * (n + 2)) % 3) as u8);
    write_hdf5(&path, "m", &stack);
    let read = |text: &str| {
        let options = ReadOptions { region: text.parse().unwrap(), ..ReadOptions::default() };
        Micrograph::read(&path, None, &options)
    };
    for (text, shape) in
        [("0,0,0,0", [1, 5, 7]), ("2,1,3,4", [1, 4, 3]), (" 2, 1,0,0", [1, 4, 5]), ("5,3,2,1", [1, 1, 2])]
    {
        let (images, region) = (read(text).unwrap().images, text.parse::<Region>().unwrap());
        assert_eq!(images.shape(), shape);
        for ((n, _, y, x), &phase) in images.phases().indexed_iter() {
            assert_eq!(phase, stack[[n, y + region.y0, x + region.x0]]);
        }
    }
    for text in ["7,0,0,0", "0,5,0,0", "0,0,8,0", "3,3,1,3", "1,0,18446744073709551615,0"] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.contains(text) && message.contains("7 columns and 5 rows"), "{message}");
    }
    for text in ["", "1,2,3", "1,2,3,4,5", "1,2,x,3,4", "-1,0,0,0", "0.5,0,0,0"] {
        assert!(text.parse::<Region>().is_err(), "{text}");
    }
}
