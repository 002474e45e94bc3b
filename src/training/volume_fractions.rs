//! How volume fractions vary between windows of a micrograph, and what the generator hears of those of its realisations.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::losses::{self, Term};
use crate::evaluation::{deviation, mean};
use crate::micrograph::PhaseImages;
use crate::network::phases_of_channels;

/// Places along each axis of a micrograph at which windows are looked at.
const PLACES: usize = 64;

/// Realisations whose volume fractions are remembered, and windows that are drawn, for those of a batch to be compared with.
pub const COMPARED: usize = 64;

/// Volume fractions of windows from anywhere in a micrograph, all places alike; moved by as much as makes their mean the
/// micrograph's, for what lies along the edges is in fewer windows.
pub struct VolumeFractions {
    /// Those of each channel's phase, window by window, in `deviations`.
    values: Vec<f32>,
    /// Standard deviation of each channel over the windows, at least a hundredth: windows may all be alike.
    deviations: Vec<f32>,
}

impl VolumeFractions {
    /// Looks at windows of `side` x `side` pixels, which fit into the micrograph.
    pub fn new(micrograph: &PhaseImages, side: usize) -> Self {
        let of_micrograph = micrograph.volume_fractions();
        let channels: Vec<Channel> = phases_of_channels(micrograph.n_phases())
            .map(|phase| Channel::new(of_windows(micrograph, side, phase), of_micrograph[usize::from(phase)]))
            .collect();
        let windows = channels[0].values.len();
        Self {
            values: (0..windows)
                .flat_map(|window| channels.iter().map(move |channel| channel.values[window]))
                .collect(),
            deviations: channels.iter().map(|channel| channel.deviation).collect(),
        }
    }

    /// Those of [`COMPARED`] windows, `[COMPARED, channels]`.
    pub fn draw(&self, rng: &mut impl Rng, device: &Device) -> Tensor<2> {
        let channels = self.deviations.len();
        let windows = self.values.len() / channels;
        let mut drawn = Vec::with_capacity(COMPARED * channels);
        for _ in 0..COMPARED {
            let first = rng.random_range(0..windows) * channels;
            drawn.extend_from_slice(&self.values[first..first + channels]);
        }
        Tensor::from_data(TensorData::new(drawn, [COMPARED, channels]), device)
    }

    /// How far the volume fractions of `realisations`, one-hot, are from the `drawn` ones in distribution; `remembered` are
    /// those of earlier realisations, `[COMPARED, channels]`, which become the latest.
    ///
    /// Batch normalisation sets the images of one batch off against each other: the distance would rest where they differ
    /// too much if they were compared among themselves.
    pub fn term(&self, realisations: &Tensor<4>, remembered: &mut Tensor<2>, drawn: Tensor<2>) -> Term<4> {
        let [n, channels, height, width] = realisations.dims();
        let pixels = height * width;
        let deviations = TensorData::new(self.deviations.clone(), [1, channels]);
        let deviations = Tensor::<2>::from_data(deviations, &realisations.device());
        let means: Tensor<2> = realisations.clone().reshape([n * channels, pixels]).mean_dim(1).reshape([n, channels]);
        let values = means / deviations.clone();
        let term = losses::energy_distance(values.clone(), remembered.clone(), drawn);
        *remembered = Tensor::cat(vec![remembered.clone(), values], 0).narrow(0, n, COMPARED);
        let by_pixel: Tensor<4> = (term.gradient / deviations / pixels as f64).reshape([n, channels, 1, 1]);
        Term { value: term.value, gradient: by_pixel.expand([n, channels, height, width]) }
    }
}

/// The volume fractions of one phase.
struct Channel {
    values: Vec<f32>,
    deviation: f32,
}

impl Channel {
    fn new(shares: Vec<f64>, of_micrograph: f64) -> Self {
        // Of a single window there is no deviation: of a number and no number, `max` is the number.
        let (mean, deviation) = (mean(&shares), deviation(&shares).max(0.01));
        let values = shares.iter().map(|share| ((share - mean + of_micrograph) / deviation) as f32).collect();
        Self { values, deviation: deviation as f32 }
    }
}

