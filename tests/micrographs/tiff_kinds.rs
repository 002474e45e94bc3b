//! TIFFs that decoders misread or refuse. Tags by number: 258 bits a sample, 259 compression, 262 photometric
//! interpretation (0 min-is-white, 1 min-is-black, 2 RGB, 3 palette), 266 order of bits, 277 samples a pixel, 284 planar
//! configuration, 339 sample format (1 unsigned, 2 signed, 3 float).

use std::fs;
use std::path::PathBuf;

use davegan::Result;
use davegan::micrograph::{Micrograph, ReadOptions, Region, Segmentation};

use super::tiff_bytes::{Field, Flavour, PLAIN, Page, packbits_stored, zlib_stored};
use super::{Folder, message, read_auto, read_by, values};

/// 3 rows of 5 pixels of the values 0 and 1.
const MASK: [u8; 15] = [1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 0];

fn mask(low: f64, high: f64) -> Vec<f64> {
    MASK.iter().map(|&pixel| if pixel == 1 { high } else { low }).collect()
}

/// Rows of [`MASK`] in `bits` each, filled up to whole bytes.
fn packed(bits: usize) -> Vec<u8> {
    let row = |row: &[u8]| {
        let mut bytes = vec![0u8; (5 * bits).div_ceil(8)];
        for (x, &pixel) in row.iter().enumerate() {
            let last_bit = (x + 1) * bits - 1;
            bytes[last_bit / 8] |= pixel << (7 - last_bit % 8);
        }
        bytes
    };
    MASK.chunks(5).flat_map(row).collect()
}

struct Case {
    folder: Folder,
}

impl Case {
    fn new(name: &str) -> Self {
        Self { folder: Folder::new(name) }
    }

    fn path(&self) -> PathBuf {
        self.folder.file("m.tif")
    }

    fn write(&self, pages: Vec<Page>) {
        self.write_as(PLAIN, pages);
    }

    fn write_as(&self, flavour: Flavour, pages: Vec<Page>) {
        fs::write(self.path(), flavour.file(pages)).unwrap();
    }

    fn read(&self) -> Micrograph {
        read_auto(&self.path(), None).unwrap_or_else(|error| panic!("{error}"))
    }

    fn read_by(&self, segmentation: Segmentation) -> Result<Micrograph> {
        read_by(&self.path(), segmentation)
    }

    fn message(&self) -> String {
        message(&self.path(), None)
    }
}

#[test]
fn bits_from_the_lowest_are_put_in_order_whatever_the_compression() {
    let case = Case::new("fill-order");
    type Compress = fn(&[u8]) -> Vec<u8>;
    let kinds: [(u16, Compress); 4] =
        [(1, |bytes| bytes.to_vec()), (8, zlib_stored), (32946, zlib_stored), (32773, packbits_stored)];
    for (compression, compress) in kinds {
        for bits in [1, 2, 4, 8, 16] {
            let strip: Vec<u8> = compress(&packed(bits));
            for fill_order in [1, 2] {
                let page = || {
                    let strip = match fill_order {
                        2 => strip.iter().map(|byte| byte.reverse_bits()).collect(),
                        _ => strip.clone(),
                    };
                    let tags = [(258, bits as u16), (259, compression), (262, 1), (266, fill_order)];
                    Page::new(3, 5, &tags, vec![strip])
                };
                for big_tiff in [false, true] {
                    case.write_as(Flavour { big_endian: true, big_tiff }, vec![page(), page()]);
                    let read = case.read();
                    let expected = [mask(0.0, 1.0), mask(0.0, 1.0)].concat();
                    assert_eq!(values(&read), expected, "{compression} {bits} {fill_order}");
                }
            }
        }
    }
}

