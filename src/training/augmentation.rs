//! The differentiable augmentations: periodic translation T of images, T_mu and T_sigma of latent distributions.

use burn_tensor::Tensor;
use rand::Rng;
use rand_distr::{Distribution, Normal, StandardNormal, Uniform};

use super::options::TrainingOptions;
use crate::network::kernels;

/// Standard deviation of the random prior's mean.
const PRIOR_MEAN_DEVIATION: f64 = 1.0;

/// Standard deviation of the logarithm of the random prior's variance.
const PRIOR_LOG_VARIANCE_DEVIATION: f64 = 0.25;

/// Smallest and largest factor of T_mu and T_sigma.
const LATENT_SCALES: [f64; 2] = [0.5, 1.5];

/// Whole-pixel displacements `(y, x)`, one for each image.
pub type Displacements = Vec<[i64; 2]>;

/// T(x, u): moves each image of `[n, channels, depth, height, width]` by its displacement, periodically (paper, Section
/// 3.3.1). Its own inverse and gradient is the translation by the opposite displacements.
pub fn translate(images: Tensor<5>, displacements: &[[i64; 2]]) -> Tensor<5> {
    if displacements.iter().flatten().all(|&by| by == 0) {
        return images;
    }
    kernels(&images).translate(images, displacements)
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

/// Draws the prior of one batch (paper, Section 3.3.2), `count` numbers for each field of [`Prior`](crate::network::Prior) in
/// their order; with `latent_augmentation` off, the standard normal prior and factors of 1, which turn Eq. 8 into Eq. 9.
pub fn draw_prior(count: usize, options: &TrainingOptions, rng: &mut impl Rng) -> Vec<f32> {
    if !options.recipe.latent_augmentation {
        return [vec![0.0; count], vec![1.0; 3 * count]].concat();
    }
    let mut normal = |deviation: f64| {
        let distribution = Normal::new(0.0, deviation as f32).expect("finite and not negative");
        distribution.sample_iter(&mut *rng).take(count).collect::<Vec<f32>>()
    };
    let prior_mean = normal(PRIOR_MEAN_DEVIATION);
    let log_variance = normal(PRIOR_LOG_VARIANCE_DEVIATION);
    let prior_deviation = log_variance.into_iter().map(|v| (0.5 * v).exp()).collect();
    let [least, most] = LATENT_SCALES.map(|scale| scale as f32);
    let range = Uniform::new_inclusive(least, most).expect("finite and in order");
    let scales = range.sample_iter(rng).take(2 * count).collect();
    [prior_mean, prior_deviation, scales].concat()
}

#[cfg(test)]
mod tests {
    use burn_tensor::{Device, Int};

    use super::*;

    #[test]
    fn the_opposite_translation_undoes_it() {
        let there = [[3, 2], [-1, 9]];
        let images = Tensor::<1, Int>::arange(0..120, &Device::flex()).float().reshape([2, 3, 1, 4, 5]);
        let back = translate(translate(images.clone(), &there), &opposite(&there));
        assert_eq!(back.into_data(), images.into_data());
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
