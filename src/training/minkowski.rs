//! The loss of Minkowski functionals: their distribution over realisations compared with that over windows of a micrograph.
//!
//! Volume fraction, interface density and Euler characteristic span all additive measures of a phase in the plane (Hadwiger's
//! theorem). A discriminator sees one image at a time: it misses volume fractions that vary too little, and gaps in grain
//! boundaries. It judges interfaces well, so these are not compared.

use std::ops::Range;

use burn_tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::losses::{self, Term};
use crate::descriptor::{FUNCTIONALS, deviation, mean, minkowski_functionals};
use crate::micrograph::{PhaseImages, regular_places};
use crate::network::kernels;

/// Places of windows along each axis of a micrograph.
const PLACES: usize = 64;

/// Sample size of the energy distance: earlier realisations, and windows.
pub const SAMPLE_SIZE: usize = 64;

/// Functionals of an image with `n_phases` phases.
pub fn functional_count(n_phases: usize) -> usize {
    FUNCTIONALS * n_phases
}

/// Functionals of windows, shifted so that their mean is that of the micrograph (windows cover pixels at the edges less
/// often).
pub struct Minkowski {
    n_phases: usize,
    /// Functionals of each phase, window by window, in standard deviations.
    values: Vec<f32>,
    /// Standard deviations over the windows.
    deviations: Vec<f32>,
}

impl Minkowski {
    /// Functionals of windows of `side` x `side` pixels, which fit into the micrograph.
    pub fn new(micrograph: &PhaseImages, side: usize) -> Self {
        let n_phases = micrograph.n_phases();
        let columns: Vec<Column> = (0..n_phases as u8).flat_map(|phase| columns(micrograph, side, phase)).collect();
        let windows = columns[0].values.len();
        Self {
            n_phases,
            values: (0..windows).flat_map(|window| columns.iter().map(move |column| column.values[window])).collect(),
            deviations: columns.iter().map(|column| column.deviation).collect(),
        }
    }

    /// Functionals of [`SAMPLE_SIZE`] random windows, `[SAMPLE_SIZE, functional_count]`.
    pub fn draw(&self, rng: &mut impl Rng, device: &Device) -> Tensor<2> {
        let numbers = self.deviations.len();
        let windows = self.values.len() / numbers;
        let mut drawn = Vec::with_capacity(SAMPLE_SIZE * numbers);
        for _ in 0..SAMPLE_SIZE {
            let first = rng.random_range(0..windows) * numbers;
            drawn.extend_from_slice(&self.values[first..first + numbers]);
        }
        Tensor::from_data(TensorData::new(drawn, [SAMPLE_SIZE, numbers]), device)
    }

    /// Energy distance between the functionals of `realisations`, one-hot, and the `drawn` ones, times `weights`.
    /// `recent` are those of earlier realisations, `[SAMPLE_SIZE, functional_count]`, and are updated.
    ///
    /// Images of one batch are not independent, because of batch normalisation. So they are compared with earlier
    /// realisations and not among themselves.
    pub fn term(
        &self,
        realisations: &Tensor<4>,
        recent: &mut Tensor<2>,
        drawn: Tensor<2>,
        weights: [f64; FUNCTIONALS],
    ) -> Term<4> {
        let (n, device) = (realisations.dims()[0], realisations.device());
        let row = |values: Vec<f32>| {
            let numbers = values.len();
            Tensor::<2>::from_data(TensorData::new(values, [1, numbers]), &device)
        };
        let deviations = row(self.deviations.clone());
        let phases = of_all_phases(realisations);
        let values = kernels(&phases).functionals(&phases) / deviations.clone();
        // The volume fractions of two phases add up to 1. Connectivity counts once for any number of phases.
        let shares = [if self.n_phases == 2 { 0.5 } else { 1.0 }, 1.0 / self.n_phases as f64];
        let weights: [f64; FUNCTIONALS] = std::array::from_fn(|functional| shares[functional] * weights[functional]);
        let weights = row(weights.map(|weight| weight as f32).repeat(self.n_phases));
        // The distance is proportional to the functionals, so these are multiplied with the weights.
        let term = losses::energy_distance(
            values.clone() * weights.clone(),
            recent.clone() * weights.clone(),
            drawn * weights.clone(),
        );
        *recent = Tensor::cat(vec![recent.clone(), values], 0).narrow(0, n, SAMPLE_SIZE);
        let by_phases = kernels(&phases).functionals_backward(&phases, term.gradient * weights / deviations);
        Term { value: term.value, gradient: of_channels(by_phases, realisations.dims()[1]) }
    }
}

/// One-hot images with a channel for each phase.
fn of_all_phases(images: &Tensor<4>) -> Tensor<4> {
    match images.dims()[1] {
        1 => Tensor::cat(vec![1.0 - images.clone(), images.clone()], 1),
        _ => images.clone(),
    }
}

/// Gradient of [`of_all_phases`].
fn of_channels(by_phases: Tensor<4>, channels: usize) -> Tensor<4> {
    match channels {
        1 => by_phases.clone().narrow(1, 1, 1) - by_phases.narrow(1, 0, 1),
        _ => by_phases,
    }
}

/// One functional of one phase.
struct Column {
    values: Vec<f32>,
    deviation: f32,
}

