//! What a training run is told: the paper's hyperparameters (Table 1) and every point that the paper leaves open.

use serde::{Deserialize, Serialize};

use crate::device::{Device, MAX_THREADS};
use crate::network::{Architecture, Constants, Profile, Variant};
use crate::{Error, Result};

/// What determines the trained model, apart from the micrograph. Written to the model file; a resumed run must agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingOptions {
    /// Architecture.
    #[serde(with = "profile_name")]
    pub profile: Profile,
    /// Seed of every random draw, 0 to 2^63 - 1, so that every language can name it.
    pub seed: u64,
    /// Training steps in all; 0: as many as `epochs` asks for.
    pub steps: u64,
    /// Passes over the training tiles (Table 1); counts only if `steps` is 0.
    pub epochs: u64,
    /// Length of the latent vector, 1 to 4096 (Table 1: z_dim).
    pub latent_size: usize,
    /// Tiles in a training step, 1 to 4096 (Table 1).
    pub batch_size: usize,
    /// Adam's rate for the generator (Table 1).
    pub rate_generator: f64,
    /// Adam's rate for the discriminator (Table 1).
    pub rate_discriminator: f64,
    /// Adam's rate for the encoder (Table 1).
    pub rate_encoder: f64,
    /// Share of all steps after which the rates fall, evenly, to zero at the last one; 1: they stay as they are.
    #[serde(default = "no_decay")]
    pub decay_start: f64,
    /// Weight of the Kullback-Leibler divergence in the encoder's loss (Eq. 1).
    pub beta: f64,
    /// Divergence (in nats a tile, as L_KLD is reported) that the encoder is left free to have: only what is beyond it counts
    /// in its loss; 0: all of it (free bits, Kingma et al. 2016).
    #[serde(default)]
    pub divergence_floor: f64,
    /// Weight of the adversarial term of reconstructions in the generator's loss (Eq. 7).
    pub lambda_vae: f64,
    /// Weight of the adversarial term of new realisations in the generator's loss (Eq. 7).
    pub lambda_noise: f64,
    /// Weight of the reconstruction term in the generator's loss (Eq. 7).
    pub lambda_rec: f64,
    /// Weight of the volume fractions' term in the generator's loss: how far those of the batch's realisations are from those
    /// of windows of the micrograph (energy distance, Szekely and Rizzo 2013), in their standard deviation; 0: none.
    #[serde(default)]
    pub lambda_volume_fraction: f64,
    /// The same for the Euler characteristic of a phase, its pieces less its holes, mean over the phases. It rises from nothing
    /// to this weight until the rates begin to fall: before there are structures, nearly every pixel joins or parts something.
    #[serde(default)]
    pub lambda_euler_characteristic: f64,
    /// How much the generator hears of patterns, beside all else that it hears of its realisations: how much less probable their
    /// patterns of 3 x 3 pixels are in the micrograph than among realisations, in nats an image, on three scales, with the
    /// weight that makes the gradient by the logits so many times as long as that of the rest; 0: none. It rises like
    /// `lambda_euler_characteristic`.
    #[serde(default)]
    pub lambda_patterns: f64,
    /// Share of its certainty that the reconstruction's target gives up, 0 to 0.4: a pixel should be of its own phase with
    /// probability 1 - `label_smoothing` (Szegedy et al. 2016).
    #[serde(default)]
    pub label_smoothing: f64,
    /// Adam's decay of the first moment, 0 to below 1.
    pub adam_beta1: f64,
    /// Adam's decay of the second moment, 0 to below 1.
    pub adam_beta2: f64,
    /// What Adam adds to the root of the second moment.
    pub adam_epsilon: f64,
    /// Slope of leaky ReLU for negative values, 0 to 1.
    pub leaky_slope: f64,
    /// Share of the old value that moving statistics keep at each step, 0 to below 1.
    pub norm_momentum: f64,
    /// What batch normalisation adds to the variance.
    pub norm_epsilon: f64,
    /// Standard deviation of the periodic translation T, as a fraction of the side.
    pub displacement: f64,
    /// True: Eq. 8 with a random prior and the transforms T_mu, T_sigma. False: Eq. 9.
    pub latent_augmentation: bool,
    /// Standard deviation of the random prior's mean.
    pub prior_mean_deviation: f64,
    /// Standard deviation of the logarithm of the random prior's variance.
    pub prior_log_variance_deviation: f64,
    /// Smallest factor of T_mu and T_sigma.
    pub latent_scale_min: f64,
    /// Largest factor of T_mu and T_sigma.
    pub latent_scale_max: f64,
    /// Reconstruction term as a mean over pixels instead of a sum.
    pub reconstruction_mean: bool,
    /// Divergence as a mean over latents instead of a sum.
    pub divergence_mean: bool,
    /// Batch normalisation and leaky ReLU on the encoder's last layer, as the tables print.
    pub encoder_head_normalised: bool,
    /// Batch normalisation before the discriminator's sigmoid, as the tables print.
    pub discriminator_head_normalised: bool,
    /// The discriminator normalises real images, reconstructions and realisations each as a batch of its own.
    pub discriminator_separate_batches: bool,
    /// The discriminator sees windows from anywhere in the micrograph as real images, instead of the tiles.
    pub discriminator_windows: bool,
    /// The discriminator sees reconstructions too, and the generator learns from what it says of them (Eq. 6 and 7).
    #[serde(default = "as_in_the_paper")]
    pub discriminator_reconstructions: bool,
    /// Standard deviation of the Gaussian noise on all that the discriminator sees, as a part of the distance between two
    /// phases, 0 to 10; 0: none.
    #[serde(default)]
    pub discriminator_noise: f64,
    /// The discriminator sees the most probable phases instead of probabilities; the gradient passes as if it saw these.
    #[serde(default)]
    pub discriminator_binary: bool,
    /// Channels of the discriminator in multiples of the table's, 1 to 16.
    #[serde(default = "width_of_the_table")]
    pub discriminator_width: usize,
    /// Spectral instead of batch normalisation in the discriminator.
    #[serde(default)]
    pub discriminator_spectral: bool,
    /// The generator normalises reconstructions and realisations each as a batch of its own.
    #[serde(default)]
    pub generator_separate_batches: bool,
    /// The generator's images are tori: beyond an edge its kernels meet the opposite one.
    #[serde(default)]
    pub generator_periodic: bool,
    /// The generator's logits are smoothed in rows and columns, with this weight for each of a pixel's two neighbours, 0 to
    /// 1/4: a last layer that doubles has a kernel for each place in 2 x 2, and outlines show it.
    #[serde(default)]
    pub generator_smoothing: f64,
    /// Decay of the moving average of the generator's weights that generation uses, with statistics that are measured for it; 0:
    /// the weights themselves.
    pub generator_average: f64,
    /// Steps after each of which the networks are judged beside the micrograph, so that generation uses the last ones that were
    /// as good as any, but for chance; 0: it uses the last ones.
    #[serde(default)]
    pub choice_interval: u64,
    /// Candidates from which each realisation is selected at most, so that volume fraction, interfaces, pieces and ends of
    /// realisations are on average those of windows of the micrograph, 1 to 256; 1: there is no selection. Sixteen, or twice or
    /// four times as many and so on, where fewer are not enough. Needs `choice_interval`, where the selection is found.
    #[serde(default = "no_selection")]
    pub candidates: usize,
    /// Steps over which losses are averaged into one row of the loss history.
    pub history_interval: u64,
}

