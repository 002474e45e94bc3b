//! From the samples of an image file to one grey level per pixel.

use crate::micrograph::levels::Level;

/// Samples of an image file.
pub(super) struct Samples<T> {
    pub values: Vec<T>,
    /// Samples of a pixel.
    pub channels: usize,
    /// How many of them make its colour, 1 or 3; the others are alpha or unknown.
    pub colours: usize,
    /// Whether all first samples come first, then all second ones; otherwise the samples of a pixel are together.
    pub planes: bool,
    /// What alpha is where nothing is transparent.
    pub opaque: f64,
}

impl<T: Level> Samples<T> {
    /// Reduces each pixel of an image of `nx` columns to its grey level. Further samples must repeat it; those that
    /// are no colour may be opaque throughout instead. On failure says where they do not, and what to do.
    pub fn grey(self, nx: usize) -> Result<Vec<T>, String> {
        let Self { mut values, channels, colours, planes, opaque } = self;
        let pixels = values.len() / channels;
        let at = |pixel: usize, channel: usize| match planes {
            true => values[channel * pixels + pixel].level(),
            false => values[pixel * channels + channel].level(),
        };
        for channel in 1..channels {
            let repeats = |pixel: &usize| at(*pixel, channel) == at(*pixel, 0) || at(*pixel, 0).is_nan();
            let Some(pixel) = (0..pixels).find(|pixel| !repeats(pixel)) else { continue };
            let is_colour = channel < colours;
            let pixel = match (0..pixels).find(|&pixel| at(pixel, channel) != opaque) {
                None if !is_colour => continue,
                Some(transparent) if !is_colour && !planes => transparent,
                _ => pixel,
            };
            let place = format!("y = {}, x = {}", pixel / nx, pixel % nx);
            return Err(match (planes, is_colour) {
                (true, _) => format!(
                    "planes 1 and {} of {channels} differ: at {place} they are {} and {}; save planes that are images \
                     of their own as pages (in tifffile photometric='minisblack'), others as one grey image",
                    channel + 1,
                    at(pixel, 0),
                    at(pixel, channel)
                ),
                (false, true) => format!(
                    "the pixel at {place} has the colour ({}, {}, {}); save the image as grey levels or phase numbers",
                    at(pixel, 0),
                    at(pixel, 1),
                    at(pixel, 2)
                ),
                (false, false) => format!(
                    "the pixel at {place} is transparent (alpha {} instead of {opaque}); save the image without an \
                     alpha channel",
                    at(pixel, channel)
                ),
            });
        }
        if !planes && channels > 1 {
            (0..pixels).for_each(|pixel| values[pixel] = values[pixel * channels]);
        }
        values.truncate(pixels);
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(values: &[f64], channels: usize, colours: usize, planes: bool, nx: usize) -> Result<Vec<f64>, String> {
        Samples { values: values.to_vec(), channels, colours, planes, opaque: 255.0 }.grey(nx)
    }

    #[test]
    fn grey_is_taken_and_colour_and_transparency_refused() {
        let greys = Ok(vec![7.0, 8.0]);
        assert_eq!(grey(&[7.0, 8.0], 1, 1, false, 2), greys);
        assert_eq!(grey(&[7.0, 255.0, 8.0, 255.0], 2, 1, false, 2), greys);
        assert_eq!(grey(&[7.0, 7.0, 7.0, 8.0, 8.0, 8.0], 3, 3, false, 2), greys);
        assert_eq!(grey(&[7.0, 7.0, 7.0, 255.0, 8.0, 8.0, 8.0, 255.0], 4, 3, false, 2), greys);
        let colour = grey(&[7.0, 7.0, 7.0, 8.0, 8.0, 9.0], 3, 3, false, 1).unwrap_err();
        assert!(colour.contains("y = 1, x = 0") && colour.contains("(8, 8, 9)"), "{colour}");
        let alpha = grey(&[7.0, 255.0, 8.0, 0.0], 2, 1, false, 2).unwrap_err();
        assert!(alpha.contains("y = 0, x = 1") && alpha.contains("alpha 0"), "{alpha}");
    }

    #[test]
    fn planes_must_repeat_the_first_or_be_opaque() {
        let greys = Ok(vec![7.0, 8.0]);
        assert_eq!(grey(&[7.0, 8.0, 7.0, 8.0, 7.0, 8.0], 3, 3, true, 2), greys);
        assert_eq!(grey(&[7.0, 8.0, 7.0, 8.0, 7.0, 8.0, 255.0, 255.0], 4, 3, true, 2), greys);
        assert_eq!(grey(&[7.0, 8.0, 7.0, 8.0], 2, 1, true, 2), greys);
        assert_eq!(grey(&[7.0, 8.0, 255.0, 255.0], 2, 1, true, 2), greys);
        let unlike = grey(&[7.0, 8.0, 7.0, 9.0], 2, 1, true, 2).unwrap_err();
        assert!(unlike.contains("planes 1 and 2 of 2 differ: at y = 0, x = 1 they are 8 and 9"), "{unlike}");
        // A plane of a colour that is opaque throughout is a plane all the same.
        assert!(grey(&[7.0, 8.0, 7.0, 8.0, 255.0, 255.0], 3, 3, true, 2).unwrap_err().contains("planes 1 and 3"));
    }
}
