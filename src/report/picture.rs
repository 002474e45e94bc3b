//! Images of phases as pictures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::Array3;
use png::ColorType;

use crate::micrograph::PhaseImages;
use crate::storage::PICTURE_MARK;
use crate::{Error, Result};

/// A picture of `(rows, columns, channels)`: one channel is grey, three are red, green and blue.
pub(super) type Picture = Array3<u8>;

/// The grey level of a phase: black for phase 0, white for the last, equal steps between.
pub(super) fn grey(phase: u8, n_phases: usize) -> u8 {
    (usize::from(phase) * 255 / (n_phases - 1)) as u8
}

/// Image `index` of two-dimensional images.
pub(super) fn phases(images: &PhaseImages, index: usize) -> Picture {
    let [_, ny, nx] = images.shape();
    corner(images, index, ny, nx)
}

/// The first `ny` rows and `nx` columns of image `index`, or all if there are fewer.
pub(super) fn corner(images: &PhaseImages, index: usize, ny: usize, nx: usize) -> Picture {
    let [_, rows, columns] = images.shape();
    let pixels = images.image(index);
    Picture::from_shape_fn((ny.min(rows), nx.min(columns), 1), |(y, x, _)| {
        grey(pixels[y * columns + x], images.n_phases())
    })
}

/// The bytes of a PNG file.
///
/// # Errors
///
/// [`Error::Internal`] if the picture cannot be encoded.
pub(super) fn png(picture: &Picture) -> Result<Vec<u8>> {
    let (ny, nx, channels) = picture.dim();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, nx as u32, ny as u32);
    encoder.set_color(if channels == 1 { ColorType::Grayscale } else { ColorType::Rgb });
    let pixels: Vec<u8> = picture.iter().copied().collect();
    let marked = encoder.add_text_chunk("Software".into(), PICTURE_MARK.into());
    let written = marked.and_then(|()| encoder.write_header()).and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|error| Error::Internal(format!("a picture cannot be encoded as PNG: {error}")))?;
    Ok(file)
}

/// A picture as a data URI with a PNG.
pub(super) fn data_uri(picture: &Picture) -> Result<String> {
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png(picture)?)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ndarray::Array4;

    use super::*;

    #[test]
    fn phases_are_equally_spaced_greys() {
        assert_eq!([0, 1].map(|phase| grey(phase, 2)), [0, 255]);
        assert_eq!([0, 1, 2].map(|phase| grey(phase, 3)), [0, 127, 255]);
    }

    fn decoded(uri: &str) -> ((u32, u32), ColorType, Vec<u8>) {
        let png = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        (reader.info().size(), reader.info().color_type, pixels)
    }

    #[test]
    fn a_picture_comes_back_from_its_data_uri() {
        let phases = Array4::from_shape_fn((2, 1, 3, 5), |(n, _, y, x)| ((n + y + x) % 3) as u8);
        let images = PhaseImages::new(phases, 3).unwrap();
        let uri = data_uri(&corner(&images, 1, 2, 9)).unwrap();
        let greys = vec![127, 255, 0, 127, 255, 255, 0, 127, 255, 0];
        assert_eq!(decoded(&uri), ((5, 2), ColorType::Grayscale, greys));
        let colours = Picture::from_shape_fn((2, 3, 3), |(y, x, channel)| (100 * y + 10 * x + channel) as u8);
        let pixels = colours.iter().copied().collect();
        assert_eq!(decoded(&data_uri(&colours).unwrap()), ((3, 2), ColorType::Rgb, pixels));
    }
}
