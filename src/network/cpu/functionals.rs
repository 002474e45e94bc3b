//! Minkowski functionals of images, and their gradient.

use crate::descriptor::{FUNCTIONALS, PlaceCounts, functionals as minkowski};

/// The functionals of each plane of `height * width` pixels.
pub fn functionals(planes: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    planes.chunks_exact(height * width).flat_map(|plane| of_plane(plane, width)).collect()
}

/// From the gradient with respect to the functionals to that with respect to the pixels.
pub fn functionals_backward(planes: &[f32], [height, width]: [usize; 2], gradient: &[f32]) -> Vec<f32> {
    let mut by_pixels = vec![0.0; planes.len()];
    let planes = planes.chunks_exact(height * width).zip(by_pixels.chunks_exact_mut(height * width));
    for ((plane, to), by_values) in planes.zip(gradient.as_chunks().0) {
        backward_of_plane(plane, width, *by_values, to);
    }
    by_pixels
}

/// The functionals of one phase of one image.
fn of_plane(plane: &[f32], width: usize) -> [f32; FUNCTIONALS] {
    let counts = PlaceCounts::new(plane.len() / width, width);
    let (mut pixels, mut right, mut down, mut squares) = (0.0, 0.0, 0.0, 0.0);
    let mut rows = plane.chunks_exact(width).peekable();
    while let Some(row) = rows.next() {
        pixels += row.iter().sum::<f32>();
        right += row.windows(2).map(|pair| pair[0] * pair[1]).sum::<f32>();
        if let Some(below) = rows.peek() {
            down += row.iter().zip(*below).map(|(a, b)| a * b).sum::<f32>();
            let pairs = row.windows(2).zip(below.windows(2));
            squares += pairs.map(|(a, b)| a[0] * a[1] * b[0] * b[1]).sum::<f32>();
        }
    }
    minkowski([
        pixels / counts.pixels as f32,
        right / counts.right as f32,
        down / counts.down as f32,
        squares / counts.squares as f32,
    ])
}

/// [`functionals_backward`] for one phase of one image.
fn backward_of_plane(plane: &[f32], width: usize, [by_fraction, by_euler]: [f32; FUNCTIONALS], to: &mut [f32]) {
    let height = plane.len() / width;
    let counts = PlaceCounts::new(height, width);
    let by_fraction = by_fraction / counts.pixels as f32;
    let by = [counts.pixels, -counts.right, -counts.down, counts.squares].map(|number| 1.0 / number as f32);
    // With a border of zeros every pixel has eight neighbours.
    let pitch = width + 2;
    let mut padded = vec![0.0; (height + 2) * pitch];
    for (row, to) in plane.chunks_exact(width).zip(padded.chunks_exact_mut(pitch).skip(1)) {
        to[1..=width].copy_from_slice(row);
    }
    for (y, to) in to.chunks_exact_mut(width).enumerate() {
        let [above, here, below] = [y, y + 1, y + 2].map(|row| &padded[row * pitch..][..pitch]);
        for (x, to) in to.iter_mut().enumerate() {
            let [a, b, c] = [above[x], above[x + 1], above[x + 2]];
            let [d, f] = [here[x], here[x + 2]];
            let [g, h, i] = [below[x], below[x + 1], below[x + 2]];
            let squares = a * b * d + b * c * f + d * g * h + f * h * i;
            let change = by[0] + by[1] * (d + f) + by[2] * (b + h) + by[3] * squares;
            *to = by_fraction + by_euler * change.min(0.0);
        }
    }
}
