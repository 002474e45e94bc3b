//! Which of some candidates becomes a realisation.
//!
//! A generator that draws a piece too many on average draws the right number often enough. So each realisation is one of
//! several candidates, taken with a probability that grows exponentially with a weighted sum of its statistics. The weights
//! are those for which statistics of realisations are on average what they are in windows of the micrograph: of all ways
//! to bring that about the one that changes the generator's distribution least (maximum entropy; as a choice between
//! candidates the conditional logit of McFadden 1974). Volume elements chosen for their statistics are what Balzani et al. (2010)
//! call statistically similar.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::latent::{candidates, decode};
use super::realisations::translate;
use crate::descriptor::{Indicator, clusters, interface_density, seam_density};
use crate::evaluation::{deviation, mean};
use crate::micrograph::{PhaseImages, regular_places, windows};
use crate::model::Model;
use crate::{Error, Result};

/// Statistics of a phase in an image: volume fraction, the square of what it is off the micrograph's, interface density, how
/// much more of it there is across the edges, pieces of the phase, pieces of the rest, share of the largest piece.
const STATISTICS: usize = 7;

/// Of these the one across the edges. Pieces are counted within an image: without it, candidates would be taken whose edges
/// meet few interfaces, for then they have fewer pieces.
const ACROSS: usize = 3;

/// Differences of the statistics that do not matter.
const LEAST_DEVIATIONS: [f64; STATISTICS] = [0.01, 1e-4, 0.01, 0.01, 1.0, 1.0, 0.01];

/// Choices from which weights are found.
const CHOICES: usize = 512;

/// Windows along each axis of a micrograph whose statistics are the aim.
const PLACES: usize = 32;

/// Weights are held back where no weights reach the aim: half their square times this counts against them.
const RIDGE: f64 = 0.01;

/// Index of the first realisation that weights are found from: no host asks for these under the seed of a judgement.
const FIRST: u64 = 1 << 40;

/// What makes a candidate likely to be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// A row a phase: its number, its volume fraction in the micrograph, and the weight of each statistic.
    pub rows: Array2<f64>,
}

impl Selection {
    /// Finds the weights for realisations of `model`, whose own selection does not matter, to be like windows of
    /// `micrograph`.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if the generator does not give numbers, [`Error::InvalidParameter`] if the micrograph is smaller
    /// than a realisation.
    pub fn fit(model: &Model, micrograph: &PhaseImages, seed: u64) -> Result<Self> {
        let phases = micrograph.judged_phases();
        let mut rows = Array2::zeros((phases.len(), 2 + STATISTICS));
        for (mut row, &phase) in rows.outer_iter_mut().zip(&phases) {
            row[0] = f64::from(phase);
            row[1] = Indicator::new(micrograph, phase)?.volume_fraction();
        }
        let mut selection = Self { rows };
        let (aims, units) = selection.aims(micrograph, model.options.profile.side())?;
        let count = model.options.candidates;
        let (vectors, _) = candidates(model, count, seed, FIRST, CHOICES);
        let mut of_candidates = selection.statistics(&decoded(model, seed, FIRST, vectors.view())?)?;
        for (mut column, (aim, unit)) in of_candidates.axis_iter_mut(Axis(1)).zip(aims.iter().zip(&units)) {
            column.mapv_inplace(|value| (value - aim) / unit);
        }
        if !model.options.generator_periodic {
            of_candidates.slice_mut(s![.., ACROSS..;STATISTICS]).fill(0.0);
        }
        let weights = conditional_logit(of_candidates.view(), count);
        for (weight, (found, unit)) in selection.rows.slice_mut(s![.., 2..]).iter_mut().zip(weights.iter().zip(&units))
        {
            *weight = found / unit;
        }
        Ok(selection)
    }

