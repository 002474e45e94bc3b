//! How often patterns of 3 x 3 pixels occur in realisations beside how often they occur in the micrograph, on three scales,
//! and what a change of each pixel does about it.
//!
//! Ends of thin boundaries, single pixels and frayed outlines are patterns that the material hardly has. A discriminator
//! says of a whole image whether it is real; a count of all patterns of a micrograph tells which pixels are not.

use burn::tensor::{Int, Tensor, TensorData};

use super::losses::Term;
use crate::Result;
use crate::descriptor::{Indicator, PATTERNS, SCALES, halved, pattern_histograms, pattern_numbers};
use crate::device::for_each;
use crate::micrograph::PhaseImages;
use crate::network::cpu::{self, CpuSlice};
use crate::network::{channels, phases_of_channels, sum};

/// Pixels of a pattern; pixel k is bit k of its number.
const PIXELS: usize = 9;

/// Share of the old histograms that remembered ones keep in each step: rare patterns are counted over some thirty batches.
const MEMORY: f64 = 0.97;

/// Numbers that are remembered of realisations with so many phases.
pub fn numbers(n_phases: usize) -> usize {
    channels(n_phases) * SCALES * PATTERNS
}

/// The patterns of a micrograph.
pub struct Patterns {
    /// For each channel and scale, the share of each pattern.
    shares: Vec<f32>,
    /// For each channel and scale, the share of a pattern that is seen once.
    least: Vec<f32>,
}

impl Patterns {
    /// Counts the patterns of `micrograph`, which is two-dimensional and at least 12 pixels wide and high.
    ///
    /// # Errors
    ///
    /// Those of [`Indicator::new`].
    pub fn new(micrograph: &PhaseImages) -> Result<Self> {
        let [_, ny, nx] = micrograph.shape();
        let seen = |scale: usize| micrograph.len() * places(ny >> scale, nx >> scale);
        let (mut shares, mut least) = (Vec::new(), Vec::new());
        for phase in phases_of_channels(micrograph.n_phases()) {
            let histograms = pattern_histograms(&Indicator::new(micrograph, phase)?);
            for (scale, histogram) in histograms.into_iter().enumerate() {
                shares.extend(histogram.into_iter().map(|share| share as f32));
                least.push(1.0 / seen(scale) as f32);
            }
        }
        Ok(Self { shares, least })
    }

    /// How much less probable the patterns of `realisations`, one-hot, are in the micrograph than among realisations, in
    /// nats an image, mean over the batch: the Kullback-Leibler divergence of the histograms, times the
    /// number of patterns, added up over scales and channels.
    ///
    /// The histograms of realisations are those of the latest batches: `remembered`, which has [`numbers`] of
    /// them and becomes the latest in this step, number `step` from 1. The gradient says what the change of each pixel would
    /// make of its patterns.
    pub fn term(&self, realisations: &Tensor<4>, remembered: &mut Tensor<1>, step: u64) -> Term<4> {
        let [n, channels, height, width] = realisations.dims();
        let device = realisations.device();
        *remembered = remembered.clone() * MEMORY + histograms(realisations) * (1.0 - MEMORY);
        let shape = [channels, SCALES, PATTERNS];
        let on_device =
            |values: &[f32], shape| Tensor::<3>::from_data(TensorData::new(values.to_vec(), shape), &device);
        let least = on_device(&self.least, [channels, SCALES, 1]);
        // At first nothing is remembered, as with Adam's moments.
        let filled = 1.0 - MEMORY.powf(step as f64);
        let found = (remembered.clone() / filled).reshape(shape) + least.clone();
        let ratios = (found.clone() / (on_device(&self.shares, shape) + least)).log();
        let nats = (found * ratios.clone()).sum_dim(2).reshape([channels, SCALES]);
        let counts: Vec<f32> = (0..SCALES).map(|scale| places(height >> scale, width >> scale) as f32).collect();
        let counts = Tensor::<2>::from_data(TensorData::new(counts, [1, SCALES]), &device);
        Term { value: sum(nats * counts), gradient: backward(realisations, ratios) / n as f64 }
    }
}

/// How many patterns an image has.
fn places(height: usize, width: usize) -> usize {
    (height - 2) * (width - 2)
}