/// How a run is carried out: nothing here changes the model.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOptions {
    /// Where to train.
    pub device: Device,
    /// Threads on the CPU; 0: one a core.
    pub threads: usize,
    /// Steps between two writings of the model file; 0: at the end only.
    pub checkpoint_interval: u64,
    /// Go on from the model file, if there is one.
    pub resume: bool,
    /// Seconds between two reports of progress; 0: after every step.
    pub progress_interval: f64,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { device: Device::Auto, threads: 0, checkpoint_interval: 2000, resume: false, progress_interval: 0.5 }
    }
}

impl RunOptions {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the option, its value and its range.
    pub fn validate(&self) -> Result<()> {
        within("threads", self.threads, 0, MAX_THREADS)?;
        number("progress_interval", self.progress_interval, 0.0, 86_400.0)
    }
}

impl TrainingOptions {
    /// The defaults of `profile`: the paper's values (Table 1) and this library's reading of what the paper leaves open,
    /// and for [`Profile::Standard`] what makes them work.
    pub fn new(profile: Profile) -> Self {
        let (latent_size, batch_size, epochs) = match profile {
            Profile::Paper32 => (5, 32, 200),
            Profile::Standard | Profile::Paper64 => (32, 4, 20_000),
        };
        let paper = Self {
            profile,
            seed: 0,
            steps: 0,
            epochs,
            latent_size,
            batch_size,
            rate_generator: 1e-4,
            rate_discriminator: 4e-5,
            rate_encoder: 1e-4,
            decay_start: 1.0,
            beta: 1.0,
            divergence_floor: 0.0,
            lambda_vae: 1.0,
            lambda_noise: 1.0,
            lambda_rec: 1e-4,
            lambda_volume_fraction: 0.0,
            lambda_euler_characteristic: 0.0,
            lambda_patterns: 0.0,
            label_smoothing: 0.0,
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 1e-7,
            leaky_slope: 0.3,
            norm_momentum: 0.99,
            norm_epsilon: 1e-3,
            displacement: 0.125,
            latent_augmentation: true,
            prior_mean_deviation: 1.0,
            prior_log_variance_deviation: 0.25,
            latent_scale_min: 0.5,
            latent_scale_max: 1.5,
            reconstruction_mean: false,
            divergence_mean: false,
            encoder_head_normalised: false,
            discriminator_head_normalised: true,
            // Why the two differ: docs/reproduction.md.
            discriminator_separate_batches: profile == Profile::Paper32,
            discriminator_windows: false,
            discriminator_reconstructions: true,
            discriminator_noise: 0.0,
            discriminator_binary: false,
            discriminator_width: 1,
            discriminator_spectral: false,
            generator_separate_batches: profile != Profile::Paper32,
            generator_periodic: false,
            generator_smoothing: 0.0,
            generator_average: 0.0,
            choice_interval: 0,
            candidates: 1,
            history_interval: 50,
        };
        if profile == Profile::Standard { Self::standard(paper) } else { paper }
    }

