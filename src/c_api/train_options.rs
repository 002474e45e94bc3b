//! The options of training.

use std::ffi::{c_char, c_void};

use super::device::{DAVEGAN_DEVICE_KIND_AUTO, device};
use super::options::{self, count, switch, unsafe_growing};
use super::pointers::optional_text;
use super::progress::davegan_progress_callback_t;
use super::status::davegan_status_t;
use crate::network::Profile;
use crate::training::{RunOptions, TrainingOptions};
use crate::{Error, Result};

/// Realisations of any size: fully convolutional networks (docs/profile.md). The default.
pub const DAVEGAN_PROFILE_STANDARD: i32 = 3;
/// Images of 32 x 32 pixels, 5 latents: the paper's Table 2.
pub const DAVEGAN_PROFILE_PAPER32: i32 = 1;
/// Images of 64 x 64 pixels, 32 latents: the paper's Table 3.
pub const DAVEGAN_PROFILE_PAPER64: i32 = 2;
/// Volumes of any size, learned from the planes of one micrograph of an isotropic material, or of one for each direction.
pub const DAVEGAN_PROFILE_VOLUME: i32 = 4;

/// How to train. Filled by `davegan_train_options_init` with the values of a profile.
///
/// Defaults are those of `paper32` / `paper64` / `standard` / `volume` where they differ; a dash stands for an option that a
/// profile does not use and that must be 0. `device`, `device_index`,
/// `threads` and the fields from `checkpoint_interval` on do not change what is computed; another device changes
/// rounding. Equations and tables are those of the paper.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_train_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// One of `DAVEGAN_PROFILE_...`, set by the initialiser.
    pub profile: i32,
    /// Where to train, one of `DAVEGAN_DEVICE_KIND_...`; default `DAVEGAN_DEVICE_KIND_AUTO`.
    pub device: i32,
    /// Number of the device among those of its kind, from 0; default 0.
    pub device_index: i32,
    /// Threads on the CPU, 0 to 1024; default 0: one for each processor that the calling thread may run on, as in
    /// `davegan_generate_options_t`. The model does not depend on it.
    pub threads: i32,
    /// Seed of all random draws, 0 or more; default 0.
    pub seed: i64,
    /// Training steps in all, counting those of a resumed model, 0 or more. Default 0: 200 epochs for `paper32`, 20,000
    /// epochs for `paper64`, 8,000 steps for `standard` and `volume`.
    pub steps: i64,
    /// Side of training windows in pixels, for `standard` 32, 64, 128 or 256. Default 0: the smallest of 64, 128 and 256
    /// that is at least eight correlation lengths of the micrograph (the lag at which the autocovariance has fallen to
    /// 1/e), but at most half of its shorter side, or 64. For `volume` 32, 64 or 128, default 64. For `paper32` and `paper64`
    /// it is 32 and 64.
    pub window_side: i64,
    /// Length of the latent vector, of `standard` and `volume` of each of its grid, 1 to 4096; default 5 / 32 / 16 / 16.
    pub latent_size: i32,
    /// Tiles in one training step, for `volume` volumes, 1 to 4096; default 32 / 4 / 8 / 1. For `standard` tiles of 64 x 64
    /// pixels are counted, for `volume` volumes of 64 x 64 x 64 voxels; of larger or smaller windows a step has as many as have
    /// as many pixels or voxels, or one.
    pub batch_size: i32,
    /// Learning rate of the generator, 0 to 1; default 1e-4 / 1e-4 / 1e-3 / 1e-3.
    pub learning_rate_generator: f64,
    /// Learning rate of the discriminator, 0 to 1; default 4e-5 / 4e-5 / 5e-4 / 5e-4.
    pub learning_rate_discriminator: f64,
    /// Learning rate of the encoder, 0 to 1; default 1e-4 / 1e-4 / 1e-3 / -.
    pub learning_rate_encoder: f64,
    /// Weight of the divergence in the encoder's loss (Eq. 1), 0 to 1e6; default 1 / 1 / 0.3 / -.
    pub beta: f64,
    /// Weight of the adversarial loss of reconstructions in the generator's loss (Eq. 7), 0 to 1e6; default
    /// 1 / 1 / - / -. The discriminators of `standard` and `volume` see no reconstructions.
    pub lambda_vae: f64,
    /// Weight of the adversarial loss of realisations in the generator's loss (Eq. 7), 0 to 1e6; default 1.
    pub lambda_noise: f64,
    /// Weight of the reconstruction loss in the generator's loss (Eq. 7), 0 to 1e6; default 1e-4 / 1e-4 / 1e-2 / -.
    pub lambda_rec: f64,
    /// Choices that the paper does not specify; `paper32` and `paper64` only. NULL (default): the profile's values.
    ///
    /// Text such as `"discriminator_head_normalised=0,displacement=1"`: `name=value`, separated by commas or blanks, which
    /// must stay valid until the call returns. Defaults are those of `paper32`; `paper64` in brackets where it differs.
    ///
    /// - `reconstruction_mean`: reconstruction loss (Eq. 3) as the mean (1) or the sum (0, default) over pixels.
    /// - `divergence_mean`: divergence (Eq. 8 and 9) as the mean (1) or the sum (0, default) over latents.
    /// - `encoder_head_normalised`: batch normalisation and leaky ReLU on the encoder's last layer, 0 (default) or 1.
    /// - `discriminator_head_normalised`: batch normalisation before the discriminator's sigmoid, 0 or 1 (default).
    /// - `discriminator_separate_batches`: the discriminator normalises real images, reconstructions and realisations in
    ///   separate batches (1, default) or in one (0; default of `paper64`).
    /// - `generator_separate_batches`: the generator normalises reconstructions and realisations in separate batches (1;
    ///   default of `paper64`) or in one (0, default).
    /// - `latent_augmentation`: Eq. 8 with a random prior, T_mu and T_sigma (1, default), or Eq. 9 (0).
    /// - `displacement`: standard deviation of the translation T as a fraction of the side, 0 to 100; default 0.125.
    pub paper_options: *const c_char,
    /// Steps between two writings of the model file, 0 or more; default 2000; 0: at the end only.
    pub checkpoint_interval: i64,
    /// 1: continue from the model file if there is one, which must be of the same micrograph and the same options but for
    /// `steps`; 0 (default): replace it.
    pub resume: i32,
    /// 1: show a progress bar on standard error, or, where that is no terminal, a line after each tenth of work that takes more
    /// than ten seconds; default 0.
    pub progress_bar: i32,
    /// Seconds between two progress reports, 0 to 86400; default 0.5; 0: after every step.
    pub progress_interval: f64,
    /// Called with the progress; default NULL. A cancelled training is saved and can be resumed.
    pub progress: davegan_progress_callback_t,
    /// Passed to `progress`; default NULL.
    pub user_data: *mut c_void,
}
// SAFETY: numbers, an optional function and pointers.
unsafe_growing!(davegan_train_options_t, user_data);

