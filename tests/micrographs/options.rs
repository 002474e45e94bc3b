//! Regions, stored values of PNGs, and pictures whose edges are smoothed.

use std::fs;

use davegan::Error;
use davegan::micrograph::{LengthUnit, Micrograph, ReadOptions, Region, Segmentation, VoxelSize};
use image::{GrayImage, Luma};
use ndarray::{Array2, Array3};

use super::tiff_bytes::zlib_stored;
use super::{Folder, message, read_auto, read_by, values, write_hdf5};

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
    GrayImage::from_fn(40, 40, |x, y| Luma([smoothed(x, y)])).save(&path).unwrap();
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
        GrayImage::from_fn(60, 60, |x, y| Luma([level(x, y)])).save(&path).unwrap();
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
    GrayImage::from_fn(30, 26, |x, y| Luma([level(x, y) as u8])).save(&path).unwrap();
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
    GrayImage::from_fn(16, 4, |x, y| Luma([(x * y) as u8])).save(&path).unwrap();
    for part in ["davegan_micrograph_read", "davegan_train_micrograph", "--otsu", "--thresholds"] {
        assert!(message(&path, None).contains(part), "{part}");
    }
}

/// A grey PNG whose rows of packed pixels, a filter byte first, are `rows`.
fn png(nx: u8, ny: u8, bits: u8, rows: &[u8]) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let update = |crc: u32, &byte: &u8| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        };
        !bytes.iter().fold(u32::MAX, update)
    };
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let body = [name, data].concat();
        [(data.len() as u32).to_be_bytes().to_vec(), body.clone(), crc(&body).to_be_bytes().to_vec()].concat()
    };
    let header = [0, 0, 0, nx, 0, 0, 0, ny, bits, 0, 0, 0, 0];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &zlib_stored(rows)), chunk(b"IEND", &[])]
        .concat()
}

#[test]
fn values_of_few_bits_are_those_stored() {
    let folder = Folder::new("png-bits");
    let path = folder.file("m.png");
    for (bits, rows, expected) in [
        (1, [0, 0b0100_0000, 0, 0b1000_0000], [0.0, 1.0, 1.0, 0.0]),
        (2, [0, 0b0111_0000, 0, 0b1100_0000], [1.0, 3.0, 3.0, 0.0]),
        (4, [0, 0x25, 0, 0xF2], [2.0, 5.0, 15.0, 2.0]),
        (8, [0, 7, 0, 9], [7.0, 9.0, 0.0, 0.0]),
    ] {
        let nx = if bits == 8 { 1 } else { 2 };
        fs::write(&path, png(nx, 2, bits, &rows)).unwrap();
        assert_eq!(values(&read_auto(&path, None).unwrap()), expected[..2 * usize::from(nx)], "{bits}");
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
