//! TIFF files.
//!
//! The `tiff` crate decodes; what samples mean is worked out here. It ignores the order of bits, inverts min-is-white
//! whatever the type of the samples, and refuses palettes. So it is given a copy of the file in memory in which every
//! page is min-is-black and has its bits in the usual order, and hands out the samples as they are stored.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{Tag, Type, ValueBuffer};

use super::pixels::Samples;
use super::{Contents, vendor_text};
use crate::micrograph::{MAX_PIXELS, Segmentation, check_size, stack};

type Pages = Decoder<Cursor<Vec<u8>>>;

/// The largest file, and the largest page in memory.
const MAX_BYTES: usize = 16 * MAX_PIXELS;

/// The tag in which a large vendor of electron microscopes describes the image.
const VENDOR_TEXT: Tag = Tag::Unknown(34682);

/// Reads the values of all pages, stored values or grey levels as `segmentation` wants them. On failure says why.
pub(super) fn read(file: BufReader<File>, segmentation: &Segmentation) -> Result<Contents, String> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("the file has more than {MAX_BYTES} bytes; save a smaller cut-out, or fewer pages"));
    }
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(words)?;
    let first = Page::read(&mut decoder)?;
    let announced = text(&mut decoder, Tag::ImageDescription)?.and_then(|text| announced(&text, &first));
    let described = text(&mut decoder, VENDOR_TEXT)?.unwrap_or_default();
    let mut values = Vec::new();
    let mut n = 1;
    loop {
        let page = Page::read(&mut decoder)?;
        if (page.ny, page.nx) != (first.ny, first.nx) {
            return Err(format!(
                "page {n} has {} x {} pixels, but page 1 has {} x {}; save pages of one size, or one page",
                page.ny, page.nx, first.ny, first.nx
            ));
        }
        check_size((n, page.ny, page.nx))?;
        let samples;
        (samples, decoder) = page.samples(decoder, n - 1)?;
        values.extend(page.values(samples, segmentation)?);
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(words)?;
        n += 1;
    }
    if let Some(announced) = announced.filter(|&announced| announced > n) {
        return Err(format!(
            "the description announces {announced} images, but the file has {n} page{}; save every image as a page",
            if n == 1 { "" } else { "s" }
        ));
    }
    let values = stack((n, first.ny, first.nx), values)?;
    Ok(vendor_text::describe(&described, values))
}

fn words(error: impl std::fmt::Display) -> String {
    format!("not a readable TIFF: {error}")
}

/// The text of a tag, in whatever encoding.
fn text(decoder: &mut Pages, tag: Tag) -> Result<Option<String>, String> {
    let mut buffer = ValueBuffer::empty(Type::ASCII);
    let found = decoder.image_ifd().find_tag_buf(tag, &mut buffer).map_err(words)?;
    Ok(found.map(|_| String::from_utf8_lossy(buffer.as_bytes()).into_owned()))
}

/// How many images of the size of `page` its description announces, as ImageJ and tifffile write it.
fn announced(description: &str, page: &Page) -> Option<usize> {
    if description.starts_with("ImageJ=") {
        return description.lines().find_map(|line| line.strip_prefix("images=")?.trim().parse().ok());
    }
    let (lengths, _) = description.split_once("\"shape\": [")?.1.split_once(']')?;
    let lengths: Option<Vec<usize>> = lengths.split(',').map(|length| length.trim().parse().ok()).collect();
    let samples = lengths?.into_iter().try_fold(1usize, |product, length| product.checked_mul(length))?;
    Some(samples / (page.ny * page.nx * page.channels))
}

/// What the tags of a page say about its samples.
struct Page {
    ny: usize,
    nx: usize,
    /// Bits of a sample.
    bits: u8,
    /// Whether samples are unsigned integers.
    unsigned: bool,
    /// Samples of a pixel, and whether each kind has a plane of its own.
    channels: usize,
    planes: bool,
    meaning: Meaning,
    /// Whether the first pixel of a byte is in its lowest bits.
    reversed: bool,
}

/// Photometric interpretations that can be grey.
#[derive(PartialEq)]
enum Meaning {
    MinIsWhite,
    MinIsBlack,
    Rgb,
    /// All reds, all greens, all blues.
    Palette(Vec<u16>),
}

