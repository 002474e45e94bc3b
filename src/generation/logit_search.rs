//! What is added to the logits of each phase so that a realisation has given volume fractions, step by step.

use ndarray::Array1;

/// How far logits follow what is missing in the first step, the largest growth of this step size from one step to the next, and
/// what remains of it after a step that led farther away.
const FIRST_STEP_SIZE: f64 = 0.5;
const GROWTH: f64 = 8.0;
const BACK: f64 = 0.25;

/// How far off a fraction may be in the end, and which part of it.
const NEAR: f64 = 1e-3;
const NEAR_PART: f64 = 0.1;

/// Finds a number for each phase.
pub struct LogitSearch<'a> {
    wanted: &'a [f64],
    /// Voxels that fractions are counted over.
    voxels: usize,
    /// What is added to the logit of each phase.
    pub added: Vec<f64>,
    /// How far logits follow what is missing.
    step_size: f64,
    /// What was added at the nearest step, and what was missing then.
    nearest: Option<[Array1<f64>; 2]>,
}

impl<'a> LogitSearch<'a> {
    /// For volume fractions, one for each phase, of an image of so many voxels.
    pub fn new(wanted: &'a [f64], voxels: usize) -> Self {
        Self { wanted, voxels, added: vec![0.0; wanted.len()], step_size: FIRST_STEP_SIZE, nearest: None }
    }

    /// The largest deviation of a fraction, in units of what is near enough.
    pub fn off(&self, found: &[f64]) -> f64 {
        let off = self.wanted.iter().zip(found).map(|(wanted, found)| (wanted - found).abs() / self.near(*wanted));
        off.fold(0.0, f64::max)
    }

    /// How far off a fraction may be: single voxels are changed later.
    fn near(&self, wanted: f64) -> f64 {
        NEAR.min(NEAR_PART * wanted).max(1.0 / self.voxels as f64)
    }

    /// The next step, its size by Barzilai and Borwein, from the fractions that phases have now.
    pub fn step(&mut self, found: &[f64]) {
        let missing: Array1<f64> = self
            .wanted
            .iter()
            .zip(found)
            .map(|(&wanted, &found)| {
                let least = self.near(wanted) / 2.0;
                let logit = |share: f64| {
                    let share = share.clamp(least, 1.0 - least);
                    (share / (1.0 - share)).ln()
                };
                logit(wanted) - logit(found)
            })
            .collect();
        let added = Array1::from(self.added.clone());
        match &self.nearest {
            Some([_, least]) if missing.dot(&missing) >= least.dot(least) => self.step_size *= BACK,
            nearest => {
                if let Some([before, least]) = nearest {
                    let change = &added - before;
                    let gained = change.dot(&(least - &missing));
                    let secant = if gained > 0.0 { change.dot(&change) / gained } else { f64::INFINITY };
                    self.step_size = secant.clamp(self.step_size / GROWTH, self.step_size * GROWTH);
                }
                self.nearest = Some([added, missing]);
            }
        }
        if let Some([added, missing]) = &self.nearest {
            self.added = (added + &(missing * self.step_size)).to_vec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOXELS: usize = 100_000;

    /// Shares of three phases, each the most probable one where its logit is largest. Logits are a wave each, `sharpness`
    /// high.
    fn shares(added: &[f64], sharpness: f64) -> Vec<f64> {
        let mut shares = vec![0.0; 3];
        for voxel in 0..VOXELS {
            let logit = |phase: usize| {
                let wave = (voxel as f64 * (0.37 + 0.71 * phase as f64)).sin() - 0.3 * phase as f64;
                sharpness * wave + added[phase]
            };
            let most = (0..3).max_by(|&a, &b| logit(a).total_cmp(&logit(b))).unwrap();
            shares[most] += 1.0 / VOXELS as f64;
        }
        shares
    }

    #[test]
    fn steps_lead_to_any_fractions_however_sharp_logits_are() {
        for sharpness in [0.05, 1.0, 20.0] {
            for wanted in [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.4, 0.0], [0.05, 0.15, 0.8]] {
                let mut search = LogitSearch::new(&wanted, VOXELS);
                let mut nearest = f64::INFINITY;
                for _ in 0..16 {
                    let found = shares(&search.added, sharpness);
                    nearest = nearest.min(search.off(&found));
                    search.step(&found);
                }
                assert!(nearest <= 1.0, "{nearest} off {wanted:?} with logits of {sharpness}");
            }
        }
    }
}