    /// A selection from its [`rows`](Self::rows).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if they do not belong to phases of `n_phases`, or are not numbers.
    pub fn from_rows(rows: Array2<f64>, n_phases: usize) -> Result<Self> {
        let phases: Vec<f64> = (0..n_phases).map(|phase| phase as f64).collect();
        if rows.ncols() != 2 + STATISTICS || rows.is_empty() {
            return Err(Error::invalid(format!("has {} columns instead of {}", rows.ncols(), 2 + STATISTICS)));
        }
        if rows.column(0).iter().any(|phase| !phases.contains(phase)) || rows.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid(format!("is not one of phases 0 to {}, all finite: {rows}", n_phases - 1)));
        }
        Ok(Self { rows })
    }

    /// What the statistics should be on average, and their standard deviations, from windows all over the micrograph.
    ///
    /// What lies along the edges is in fewer windows: what is counted by pixels is the micrograph's own.
    fn aims(&self, micrograph: &PhaseImages, side: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let places = regular_places(micrograph, PLACES, side);
        let of_windows = self.statistics(&windows(micrograph, &places, side)?)?;
        let of_micrograph = self.statistics(micrograph)?;
        let (mut aims, mut units) = (Vec::new(), Vec::new());
        for (index, column) in of_windows.axis_iter(Axis(1)).enumerate() {
            let values = column.to_vec();
            let whole = mean(&of_micrograph.column(index).to_vec());
            aims.push(match index % STATISTICS {
                0 | 2 => whole,
                1 => deviation(&of_windows.column(index - 1).to_vec()).powi(2),
                ACROSS => 0.0,
                _ => mean(&values),
            });
            // Windows may all be alike: less than that is no matter then. And they are no tori.
            units.push(match index % STATISTICS {
                ACROSS => units[index - 1],
                statistic => deviation(&values).max(LEAST_DEVIATIONS[statistic]),
            });
        }
        Ok((aims, units))
    }

    /// The statistics of each image, phase by phase.
    fn statistics(&self, images: &PhaseImages) -> Result<Array2<f64>> {
        let of_image = |index: usize| -> Result<Vec<f64>> {
            let image = images.range(index, 1);
            let mut found = Vec::with_capacity(self.rows.nrows() * STATISTICS);
            for row in self.rows.outer_iter() {
                let indicator = Indicator::new(&image, row[0] as u8)?;
                let fraction = indicator.volume_fraction();
                let interfaces = interface_density(&indicator)[0];
                let pieces = clusters(&indicator)[0];
                found.extend([
                    fraction,
                    (fraction - row[1]).powi(2),
                    interfaces,
                    seam_density(&indicator) - interfaces,
                    pieces.objects as f64,
                    pieces.holes as f64,
                    pieces.largest,
                ]);
            }
            Ok(found)
        };
        let found: Vec<Vec<f64>> = (0..images.len()).into_par_iter().map(of_image).collect::<Result<_>>()?;
        Array2::from_shape_vec((images.len(), self.rows.nrows() * STATISTICS), found.concat())
            .map_err(|error| Error::Internal(format!("statistics of a wrong number: {error}")))
    }

    /// Chooses the latent vectors of realisations `first..` from `vectors`, the candidates of one after those of the other;
    /// `draws` are numbers from 0 to 1, one a choice.
    ///
    /// # Errors
    ///
    /// Those of [`decode`].
    pub fn choose(
        &self,
        model: &Model,
        seed: u64,
        first: u64,
        vectors: ArrayView2<f32>,
        draws: &[f64],
    ) -> Result<Array2<f32>> {
        let statistics = self.statistics(&decoded(model, seed, first, vectors)?)?;
        let weights = self.rows.slice(s![.., 2..]);
        let scores: Vec<f64> =
            statistics.outer_iter().map(|row| row.iter().zip(weights).map(|(x, w)| x * w).sum()).collect();
        let count = vectors.nrows() / draws.len();
        let taken: Vec<usize> = scores
            .chunks_exact(count)
            .zip(draws)
            .enumerate()
            .map(|(choice, (scores, &draw))| choice * count + take(scores, draw))
            .collect();
        Ok(vectors.select(Axis(0), &taken))
    }
}

/// What the candidates of realisations `first..` become.
fn decoded(model: &Model, seed: u64, first: u64, vectors: ArrayView2<f32>) -> Result<PhaseImages> {
    let mut phases = decode(model, vectors)?.into_phases();
    translate(model, seed, first, model.options.candidates, phases.as_slice_mut().expect("in standard layout"));
    PhaseImages::new(phases, model.n_phases())
}

/// The candidate that `draw`, 0 to 1, falls to: its share grows as the exponential of its score.
fn take(scores: &[f64], draw: f64) -> usize {
    let shares = softmax(scores);
    let mut left = draw;
    for (index, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return index;
        }
    }
    scores.len() - 1
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut shares: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let total: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= total);
    shares
}

