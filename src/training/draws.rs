//! The random numbers of one step.

use burn_tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::augmentation::{Displacements, draw_displacements, draw_prior, standard_normal};
use super::batches::TrainingData;
use super::options::TrainingOptions;
use crate::Result;
use crate::network::{Input, Prior, channels, noise_sides, phase_distance};
use crate::random::{self, Purpose};

/// All random numbers of one step, drawn in a fixed order from the step's own stream.
pub struct Draws {
    /// Samples the posterior, `[batch, latents]`.
    pub posterior_noise: Tensor<2>,
    /// Latent vectors of realisations, `[batch, latents]`.
    pub latent_noise: Tensor<2>,
    /// The random prior, T_mu and T_sigma.
    pub prior: Prior,
    /// Of real images, realisations and reconstructions.
    pub displacements: [Displacements; 3],
    /// Real images, if these are windows instead of tiles.
    pub windows: Option<Tensor<5>>,
    /// Noise on the streams that the discriminator sees, one behind the other.
    pub discriminator_noise: Option<Tensor<2>>,
    /// Noise of the generator's layers: zero for reconstructions, and behind them that of realisations.
    pub noise: Vec<Tensor<5>>,
}

impl Draws {
    /// Draws for step `step` (from 0).
    ///
    /// # Errors
    ///
    /// Those of drawing windows of the micrograph.
    pub fn new(options: &TrainingOptions, step: u64, data: &TrainingData, device: &Device) -> Result<Self> {
        let mut rng = random::generator(options.seed, Purpose::Step, step);
        let (batch, latents) = (options.batch(), options.latent_count());
        let side = options.side();
        let deviation = options.recipe.displacement * side as f64;
        // One after the other, so that they go to the device together.
        let mut numbers = standard_normal(2 * batch * latents, &mut rng);
        numbers.extend(draw_prior(batch * latents, options, &mut rng));
        let parts = on_device(numbers, latents, device).split(batch, 0);
        let [posterior_noise, latent_noise, mean, prior_deviation, mean_scale, deviation_scale] =
            <[_; 6]>::try_from(parts).expect("two kinds of noise, and four numbers of the augmentation");
        Ok(Self {
            posterior_noise,
            latent_noise,
            prior: Prior { mean, deviation: prior_deviation, mean_scale, deviation_scale },
            displacements: std::array::from_fn(|_| {
                // The discriminator sees windows at random positions, so no translation is needed. Realisations stay
                // aligned with the latent grid, so that it sees a lattice if there is one.
                if options.recipe.discriminator_windows {
                    vec![[0, 0]; batch]
                } else {
                    draw_displacements(batch, deviation, &mut rng)
                }
            }),
            windows: options
                .recipe
                .discriminator_windows
                .then(|| data.windows(0, batch, &mut rng, device))
                .transpose()?,
            discriminator_noise: (options.recipe.discriminator_noise > 0.0).then(|| {
                let numbers = channels(data.tiles.n_phases()) * side.pow(2);
                let streams = 2 + usize::from(options.recipe.discriminator_reconstructions);
                let deviation = options.recipe.discriminator_noise * phase_distance(data.tiles.n_phases());
                let noise = standard_normal(streams * batch * numbers, &mut rng);
                on_device(noise, numbers, device) * deviation
            }),
            noise: noise_of_realisations(options, data.tiles.n_phases(), &mut rng, device),
        })
    }
}

/// Noise of the generator's layers for a batch of reconstructions, for which it is zero, and one of realisations.
pub fn noise_of_realisations(
    options: &TrainingOptions,
    n_phases: usize,
    rng: &mut impl Rng,
    device: &Device,
) -> Vec<Tensor<5>> {
    let batch = options.batch();
    let of_layer = |[depth, height, width]: [usize; 3]| {
        let count = batch * depth * height * width;
        let mut numbers = vec![0.0; count];
        numbers.extend(standard_normal(count, rng));
        Tensor::from_data(TensorData::new(numbers, [2 * batch, 1, depth, height, width]), device)
    };
    let side = options.latent_side();
    noise_sides(&options.architecture(n_phases).generator, [1, side, side]).into_iter().map(of_layer).collect()
}

/// Latent vectors and noise of `n` realisations of the side of a tile.
pub fn random_input(
    options: &TrainingOptions,
    n_phases: usize,
    n: usize,
    rng: &mut impl Rng,
    device: &Device,
) -> Input {
    let side = options.latent_side();
    let cells = [if options.profile.axes() == 3 { side } else { 1 }, side, side];
    let mut images =
        |channels, [depth, height, width]: [usize; 3]| normal([n, channels, depth, height, width], rng, device);
    let values = images(options.latent_size, cells);
    let shapes = noise_sides(&options.architecture(n_phases).generator, cells);
    let noise = shapes.into_iter().map(|sides| images(1, sides)).collect();
    Input { values, noise }
}

/// Standard normal numbers as a tensor.
pub fn normal(shape: [usize; 5], rng: &mut impl Rng, device: &Device) -> Tensor<5> {
    let numbers = standard_normal(shape.iter().product(), rng);
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

/// Numbers as rows of `length` numbers.
pub fn on_device(numbers: Vec<f32>, length: usize, device: &Device) -> Tensor<2> {
    let rows = numbers.len() / length;
    Tensor::from_data(TensorData::new(numbers, [rows, length]), device)
}
