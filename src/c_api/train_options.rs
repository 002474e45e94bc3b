//! The options of training.

use std::ffi::c_void;

use super::device::{DAVEGAN_DEVICE_KIND_AUTO, device};
use super::guard::guard;
use super::options::{Growing, StructPlace, count, switch};
use super::progress::davegan_progress_callback_t;
use super::status::davegan_status_t;
use crate::network::Profile;
use crate::training::{RunOptions, TrainingOptions};
use crate::{Error, Result};

/// Images of 64 x 64 pixels, 32 latents: the paper's Table 3 with a larger generator and what makes it work. The
/// default.
pub const DAVEGAN_PROFILE_STANDARD: i32 = 3;
/// Images of 32 x 32 pixels, 5 latents: the paper's Table 2.
pub const DAVEGAN_PROFILE_PAPER32: i32 = 1;
/// Images of 64 x 64 pixels, 32 latents: the paper's Table 3.
pub const DAVEGAN_PROFILE_PAPER64: i32 = 2;

/// How to train. Filled by `davegan_train_options_init` with the values of a profile.
///
/// Where two defaults are given, the first is the paper's (profiles paper32 and paper64), the second that of the profile
/// standard.
///
/// Device, threads, checkpoints and progress decide only how the training is carried out; all else decides the model.
/// Equations and tables are those of the paper.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_train_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// Architecture, one of `DAVEGAN_PROFILE_...`; set by the initialiser.
    pub profile: i32,
    /// Where to train, one of `DAVEGAN_DEVICE_KIND_...`; default `DAVEGAN_DEVICE_KIND_AUTO`.
    pub device: i32,
    /// Number of the device, for accelerators; default 0.
    pub device_index: i32,
    /// Threads on the processor, 0 to 1024; default 0: one a core. The model does not depend on it.
    pub threads: i32,
    /// Seed of all random draws, 0 or more; default 0.
    pub seed: i64,
    /// Length of the latent vector, 1 to 4096; default 32; 5 for paper32.
    pub latent_size: i32,
    /// Tiles in one training step, 1 to 4096; default 4; 32 for paper32.
    pub batch_size: i32,
    /// Training steps in all, counting those of a resumed model; default 0: as many as `epochs` asks for; 20,000.
    pub steps: i64,
    /// Passes over the training tiles, if `steps` is 0; default 20,000; 200 for paper32.
    pub epochs: i64,
    /// Learning rate of the generator, 0 to 1; default 1e-4; 1e-3.
    pub rate_generator: f64,
    /// Learning rate of the discriminator, 0 to 1; default 4e-5; 1e-3.
    pub rate_discriminator: f64,
    /// Learning rate of the encoder, 0 to 1; default 1e-4; 1e-3.
    pub rate_encoder: f64,
    /// Share of all steps, 0 to 1, after which the rates fall evenly to zero; default 1: they stay; 0.3.
    pub decay_start: f64,
    /// Weight of the divergence in the encoder's loss (Eq. 1), 0 to 1e6; default 1; 0.3.
    pub beta: f64,
    /// Divergence, 0 to 1e6, in nats a tile (a latent, if `divergence_mean`), that the encoder may have without it counting in its loss (free bits, Kingma et
    /// al. 2016); default 0; 45. Tiles then keep to their own places in the latent space, and realisations to theirs.
    pub divergence_floor: f64,
    /// Weight of reconstructions in the adversarial part of the generator's loss (Eq. 7), 0 to 1e6; default 1.
    pub lambda_vae: f64,
    /// Weight of realisations in the adversarial part of the generator's loss (Eq. 7), 0 to 1e6; default 1.
    pub lambda_noise: f64,
    /// Weight of the reconstruction loss in the generator's loss (Eq. 7), 0 to 1e6; default 1e-4; 3e-2.
    pub lambda_rec: f64,
    /// Weight of a term that Eq. 7 does not have: how far the volume fractions of the batch's realisations are from those of
    /// windows of the micrograph in distribution (energy distance), in their standard deviation; mends bias and lack of
    /// spread; 0 to 1e6; default 0: none; 0.3.
    pub lambda_volume_fraction: f64,
    /// The same for the Euler characteristic of a phase, its pieces (that hang together by edges) less its holes, mean over
    /// the phases; mends connectivity. Rises from 0 to this weight until `decay_start`. 0 to 1e6; default 0: none; 0.03.
    pub lambda_euler_characteristic: f64,
    /// How much another one counts: how much less probable the patterns of 3 x 3 pixels of realisations are in the micrograph
    /// than among realisations, in nats an image, for each phase and at full, half and quarter resolution (Kullback-Leibler
    /// divergence of their histograms), with the weight that makes its gradient by the logits so many times as long as that of
    /// all else that the generator hears of realisations; mends outlines and ends of thin phases. Rises likewise. 0 to 1e6;
    /// default 0: none; 1.5.
    pub lambda_patterns: f64,
    /// Share of its certainty that the target of a reconstruction gives up, 0 to 0.4 (Szegedy et al. 2016): a pixel should be of
    /// its own phase with probability 1 - `label_smoothing`; default 0; 0.05. Pixels that are not certain can still be moved by
    /// what the discriminator says.
    pub label_smoothing: f64,
    /// Adam's decay of the first moment, 0 to below 1; default 0.9; 0.5.
    pub adam_beta1: f64,
    /// Adam's decay of the second moment, 0 to below 1; default 0.999.
    pub adam_beta2: f64,
    /// What Adam adds to the root of the second moment, 1e-30 to 1; default 1e-7.
    pub adam_epsilon: f64,
    /// Slope of leaky ReLU for negative values, 0 to 1; default 0.3.
    pub leaky_slope: f64,
    /// Share of the old value that moving statistics keep at each step, 0 to below 1; default 0.99.
    pub norm_momentum: f64,
    /// What batch normalisation adds to the variance, 1e-12 to 1; default 1e-3.
    pub norm_epsilon: f64,
    /// Standard deviation of the periodic translation T as a fraction of the side, 0 to 100; default 0.125. Windows and
    /// tiles stay where they are if `discriminator_windows` is set, and periodic realisations are translated by any
    /// distance.
    pub displacement: f64,
    /// Standard deviation of the mean of the random prior, 0 to 100; default 1.
    pub prior_mean_deviation: f64,
    /// Standard deviation of the logarithm of the variance of the random prior, 0 to 10; default 0.25.
    pub prior_log_variance_deviation: f64,
    /// Smallest factor of T_mu and T_sigma, 1e-3 to `latent_scale_max`; default 0.5.
    pub latent_scale_min: f64,
    /// Largest factor of T_mu and T_sigma, 1e-3 to 1e3; default 1.5.
    pub latent_scale_max: f64,
    /// 1: Eq. 8 with a random prior and the transforms T_mu, T_sigma (default); 0: Eq. 9 (standard).
    pub latent_augmentation: i32,
    /// Reconstruction loss as the mean (1) or the sum (0, default) over pixels.
    pub reconstruction_mean: i32,
    /// Divergence as the mean (1) or the sum (0, default) over latents.
    pub divergence_mean: i32,
    /// 1: batch normalisation and leaky ReLU on the encoder's last layer, as the tables print; 0 (default): none.
    pub encoder_head_normalised: i32,
    /// 1 (default): batch normalisation before the discriminator's sigmoid, as the tables print; 0: none (standard).
    pub discriminator_head_normalised: i32,
    /// 1: the discriminator normalises real images, reconstructions and realisations each as a batch of its own; 0:
    /// jointly. Default 0; 1 for paper32.
    pub discriminator_separate_batches: i32,
    /// 1: the discriminator sees windows from anywhere in the micrograph as real images (standard); 0
    /// (default): the tiles.
    pub discriminator_windows: i32,
    /// 1 (default): the discriminator sees reconstructions too, and the generator learns from what it says of them (Eq. 6
    /// and 7); 0 (standard): real images and realisations alone, so that it does not learn the tiles by heart as false ones,
    /// and `lambda_vae` does not count. `divergence_floor` is what keeps realisations from being copies then.
    pub discriminator_reconstructions: i32,
    /// Standard deviation of the Gaussian noise on all that the discriminator sees, as a part of the distance between two
    /// phases (1 of two phases, the square root of 2 of several, which are one-hot), so that it cannot learn the micrograph
    /// by heart and neighbouring images get similar verdicts; 0 to 10; default 0: none; 0.2.
    pub discriminator_noise: f64,
    /// 1: the discriminator sees the most probable phases instead of probabilities, which alone would give realisations
    /// away, and the gradient passes as if it saw these (standard); 0 (default): probabilities.
    pub discriminator_binary: i32,
    /// 1: spectral normalisation in the discriminator (standard); 0 (default): batch normalisation.
    pub discriminator_spectral: i32,
    /// Channels of the discriminator in multiples of the table's, 1 to 16; default 1; 2.
    pub discriminator_width: i32,
    /// 1 (default): the generator normalises reconstructions and realisations each as a batch of its own; 0: jointly
    /// (standard, paper32).
    pub generator_separate_batches: i32,
    /// 1: realisations are periodic, for beyond an edge the generator's kernels meet the opposite one (standard); 0
    /// (default): they meet zeros.
    pub generator_periodic: i32,
    /// Weight with which each of a pixel's two neighbours takes part when the generator's logits are smoothed, first in
    /// columns, then in rows, so that outlines do not show its last layer's two-pixel pattern; 0 to 0.25 (which removes it);
    /// default 0: none; 1/6.
    pub generator_smoothing: f64,
    /// Decay of the moving average of the generator's weights that generation uses, with statistics measured for it, 0 to
    /// below 1; default 0: no average; 0.999.
    pub generator_average: f64,
    /// Steps after each of which realisations are judged beside the micrograph (`davegan_fidelity_measure`, with seeds of
    /// its own), so that generation uses the last networks that were as good as any, but for chance; default 0: it uses the
    /// last ones; 2000. Needs a micrograph of at least two tiles along each axis.
    pub choice_interval: i64,
    /// Candidates from which each realisation is selected at most, 1 to 256, so that volume fraction, interface density,
    /// pieces, holes and the share of the largest piece of realisations are on average, and spread, as those of windows of the
    /// micrograph, S2 at a quarter of the side and the pixels at which the phase ends on average, and the edges like the
    /// inside; how is found whenever networks are judged (`choice_interval`). There are sixteen, or twice or four times as many
    /// and so on where fewer do not reach that far, and generation takes as many times as long. Default 1: no selection; 64.
    pub candidates: i64,
    /// Steps between two writings of the model file; default 2000; 0: at the end only.
    pub checkpoint_interval: i64,
    /// Steps over which losses are averaged into one row of the loss history, at least 1; default 50.
    pub history_interval: i64,
    /// 1: go on from the model file if there is one, which must be of the same micrograph and options, `steps` and
    /// `epochs` apart; 0 (default): replace it.
    pub resume: i32,
    /// 1: show a progress bar on standard error; default 0.
    pub progress_bar: i32,
    /// Seconds between two reports of progress, 0 to 86400; default 0.5; 0: after every step.
    pub progress_interval: f64,
    /// Told about progress; default NULL: nobody. Cancelled training is saved and can be resumed.
    pub progress: davegan_progress_callback_t,
    /// Handed to `progress`; default NULL.
    pub user_data: *mut c_void,
}
// SAFETY: numbers, an optional function and a pointer.
unsafe impl Growing for davegan_train_options_t {
    const NAME: &'static str = "davegan_train_options_t";
}

