//! How a micrograph file is read, and units of voxel sizes.

use super::options::{count, unsafe_growing};
use crate::micrograph::{LengthUnit, ReadOptions, Region, Segmentation, VoxelSize};
use crate::{Error, Result};

/// Phase numbers if there are at most `DAVEGAN_MAX_PHASES` distinct values, otherwise an error that asks for a choice.
pub const DAVEGAN_SEGMENTATION_AUTO: i32 = 0;
/// Every distinct value is a phase; renumbered from 0 in increasing order.
pub const DAVEGAN_SEGMENTATION_PHASE_NUMBERS: i32 = 1;
/// Grey levels: the phase is the number of thresholds less than or equal to the value.
pub const DAVEGAN_SEGMENTATION_THRESHOLDS: i32 = 2;
/// Grey levels: thresholds that maximise the variance between `n_phases` phases (Otsu 1979).
pub const DAVEGAN_SEGMENTATION_OTSU: i32 = 3;

/// The unit of a voxel size is not known.
pub const DAVEGAN_UNIT_UNSPECIFIED: i32 = 0;
/// Metres.
pub const DAVEGAN_UNIT_METRE: i32 = 1;
/// Millimetres.
pub const DAVEGAN_UNIT_MILLIMETRE: i32 = 2;
/// Micrometres.
pub const DAVEGAN_UNIT_MICROMETRE: i32 = 3;
/// Nanometres.
pub const DAVEGAN_UNIT_NANOMETRE: i32 = 4;
const _: () = assert!(
    DAVEGAN_UNIT_UNSPECIFIED == LengthUnit::Unspecified as i32
        && DAVEGAN_UNIT_METRE == LengthUnit::Metre as i32
        && DAVEGAN_UNIT_MILLIMETRE == LengthUnit::Millimetre as i32
        && DAVEGAN_UNIT_MICROMETRE == LengthUnit::Micrometre as i32
        && DAVEGAN_UNIT_NANOMETRE == LengthUnit::Nanometre as i32,
    "LengthUnit::ALL is indexed by these"
);

/// How a micrograph file is read. Filled by `davegan_micrograph_options_init`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_micrograph_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// One of `DAVEGAN_SEGMENTATION_...`; default `DAVEGAN_SEGMENTATION_AUTO`.
    pub segmentation: i32,
    /// For `DAVEGAN_SEGMENTATION_OTSU`: number of phases, 2 to `DAVEGAN_MAX_PHASES`; default 2.
    pub n_phases: i32,
    /// For `DAVEGAN_SEGMENTATION_THRESHOLDS`: number of thresholds, 1 to 7; default 0.
    pub n_thresholds: i32,
    /// One of `DAVEGAN_UNIT_...`, the unit of `voxel_size`; default `DAVEGAN_UNIT_UNSPECIFIED`.
    pub voxel_unit: i32,
    /// For `DAVEGAN_SEGMENTATION_THRESHOLDS`: strictly increasing grey levels, in the units of the file.
    pub thresholds: [f64; 7],
    /// First column of the region of interest, at least 0; default 0. Phases and thresholds are found in the region alone.
    pub x0: i64,
    /// First row of the region of interest, at least 0; default 0.
    pub y0: i64,
    /// Columns of the region of interest; default 0: to the right edge.
    pub nx: i64,
    /// Rows of the region of interest; default 0: to the lower edge, or to a data bar that the file announces.
    pub ny: i64,
    /// Side of a pixel, positive; default 0: as the file says, if it does. It must be set if `voxel_unit` is.
    pub voxel_size: f64,
}
// SAFETY: numbers only.
unsafe_growing!(davegan_micrograph_options_t, voxel_size);

impl davegan_micrograph_options_t {
    pub(super) const DEFAULT: Self = Self {
        struct_size: size_of::<Self>(),
        segmentation: DAVEGAN_SEGMENTATION_AUTO,
        n_phases: 2,
        n_thresholds: 0,
        voxel_unit: DAVEGAN_UNIT_UNSPECIFIED,
        thresholds: [0.0; 7],
        x0: 0,
        y0: 0,
        nx: 0,
        ny: 0,
        voxel_size: 0.0,
    };

