//! Singular values of spectrally normalised kernels.

use super::*;
use crate::network::parameters::part;
use crate::network::spectral;

#[test]
fn spectral_normalisation_leaves_a_largest_singular_value_of_one() {
    let mut rng = generator(17, Purpose::Weights, 0);
    let layers = Architecture::new(Profile::Standard, 1, 16, Variant::default()).discriminator;
    let network = network(layers, &mut rng);
    let mut directions = network.statistics.clone();
    for _ in 0..2000 {
        directions = spectral::normalise(&network.layout, &network.parameters, &directions).1;
    }
    let (normalised, _) = spectral::normalise(&network.layout, &network.parameters, &directions);
    let normalised = normalised.parameters();
    for (spec, entries) in network.layers.iter().zip(&network.layout.layers) {
        let rows = spec.kernel_shape()[0];
        let kernel = part(normalised, &entries.kernel).reshape([rows, entries.kernel.len() / rows]);
        // No vector is longer afterwards, and the powers of the matrix stay.
        let mut power: Tensor<2> = kernel.clone().matmul(kernel.transpose());
        for _ in 0..10 {
            power = power.clone().matmul(power);
        }
        let trace = doubles(power).into_iter().step_by(rows + 1).sum::<f64>();
        assert!(trace > 1.0 - 1e-6 && trace < rows as f64 + 1e-6, "{trace}");
    }
}
