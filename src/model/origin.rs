//! The micrograph of a training.

use sha2::{Digest, Sha256};

use crate::micrograph::{Micrograph, Source, VoxelSize};

/// Which micrograph a model was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Where it comes from.
    pub source: Source,
    /// The value in the micrograph of each phase, `n_phases` values.
    pub phase_values: Vec<f64>,
    /// Side of a pixel of the micrograph, if it is known.
    pub voxel_size: Option<VoxelSize>,
    /// SHA-256 over shape and phases of the micrograph, in hexadecimal.
    pub digest: String,
}

impl Origin {
    /// Describes `micrograph`.
    pub fn new(micrograph: &Micrograph) -> Self {
        let mut hash = Sha256::new();
        let images = &micrograph.images;
        for length in images.shape().into_iter().chain([images.len(), images.n_phases()]) {
            hash.update((length as u64).to_le_bytes());
        }
        hash.update(images.as_slice());
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            source: micrograph.source.clone(),
            phase_values: micrograph.phase_values.clone(),
            voxel_size: micrograph.voxel_size,
            digest,
        }
    }
}