impl Page {
    /// Reads the tags of the current page. On failure says what about it cannot be read.
    fn read(decoder: &mut Pages) -> Result<Self, String> {
        let (nx, ny) = decoder.dimensions().map_err(words)?;
        let mut number = |tag, default: u32| match decoder.find_tag_unsigned_vec(tag) {
            Ok(found) => Ok(found.and_then(|found| found.first().copied()).unwrap_or(default)),
            Err(error) => Err(words(error)),
        };
        let (bits, format) = (number(Tag::BitsPerSample, 1)?, number(Tag::SampleFormat, 1)?);
        let (channels, planes) = (number(Tag::SamplesPerPixel, 1)?, number(Tag::PlanarConfiguration, 1)? == 2);
        let (compression, interpretation) = (number(Tag::Compression, 1)?, number(Tag::PhotometricInterpretation, 1)?);
        // What a JPEG stream holds is not subject to the order of bits.
        let reversed = number(Tag::FillOrder, 1)? == 2 && compression != 7;
        if !matches!(compression, 1 | 4 | 5 | 7 | 8 | 32773 | 32946) {
            return Err(format!(
                "the compression {} cannot be read; save the image with LZW, Deflate or no compression",
                compression_name(compression)
            ));
        }
        if !(matches!(bits, 8 | 16 | 32 | 64) || matches!(bits, 1 | 2 | 4) && format == 1) {
            return Err(format!("samples of {bits} bits cannot be read; save the image as 8-bit or 16-bit grey"));
        }
        let meaning = match interpretation {
            0 => Meaning::MinIsWhite,
            1 => Meaning::MinIsBlack,
            2 if channels >= 3 => Meaning::Rgb,
            3 if bits <= 16 && format == 1 => {
                let map = decoder.find_tag_unsigned_vec(Tag::ColorMap).map_err(words)?.unwrap_or_default();
                if map.len() != 3 << bits || channels != 1 {
                    return Err(format!(
                        "a palette of {} numbers for samples of {bits} bits; it is damaged",
                        map.len()
                    ));
                }
                Meaning::Palette(map)
            }
            other => {
                return Err(format!(
                    "pixels of the photometric interpretation {other}{} cannot be read; save the image as grey levels",
                    match other {
                        5 => " (CMYK)",
                        6 => " (YCbCr)",
                        8..=10 => " (Lab)",
                        _ => "",
                    }
                ));
            }
        };
        if channels > 8 {
            return Err(format!("{channels} samples a pixel cannot be read; save each as a page"));
        }
        let (nx, ny, bits, channels) = (nx as usize, ny as usize, bits as u8, channels as usize);
        if nx.saturating_mul(ny).saturating_mul(channels * bits as usize).div_ceil(8) > MAX_BYTES {
            return Err(format!(
                "a page of {ny} x {nx} pixels of {channels} x {bits} bits has more than {MAX_BYTES} bytes; save a smaller \
                 cut-out as 8-bit or 16-bit grey"
            ));
        }
        Ok(Self { ny, nx, bits, unsigned: format == 1, channels, planes, meaning, reversed })
    }

    /// Decodes the samples of page `index`, the current one, as they are stored.
    fn samples(&self, mut decoder: Pages, index: usize) -> Result<(DecodingResult, Pages), String> {
        let chunks = if self.reversed { chunks(&mut decoder)? } else { Vec::new() };
        make_min_is_black(&mut decoder).ok_or("not a readable TIFF: a directory leaves the file")?;
        decoder.seek_to_image(index).map_err(words)?;
        reverse_bits(&mut decoder, &chunks);
        // For tags the usual limits hold: a damaged one may claim any length.
        let mut limits = Limits::unlimited();
        limits.decoding_buffer_size = MAX_BYTES;
        decoder = decoder.with_limits(limits);
        let mut samples = DecodingResult::U8(Vec::new());
        decoder.read_image_to_buffer(&mut samples).map_err(words)?;
        // Another page may use the same bytes.
        reverse_bits(&mut decoder, &chunks);
        Ok((samples, decoder.with_limits(Limits::default())))
    }

    /// One value a pixel, as `segmentation` wants it.
    fn values(&self, samples: DecodingResult, segmentation: &Segmentation) -> Result<Vec<f64>, String> {
        let (values, opaque) = match samples {
            DecodingResult::U8(packed) if self.bits < 8 => {
                let in_row = self.nx * if self.planes { 1 } else { self.channels };
                (unpack(&packed, self.bits, in_row), f64::from((1u8 << self.bits) - 1))
            }
            samples => as_f64(samples),
        };
        let colours = if self.meaning == Meaning::Rgb { 3 } else { 1 };
        let samples = Samples { values, channels: self.channels, colours, planes: self.planes, opaque };
        let mut values = samples.grey(self.nx)?;
        match &self.meaning {
            // Other types have no whitest value.
            Meaning::MinIsWhite if self.unsigned && segmentation.takes_grey_levels() => {
                values.iter_mut().for_each(|value| *value = opaque - *value);
            }
            Meaning::Palette(map) if *segmentation != Segmentation::PhaseNumbers => {
                for value in &mut values {
                    *value = palette_grey(map, *value as usize)?;
                }
            }
            _ => {}
        }
        Ok(values)
    }
}

fn compression_name(compression: u32) -> String {
    let name = match compression {
        2 | 3 => "CCITT fax group 3",
        6 => "JPEG of the old kind",
        33003 | 33005 | 34712 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50000 => "Zstandard",
        50001 => "WebP",
        _ => return format!("number {compression}"),
    };
    format!("{name} (number {compression})")
}

/// The grey level, 0 to 255, that `index` stands for. On failure names its colour.
fn palette_grey(map: &[u16], index: usize) -> Result<f64, String> {
    let size = map.len() / 3;
    let [red, green, blue] = [0, 1, 2].map(|colour| map[colour * size + index]);
    if red != green || red != blue {
        return Err(format!(
            "the palette gives the value {index} the colour ({red}, {green}, {blue}); choose the segmentation by phase \
             numbers to take the values themselves, or save the image as grey levels"
        ));
    }
    // Levels have 16 bits, but some programs write 8, as libtiff allows for.
    let of_eight_bits = map.iter().all(|&level| level < 256);
    Ok(f64::from(if of_eight_bits { red } else { red >> 8 }))
}

