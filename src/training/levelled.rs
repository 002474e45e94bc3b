//! Volume fractions of a generator of volumes: a step shows it planes of a single volume, so that its fractions
//! drift from those of the micrograph.

use burn_tensor::Tensor;

use super::checkpoint::Checkpoint;
use super::draws::random_input;
use crate::Result;
use crate::network::{Network, read};
use crate::random::{Normals, Purpose};

/// Volumes that fractions are measured on, and which of their voxels.
const VOLUMES: usize = 64;
const EVERY: usize = 31;

/// How often each phase is adjusted to the others.
const ROUNDS: usize = 16;

/// `network`, the biases of whose last layer give its volumes the volume fractions of the tiles on average.
///
/// # Errors
///
/// Those of reading a tensor back.
pub fn levelled(mut network: Network, checkpoint: &Checkpoint) -> Result<Network> {
    let Checkpoint { options, tiles, state, .. } = checkpoint;
    let device = network.parameters.device();
    let mut normals = Normals::new(options.seed, Purpose::Fractions, state.step);
    let mut logits: Vec<Vec<f32>> = Vec::new();
    for _ in 0..VOLUMES {
        let made = network.forward(random_input(options, tiles.n_phases(), options.batch(), &mut normals, &device));
        let [n, channels, ..] = made.dims();
        let values = read(made)?;
        logits.resize(channels, Vec::new());
        for (channel, values) in values.chunks_exact(values.len() / n / channels).enumerate() {
            logits[channel % channels].extend(values.iter().step_by(EVERY));
        }
    }
    let wanted = checkpoint.volume_fractions();
    let range = network.layout().layers.last().expect("a generator has layers").shift.clone();
    let by = Tensor::from_data(offsets(&mut logits, &wanted).as_slice(), &device);
    let biases = network.parameters.clone().slice(range.clone()) + by;
    network.parameters = network.parameters.slice_assign([range], biases);
    Ok(network)
}

/// What is to be added to the logits of each channel, so that the largest is that of each phase as often as `wanted`. One
/// channel: that of phase 1, beside a logit of 0.
fn offsets(logits: &mut [Vec<f32>], wanted: &[f64]) -> Vec<f32> {
    let mut offsets = vec![0.0; logits.len()];
    if let [single] = logits {
        offsets[0] = offset(single.iter().map(|logit| -logit).collect(), wanted[1]);
        return offsets;
    }
    for _ in 0..ROUNDS {
        for (phase, &wanted) in wanted.iter().enumerate() {
            let lead = |voxel: usize| {
                let others = (0..logits.len()).filter(|&other| other != phase);
                let largest = others.map(|other| logits[other][voxel]).fold(f32::NEG_INFINITY, f32::max);
                largest - logits[phase][voxel]
            };
            let by = offset((0..logits[phase].len()).map(lead).collect(), wanted);
            logits[phase].iter_mut().for_each(|logit| *logit += by);
            offsets[phase] += by;
        }
    }
    offsets
}

/// What is above the `wanted` share of `leads`, as far as there are so many.
fn offset(mut leads: Vec<f32>, wanted: f64) -> f32 {
    let last = leads.len() - 1;
    let rank = ((wanted * leads.len() as f64).round() as usize).clamp(1, last);
    let (below, &mut above, _) = leads.select_nth_unstable_by(rank, f32::total_cmp);
    let largest_below = below.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    largest_below / 2.0 + above / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_give_each_phase_its_share() {
        let noise = |channel: usize| move |i: usize| ((i * (2 * channel + 3)) as f32 * 0.61).sin() + channel as f32;
        for wanted in [vec![0.7, 0.3], vec![0.2, 0.5, 0.3]] {
            let channels = if wanted.len() == 2 { 1 } else { wanted.len() };
            let logits: Vec<Vec<f32>> = (0..channels).map(|channel| (0..1000).map(noise(channel)).collect()).collect();
            let offsets = offsets(&mut logits.clone(), &wanted);
            let mut counts = vec![0; wanted.len()];
            let phase = |voxel: usize| {
                let logit = |channel: usize| logits[channel][voxel] + offsets[channel];
                match channels {
                    1 => usize::from(logit(0) > 0.0),
                    _ => (0..channels).max_by(|&a, &b| logit(a).total_cmp(&logit(b))).unwrap(),
                }
            };
            (0..1000).for_each(|voxel| counts[phase(voxel)] += 1);
            for (found, wanted) in counts.iter().zip(&wanted) {
                assert!((f64::from(*found) - 1000.0 * wanted).abs() < 15.0, "{counts:?}");
            }
        }
    }
}
