//! The generator that realisations come from: averaged weights, with statistics of their own.
//!
//! The moving statistics of training do not fit averaged weights, so batch statistics are measured again (Izmailov et
//! al. 2018, "Averaging weights leads to wider optima", section 3.2).

use burn_tensor::Tensor;
use rand::Rng;

use super::checkpoint::Checkpoint;
use super::draws::{latent_noise, noise_of_realisations, random_input};
use super::posterior::{Posterior, as_grid};
use crate::network::{Input, Network, one_hot};
use crate::random::{self, Normals, Purpose};

/// Batches that statistics are measured on.
const BATCHES: usize = 128;

/// The generator with averaged weights and statistics measured for them, or the last generator if there is no average.
pub fn averaged_generator(checkpoint: &Checkpoint) -> Network {
    let mut network = checkpoint.state.averaged_or_last().clone();
    if checkpoint.state.average.is_some() {
        network.measure_statistics(batches(checkpoint));
    }
    network
}

/// What the generator has in training: latent vectors of tiles and random ones, or only these.
fn batches(checkpoint: &Checkpoint) -> impl Iterator<Item = Input> {
    let Checkpoint { options, tiles, state, .. } = checkpoint;
    let mut rng = random::generator(options.seed, Purpose::Statistics, state.step);
    let mut normals = Normals::new(options.seed, Purpose::Statistics, state.step);
    (0..BATCHES).flat_map(move |_| match &state.encoder {
        Some(encoder) => of_images(checkpoint, &encoder.network, &mut rng, &mut normals),
        None => {
            let device = state.loss_sums.device();
            vec![random_input(options, tiles.n_phases(), options.batch(), &mut normals, &device)]
        }
    })
}

fn of_images(checkpoint: &Checkpoint, encoder: &Network, rng: &mut impl Rng, normals: &mut Normals) -> Vec<Input> {
    let Checkpoint { options, tiles, state, .. } = checkpoint;
    let (batch, device) = (options.batch(), state.loss_sums.device());
    let chosen: Vec<usize> = (0..batch).map(|_| rng.random_range(0..tiles.len())).collect();
    let mut noise = || latent_noise(batch, options, normals, &device);
    let posterior = Posterior::new(encoder.forward(one_hot(tiles, &chosen, &device)));
    let streams = [posterior.sample(&noise()), noise()];
    let side = options.latent_side();
    if options.recipe.generator_separate_batches {
        return streams.map(|stream| as_grid(stream, side).into()).to_vec();
    }
    let values = as_grid(Tensor::cat(streams.to_vec(), 0), side);
    vec![Input { values, noise: noise_of_realisations(options, tiles.n_phases(), normals, &device) }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micrograph::testing::field;
    use crate::network::Profile;
    use crate::training::TrainingOptions;

    fn checkpoint(ema_decay: f64) -> Checkpoint {
        let options = TrainingOptions::new(Profile::Paper32).with(|r| r.ema_decay = ema_decay);
        Checkpoint::untrained(options, &field(1, 64, 64))
    }

    fn numbers(tensor: &Tensor<1>) -> Vec<f32> {
        tensor.to_data().try_to_vec().unwrap()
    }

    #[test]
    fn statistics_of_an_average_are_its_own_and_not_those_of_training() {
        let checkpoint = checkpoint(0.9);
        let first = averaged_generator(&checkpoint);
        let mut other = checkpoint.clone();
        let average = other.state.average.as_mut().unwrap();
        average.statistics = average.statistics.clone() * 2.0 + 1.0;
        let second = averaged_generator(&other);
        assert_eq!(numbers(&first.statistics), numbers(&second.statistics));
        assert_ne!(numbers(&first.statistics), numbers(&checkpoint.state.generator.network.statistics));
        assert_eq!(numbers(&first.parameters), numbers(&checkpoint.state.average.unwrap().parameters));
    }

    #[test]
    fn weights_that_are_no_average_keep_the_statistics_of_training() {
        let checkpoint = checkpoint(0.0);
        let network = &checkpoint.state.generator.network;
        assert_eq!(numbers(&averaged_generator(&checkpoint).statistics), numbers(&network.statistics));
    }
}
