//! Cutting micrographs into the small square images that networks see.

use ndarray::{Array4, s};
use rand::Rng;

use super::PhaseImages;
use crate::device::memory;
use crate::{Error, Result};

/// Cuts every image into non-overlapping tiles of `side` x `side` pixels, row by row; what remains at the right and the
/// bottom is dropped.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if `side` is zero or larger than an image, or the images are three-dimensional.
pub fn tiles(images: &PhaseImages, side: usize) -> Result<PhaseImages> {
    let [_, ny, nx] = check_side(images, side)?;
    let mut offsets = Vec::new();
    for image in 0..images.len() {
        for y in 0..ny / side {
            for x in 0..nx / side {
                offsets.push((image, y * side, x * side));
            }
        }
    }
    windows(images, &offsets, side)
}

/// Cuts windows of `side` x `side` pixels whose first pixels are at `offsets`, each `(image, y, x)`.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are no offsets, a window leaves its image, `side` is zero or larger than an
/// image, or the images are three-dimensional; [`Error::OutOfMemory`] if the windows do not fit into memory.
pub fn windows(images: &PhaseImages, offsets: &[(usize, usize, usize)], side: usize) -> Result<PhaseImages> {
    let [_, ny, nx] = check_side(images, side)?;
    let pixels = memory::zeros(offsets.len() * side * side, "cutting tiles", "give a smaller micrograph")?;
    let mut cut = Array4::from_shape_vec((offsets.len(), 1, side, side), pixels).expect("as many as in the shape");
    for (mut window, &(image, y, x)) in cut.outer_iter_mut().zip(offsets) {
        if image >= images.len() || y > ny - side || x > nx - side {
            return Err(Error::invalid(format!(
                "a window of {side} x {side} pixels at y = {y}, x = {x} of image {image} is not inside the {} images \
                 of {ny} x {nx} pixels",
                images.len()
            )));
        }
        window.assign(&images.phases().slice(s![image, .., y..y + side, x..x + side]));
    }
    PhaseImages::new(cut, images.n_phases())
}

/// Cuts `count` windows of `side` x `side` pixels at random positions, from all images alike.
///
/// Positions near the edges are drawn more often than others: with all positions equally likely, a pixel at an edge would
/// be in far fewer windows than one in the middle.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if `count` is zero, `side` is zero or larger than an image, or the images are
/// three-dimensional.
pub fn random_windows(images: &PhaseImages, count: usize, side: usize, rng: &mut impl Rng) -> Result<PhaseImages> {
    let [_, ny, nx] = check_side(images, side)?;
    let mut place = || (rng.random_range(0..images.len()), random_offset(ny, side, rng), random_offset(nx, side, rng));
    let places: Vec<_> = (0..count).map(|_| place()).collect();
    windows(images, &places, side)
}

/// A random first pixel of a window of `side` pixels in `length` pixels.
///
/// The window is drawn so that up to half of it may lie outside. One that lies outside by d pixels is moved to d/4 pixels
/// inside the edge: moved to the edge itself, all of them would be the same few windows.
fn random_offset(length: usize, side: usize, rng: &mut impl Rng) -> usize {
    let (last, half) = (length - side, side / 2);
    let place = rng.random_range(0..=last + 2 * half);
    let (before, behind) = (half.saturating_sub(place), place.saturating_sub(half + last));
    if before > 0 {
        last.min(before / 4)
    } else if behind > 0 {
        last - last.min(behind / 4)
    } else {
        place - half
    }
}