/// Where the compressed samples of the current page are in the file, each place once.
fn chunks(decoder: &mut Pages) -> Result<Vec<(usize, usize)>, String> {
    let mut numbers = |strips, tiles| {
        let found: Option<Vec<usize>> = match decoder.find_tag_unsigned_vec(strips).map_err(words)? {
            None => decoder.find_tag_unsigned_vec(tiles).map_err(words)?,
            found => found,
        };
        Ok::<_, String>(found.unwrap_or_default())
    };
    let offsets = numbers(Tag::StripOffsets, Tag::TileOffsets)?;
    let lengths = numbers(Tag::StripByteCounts, Tag::TileByteCounts)?;
    let mut chunks: Vec<_> = offsets.into_iter().zip(lengths).collect();
    chunks.sort_unstable();
    chunks.dedup();
    Ok(chunks)
}

fn reverse_bits(decoder: &mut Pages, chunks: &[(usize, usize)]) {
    let bytes = decoder.inner().get_mut();
    for &(offset, length) in chunks {
        let end = offset.saturating_add(length).min(bytes.len());
        bytes[offset.min(end)..end].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
}

/// Changes the photometric interpretation of the current page in memory. `None` if its directory is not there.
fn make_min_is_black(decoder: &mut Pages) -> Option<()> {
    let at = usize::try_from(decoder.ifd_pointer()?.0).ok()?;
    let bytes = decoder.inner().get_mut();
    let (little, big_file) = (bytes[0] == b'I', bytes[2..4].contains(&43));
    let number =
        |two: &[u8]| if little { u16::from_le_bytes([two[0], two[1]]) } else { u16::from_be_bytes([two[0], two[1]]) };
    let (count_size, entry_size, value_at) = if big_file { (8, 20, 12) } else { (2, 12, 8) };
    let (count, entries) = bytes.get_mut(at..)?.split_at_mut_checked(count_size)?;
    let count = number(if little { &count[..2] } else { &count[count_size - 2..] });
    for entry in entries.chunks_exact_mut(entry_size).take(count.into()) {
        if number(entry) == Tag::PhotometricInterpretation.to_u16() {
            let put = |two: &mut [u8], value: u16| {
                two.copy_from_slice(&if little { value.to_le_bytes() } else { value.to_be_bytes() });
            };
            put(&mut entry[2..4], Type::SHORT.to_u16());
            put(&mut entry[value_at..value_at + 2], 1);
        }
    }
    Some(())
}

/// Samples of 1, 2 or 4 bits in rows of `nx` that are filled up to whole bytes, the first in the highest bits.
fn unpack(packed: &[u8], bits: u8, nx: usize) -> Vec<f64> {
    let per_byte = usize::from(8 / bits);
    let sample = |row: &[u8], x: usize| {
        let shift = 8 - bits as usize * (x % per_byte + 1);
        f64::from(row[x / per_byte] >> shift & ((1 << bits) - 1))
    };
    packed.chunks_exact(nx.div_ceil(per_byte)).flat_map(|row| (0..nx).map(move |x| sample(row, x))).collect()
}

/// The samples as numbers, and the value that means opaque if a sample is alpha.
fn as_f64(samples: DecodingResult) -> (Vec<f64>, f64) {
    match samples {
        DecodingResult::U8(s) => (s.into_iter().map(f64::from).collect(), u8::MAX.into()),
        DecodingResult::U16(s) => (s.into_iter().map(f64::from).collect(), u16::MAX.into()),
        DecodingResult::U32(s) => (s.into_iter().map(f64::from).collect(), u32::MAX.into()),
        DecodingResult::U64(s) => (s.into_iter().map(|v| v as f64).collect(), u64::MAX as f64),
        DecodingResult::I8(s) => (s.into_iter().map(f64::from).collect(), i8::MAX.into()),
        DecodingResult::I16(s) => (s.into_iter().map(f64::from).collect(), i16::MAX.into()),
        DecodingResult::I32(s) => (s.into_iter().map(f64::from).collect(), i32::MAX.into()),
        DecodingResult::I64(s) => (s.into_iter().map(|v| v as f64).collect(), i64::MAX as f64),
        DecodingResult::F16(s) => (s.into_iter().map(f64::from).collect(), 1.0),
        DecodingResult::F32(s) => (s.into_iter().map(f64::from).collect(), 1.0),
        DecodingResult::F64(s) => (s, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_rows_start_at_whole_bytes() {
        assert_eq!(unpack(&[0b1010_0000, 0b0100_0000], 1, 3), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(unpack(&[0b1101_1000, 0b0100_0000], 2, 5), [3.0, 1.0, 2.0, 0.0, 1.0]);
        assert_eq!(unpack(&[0xF1, 0x20], 4, 3), [15.0, 1.0, 2.0]);
    }
}
