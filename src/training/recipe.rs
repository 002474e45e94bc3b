//! Options of a profile beyond the architecture and Table 1.

use serde::{Deserialize, Serialize};

use super::range::number;
use crate::Result;
use crate::network::{Profile, Variant};

/// The fixed choices of a profile.
///
/// Those that the paper leaves open can be set as text ([`set_paper_options`](super::TrainingOptions::set_paper_options)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Reconstruction loss as the mean over pixels instead of the sum.
    pub(crate) reconstruction_mean: bool,
    /// Divergence as the mean over latents instead of the sum.
    pub(crate) divergence_mean: bool,
    /// Batch normalisation and leaky ReLU on the encoder's last layer.
    pub(crate) encoder_head_normalised: bool,
    /// Batch normalisation before the discriminator's sigmoid.
    pub(crate) discriminator_head_normalised: bool,
    /// The discriminator normalises real images, reconstructions and realisations in separate batches.
    pub(crate) discriminator_separate_batches: bool,
    /// The generator normalises reconstructions and realisations in separate batches.
    pub(crate) generator_separate_batches: bool,
    /// True: Eq. 8 with a random prior and the transforms T_mu, T_sigma. False: Eq. 9.
    pub(crate) latent_augmentation: bool,
    /// Standard deviation of the periodic translation T, as a fraction of the side, 0 to 100.
    pub(crate) displacement: f64,
    /// Fraction of all steps after which the learning rates fall linearly to zero; 1: they are constant.
    pub(crate) decay_start: f64,
    /// Adam's decay of the first moment, 0 to below 1.
    pub(crate) adam_beta1: f64,
    /// Real images are windows from anywhere in the micrograph instead of the tiles.
    pub(crate) discriminator_windows: bool,
    /// The discriminator sees reconstructions too (Eq. 6 and 7).
    pub(crate) discriminator_reconstructions: bool,
    /// Standard deviation of Gaussian noise on the discriminator's input, in units of the distance between two phases.
    pub(crate) discriminator_noise: f64,
    /// Straight-through estimator: the discriminator sees the most probable phases instead of probabilities.
    pub(crate) straight_through: bool,
    /// Decay of the exponential moving average of the generator's weights; 0: no average.
    pub(crate) ema_decay: f64,
}

impl Recipe {
    /// The recipe of `profile`: the paper, or for `standard` and `volume` the changes of `docs/profile.md`.
    pub fn of(profile: Profile) -> Self {
        let paper = Self {
            reconstruction_mean: false,
            divergence_mean: false,
            encoder_head_normalised: false,
            discriminator_head_normalised: true,
            // Why the two profiles differ in their batches: docs/reproduction.md.
            discriminator_separate_batches: profile == Profile::Paper32,
            generator_separate_batches: profile == Profile::Paper64,
            latent_augmentation: true,
            displacement: 0.125,
            decay_start: 1.0,
            adam_beta1: 0.9,
            discriminator_windows: false,
            discriminator_reconstructions: true,
            discriminator_noise: 0.0,
            straight_through: false,
            ema_decay: 0.0,
        };
        match profile {
            Profile::Paper32 | Profile::Paper64 => paper,
            Profile::Standard | Profile::Volume => Self {
                discriminator_head_normalised: false,
                latent_augmentation: false,
                decay_start: 0.3,
                adam_beta1: 0.5,
                discriminator_windows: true,
                discriminator_reconstructions: false,
                discriminator_noise: 0.2,
                straight_through: true,
                ema_decay: if profile == Profile::Volume { 0.998 } else { 0.999 },
                ..paper
            },
        }
    }

    /// Checks every value, which a file may have from elsewhere.
    ///
    /// # Errors
    ///
    /// [`crate::Error::InvalidParameter`] naming the value and its range.
    pub fn validate(&self) -> Result<()> {
        for (name, value, most) in [
            ("displacement", self.displacement, 100.0),
            ("decay_start", self.decay_start, 1.0),
            ("adam_beta1", self.adam_beta1, 1.0 - f64::EPSILON),
            ("discriminator_noise", self.discriminator_noise, 10.0),
            ("ema_decay", self.ema_decay, 1.0 - f64::EPSILON),
        ] {
            number(name, value, 0.0, most)?;
        }
        Ok(())
    }

    /// The options that determine the architecture.
    pub fn variant(&self) -> Variant {
        Variant {
            encoder_head_normalised: self.encoder_head_normalised,
            discriminator_head_normalised: self.discriminator_head_normalised,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_s_recipe_is_valid_and_wrong_values_are_named() {
        for profile in Profile::ALL {
            Recipe::of(profile).validate().unwrap();
        }
        let wrong = |change: fn(&mut Recipe)| {
            let mut recipe = Recipe::of(Profile::Standard);
            change(&mut recipe);
            recipe.validate().unwrap_err().to_string()
        };
        assert!(wrong(|r| r.decay_start = 1.5).contains("decay_start = 1.5; it must be 0 to 1"));
        assert!(wrong(|r| r.adam_beta1 = 1.0).contains("adam_beta1 = 1"));
    }
}
