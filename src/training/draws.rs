//! The random numbers of one step.

use burn_tensor::{Device, Tensor, TensorData};

use super::augmentation::{Displacements, draw_displacements, draw_prior};
use super::batches::TrainingData;
use super::options::TrainingOptions;
use crate::Result;
use crate::network::{Input, NormalImages, Prior, channels, noise_sides, phase_distance};
use crate::random::{self, Normals, Purpose};

/// All random numbers of one step, drawn in a fixed order from the step's own streams.
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
    pub discriminator_noise: Option<Tensor<5>>,
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
        let mut normals = Normals::new(options.seed, Purpose::Step, step);
        let (batch, latents, n_phases) = (options.batch(), options.latent_count(), data.tiles.n_phases());
        let side = options.side();
        let deviation = options.recipe.displacement * side as f64;
        let prior = TensorData::new(draw_prior(batch * latents, options, &mut rng), [4 * batch, latents]);
        let parts = Tensor::from_data(prior, device).split(batch, 0);
        let [mean, prior_deviation, mean_scale, deviation_scale] =
            <[_; 4]>::try_from(parts).expect("four numbers of the augmentation");
        Ok(Self {
            posterior_noise: latent_noise(batch, options, &mut normals, device),
            latent_noise: latent_noise(batch, options, &mut normals, device),
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
                let streams = 2 + usize::from(options.recipe.discriminator_reconstructions);
                discriminator_noise(streams * batch, options, n_phases, &mut normals, device)
            }),
            noise: noise_of_realisations(options, n_phases, &mut normals, device),
        })
    }
}

/// Standard normal latents of `n` images of the side of a tile, `[n, latents]`.
pub fn latent_noise(n: usize, options: &TrainingOptions, normals: &mut Normals, device: &Device) -> Tensor<2> {
    let latents = options.latent_count();
    NormalImages::next([n, latents, 1, 1, 1], normals).on(device).reshape([n, latents])
}

/// Noise on `n` images that a discriminator sees.
pub fn discriminator_noise(
    n: usize,
    options: &TrainingOptions,
    n_phases: usize,
    normals: &mut Normals,
    device: &Device,
) -> Tensor<5> {
    let shape = [n, channels(n_phases), 1, options.side(), options.side()];
    let deviation = options.recipe.discriminator_noise * phase_distance(n_phases);
    NormalImages::next(shape, normals).on(device) * deviation
}

/// Noise of the generator's layers for a batch of reconstructions, for which it is zero, and one of realisations.
pub fn noise_of_realisations(
    options: &TrainingOptions,
    n_phases: usize,
    normals: &mut Normals,
    device: &Device,
) -> Vec<Tensor<5>> {
    let side = options.latent_side();
    let sides = noise_sides(&options.architecture(n_phases).generator, [1, side, side]);
    let of_layer = |[depth, height, width]: [usize; 3]| {
        NormalImages::next([options.batch(), 1, depth, height, width], normals).behind_zeros().on(device)
    };
    sides.into_iter().map(of_layer).collect()
}

/// Latent vectors and noise of `n` realisations of the side of a tile.
pub fn random_input(
    options: &TrainingOptions,
    n_phases: usize,
    n: usize,
    normals: &mut Normals,
    device: &Device,
) -> Input {
    let side = options.latent_side();
    let cells = [if options.profile.axes() == 3 { side } else { 1 }, side, side];
    let mut images = |channels, [depth, height, width]: [usize; 3]| {
        NormalImages::next([n, channels, depth, height, width], normals).on(device)
    };
    let values = images(options.latent_size, cells);
    let shapes = noise_sides(&options.architecture(n_phases).generator, cells);
    let noise = shapes.into_iter().map(|sides| images(1, sides)).collect();
    Input { values, noise }
}