#[test]
fn images_that_are_only_announced_are_missed() {
    let case = Case::new("announced");
    let page = || Page::new(3, 5, &[(258, 8), (262, 1)], vec![MASK.to_vec()]);
    let described = |text: &str| page().with(270, Field::Text(text.into()));
    for description in [
        "ImageJ=1.54f\nimages=3\nslices=3\nunit=um\n",
        "{\"shape\": [3, 3, 5], \"truncated\": true}",
        "{\"axes\": \"ZYX\", \"shape\": [3, 1, 3, 5, 1]}",
    ] {
        case.write(vec![described(description)]);
        let text = case.message();
        assert!(text.contains("announces 3 images, but the file has 1 page;"), "{text}");
        case.write(vec![described(description), page(), page()]);
        assert_eq!(case.read().images.len(), 3);
    }
    for description in
        ["ImageJ=1.54f\nunit=um", "images=3", "{\"shape\": [3, 5]}", "{\"shape\": [3,", "{\"shape\": [x]}"]
    {
        case.write(vec![described(description)]);
        assert_eq!(values(&case.read()), mask(0.0, 1.0), "{description}");
    }
    // Three samples of one page are no three pages.
    let colours = Page::new(3, 5, &[(258, 8), (262, 2), (277, 3), (284, 2)], vec![MASK.to_vec(); 3]);
    case.write(vec![colours.with(270, Field::Text("{\"shape\": [3, 3, 5]}".into()))]);
    assert_eq!(values(&case.read()), mask(0.0, 1.0));
}

/// Samples 0 and `high` in bytes of the flavour.
fn samples(flavour: Flavour, bits: u16, format: u16, high: f64) -> Vec<u8> {
    let bytes = |pixel: u8| {
        let value = f64::from(pixel) * high;
        let mut bytes = match (format, bits) {
            (3, 32) => (value as f32).to_le_bytes().to_vec(),
            (3, _) => value.to_le_bytes().to_vec(),
            (_, bits) => (value as i64).to_le_bytes()[..usize::from(bits / 8)].to_vec(),
        };
        if flavour.big_endian {
            bytes.reverse();
        }
        bytes
    };
    MASK.iter().flat_map(|&pixel| bytes(pixel)).collect()
}

#[test]
fn phase_numbers_are_stored_values_and_grey_levels_follow_min_is_white() {
    let case = Case::new("min-is-white");
    for (big_endian, big_tiff) in [(false, false), (true, false), (false, true), (true, true)] {
        let flavour = Flavour { big_endian, big_tiff };
        for (bits, format, high, largest) in [
            (8, 1, 200.0, 255.0),
            (16, 1, 40000.0, 65535.0),
            (32, 1, 3e9, 4294967295.0),
            (8, 2, -7.0, 0.0),
            (16, 2, 300.0, 0.0),
            (32, 3, 255.0, 0.0),
            (64, 3, -0.5, 0.0),
        ] {
            let page =
                Page::new(3, 5, &[(258, bits), (262, 0), (339, format)], vec![samples(flavour, bits, format, high)]);
            case.write_as(flavour, vec![page]);
            assert_eq!(values(&case.read()), mask(0.0, high), "{flavour:?} {bits} {format}");
            let grey = |stored: f64| if format == 1 { largest - stored } else { stored };
            for by in
                [Segmentation::Otsu { n_phases: 2 }, Segmentation::Thresholds(vec![(grey(0.0) + grey(high)) / 2.0])]
            {
                assert_eq!(
                    values(&case.read_by(by).unwrap()),
                    mask(grey(0.0), grey(high)),
                    "{flavour:?} {bits} {format}"
                );
            }
        }
    }
    for (bits, largest) in [(1, 1.0), (2, 3.0), (4, 15.0)] {
        case.write(vec![Page::new(3, 5, &[(258, bits), (262, 0)], vec![packed(bits.into())])]);
        assert_eq!(values(&case.read()), mask(0.0, 1.0));
        let grey = case.read_by(Segmentation::Otsu { n_phases: 2 }).unwrap();
        assert_eq!(values(&grey), mask(largest, largest - 1.0));
    }
}

