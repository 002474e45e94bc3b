//! How learning rates and weights of losses change from step to step.

use super::options::TrainingOptions;

impl TrainingOptions {
    /// Factor of the learning rates at step `step` (from 1) for `tiles` training tiles.
    pub fn rate_factor(&self, step: u64, tiles: usize) -> f64 {
        let total = self.total_steps(tiles) as f64;
        let left = (total + 1.0 - step as f64) / (total * (1.0 - self.recipe.decay_start)).max(1.0);
        left.clamp(0.0, 1.0)
    }

    /// Whether volume fractions or Euler characteristics of realisations count in the generator's loss.
    pub fn compares_functionals(&self) -> bool {
        self.recipe.lambda_volume_fraction > 0.0 || self.recipe.lambda_euler_characteristic > 0.0
    }

    /// Weights of volume fraction and Euler characteristic at step `step` (from 1) for `tiles` training tiles.
    pub fn functional_weights(&self, step: u64, tiles: usize) -> [f64; 2] {
        [self.recipe.lambda_volume_fraction, self.recipe.lambda_euler_characteristic * self.warm_up(step, tiles)]
    }

    /// Weight of the pattern loss at step `step` (from 1) for `tiles` training tiles.
    pub fn pattern_weight(&self, step: u64, tiles: usize) -> f64 {
        self.recipe.lambda_patterns * self.warm_up(step, tiles)
    }

    /// Rises linearly from 0 to 1 until the learning rates begin to fall.
    ///
    /// Early in training there are no structures, and nearly every pixel changes the Euler characteristic.
    fn warm_up(&self, step: u64, tiles: usize) -> f64 {
        let rising = self.total_steps(tiles) as f64 * self.recipe.decay_start;
        if rising > 0.0 { (step as f64 / rising).min(1.0) } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Profile;

    fn with(decay_start: f64, profile: Profile) -> TrainingOptions {
        TrainingOptions { steps: 100, ..TrainingOptions::new(profile) }.with(|r| r.decay_start = decay_start)
    }

    #[test]
    fn rates_stay_and_then_fall_evenly_to_the_last_step() {
        let constant = with(1.0, Profile::Paper64);
        assert!((1..=100).all(|step| constant.rate_factor(step, 16) == 1.0));
        let falling = with(0.6, Profile::Paper64);
        let factors: Vec<f64> = (1..=100).map(|step| falling.rate_factor(step, 16)).collect();
        assert!(factors[..60].iter().all(|&factor| factor == 1.0));
        for (left, factor) in (1..=40).rev().zip(&factors[60..]) {
            assert!((factor - f64::from(left) / 40.0).abs() < 1e-12, "{factor}");
        }
    }

    #[test]
    fn connectivity_counts_in_full_when_rates_begin_to_fall() {
        let options = with(0.5, Profile::Standard).with(|r| r.lambda_euler_characteristic = 0.2);
        for (step, expected) in [(1, 0.004), (25, 0.1), (50, 0.2), (51, 0.2), (100, 0.2)] {
            let [fraction, euler] = options.functional_weights(step, 16);
            assert!(fraction == 0.3 && (euler - expected).abs() < 1e-12, "{fraction} {euler}");
        }
        assert_eq!(options.with(|r| r.decay_start = 0.0).functional_weights(1, 16), [0.3, 0.2]);
    }
}
