//! Given volume fractions: biases of the generator's logits, with which realisations have about these fractions before
//! they are relaxed.

use super::field::logits;
use crate::micrograph::PhaseImages;
use crate::model::Model;
use crate::network::{Network, channels};
use crate::{Error, Result};

/// Rounds in which the biases of several phases are found; one round is exact for two phases.
const ROUNDS: usize = 30;

/// How far a given volume fraction may lie from that of the micrograph, in standard deviations of its tiles, or as a part
/// of the smaller of the phase and the rest, whichever is farther.
const DEVIATIONS: f64 = 4.0;
const PART: f64 = 0.1;

/// Refuses volume fractions that the material of `tiles` does not have.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the phase, its fraction and the range.
pub fn check_reach(tiles: &PhaseImages, fractions: &[f64]) -> Result<()> {
    for (phase, &fraction) in fractions.iter().enumerate() {
        let count = |image: usize| tiles.image(image).iter().filter(|&&p| usize::from(p) == phase).count();
        let shares: Vec<f64> = (0..tiles.len()).map(|image| count(image) as f64 / tiles.voxels() as f64).collect();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64;
        let reach = (DEVIATIONS * variance.sqrt()).max(PART * mean.min(1.0 - mean));
        let (least, most) = ((mean - reach).max(0.0), (mean + reach).min(1.0));
        if !(least..=most).contains(&fraction) {
            return Err(Error::invalid(format!(
                "the volume fraction of phase {phase} is {fraction}; realisations of this model can have {least:.4} to \
                 {most:.4}"
            )));
        }
    }
    Ok(())
}

/// The generator with biases for which realisation `index` of `shape` has about the volume `fractions` before relaxation.
///
/// # Errors
///
/// Those of reading a tensor back.
pub fn biased(model: &Model, seed: u64, index: u64, shape: [usize; 3], fractions: &[f64]) -> Result<Network> {
    let logits = logits(model, seed, index, shape)?;
    let n_channels = channels(model.n_phases());
    // Of two phases, the first has logits of zero.
    let zeros = vec![0f32; logits[0].len()];
    let of_phases: Vec<&[f32]> = match n_channels {
        1 => vec![&zeros, &logits[0]],
        _ => logits.iter().map(Vec::as_slice).collect(),
    };
    let biases = biases(&of_phases, fractions);
    let biases: Vec<f32> = if n_channels == 1 { vec![biases[1] - biases[0]] } else { biases };
    Ok(model.generator.with_output_biases(&biases))
}

/// Biases with which the phase of the largest logit has the volume `fractions`.
fn biases(logits: &[&[f32]], fractions: &[f64]) -> Vec<f32> {
    let mut biases = vec![0f32; logits.len()];
    for _ in 0..if logits.len() == 2 { 1 } else { ROUNDS } {
        for phase in 1..logits.len() {
            let mut leads: Vec<f32> = (0..logits[0].len())
                .map(|voxel| {
                    let others = (0..logits.len()).filter(|&other| other != phase);
                    let largest = others.map(|other| logits[other][voxel] + biases[other]).fold(f32::MIN, f32::max);
                    largest - logits[phase][voxel]
                })
                .collect();
            // The bias exceeds as many leads of the others as voxels are to have the phase.
            let count = (fractions[phase] * leads.len() as f64).round() as usize;
            biases[phase] = match count.checked_sub(1) {
                None => leads.iter().copied().fold(f32::MAX, f32::min) - 1.0,
                Some(last) => {
                    let (_, &mut least, behind) = leads.select_nth_unstable_by(last, f32::total_cmp);
                    let next = behind.iter().copied().fold(f32::MAX, f32::min).min(least + 1.0);
                    least + (next - least) / 2.0
                }
            };
        }
    }
    biases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};
    use rand::Rng;

    #[test]
    fn biases_give_the_fractions_of_any_number_of_phases() {
        let mut rng = generator(1, Purpose::Step, 1);
        let drawn: Vec<Vec<f32>> = (0..4).map(|_| (0..20_000).map(|_| rng.random_range(-9.0..9.0)).collect()).collect();
        for fractions in
            [vec![0.5, 0.5], vec![0.01, 0.99], vec![1.0, 0.0], vec![0.2, 0.3, 0.5], vec![0.1, 0.05, 0.6, 0.25]]
        {
            let logits: Vec<&[f32]> = drawn[..fractions.len()].iter().map(Vec::as_slice).collect();
            let biases = biases(&logits, &fractions);
            let mut found = vec![0f64; fractions.len()];
            for voxel in 0..20_000 {
                let value = |phase: &usize| logits[*phase][voxel] + biases[*phase];
                let phase = (0..fractions.len()).max_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
                found[phase] += 1.0 / 20_000.0;
            }
            let off = found.iter().zip(&fractions).map(|(a, b)| f64::abs(a - b)).fold(0.0, f64::max);
            assert!(off < 1e-3, "{found:?} instead of {fractions:?}");
        }
    }

    #[test]
    fn fractions_out_of_reach_are_refused_with_the_range() {
        let image = |phases: usize| (0..64).map(move |voxel| u8::from(voxel < phases));
        let tiles = PhaseImages::new(
            ndarray::Array4::from_shape_vec((2, 1, 8, 8), image(16).chain(image(24)).collect()).unwrap(),
            2,
        );
        let tiles = tiles.unwrap();
        // Mean 20 of 64, standard deviation 4.
        check_reach(&tiles, &[44.0 / 64.0, 20.0 / 64.0]).unwrap();
        check_reach(&tiles, &[1.0 - 35.0 / 64.0, 35.0 / 64.0]).unwrap();
        let error = check_reach(&tiles, &[1.0 - 37.0 / 64.0, 37.0 / 64.0]).unwrap_err().to_string();
        assert!(error.contains("phase 0 is 0.421875") && error.contains("0.4375 to 0.9375"), "{error}");
    }
}