    pub(super) fn read_options(&self) -> Result<ReadOptions> {
        let region = Region {
            x0: count(self.x0, "x0")?,
            y0: count(self.y0, "y0")?,
            nx: count(self.nx, "nx")?,
            ny: count(self.ny, "ny")?,
        };
        let voxel_size = voxel_size(self.voxel_size, self.voxel_unit)?;
        Ok(ReadOptions { segmentation: self.segmentation()?, region, voxel_size })
    }

    fn segmentation(&self) -> Result<Segmentation> {
        match self.segmentation {
            DAVEGAN_SEGMENTATION_AUTO => Ok(Segmentation::Auto),
            DAVEGAN_SEGMENTATION_PHASE_NUMBERS => Ok(Segmentation::PhaseNumbers),
            DAVEGAN_SEGMENTATION_THRESHOLDS => {
                let thresholds = self.thresholds.get(..count(self.n_thresholds, "n_thresholds")?);
                let thresholds = thresholds.ok_or_else(|| {
                    Error::invalid(format!("n_thresholds is {}; there are at most 7 thresholds", self.n_thresholds))
                })?;
                Ok(Segmentation::Thresholds(thresholds.to_vec()))
            }
            DAVEGAN_SEGMENTATION_OTSU => Ok(Segmentation::Otsu { n_phases: count(self.n_phases, "n_phases")? }),
            other => Err(Error::invalid(format!(
                "segmentation = {other}; choose one of DAVEGAN_SEGMENTATION_AUTO (0), _PHASE_NUMBERS (1), _THRESHOLDS \
                 (2), _OTSU (3)"
            ))),
        }
    }
}

/// The unit with the number `code`.
pub(super) fn unit(code: i32) -> Result<LengthUnit> {
    let unit = usize::try_from(code).ok().and_then(|code| LengthUnit::ALL.get(code).copied());
    unit.ok_or_else(|| {
        Error::invalid(format!(
            "voxel_unit = {code}; choose one of DAVEGAN_UNIT_UNSPECIFIED (0), _METRE (1), _MILLIMETRE (2), _MICROMETRE (3), \
             _NANOMETRE (4)"
        ))
    })
}

/// What `voxel_size` and `voxel_unit` of the host's options ask for.
pub(super) fn voxel_size(side: f64, code: i32) -> Result<Option<VoxelSize>> {
    match (side == 0.0, unit(code)?) {
        (true, LengthUnit::Unspecified) => Ok(None),
        (true, _) => {
            Err(Error::invalid(format!("voxel_unit is {code}, but voxel_size is 0; set voxel_size too, or no unit")))
        }
        (false, unit) => VoxelSize::new(side, unit).map(Some),
    }
}

/// Side and code of the unit, as structs of C hold them: 0 for what is not known.
pub(super) fn side_and_unit(size: Option<VoxelSize>) -> (f64, i32) {
    size.map_or((0.0, DAVEGAN_UNIT_UNSPECIFIED), |size| (size.side, size.unit as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segmentations_are_understood_and_validated() {
        let options = |segmentation, n_thresholds| davegan_micrograph_options_t {
            segmentation,
            n_phases: 3,
            n_thresholds,
            thresholds: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            ..davegan_micrograph_options_t::DEFAULT
        };
        let thresholds = options(DAVEGAN_SEGMENTATION_THRESHOLDS, 2).segmentation();
        assert_eq!(thresholds, Ok(Segmentation::Thresholds(vec![1.0, 2.0])));
        assert_eq!(options(DAVEGAN_SEGMENTATION_OTSU, 0).segmentation(), Ok(Segmentation::Otsu { n_phases: 3 }));
        let message = |options: davegan_micrograph_options_t| options.segmentation().unwrap_err().to_string();
        assert!(message(options(DAVEGAN_SEGMENTATION_THRESHOLDS, 8)).contains("n_thresholds is 8"));
        assert!(message(options(DAVEGAN_SEGMENTATION_THRESHOLDS, -1)).contains("n_thresholds is -1"));
        assert!(message(options(4, 0)).contains("segmentation = 4"));
    }
}
