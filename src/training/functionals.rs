//! Volume fraction and Euler characteristic of one-hot images, and what a change of each pixel does to them.
//!
//! Products of neighbours are what expected counts would be if pixels were set independently: linear in each pixel, so that
//! the gradient is what its change makes.

use std::ops::Range;

use burn::tensor::Tensor;

use crate::network::cpu::{CpuSlice, tensor};

/// Functionals of one phase: its volume fraction, and its Euler characteristic a pixel.
pub const FUNCTIONALS: usize = 2;

/// Those of each phase, `[n, FUNCTIONALS * phases]`, of images `[n, phases, height, width]`.
pub fn of_images(phases: &Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = phases.dims();
    let Some(numbers) = CpuSlice::of(phases) else { return of_images_primitives(phases) };
    let planes = numbers.as_slice().chunks_exact(height * width);
    tensor(planes.flat_map(|plane| of_plane(plane, width)).collect(), [n, FUNCTIONALS * channels])
}

/// From the gradient by what [`of_images`] gives to that by the pixels. What Euler characteristics say reaches those alone that
/// join what is there: any pixel far from an outline would begin a piece or a hole of its own, and so many would hear of it
/// that images went blank.
pub fn backward(phases: &Tensor<4>, gradient: Tensor<2>) -> Tensor<4> {
    let [height, width] = [phases.dims()[2], phases.dims()[3]];
    let (Some(numbers), Some(by_values)) = (CpuSlice::of(phases), CpuSlice::of(&gradient)) else {
        return backward_primitives(phases, gradient);
    };
    let mut by_pixels = vec![0.0; numbers.as_slice().len()];
    let planes = numbers.as_slice().chunks_exact(height * width).zip(by_pixels.chunks_exact_mut(height * width));
    for ((plane, to), by_values) in planes.zip(by_values.as_slice().as_chunks().0) {
        backward_of_plane(plane, width, *by_values, to);
    }
    tensor(by_pixels, phases.dims())
}

/// The functionals of `phase` in some rows and columns of an image that is `nx` pixels wide.
pub fn counted(image: &[u8], nx: usize, rows: Range<usize>, columns: Range<usize>, phase: u8) -> [f64; FUNCTIONALS] {
    let row = |y: usize| &image[y * nx..][columns.clone()];
    let (mut pixels, mut right, mut down, mut squares) = (0, 0, 0, 0);
    for y in rows.clone() {
        let here = row(y);
        pixels += here.iter().filter(|&&p| p == phase).count();
        right += here.windows(2).filter(|pair| pair == &[phase; 2]).count();
        if y + 1 < rows.end {
            let below = row(y + 1);
            down += here.iter().zip(below).filter(|&(&a, &b)| a == phase && b == phase).count();
            let pairs = here.windows(2).zip(below.windows(2));
            squares += pairs.filter(|(a, b)| a == &[phase; 2] && b == &[phase; 2]).count();
        }
    }
    let numbers = Numbered::new(rows.len(), columns.len());
    functionals([
        pixels as f64 / numbers.pixels,
        right as f64 / numbers.right,
        down as f64 / numbers.down,
        squares as f64 / numbers.squares,
    ])
}

/// Volume fraction and Euler characteristic a pixel, from the shares of pixels, of pairs side by side and one above the
/// other, and of squares of four, that are all of the phase: as for any graph in the plane, points less edges plus faces.
fn functionals<T>([pixels, right, down, squares]: [T; 4]) -> [T; FUNCTIONALS]
where
    T: Clone + std::ops::Add<Output = T> + std::ops::Sub<Output = T>,
{
    [pixels.clone(), pixels - right - down + squares]
}

/// How many pixels, pairs side by side, pairs one above the other and squares of four an image has.
struct Numbered {
    pixels: f64,
    right: f64,
    down: f64,
    squares: f64,
}

impl Numbered {
    fn new(height: usize, width: usize) -> Self {
        let number = |height: usize, width: usize| (height * width) as f64;
        Self {
            pixels: number(height, width),
            right: number(height, width - 1),
            down: number(height - 1, width),
            squares: number(height - 1, width - 1),
        }
    }
}

