//! How volume fractions follow the latent vectors, and which ones can be given.

use std::ops::RangeInclusive;

use ndarray::{Array1, Array2, Axis};
use rand_distr::{Distribution, StandardNormal};

use super::field::{decode_fields, latent_vectors};
use super::shift::Shift;
use crate::device::memory;
use crate::micrograph::{Block, PhaseImages};
use crate::model::Model;
use crate::random::{self, Purpose};
use crate::{Error, Result};

/// Realisations of the size of a training tile on which the slopes are found, or of volumes with its side; those decoded
/// at once, and their seed.
const REALISATIONS: usize = 512;
const VOLUMES: usize = 64;
const AT_ONCE: usize = 64;
const SEED: u64 = u64::MAX;

/// How far a given volume fraction may lie from that of the micrograph, in standard deviations of its tiles, or as a part
/// of the smaller of the phase and the rest, whichever is farther.
const DEVIATIONS: f64 = 4.0;
const PART: f64 = 0.1;

/// The least and the most that the volume fraction of a phase can be in realisations of the material of `tiles`.
fn reach(tiles: &PhaseImages, phase: usize) -> RangeInclusive<f64> {
    let count = |image: usize| tiles.image(image).iter().filter(|&&p| usize::from(p) == phase).count();
    let shares: Vec<f64> = (0..tiles.len()).map(|image| count(image) as f64 / tiles.voxels() as f64).collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64;
    let reach = (DEVIATIONS * variance.sqrt()).max(PART * mean.min(1.0 - mean));
    (mean - reach).max(0.0)..=(mean + reach).min(1.0)
}

/// The upper end of a range in four digits, which are in the range.
fn told(most: f64) -> f64 {
    (most * 1e4).floor() / 1e4
}

/// Refuses volume fractions that the material of `tiles` does not have.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the phase, its fraction and the range.
pub fn check_reach(tiles: &PhaseImages, fractions: &[f64]) -> Result<()> {
    for (phase, &fraction) in fractions.iter().enumerate() {
        let reach = reach(tiles, phase);
        if !reach.contains(&fraction) {
            let fraction = (fraction * 1e9).round() / 1e9; // 1 - 0.9 is 0.1 for a reader
            let (least, most) = (1.0 - told(1.0 - reach.start()), told(*reach.end()));
            return Err(Error::invalid(format!(
                "the volume fraction of phase {phase} is {fraction}; realisations of this model can have {least:.4} to {most:.4}; \
                 for others train on a micrograph of such a material"
            )));
        }
    }
    Ok(())
}

/// The phase whose fraction is drawn if fractions vary, the rarest of them, and what it can be: with all others in reach,
/// which share the rest as they do in `fractions`.
fn varying(tiles: &PhaseImages, fractions: &[f64]) -> (usize, RangeInclusive<f64>) {
    let rarest = (0..fractions.len()).min_by(|&a, &b| fractions[a].total_cmp(&fractions[b])).unwrap_or(0);
    let (mut least, mut most) = reach(tiles, rarest).into_inner();
    for phase in (0..fractions.len()).filter(|&phase| phase != rarest && fractions[phase] > 0.0) {
        let (of_phase, share) = (reach(tiles, phase), fractions[phase] / (1.0 - fractions[rarest]));
        least = least.max(1.0 - of_phase.end() / share);
        most = most.min(1.0 - of_phase.start() / share);
    }
    // What is drawn may be the mean itself, also where it lies at an end that is rounded.
    (rarest, least.min(fractions[rarest])..=most.max(fractions[rarest]))
}

/// Refuses a standard deviation of the volume fractions that is none, or wider than the material of `tiles` allows.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the deviation and the range.
pub fn check_deviation(tiles: &PhaseImages, fractions: &[f64], deviation: f64) -> Result<()> {
    let (_, reach) = varying(tiles, fractions);
    let most = (reach.end() - reach.start()) / 2.0;
    if (0.0..=most).contains(&deviation) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the standard deviation of the volume fraction is {deviation}; with this model it can be 0 to {:.4}",
        told(most)
    )))
}

/// The volume fractions of realisation `index`: that of the rarest phase is drawn from a normal distribution, of which what
/// the material of `tiles` does not have is cut off; the others share the rest as they do on average.
pub fn drawn(tiles: &PhaseImages, fractions: &[f64], deviation: f64, seed: u64, index: u64) -> Vec<f64> {
    if deviation == 0.0 {
        return fractions.to_vec();
    }
    let ((phase, reach), mut rng) =
        (varying(tiles, fractions), random::generator(seed, Purpose::GivenFractions, index));
    let mean = fractions[phase];
    let drawn = loop {
        let normal: f64 = StandardNormal.sample(&mut rng);
        let drawn = mean + deviation * normal;
        if reach.contains(&drawn) {
            break drawn;
        }
    };
    let rest = (1.0 - drawn) / (1.0 - mean);
    fractions.iter().enumerate().map(|(other, fraction)| if other == phase { drawn } else { fraction * rest }).collect()
}

/// How the volume fraction of each phase changes with the mean of each latent, `(phase, latent)`.
///
/// # Errors
///
/// Those of [`decode_fields`].
pub fn slopes(model: &Model) -> Result<&Array2<f64>> {
    match model.kept.slopes.get() {
        Some(slopes) => Ok(slopes),
        None => {
            let found = find_slopes(model)?;
            Ok(model.kept.slopes.get_or_init(|| found))
        }
    }
}

