//! The generator that realisations come from: averaged weights, with statistics of their own.
//!
//! What the layers of averaged weights give varies less than what those of any step gave, so that the moving statistics of
//! training normalise it wrongly: by variances that are 10 to 16 % too large in the first layer after 5,000 steps. So they are measured
//! anew, as for any average of weights (Izmailov et al. 2018, "Averaging weights leads to wider optima", section 3.2).

use burn_tensor::Tensor;
use rand::Rng;

use super::augmentation::standard_normal;
use super::step::{Posterior, Snapshot, as_image, on_device};
use crate::model::Model;
use crate::network::one_hot;
use crate::random::{self, Purpose};

/// Batches that statistics are measured on.
const BATCHES: usize = 128;

/// The generator of `model`, and its statistics on batches like those of training, if its weights are an average; else those
/// of training.
pub fn averaged_generator(model: &Model) -> Snapshot {
    let mut network = model.generator();
    if model.state.average.is_some() {
        network.measure_statistics(batches(model));
    }
    Snapshot { parameters: network.parameters, statistics: network.statistics }
}

/// Latent vectors of tiles and random ones, as the generator has them in training.
fn batches(model: &Model) -> impl Iterator<Item = Tensor<4>> {
    let (options, encoder, device) = (&model.options, model.encoder(), model.state.loss_sums.device());
    let (batch, latents) = (options.batch_size, options.latent_size);
    let mut rng = random::generator(options.seed, Purpose::Statistics, model.state.step);
    (0..BATCHES).flat_map(move |_| {
        let tiles: Vec<usize> = (0..batch).map(|_| rng.random_range(0..model.tiles.len())).collect();
        let noise = on_device(standard_normal(2 * batch * latents, &mut rng), latents, &device);
        let posterior = Posterior::new(encoder.forward(one_hot(&model.tiles, &tiles, &device)), latents);
        let streams = [posterior.sample(&noise.clone().narrow(0, 0, batch)), noise.narrow(0, batch, batch)];
        if options.generator_separate_batches {
            streams.map(as_image).to_vec()
        } else {
            vec![as_image(Tensor::cat(streams.to_vec(), 0))]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::training::TrainingOptions;

    fn model(generator_average: f64) -> Model {
        let field = GaussianField { ny: 64, nx: 64, ..GaussianField::default() };
        let micrograph = Sample::GaussianField(field).make(1, 1).unwrap();
        let tiles = tiles(&micrograph.images, 32).unwrap();
        let options = TrainingOptions { generator_average, ..TrainingOptions::new(Profile::Paper32) };
        Model::untrained(options, Origin::new(&micrograph), tiles, &burn_tensor::Device::flex())
    }

    fn numbers(tensor: &Tensor<1>) -> Vec<f32> {
        tensor.to_data().try_to_vec().unwrap()
    }

    #[test]
    fn statistics_of_an_average_are_its_own_and_not_those_of_training() {
        let model = model(0.9);
        let first = averaged_generator(&model);
        let mut other = model.clone();
        let average = other.state.average.as_mut().unwrap();
        average.statistics = average.statistics.clone() * 2.0 + 1.0;
        let second = averaged_generator(&other);
        assert_eq!(numbers(&first.statistics), numbers(&second.statistics));
        assert_ne!(numbers(&first.statistics), numbers(&model.state.generator.network.statistics));
        assert_eq!(numbers(&first.parameters), numbers(&model.state.average.unwrap().parameters));
    }

    #[test]
    fn weights_that_are_no_average_keep_the_statistics_of_training() {
        let model = model(0.0);
        let network = &model.state.generator.network;
        assert_eq!(numbers(&averaged_generator(&model).statistics), numbers(&network.statistics));
    }
}