/// The share of each pattern, by channels and scales, mean over the images: `[channels * SCALES * PATTERNS]`.
fn histograms(images: &Tensor<4>) -> Tensor<1> {
    let [n, channels, height, width] = images.dims();
    let Some(numbers) = CpuSlice::of(images) else { return histograms_primitives(images) };
    let planes: Vec<&[f32]> = numbers.as_slice().chunks_exact(height * width).collect();
    let mut counts = vec![[[0f32; PATTERNS]; SCALES]; planes.len()];
    for_each(planes.into_iter().zip(&mut counts), |(plane, counts)| {
        for (image, counts) in scales(plane, [height, width]).zip(counts) {
            pattern_numbers(image.image(0), image.shape()[1]).for_each(|number| counts[number] += 1.0);
        }
    });
    let mut shares = vec![0.0; channels * SCALES * PATTERNS];
    for image in counts.chunks_exact(channels) {
        for (scale, (shares, counts)) in shares.chunks_exact_mut(PATTERNS).zip(image.as_flattened()).enumerate() {
            let total = (n * places(height >> (scale % SCALES), width >> (scale % SCALES))) as f32;
            shares.iter_mut().zip(counts).for_each(|(share, count)| *share += count / total);
        }
    }
    cpu::tensor(shares, [channels * SCALES * PATTERNS])
}

/// From what a pattern costs, `[channels, SCALES, PATTERNS]`, to what the change of each pixel from 0 to 1 costs. A pixel at
/// half or quarter resolution is changed by all that it is made of together, so that each has a part of what it costs.
fn backward(images: &Tensor<4>, costs: Tensor<3>) -> Tensor<4> {
    let [_, channels, height, width] = images.dims();
    let (Some(numbers), Some(costs)) = (CpuSlice::of(images), CpuSlice::of(&costs)) else {
        return backward_primitives(images, costs);
    };
    let changes: Vec<[f32; PIXELS]> = costs.as_slice().chunks_exact(PATTERNS).flat_map(changes).collect();
    let mut gradient = vec![0.0; numbers.as_slice().len()];
    let planes = numbers.as_slice().chunks_exact(height * width).zip(gradient.chunks_exact_mut(height * width));
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
    cpu::tensor(gradient, images.dims())
}

/// One phase of one image at full, half and quarter resolution.
fn scales(plane: &[f32], shape: [usize; 2]) -> impl Iterator<Item = Indicator> {
    let full = Indicator::of_pixels(shape, plane.iter().map(|&inside| inside > 0.5).collect());
    std::iter::successors(Some(full), |finer| Some(halved(finer))).take(SCALES)
}

/// For each pattern and each of its pixels what it costs more with that pixel than without.
fn changes(costs: &[f32]) -> impl Iterator<Item = [f32; PIXELS]> {
    (0..PATTERNS).map(|number| std::array::from_fn(|k| costs[number | 1 << k] - costs[number & !(1 << k)]))
}