#[test]
fn planes_are_one_picture_or_named() {
    let case = Case::new("planes");
    let (plane, opaque) = (MASK.to_vec(), vec![255; 15]);
    let other: Vec<u8> = MASK.iter().map(|pixel| 1 - pixel).collect();
    let write = |interpretation, planes: &[&Vec<u8>]| {
        let tags = [(258, 8), (262, interpretation), (277, planes.len() as u16), (284, 2)];
        case.write(vec![Page::new(3, 5, &tags, planes.iter().map(|&plane| plane.clone()).collect())]);
    };
    let good: [(u16, &[&Vec<u8>]); 5] = [
        (2, &[&plane, &plane, &plane]),
        (2, &[&plane, &plane, &plane, &plane]),
        (2, &[&plane, &plane, &plane, &opaque]),
        (1, &[&plane, &plane]),
        (0, &[&plane, &opaque]),
    ];
    for (interpretation, planes) in good {
        write(interpretation, planes);
        assert_eq!(values(&case.read()), mask(0.0, 1.0), "{interpretation} {}", planes.len());
    }
    for (interpretation, planes) in
        [(2, &[&plane, &plane, &other][..]), (1, &[&plane, &other]), (2, &[&plane, &opaque, &opaque])]
    {
        write(interpretation, planes);
        let text = case.message();
        assert!(text.contains("planes 1 and") && text.contains("as pages"), "{text}");
    }
    // The same of bits that do not fill their bytes.
    let tags = [(258, 1), (262, 1), (277, 2), (284, 2)];
    case.write(vec![Page::new(3, 5, &tags, vec![packed(1), packed(1)])]);
    assert_eq!(values(&case.read()), mask(0.0, 1.0));
}

/// A palette of 256 levels, `level(colour, index)`.
fn palette(level: impl Fn(usize, usize) -> u16) -> Field {
    Field::Short((0..3 * 256).map(|i| level(i / 256, i % 256)).collect())
}

#[test]
fn palettes_of_greys_are_read_through_and_colours_named() {
    let case = Case::new("palette");
    let indices: Vec<u8> = MASK.iter().map(|pixel| 3 + 2 * pixel).collect();
    let write = |map| case.write(vec![Page::new(3, 5, &[(258, 8), (262, 3)], vec![indices.clone()]).with(320, map)]);
    let by_number = || values(&case.read_by(Segmentation::PhaseNumbers).unwrap());
    // Levels of 16 bits, falling; and of 8 bits, as some programs write them.
    for falling in [palette(|_, index| 257 * (255 - index as u16)), palette(|_, index| 255 - index as u16)] {
        write(falling);
        assert_eq!(values(&case.read()), mask(252.0, 250.0));
        assert_eq!(values(&case.read_by(Segmentation::Thresholds(vec![251.0])).unwrap()), mask(252.0, 250.0));
        assert_eq!(by_number(), mask(3.0, 5.0));
    }
    // A colour that no pixel has is no matter; one that some have is.
    write(palette(|colour, index| if index == 77 { colour as u16 } else { 257 * index as u16 }));
    assert_eq!(values(&case.read()), mask(3.0, 5.0));
    write(palette(|colour, index| if colour == 2 && index == 5 { 9000 } else { 257 * index as u16 }));
    let text = case.message();
    assert!(text.contains("palette gives the value 5 the colour (1285, 1285, 9000)"), "{text}");
    assert!(text.contains("phase numbers"), "{text}");
    assert_eq!(by_number(), mask(3.0, 5.0));
    write(Field::Short(vec![0; 767]));
    assert!(case.message().contains("a palette of 767 numbers"));
}

#[test]
fn what_cannot_be_decoded_is_named_with_what_to_do() {
    let case = Case::new("named");
    for (compression, name) in [
        (2, "fax group 3"),
        (3, "fax group 3"),
        (6, "JPEG of the old kind"),
        (33005, "JPEG 2000"),
        (34887, "LERC"),
        (34925, "LZMA"),
        (50000, "Zstandard"),
        (50001, "WebP"),
        (4711, "number 4711"),
    ] {
        case.write(vec![Page::new(3, 5, &[(258, 8), (259, compression), (262, 1)], vec![MASK.to_vec()])]);
        let text = case.message();
        assert!(text.contains(name) && text.contains("LZW, Deflate or no compression"), "{text}");
    }
    for (tags, named) in [
        (vec![(258, 12), (262, 1)], "samples of 12 bits"),
        (vec![(258, 4), (262, 1), (339, 2)], "samples of 4 bits"),
        (vec![(258, 8), (262, 5), (277, 4)], "5 (CMYK)"),
        (vec![(258, 8), (262, 6), (277, 3)], "6 (YCbCr)"),
        (vec![(258, 8), (262, 1), (277, 9)], "9 samples a pixel"),
    ] {
        case.write(vec![Page::new(3, 5, &tags, vec![vec![0; 150]])]);
        let text = case.message();
        assert!(text.contains(named) && text.contains("save"), "{text}");
    }
}

