//! Largest correlation of two images under periodic translations, which finds copies.

use rayon::prelude::*;
use rustfft::num_complex::Complex;

use super::indicator::Indicator;
use super::transform::{Transform, Workspace};

/// Largest correlation coefficient over all periodic translations, for each image of `a` and of `b`.
///
/// Rows are images of `a`, columns those of `b`. 1 for a translated copy, 0 if an image has one phase only. All
/// images must have the same shape. Runs in parallel on the current rayon pool.
pub fn likeness(a: &Indicator, b: &Indicator) -> Vec<Vec<f64>> {
    let [ny, nx] = a.shape();
    let transform = Transform::new([1, ny, nx]);
    let spectra_of_b: Vec<Vec<Complex<f64>>> =
        b.images().map(|image| spectrum(&transform, image, &mut transform.workspace())).collect();
    let images: Vec<&[bool]> = a.images().collect();
    let row = |workspace: &mut Workspace, image: &[bool]| {
        let of_a = spectrum(&transform, image, workspace);
        let of_pair = |of_b: &Vec<Complex<f64>>| {
            for ((to, a), b) in workspace.spectrum.iter_mut().zip(&of_a).zip(of_b) {
                *to = a * b.conj();
            }
            transform.inverse(workspace);
            workspace.field.iter().copied().fold(f64::NEG_INFINITY, f64::max) / (ny * nx) as f64
        };
        spectra_of_b.iter().map(of_pair).collect()
    };
    images.into_par_iter().map_init(|| transform.workspace(), |workspace, image| row(workspace, image)).collect()
}

/// The spectrum of an image with its mean subtracted, divided by its norm.
fn spectrum(transform: &Transform, image: &[bool], workspace: &mut Workspace) -> Vec<Complex<f64>> {
    let mean = image.iter().filter(|&&inside| inside).count() as f64 / image.len() as f64;
    let length = (mean * (1.0 - mean) * image.len() as f64).sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    for (value, &inside) in workspace.field.iter_mut().zip(image) {
        *value = (f64::from(u8::from(inside)) - mean) * scale;
    }
    transform.forward(workspace);
    workspace.spectrum.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct::random_images;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn a_rolled_copy_is_a_copy() {
        let a = Indicator::new(&random_images(1, 2, [1, 12, 10], 2), 1).unwrap();
        let rolled = a.map([12, 10], |image, [y, x]| image[(y + 5) % 12 * 10 + (x + 3) % 10]);
        let found = likeness(&a, &rolled);
        assert!((found[0][0] - 1.0).abs() < 1e-12 && (found[1][1] - 1.0).abs() < 1e-12);
        assert!(found[0][1] < 0.7 && (found[0][1] - likeness(&rolled, &a)[1][0]).abs() < 1e-12);
    }

    #[test]
    fn an_image_of_one_phase_has_no_correlation() {
        let flat = drawn(&[&["####", "####"]]);
        let half = drawn(&[&["##..", "##.."]]);
        assert_eq!(likeness(&flat, &half), [[0.0]]);
    }
}
