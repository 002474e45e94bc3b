//! How learning rates and weights of losses change from step to step.

use super::options::TrainingOptions;

impl TrainingOptions {
    /// Factor of the learning rates at step `step` (from 1) for `tiles` training tiles.
    pub fn rate_factor(&self, step: u64, tiles: usize) -> f64 {
        let total = self.total_steps(tiles) as f64;
        let left = (total + 1.0 - step as f64) / (total * (1.0 - self.recipe.decay_start)).max(1.0);
        left.clamp(0.0, 1.0)
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
}
