//! How often patterns of 3 x 3 pixels occur in images, and what a change of each pixel does to them.

use crate::descriptor::{Indicator, PATTERN_PIXELS, PATTERNS, SCALES, halved, pattern_numbers};
use crate::device::for_each;

/// The share of each pattern, by channel and scale, mean over the images.
pub fn pattern_shares(images: &[f32], [n, channels, height, width]: [usize; 4]) -> Vec<f32> {
    let planes = images.chunks_exact(height * width);
    let mut counts = vec![[[0f32; PATTERNS]; SCALES]; planes.len()];
    for_each(planes.zip(&mut counts), |(plane, counts)| {
        for (image, counts) in scales(plane, [height, width]).zip(counts) {
            pattern_numbers(image.image(0), image.shape()[1]).for_each(|number| counts[number] += 1.0);
        }
    });
    let mut shares = vec![0.0; channels * SCALES * PATTERNS];
    for image in counts.chunks_exact(channels) {
        for (scale, (shares, counts)) in shares.chunks_exact_mut(PATTERNS).zip(image.as_flattened()).enumerate() {
            let [height, width] = [height, width].map(|side| (side >> (scale % SCALES)) - 2);
            let total = (n * height * width) as f32;
            shares.iter_mut().zip(counts).for_each(|(share, count)| *share += count / total);
        }
    }
    shares
}

/// For each pixel, the change of the sum of its patterns' `costs` from 0 to 1.
pub fn patterns_backward(images: &[f32], [_, channels, height, width]: [usize; 4], costs: &[f32]) -> Vec<f32> {
    let changes: Vec<[f32; PATTERN_PIXELS]> = costs.chunks_exact(PATTERNS).flat_map(changes).collect();
    let mut gradient = vec![0.0; images.len()];
    let planes = images.chunks_exact(height * width).zip(gradient.chunks_exact_mut(height * width));
    for_each(planes.enumerate(), |(index, (plane, to))| {
        let changes = changes.chunks_exact(PATTERNS).skip(index % channels * SCALES);
        for (scale, (image, changes)) in scales(plane, [height, width]).zip(changes).enumerate() {
            let coarse = by_pixels(&image, changes);
            let part = 0.25f32.powi(scale as i32);
            for (y, row) in to.chunks_exact_mut(width).enumerate() {
                let coarse = &coarse[(y >> scale) * (width >> scale)..];
                row.iter_mut().enumerate().for_each(|(x, to)| *to += part * coarse[x >> scale]);
            }
        }
    });
    gradient
}

/// One phase of one image at full, half and quarter resolution.
fn scales(plane: &[f32], shape: [usize; 2]) -> impl Iterator<Item = Indicator> {
    let full = Indicator::of_pixels(shape, plane.iter().map(|&inside| inside > 0.5).collect());
    std::iter::successors(Some(full), |finer| Some(halved(finer))).take(SCALES)
}

/// For each pattern and each of its pixels, the cost with that pixel less the cost without.
fn changes(costs: &[f32]) -> impl Iterator<Item = [f32; PATTERN_PIXELS]> {
    (0..PATTERNS).map(|number| std::array::from_fn(|k| costs[number | 1 << k] - costs[number & !(1 << k)]))
}

/// For each pixel, the sum of the `changes` of all patterns that it is part of.
fn by_pixels(image: &Indicator, changes: &[[f32; PATTERN_PIXELS]]) -> Vec<f32> {
    let [height, width] = image.shape();
    let mut sums = vec![0.0; height * width];
    for (place, number) in pattern_numbers(image.image(0), width).enumerate() {
        let first = place / (width - 2) * width + place % (width - 2);
        for (k, change) in changes[number].iter().enumerate() {
            sums[first + k / 3 * width + k % 3] += change;
        }
    }
    sums
}
