//! TIFF files.

use std::fs::File;
use std::io::BufReader;

use ndarray::Array3;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult};

use super::pixels::grey;
use crate::micrograph::{check_size, stack};

/// Reads the grey levels of all pages, `(n, ny, nx)`. On failure says why.
pub(super) fn read(file: BufReader<File>) -> Result<Array3<f64>, String> {
    let words = |error| format!("not a readable TIFF: {error}");
    let mut decoder = Decoder::new(file).map_err(words)?;
    let (nx, ny) = decoder.dimensions().map_err(words)?;
    let mut values = Vec::new();
    let mut n = 1;
    loop {
        let page = decoder.dimensions().map_err(words)?;
        if page != (nx, ny) {
            return Err(format!(
                "page {n} has {} x {} pixels, but page 1 has {ny} x {nx}; save pages of one size, or one page",
                page.1, page.0
            ));
        }
        check_size((n, ny as usize, nx as usize))?;
        let color = decoder.colortype().map_err(words)?;
        let samples = decoder.read_image().map_err(words)?;
        values.extend(page_values(color, samples, nx as usize)?);
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(words)?;
        n += 1;
    }
    stack((n, ny as usize, nx as usize), values)
}

fn page_values(color: ColorType, samples: DecodingResult, nx: usize) -> Result<Vec<f64>, String> {
    let channels = match (color, &samples) {
        (ColorType::Gray(bits @ (1 | 2 | 4)), DecodingResult::U8(packed)) => return Ok(unpack(packed, bits, nx)),
        (ColorType::Gray(8 | 16 | 32 | 64), _) => 1,
        (ColorType::GrayA(_) | ColorType::Multiband { num_samples: 2, .. }, _) => 2,
        (ColorType::RGB(_), _) => 3,
        (ColorType::RGBA(_), _) => 4,
        _ => return Err(format!("pixels of type {color:?} are not known; save the image as 8-bit or 16-bit grey")),
    };
    let (samples, opaque) = as_f64(samples);
    grey(samples, channels, opaque, nx)
}

/// Grey of 1, 2 or 4 bits, rows filled up to whole bytes, first pixel in the highest bits; stretched to 0 to 255.
fn unpack(packed: &[u8], bits: u8, nx: usize) -> Vec<f64> {
    let per_byte = usize::from(8 / bits);
    let largest = (1u8 << bits) - 1;
    let pixel = |row: &[u8], x: usize| {
        let shift = 8 - bits as usize * (x % per_byte + 1);
        f64::from((row[x / per_byte] >> shift & largest) * (255 / largest))
    };
    packed.chunks_exact(nx.div_ceil(per_byte)).flat_map(|row| (0..nx).map(move |x| pixel(row, x))).collect()
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
        assert_eq!(unpack(&[0b1010_0000, 0b0100_0000], 1, 3), [255.0, 0.0, 255.0, 0.0, 255.0, 0.0]);
        assert_eq!(unpack(&[0b1101_1000, 0b0100_0000], 2, 5), [255.0, 85.0, 170.0, 0.0, 85.0]);
        assert_eq!(unpack(&[0xF1, 0x20], 4, 3), [255.0, 17.0, 34.0]);
    }
}
