//! PNG files.

use std::fs::File;
use std::io::BufReader;

use ndarray::Array3;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use super::pixels::Samples;
use crate::micrograph::{MAX_PIXELS, check_size, stack};

/// Reads grey levels `(1, ny, nx)`. On failure says why.
pub(super) fn read(file: BufReader<File>) -> Result<Array3<f64>, String> {
    let words = |error: DecodingError| format!("not a readable PNG: {error}");
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: 8 * MAX_PIXELS });
    // Colours instead of the indices of a palette, and whole bytes: grey of 1, 2 and 4 bits is stretched to 0 to 255.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(words)?;
    let (nx, ny) = reader.info().size();
    let shape = (1, ny as usize, nx as usize);
    check_size(shape)?;
    let mut bytes = vec![0; reader.output_buffer_size().expect("the size is checked")];
    reader.next_frame(&mut bytes).map_err(words)?;
    let (values, opaque): (Vec<f64>, _) = match (reader.info().color_type, reader.info().bit_depth) {
        (_, BitDepth::Sixteen) => {
            let samples = bytes.as_chunks().0.iter().map(|&sample| f64::from(u16::from_be_bytes(sample)));
            (samples.collect(), f64::from(u16::MAX))
        }
        (ColorType::Grayscale, bits) => {
            let stretched = f64::from(255 / ((1u32 << bits as u8) - 1));
            (bytes.into_iter().map(|sample| f64::from(sample) / stretched).collect(), 255.0 / stretched)
        }
        _ => (bytes.into_iter().map(f64::from).collect(), f64::from(u8::MAX)),
    };
    let channels = reader.output_color_type().0.samples();
    let samples = Samples { values, channels, colours: if channels < 3 { 1 } else { 3 }, planes: false, opaque };
    stack(shape, samples.grey(shape.2)?)
}
