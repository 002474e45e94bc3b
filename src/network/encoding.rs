//! Phases as the channels of a network, and back.

use crate::micrograph::PhaseImages;
use crate::{Error, Result};
use burn_tensor::kind::Basic;
use burn_tensor::{Device, Element, Int, Tensor, TensorData};

/// Number of channels: one for two phases (the indicator of phase 1), else one per phase.
pub fn channels(n_phases: usize) -> usize {
    if n_phases == 2 { 1 } else { n_phases }
}

/// The phase of each channel.
pub fn phases_of_channels(n_phases: usize) -> impl Iterator<Item = u8> {
    (0..n_phases as u8).skip(usize::from(n_phases == 2))
}

/// Euclidean distance between the channels of two different phases.
pub fn phase_distance(n_phases: usize) -> f64 {
    if channels(n_phases) == 1 { 1.0 } else { std::f64::consts::SQRT_2 }
}

/// The images at `indices` as one-hot channels, `[n, channels, nz, ny, nx]`.
pub fn one_hot(images: &PhaseImages, indices: &[usize], device: &Device) -> Tensor<5> {
    let [nz, ny, nx] = images.shape();
    let channels = channels(images.n_phases());
    let mut values = Vec::with_capacity(indices.len() * channels * nz * ny * nx);
    for &index in indices {
        for phase in phases_of_channels(images.n_phases()) {
            values.extend(images.image(index).iter().map(|&p| if p == phase { 1f32 } else { 0.0 }));
        }
    }
    Tensor::from_data(TensorData::new(values, [indices.len(), channels, nz, ny, nx]), device)
}

/// Marks a pixel with a NaN logit among phases.
pub const NO_PHASE: i32 = 127;

/// The most probable phase of each pixel, on the device: four phases packed into one integer, to be read back quickly.
pub struct DevicePhases(Tensor<1, Int>);

impl DevicePhases {
    /// The phases for logits `[n, channels, depth, height, width]`; the first of equally probable ones.
    pub fn new(logits: Tensor<5>) -> Self {
        let places = Tensor::from_data([[1, 1 << 8, 1 << 16, 1 << 24]], &logits.device());
        Self((phase_numbers(logits).reshape([-1, 4]) * places).sum_dim(1).flatten(0, 1))
    }

    /// Those that are packed already.
    #[cfg(feature = "cube")]
    pub fn packed(words: Tensor<1, Int>) -> Self {
        Self(words)
    }

    /// Reads the phases back, `[n, depth, height, width]`.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if reading fails, [`Error::Diverged`] if a logit was NaN.
    pub fn read(self, to: &mut [u8]) -> Result<()> {
        let words: Vec<i32> = read_as(self.0)?;
        for (phases, word) in to.chunks_exact_mut(4).zip(words) {
            phases.copy_from_slice(&word.to_le_bytes());
        }
        if to.contains(&(NO_PHASE as u8)) { Err(not_finite("generator")) } else { Ok(()) }
    }
}

/// The most probable phase of each pixel, or [`NO_PHASE`]: `[n, 1, depth, height, width]`.
fn phase_numbers(logits: Tensor<5>) -> Tensor<5, Int> {
    let channels = logits.dims()[1];
    let mut largest = logits.clone().narrow(1, 0, 1);
    let mut no_number = largest.clone().is_nan();
    if channels == 1 {
        return largest.greater_elem(0.0).int().mask_fill(no_number, NO_PHASE);
    }
    let mut phases = largest.zeros_like().int();
    for channel in 1..channels {
        let logit = logits.clone().narrow(1, channel, 1);
        no_number = no_number.bool_or(logit.clone().is_nan());
        let larger = logit.clone().greater(largest.clone());
        phases = phases.mask_fill(larger.clone(), channel as i32);
        largest = largest.mask_where(larger, logit);
    }
    phases.mask_fill(no_number, NO_PHASE)
}

/// The error for values of `network` that are not finite.
pub fn not_finite(network: &str) -> Error {
    Error::Diverged(format!(
        "the {network} returned values that are not finite; train again with lower learning rates or another seed"
    ))
}

/// Reads a tensor back to the host.
///
/// # Errors
///
/// [`Error::Device`] if the device failed since the last read.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    read_as(tensor)
}

/// Reads a tensor back; waits for the device.
fn read_as<const D: usize, K: Basic, E: Element>(tensor: Tensor<D, K>) -> Result<Vec<E>> {
    #[cfg(test)]
    READS.set(READS.get() + 1);
    let data =
        tensor.try_into_data_as::<E>().map_err(|error| Error::Device(format!("cannot read results: {error}")))?;
    data.try_to_vec()
        .map_err(|error| Error::Internal(format!("a tensor is not of the type it was made with: {error:?}")))
}

#[cfg(test)]
thread_local! {
    static READS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts how often `work` reads tensors back on this thread.
#[cfg(test)]
pub fn count_reads(work: impl FnOnce()) -> usize {
    let before = READS.get();
    work();
    READS.get() - before
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::device::every_kind;

    fn round_trip(n_phases: usize, device: &Device) {
        let phases = Array4::from_shape_fn((3, 2, 4, 5), |(n, z, y, x)| ((n * 7 + z * 5 + y * 3 + x) % n_phases) as u8);
        let images = PhaseImages::new(phases, n_phases).unwrap();
        let encoded = one_hot(&images, &[0, 1, 2], device);
        assert_eq!(encoded.dims()[1], channels(n_phases));
        let mut phases = vec![0; images.as_slice().len()];
        DevicePhases::new(encoded - 0.5).read(&mut phases).unwrap();
        assert_eq!(phases, images.as_slice());
    }

    #[test]
    fn phases_survive_the_channels() {
        for device in every_kind() {
            [2, 3, 8].into_iter().for_each(|n_phases| round_trip(n_phases, &device));
        }
    }

    #[test]
    fn the_first_of_equally_probable_phases_counts() {
        for device in every_kind() {
            // Three phases of four pixels.
            let logits = [[1.0, 2.0, 0.0, -1.0], [1.0, 2.0, 3.0, -2.0], [0.0, 2.5, 3.0, -1.0]];
            let logits = Tensor::<2>::from_data(logits, &device).reshape([1, 3, 1, 2, 2]);
            let mut phases = [9; 4];
            DevicePhases::new(logits).read(&mut phases).unwrap();
            assert_eq!(phases, [0, 2, 1, 0]);
        }
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
        for device in every_kind() {
            for (channels, place) in [(1, 3), (3, 5), (3, 0)] {
                let mut logits = vec![1.0; channels * 4];
                logits[place] = f32::NAN;
                let logits = Tensor::from_data(TensorData::new(logits, [1, channels, 1, 2, 2]), &device);
                assert!(matches!(DevicePhases::new(logits).read(&mut [0; 4]), Err(Error::Diverged(_))));
            }
        }
    }
}