impl Column {
    fn new(found: &[f64], of_micrograph: f64, least_deviation: f64) -> Self {
        // The deviation of a single window is NaN, and `max` of NaN and a number is the number.
        let (mean, deviation) = (mean(found), deviation(found).max(least_deviation));
        let values = found.iter().map(|value| ((value - mean + of_micrograph) / deviation) as f32).collect();
        Self { values, deviation: deviation as f32 }
    }
}

/// The functionals of `phase` in windows at regular places of each image.
fn columns(micrograph: &PhaseImages, side: usize, phase: u8) -> [Column; FUNCTIONALS] {
    let [_, ny, nx] = micrograph.shape();
    let in_image = |image: usize, y: Range<usize>, x: Range<usize>| {
        minkowski_functionals(micrograph.image(image), nx, y, x, phase)
    };
    let of_images: Vec<_> = (0..micrograph.len()).map(|image| in_image(image, 0..ny, 0..nx)).collect();
    let of_windows: Vec<_> = regular_places(micrograph, PLACES, side)
        .into_iter()
        .map(|(image, y, x)| in_image(image, y..y + side, x..x + side))
        .collect();
    // Lower bounds for windows that are all alike: a hundredth of the pixels, and one piece.
    let least_deviations = [0.01, 1.0 / (side * side) as f64];
    std::array::from_fn(|functional| {
        let of = |images: &[[f64; FUNCTIONALS]]| -> Vec<f64> { images.iter().map(|of| of[functional]).collect() };
        Column::new(&of(&of_windows), mean(&of(&of_images)), least_deviations[functional])
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::micrograph::Sample;
    use crate::random::{Purpose, generator};

    /// Functional `functional` of `phase`, window by window.
    fn values(of: &Minkowski, phase: usize, functional: usize) -> Vec<f32> {
        let column = FUNCTIONALS * phase + functional;
        of.values.chunks(of.deviations.len()).map(|window| window[column] * of.deviations[column]).collect()
    }

    #[test]
    fn every_window_of_a_small_micrograph_is_there_and_their_mean_is_its_own() {
        // Phase 1 fills the first column, phase 2 the last one but for its end.
        let phases = Array4::from_shape_fn((1, 1, 3, 4), |(_, _, y, x)| match x {
            0 => 1,
            3 if y < 2 => 2,
            _ => 0,
        });
        let micrograph = PhaseImages::new(phases, 3).unwrap();
        let shares = |phase| {
            let windows = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)];
            windows.map(|(y, x)| minkowski_functionals(micrograph.image(0), 4, y..y + 2, x..x + 2, phase)[0])
        };
        assert_eq!((shares(1), shares(2)), ([0.5, 0.0, 0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0, 0.0, 0.25]));
        let found = Minkowski::new(&micrograph, 2);
        assert_eq!((found.values.len(), found.deviations.len()), (6 * 6, 6));
        for phase in 0..3 {
            let expected = minkowski_functionals(micrograph.image(0), 4, 0..3, 0..4, phase as u8);
            for (functional, expected) in expected.into_iter().enumerate() {
                let values = values(&found, phase, functional);
                let mean = values.iter().sum::<f32>() / values.len() as f32;
                assert!((f64::from(mean) - expected).abs() < 1e-6, "{mean} instead of {expected}");
            }
        }
        assert!((found.deviations[FUNCTIONALS] - (1.0f32 / 15.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn images_as_large_as_windows_are_one_window_each() {
        let phases = Array4::from_shape_fn((5, 1, 2, 2), |(n, _, y, x)| u8::from(2 * y + x < n));
        let found = Minkowski::new(&PhaseImages::new(phases, 2).unwrap(), 2);
        let expected = [0.0, 0.25, 0.5, 0.75, 1.0];
        assert!(values(&found, 1, 0).iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6));
    }

    #[test]
    fn realisations_are_pulled_to_the_volume_fractions_of_the_micrograph() {
        let micrograph = Sample::GaussianField(Default::default()).make(3, 1).unwrap().images;
        let functionals = Minkowski::new(&micrograph, 64);
        let device = Device::flex();
        let drawn = functionals.draw(&mut generator(1, Purpose::Step, 0), &device);
        let deviation = functionals.deviations[FUNCTIONALS];
        let full: Vec<f32> = functionals.deviations.iter().zip([0.0, 0.0, 1.0, 0.0]).map(|(d, v)| v / d).collect();
        let full = Tensor::<2>::from_data(TensorData::new(full.repeat(SAMPLE_SIZE), [SAMPLE_SIZE, 4]), &device);
        let mut recent = full.clone();
        let term = functionals.term(&Tensor::ones([4, 1, 64, 64], &device), &mut recent, drawn, [0.5, 0.0]);
        assert!((recent - full).abs().max().into_scalar::<f32>() < 1e-3);
        // All alike and all above the real ones: 2 / n by each volume fraction in its unit, shared by its pixels.
        let expected = 0.5 * 2.0 / 4.0 / f64::from(deviation) / 4096.0;
        let difference = (term.gradient / expected - 1.0).abs().max().into_scalar::<f32>();
        assert!(difference < 1e-4 && term.value.into_scalar::<f32>() > 0.5, "{difference}");
    }
}
