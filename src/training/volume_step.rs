//! One training step of volumes: the discriminator sees planes of them beside windows of the micrograph.

use burn_tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand::seq::index::sample;

use super::adam::Update;
use super::augmentation::standard_normal;
use super::batches::TrainingData;
use super::discriminator_step::{REALISATIONS, discriminator_update};
use super::losses;
use super::options::TrainingOptions;
use super::state::TrainingState;
use super::step::shown;
use crate::Result;
use crate::network::{Input, PlaneNumbers, channels, noise_sides, phase_distance, planes, planes_backward};
use crate::random::{self, Purpose};

/// One plane in so many is shown to the discriminator, across each axis.
const ONE_IN: usize = 8;

/// Planes that the discriminator sees in a step.
pub fn planes_shown(options: &TrainingOptions) -> usize {
    options.batch() * 3 * (options.side() / ONE_IN)
}

/// All random numbers of one step, drawn in a fixed order from the step's own stream.
struct VolumeDraws {
    /// Latent vectors and noise of the volumes.
    input: Input,
    /// Windows of the micrograph, as many as there are planes.
    windows: Tensor<5>,
    /// The planes that are shown.
    numbers: PlaneNumbers,
    /// Noise on windows and on planes.
    discriminator_noise: [Tensor<5>; 2],
}

impl VolumeDraws {
    fn new(options: &TrainingOptions, step: u64, data: &TrainingData, device: &Device) -> Result<Self> {
        let mut rng = random::generator(options.seed, Purpose::Step, step);
        let (side, n_phases) = (options.side(), data.tiles.n_phases());
        let input = volumes_input(options, n_phases, &mut rng, device);
        let numbers = [0; 3].map(|_| sample(&mut rng, side, side / ONE_IN).into_vec());
        let count = planes_shown(options);
        let windows = data.windows(count, &mut rng, device)?;
        let deviation = options.recipe.discriminator_noise * phase_distance(n_phases);
        let discriminator_noise =
            [0; 2].map(|_| normal([count, channels(n_phases), 1, side, side], &mut rng, device) * deviation);
        Ok(Self { input, windows, numbers, discriminator_noise })
    }
}

/// Latent vectors and noise of a batch of volumes.
pub fn volumes_input(options: &TrainingOptions, n_phases: usize, rng: &mut impl Rng, device: &Device) -> Input {
    let (batch, cells) = (options.batch(), [options.latent_side(); 3]);
    let [nz, ny, nx] = cells;
    let values = normal([batch, options.latent_size, nz, ny, nx], rng, device);
    let shapes = noise_sides(&options.architecture(n_phases).generator, cells);
    let noise = shapes.into_iter().map(|[nz, ny, nx]| normal([batch, 1, nz, ny, nx], rng, device)).collect();
    Input { values, noise }
}

fn normal(shape: [usize; 5], rng: &mut impl Rng, device: &Device) -> Tensor<5> {
    let numbers = standard_normal(shape.iter().product(), rng);
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

impl TrainingState {
    /// One step on random volumes.
    ///
    /// # Errors
    ///
    /// Those of drawing windows of the micrograph.
    pub(super) fn volume_step(
        &mut self,
        data: &TrainingData,
        options: &TrainingOptions,
        device: &Device,
    ) -> Result<()> {
        let VolumeDraws { input, windows, numbers, discriminator_noise } =
            VolumeDraws::new(options, self.step, data, device)?;
        self.step += 1;
        let step = Update { number: self.step, learning_rate_factor: options.rate_factor(self.step, data.tiles.len()) };
        let made = self.generator.network.forward_train(input);
        // What follows works on single pixels, so planes of logits do.
        let probabilities = losses::probabilities(planes(&made.output, &numbers));
        let [of_windows, of_planes] = discriminator_noise;
        let streams = [windows + of_windows, shown(&probabilities, options) + of_planes];
        let outcome = discriminator_update(&mut self.discriminator, &streams, options, step);
        let by_planes = losses::probabilities_backward(probabilities, outcome.by_streams[REALISATIONS].clone());
        let by_volumes = planes_backward(by_planes, &numbers, options.batch());
        let by_parameters = self.generator.network.backward_parameters(&made, by_volumes);
        self.generator.update(by_parameters, step);
        self.move_average(options.recipe.ema_decay);
        // Without an encoder there is no loss of it, no reconstruction and no divergence.
        let none = outcome.discriminator_loss.zeros_like();
        let row = vec![none.clone(), outcome.discriminator_loss, outcome.adversarial_loss, none.clone(), none];
        self.loss_sums = self.loss_sums.clone() + Tensor::cat(row, 0);
        Ok(())
    }
}
