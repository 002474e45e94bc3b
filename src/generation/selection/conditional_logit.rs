//! Choices between candidates: their shares, and the weights for which chosen ones are on average as they should be.
//!
//! As a choice between candidates the conditional logit of McFadden 1974.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Weights are held back where no weights reach the aim: half their square times this counts against them.
const RIDGE: f64 = 0.01;

/// Steps of Newton's method: far more than a convex function of this kind takes.
const NEWTON: usize = 50;

/// The candidate that `draw`, 0 to 1, falls to: its share grows as the exponential of its score.
pub fn take(scores: &[f64], draw: f64) -> usize {
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
pub fn conditional_logit(candidates: ArrayView2<f64>, count: usize) -> Array1<f64> {
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

/// By how much the mean of a statistic is off at most with the `weights` that were found: there the ridge holds it.
pub fn left_off(weights: &Array1<f64>) -> f64 {
    weights.iter().fold(0.0, |most, weight| weight.abs().max(most)) * RIDGE
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
    use rand::Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::random::{Purpose, generator};

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
}
