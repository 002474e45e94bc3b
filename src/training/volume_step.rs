//! One training step of volumes: discriminators see planes of them beside windows of the micrographs.

use std::array::from_fn;
use std::ops::Range;

use burn_tensor::{Device, Tensor};
use rand::seq::index::sample;

use super::adam::Update;
use super::batches::TrainingData;
use super::discriminator_step::{REALISATIONS, discriminator_update};
use super::draws::{discriminator_noise, random_input};
use super::losses;
use super::options::TrainingOptions;
use super::state::TrainingState;
use super::step::shown;
use crate::Result;
use crate::micrograph::Directions;
use crate::network::{Input, PlaneNumbers, planes, planes_backward};
use crate::random::{self, Normals, Purpose};

/// One plane in so many is shown to a discriminator, across each axis.
const ONE_IN: usize = 8;

/// Planes that discriminators see in a step.
pub fn planes_shown(options: &TrainingOptions) -> usize {
    options.batch() * 3 * (options.side() / ONE_IN)
}

/// All random numbers of one step, drawn in a fixed order from the step's own streams.
struct VolumeDraws {
    /// Latent vectors and noise of the volumes.
    input: Input,
    /// Windows of the micrographs, one for each plane.
    windows: Tensor<5>,
    /// The planes that are shown.
    numbers: PlaneNumbers,
    /// Noise on windows and on planes.
    discriminator_noise: [Tensor<5>; 2],
}

impl VolumeDraws {
    fn new(options: &TrainingOptions, step: u64, data: &TrainingData, device: &Device) -> Result<Self> {
        let mut rng = random::generator(options.seed, Purpose::Step, step);
        let mut normals = Normals::new(options.seed, Purpose::Step, step);
        let (side, n_phases) = (options.side(), data.tiles.n_phases());
        let input = random_input(options, n_phases, options.batch(), &mut normals, device);
        let numbers = [0; 3].map(|_| sample(&mut rng, side, side / ONE_IN).into_vec());
        let count = planes_shown(options);
        let windows = of_micrographs(count, &data.micrographs);
        let windows = windows.iter().map(|(axis, planes)| data.windows(*axis, planes.len(), &mut rng, device));
        let windows = Tensor::cat(windows.collect::<Result<Vec<_>>>()?, 0);
        let discriminator_noise = [0; 2].map(|_| discriminator_noise(count, options, n_phases, &mut normals, device));
        Ok(Self { input, windows, numbers, discriminator_noise })
    }
}

/// The planes that each micrograph stands for, among `count` in the order of [`planes`]: an axis that they are across, and
/// their numbers.
fn of_micrographs(count: usize, micrographs: &Directions) -> Vec<(usize, Range<usize>)> {
    let mut groups: Vec<(usize, Range<usize>)> = Vec::new();
    for axis in 0..3 {
        let planes = axis * count / 3..(axis + 1) * count / 3;
        if groups.len() > micrographs.number_across(axis) {
            groups.last_mut().expect("the first axis began one").1.end = planes.end;
        } else {
            groups.push((axis, planes));
        }
    }
    groups
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
        // Each discriminator judges its share of the planes: losses are means over all planes.
        let groups = of_micrographs(planes_shown(options), &data.micrographs);
        let judged = self.discriminators.iter_mut().zip(groups).map(|(discriminator, (_, planes))| {
            let share = planes.len() as f64 / planes_shown(options) as f64;
            let streams = streams.each_ref().map(|stream| stream.clone().narrow(0, planes.start, planes.len()));
            let outcome =
                discriminator_update(discriminator, &Tensor::cat(streams.to_vec(), 0), streams.len(), options, step);
            let losses = [outcome.discriminator_loss, outcome.adversarial_loss].map(|loss| loss * share);
            (losses, outcome.by_streams[REALISATIONS].clone() * share)
        });
        let (losses, by_planes): (Vec<_>, Vec<_>) = judged.unzip();
        let losses = losses.into_iter().reduce(|sum, more| from_fn(|i| sum[i].clone() + more[i].clone()));
        let [discriminator_loss, adversarial_loss] = losses.expect("there is a discriminator");
        let by_planes = losses::probabilities_backward(probabilities, Tensor::cat(by_planes, 0), None);
        let by_volumes = planes_backward(by_planes, &numbers, options.batch());
        let by_parameters = self.generator.network.backward_parameters(&made, by_volumes);
        self.generator.update(by_parameters, step);
        self.move_average(options.recipe.ema_decay);
        // Without an encoder there is no loss of it, no reconstruction and no divergence.
        let none = Tensor::zeros([1], device);
        let row = vec![none.clone(), discriminator_loss, adversarial_loss, none.clone(), none];
        self.loss_sums = self.loss_sums.clone() + Tensor::cat(row, 0);
        Ok(())
    }
}
