//! The sides of a voxel.

use crate::error::short;
use crate::micrograph::{LengthUnit, VoxelSize};
use crate::{Error, Result};

/// The sides of a voxel with their unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing {
    /// Sides along x, y and z, in `unit`: positive and finite.
    sides: [f64; 3],
    unit: LengthUnit,
}

impl Spacing {
    /// Sides along x, y and z in a unit.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if a side is not positive and finite.
    pub fn new(sides: [f64; 3], unit: LengthUnit) -> Result<Self> {
        match sides.into_iter().find(|side| !(side.is_finite() && *side > 0.0)) {
            None => Ok(Self { sides, unit }),
            Some(wrong) => Err(Error::invalid(format!(
                "a voxel with the side {}; its sides must be positive and finite",
                short(wrong)
            ))),
        }
    }

    /// Sides along x, y and z, in the unit.
    pub fn sides(&self) -> [f64; 3] {
        self.sides
    }

    /// The unit of the sides.
    pub fn unit(&self) -> LengthUnit {
        self.unit
    }
}

impl From<VoxelSize> for Spacing {
    fn from(VoxelSize { side, unit }: VoxelSize) -> Self {
        Self { sides: [side; 3], unit }
    }
}

impl Default for Spacing {
    fn default() -> Self {
        VoxelSize::default().into()
    }
}