    /// What makes the paper's model work, each justified in `docs/profile.md`.
    fn standard(paper: Self) -> Self {
        Self {
            steps: 20_000,
            rate_generator: 1e-3,
            rate_discriminator: 1e-3,
            rate_encoder: 1e-3,
            decay_start: 0.3,
            beta: 0.3,
            divergence_floor: 45.0,
            lambda_rec: 3e-2,
            lambda_volume_fraction: 0.3,
            lambda_euler_characteristic: 0.03,
            lambda_patterns: 1.5,
            label_smoothing: 0.05,
            adam_beta1: 0.5,
            latent_augmentation: false,
            discriminator_head_normalised: false,
            discriminator_windows: true,
            discriminator_reconstructions: false,
            discriminator_noise: 0.2,
            discriminator_binary: true,
            discriminator_width: 2,
            discriminator_spectral: true,
            generator_separate_batches: false,
            generator_periodic: true,
            generator_smoothing: 1.0 / 6.0,
            generator_average: 0.999,
            choice_interval: 2_000,
            candidates: 64,
            ..paper
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the option, its value and its range.
    pub fn validate(&self) -> Result<()> {
        if self.steps == 0 && self.epochs == 0 {
            return Err(Error::invalid("steps = 0 and epochs = 0: nothing to train; set one of them"));
        }
        within("seed", self.seed, 0, i64::MAX as u64)?;
        within("steps", self.steps, 0, crate::random::MAX_COUNTER)?;
        within("epochs", self.epochs, 0, 1 << 32)?;
        within("latent_size", self.latent_size, 1, 4096)?;
        within("batch_size", self.batch_size, 1, 4096)?;
        within("choice_interval", self.choice_interval, 0, 1 << 32)?;
        within("candidates", self.candidates, 1, 256)?;
        within("history_interval", self.history_interval, 1, 1 << 32)?;
        for (name, rate) in [
            ("rate_generator", self.rate_generator),
            ("rate_discriminator", self.rate_discriminator),
            ("rate_encoder", self.rate_encoder),
        ] {
            number(name, rate, 0.0, 1.0)?;
        }
        for (name, weight) in [
            ("beta", self.beta),
            ("lambda_vae", self.lambda_vae),
            ("lambda_noise", self.lambda_noise),
            ("lambda_rec", self.lambda_rec),
            ("lambda_volume_fraction", self.lambda_volume_fraction),
            ("lambda_euler_characteristic", self.lambda_euler_characteristic),
            ("lambda_patterns", self.lambda_patterns),
        ] {
            number(name, weight, 0.0, 1e6)?;
        }
        for (name, decay) in [
            ("adam_beta1", self.adam_beta1),
            ("adam_beta2", self.adam_beta2),
            ("norm_momentum", self.norm_momentum),
            ("generator_average", self.generator_average),
        ] {
            number(name, decay, 0.0, 1.0 - f64::EPSILON)?;
        }
        number("decay_start", self.decay_start, 0.0, 1.0)?;
        number("divergence_floor", self.divergence_floor, 0.0, 1e6)?;
        number("label_smoothing", self.label_smoothing, 0.0, 0.4)?;
        number("discriminator_noise", self.discriminator_noise, 0.0, 10.0)?;
        number("generator_smoothing", self.generator_smoothing, 0.0, 0.25)?;
        within("discriminator_width", self.discriminator_width, 1, 16)?;
        if self.discriminator_spectral && self.discriminator_head_normalised {
            return Err(Error::invalid(
                "discriminator_spectral and discriminator_head_normalised are both set; the discriminator is normalised \
                 one way or the other, choose one",
            ));
        }
        number("adam_epsilon", self.adam_epsilon, 1e-30, 1.0)?;
        number("norm_epsilon", self.norm_epsilon, 1e-12, 1.0)?;
        number("leaky_slope", self.leaky_slope, 0.0, 1.0)?;
        number("displacement", self.displacement, 0.0, 100.0)?;
        number("prior_mean_deviation", self.prior_mean_deviation, 0.0, 100.0)?;
        number("prior_log_variance_deviation", self.prior_log_variance_deviation, 0.0, 10.0)?;
        number("latent_scale_max", self.latent_scale_max, 1e-3, 1e3)?;
        number("latent_scale_min", self.latent_scale_min, 1e-3, self.latent_scale_max)
    }

    /// Steps in all for `tiles` training tiles.
    pub fn total_steps(&self, tiles: usize) -> u64 {
        if self.steps > 0 {
            self.steps
        } else {
            self.epochs.saturating_mul(tiles as u64).div_ceil(self.batch_size as u64)
        }
    }

    /// Whether volume fractions or Euler characteristics of realisations count in the generator's loss.
    pub fn compares_functionals(&self) -> bool {
        self.lambda_volume_fraction > 0.0 || self.lambda_euler_characteristic > 0.0
    }

    /// What volume fractions and Euler characteristics of realisations count in the generator's loss at step `step` (from 1)
    /// for `tiles` training tiles.
    pub fn functional_weights(&self, step: u64, tiles: usize) -> [f64; 2] {
        [self.lambda_volume_fraction, self.lambda_euler_characteristic * self.risen(step, tiles)]
    }

    /// How long the gradient of patterns is, beside all else that the generator hears of its realisations, at step `step` (from
    /// 1) for `tiles` training tiles.
    pub fn pattern_share(&self, step: u64, tiles: usize) -> f64 {
        self.lambda_patterns * self.risen(step, tiles)
    }

    /// From 0 to 1 until the rates begin to fall.
    fn risen(&self, step: u64, tiles: usize) -> f64 {
        let rising = self.total_steps(tiles) as f64 * self.decay_start;
        if rising > 0.0 { (step as f64 / rising).min(1.0) } else { 1.0 }
    }

    /// What the rates are multiplied with at step `step` (from 1) for `tiles` training tiles.
    pub fn rate_factor(&self, step: u64, tiles: usize) -> f64 {
        let total = self.total_steps(tiles) as f64;
        let left = (total + 1.0 - step as f64) / (total * (1.0 - self.decay_start)).max(1.0);
        left.clamp(0.0, 1.0)
    }

    /// As TOML, as in a model file.
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("options within their ranges are numbers that TOML has")
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is something else, or an option is out of range.
    pub fn from_text(text: &str) -> Result<Self> {
        let options: Self = toml::from_str(text)
            .map_err(|error| Error::invalid(format!("options that this version does not write: {error}")))?;
        options.validate()?;
        Ok(options)
    }

    /// The first option that `other` has otherwise, apart from the length of training, as `name = ours instead of
    /// theirs`.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let fields = |options: &Self| toml::Table::try_from(options).ok();
        let (ours, theirs) = (fields(self)?, fields(other)?);
        ours.iter()
            .filter(|(name, _)| !matches!(name.as_str(), "steps" | "epochs"))
            .find(|(name, value)| theirs.get(name.as_str()) != Some(*value))
            .map(|(name, value)| format!("{name} = {value} instead of {}", theirs[name.as_str()]))
    }

    /// The networks for images of `n_phases` phases.
    pub fn architecture(&self, n_phases: usize) -> Architecture {
        let variant = Variant {
            encoder_head_normalised: self.encoder_head_normalised,
            discriminator_head_normalised: self.discriminator_head_normalised,
            generator_periodic: self.generator_periodic,
            generator_smoothing: self.generator_smoothing,
            discriminator_width: self.discriminator_width,
            discriminator_spectral: self.discriminator_spectral,
        };
        Architecture::new(self.profile, crate::network::channels(n_phases), self.latent_size, variant)
    }

    /// Constants of normalisation and activation.
    pub fn constants(&self) -> Constants {
        Constants { leaky_slope: self.leaky_slope, norm_epsilon: self.norm_epsilon, norm_momentum: self.norm_momentum }
    }
}

fn within<T: PartialOrd + std::fmt::Display>(name: &str, value: T, least: T, most: T) -> Result<()> {
    if value < least || value > most {
        return Err(Error::invalid(format!("{name} = {value}; it must be {least} to {most}")));
    }
    Ok(())
}

fn number(name: &str, value: f64, least: f64, most: f64) -> Result<()> {
    if !value.is_finite() {
        return Err(Error::invalid(format!("{name} = {value}; it must be a finite number, {least} to {most}")));
    }
    within(name, value, least, most)
}

fn width_of_the_table() -> usize {
    1
}

fn no_selection() -> usize {
    1
}

fn as_in_the_paper() -> bool {
    true
}

fn no_decay() -> f64 {
    1.0
}

mod profile_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::network::Profile;

