//! Phases as the channels of a network, and back.

use crate::micrograph::PhaseImages;
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};

/// Channels of an image of `n_phases` phases: one for two phases (the indicator of phase 1), else one a phase.
pub fn channels(n_phases: usize) -> usize {
    if n_phases == 2 { 1 } else { n_phases }
}

/// The phase that each channel is the indicator of.
pub fn phases_of_channels(n_phases: usize) -> impl Iterator<Item = u8> {
    (0..n_phases as u8).skip(usize::from(n_phases == 2))
}

/// How far the channels of one phase are from those of another.
pub fn phase_distance(n_phases: usize) -> f64 {
    if channels(n_phases) == 1 { 1.0 } else { std::f64::consts::SQRT_2 }
}

/// The images at `indices` as one-hot channels, `[n, channels, ny, nx]`.
pub fn one_hot(images: &PhaseImages, indices: &[usize], device: &Device) -> Tensor<4> {
    let [_, ny, nx] = images.shape();
    let channels = channels(images.n_phases());
    let mut values = Vec::with_capacity(indices.len() * channels * ny * nx);
    for &index in indices {
        for phase in phases_of_channels(images.n_phases()) {
            values.extend(images.image(index).iter().map(|&p| if p == phase { 1f32 } else { 0.0 }));
        }
    }
    Tensor::from_data(TensorData::new(values, [indices.len(), channels, ny, nx]), device)
}

/// The most probable phase of each pixel, `[n, height, width]`, for logits `[n, channels, height, width]`.
///
/// # Errors
///
/// [`Error::Device`] if the logits cannot be read back, [`Error::Diverged`] if one is not a number.
pub fn most_probable_phases(logits: Tensor<4>, to: &mut [u8]) -> Result<()> {
    let [_, channels, ny, nx] = logits.dims();
    let logits = read(logits)?;
    if logits.iter().any(|logit| logit.is_nan()) {
        return Err(not_numbers());
    }
    let pixels = ny * nx;
    for (logits, phases) in logits.chunks_exact(channels * pixels).zip(to.chunks_exact_mut(pixels)) {
        for (pixel, phase) in phases.iter_mut().enumerate() {
            *phase = if channels == 1 { u8::from(logits[pixel] > 0.0) } else { largest(logits, pixel, pixels) };
        }
    }
    Ok(())
}

/// The first channel with the largest logit at `pixel`.
fn largest(logits: &[f32], pixel: usize, pixels: usize) -> u8 {
    let mut best = 0;
    for channel in 1..logits.len() / pixels {
        if logits[channel * pixels + pixel] > logits[best * pixels + pixel] {
            best = channel;
        }
    }
    best as u8
}

/// What to say about logits that are not numbers.
pub fn not_numbers() -> Error {
    Error::Diverged("the generator gives values that are not numbers: its training diverged".into())
}

/// Reads a tensor back to the host.
///
/// # Errors
///
/// [`Error::Device`] if the device failed since the last read.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data =
        tensor.try_into_data_as::<f32>().map_err(|error| Error::Device(format!("cannot read results: {error}")))?;
    data.try_to_vec()
        .map_err(|error| Error::Internal(format!("a tensor is not of the type it was made with: {error:?}")))
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn round_trip(n_phases: usize) {
        let phases = Array4::from_shape_fn((3, 1, 4, 5), |(n, _, y, x)| ((n * 7 + y * 3 + x) % n_phases) as u8);
        let images = PhaseImages::new(phases, n_phases).unwrap();
        let encoded = one_hot(&images, &[0, 1, 2], &Device::flex());
        assert_eq!(encoded.dims()[1], channels(n_phases));
        let mut phases = vec![0; images.as_slice().len()];
        most_probable_phases(encoded - 0.5, &mut phases).unwrap();
        assert_eq!(phases, images.as_slice());
    }

    #[test]
    fn phases_survive_the_channels() {
        round_trip(2);
        round_trip(3);
        round_trip(8);
    }

    #[test]
    fn phases_are_as_far_apart_as_is_said() {
        for n_phases in [2, 3, 8] {
            let pixels = Array4::from_shape_fn((n_phases, 1, 1, 1), |(phase, ..)| phase as u8);
            let images = PhaseImages::new(pixels, n_phases).unwrap();
            let all: Vec<usize> = (0..n_phases).collect();
            let encoded = one_hot(&images, &all, &Device::flex());
            for other in 1..n_phases {
                let difference = encoded.clone().narrow(0, other, 1) - encoded.clone().narrow(0, 0, 1);
                let distance = difference.powi_scalar(2).sum().sqrt().into_scalar::<f32>();
                assert!((f64::from(distance) - phase_distance(n_phases)).abs() < 1e-6, "{n_phases} phases: {distance}");
            }
        }
    }

    #[test]
    fn logits_that_are_no_numbers_are_refused() {
        let logits = Tensor::<4>::full([1, 1, 2, 2], f32::NAN, &Device::flex());
        assert!(matches!(most_probable_phases(logits, &mut [0; 4]), Err(Error::Diverged(_))));
    }
}
