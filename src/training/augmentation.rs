//! The differentiable augmentations: periodic translation T of images, T_mu and T_sigma of latent distributions.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::Rng;
use rand_distr::{Distribution, Normal, StandardNormal, Uniform};

use super::options::TrainingOptions;
use crate::processor::{self, Numbers};

/// Whole-pixel displacements `(y, x)`, one for each image.
pub type Displacements = Vec<[i64; 2]>;

/// T(x, u): moves each image of `[n, channels, height, width]` by its displacement, periodically (paper, Section
/// 3.3.1). Its own inverse and gradient is the translation by the opposite displacements.
pub fn translate(images: Tensor<4>, displacements: &[[i64; 2]]) -> Tensor<4> {
    match Numbers::of(&images) {
        Some(numbers) => processor::tensor(translate_rows(&numbers, images.dims(), displacements), images.dims()),
        None => translate_primitives(images, displacements),
    }
}

/// Row by row, on the processor.
fn translate_rows(numbers: &Numbers, shape: [usize; 4], displacements: &[[i64; 2]]) -> Vec<f32> {
    let [_, channels, height, width] = shape;
    let mut moved = vec![0.0; numbers.as_slice().len()];
    let image = channels * height * width;
    let images = moved.chunks_exact_mut(image).zip(numbers.as_slice().chunks_exact(image));
    for ((to, from), [dy, dx]) in images.zip(displacements) {
        let down = dy.rem_euclid(height as i64) as usize;
        let right = dx.rem_euclid(width as i64) as usize;
        for (row, from) in from.chunks_exact(width).enumerate() {
            let (channel, y) = (row / height, row % height);
            let to = &mut to[(channel * height + (y + down) % height) * width..][..width];
            to[right..].copy_from_slice(&from[..width - right]);
            to[..right].copy_from_slice(&from[width - right..]);
        }
    }
    moved
}

fn translate_primitives(images: Tensor<4>, displacements: &[[i64; 2]]) -> Tensor<4> {
    let [n, channels, height, width] = images.dims();
    let device = images.device();
    let rows = sources(displacements, 0, height, &device).reshape([n, height, 1]);
    let columns = sources(displacements, 1, width, &device).reshape([n, 1, width]);
    let pixels = (rows * width as i64 + columns).reshape([n, 1, height * width]);
    images
        .reshape([n, channels, height * width])
        .gather(2, pixels.expand([n, channels, height * width]))
        .reshape([n, channels, height, width])
}

/// For each image and each position along `axis`, the position that the value comes from: `[n, length]`.
fn sources(displacements: &[[i64; 2]], axis: usize, length: usize, device: &Device) -> Tensor<2, Int> {
    let n = displacements.len();
    let length = length as i64;
    let starts: Vec<i64> = displacements.iter().map(|u| (-u[axis]).rem_euclid(length)).collect();
    let starts = Tensor::<2, Int>::from_data(TensorData::new(starts, [n, 1]), device);
    (Tensor::<1, Int>::arange(0..length, device).reshape([1, length]) + starts).remainder_scalar(length)
}

/// The opposite displacements.
pub fn opposite(displacements: &[[i64; 2]]) -> Displacements {
    displacements.iter().map(|&[y, x]| [-y, -x]).collect()
}

/// `n` displacements drawn from a normal distribution of standard deviation `deviation` pixels, rounded.
pub fn draw_displacements(n: usize, deviation: f64, rng: &mut impl Rng) -> Displacements {
    let mut draw = || {
        let standard: f64 = StandardNormal.sample(rng);
        (standard * deviation).round() as i64
    };
    (0..n).map(|_| [draw(), draw()]).collect()
}

/// `n` displacements of tori of `side` pixels, all equally likely.
pub fn uniform_displacements(n: usize, side: usize, rng: &mut impl Rng) -> Displacements {
    let mut draw = || rng.random_range(0..side as i64);
    (0..n).map(|_| [draw(), draw()]).collect()
}

/// The random prior and the factors of T_mu and T_sigma for one batch; each `[batch, latents]`.
pub struct LatentAugmentation {
    /// Mean m of the prior.
    pub prior_mean: Tensor<2>,
    /// Standard deviation s of the prior.
    pub prior_deviation: Tensor<2>,
    /// Factor of T_mu, shared by prior and posterior.
    pub mean_scale: Tensor<2>,
    /// Factor of T_sigma, shared by prior and posterior.
    pub deviation_scale: Tensor<2>,
}

