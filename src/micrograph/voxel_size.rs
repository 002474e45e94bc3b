//! The side of a pixel with its unit.

use std::str::FromStr;

use crate::error::short;
use crate::{Error, Result};

/// The unit of a [`VoxelSize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LengthUnit {
    /// Not known.
    #[default]
    Unspecified,
    /// `m`
    Metre,
    /// `mm`
    Millimetre,
    /// `um`, also written `µm`
    Micrometre,
    /// `nm`
    Nanometre,
}

impl LengthUnit {
    /// All units.
    pub const ALL: [Self; 5] = [Self::Unspecified, Self::Metre, Self::Millimetre, Self::Micrometre, Self::Nanometre];

    /// The symbol in ASCII, such as `"um"`; empty if the unit is not known.
    pub fn symbol(self) -> &'static str {
        ["", "m", "mm", "um", "nm"][self as usize]
    }
}

impl FromStr for LengthUnit {
    type Err = Error;

    /// Reads a symbol.
    fn from_str(text: &str) -> Result<Self> {
        let ascii = text.replace(['\u{b5}', '\u{3bc}'], "u");
        Self::ALL.into_iter().find(|unit| unit.symbol() == ascii).ok_or_else(|| {
            Error::invalid(format!("the unit {text:?} is not known; give one of m, mm, um, nm, or none"))
        })
    }
}

/// Side of a pixel of a micrograph, and so of a voxel of its realisations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoxelSize {
    /// The side, in `unit`: positive and finite.
    pub side: f64,
    /// Its unit.
    pub unit: LengthUnit,
}

impl VoxelSize {
    /// A side in a unit.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the side is not positive and finite.
    pub fn new(side: f64, unit: LengthUnit) -> Result<Self> {
        if side.is_finite() && side > 0.0 {
            return Ok(Self { side, unit });
        }
        Err(Error::invalid(format!("voxel size {}; it must be positive and finite", short(side))))
    }
}

impl Default for VoxelSize {
    fn default() -> Self {
        Self { side: 1.0, unit: LengthUnit::Unspecified }
    }
}

impl std::fmt::Display for VoxelSize {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { side, unit } = self;
        if *unit == LengthUnit::Unspecified { write!(f, "{side:?}") } else { write!(f, "{side:?} {}", unit.symbol()) }
    }
}

impl FromStr for VoxelSize {
    type Err = Error;

    /// Reads a number followed by a unit or none, such as `"0.25 um"`.
    fn from_str(text: &str) -> Result<Self> {
        // The e of an exponent is no unit.
        let number = text.trim_end_matches(|c: char| c.is_alphabetic()).trim_end();
        let side = number.parse().map_err(|_| {
            Error::invalid(format!("the voxel size {text:?} is no number with a unit; write it as in 0.25um"))
        })?;
        Self::new(side, text[number.len()..].trim().parse()?)
    }
}
