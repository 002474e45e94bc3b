//! What training steps change: networks, optimisers, averages.

use burn_tensor::{Device, Tensor};

use super::adam::{Adam, Update};
use super::options::TrainingOptions;
use crate::network::{Architecture, Network, ParameterLayout, kernels, read};
use crate::progress::Losses;
use crate::random::{self, Purpose};
use crate::{Error, Result};

/// Steps over which losses are averaged into one row of the loss history.
pub const HISTORY_INTERVAL: u64 = 50;

/// Names of the discriminators of the first to third micrograph.
pub(crate) const DISCRIMINATORS: [&str; 3] = ["discriminator", "discriminator_2", "discriminator_3"];

/// A network that learns.
#[derive(Debug, Clone)]
pub struct Learner {
    /// Weights and moving statistics.
    pub(crate) network: Network,
    /// Its optimiser.
    pub(crate) adam: Adam,
}

/// Everything that a training step changes.
#[derive(Debug, Clone)]
pub struct TrainingState {
    /// Steps done.
    pub step: u64,
    /// The encoder, if the profile has one.
    pub encoder: Option<Learner>,
    /// The generator, which is also the decoder.
    pub generator: Learner,
    /// A discriminator for each micrograph.
    pub discriminators: Vec<Learner>,
    /// The generator with moving averages of its weights and statistics.
    pub(crate) average: Option<Network>,
    /// Sum of the losses since the last row of the loss history: L_Enc, L_Disc, L_Gen, L_Rec, L_KLD.
    pub(crate) loss_sums: Tensor<1>,
}

impl TrainingState {
    /// Networks with random weights, for so many micrographs.
    pub(crate) fn new(options: &TrainingOptions, n_phases: usize, micrographs: usize, device: &Device) -> Self {
        let Architecture { encoder, generator, discriminator } = options.architecture(n_phases);
        let random = |(layers, index): (Vec<_>, u64)| {
            let layout = ParameterLayout::new(&layers);
            let parameters = layout.initial_parameters(&mut random::generator(options.seed, Purpose::Weights, index));
            Network::new(layers, parameters, layout.initial_statistics(), device)
        };
        let encoder = encoder.map(|layers| random((layers, 0)));
        let discriminators = (2..).take(micrographs).map(|index| random((discriminator.clone(), index))).collect();
        Self::from_networks(options, encoder, random((generator, 1)), discriminators)
    }

    /// An encoder, if the profile has one, generator and discriminators before the first step.
    pub(crate) fn from_networks(
        options: &TrainingOptions,
        encoder: Option<Network>,
        generator: Network,
        discriminators: Vec<Network>,
    ) -> Self {
        let device = &generator.parameters.device();
        let learner = |network: Network, rate| {
            let adam = Adam::new(network.layout().parameter_count(), rate, options.recipe.adam_beta1, device);
            Learner { network, adam }
        };
        Self {
            step: 0,
            encoder: encoder.map(|encoder| learner(encoder, options.learning_rate_encoder)),
            average: (options.recipe.ema_decay > 0.0).then(|| generator.clone()),
            generator: learner(generator, options.learning_rate_generator),
            discriminators: discriminators
                .into_iter()
                .map(|discriminator| learner(discriminator, options.learning_rate_discriminator))
                .collect(),
            loss_sums: Tensor::zeros([5], device),
        }
    }

    /// All networks that learn, by name: an encoder if there is one, generator and discriminators.
    pub(crate) fn learners(&self) -> impl Iterator<Item = (&'static str, &Learner)> {
        let encoder = self.encoder.iter().map(|encoder| ("encoder", encoder));
        let discriminators = DISCRIMINATORS.into_iter().zip(&self.discriminators);
        encoder.chain([("generator", &self.generator)]).chain(discriminators)
    }

    /// The same, to change them.
    pub(crate) fn learners_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Learner)> {
        let encoder = self.encoder.iter_mut().map(|encoder| ("encoder", encoder));
        let discriminators = DISCRIMINATORS.into_iter().zip(&mut self.discriminators);
        encoder.chain([("generator", &mut self.generator)]).chain(discriminators)
    }

    /// The generator with averaged weights if there are any, else as it is.
    pub(crate) fn averaged_or_last(&self) -> &Network {
        self.average.as_ref().unwrap_or(&self.generator.network)
    }

    /// Moves the average towards the generator: `decay` is the share of the old values that stays.
    pub(super) fn move_average(&mut self, decay: f64) {
        if let Some(average) = &mut self.average {
            let network = &self.generator.network;
            let kernels = kernels(&network.parameters);
            kernels.move_towards(&mut average.parameters, network.parameters.clone(), decay);
            kernels.move_towards(&mut average.statistics, network.statistics.clone(), decay);
        }
    }

    /// Mean losses of the last `steps` steps, which `loss_sums` are of. Those before step `unchecked` were finite.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if a loss is not finite, [`Error::Device`] if the sums cannot be read back.
    pub(super) fn mean_losses(&self, steps: u64, unchecked: u64) -> Result<Losses> {
        let sums = read(self.loss_sums.clone())?;
        let means: [f64; 5] = std::array::from_fn(|i| f64::from(sums[i]) / steps as f64);
        if let Some(index) = means.iter().position(|loss| !loss.is_finite()) {
            let (name, value) = (["L_Enc", "L_Disc", "L_Gen", "L_Rec", "L_KLD"][index], means[index]);
            let when = if unchecked == self.step {
                format!("at step {unchecked}")
            } else {
                format!("in steps {unchecked} to {}", self.step)
            };
            return Err(Error::Diverged(format!(
                "{name} became {value} {when}; lower the learning rates or the lambdas"
            )));
        }
        Ok(Losses::from_array(means))
    }
}

impl Learner {
    /// One step of the optimiser.
    pub(super) fn update(&mut self, gradient: Tensor<1>, step: Update) {
        self.adam.update(&mut self.network.parameters, gradient, step);
    }
}
