//! What moves the volume fractions of a realisation, and how much of it is needed.
//!
//! Latents come first: they change how much there is of a phase, and the structures with it. Where fractions do not
//! follow them, logits do the rest: structures become thicker or thinner, as far as is wanted.

use ndarray::{Array1, Array2};

use super::logit_search::LogitSearch;
use crate::model::{Model, PositionBiases};
use crate::network::phases_of_channels;

/// Largest change of a latent in one step.
const LARGEST_STEP: f64 = 0.5;

/// The part of an expected gain that has to be seen, or latents are not followed any further.
const SEEN: f64 = 0.5;

/// Most steps of the latents.
const LATENT_STEPS: usize = 4;

/// What is added to the latents and logits of a realisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// For each channel of the latent grid; empty: nothing.
    pub latents: Vec<f32>,
    /// For each channel and position of the logits.
    pub biases: Option<PositionBiases>,
}

impl Shift {
    /// What all realisations of a model have.
    pub fn none(model: &Model) -> Self {
        Self { latents: Vec::new(), biases: model.position_biases.clone() }
    }

    /// So much more than all realisations have. `slopes` are those of [`slopes`](super::fractions::slopes).
    pub fn new(model: &Model, slopes: &Array2<f64>, ShiftAmount { along_slopes, logits }: &ShiftAmount) -> Self {
        let latents = slopes.t().dot(&Array1::from(along_slopes.clone()));
        // A single channel tells the second phase from the first.
        let rest = if logits.len() == 2 { logits[0] } else { 0.0 };
        let of_channels: Vec<f32> =
            phases_of_channels(logits.len()).map(|phase| (logits[usize::from(phase)] - rest) as f32).collect();
        let biases = match &model.position_biases {
            Some(biases) => Some(biases.plus(&of_channels)),
            None => PositionBiases::same_everywhere(model.profile.axes(), &of_channels),
        };
        Self { latents: latents.mapv(|value| value as f32).to_vec(), biases }
    }
}

/// How far a realisation is shifted.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftAmount {
    /// How far all latent vectors are shifted along the slopes of each phase.
    pub along_slopes: Vec<f64>,
    /// What is added to the logit of each phase.
    pub logits: Vec<f64>,
}

impl ShiftAmount {
    /// No shift.
    pub fn zero(n_phases: usize) -> Self {
        Self { along_slopes: vec![0.0; n_phases], logits: vec![0.0; n_phases] }
    }
}

/// Finds a shift, step by step.
pub struct ShiftSearch<'a> {
    slopes: &'a Array2<f64>,
    wanted: &'a [f64],
    along_slopes: Vec<f64>,
    /// Steps of the latents so far; `None` once they are left where they are.
    latent_steps: Option<usize>,
    last: Option<LatentStep>,
    logits: LogitSearch<'a>,
}

/// The last step of the latents: where it began, how far off the fractions were, and how far they were to come.
struct LatentStep {
    from: Vec<f64>,
    off: f64,
    expected: f64,
}

impl<'a> ShiftSearch<'a> {
    /// For volume fractions, one for each phase, of an image of so many voxels.
    pub fn new(slopes: &'a Array2<f64>, wanted: &'a [f64], voxels: usize) -> Self {
        let (along_slopes, logits) = (vec![0.0; wanted.len()], LogitSearch::new(wanted, voxels));
        Self { slopes, wanted, along_slopes, latent_steps: Some(0), last: None, logits }
    }

    /// The shift that is to be tried now.
    pub fn amount(&self) -> ShiftAmount {
        ShiftAmount { along_slopes: self.along_slopes.clone(), logits: self.logits.added.clone() }
    }

    /// The largest deviation of a fraction, in units of what is near enough.
    pub fn off(&self, found: &[f64]) -> f64 {
        self.logits.off(found)
    }

