//! What is said once about a set of realisations, and where in a file the set goes.

use super::hdf5_file::check_name;
use crate::error::{counted, short};
pub(super) use crate::files::FORMAT;
use crate::micrograph::MAX_PHASES;
use crate::{Error, Result};

/// What all realisations of a set have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Shape of what is stored of one realisation, `[nz, ny, nx]` in voxels; two-dimensional ones have one layer.
    pub shape: [usize; 3],
    /// First voxel of what is stored, `[z, y, x]`; zeros, unless it is a part of the realisation.
    pub first_voxel: [i64; 3],
    /// Shape of the whole realisation, which is periodic if a part of it is stored.
    pub whole_shape: [usize; 3],
    /// Number of phases, 2 to 8.
    pub n_phases: usize,
    /// The seed that the realisations were drawn from.
    pub seed: u64,
    /// Side of a voxel in the unit that `provenance` may name; positive.
    pub voxel_size: f64,
    /// What decides the bytes of a realisation besides seed and index, such as the model's SHA-256: text attributes
    /// that must be equal for realisations to be added to a set. An empty text stands for no attribute.
    pub identity: Vec<(String, String)>,
    /// What else is worth knowing, such as version, device, unit or names of phases: text attributes, those of the
    /// first writer.
    pub provenance: Vec<(String, String)>,
}

/// Where in the HDF5 file the realisations go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// A file of its own, which ParaView opens: VTKHDF image data, several realisations as a time series.
    VtkHdf,
    /// A group of that name, created if need be, in a new file or in one that holds other things as well.
    Group(String),
}

/// What happens to realisations that are already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They stay, and more are added.
    Append,
    /// They are removed first. Whatever else is in the file stays.
    Replace,
}

/// Text attribute with the unit of the voxel size; none if it is not known.
pub const VOXEL_UNIT: &str = "voxel_unit";

/// Text attribute that says "no" of realisations that are not periodic.
pub const PERIODIC: &str = "periodic";

/// Attributes with a fixed meaning, which identity and provenance cannot use.
pub(super) const FORMAT_VERSION: &str = "format_version";
pub(super) const SEED: &str = "seed";
pub(super) const SHAPE: &str = "shape";
pub(super) const N_PHASES: &str = "n_phases";
pub(super) const VOXEL_SIZE: &str = "voxel_size";
pub(super) const N_WRITTEN: &str = "n_written";
pub(super) const COMPLETE: &str = "complete";
pub(super) const FIRST_VOXEL: &str = "first_voxel";
pub(super) const WHOLE_SHAPE: &str = "whole_shape";
pub(super) const UNFINISHED: &str = "unfinished";
const RESERVED: [&str; 11] = [
    FORMAT,
    FORMAT_VERSION,
    SEED,
    SHAPE,
    N_PHASES,
    VOXEL_SIZE,
    N_WRITTEN,
    COMPLETE,
    FIRST_VOXEL,
    WHOLE_SHAPE,
    UNFINISHED,
];

impl Header {
    /// The attributes that are text: identity, then provenance.
    pub(super) fn texts(&self) -> impl Iterator<Item = &(String, String)> {
        self.identity.iter().filter(|(_, text)| !text.is_empty()).chain(&self.provenance)
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.shape.contains(&0) {
            let [nz, ny, nx] = self.shape;
            return Err(Error::invalid(format!("realisations of {nz} x {ny} x {nx} voxels; no side may be zero")));
        }
        if !(2..=MAX_PHASES).contains(&self.n_phases) {
            return Err(Error::invalid(format!(
                "{}; there must be 2 to {MAX_PHASES}",
                counted(self.n_phases, "phase")
            )));
        }
        if !(self.voxel_size.is_finite() && self.voxel_size > 0.0) {
            return Err(Error::invalid(format!(
                "voxel size {}; it must be positive and finite",
                short(self.voxel_size)
            )));
        }
        let names: Vec<&str> = self.texts().map(|(name, _)| name.as_str()).collect();
        for (position, name) in names.iter().enumerate() {
            if name.is_empty() || name.contains('\0') || RESERVED.contains(name) || names[..position].contains(name) {
                return Err(Error::invalid(format!(
                    "the attribute name {name:?} is empty, has a NUL, comes twice or is reserved; choose another"
                )));
            }
        }
        Ok(())
    }
}

impl Layout {
    /// The group with everything but the phases.
    pub(super) fn record_group(&self) -> &str {
        match self {
            Self::VtkHdf => "/davegan",
            Self::Group(name) => name,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::VtkHdf => Ok(()),
            Self::Group(name) => check_name("group", name, "realisations"),
        }
    }
}