/// What share of each window is of `phase`: windows at regular places, as many of each image.
fn of_windows(micrograph: &PhaseImages, side: usize, phase: u8) -> Vec<f64> {
    let [_, ny, nx] = micrograph.shape();
    // Of many images, fewer windows each.
    let places = (PLACES as f64 / (micrograph.len() as f64).sqrt()).ceil() as usize;
    let offsets = |length: usize| {
        let last = length - side;
        let count = places.min(last + 1);
        (0..count).map(move |index| if count == 1 { last / 2 } else { index * last / (count - 1) })
    };
    let mut shares = Vec::new();
    for image in (0..micrograph.len()).map(|index| micrograph.image(index)) {
        for (y, x) in offsets(ny).flat_map(|y| offsets(nx).map(move |x| (y, x))) {
            let row = |row: usize| &image[row * nx + x..][..side];
            let pixels: usize = (y..y + side).map(|y| row(y).iter().filter(|&&p| p == phase).count()).sum();
            shares.push(pixels as f64 / (side * side) as f64);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::micrograph::Sample;
    use crate::random::{Purpose, generator};

    fn values(of: &VolumeFractions, channel: usize) -> Vec<f32> {
        of.values.chunks(of.deviations.len()).map(|window| window[channel] * of.deviations[channel]).collect()
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
        assert_eq!(of_windows(&micrograph, 2, 1), [0.5, 0.0, 0.0, 0.5, 0.0, 0.0]);
        assert_eq!(of_windows(&micrograph, 2, 2), [0.0, 0.0, 0.5, 0.0, 0.0, 0.25]);
        let found = VolumeFractions::new(&micrograph, 2);
        assert_eq!((found.values.len(), found.deviations.len()), (18, 3));
        for (channel, expected) in [6.0 / 12.0 + 1.0 / 12.0, 3.0 / 12.0, 2.0 / 12.0].into_iter().enumerate() {
            let values = values(&found, channel);
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            assert!((mean - expected).abs() < 1e-6, "{mean} instead of {expected}");
        }
        assert!((found.deviations[1] - (1.0f32 / 15.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn images_as_large_as_windows_are_one_window_each() {
        let phases = Array4::from_shape_fn((5, 1, 2, 2), |(n, _, y, x)| u8::from(2 * y + x < n));
        let found = VolumeFractions::new(&PhaseImages::new(phases, 2).unwrap(), 2);
        let expected = [0.0, 0.25, 0.5, 0.75, 1.0];
        assert!(values(&found, 0).iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6));
    }

    #[test]
    fn realisations_are_pulled_to_the_volume_fractions_of_the_micrograph() {
        let micrograph = Sample::GaussianField(Default::default()).make(3, 1).unwrap().images;
        let fractions = VolumeFractions::new(&micrograph, 64);
        let device = Device::flex();
        let drawn = fractions.draw(&mut generator(1, Purpose::Step, 0), &device);
        let full = 1.0 / fractions.deviations[0];
        let mut remembered = Tensor::full([COMPARED, 1], full, &device);
        let term = fractions.term(&Tensor::ones([4, 1, 64, 64], &device), &mut remembered, drawn);
        assert_eq!(remembered.dims(), [COMPARED, 1]);
        assert!((remembered - full).abs().max().into_scalar::<f32>() < 1e-3);
        // All alike and all above the real ones: 2 / n by each volume fraction in its unit, shared by its pixels.
        let expected = 2.0 / 4.0 / f64::from(fractions.deviations[0]) / 4096.0;
        let difference = (term.gradient / expected - 1.0).abs().max().into_scalar::<f32>();
        assert!(difference < 1e-4 && term.value.into_scalar::<f32>() > 1.0, "{difference}");
    }
}