/// A profile from its number.
fn profile(code: i32) -> Result<Profile> {
    match code {
        DAVEGAN_PROFILE_STANDARD => Ok(Profile::Standard),
        DAVEGAN_PROFILE_PAPER32 => Ok(Profile::Paper32),
        DAVEGAN_PROFILE_PAPER64 => Ok(Profile::Paper64),
        _ => Err(Error::invalid(format!(
            "profile = {code}; choose one of DAVEGAN_PROFILE_STANDARD (3), DAVEGAN_PROFILE_PAPER32 (1), \
             DAVEGAN_PROFILE_PAPER64 (2)"
        ))),
    }
}

/// The number of a profile.
pub(super) fn profile_code(profile: Profile) -> i32 {
    match profile {
        Profile::Standard => DAVEGAN_PROFILE_STANDARD,
        Profile::Paper32 => DAVEGAN_PROFILE_PAPER32,
        Profile::Paper64 => DAVEGAN_PROFILE_PAPER64,
    }
}

impl davegan_train_options_t {
    pub(super) fn new(profile: Profile) -> Self {
        let (training, run) = (TrainingOptions::new(profile), RunOptions::default());
        Self {
            struct_size: size_of::<Self>(),
            profile: profile_code(profile),
            latent_size: training.latent_size as i32,
            seed: training.seed as i64,
            steps: training.steps as i64,
            epochs: training.epochs as i64,
            batch_size: training.batch_size as i32,
            latent_augmentation: training.latent_augmentation.into(),
            rate_generator: training.rate_generator,
            rate_discriminator: training.rate_discriminator,
            rate_encoder: training.rate_encoder,
            decay_start: training.decay_start,
            beta: training.beta,
            divergence_floor: training.divergence_floor,
            lambda_vae: training.lambda_vae,
            lambda_noise: training.lambda_noise,
            lambda_rec: training.lambda_rec,
            lambda_volume_fraction: training.lambda_volume_fraction,
            lambda_euler_characteristic: training.lambda_euler_characteristic,
            lambda_patterns: training.lambda_patterns,
            label_smoothing: training.label_smoothing,
            adam_beta1: training.adam_beta1,
            adam_beta2: training.adam_beta2,
            adam_epsilon: training.adam_epsilon,
            leaky_slope: training.leaky_slope,
            norm_momentum: training.norm_momentum,
            norm_epsilon: training.norm_epsilon,
            displacement: training.displacement,
            prior_mean_deviation: training.prior_mean_deviation,
            prior_log_variance_deviation: training.prior_log_variance_deviation,
            latent_scale_min: training.latent_scale_min,
            latent_scale_max: training.latent_scale_max,
            reconstruction_mean: training.reconstruction_mean.into(),
            divergence_mean: training.divergence_mean.into(),
            encoder_head_normalised: training.encoder_head_normalised.into(),
            discriminator_head_normalised: training.discriminator_head_normalised.into(),
            discriminator_separate_batches: training.discriminator_separate_batches.into(),
            discriminator_windows: training.discriminator_windows.into(),
            discriminator_noise: training.discriminator_noise,
            discriminator_reconstructions: training.discriminator_reconstructions.into(),
            discriminator_binary: training.discriminator_binary.into(),
            discriminator_spectral: training.discriminator_spectral.into(),
            discriminator_width: training.discriminator_width as i32,
            generator_separate_batches: training.generator_separate_batches.into(),
            generator_periodic: training.generator_periodic.into(),
            generator_smoothing: training.generator_smoothing,
            generator_average: training.generator_average,
            choice_interval: training.choice_interval as i64,
            candidates: training.candidates as i64,
            history_interval: training.history_interval as i64,
            device: DAVEGAN_DEVICE_KIND_AUTO,
            device_index: 0,
            threads: run.threads as i32,
            resume: run.resume.into(),
            checkpoint_interval: run.checkpoint_interval as i64,
            progress_interval: run.progress_interval,
            progress_bar: 0,
            progress: None,
            user_data: std::ptr::null_mut(),
        }
    }

