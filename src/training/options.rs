//! The options of training: the paper's hyperparameters (Table 1), and how a run is carried out.

use serde::{Deserialize, Serialize};

use super::range::{number, within};
use super::recipe::Recipe;
use super::window_side::check_window_side;
use crate::device::{Device, MAX_THREADS};
use crate::network::{Architecture, Profile, channels};
use crate::progress::check_interval;
use crate::{Error, Result};

/// What determines the trained model, apart from the micrograph. Written to the model file; a resumed run must agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingOptions {
    /// Architecture and recipe.
    pub profile: Profile,
    /// Seed of every random draw, 0 to 2^63 - 1, so that every language can name it.
    pub seed: u64,
    /// Training steps in all; 0: the profile's default.
    pub steps: u64,
    /// Side of training windows in pixels, for `standard` one of [`WINDOW_SIDES`](super::WINDOW_SIDES); 0: as the micrograph
    /// asks for ([`for_micrograph`](Self::for_micrograph)), for the other profiles their own.
    pub window_side: usize,
    /// Length of the latent vector, with `standard` of each of its grid, 1 to 4096 (Table 1: z_dim).
    pub latent_size: usize,
    /// Tiles in a training step, 1 to 4096 (Table 1), for `volume` volumes. For `standard` tiles of 64 x 64 pixels are
    /// counted, for `volume` volumes of 64 x 64 x 64 voxels; of other sizes a step has as many as have as many pixels or
    /// voxels in all, at least one.
    pub batch_size: usize,
    /// Learning rate of the generator, 0 to 1 (Table 1).
    pub learning_rate_generator: f64,
    /// Learning rate of the discriminator, 0 to 1 (Table 1).
    pub learning_rate_discriminator: f64,
    /// Learning rate of the encoder, 0 to 1 (Table 1).
    pub learning_rate_encoder: f64,
    /// Weight of the Kullback-Leibler divergence in the encoder's loss (Eq. 1), 0 to 1e6.
    pub beta: f64,
    /// Weight of the adversarial term of reconstructions in the generator's loss (Eq. 7), 0 to 1e6; 0 for `standard`.
    pub lambda_vae: f64,
    /// Weight of the adversarial term of realisations in the generator's loss (Eq. 7), 0 to 1e6.
    pub lambda_noise: f64,
    /// Weight of the reconstruction term in the generator's loss (Eq. 7), 0 to 1e6.
    pub lambda_rec: f64,
    /// Further options of the profile.
    #[serde(flatten)]
    pub recipe: Recipe,
}

/// How a run is carried out. Only `device` affects the result, by rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOptions {
    /// Where to train.
    pub device: Device,
    /// Threads on the CPU; 0: one for each processor that the calling thread may run on, at most `OMP_NUM_THREADS` and
    /// `RAYON_NUM_THREADS`.
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
        check_interval(self.progress_interval)
    }
}

impl TrainingOptions {
    /// The defaults of `profile`.
    pub fn new(profile: Profile) -> Self {
        let (latent_size, batch_size) = match profile {
            Profile::Paper32 => (5, 32),
            Profile::Paper64 => (32, 4),
            Profile::Standard => (16, 8),
            Profile::Volume => (16, 1),
        };
        let paper = Self {
            profile,
            seed: 0,
            steps: 0,
            window_side: 0,
            latent_size,
            batch_size,
            learning_rate_generator: 1e-4,
            learning_rate_discriminator: 4e-5,
            learning_rate_encoder: 1e-4,
            beta: 1.0,
            lambda_vae: 1.0,
            lambda_noise: 1.0,
            lambda_rec: 1e-4,
            recipe: Recipe::of(profile),
        };
        match profile {
            Profile::Paper32 | Profile::Paper64 => paper,
            Profile::Standard => Self {
                learning_rate_generator: 1e-3,
                learning_rate_discriminator: 5e-4,
                learning_rate_encoder: 1e-3,
                beta: 0.3,
                lambda_vae: 0.0,
                lambda_rec: 1e-2,
                ..paper
            },
            Profile::Volume => Self {
                learning_rate_generator: 1e-3,
                learning_rate_discriminator: 5e-4,
                learning_rate_encoder: 0.0,
                beta: 0.0,
                lambda_vae: 0.0,
                lambda_rec: 0.0,
                ..paper
            },
        }
    }

