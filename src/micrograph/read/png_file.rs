//! PNG files.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};
use ndarray::Array3;

use super::pixels::Samples;
use crate::micrograph::{MAX_PIXELS, check_size, stack};

/// Reads grey levels `(1, ny, nx)`. On failure says why.
pub(super) fn read(mut file: BufReader<File>) -> Result<Array3<f64>, String> {
    let words = |error: ImageError| format!("not a readable PNG: {error}");
    let stretched = stretch(&mut file).map_err(|error| format!("not a readable PNG: {error}"))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * MAX_PIXELS as u64);
    let decoder = PngDecoder::with_limits(file, limits).map_err(words)?;
    let (nx, ny) = decoder.dimensions();
    let shape = (1, ny as usize, nx as usize);
    check_size(shape)?;
    let image = DynamicImage::from_decoder(decoder).map_err(words)?;
    let (values, opaque): (Vec<f64>, _) = if let Some(samples) = image.as_flat_samples_u8() {
        (samples.samples.iter().map(|&s| f64::from(s) / stretched).collect(), f64::from(u8::MAX) / stretched)
    } else if let Some(samples) = image.as_flat_samples_u16() {
        (samples.samples.iter().map(|&s| f64::from(s)).collect(), f64::from(u16::MAX))
    } else {
        return Err(format!(
            "pixels of type {:?} are not known; save the image as 8-bit or 16-bit grey",
            image.color()
        ));
    };
    let channels = usize::from(image.color().channel_count());
    let samples = Samples { values, channels, colours: if channels < 3 { 1 } else { 3 }, planes: false, opaque };
    stack(shape, samples.grey(shape.2)?)
}

/// By how much the decoder multiplies the stored values of `file`: it stretches grey of 1, 2 and 4 bits to 0 to 255.
fn stretch(file: &mut BufReader<File>) -> std::io::Result<f64> {
    // The header always comes first: after 24 bytes the bits of a sample, then the colour type, 0 for grey.
    let mut header = [0; 26];
    file.read_exact(&mut header)?;
    file.rewind()?;
    Ok(match header[24..] {
        [bits @ (1 | 2 | 4), 0] => f64::from(255 / ((1 << bits) - 1)),
        _ => 1.0,
    })
}
