//! PNG files.

use std::fs::File;
use std::io::BufReader;

use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations};

use super::pixels::Samples;
use crate::chunks::MAX_COMPRESSION;
use crate::device::memory;
use crate::micrograph::levels::{ADVICE, Level, Levels, Refusal, stack};
use crate::micrograph::{MAX_PIXELS, check_size};

/// Reads grey levels `(1, ny, nx)`. On failure says why.
pub(super) fn read(file: BufReader<File>) -> Result<Levels, Refusal> {
    let in_file = file.get_ref().metadata().map_or(0, |file| file.len());
    let words = |error: DecodingError| format!("not a readable PNG: {error}");
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: 8 * MAX_PIXELS });
    // Colours instead of the indices of a palette, and whole bytes: grey of 1, 2 and 4 bits is stretched to 0 to 255.
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(words)?;
    check_palette(reader.info())?;
    let (nx, ny) = reader.info().size();
    let shape = (1, ny as usize, nx as usize);
    check_size(shape)?;
    if reader.info().raw_bytes() as u64 > in_file.saturating_mul(MAX_COMPRESSION) {
        return Err(Refusal::Content(format!(
            "claims {ny} x {nx} pixels, but a file of {in_file} bytes cannot hold them; it is damaged or forged"
        )));
    }
    let length = reader.output_buffer_size().ok_or_else(|| format!("{ny} x {nx} pixels are too many"))?;
    // The decoder keeps some rows besides.
    let rows = 4 * (length / shape.1 + 1);
    memory::require(length + rows, "reading the PNG", ADVICE)?;
    let mut bytes = memory::zeros::<u8>(length, "reading the PNG", ADVICE)?;
    reader.next_frame(&mut bytes).map_err(words)?;
    let (color, bits) = (reader.info().color_type, reader.info().bit_depth);
    let channels = reader.output_color_type().0.samples();
    if bits == BitDepth::Sixteen {
        let mut values = memory::vector(length / 2, "reading the PNG", ADVICE)?;
        values.extend(bytes.as_chunks().0.iter().map(|&sample| u16::from_be_bytes(sample)));
        return grey(values, channels, f64::from(u16::MAX), shape);
    }
    let stretched = if color == ColorType::Grayscale { 255 / ((1u32 << bits as u8) - 1) } else { 1 } as u8;
    if stretched > 1 {
        bytes.iter_mut().for_each(|sample| *sample /= stretched);
    }
    grey(bytes, channels, f64::from(u8::MAX / stretched), shape)
}

/// Refuses a palette with part of a colour.
fn check_palette(info: &Info) -> Result<(), Refusal> {
    let bytes = info.palette.as_ref().map_or(0, |palette| palette.len());
    if bytes.is_multiple_of(3) {
        return Ok(());
    }
    Err(Refusal::Content(format!(
        "has a palette of {bytes} bytes, but a colour has 3; it is damaged: copy the file again, or save the image anew"
    )))
}

fn grey<T: Level>(values: Vec<T>, channels: usize, opaque: f64, shape: (usize, usize, usize)) -> Result<Levels, Refusal>
where
    Levels: From<ndarray::Array3<T>>,
{
    let samples = Samples { values, channels, colours: if channels < 3 { 1 } else { 3 }, planes: false, opaque };
    stack(shape, samples.grey(shape.2)?)
}