    /// The next step, from the fractions that phases have now.
    pub fn step(&mut self, found: &[f64]) {
        let missing: Array1<f64> = self.wanted.iter().zip(found).map(|(wanted, found)| wanted - found).collect();
        let off = missing.dot(&missing).sqrt();
        let Some(steps) = self.latent_steps else { return self.logits.step(found) };
        if let Some(LatentStep { from, off: before, expected }) = &self.last
            && (before - off < SEEN * expected || steps == LATENT_STEPS)
        {
            self.latent_steps = None;
            if off < *before {
                return self.logits.step(found);
            }
            // What was found belongs to latents that are given up.
            self.along_slopes.clone_from(from);
            return;
        }
        let (by, gain) = step_along(self.slopes, &missing);
        self.last = Some(LatentStep { from: self.along_slopes.clone(), off, expected: gain });
        self.latent_steps = Some(steps + 1);
        self.along_slopes.iter_mut().zip(&missing).for_each(|(along, missing)| *along += by * missing);
    }
}

/// By how much of what is `missing` of each phase the latents have to follow its slopes, along the steepest direction, as far as
/// is best; and how much nearer the fractions come, if they follow the latents linearly.
fn step_along(slopes: &Array2<f64>, missing: &Array1<f64>) -> (f64, f64) {
    let direction = slopes.t().dot(missing);
    let change = slopes.dot(&direction);
    let length = missing.dot(&change) / change.dot(&change).max(f64::MIN_POSITIVE);
    let largest = direction.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let by = length.min(LARGEST_STEP / largest.max(f64::MIN_POSITIVE));
    let left = missing - &(change * by);
    (by, missing.dot(missing).sqrt() - left.dot(&left).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three phases whose fractions follow four latents.
    fn slopes() -> Array2<f64> {
        let slopes = vec![0.04, 0.0, -0.02, 0.01, -0.01, 0.03, 0.0, 0.0, -0.03, -0.03, 0.02, -0.01];
        Array2::from_shape_vec((3, 4), slopes).unwrap()
    }

    /// The largest deviation after some steps, and what is added to the logits.
    fn found(wanted: &[f64], made: impl Fn(&ShiftAmount) -> Array1<f64>) -> (f64, Vec<f64>) {
        let slopes = slopes();
        let mut search = ShiftSearch::new(&slopes, wanted, 100_000);
        for _ in 0..16 {
            let fractions = made(&search.amount()).to_vec();
            if search.off(&fractions) <= 1.0 {
                break;
            }
            search.step(&fractions);
        }
        (search.off(&made(&search.amount()).to_vec()), search.amount().logits)
    }

    /// How fractions follow the logits of their phases.
    fn softmax(fractions: &Array1<f64>, logits: &[f64]) -> Array1<f64> {
        let weights = fractions * &Array1::from(logits.to_vec()).mapv(f64::exp);
        &weights / weights.sum()
    }

    #[test]
    fn latents_alone_lead_to_fractions_that_they_reach() {
        let slopes = slopes();
        for wanted in [[0.2, 0.3, 0.5], [0.25, 0.3, 0.45], [0.17, 0.35, 0.48]] {
            // Not quite linear.
            let made = |amount: &ShiftAmount| {
                let by = slopes.dot(&slopes.t().dot(&Array1::from(amount.along_slopes.clone())));
                let fractions = Array1::from(vec![0.2, 0.3, 0.5]) + by.mapv(|by| by + by * by * by.signum());
                softmax(&fractions, &amount.logits)
            };
            let (off, logits) = found(&wanted, made);
            assert!(off <= 1.0 && logits.iter().all(|logit| logit.abs() < 0.1), "{off} off {wanted:?}, {logits:?}");
        }
    }

    #[test]
    fn logits_go_where_latents_do_not_lead() {
        let slopes = slopes();
        for follows in [-0.3, 0.0, 0.1] {
            let made = |amount: &ShiftAmount| {
                let by = slopes.dot(&slopes.t().dot(&Array1::from(amount.along_slopes.clone())));
                softmax(&(Array1::from(vec![0.2, 0.3, 0.5]) + by * follows), &amount.logits)
            };
            let (off, logits) = found(&[0.4, 0.3, 0.3], made);
            assert!(off <= 1.0 && logits[0] > 0.3, "{off} off, {logits:?}");
        }
    }
}