/// The weights w that make the mean of a statistic over choices zero, for candidates taken with probabilities that grow as
/// exp(w x), `count` rows of `candidates` a choice; by Newton's method on the convex function
/// mean over choices of log sum exp(w x) + RIDGE / 2 |w|^2.
fn conditional_logit(candidates: ArrayView2<f64>, count: usize) -> Array1<f64> {
    let mut weights = Array1::zeros(candidates.ncols());
    let mut here = Slope::new(&candidates, count, &weights);
    for _ in 0..NEWTON {
        let step = solve(&here.curvature, &here.gradient);
        // Far from the minimum a whole step may be too long.
        let shorter = (0..20).map(|halvings| &weights - &(&step * 0.5f64.powi(halvings)));
        let next = shorter.map(|to| (Slope::new(&candidates, count, &to), to)).find(|(at, _)| at.value < here.value);
        match next {
            Some((at, to)) => (here, weights) = (at, to),
            None => break,
        }
    }
    weights
}

/// Steps of Newton's method: far more than a convex function of this kind takes.
const NEWTON: usize = 50;

/// The function of [`conditional_logit`], its gradient and its curvature.
struct Slope {
    value: f64,
    gradient: Array1<f64>,
    curvature: Array2<f64>,
}

impl Slope {
    fn new(candidates: &ArrayView2<f64>, count: usize, weights: &Array1<f64>) -> Self {
        let choices = (candidates.nrows() / count) as f64;
        let mut value = RIDGE / 2.0 * weights.dot(weights);
        let mut gradient = weights * RIDGE;
        let mut curvature = Array2::eye(weights.len()) * RIDGE;
        for rows in candidates.axis_chunks_iter(Axis(0), count) {
            let scores = rows.dot(weights).to_vec();
            let shares = Array1::from(softmax(&scores));
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            value += (largest + scores.iter().map(|score| (score - largest).exp()).sum::<f64>().ln()) / choices;
            let expected = shares.dot(&rows);
            let off = &rows - &expected;
            let weighted = &off * &shares.insert_axis(Axis(1));
            curvature += &(off.t().dot(&weighted) / choices);
            gradient += &(expected / choices);
        }
        Self { value, gradient, curvature }
    }
}

