//! TIFF files.
//!
//! The `tiff` crate decodes; what samples mean is worked out here. It ignores the order of bits, inverts min-is-white
//! whatever the type of the samples, and refuses palettes. So it sees the file [`Edited`]: every page is min-is-black and
//! has its bits in the usual order. It hands out the samples as they are stored.

use std::fs::File;
use std::io::{self, BufReader};
use std::ops::Sub;

use ndarray::Array3;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{Tag, Type, ValueBuffer};

use super::edited::Edited;
use super::pixels::Samples;
use super::tiff_strips::{check_strips, places};
use super::{Contents, vendor_text};
use crate::device::memory;
use crate::error::counted;
use crate::micrograph::levels::{ADVICE, Level, Levels, Refusal, stack};
use crate::micrograph::{MAX_PIXELS, Segmentation, check_size};

pub(super) type Pages = Decoder<Edited>;

/// The largest page in memory.
const MAX_BYTES: usize = 16 * MAX_PIXELS;

/// No compression but that of fax machines shrinks further.
const MAX_SHRINKING: u64 = 2048;

/// The compression fax group 4.
const FAX: u32 = 4;

/// What takes the memory.
const READING: &str = "reading the TIFF";

/// The tag in which a large vendor of electron microscopes describes the image.
const VENDOR_TEXT: Tag = Tag::Unknown(34682);

/// Reads the values of all pages, stored values or grey levels as `segmentation` wants them. On failure says why.
pub(super) fn read(file: BufReader<File>, segmentation: &Segmentation) -> Result<Contents, Refusal> {
    let in_file = file.get_ref().metadata().map_or(0, |file| file.len());
    let mut decoder = Decoder::new(Edited::new(file)).map_err(words)?;
    let first = Page::read(&mut decoder)?;
    check_strips(&mut decoder, 1, in_file)?;
    let announced = text(&mut decoder, Tag::ImageDescription)?.and_then(|text| announced(&text, &first));
    let described = text(&mut decoder, VENDOR_TEXT)?.unwrap_or_default();
    let mut n = 1;
    while decoder.more_images() {
        decoder.next_image().map_err(words)?;
        n += 1;
        let page = Page::read(&mut decoder)?;
        if (page.ny, page.nx) != (first.ny, first.nx) {
            return Err(Refusal::Content(format!(
                "page {n} has {} x {} pixels, but page 1 has {} x {}; save pages of one size, or one page",
                page.ny, page.nx, first.ny, first.nx
            )));
        }
        check_size((n, page.ny, page.nx))?;
        check_strips(&mut decoder, n, in_file)?;
    }
    first.check_claim(n, in_file)?;
    if let Some(announced) = announced.filter(|&announced| announced > n) {
        let pages = if n == 1 { "page" } else { "pages" };
        let what = format!("the description announces {announced} images, but the file has {n} {pages}");
        return Err(format!("{what}; save every image as a page").into());
    }
    check_size((n, first.ny, first.nx))?;
    let (values, mut decoder) = levels(decoder, 0, segmentation)?;
    let mut values = values.grow(n)?;
    for index in 1..n {
        let page;
        (page, decoder) = levels(decoder, index, segmentation)?;
        if !values.put(index, &page) {
            let what = format!("page {} has another type of values than page 1", index + 1);
            return Err(format!("{what}; save all pages with the same number of bits").into());
        }
    }
    Ok(vendor_text::describe(&described, values))
}

/// One value a pixel of page `index`, `(1, ny, nx)`.
fn levels(mut decoder: Pages, index: usize, segmentation: &Segmentation) -> Result<(Levels, Pages), Refusal> {
    decoder.seek_to_image(index).map_err(words)?;
    let page = Page::read(&mut decoder)?;
    let samples;
    (samples, decoder) = page.samples(decoder, index)?;
    Ok((page.levels(samples, segmentation)?, decoder))
}