#[test]
fn large_pages_are_read() {
    let case = Case::new("large");
    // More than 256 MiB of samples in one strip. The file has a hole where there are zeros.
    let side = 5800u16;
    let tags = [(258, 64), (262, 1), (339, 3)];
    let mut file = PLAIN.file(vec![Page::new(1, 1, &tags, vec![vec![]])]);
    // Without bytes of its own the strip begins where the directory does: it is moved behind it.
    let (behind, length) = (file.len() as u32, u32::from(side).pow(2) * 8);
    let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    for entry in file[directory + 2..].chunks_exact_mut(12) {
        let value = match u16::from_le_bytes([entry[0], entry[1]]) {
            256 | 257 | 278 => side.into(),
            273 => behind,
            279 => length,
            _ => continue,
        };
        entry[8..].copy_from_slice(&value.to_le_bytes());
    }
    fs::write(case.path(), &file).unwrap();
    let open = fs::OpenOptions::new().write(true).open(case.path()).unwrap();
    open.set_len(u64::from(behind) + u64::from(length)).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&open, &1f64.to_le_bytes(), u64::from(behind + length) - 8).unwrap();
    let read = case.read();
    assert_eq!(read.images.shape(), [1, side.into(), side.into()]);
    assert_eq!(read.images.as_slice().iter().map(|&phase| u64::from(phase)).sum::<u64>(), 1);
}

/// What a large vendor of electron microscopes writes.
fn vendor_text(rows: usize, height: &str) -> String {
    format!(
        "[User]\r\nPixelWidth=77\r\n\r\n[Scan]\r\nPixelWidth=4.5e-009\r\nPixelHeight={height}\r\n\r\n[Image]\r\n\
         ResolutionX=5\r\nResolutionY={rows}\r\n"
    )
}

#[test]
fn an_announced_data_bar_is_cut_off_and_the_pixel_size_taken() {
    let case = Case::new("vendor");
    let write = |text: String| {
        // The resolution of a printer: 72 dots an inch.
        let page = Page::new(3, 5, &[(258, 8), (262, 1), (296, 2)], vec![MASK.to_vec()]);
        case.write(vec![page.with(34682, Field::Text(text))]);
    };
    write(vendor_text(2, "4.5e-009"));
    let read = case.read();
    assert_eq!(read.images.shape(), [1, 2, 5]);
    assert_eq!(values(&read), mask(0.0, 1.0)[..10]);
    assert_eq!(read.voxel_size.unwrap().to_string(), "4.5e-9 m");
    assert!(read.warnings.len() == 1 && read.warnings[0].contains("from 2 on are a data bar"), "{:?}", read.warnings);
    // What the user gives wins.
    let options = ReadOptions {
        region: Region { ny: 3, ..Region::default() },
        voxel_size: Some("3 um".parse().unwrap()),
        ..ReadOptions::default()
    };
    let read = Micrograph::read(case.path(), None, &options).unwrap();
    assert_eq!((values(&read), read.warnings.len()), (mask(0.0, 1.0), 0));
    assert_eq!(read.voxel_size, options.voxel_size);
    // Without a bar nothing is cut; a size that is none, or differs along the axes, is not taken.
    for (rows, height, warnings) in [(3, "4.5e-009", 0), (0, "4.5e-009", 0), (4, "9e-009", 1), (3, "none", 0)] {
        write(vendor_text(rows, height));
        let read = case.read();
        assert_eq!(values(&read), mask(0.0, 1.0));
        assert_eq!(read.voxel_size.is_some(), height == "4.5e-009", "{height}");
        assert_eq!(read.warnings.len(), warnings, "{:?}", read.warnings);
    }
    write(String::new());
    assert_eq!(case.read().voxel_size, None);
}
