//! Indicator functions: which pixels belong to a phase.

use std::ops::Range;

use super::check_phase;
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// The indicator function of one phase in two-dimensional images: true inside the phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    shape: [usize; 2],
    pixels: Vec<bool>,
}

impl Indicator {
    /// The indicator function of `phase` in `images`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if there is no such phase or the images are three-dimensional.
    pub fn new(images: &PhaseImages, phase: u8) -> Result<Self> {
        check_phase(images, phase)?;
        let [nz, ny, nx] = images.shape();
        if nz != 1 {
            return Err(Error::invalid(format!(
                "images of {nz} x {ny} x {nx} voxels (z, y, x); give two-dimensional ones, nz = 1"
            )));
        }
        Ok(Self { shape: [ny, nx], pixels: images.as_slice().iter().map(|&p| p == phase).collect() })
    }

    /// Number of images.
    pub(super) fn len(&self) -> usize {
        self.pixels.len() / (self.shape[0] * self.shape[1])
    }

    /// Shape of one image, `[ny, nx]` in pixels.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The pixels of each image, x fastest.
    pub fn images(&self) -> std::slice::ChunksExact<'_, bool> {
        self.pixels.chunks_exact(self.shape[0] * self.shape[1])
    }

    /// The first `count` images. Panics if there are not that many.
    pub fn first(&self, count: usize) -> Self {
        Self { shape: self.shape, pixels: self.pixels[..count * self.shape[0] * self.shape[1]].to_vec() }
    }

    /// The same part of each image.
    pub fn part(&self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let width = self.shape[1];
        let lines = self.images().flat_map(|image| {
            let columns = columns.clone();
            rows.clone().map(move |y| &image[y * width..][columns.clone()])
        });
        Self { shape: [rows.len(), columns.len()], pixels: lines.flatten().copied().collect() }
    }

    /// Images of shape `[ny, nx]` whose pixel at `[y, x]` is `pixel(old image, [y, x])`.
    pub(crate) fn map(&self, [ny, nx]: [usize; 2], pixel: impl Fn(&[bool], [usize; 2]) -> bool) -> Self {
        let pixel = &pixel;
        let of_image = |image| (0..ny).flat_map(move |y| (0..nx).map(move |x| pixel(image, [y, x])));
        Self { shape: [ny, nx], pixels: self.images().flat_map(of_image).collect() }
    }

    /// Share of the pixels in which two sets of images differ.
    pub fn differing(&self, other: &Self) -> f64 {
        let differing = self.pixels.iter().zip(&other.pixels).filter(|(a, b)| a != b).count();
        differing as f64 / self.pixels.len() as f64
    }

    /// Volume fraction of the phase in each image.
    pub fn volume_fractions(&self) -> Vec<f64> {
        self.images().map(share).collect()
    }

    /// Volume fraction of the phase in all images.
    pub fn volume_fraction(&self) -> f64 {
        share(&self.pixels)
    }
}

fn share(pixels: &[bool]) -> f64 {
    pixels.iter().filter(|&&inside| inside).count() as f64 / pixels.len() as f64
}

/// Images from text: `#` is the phase.
#[cfg(test)]
pub(super) fn drawn(images: &[&[&str]]) -> Indicator {
    let pixels = images.iter().flat_map(|rows| rows.iter().flat_map(|row| row.chars().map(|c| c == '#'))).collect();
    Indicator { shape: [images[0].len(), images[0][0].len()], pixels }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct::random_images;

    #[test]
    fn parts_are_rectangles_of_each_image() {
        let images = drawn(&[&["#..", ".##"], &["...", "##."]]);
        assert_eq!(images.part(0..2, 1..3), drawn(&[&["..", "##"], &["..", "#."]]));
        assert_eq!(images.part(1..2, 0..3), drawn(&[&[".##"], &["##."]]));
        assert_eq!((images.differing(&images), images.first(1).differing(&drawn(&[&["...", "..."]]))), (0.0, 0.5));
        assert_eq!((images.len(), images.first(1).len()), (2, 1));
    }

    #[test]
    fn volume_fractions_are_those_of_the_phase() {
        let images = random_images(1, 3, [1, 9, 7], 3);
        let shares: f64 = (0..3).map(|phase| Indicator::new(&images, phase).unwrap().volume_fraction()).sum();
        assert!((shares - 1.0).abs() < 1e-12);
        assert_eq!(drawn(&[&["#.", "##"], &["..", ".#"]]).volume_fractions(), [0.75, 0.25]);
    }

    #[test]
    fn missing_phases_and_volumes_are_refused() {
        assert!(Indicator::new(&random_images(1, 1, [1, 4, 4], 2), 2).is_err());
        let text = Indicator::new(&random_images(1, 1, [3, 4, 4], 2), 1).unwrap_err().to_string();
        assert!(text.contains("3 x 4 x 4"), "{text}");
    }
}