pub(super) fn words(error: impl std::fmt::Display) -> String {
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
    compression: u32,
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
        if !matches!(compression, 1 | FAX | 5 | 7 | 8 | 32773 | 32946) {
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
        Ok(Self { ny, nx, bits, unsigned: format == 1, channels, planes, compression, meaning, reversed })
    }

    /// Bytes of the samples.
    fn bytes(&self) -> u64 {
        (self.nx * self.ny * self.channels) as u64 * u64::from(self.bits.max(8)) / 8
    }

    /// Refuses `n` such pages if a file of `in_file` bytes cannot hold them.
    fn check_claim(&self, n: usize, in_file: u64) -> Result<(), String> {
        let Self { ny, nx, compression, .. } = self;
        let claimed = self.bytes().saturating_mul(n as u64);
        if *compression == FAX || claimed <= in_file.saturating_mul(MAX_SHRINKING) {
            return Ok(());
        }
        let pages = counted(n, "page");
        Err(format!(
            "claims {pages} of {ny} x {nx} pixels, but a file of {in_file} bytes cannot hold them; it is damaged or forged"
        ))
    }

    /// Decodes the samples of page `index`, the current one, as they are stored.
    fn samples(&self, mut decoder: Pages, index: usize) -> Result<(DecodingResult, Pages), Refusal> {
        let chunks = if self.reversed { places(&mut decoder)? } else { Vec::new() };
        make_min_is_black(&mut decoder).map_err(words)?;
        decoder.seek_to_image(index).map_err(words)?;
        decoder.inner().reversed = chunks;
        // The decoder allocates without asking whether it can.
        drop(memory::vector::<u8>(self.bytes() as usize, READING, ADVICE)?);
        // For tags the usual limits hold: a damaged one may claim any length.
        let mut limits = Limits::unlimited();
        limits.decoding_buffer_size = MAX_BYTES;
        decoder = decoder.with_limits(limits);
        let mut samples = DecodingResult::U8(Vec::new());
        decoder.read_image_to_buffer(&mut samples).map_err(words)?;
        // Another page may use the same bytes.
        decoder.inner().reversed.clear();
        Ok((samples, decoder.with_limits(Limits::default())))
    }

    /// One value a pixel, as `segmentation` wants it.
    fn levels(&self, samples: DecodingResult, segmentation: &Segmentation) -> Result<Levels, Refusal> {
        let mut levels = match samples {
            DecodingResult::U8(packed) if self.bits < 8 => {
                let in_row = self.nx * if self.planes { 1 } else { self.channels };
                self.grey(unpack(&packed, self.bits, in_row)?, (1u8 << self.bits) - 1, segmentation)
            }
            DecodingResult::U8(samples) => self.grey(samples, u8::MAX, segmentation),
            DecodingResult::U16(samples) => self.grey(samples, u16::MAX, segmentation),
            DecodingResult::U32(samples) => self.grey(samples, u32::MAX, segmentation),
            DecodingResult::U64(samples) => self.grey(samples, u64::MAX, segmentation),
            DecodingResult::I8(samples) => self.grey(samples, i8::MAX, segmentation),
            DecodingResult::I16(samples) => self.grey(samples, i16::MAX, segmentation),
            DecodingResult::I32(samples) => self.grey(samples, i32::MAX, segmentation),
            DecodingResult::I64(samples) => self.grey(samples, i64::MAX, segmentation),
            DecodingResult::F16(samples) => {
                let mut values = memory::vector(samples.len(), READING, ADVICE)?;
                values.extend(samples.into_iter().map(f32::from));
                self.grey(values, 1.0, segmentation)
            }
            DecodingResult::F32(samples) => self.grey(samples, 1.0, segmentation),
            DecodingResult::F64(samples) => self.grey(samples, 1.0, segmentation),
        }?;
        if let Meaning::Palette(map) = &self.meaning
            && *segmentation != Segmentation::PhaseNumbers
        {
            // Levels have 16 bits, but some programs write 8, as libtiff allows for.
            let shift = if map.iter().all(|&level| level < 256) { 0 } else { 8 };
            let grey = |index: usize| palette_grey(map, index).map(|level| (level >> shift) as u8);
            match &mut levels {
                Levels::U8(values) => {
                    values.iter_mut().try_for_each(|v| grey(usize::from(*v)).map(|grey| *v = grey))?
                }
                Levels::U16(values) => {
                    values.iter_mut().try_for_each(|v| grey(usize::from(*v)).map(|grey| *v = grey.into()))?;
                }
                _ => {}
            }
        }
        Ok(levels)
    }

    /// Reduces `samples` to one value a pixel. `opaque` is the largest one of unsigned integers, and means opaque if a sample is alpha.
    fn grey<T>(&self, samples: Vec<T>, opaque: T, segmentation: &Segmentation) -> Result<Levels, Refusal>
    where
        T: Level + Sub<Output = T>,
        Levels: From<Array3<T>>,
    {
        let colours = if self.meaning == Meaning::Rgb { 3 } else { 1 };
        let (channels, planes) = (self.channels, self.planes);
        let samples = Samples { values: samples, channels, colours, planes, opaque: opaque.level() };
        let mut values = samples.grey(self.nx)?;
        // Other types have no whitest value.
        if self.meaning == Meaning::MinIsWhite && self.unsigned && segmentation.takes_grey_levels() {
            values.iter_mut().for_each(|value| *value = opaque - *value);
        }
        stack((1, self.ny, self.nx), values)
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

/// What `index` stands for in a palette of greys. On failure names its colour.
fn palette_grey(map: &[u16], index: usize) -> Result<u16, String> {
    let size = map.len() / 3;
    let [red, green, blue] = [0, 1, 2].map(|colour| map[colour * size + index]);
    if red != green || red != blue {
        return Err(format!(
            "the palette gives the value {index} the colour ({red}, {green}, {blue}); choose the segmentation by phase \
             numbers to take the values themselves, or save the image as grey levels"
        ));
    }
    Ok(red)
}

/// Changes the photometric interpretation of the current page, as it is read from now on.
fn make_min_is_black(decoder: &mut Pages) -> io::Result<()> {
    let Some(at) = decoder.ifd_pointer() else { return Ok(()) };
    let (mut at, file) = (at.0, decoder.inner());
    let mark: [u8; 4] = file.bytes_at(0)?;
    let (little, big_file) = (mark[0] == b'I', mark[2..].contains(&43));
    let number = |two: [u8; 2]| if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) };
    let (count_size, entry_size, value_at) = if big_file { (8, 20, 12) } else { (2, 12, 8) };
    let count = number(file.bytes_at(if little { at } else { at.saturating_add(count_size - 2) })?);
    at = at.saturating_add(count_size);
    for _ in 0..count {
        if number(file.bytes_at(at)?) == Tag::PhotometricInterpretation.to_u16() {
            let bytes = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
            file.replace(at + 2, &bytes(Type::SHORT.to_u16()));
            file.replace(at + value_at, &bytes(1));
        }
        at += entry_size;
    }
    Ok(())
}

/// Samples of 1, 2 or 4 bits in rows of `nx` that are filled up to whole bytes, the first in the highest bits.
fn unpack(packed: &[u8], bits: u8, nx: usize) -> Result<Vec<u8>, Refusal> {
    let per_byte = usize::from(8 / bits);
    let sample = |row: &[u8], x: usize| {
        let shift = 8 - bits as usize * (x % per_byte + 1);
        row[x / per_byte] >> shift & ((1 << bits) - 1)
    };
    let rows = packed.chunks_exact(nx.div_ceil(per_byte));
    let mut unpacked = memory::vector(rows.len() * nx, READING, ADVICE)?;
    unpacked.extend(rows.flat_map(|row| (0..nx).map(move |x| sample(row, x))));
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_rows_start_at_whole_bytes() {
        assert_eq!(unpack(&[0b1010_0000, 0b0100_0000], 1, 3).unwrap(), [1, 0, 1, 0, 1, 0]);
        assert_eq!(unpack(&[0b1101_1000, 0b0100_0000], 2, 5).unwrap(), [3, 1, 2, 0, 1]);
        assert_eq!(unpack(&[0xF1, 0x20], 4, 3).unwrap(), [15, 1, 2]);
    }
}
