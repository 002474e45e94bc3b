//! Options of a profile beyond the architecture and Table 1.

use serde::{Deserialize, Serialize};

use super::range::{number, within};
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
    /// Divergence (nats per tile) below which it does not count in the encoder's loss (free bits, Kingma et al. 2016).
    pub(crate) free_bits: f64,
    /// Weight of the energy distance (Szekely and Rizzo 2013) between volume fractions of realisations and of windows.
    pub(crate) lambda_volume_fraction: f64,
    /// Weight of the energy distance between Euler characteristics. Rises from 0 until `decay_start`.
    pub(crate) lambda_euler_characteristic: f64,
    /// Weight of the pattern loss, as a ratio of gradient norms. Rises from 0 until `decay_start`.
    pub(crate) lambda_patterns: f64,
    /// Label smoothing (Szegedy et al. 2016) of the reconstruction's target, 0 to 0.4.
    pub(crate) label_smoothing: f64,
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
    /// Channels of the discriminator in multiples of the table's, 1 to 16.
    pub(crate) discriminator_width: usize,
    /// Spectral instead of batch normalisation in the discriminator.
    pub(crate) discriminator_spectral: bool,
    /// The generator's padding is periodic instead of zero.
    pub(crate) generator_periodic: bool,
    /// Weight of each neighbour when the generator's logits are smoothed in rows and columns, 0 to 1/4.
    pub(crate) generator_smoothing: f64,
    /// Decay of the exponential moving average of the generator's weights; 0: no average.
    pub(crate) ema_decay: f64,
    /// Steps between two validations, after which the best networks are kept; 0: the last networks are used.
    pub(crate) validation_interval: u64,
    /// Largest number of candidates from which a realisation is selected, 1 to 256; 1: no selection.
    pub(crate) candidates: usize,
}

impl Recipe {
    /// The recipe of `profile`: the paper, or for `standard` and `field` the changes of `docs/profile.md`.
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
            free_bits: 0.0,
            lambda_volume_fraction: 0.0,
            lambda_euler_characteristic: 0.0,
            lambda_patterns: 0.0,
            label_smoothing: 0.0,
            adam_beta1: 0.9,
            discriminator_windows: false,
            discriminator_reconstructions: true,
            discriminator_noise: 0.0,
            straight_through: false,
            discriminator_width: 1,
            discriminator_spectral: false,
            generator_periodic: false,
            generator_smoothing: 0.0,
            ema_decay: 0.0,
            validation_interval: 0,
            candidates: 1,
        };
        let game = Self {
            discriminator_head_normalised: false,
            latent_augmentation: false,
            decay_start: 0.3,
            adam_beta1: 0.5,
            discriminator_windows: true,
            discriminator_reconstructions: false,
            straight_through: true,
            discriminator_spectral: true,
            generator_periodic: true,
            ema_decay: 0.999,
            ..paper.clone()
        };
        match profile {
            Profile::Paper32 | Profile::Paper64 => return paper,
            Profile::Field => return Self { discriminator_noise: 0.2, discriminator_width: 2, ..game },
            Profile::Standard => {}
        }
        Self {
            free_bits: 45.0,
            lambda_volume_fraction: 0.3,
            lambda_euler_characteristic: 0.03,
            lambda_patterns: 1.5,
            label_smoothing: 0.05,
            discriminator_noise: 0.2,
            discriminator_width: 2,
            generator_smoothing: 1.0 / 6.0,
            validation_interval: 2_000,
            candidates: 64,
            ..game
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
            ("free_bits", self.free_bits, 1e6),
            ("lambda_volume_fraction", self.lambda_volume_fraction, 1e6),
            ("lambda_euler_characteristic", self.lambda_euler_characteristic, 1e6),
            ("lambda_patterns", self.lambda_patterns, 1e6),
            ("label_smoothing", self.label_smoothing, 0.4),
            ("adam_beta1", self.adam_beta1, 1.0 - f64::EPSILON),
            ("discriminator_noise", self.discriminator_noise, 10.0),
            ("generator_smoothing", self.generator_smoothing, 0.25),
            ("ema_decay", self.ema_decay, 1.0 - f64::EPSILON),
        ] {
            number(name, value, 0.0, most)?;
        }
        within("discriminator_width", self.discriminator_width, 1, 16)?;
        within("validation_interval", self.validation_interval, 0, 1 << 32)?;
        within("candidates", self.candidates, 1, 256)
    }

    /// The options that determine the architecture.
    pub fn variant(&self) -> Variant {
        Variant {
            encoder_head_normalised: self.encoder_head_normalised,
            discriminator_head_normalised: self.discriminator_head_normalised,
            generator_periodic: self.generator_periodic,
            generator_smoothing: self.generator_smoothing,
            discriminator_width: self.discriminator_width,
            discriminator_spectral: self.discriminator_spectral,
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
        assert!(wrong(|r| r.free_bits = f64::NAN).contains("free_bits = NaN"));
        assert!(wrong(|r| r.discriminator_width = 0).contains("discriminator_width = 0"));
        assert!(wrong(|r| r.candidates = 257).contains("candidates = 257"));
    }
}
