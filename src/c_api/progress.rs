//! Progress of long calls, handed to the host.

use std::ffi::c_void;
use std::ops::ControlFlow;

use super::guard::Host;
use super::options::switch;
use crate::Result;
use crate::progress::Progress;
use crate::progress_bar::ProgressBar;

/// Progress of a long call; valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_progress_t {
    /// Size of the struct that the library filled: a field beyond it is not there.
    pub struct_size: usize,
    /// Training steps, realisations, blocks of realisations that `davegan_generate` stores block by block, or parts of a
    /// judgement, done.
    pub step: i64,
    /// As many of these in all.
    pub steps: i64,
    /// Seconds since the call began.
    pub elapsed: f64,
    /// Estimate of the seconds to come; negative if unknown. A training of `standard` has a calibration behind its last step,
    /// which is in the estimate from its first part on.
    pub remaining: f64,
    /// Loss of the encoder, L_Enc (Eq. 1): the mean of the last row of the loss history. This loss and
    /// those below are NaN before the first row, and in all but training.
    pub loss_encoder: f64,
    /// Loss of the discriminator, L_Disc (Eq. 6).
    pub loss_discriminator: f64,
    /// Loss of the generator, L_Gen (Eq. 7).
    pub loss_generator: f64,
    /// L_Rec (Eq. 3), nats per image (`reconstruction_mean`: per pixel).
    pub loss_reconstruction: f64,
    /// KL divergence (Eq. 8 or 9), nats per image (`divergence_mean`: per latent).
    pub loss_divergence: f64,
}

/// Progress callback. Return 0 to continue, anything else to cancel with `DAVEGAN_CANCELLED`.
///
/// Called on the thread that made the call, in its floating-point environment, with no lock held: it may call any
/// function of the library. It must return: no exception and no longjmp may leave it. `user_data` is the pointer from
/// the options.
pub type davegan_progress_callback_t =
    Option<unsafe extern "C" fn(progress: *const davegan_progress_t, user_data: *mut c_void) -> i32>;

impl davegan_progress_t {
    fn new(progress: &Progress) -> Self {
        let losses = progress.losses.map_or([f64::NAN; 5], |losses| losses.as_array());
        let [loss_encoder, loss_discriminator, loss_generator, loss_reconstruction, loss_divergence] = losses;
        Self {
            struct_size: size_of::<Self>(),
            step: progress.step as i64,
            steps: progress.steps as i64,
            elapsed: progress.elapsed,
            remaining: progress.remaining.unwrap_or(-1.0),
            loss_encoder,
            loss_discriminator,
            loss_generator,
            loss_reconstruction,
            loss_divergence,
        }
    }
}

/// Passes progress on to whoever wants to know, the terminal, the host, both or none; the host may ask to stop.
///
/// All but `host` are fields of an options struct, and `what` is done, which is written before the bar.
pub(super) fn listener(
    host: &mut Host,
    what: &'static str,
    progress_bar: i32,
    callback: davegan_progress_callback_t,
    user_data: *mut c_void,
) -> Result<impl FnMut(&Progress) -> ControlFlow<()>> {
    let mut bar = switch(progress_bar, "progress_bar")?.then(|| ProgressBar::new(what));
    Ok(move |progress: &Progress| {
        if let Some(bar) = &mut bar {
            bar.show(progress);
        }
        let Some(callback) = callback else { return ControlFlow::Continue(()) };
        let progress = davegan_progress_t::new(progress);
        // SAFETY: the host promises that its callback takes these arguments; `progress` lives until it returns.
        match host.call(|| unsafe { callback(&progress, user_data) }) {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::guard::guard_with_host;
    use super::super::status::DAVEGAN_OK;
    use super::*;
    use crate::progress::Losses;

    unsafe extern "C" fn keep(progress: *const davegan_progress_t, user_data: *mut c_void) -> i32 {
        // SAFETY: the test hands over a vector of progress.
        let (kept, progress) = unsafe { (&mut *user_data.cast::<Vec<davegan_progress_t>>(), *progress) };
        kept.push(progress);
        i32::from(kept.len() == 2) * -7
    }

    #[test]
    fn the_callback_sees_all_numbers_and_cancels() {
        let mut kept: Vec<davegan_progress_t> = Vec::new();
        let losses = Losses::from_array([1.0, 2.0, 3.0, 4.0, 5.0]);
        let first = Progress { step: 3, steps: 9, elapsed: 0.5, remaining: None, losses: None };
        let second = Progress { step: 9, remaining: Some(1.5), losses: Some(losses), ..first };
        let status = guard_with_host(|host| {
            let mut tell = listener(host, "test", 0, Some(keep), (&raw mut kept).cast())?;
            assert!(tell(&first).is_continue());
            assert!(tell(&second).is_break());
            Ok(())
        });
        assert_eq!(status, DAVEGAN_OK);
        assert_eq!((kept[0].step, kept[0].steps, kept[0].elapsed, kept[0].remaining), (3, 9, 0.5, -1.0));
        assert!(kept[0].loss_encoder.is_nan() && kept[0].loss_divergence.is_nan());
        assert_eq!((kept[1].step, kept[1].remaining), (9, 1.5));
        let losses = [kept[1].loss_encoder, kept[1].loss_discriminator, kept[1].loss_generator];
        assert_eq!(losses, [1.0, 2.0, 3.0]);
        assert_eq!([kept[1].loss_reconstruction, kept[1].loss_divergence], [4.0, 5.0]);
    }

    #[test]
    fn nobody_need_listen() {
        let progress = Progress { step: 1, steps: 2, elapsed: 0.0, remaining: None, losses: None };
        let status = guard_with_host(|host| {
            assert!(listener(host, "test", 0, None, std::ptr::null_mut())?(&progress).is_continue());
            assert!(listener(host, "test", 2, None, std::ptr::null_mut()).is_err());
            Ok(())
        });
        assert_eq!(status, DAVEGAN_OK);
    }
}
