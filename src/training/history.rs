//! The loss history: one row for every so many steps.

use crate::network::read;
use crate::{Error, Result};
use burn_tensor::Tensor;

/// The five losses, each a mean over steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// L_Enc (Eq. 1).
    pub encoder: f64,
    /// L_Disc (Eq. 6).
    pub discriminator: f64,
    /// L_Gen (Eq. 7).
    pub generator: f64,
    /// L_Rec (Eq. 3).
    pub reconstruction: f64,
    /// L_KLD (Eq. 2).
    pub divergence: f64,
}

impl Losses {
    /// The losses in the order of the fields.
    pub fn as_array(&self) -> [f64; 5] {
        [self.encoder, self.discriminator, self.generator, self.reconstruction, self.divergence]
    }

    /// The losses from an array in the order of the fields.
    pub fn from_array([encoder, discriminator, generator, reconstruction, divergence]: [f64; 5]) -> Self {
        Self { encoder, discriminator, generator, reconstruction, divergence }
    }

    /// Means from `sums` over `steps` steps.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if a loss is not finite, [`Error::Device`] if the sums cannot be read back.
    pub fn mean(sums: &Tensor<1>, steps: u64, at_step: u64) -> Result<Self> {
        let sums = read(sums.clone())?;
        let means: [f64; 5] = std::array::from_fn(|i| f64::from(sums[i]) / steps as f64);
        if let Some(index) = means.iter().position(|loss| !loss.is_finite()) {
            let name = ["L_Enc", "L_Disc", "L_Gen", "L_Rec", "L_KLD"][index];
            return Err(Error::Diverged(format!(
                "{name} became {} in the {steps} steps up to step {at_step}; lower the learning rates or the lambdas",
                means[index]
            )));
        }
        Ok(Self::from_array(means))
    }
}

/// One row of the loss history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossRow {
    /// The last step of the mean.
    pub step: u64,
    /// Means since the row before.
    pub losses: Losses,
}

/// Rows in the order of steps.
pub type LossHistory = Vec<LossRow>;