impl LatentAugmentation {
    /// Draws the augmentation of one batch (paper, Section 3.3.2); with `latent_augmentation` off, the standard normal
    /// prior and factors of 1, which turn Eq. 8 into Eq. 9.
    pub fn draw(shape: [usize; 2], options: &TrainingOptions, rng: &mut impl Rng, device: &Device) -> Self {
        let count = shape[0] * shape[1];
        if !options.latent_augmentation {
            let ones = || Tensor::ones(shape, device);
            return Self {
                prior_mean: Tensor::zeros(shape, device),
                prior_deviation: ones(),
                mean_scale: ones(),
                deviation_scale: ones(),
            };
        }
        let mut normal = |deviation: f64| {
            let distribution = Normal::new(0.0, deviation as f32).expect("validated: finite and not negative");
            distribution.sample_iter(&mut *rng).take(count).collect::<Vec<f32>>()
        };
        let prior_mean = normal(options.prior_mean_deviation);
        let log_variance = normal(options.prior_log_variance_deviation);
        let prior_deviation = log_variance.into_iter().map(|v| (0.5 * v).exp()).collect();
        let range = Uniform::new_inclusive(options.latent_scale_min as f32, options.latent_scale_max as f32)
            .expect("validated: finite and in order");
        let mut scale = || range.sample_iter(&mut *rng).take(count).collect::<Vec<f32>>();
        let (mean_scale, deviation_scale) = (scale(), scale());
        let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), device);
        Self {
            prior_mean: tensor(prior_mean),
            prior_deviation: tensor(prior_deviation),
            mean_scale: tensor(mean_scale),
            deviation_scale: tensor(deviation_scale),
        }
    }
}

/// Standard normal numbers, `shape`.
pub fn standard_normal(shape: [usize; 2], rng: &mut impl Rng, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = StandardNormal.sample_iter(rng).take(shape[0] * shape[1]).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> Tensor<4> {
        Tensor::<1, Int>::arange(0..2 * 3 * 4 * 5, &Device::flex()).float().reshape([2, 3, 4, 5])
    }

    #[test]
    fn translation_moves_every_pixel_where_it_belongs() {
        let there = [[1, -2], [-5, 7]];
        let moved = translate(images(), &there).into_data();
        assert_eq!(moved, translate_primitives(images(), &there).into_data());
        let (moved, original) = (moved.try_to_vec::<f32>().unwrap(), images().into_data().try_to_vec::<f32>().unwrap());
        for (n, [dy, dx]) in [[1i64, -2], [-5, 7]].into_iter().enumerate() {
            for c in 0..3 {
                for y in 0..4i64 {
                    for x in 0..5i64 {
                        let (to_y, to_x) = ((y + dy).rem_euclid(4), (x + dx).rem_euclid(5));
                        let at = |y: i64, x: i64| ((n * 3 + c) * 4 + y as usize) * 5 + x as usize;
                        assert_eq!(moved[at(to_y, to_x)], original[at(y, x)]);
                    }
                }
            }
        }
    }

    #[test]
    fn the_opposite_translation_undoes_it() {
        let there = [[3, 2], [-1, 9]];
        let back = translate(translate(images(), &there), &opposite(&there));
        assert_eq!(back.into_data(), images().into_data());
    }

    #[test]
    fn tori_are_translated_by_all_distances_alike() {
        let mut rng = crate::random::generator(1, crate::random::Purpose::Step, 0);
        let mut counts = [0; 8];
        for displacement in uniform_displacements(20_000, 8, &mut rng).iter().flatten() {
            counts[*displacement as usize] += 1;
        }
        // 5,000 of each, give or take five standard deviations.
        assert!(counts.iter().all(|count: &i32| (count - 5000).abs() < 340), "{counts:?}");
    }

    #[test]
    fn displacements_have_the_deviation_asked_for() {
        let mut rng = crate::random::generator(1, crate::random::Purpose::Step, 0);
        let draws = draw_displacements(20_000, 8.0, &mut rng);
        let variance = draws.iter().flatten().map(|&u| (u * u) as f64).sum::<f64>() / 40_000.0;
        assert!((variance.sqrt() - 8.0).abs() < 0.1, "{}", variance.sqrt());
        assert!(draw_displacements(9, 0.0, &mut rng).iter().flatten().all(|&u| u == 0));
    }
}