/// One phase of one image on the processor.
fn of_plane(plane: &[f32], width: usize) -> [f32; FUNCTIONALS] {
    let numbers = Numbered::new(plane.len() / width, width);
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
    functionals([
        pixels / numbers.pixels as f32,
        right / numbers.right as f32,
        down / numbers.down as f32,
        squares / numbers.squares as f32,
    ])
}

/// [`backward`] of one phase of one image on the processor.
fn backward_of_plane(plane: &[f32], width: usize, [by_fraction, by_euler]: [f32; FUNCTIONALS], to: &mut [f32]) {
    let height = plane.len() / width;
    let numbers = Numbered::new(height, width);
    let by_fraction = by_fraction / numbers.pixels as f32;
    let by = [numbers.pixels, -numbers.right, -numbers.down, numbers.squares].map(|number| 1.0 / number as f32);
    // Zeros around, so that there are neighbours everywhere.
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

/// [`of_images`] on any device.
fn of_images_primitives(phases: &Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = phases.dims();
    let numbers = Numbered::new(height, width);
    let pairs = phases.clone().narrow(3, 0, width - 1) * phases.clone().narrow(3, 1, width - 1);
    let above = |images: &Tensor<4>| images.clone().narrow(2, 0, height - 1);
    let below = |images: &Tensor<4>| images.clone().narrow(2, 1, height - 1);
    let sum = |products: Tensor<4>| -> Tensor<3> { products.flatten::<3>(2, 3).sum_dim(2) };
    let of_each = functionals([
        sum(phases.clone()) / numbers.pixels,
        sum(pairs.clone()) / numbers.right,
        sum(above(phases) * below(phases)) / numbers.down,
        sum(above(&pairs) * below(&pairs)) / numbers.squares,
    ]);
    Tensor::cat(of_each.to_vec(), 2).reshape([n, FUNCTIONALS * channels])
}

/// [`backward`] on any device.
fn backward_primitives(phases: &Tensor<4>, gradient: Tensor<2>) -> Tensor<4> {
    let [n, channels, height, width] = phases.dims();
    let numbers = Numbered::new(height, width);
    let gradient: Tensor<4> = gradient.reshape([n, channels, FUNCTIONALS, 1]);
    let (by_fraction, by_euler) = (gradient.clone().narrow(2, 0, 1), gradient.narrow(2, 1, 1));
    let padded = Tensor::zeros([n, channels, height + 2, width + 2], &phases.device())
        .slice_assign([0..n, 0..channels, 1..height + 1, 1..width + 1], phases.clone());
    let around: [Tensor<4>; 9] =
        std::array::from_fn(|at| padded.clone().narrow(2, at / 3, height).narrow(3, at % 3, width));
    let [a, b, c, d, _, f, g, h, i] = around;
    let squares = b.clone() * (a * d.clone() + c * f.clone()) + h.clone() * (d.clone() * g + f.clone() * i);
    let change = (d + f) / -numbers.right + (b + h) / -numbers.down + squares / numbers.squares + 1.0 / numbers.pixels;
    change.clamp_max(0.0) * by_euler + by_fraction / numbers.pixels
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use ndarray::Array4;

    use super::*;
    use crate::micrograph::PhaseImages;
    use crate::network::cpu::with_primitives;
    use crate::network::{one_hot, read};

    fn image(rows: &[&str], n_phases: usize) -> PhaseImages {
        let phases =
            Array4::from_shape_fn((1, 1, rows.len(), rows[0].len()), |(_, _, y, x)| rows[y].as_bytes()[x] - b'0');
        PhaseImages::new(phases, n_phases).unwrap()
    }

    /// Numbers from 0 to 1, all different.
    fn waves(count: usize, factor: f32) -> Vec<f32> {
        (0..count).map(|i| 0.5 + 0.5 * (factor * i as f32).sin()).collect()
    }

    fn on_host<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    #[test]
    fn pieces_less_holes_are_counted() {
        // A ring, a point in it, a corner that touches it: three pieces that hang together by edges, one hole.
        let rows = ["00000000", "01111100", "01000100", "01010100", "01000100", "01111100", "10000000", "00000000"];
        let [fraction, euler] = counted(image(&rows, 2).image(0), 8, 0..8, 0..8, 1);
        assert_eq!(fraction * 64.0, 18.0);
        let expected = (18.0 - 64.0 * (8.0 + 8.0) / 56.0) / 64.0;
        assert!((euler - expected).abs() < 1e-12, "{euler} instead of {expected}");
        // In a large image there are about as many pairs as pixels: pieces less holes a pixel.
        let many = Array4::from_shape_fn((1, 1, 800, 800), |(_, _, y, x)| rows[y % 8].as_bytes()[x % 8] - b'0');
        let [_, euler] = counted(PhaseImages::new(many, 2).unwrap().image(0), 800, 0..800, 0..800, 1);
        assert!((euler * 64.0 - (3.0 - 1.0)).abs() < 0.05, "{}", euler * 64.0);
    }

    #[test]
    fn realisations_are_measured_as_windows_are() {
        for (n_phases, rows) in [(2, ["0110", "1101", "0010"]), (3, ["0112", "2101", "0221"])] {
            let image = image(&rows, n_phases);
            let micrograph = (0..n_phases as u8).flat_map(|phase| counted(image.image(0), 4, 0..3, 0..4, phase));
            let expected: Vec<f64> = micrograph.skip(if n_phases == 2 { FUNCTIONALS } else { 0 }).collect();
            let images = one_hot(&image, &[0], &Device::flex());
            for found in [of_images(&images), with_primitives(|| of_images(&images))] {
                let found = read(found).unwrap();
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.into_iter().zip(&expected) {
                    assert!((f64::from(found) - expected).abs() < 1e-6, "{found} instead of {expected}");
                }
            }
        }
    }

    #[test]
    fn gradients_are_what_one_pixel_changes() {
        let shape = [2, 3, 3, 4];
        let at = waves(72, 0.9);
        let weights = waves(12, 1.7);
        let of = |values: Vec<f32>| read(of_images(&on_host(values, shape))).unwrap();
        let images = on_host(at.clone(), shape);
        let ours = read(backward(&images, on_host(weights.clone(), [2, 6]))).unwrap();
        let primitives = read(with_primitives(|| backward(&images, on_host(weights.clone(), [2, 6])))).unwrap();
        for (pixel, (ours, primitives)) in ours.into_iter().zip(primitives).enumerate() {
            // What is linear in each pixel may be followed from 0 to 1.
            let with = |to: f32| of(at.iter().enumerate().map(|(i, &x)| if i == pixel { to } else { x }).collect());
            let (set, unset, first) = (with(1.0), with(0.0), pixel / 12 * FUNCTIONALS);
            let [fraction, euler] = [first, first + 1].map(|number| set[number] - unset[number]);
            let expected = fraction * weights[first] + euler.min(0.0) * weights[first + 1];
            assert!((ours - expected).abs() < 1e-5, "{ours} instead of {expected}");
            assert!((ours - primitives).abs() < 1e-6, "{ours} and {primitives}");
        }
    }

    #[test]
    fn what_is_parted_is_joined_and_nothing_new_begins() {
        let line = ["0000000", "0000000", "1110111", "0000000", "0000000"];
        let images = one_hot(&image(&line, 2), &[0], &Device::flex());
        let by_euler = on_host(vec![0.0, 1.0], [1, 2]);
        let ours = read(backward(&images, by_euler.clone())).unwrap();
        let primitives = read(with_primitives(|| backward(&images, by_euler))).unwrap();
        assert!(ours.iter().zip(&primitives).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?} {primitives:?}");
        let at = |y: usize, x: usize| 35.0 * ours[7 * y + x];
        // There are fewer pairs than pixels, so that they count a little more.
        assert!((at(2, 3) + 1.0).abs() < 0.5, "the gap: {}", at(2, 3));
        assert!(at(2, 1) < -0.5, "within the line: {}", at(2, 1));
        for (y, x) in [(0, 0), (0, 3), (0, 6), (1, 3), (4, 0), (4, 5)] {
            assert_eq!(at(y, x), 0.0);
        }
    }
}