fn find_slopes(model: &Model) -> Result<Array2<f64>> {
    let (shape, n_phases) = (model.shape(), model.n_phases());
    let (voxels, cells) = (shape.iter().product(), model.latent_cells());
    let count = if model.profile.axes() == 2 { REALISATIONS } else { VOLUMES };
    let vectors = latent_vectors(model, SEED, 0, count, shape)?;
    let mut phases = memory::zeros(AT_ONCE * voxels, "finding volume fractions", "close other programs")?;
    let mut shares = Vec::with_capacity(count);
    for first in (0..count).step_by(AT_ONCE) {
        decode_fields(model, &Shift::none(model), SEED, first as u64, shape, &Block::whole(shape), &mut phases)?;
        shares.extend(phases.chunks_exact(voxels).map(|image| shares_of(image, n_phases)));
    }
    let means = shares.iter().fold(Array1::<f64>::zeros(n_phases), |sum, shares| sum + shares) / count as f64;
    let mut sums = Array2::<f64>::zeros((n_phases, model.latent_size / cells));
    for (shares, vector) in shares.iter().zip(vectors.outer_iter()) {
        for (latent, values) in vector.exact_chunks(cells).into_iter().enumerate() {
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / cells as f64;
            sums.index_axis_mut(Axis(1), latent).scaled_add(mean, &(shares - &means));
        }
    }
    // Latents are normal numbers: their mean over the cells has the variance 1 / cells.
    Ok(sums * (cells as f64 / count as f64))
}

/// The share of each phase.
fn shares_of(image: &[u8], n_phases: usize) -> Array1<f64> {
    let mut shares = Array1::zeros(n_phases);
    image.iter().for_each(|&phase| shares[usize::from(phase)] += 1.0 / image.len() as f64);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let ends = [0.12344, 0.12345, 0.12346].map(told);
        assert_eq!(ends, [0.1234; 3], "ends are not rounded to what is refused");
    }

    #[test]
    fn drawn_fractions_leave_the_other_phases_in_reach() {
        // Phase 0 hardly varies between tiles.
        let image = |of_rarest: usize| {
            (0..64).map(move |voxel| [0, 1, 2][usize::from(voxel >= 20) + usize::from(voxel >= 64 - of_rarest)])
        };
        let phases = ndarray::Array4::from_shape_vec((2, 1, 8, 8), image(4).chain(image(28)).collect()).unwrap();
        let tiles = PhaseImages::new(phases, 3).unwrap();
        let (mean, (rarest, most)) = (tiles.volume_fractions(), varying(&tiles, &tiles.volume_fractions()));
        let alone = reach(&tiles, 2);
        assert!(rarest == 2 && alone.start() + 0.1 < *most.start() && most.end() + 0.1 < *alone.end(), "{most:?}");
        let deviation = (most.end() - most.start()) / 2.0;
        check_deviation(&tiles, &mean, deviation).unwrap();
        check_deviation(&tiles, &mean, 1.01 * deviation).unwrap_err();
        for index in 0..200 {
            check_reach(&tiles, &drawn(&tiles, &mean, deviation, 3, index)).unwrap();
        }
        // Where another phase is at an end of its reach, the mean is there to be drawn.
        let mut in_reach = 0;
        for (phase, part) in
            [0, 1].into_iter().flat_map(|phase| (1..50).map(move |part| (phase, f64::from(part) / 100.0)))
        {
            for end in [*reach(&tiles, phase).start(), *reach(&tiles, phase).end()] {
                let mut fractions = [0.0, 0.0, (1.0 - end) * part];
                (fractions[phase], fractions[1 - phase]) = (end, 1.0 - end - fractions[2]);
                if check_reach(&tiles, &fractions).is_ok() {
                    let (rarest, most) = varying(&tiles, &fractions);
                    assert!(most.contains(&fractions[rarest]), "{fractions:?}, {most:?}");
                    in_reach += 1;
                }
            }
        }
        assert!(in_reach > 10);
    }

    #[test]
    fn drawn_fractions_have_the_mean_and_the_deviation_and_stay_in_reach() {
        let shares = (0..6 * 64).map(|voxel| [0, 0, 0, 1, 1, 2][(voxel * 7 + voxel / 64) % 6]);
        let tiles =
            PhaseImages::new(ndarray::Array4::from_shape_vec((6, 1, 8, 8), shares.collect()).unwrap(), 3).unwrap();
        let mean = tiles.volume_fractions();
        let (_, most) = varying(&tiles, &mean);
        let (deviation, n) = ((most.end() - most.start()) / 8.0, 4096);
        check_deviation(&tiles, &mean, deviation).unwrap();
        let all: Vec<Vec<f64>> = (0..n).map(|index| drawn(&tiles, &mean, deviation, 3, index)).collect();
        let average = |of: &dyn Fn(&[f64]) -> f64| all.iter().map(|fractions| of(fractions)).sum::<f64>() / n as f64;
        let found = average(&|fractions| fractions[2]);
        let variance = average(&|fractions| (fractions[2] - found).powi(2));
        assert!((found - mean[2]).abs() < 0.1 * deviation && (variance.sqrt() / deviation - 1.0).abs() < 0.1);
        for fractions in &all {
            check_reach(&tiles, fractions).unwrap();
            assert!((fractions.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((fractions[0] / fractions[1] - mean[0] / mean[1]).abs() < 1e-9);
        }
        // Each follows from seed and index alone.
        assert_eq!(drawn(&tiles, &mean, deviation, 3, 7), all[7]);
        assert_ne!(drawn(&tiles, &mean, deviation, 4, 7), all[7]);
        assert_eq!(drawn(&tiles, &mean, 0.0, 3, 7), mean);
        for wrong in [-0.1, f64::NAN, 0.5] {
            let error = check_deviation(&tiles, &mean, wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("volume fraction is {wrong}; with this model it can be 0 to")), "{error}");
        }
    }
}
