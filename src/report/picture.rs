//! Images of phases as pictures.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};

use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// The grey level of a phase: black for phase 0, white for the last, equal steps between.
pub(super) fn grey(phase: u8, n_phases: usize) -> u8 {
    (usize::from(phase) * 255 / (n_phases - 1)) as u8
}

/// Image `index` of two-dimensional images.
pub(super) fn phases(images: &PhaseImages, index: usize) -> GrayImage {
    let [_, ny, nx] = images.shape();
    corner(images, index, ny, nx)
}

/// The first `ny` rows and `nx` columns of image `index`, or all if there are fewer.
pub(super) fn corner(images: &PhaseImages, index: usize, ny: usize, nx: usize) -> GrayImage {
    let [_, rows, columns] = images.shape();
    let pixels = images.image(index);
    GrayImage::from_fn(nx.min(columns) as u32, ny.min(rows) as u32, |x, y| {
        Luma([grey(pixels[y as usize * columns + x as usize], images.n_phases())])
    })
}

/// A picture as a data URI with a PNG.
///
/// # Errors
///
/// [`Error::Internal`] if it cannot be encoded.
pub(super) fn data_uri(picture: impl Into<DynamicImage>) -> Result<String> {
    let mut png = Cursor::new(Vec::new());
    let written = picture.into().write_to(&mut png, ImageFormat::Png);
    written.map_err(|error| Error::Internal(format!("a picture cannot be encoded as PNG: {error}")))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png.into_inner())))
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    #[test]
    fn phases_are_equally_spaced_greys() {
        assert_eq!([0, 1].map(|phase| grey(phase, 2)), [0, 255]);
        assert_eq!([0, 1, 2].map(|phase| grey(phase, 3)), [0, 127, 255]);
    }

    #[test]
    fn a_picture_comes_back_from_its_data_uri() {
        let phases = Array4::from_shape_fn((2, 1, 3, 5), |(n, _, y, x)| ((n + y + x) % 3) as u8);
        let images = PhaseImages::new(phases, 3).unwrap();
        let uri = data_uri(corner(&images, 1, 2, 9)).unwrap();
        let png = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let picture = image::load_from_memory(&png).unwrap().to_luma8();
        assert_eq!(picture.dimensions(), (5, 2));
        assert_eq!(picture.as_raw()[..5], [127, 255, 0, 127, 255]);
        assert_eq!(picture.as_raw()[5..], [255, 0, 127, 255, 0]);
    }
}
