//! From the samples of an image file to one grey level per pixel.

/// Reduces interleaved samples to grey levels: `channels` is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
/// `opaque` is the value of alpha where nothing is transparent, `nx` the width. On failure says which pixel has a
/// colour or is transparent.
pub(super) fn grey(samples: Vec<f64>, channels: usize, opaque: f64, nx: usize) -> Result<Vec<f64>, String> {
    if channels == 1 {
        return Ok(samples);
    }
    let mut grey = Vec::with_capacity(samples.len() / channels);
    for (index, pixel) in samples.chunks_exact(channels).enumerate() {
        let (y, x) = (index / nx, index % nx);
        if channels >= 3 && (pixel[0] != pixel[1] || pixel[0] != pixel[2]) {
            return Err(format!(
                "the pixel at y = {y}, x = {x} has the colour ({}, {}, {}); save the image as grey levels or phase \
                 numbers",
                pixel[0], pixel[1], pixel[2]
            ));
        }
        if channels.is_multiple_of(2) && pixel[channels - 1] != opaque {
            return Err(format!(
                "the pixel at y = {y}, x = {x} is transparent (alpha {} instead of {opaque}); save the image without an \
                 alpha channel",
                pixel[channels - 1]
            ));
        }
        grey.push(pixel[0]);
    }
    Ok(grey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_taken_and_colour_and_transparency_refused() {
        let greys = Ok(vec![7.0, 8.0]);
        assert_eq!(grey(vec![7.0, 8.0], 1, 255.0, 2), greys);
        assert_eq!(grey(vec![7.0, 255.0, 8.0, 255.0], 2, 255.0, 2), greys);
        assert_eq!(grey(vec![7.0, 7.0, 7.0, 8.0, 8.0, 8.0], 3, 255.0, 2), greys);
        assert_eq!(grey(vec![7.0, 7.0, 7.0, 255.0, 8.0, 8.0, 8.0, 255.0], 4, 255.0, 2), greys);
        let colour = grey(vec![7.0, 7.0, 7.0, 8.0, 8.0, 9.0], 3, 255.0, 1).unwrap_err();
        assert!(colour.contains("y = 1, x = 0") && colour.contains("(8, 8, 9)"), "{colour}");
        let alpha = grey(vec![7.0, 255.0, 8.0, 0.0], 2, 255.0, 2).unwrap_err();
        assert!(alpha.contains("y = 0, x = 1") && alpha.contains("alpha 0"), "{alpha}");
    }
}