    pub fn serialize<S: Serializer>(profile: &Profile, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(profile.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
        let name = String::deserialize(deserializer)?;
        Profile::from_name(&name).ok_or_else(|| D::Error::custom(format!("unknown profile {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_s_values_are_valid_and_give_the_paper_s_steps() {
        for (profile, tiles, steps) in [(Profile::Paper32, 60_000, 375_000), (Profile::Paper64, 16, 80_000)] {
            let options = TrainingOptions::new(profile);
            options.validate().unwrap();
            assert_eq!(options.total_steps(tiles), steps);
        }
    }

    #[test]
    fn the_standard_profile_is_valid_and_trains_as_long_for_any_number_of_tiles() {
        let options = TrainingOptions::new(Profile::Standard);
        options.validate().unwrap();
        assert_eq!(options.total_steps(16), options.total_steps(1000));
    }

    #[test]
    fn rates_stay_and_then_fall_evenly_to_the_last_step() {
        let constant = TrainingOptions { steps: 100, ..TrainingOptions::new(Profile::Paper64) };
        assert!((1..=100).all(|step| constant.rate_factor(step, 16) == 1.0));
        let falling = TrainingOptions { decay_start: 0.6, ..constant };
        let factors: Vec<f64> = (1..=100).map(|step| falling.rate_factor(step, 16)).collect();
        assert!(factors[..60].iter().all(|&factor| factor == 1.0));
        for (left, factor) in (1..=40).rev().zip(&factors[60..]) {
            assert!((factor - f64::from(left) / 40.0).abs() < 1e-12, "{factor}");
        }
    }

    #[test]
    fn connectivity_counts_in_full_when_rates_begin_to_fall() {
        let options = TrainingOptions {
            steps: 100,
            decay_start: 0.5,
            lambda_volume_fraction: 0.3,
            lambda_euler_characteristic: 0.2,
            ..TrainingOptions::new(Profile::Standard)
        };
        let weights = |options: &TrainingOptions, step| options.functional_weights(step, 16);
        for (step, expected) in [(1, 0.004), (25, 0.1), (50, 0.2), (51, 0.2), (100, 0.2)] {
            let [fraction, euler] = weights(&options, step);
            assert!(fraction == 0.3 && (euler - expected).abs() < 1e-12, "{fraction} {euler}");
        }
        assert_eq!(weights(&TrainingOptions { decay_start: 0.0, ..options }, 1), [0.3, 0.2]);
    }

    #[test]
    fn wrong_values_are_named() {
        let wrong = |change: fn(&mut TrainingOptions)| {
            let mut options = TrainingOptions::new(Profile::Paper64);
            change(&mut options);
            options.validate().unwrap_err().to_string()
        };
        assert!(wrong(|o| o.rate_generator = f64::NAN).contains("rate_generator = NaN"));
        assert!(wrong(|o| o.batch_size = 0).contains("batch_size = 0"));
        assert!(wrong(|o| o.beta = -1.0).contains("beta = -1"));
        assert!(wrong(|o| o.norm_momentum = 1.0).contains("norm_momentum = 1"));
        assert!(wrong(|o| o.epochs = 0).contains("nothing to train"));
        assert!(wrong(|o| o.decay_start = 1.5).contains("decay_start = 1.5"));
        assert!(wrong(|o| o.discriminator_width = 0).contains("discriminator_width = 0"));
        let both = |o: &mut TrainingOptions| {
            (o.discriminator_spectral, o.discriminator_head_normalised) = (true, true);
        };
        assert!(wrong(both).contains("choose one"));
        assert!(wrong(|o| o.latent_scale_min = 2.0).contains("latent_scale_min = 2"));
    }

    #[test]
    fn options_survive_writing_and_reading() {
        let mut options = TrainingOptions::new(Profile::Paper32);
        options.beta = 0.1 + 0.2;
        options.seed = i64::MAX as u64;
        let text = toml::to_string(&options).unwrap();
        assert_eq!(toml::from_str::<TrainingOptions>(&text).unwrap(), options);
    }
}
