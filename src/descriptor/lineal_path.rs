//! Lineal path function.

use super::indicator::Indicator;

/// Lineal path L(k): probability that a segment of k pixels lies in the phase, k = 1 to `lengths`.
///
/// The mean over segments along x and y. The first value is the volume fraction. Segments lie inside an image.
/// `lengths` must be at most the shorter side.
pub fn lineal_path(images: &Indicator, lengths: usize) -> Vec<f64> {
    let [ny, nx] = images.shape();
    let mut path = vec![0.0; lengths];
    for [n_lines, length, across, along] in [[ny, nx, nx, 1], [nx, ny, 1, nx]] {
        let mut counts = vec![0u64; lengths];
        for image in images.images() {
            for line in 0..n_lines {
                let mut run = 0;
                for place in 0..length {
                    run = if image[line * across + place * along] { run + 1 } else { 0 };
                    // Segments of 1 to `run` pixels that end at this pixel.
                    counts.iter_mut().take(run).for_each(|count| *count += 1);
                }
            }
        }
        for (l, (path, count)) in path.iter_mut().zip(counts).enumerate() {
            let segments = images.len() * n_lines * (length - l);
            *path += count as f64 / segments as f64 / 2.0;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn segments_are_counted_along_both_axes() {
        let path = lineal_path(&drawn(&[&["###.", "#..."]]), 2);
        // Of eight pixels four; of six pairs along x two, of four along y one.
        assert_eq!(path, [0.5, (2.0 / 6.0 + 1.0 / 4.0) / 2.0]);
    }

    #[test]
    fn full_and_empty_images() {
        assert_eq!(lineal_path(&drawn(&[&["###", "###", "###"]]), 3), [1.0; 3]);
        assert_eq!(lineal_path(&drawn(&[&["...", "...", "..."]]), 3), [0.0; 3]);
    }
}
