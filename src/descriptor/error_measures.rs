//! The error measures of the paper: Eq. 12, E_rec and E_gen.

use std::ops::Range;

use ndarray::Array4;
use rayon::prelude::*;

use super::{
    PairCounts, S2Options, check_phase, check_same_shape, mean, pair_counts,
    two_point::{ADVICE, WHAT, s2, squared_lag},
};
use crate::device::memory;
use crate::{Error, Result, micrograph::PhaseImages};

/// Pair counts held at a time, at most 8 MiB.
const BLOCK: usize = 1 << 21;

/// Descriptor errors of a set of images.
#[derive(Debug, Clone, PartialEq)]
pub struct DescriptorErrors {
    /// Mean over the images, as in the paper's Table 4.
    pub mean: f64,
    /// The error of each image, in 0 to 1.
    pub per_image: Vec<f64>,
}

impl DescriptorErrors {
    fn new(per_image: Vec<f64>) -> Self {
        Self { mean: mean(&per_image), per_image }
    }
}

/// Descriptor error of two images (Eq. 12).
///
/// The root mean square over all lags of the difference between their two-point correlations of `phase`: in 0 to 1,
/// exactly 0 for identical images.
///
/// `a` and `b` hold one image each, of the same shape; [`PairCounts`] is for sets. With [`max_lag`](S2Options::max_lag)
/// the mean is over the lags with |r| <= `max_lag`, where on a torus |r| is the length of the shortest of a lag's
/// periodic images. Without it, the non-periodic estimator counts long lags, which are averages over a few voxels in a
/// corner, as much as short ones: choose a limit there.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there is not one image on each side, the shapes differ, or there is no such phase.
pub fn s2_error(a: &PhaseImages, b: &PhaseImages, phase: u8, options: &S2Options) -> Result<f64> {
    if a.len() != 1 || b.len() != 1 {
        return Err(Error::invalid(format!(
            "sets of {} and {} images given; compare one image with one, or use pair counts for sets",
            a.len(),
            b.len()
        )));
    }
    check_same_shape(a.shape(), b.shape())?;
    if options.periodic && options.max_lag.is_none() {
        check_sets(a, b, phase)?;
        // Two images are counted in the time of one.
        let mut phases = memory::vector(2 * a.voxels(), WHAT, ADVICE)?;
        phases.extend_from_slice(a.as_slice());
        phases.extend_from_slice(b.as_slice());
        let [nz, ny, nx] = a.shape();
        let phases = Array4::from_shape_vec((2, nz, ny, nx), phases).expect("two images");
        let both = PairCounts::new(&PhaseImages::new(phases, a.n_phases().max(b.n_phases()))?, phase)?;
        return both.error(0, &both, 1);
    }
    Ok(map_error(&s2(a, phase, options)?, &s2(b, phase, options)?, options.max_lag))
}

/// E_rec of Table 4: the error (Eq. 12, periodic, all lags) of each reconstruction, and the mean.
///
/// Image i of `reconstructions` belongs to image i of `originals`. Identical images have error exactly 0.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the sets differ in length or shape, or there is no such phase.
pub fn reconstruction_error(
    originals: &PhaseImages,
    reconstructions: &PhaseImages,
    phase: u8,
) -> Result<DescriptorErrors> {
    if originals.len() != reconstructions.len() {
        return Err(Error::invalid(format!(
            "{} originals, but {} reconstructions; give one reconstruction for each",
            originals.len(),
            reconstructions.len()
        )));
    }
    check_sets(originals, reconstructions, phase)?;
    let mut per_image = Vec::with_capacity(originals.len());
    for block in blocks(originals) {
        let a = PairCounts::of_range(originals, block.clone(), phase)?;
        let b = PairCounts::of_range(reconstructions, block.clone(), phase)?;
        for index in 0..block.len() {
            per_image.push(a.error(index, &b, index)?);
        }
    }
    Ok(DescriptorErrors::new(per_image))
}

/// E_gen of Table 4: the smallest error (Eq. 12, periodic, all lags) of each realisation, and the mean.
///
/// The smallest is taken over the images of `training`. Memory does not grow with the number of images. Runs in
/// parallel on the current rayon pool; the result does not depend on the number of threads.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the two sets differ in shape, or there is no such phase.
pub fn generation_error(realisations: &PhaseImages, training: &PhaseImages, phase: u8) -> Result<DescriptorErrors> {
    check_sets(realisations, training, phase)?;
    let mut per_image = Vec::with_capacity(realisations.len());
    for block in blocks(realisations) {
        let mut smallest = vec![f64::INFINITY; block.len()];
        let counts = PairCounts::of_range(realisations, block, phase)?;
        for block in blocks(training) {
            let training = PairCounts::of_range(training, block, phase)?;
            smallest.par_iter_mut().enumerate().try_for_each(|(index, smallest)| -> Result<()> {
                *smallest = smallest.min(counts.smallest_error(index, &training)?);
                Ok(())
            })?;
        }
        per_image.extend(smallest);
    }
    Ok(DescriptorErrors::new(per_image))
}