/// Returns the shape of one image after checking that a window of `side` fits into it.
fn check_side(images: &PhaseImages, side: usize) -> Result<[usize; 3]> {
    let [nz, ny, nx] = images.shape();
    if nz != 1 {
        return Err(Error::invalid(format!(
            "images of {nz} x {ny} x {nx} voxels cannot be cut into two-dimensional windows; give two-dimensional images"
        )));
    }
    if side == 0 || side > ny || side > nx {
        return Err(Error::invalid(format!(
            "windows of {side} x {side} pixels cannot be cut from images of {ny} x {nx} pixels; give a larger micrograph"
        )));
    }
    Ok([nz, ny, nx])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn noise(n: usize, ny: usize, nx: usize) -> PhaseImages {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        PhaseImages::new(Array4::from_shape_fn((n, 1, ny, nx), |_| rng.random_range(0..4)), 4).unwrap()
    }

    #[test]
    fn tiles_put_together_are_the_image_without_its_remainder() {
        let images = noise(2, 11, 17);
        let tiles = tiles(&images, 5).unwrap();
        assert_eq!((tiles.len(), tiles.shape(), tiles.n_phases()), (2 * 2 * 3, [1, 5, 5], 4));
        for ((n, _, y, x), &phase) in images.phases().indexed_iter() {
            if y < 10 && x < 15 {
                assert_eq!(tiles.phases()[[n * 6 + y / 5 * 3 + x / 5, 0, y % 5, x % 5]], phase);
            }
        }
    }

    #[test]
    fn windows_are_cut_where_asked_and_nowhere_else() {
        let images = noise(2, 6, 9);
        let cut = windows(&images, &[(1, 2, 5), (0, 0, 0)], 4).unwrap();
        assert_eq!(cut.phases()[[0, 0, 3, 1]], images.phases()[[1, 0, 5, 6]]);
        assert_eq!(cut.phases()[[1, 0, 3, 1]], images.phases()[[0, 0, 3, 1]]);
        for outside in [(2, 0, 0), (0, 3, 0), (0, 0, 6), (0, usize::MAX, 0)] {
            assert!(windows(&images, &[outside], 4).is_err());
        }
        assert!(windows(&images, &[], 4).is_err());
    }

    #[test]
    fn edges_are_in_more_windows_than_by_chance() {
        let (length, side, draws) = (256, 64, 100_000);
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut counts = vec![0.0; length];
        for _ in 0..draws {
            let at = random_offset(length, side, &mut rng);
            counts[at..at + side].iter_mut().for_each(|count| *count += 1.0);
        }
        let even = (draws * side / length) as f64;
        let deviation = counts.iter().map(|count| (count / even - 1.0).powi(2)).sum::<f64>() / length as f64;
        let equally_likely = 0.42;
        assert!(deviation.sqrt() < 0.65 * equally_likely, "{}", deviation.sqrt());
        assert!(counts[8] > 0.3 * even && counts[length - 9] > 0.3 * even, "{} {}", counts[8], counts[length - 9]);
    }

    #[test]
    fn random_positions_of_single_pixels_are_equally_likely() {
        // Every pixel is different from its neighbours modulo 7, so a window's first pixel tells its position.
        let phases =
            Array4::from_shape_fn((2, 1, 3, 2), |(n, _, y, x)| if y < 2 { (n * 4 + y * 2 + x) as u8 } else { 0 });
        let images = PhaseImages::new(phases, 8).unwrap();
        let cut = random_windows(&images, 6000, 1, &mut ChaCha8Rng::seed_from_u64(5)).unwrap();
        let fractions = cut.volume_fractions();
        // Twelve positions; phase 0 is at five of them.
        assert!((fractions[0] - 5.0 / 12.0).abs() < 0.03, "{fractions:?}");
        assert!(fractions[1..].iter().all(|f| (f - 1.0 / 12.0).abs() < 0.02), "{fractions:?}");
        let whole = random_windows(&noise(1, 4, 4), 3, 4, &mut ChaCha8Rng::seed_from_u64(5)).unwrap();
        assert_eq!(whole.image(2), noise(1, 4, 4).image(0));
    }

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        for side in [0, 7, 9] {
            let text = tiles(&noise(1, 6, 9), side).unwrap_err().to_string();
            assert!(text.contains(&format!("{side} x {side}")) && text.contains("6 x 9"), "{text}");
        }
        let volume = PhaseImages::new(Array4::zeros((1, 2, 4, 4)), 2).unwrap();
        assert!(tiles(&volume, 2).unwrap_err().to_string().contains("2 x 4 x 4"));
    }
}
