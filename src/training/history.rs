//! The mean losses that a row of the loss history holds.

use burn_tensor::Tensor;

use crate::network::read;
use crate::progress::Losses;
use crate::{Error, Result};

/// Steps over which losses are averaged into one row of the loss history.
pub const HISTORY_INTERVAL: u64 = 50;

/// Means from `sums` over the last `steps` steps, of which `at_step` is the last. Those before `unchecked` were finite.
///
/// # Errors
///
/// [`Error::Diverged`] if a loss is not finite, [`Error::Device`] if the sums cannot be read back.
pub fn mean_losses(sums: &Tensor<1>, steps: u64, at_step: u64, unchecked: u64) -> Result<Losses> {
    let sums = read(sums.clone())?;
    let means: [f64; 5] = std::array::from_fn(|i| f64::from(sums[i]) / steps as f64);
    if let Some(index) = means.iter().position(|loss| !loss.is_finite()) {
        let name = ["L_Enc", "L_Disc", "L_Gen", "L_Rec", "L_KLD"][index];
        let when = if unchecked == at_step {
            format!("at step {at_step}")
        } else {
            format!("in steps {unchecked} to {at_step}")
        };
        let value = means[index];
        return Err(Error::Diverged(format!("{name} became {value} {when}; lower the learning rates or the lambdas")));
    }
    Ok(Losses::from_array(means))
}