/// Checks that two sets can be compared.
fn check_sets(a: &PhaseImages, b: &PhaseImages, phase: u8) -> Result<()> {
    check_same_shape(a.shape(), b.shape())?;
    check_phase(a, phase)?;
    check_phase(b, phase)
}

/// Ranges of images whose pair counts have at most [`BLOCK`] numbers.
fn blocks(images: &PhaseImages) -> impl Iterator<Item = Range<usize>> {
    let (length, count) = ((BLOCK / pair_counts::stride(images.shape())).max(1), images.len());
    (0..count).step_by(length).map(move |first| first..count.min(first + length))
}

/// Root mean square difference of two maps of one image each, over the lags with |r| <= `max_lag`.
fn map_error(a: &Array4<f64>, b: &Array4<f64>, max_lag: Option<usize>) -> f64 {
    let (_, mz, my, mx) = a.dim();
    let limit = max_lag.map_or(usize::MAX, |limit| limit.saturating_mul(limit));
    let (mut sum, mut lags) = (0.0, 0_usize);
    for (((_, z, y, x), a), b) in a.indexed_iter().zip(b) {
        if squared_lag((z, y, x), (mz, my, mx)) <= limit {
            sum += (a - b) * (a - b);
            lags += 1;
        }
    }
    (sum / lags as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct;

    const OPTIONS: [S2Options; 6] = [
        S2Options { periodic: true, max_lag: None },
        S2Options { periodic: true, max_lag: Some(0) },
        S2Options { periodic: true, max_lag: Some(3) },
        S2Options { periodic: false, max_lag: None },
        S2Options { periodic: false, max_lag: Some(2) },
        S2Options { periodic: false, max_lag: Some(usize::MAX) },
    ];

    #[test]
    fn eq_12_agrees_with_the_direct_definition() {
        for (seed, shape) in direct::SHAPES.into_iter().enumerate() {
            let a = direct::random_images(seed as u64, 1, shape, 3);
            let b = direct::random_images(50 + seed as u64, 1, shape, 3);
            for options in &OPTIONS {
                let map = |images| match options.periodic {
                    true => direct::s2(images, 0, 2),
                    false => direct::s2_non_periodic(images, 0, 2, options.max_lag),
                };
                let expected = direct::error(&map(&a), &map(&b), options.max_lag);
                let found = s2_error(&a, &b, 2, options).unwrap();
                assert!((found - expected).abs() < 1e-14, "{shape:?} {options:?}: {found} {expected}");
                assert_eq!(found, s2_error(&b, &a, 2, options).unwrap());
                assert_eq!(s2_error(&a, &a, 2, options).unwrap(), 0.0);
            }
        }
    }

    #[test]
    fn sets_agree_with_the_pairs_in_them() {
        // Large enough images that each set falls into several blocks.
        let shape = [128, 128, 65];
        assert!(BLOCK / pair_counts::stride(shape) < 5);
        let training = direct::random_images(1, 5, shape, 2);
        let realisations = direct::random_images(2, 5, shape, 2);
        let pair = |i, j| s2_error(&realisations.range(i, 1), &training.range(j, 1), 1, &S2Options::default()).unwrap();

        let rec = reconstruction_error(&training, &realisations, 1).unwrap();
        assert_eq!(rec.per_image, (0..5).map(|i| pair(i, i)).collect::<Vec<_>>());
        assert_eq!(rec.mean, rec.per_image.iter().sum::<f64>() / 5.0);

        let generated = generation_error(&realisations, &training, 1).unwrap();
        let smallest = |i| (0..5).map(|j| pair(i, j)).fold(f64::INFINITY, f64::min);
        assert_eq!(generated.per_image, (0..5).map(smallest).collect::<Vec<_>>());
        assert_eq!(generated.mean, generated.per_image.iter().sum::<f64>() / 5.0);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_its_values() {
        let small = direct::random_images(1, 2, [1, 4, 4], 2);
        let large = direct::random_images(1, 2, [1, 8, 8], 3);
        let text = |error: Error| error.to_string();

        let error = text(reconstruction_error(&small, &small.range(0, 1), 1).unwrap_err());
        assert!(error.contains("2 originals, but 1"), "{error}");
        let error = text(generation_error(&small, &large, 1).unwrap_err());
        assert!(error.contains("1 x 4 x 4") && error.contains("1 x 8 x 8"), "{error}");
        let error = text(generation_error(&large, &large, 3).unwrap_err());
        assert!(error.contains("no phase 3"), "{error}");
        let error = text(s2_error(&small, &small, 1, &S2Options::default()).unwrap_err());
        assert!(error.contains("2 and 2 images"), "{error}");
        assert!(s2_error(&small.range(0, 1), &large.range(0, 1), 1, &S2Options::default()).is_err());
        assert!(s2_error(&small.range(0, 1), &small.range(1, 1), 2, &OPTIONS[3]).is_err());
    }
}