/// Solves a system with a positive definite matrix, by conjugate gradients.
fn solve(matrix: &Array2<f64>, right: &Array1<f64>) -> Array1<f64> {
    let mut solution = Array1::zeros(right.len());
    let mut residual = right.clone();
    let mut direction = right.clone();
    let enough = 1e-20 * right.dot(right);
    for _ in 0..4 * right.len() {
        let square = residual.dot(&residual);
        if square <= enough {
            break;
        }
        let image = matrix.dot(&direction);
        let length = square / direction.dot(&image);
        solution.scaled_add(length, &direction);
        residual.scaled_add(-length, &image);
        let next = residual.dot(&residual) / square;
        direction = &residual + &(direction * next);
    }
    solution
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;
    use rand::Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::generation::{GenerationOptions, latent_vectors, realisations};
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::{Choice, Origin};
    use crate::network::Profile;
    use crate::random::{Purpose, generator};
    use crate::training::{Snapshot, TrainingOptions};

    const CANDIDATES: usize = 4;

    /// A model that has learned nothing but how to select what is like a micrograph: one made of the few among its own
    /// realisations that have least of phase 1.
    fn selecting() -> (Model, PhaseImages) {
        let field = GaussianField { ny: 96, nx: 96, ..GaussianField::default() };
        let micrograph = Sample::GaussianField(field).make(1, 1).unwrap();
        let options = TrainingOptions {
            candidates: CANDIDATES,
            generator_periodic: true,
            ..TrainingOptions::new(Profile::Paper32)
        };
        let tiles = tiles(&micrograph.images, 32).unwrap();
        let mut model = Model::untrained(options, Origin::new(&micrograph), tiles, &burn::tensor::Device::flex());

        let made = realisations(&model, &GenerationOptions { seed: 9, count: 45, ..Default::default() }).unwrap();
        let fractions = Indicator::new(&made, 1).unwrap().volume_fractions();
        let mut order: Vec<usize> = (0..made.len()).collect();
        order.sort_by(|&a, &b| fractions[a].total_cmp(&fractions[b]));
        let pixel = |y: usize, x: usize| made.image(order[y / 32 * 3 + x / 32])[y % 32 * 32 + x % 32];
        let phases = Array4::from_shape_fn((1, 1, 96, 96), |(_, _, y, x)| pixel(y, x));
        let micrograph = PhaseImages::new(phases, 2).unwrap();

        let selection = Some(Selection::fit(&model, &micrograph, 3).unwrap());
        let [encoder, generator] = [model.encoder(), model.generator()]
            .map(|network| Snapshot { parameters: network.parameters, statistics: network.statistics });
        model.choice = Some(Choice { step: 0, shortfall: 1.0, encoder, generator, selection });
        (model, micrograph)
    }

    #[test]
    fn what_is_selected_is_nearer_to_the_micrograph() {
        let (model, micrograph) = selecting();
        let unselected = Model { choice: None, ..model.clone() };
        let selection = model.selection().unwrap();
        let (aims, units) = selection.aims(&micrograph, 32).unwrap();
        let options = GenerationOptions { count: 400, ..GenerationOptions::default() };
        let off = |model: &Model| -> Vec<f64> {
            let found = selection.statistics(&realisations(model, &options).unwrap()).unwrap();
            let means = found.mean_axis(Axis(0)).unwrap();
            means.iter().zip(&aims).zip(&units).map(|((mean, aim), unit)| (mean - aim) / unit).collect()
        };
        let square = |off: Vec<f64>| off.iter().map(|x| x * x).sum::<f64>();
        let (before, after) = (square(off(&unselected)), square(off(&model)));
        assert!(before > 0.5 && after < 0.3 * before, "{after} instead of {before}");
    }

    #[test]
    fn a_realisation_does_not_depend_on_the_others() {
        let (model, _) = selecting();
        let options = GenerationOptions { seed: 5, first: 3, count: 600, threads: 2 };
        let all = realisations(&model, &options).unwrap();
        let some = realisations(&model, &GenerationOptions { first: 500, count: 2, threads: 1, ..options }).unwrap();
        assert_eq!([some.image(0), some.image(1)], [all.image(497), all.image(498)]);
        // Each has the latent vector of one of its own candidates, not always of the same one.
        let taken = latent_vectors(&model, 5, 3, 40).unwrap();
        let (vectors, _) = candidates(&model, CANDIDATES, 5, 3, 40);
        let of_each = taken.outer_iter().zip(vectors.axis_chunks_iter(Axis(0), CANDIDATES));
        let places: Vec<usize> =
            of_each.map(|(taken, of_one)| of_one.outer_iter().position(|row| row == taken).unwrap()).collect();
        assert!((0..CANDIDATES).all(|place| places.contains(&place)), "{places:?}");
    }

    #[test]
    fn weights_make_means_zero_or_are_held_back() {
        let mut rng = generator(1, Purpose::Step, 1);
        let mut normal = |mean: f64| -> f64 { mean + Distribution::<f64>::sample(&StandardNormal, &mut rng) };
        let mut means_with = |third: f64| {
            // Two that depend on one another, and a third.
            let mut row = || {
                let common = normal(0.0);
                [common + normal(0.5), common - normal(0.3), normal(third)]
            };
            let rows = ndarray::arr2(&(0..8 * 500).map(|_| row()).collect::<Vec<_>>());
            let weights = conditional_logit(rows.view(), 8);
            let mut means = [0.0; 3];
            for rows in rows.axis_chunks_iter(Axis(0), 8) {
                let shares = softmax(&rows.dot(&weights).to_vec());
                for (row, share) in rows.outer_iter().zip(shares) {
                    means.iter_mut().zip(row).for_each(|(mean, x)| *mean += share * x / 500.0);
                }
            }
            for (mean, weight) in means.iter().zip(&weights) {
                assert!((mean + RIDGE * weight).abs() < 1e-6, "{means:?} {weights}");
            }
            means
        };
        let reached = means_with(0.4);
        assert!(reached.iter().all(|mean| mean.abs() < 0.05), "{reached:?}");
        // No eighth candidate is that far off.
        assert!(means_with(4.0)[2] > 1.0);
    }

    #[test]
    fn candidates_are_taken_as_often_as_their_scores_say() {
        let scores = [800.0, 800.0 + 2f64.ln(), 800.0 + 5f64.ln()];
        let mut rng = generator(1, Purpose::Step, 2);
        let mut taken = [0; 3];
        (0..8000).for_each(|_| taken[take(&scores, rng.random())] += 1);
        assert!(taken.iter().zip([1000, 2000, 5000]).all(|(a, b): (&i32, i32)| (a - b).abs() < 150), "{taken:?}");
        assert_eq!(take(&scores, 1.0), 2);
    }

    #[test]
    fn rows_of_another_material_are_refused() {
        let row = |phase: f64, weight: f64| Array2::from_shape_fn((1, 9), |(_, i)| if i == 0 { phase } else { weight });
        assert!(Selection::from_rows(row(1.0, 0.5), 2).is_ok());
        for (rows, what) in [
            (row(2.0, 0.5), "phases 0 to 1"),
            (row(0.5, 0.5), "phases 0 to 1"),
            (row(1.0, f64::NAN), "finite"),
            (Array2::zeros((1, 8)), "8 columns"),
        ] {
            let text = Selection::from_rows(rows, 2).unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
    }
}