/// A profile from its number.
fn profile(code: i32) -> Result<Profile> {
    match code {
        DAVEGAN_PROFILE_STANDARD => Ok(Profile::Standard),
        DAVEGAN_PROFILE_PAPER32 => Ok(Profile::Paper32),
        DAVEGAN_PROFILE_PAPER64 => Ok(Profile::Paper64),
        DAVEGAN_PROFILE_VOLUME => Ok(Profile::Volume),
        _ => Err(Error::invalid(format!(
            "profile = {code}; choose one of DAVEGAN_PROFILE_STANDARD (3), DAVEGAN_PROFILE_VOLUME (4), \
             DAVEGAN_PROFILE_PAPER32 (1), DAVEGAN_PROFILE_PAPER64 (2)"
        ))),
    }
}

/// The number of a profile.
pub(super) fn profile_code(profile: Profile) -> i32 {
    match profile {
        Profile::Standard => DAVEGAN_PROFILE_STANDARD,
        Profile::Paper32 => DAVEGAN_PROFILE_PAPER32,
        Profile::Paper64 => DAVEGAN_PROFILE_PAPER64,
        Profile::Volume => DAVEGAN_PROFILE_VOLUME,
    }
}

impl davegan_train_options_t {
    pub(super) fn new(profile: Profile) -> Self {
        let (training, run) = (TrainingOptions::new(profile), RunOptions::default());
        Self {
            struct_size: size_of::<Self>(),
            profile: profile_code(profile),
            device: DAVEGAN_DEVICE_KIND_AUTO,
            device_index: 0,
            threads: run.threads as i32,
            seed: training.seed as i64,
            steps: training.steps as i64,
            window_side: training.window_side as i64,
            latent_size: training.latent_size as i32,
            batch_size: training.batch_size as i32,
            learning_rate_generator: training.learning_rate_generator,
            learning_rate_discriminator: training.learning_rate_discriminator,
            learning_rate_encoder: training.learning_rate_encoder,
            beta: training.beta,
            lambda_vae: training.lambda_vae,
            lambda_noise: training.lambda_noise,
            lambda_rec: training.lambda_rec,
            paper_options: std::ptr::null(),
            checkpoint_interval: run.checkpoint_interval as i64,
            resume: run.resume.into(),
            progress_bar: 0,
            progress_interval: run.progress_interval,
            progress: None,
            user_data: std::ptr::null_mut(),
        }
    }

