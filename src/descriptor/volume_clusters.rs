//! Connected components of volumes, and in which directions they percolate.

use super::check_phase;
use super::components::{Components, Neighbours, share_of_largest};
use crate::device::memory;
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// Connected components of a phase in a volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolumeClusters {
    /// Number of components.
    pub count: usize,
    /// Share of the phase in its largest component; 0 if there is none.
    pub largest: f64,
    /// Whether a component reaches from face to face, along z, y and x.
    pub percolates: [bool; 3],
}

/// The connected components of a phase in each volume.
///
/// On a torus a component goes on at the opposite face; it percolates along an axis if it reaches from face to face without
/// that.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there is no such phase or a volume has 2^32 voxels or more, [`Error::OutOfMemory`] if there
/// is too little memory: 4 bytes a voxel.
pub fn volume_clusters(
    volumes: &PhaseImages,
    phase: u8,
    neighbours: Neighbours,
    periodic: bool,
) -> Result<Vec<VolumeClusters>> {
    check_phase(volumes, phase)?;
    if u32::try_from(volumes.voxels()).is_err() {
        return Err(Error::invalid(format!("a volume of {} voxels; give at most 2^32 - 1", volumes.voxels())));
    }
    let of_volume = |index: usize| {
        let volume = volumes.image(index);
        let room = memory::vector(volume.len(), "finding connected components", "give a smaller volume")?;
        let mut components = Components::new(volume, volumes.shape(), phase, neighbours, room);
        let percolates = [0, 1, 2].map(|axis| components.percolates(axis));
        if periodic {
            components.join_across();
        }
        let sizes = components.sizes();
        Ok(VolumeClusters { count: sizes.len(), largest: share_of_largest(&sizes), percolates })
    };
    (0..volumes.len()).map(of_volume).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn of(shape: [usize; 3], by: Neighbours, periodic: bool, inside: impl Fn([usize; 3]) -> bool) -> VolumeClusters {
        let [nz, ny, nx] = shape;
        let phases = Array4::from_shape_fn((1, nz, ny, nx), |(_, z, y, x)| u8::from(inside([z, y, x])));
        volume_clusters(&PhaseImages::new(phases, 2).unwrap(), 1, by, periodic).unwrap()[0]
    }

    #[test]
    fn voxels_that_share_an_edge_or_a_corner_are_one_of_26_and_two_of_6() {
        for other in [[2, 3, 3], [3, 3, 3], [3, 1, 2], [3, 1, 1]] {
            let pair = |place: [usize; 3]| place == [2, 2, 2] || place == other;
            let counts = [Neighbours::Faces, Neighbours::Corners].map(|by| of([6, 5, 7], by, false, pair).count);
            assert_eq!(counts, [2, 1], "{other:?}");
        }
    }

    #[test]
    fn a_column_percolates_along_its_axis_alone() {
        for axis in 0..3 {
            let column = |place: [usize; 3]| (0..3).all(|other| other == axis || place[other] == 1);
            for (by, periodic) in [(Neighbours::Faces, false), (Neighbours::Corners, true)] {
                let found = of([4, 5, 6], by, periodic, column);
                assert_eq!((found.count, found.largest), (1, 1.0));
                assert_eq!(found.percolates, [0, 1, 2].map(|other| other == axis));
            }
        }
    }

    #[test]
    fn on_a_torus_pieces_at_opposite_faces_are_one() {
        let ends = |[z, y, x]: [usize; 3]| y == 0 && x == 0 && (z == 0 || z == 4 || z == 2);
        let [open, torus] = [false, true].map(|periodic| of([5; 3], Neighbours::Faces, periodic, ends));
        assert_eq!((open.count, torus.count, torus.largest), (3, 2, 2.0 / 3.0));
        assert!(!torus.percolates[0]);
        let none = of([3; 3], Neighbours::Faces, true, |_| false);
        assert_eq!(none, VolumeClusters { count: 0, largest: 0.0, percolates: [false; 3] });
    }
}
