//! What is told of a volume as a body, beside its planes.

use super::{
    EulerCharacteristic, Neighbours, SpecificSurface, VolumeClusters, euler_characteristic, specific_surface,
    volume_clusters, volume_conductivity,
};
use crate::Result;
use crate::micrograph::PhaseImages;

/// Descriptors of a phase in one volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolumeDescriptors {
    /// Share of the voxels in the phase.
    pub volume_fraction: f64,
    /// Surface towards the rest.
    pub surface: SpecificSurface,
    /// Euler characteristic.
    pub euler: EulerCharacteristic,
    /// Components through faces, and through faces, edges and corners.
    pub clusters: [VolumeClusters; 2],
    /// Effective conductivity along x, y and z, if it is asked for.
    pub conductivity: Option<[f64; 3]>,
}

/// Descriptors of a phase in each volume. Volumes are tori if `periodic`; surface and conductivity take them to be so anyway.
///
/// Conductivity takes by far the longest. `done` is called after each volume and ends the work by an error.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase,
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is too little memory, and those of `done`.
pub fn volume_descriptors(
    volumes: &PhaseImages,
    phase: u8,
    periodic: bool,
    with_conductivity: bool,
    done: &dyn Fn() -> Result<()>,
) -> Result<Vec<VolumeDescriptors>> {
    let of_volume = |index: usize| {
        let volume = volumes.range(index, 1);
        let clusters = |neighbours| volume_clusters(&volume, phase, neighbours, periodic).map(|of| of[0]);
        let found = VolumeDescriptors {
            surface: specific_surface(&volume, phase)?[0],
            volume_fraction: volume.volume_fractions()[usize::from(phase)],
            euler: euler_characteristic(&volume, phase, periodic)?[0],
            clusters: [clusters(Neighbours::Faces)?, clusters(Neighbours::Corners)?],
            conductivity: with_conductivity.then(|| volume_conductivity(&volume, phase)).transpose()?.map(|of| of[0]),
        };
        done()?;
        Ok(found)
    };
    (0..volumes.len()).map(of_volume).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::Error;

    /// A rod of 2 x 2 voxels along x, in each of two volumes.
    fn rods() -> PhaseImages {
        let phases =
            Array4::from_shape_fn((2, 6, 6, 8), |(_, z, y, _)| u8::from((2..4).contains(&z) && (2..4).contains(&y)));
        PhaseImages::new(phases, 2).unwrap()
    }

    #[test]
    fn a_rod_has_the_figures_of_a_rod() {
        for (periodic, euler) in [(true, 0), (false, 1)] {
            let found = volume_descriptors(&rods(), 1, periodic, true, &|| Ok(())).unwrap();
            assert_eq!(found[0], found[1]);
            let VolumeDescriptors { volume_fraction, surface, euler: of_phase, clusters, conductivity } = found[0];
            assert!((volume_fraction - 4.0 / 36.0).abs() < 1e-12 && (surface.faces - 8.0 / 36.0).abs() < 1e-12);
            assert_eq!([of_phase.faces, of_phase.corners], [euler; 2]);
            for VolumeClusters { count, largest, percolates } in clusters {
                assert_eq!((count, largest, percolates), (1, 1.0, [false, false, true]));
            }
            let [x, y, z] = conductivity.unwrap();
            // Along the rod the conductivities of its parts add up.
            assert!((x - (100.0 * 4.0 + 32.0) / 36.0).abs() < 1e-3 && (y - z).abs() < 1e-6 && y < 2.0, "{x} {y} {z}");
        }
    }

    #[test]
    fn conductivity_is_left_out_and_the_work_can_be_ended() {
        assert_eq!(volume_descriptors(&rods(), 0, true, false, &|| Ok(())).unwrap()[0].conductivity, None);
        let end = || Err(Error::Cancelled("enough".into()));
        assert!(matches!(volume_descriptors(&rods(), 1, true, false, &end), Err(Error::Cancelled(_))));
        assert!(matches!(volume_descriptors(&rods(), 2, true, false, &|| Ok(())), Err(Error::InvalidParameter(_))));
    }
}