    /// What decides the model. `paper_options` must be text or NULL.
    pub(super) unsafe fn training(&self) -> Result<TrainingOptions> {
        let mut options = TrainingOptions {
            seed: count(self.seed, "seed")?,
            steps: count(self.steps, "steps")?,
            window_side: count(self.window_side, "window_side")?,
            latent_size: count(self.latent_size, "latent_size")?,
            batch_size: count(self.batch_size, "batch_size")?,
            learning_rate_generator: self.learning_rate_generator,
            learning_rate_discriminator: self.learning_rate_discriminator,
            learning_rate_encoder: self.learning_rate_encoder,
            beta: self.beta,
            lambda_vae: self.lambda_vae,
            lambda_noise: self.lambda_noise,
            lambda_rec: self.lambda_rec,
            ..TrainingOptions::new(profile(self.profile)?)
        };
        // SAFETY: the caller's promise.
        let text = unsafe { optional_text(self.paper_options, "paper_options") }?;
        options.set_paper_options(text.unwrap_or_default())?;
        Ok(options)
    }

    pub(super) fn run(&self) -> Result<RunOptions> {
        Ok(RunOptions {
            device: device(self.device, self.device_index)?,
            threads: count(self.threads, "threads")?,
            checkpoint_interval: count(self.checkpoint_interval, "checkpoint_interval")?,
            resume: switch(self.resume, "resume")?,
            progress_interval: self.progress_interval,
        })
    }
}

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the values of a profile.
///
/// `profile` is one of `DAVEGAN_PROFILE_...`. Fails with `DAVEGAN_INVALID_PARAMETER` for another profile, or if `size`
/// is less than that of the first version. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_train_options_init(
    options: *mut davegan_train_options_t,
    size: usize,
    profile: i32,
) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || self::profile(profile).map(davegan_train_options_t::new)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_come_back_as_they_were() {
        for profile in Profile::ALL {
            let options = davegan_train_options_t::new(profile);
            // SAFETY: NULL for no text.
            assert_eq!(unsafe { options.training() }, Ok(TrainingOptions::new(profile)));
            assert_eq!(options.run(), Ok(RunOptions::default()));
        }
    }

    #[test]
    fn wrong_options_are_named() {
        let wrong = |change: fn(&mut davegan_train_options_t)| {
            let mut options = davegan_train_options_t::new(Profile::Paper64);
            change(&mut options);
            // SAFETY: NULL, or text below.
            unsafe { options.training() }.err().or(options.run().err()).unwrap().to_string()
        };
        assert!(wrong(|o| o.profile = 9).contains("profile = 9"));
        assert!(wrong(|o| o.steps = -5).contains("steps is -5"));
        assert!(wrong(|o| o.resume = 2).contains("resume is 2"));
        assert!(wrong(|o| o.device = 7).contains("device = 7"));
        assert!(wrong(|o| o.paper_options = c"sum=1".as_ptr()).contains("sum=1"));
    }
}