/// What the change of each pixel costs, of all patterns that it is part of.
fn by_pixels(image: &Indicator, changes: &[[f32; PIXELS]]) -> Vec<f32> {
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

/// [`histograms`] on any device.
fn histograms_primitives(images: &Tensor<4>) -> Tensor<1> {
    let [n, channels, ..] = images.dims();
    let of_scale = |image: &Tensor<4>| {
        let [high, low] = digits(image);
        let places = (high.dims()[1] / n) as f64;
        let counts = high.swap_dims(1, 2).matmul(low);
        counts.reshape([channels, 1, PATTERNS]) / (n as f64 * places)
    };
    Tensor::cat(scales_primitives(images).iter().map(of_scale).collect(), 1).reshape([channels * SCALES * PATTERNS])
}

/// [`backward`] on any device.
fn backward_primitives(images: &Tensor<4>, costs: Tensor<3>) -> Tensor<4> {
    let [n, channels, height, width] = images.dims();
    let mut gradient = images.zeros_like();
    for (scale, image) in scales_primitives(images).iter().enumerate() {
        let [_, _, coarse_height, coarse_width] = image.dims();
        let (rows, columns) = (coarse_height - 2, coarse_width - 2);
        let [high, low] = digits(image);
        let costs = costs.clone().narrow(1, scale, 1).reshape([channels, PATTERNS]);
        let mut sums = image.zeros_like();
        for k in 0..PIXELS {
            let changes = changes_primitives(&costs, k).reshape([channels, PATTERNS / LOW, LOW]);
            let of_places = (high.clone().matmul(changes) * low.clone()).sum_dim(2);
            let of_places = of_places.reshape([channels, n, rows, columns]).swap_dims(0, 1);
            let place = [0..n, 0..channels, k / 3..k / 3 + rows, k % 3..k % 3 + columns];
            sums = sums.clone().slice_assign(place.clone(), sums.slice(place) + of_places);
        }
        let side = 1 << scale;
        let spread = (sums * 0.25f64.powi(scale as i32))
            .reshape([n * channels * coarse_height, 1, coarse_width, 1])
            .repeat(&[1, side, 1, side])
            .reshape([n, channels, height, width]);
        gradient = gradient + spread;
    }
    gradient
}

/// Images at full, half and quarter resolution.
fn scales_primitives(images: &Tensor<4>) -> Vec<Tensor<4>> {
    let full = images.clone().greater_elem(0.5).float();
    std::iter::successors(Some(full), |finer| Some(halved_primitives(finer))).take(SCALES).collect()
}

fn halved_primitives(images: &Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = images.dims();
    let squares: Tensor<4> = images.clone().reshape([n * channels * height / 2, 2, width / 2, 2]);
    let first = squares.clone().narrow(1, 0, 1).narrow(3, 0, 1);
    // Of a tie the first pixel decides.
    let majority = (squares.sum_dim(1).sum_dim(3) + first * 0.75).greater_elem(2.5).float();
    majority.reshape([n, channels, height / 2, width / 2])
}

/// Values of the lower digit of a pattern's number.
const LOW: usize = 16;

/// The number of the pattern at each place, as two one-hot digits: `[channels, n * places, 32]` and `[channels, n * places, LOW]`.
/// With them products of matrices count patterns and look up what they cost, in an order that is always the same.
fn digits(images: &Tensor<4>) -> [Tensor<3>; 2] {
    let [n, channels, height, width] = images.dims();
    let (rows, columns) = (height - 2, width - 2);
    let pixel = |k: usize| images.clone().narrow(2, k / 3, rows).narrow(3, k % 3, columns) * (1 << k) as f64;
    let digit = |bits: std::ops::Range<usize>, values: usize| {
        let unit = (1 << bits.start) as f64;
        let value = bits.map(pixel).reduce(|sum, bit| sum + bit).expect("a digit has bits") / unit;
        let value = value.swap_dims(0, 1).reshape([channels, n * rows * columns, 1]);
        let all = Tensor::<1, Int>::arange(0..values as i64, &images.device()).float().reshape([1, 1, values]);
        value
            .expand([channels, n * rows * columns, values])
            .equal(all.expand([channels, n * rows * columns, values]))
            .float()
    };
    let bits = LOW.trailing_zeros() as usize;
    [digit(bits..PIXELS, PATTERNS / LOW), digit(0..bits, LOW)]
}

/// [`changes`] by pixel `k`, `[channels, PATTERNS]`.
fn changes_primitives(costs: &Tensor<2>, k: usize) -> Tensor<2> {
    let channels = costs.dims()[0];
    let pairs: Tensor<4> = costs.clone().reshape([channels, PATTERNS >> (k + 1), 2, 1 << k]);
    let change = pairs.clone().narrow(2, 1, 1) - pairs.narrow(2, 0, 1);
    change.repeat(&[1, 1, 2, 1]).reshape([channels, PATTERNS])
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use ndarray::Array4;
    use rand::Rng;

    use super::*;
    use crate::network::cpu::with_primitives;
    use crate::network::{one_hot, read};
    use crate::random::{Purpose, generator};

    fn drawn(rows: &[&str]) -> PhaseImages {
        let at = |y: usize, x: usize| u8::from(rows[y].as_bytes()[x] == b'#');
        let phases = Array4::from_shape_fn((1, 1, rows.len(), rows[0].len()), |(_, _, y, x)| at(y, x));
        PhaseImages::new(phases, 2).unwrap()
    }

    /// Images of `n_phases` phases at random, and the same as channels.
    fn random(n: usize, side: usize, n_phases: usize) -> (PhaseImages, Tensor<4>) {
        let mut rng = generator(1, Purpose::Step, 7);
        let phases = Array4::from_shape_fn((n, 1, side, side), |_| rng.random_range(0..n_phases as u8));
        let images = PhaseImages::new(phases, n_phases).unwrap();
        let channels = one_hot(&images, &(0..n).collect::<Vec<_>>(), &Device::flex());
        (images, channels)
    }

    #[test]
    fn patterns_are_those_of_the_descriptor() {
        for n_phases in [2, 3] {
            let (images, one_hot) = random(3, 16, n_phases);
            let expected = Patterns::new(&images).unwrap().shares;
            for found in [histograms(&one_hot), with_primitives(|| histograms(&one_hot))] {
                let found = read(found).unwrap();
                assert_eq!(found.len(), numbers(n_phases));
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
            }
        }
    }

    #[test]
    fn gradients_are_what_a_change_of_one_pixel_costs() {
        let (_, images) = random(2, 16, 3);
        let mut rng = generator(2, Purpose::Step, 7);
        let costs: Vec<f32> = (0..numbers(3)).map(|_| rng.random_range(-1.0..1.0)).collect();
        let costs = || Tensor::<3>::from_data(TensorData::new(costs.clone(), [3, SCALES, PATTERNS]), &Device::flex());
        let ours = read(backward(&images, costs())).unwrap();
        let primitives = read(with_primitives(|| backward(&images, costs()))).unwrap();
        assert!(ours.iter().zip(&primitives).all(|(a, b)| (a - b).abs() < 1e-4));

        // At full resolution alone a change is followed exactly.
        let full = read(costs()).unwrap();
        let full: Vec<f32> = full
            .iter()
            .enumerate()
            .map(|(i, &c)| if (i / PATTERNS).is_multiple_of(SCALES) { c } else { 0.0 })
            .collect();
        let costs = || Tensor::<3>::from_data(TensorData::new(full.clone(), [3, SCALES, PATTERNS]), &Device::flex());
        let ours = read(backward(&images, costs())).unwrap();
        let pixels = read(images.clone()).unwrap();
        let cost = |pixels: Vec<f32>| -> f32 {
            let images = Tensor::<4>::from_data(TensorData::new(pixels, images.dims()), &Device::flex());
            let shares = read(histograms(&images)).unwrap();
            shares.iter().zip(&full).map(|(share, cost)| share * cost).sum::<f32>() * (2 * 14 * 14) as f32
        };
        for pixel in (0..pixels.len()).step_by(41) {
            let with =
                |to: f32| cost(pixels.iter().enumerate().map(|(i, &x)| if i == pixel { to } else { x }).collect());
            let expected = with(1.0) - with(0.0);
            assert!((ours[pixel] - expected).abs() < 1e-2, "{} instead of {expected}", ours[pixel]);
        }
    }

    #[test]
    fn what_the_material_does_not_have_is_mended() {
        let unbroken = ["................"; 16].map(|row: &str| row.to_owned());
        let with = |rows: &[(usize, &str)]| {
            let mut image = unbroken.clone();
            rows.iter().for_each(|(y, row)| image[*y] = (*row).to_owned());
            drawn(&image.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let line = "################";
        let patterns = Patterns::new(&with(&[(6, line), (7, line)])).unwrap();
        let gap = "#######.########";
        let broken = one_hot(&with(&[(3, ".....#.........."), (6, gap), (7, gap)]), &[0], &Device::flex());
        let mut remembered = Tensor::zeros([numbers(2)], &Device::flex());
        let term = patterns.term(&broken, &mut remembered, 1);
        assert!(term.value.into_scalar::<f32>() > 0.0);
        let gradient = read(term.gradient).unwrap();
        let at = |y: usize, x: usize| gradient[16 * y + x];
        assert!(at(6, 7) < 0.0 && at(7, 7) < 0.0, "the gap is not filled: {} {}", at(6, 7), at(7, 7));
        assert!(at(3, 5) > 0.0, "the single pixel stays: {}", at(3, 5));

        let whole = one_hot(&with(&[(6, line), (7, line)]), &[0], &Device::flex());
        let mut remembered = Tensor::zeros([numbers(2)], &Device::flex());
        let term = patterns.term(&whole, &mut remembered, 1);
        assert!(term.value.into_scalar::<f32>().abs() < 1e-3);
        assert!(read(term.gradient).unwrap().iter().all(|by_pixel| by_pixel.abs() < 1e-4));
    }

    #[test]
    fn the_latest_batches_are_remembered() {
        let (images, one_hot) = random(2, 16, 2);
        let patterns = Patterns::new(&images).unwrap();
        let mut remembered = Tensor::zeros([numbers(2)], &Device::flex());
        for step in 1..4 {
            // As if all batches had been this one.
            let term = patterns.term(&one_hot, &mut remembered, step);
            assert!(term.value.into_scalar::<f32>().abs() < 1e-3);
        }
        let blank = one_hot.zeros_like();
        let after_one = patterns.term(&blank, &mut remembered, 4).value.into_scalar::<f32>();
        let after_two = patterns.term(&blank, &mut remembered, 5).value.into_scalar::<f32>();
        assert!(0.0 < after_one && after_one < after_two, "{after_one} {after_two}");
    }
}