    pub(super) fn training(&self) -> Result<TrainingOptions> {
        Ok(TrainingOptions {
            profile: profile(self.profile)?,
            seed: count(self.seed, "seed")?,
            steps: count(self.steps, "steps")?,
            epochs: count(self.epochs, "epochs")?,
            latent_size: count(self.latent_size, "latent_size")?,
            batch_size: count(self.batch_size, "batch_size")?,
            rate_generator: self.rate_generator,
            rate_discriminator: self.rate_discriminator,
            rate_encoder: self.rate_encoder,
            decay_start: self.decay_start,
            beta: self.beta,
            divergence_floor: self.divergence_floor,
            lambda_vae: self.lambda_vae,
            lambda_noise: self.lambda_noise,
            lambda_rec: self.lambda_rec,
            lambda_volume_fraction: self.lambda_volume_fraction,
            lambda_euler_characteristic: self.lambda_euler_characteristic,
            lambda_patterns: self.lambda_patterns,
            label_smoothing: self.label_smoothing,
            adam_beta1: self.adam_beta1,
            adam_beta2: self.adam_beta2,
            adam_epsilon: self.adam_epsilon,
            leaky_slope: self.leaky_slope,
            norm_momentum: self.norm_momentum,
            norm_epsilon: self.norm_epsilon,
            displacement: self.displacement,
            latent_augmentation: switch(self.latent_augmentation, "latent_augmentation")?,
            prior_mean_deviation: self.prior_mean_deviation,
            prior_log_variance_deviation: self.prior_log_variance_deviation,
            latent_scale_min: self.latent_scale_min,
            latent_scale_max: self.latent_scale_max,
            reconstruction_mean: switch(self.reconstruction_mean, "reconstruction_mean")?,
            divergence_mean: switch(self.divergence_mean, "divergence_mean")?,
            encoder_head_normalised: switch(self.encoder_head_normalised, "encoder_head_normalised")?,
            discriminator_head_normalised: switch(self.discriminator_head_normalised, "discriminator_head_normalised")?,
            discriminator_separate_batches: switch(
                self.discriminator_separate_batches,
                "discriminator_separate_batches",
            )?,
            discriminator_windows: switch(self.discriminator_windows, "discriminator_windows")?,
            discriminator_noise: self.discriminator_noise,
            discriminator_reconstructions: switch(self.discriminator_reconstructions, "discriminator_reconstructions")?,
            discriminator_binary: switch(self.discriminator_binary, "discriminator_binary")?,
            discriminator_spectral: switch(self.discriminator_spectral, "discriminator_spectral")?,
            discriminator_width: count(self.discriminator_width, "discriminator_width")?,
            generator_separate_batches: switch(self.generator_separate_batches, "generator_separate_batches")?,
            generator_periodic: switch(self.generator_periodic, "generator_periodic")?,
            generator_smoothing: self.generator_smoothing,
            generator_average: self.generator_average,
            choice_interval: count(self.choice_interval, "choice_interval")?,
            candidates: count(self.candidates, "candidates")?,
            history_interval: count(self.history_interval, "history_interval")?,
        })
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
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let place = unsafe { StructPlace::new(options, size, "options") }?;
        place.set(davegan_train_options_t::new(self::profile(profile)?));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_come_back_as_they_were() {
        for profile in [Profile::Standard, Profile::Paper32, Profile::Paper64] {
            let options = davegan_train_options_t::new(profile);
            assert_eq!(options.training(), Ok(TrainingOptions::new(profile)));
            assert_eq!(options.run(), Ok(RunOptions::default()));
        }
    }

    #[test]
    fn wrong_options_are_named() {
        let wrong = |change: fn(&mut davegan_train_options_t)| {
            let mut options = davegan_train_options_t::new(Profile::Paper64);
            change(&mut options);
            options.training().err().or(options.run().err()).unwrap().to_string()
        };
        assert!(wrong(|o| o.profile = 9).contains("profile = 9"));
        assert!(wrong(|o| o.steps = -5).contains("steps is -5"));
        assert!(wrong(|o| o.resume = 2).contains("resume is 2"));
        assert!(wrong(|o| o.device = 7).contains("device = 7"));
    }
}