    /// The same options with another recipe.
    #[cfg(test)]
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Recipe)) -> Self {
        change(&mut self.recipe);
        self
    }

    /// Checks every value, and that no two contradict each other.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] naming the option, its value and its range.
    pub fn validate(&self) -> Result<()> {
        within("seed", self.seed, 0, i64::MAX as u64)?;
        within("steps", self.steps, 0, crate::random::MAX_COUNTER)?;
        check_window_side(self.profile, self.window_side)?;
        within("latent_size", self.latent_size, 1, 4096)?;
        within("batch_size", self.batch_size, 1, 4096)?;
        for (name, value, most) in [
            ("learning_rate_generator", self.learning_rate_generator, 1.0),
            ("learning_rate_discriminator", self.learning_rate_discriminator, 1.0),
            ("learning_rate_encoder", self.learning_rate_encoder, 1.0),
            ("beta", self.beta, 1e6),
            ("lambda_vae", self.lambda_vae, 1e6),
            ("lambda_noise", self.lambda_noise, 1e6),
            ("lambda_rec", self.lambda_rec, 1e6),
        ] {
            number(name, value, 0.0, most)?;
        }
        for (name, value) in [
            ("learning_rate_encoder", self.learning_rate_encoder),
            ("beta", self.beta),
            ("lambda_rec", self.lambda_rec),
        ] {
            if self.profile == Profile::Volume && value != 0.0 {
                return Err(Error::invalid(format!(
                    "{name} = {value} and profile = volume contradict each other: it has no encoder and reconstructs \
                     nothing; leave {name} at 0"
                )));
            }
        }
        if !self.recipe.discriminator_reconstructions && self.lambda_vae != 0.0 {
            return Err(Error::invalid(format!(
                "lambda_vae = {} and profile = {} contradict each other: its discriminator sees no reconstructions; \
                 set lambda_vae to 0, or choose profile paper32 or paper64",
                self.lambda_vae,
                self.profile.name()
            )));
        }
        self.recipe.validate()
    }

    /// Steps in all for `tiles` training tiles.
    pub fn total_steps(&self, tiles: usize) -> u64 {
        let epochs = |count: u64| count.saturating_mul(tiles as u64).div_ceil(self.batch() as u64);
        match (self.steps, self.profile) {
            (0, Profile::Standard | Profile::Volume) => 8_000,
            (0, Profile::Paper32) => epochs(200),
            (0, Profile::Paper64) => epochs(20_000),
            (steps, _) => steps,
        }
    }

    /// Factor of the learning rates at step `step` (from 1) for `tiles` training tiles.
    pub fn rate_factor(&self, step: u64, tiles: usize) -> f64 {
        let total = self.total_steps(tiles) as f64;
        let left = (total + 1.0 - step as f64) / (total * (1.0 - self.recipe.decay_start)).max(1.0);
        left.clamp(0.0, 1.0)
    }

    /// Side of training tiles and windows in pixels.
    pub fn side(&self) -> usize {
        if self.window_side == 0 { self.profile.side() } else { self.window_side }
    }

    /// Tiles in a training step.
    pub fn batch(&self) -> usize {
        let axes = self.profile.axes() as u32;
        (self.batch_size * self.profile.side().pow(axes) / self.side().pow(axes)).max(1)
    }

    /// Side of the grid of latent vectors of a tile.
    pub fn latent_side(&self) -> usize {
        self.profile.latent_side(self.side())
    }

    /// Latents of a tile, or of a volume of its side.
    pub fn latent_count(&self) -> usize {
        self.latent_size * self.latent_side().pow(self.profile.axes() as u32)
    }

    /// As TOML, as in a model file.
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("options within their ranges are numbers that TOML has")
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is something else, or an option is missing, unknown or out of range.
    pub fn from_text(text: &str) -> Result<Self> {
        let unreadable = |error: toml::de::Error| {
            let place = error.span().and_then(|span| text.get(span)).unwrap_or_default();
            Error::invalid(format!("cannot be read: {} {place:?}", error.message()))
        };
        let given: toml::Table = toml::from_str(text).map_err(unreadable)?;
        let profile = given.get("profile").and_then(toml::Value::as_str).and_then(Profile::from_name);
        let profile = profile.ok_or_else(|| {
            let found = given.get("profile").map_or("no profile".into(), |found| format!("profile = {found}"));
            Error::invalid(format!("name {found}; this release knows standard, paper32, paper64 and volume"))
        })?;
        check_names(&given, &Self::new(profile).to_table())?;
        let options: Self = given.try_into().map_err(unreadable)?;
        options.validate()?;
        Ok(options)
    }

    fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("options within their ranges are numbers that TOML has")
    }

    /// First option that differs from `other` (ignoring `steps`), as `name = ours, but name = theirs`.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let (ours, theirs) = (self.to_table(), other.to_table());
        ours.iter()
            .filter(|(name, _)| *name != "steps")
            .find(|(name, value)| theirs.get(name.as_str()) != Some(*value))
            .map(|(name, value)| format!("{name} = {value}, but {name} = {}", theirs[name.as_str()]))
    }

    /// The networks for images of `n_phases` phases.
    pub fn architecture(&self, n_phases: usize) -> Architecture {
        let (channels, latent) = (channels(n_phases), self.latent_size);
        match self.profile {
            Profile::Standard => Architecture::fully_convolutional(channels, latent, self.side()),
            Profile::Volume => Architecture::volumetric(channels, latent, self.side()),
            profile => Architecture::new(profile, channels, latent, self.recipe.variant()),
        }
    }
}

