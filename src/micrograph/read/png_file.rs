//! PNG files.

use std::fs::File;
use std::io::BufReader;

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};
use ndarray::Array3;

use super::pixels::grey;
use crate::micrograph::{check_size, stack};

/// Reads grey levels `(1, ny, nx)`. On failure says why.
pub(super) fn read(file: BufReader<File>) -> Result<Array3<f64>, String> {
    let words = |error: ImageError| format!("not a readable PNG: {error}");
    let decoder = PngDecoder::with_limits(file, Limits::default()).map_err(words)?;
    let (nx, ny) = decoder.dimensions();
    let shape = (1, ny as usize, nx as usize);
    check_size(shape)?;
    let image = DynamicImage::from_decoder(decoder).map_err(words)?;
    let (samples, opaque): (Vec<f64>, _) = if let Some(samples) = image.as_flat_samples_u8() {
        (samples.samples.iter().map(|&s| f64::from(s)).collect(), f64::from(u8::MAX))
    } else if let Some(samples) = image.as_flat_samples_u16() {
        (samples.samples.iter().map(|&s| f64::from(s)).collect(), f64::from(u16::MAX))
    } else {
        return Err(format!(
            "pixels of type {:?} are not known; save the image as 8-bit or 16-bit grey",
            image.color()
        ));
    };
    stack(shape, grey(samples, image.color().channel_count().into(), opaque, shape.2)?)
}