/// Checks that `given` has the options of `known`, each of its type, and no others.
fn check_names(given: &toml::Table, known: &toml::Table) -> Result<()> {
    for (name, value) in given {
        let Some(known) = known.get(name) else {
            let reason = format!("hold {name} = {value}, which this release does not know; use a newer davegan");
            return Err(Error::invalid(reason));
        };
        if !known.same_type(value) || value.as_integer().is_some_and(|number| number < 0) {
            return Err(Error::invalid(format!("hold {name} = {value}; it must be a value such as {known}")));
        }
    }
    known
        .keys()
        .find(|name| !given.contains_key(*name))
        .map_or(Ok(()), |missing| Err(Error::invalid(format!("lack {missing}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_valid_and_trains_for_its_own_steps() {
        for (profile, tiles, steps) in [
            (Profile::Paper32, 60_000, 375_000),
            (Profile::Paper64, 16, 80_000),
            (Profile::Standard, 16, 8_000),
            (Profile::Standard, 1000, 8_000),
        ] {
            let options = TrainingOptions::new(profile);
            options.validate().unwrap();
            assert_eq!(options.total_steps(tiles), steps);
            assert_eq!(TrainingOptions { steps: 7, ..options }.total_steps(tiles), 7);
        }
    }

    #[test]
    fn rates_stay_and_then_fall_evenly_to_the_last_step() {
        let with = |decay_start| {
            TrainingOptions { steps: 100, ..TrainingOptions::new(Profile::Paper64) }
                .with(|r| r.decay_start = decay_start)
        };
        let constant = with(1.0);
        assert!((1..=100).all(|step| constant.rate_factor(step, 16) == 1.0));
        let falling = with(0.6);
        let factors: Vec<f64> = (1..=100).map(|step| falling.rate_factor(step, 16)).collect();
        assert!(factors[..60].iter().all(|&factor| factor == 1.0));
        for (left, factor) in (1..=40).rev().zip(&factors[60..]) {
            assert!((factor - f64::from(left) / 40.0).abs() < 1e-12, "{factor}");
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let wrong = |profile, change: fn(&mut TrainingOptions)| {
            let mut options = TrainingOptions::new(profile);
            change(&mut options);
            options.validate().unwrap_err().to_string()
        };
        let paper = Profile::Paper64;
        assert!(wrong(paper, |o| o.learning_rate_generator = f64::NAN).contains("learning_rate_generator = NaN"));
        assert!(wrong(paper, |o| o.batch_size = 0).contains("batch_size = 0"));
        assert!(wrong(paper, |o| o.beta = -1.0).contains("beta = -1"));
        let contradiction = wrong(Profile::Standard, |o| o.lambda_vae = 0.5);
        assert!(contradiction.contains("lambda_vae = 0.5 and profile = standard"), "{contradiction}");
    }

    #[test]
    fn options_survive_writing_and_reading() {
        for profile in Profile::ALL {
            let options = TrainingOptions { beta: 0.1 + 0.2, seed: i64::MAX as u64, ..TrainingOptions::new(profile) };
            let text = toml::to_string(&options).unwrap();
            assert_eq!(toml::from_str::<TrainingOptions>(&text).unwrap(), options);
        }
    }

    #[test]
    fn a_difference_is_named_wherever_it_is() {
        let options = TrainingOptions::new(Profile::Paper64);
        assert_eq!(options.first_difference(&TrainingOptions { steps: 9, ..options.clone() }), None);
        let named = |other: TrainingOptions| options.first_difference(&other).unwrap();
        assert_eq!(named(TrainingOptions { beta: 0.5, ..options.clone() }), "beta = 1.0, but beta = 0.5");
        let other = options.clone().with(|r| r.displacement = 1.0);
        assert_eq!(named(other), "displacement = 0.125, but displacement = 1.0");
    }
}
