//! Connected components of volumes, and in which directions they percolate.

use super::check_phase;
use crate::device::memory;
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// Which voxels are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbours {
    /// Through faces: 6 neighbours.
    Faces,
    /// Through faces, edges and corners: 26 neighbours.
    Corners,
}

impl Neighbours {
    /// Those neighbours that come before a voxel, `[z, y, x]`.
    fn before(self) -> Vec<[isize; 3]> {
        let steps = (0..13).map(|number| [number / 9 - 1, number / 3 % 3 - 1, number % 3 - 1]);
        let faces = |step: &[isize; 3]| step.iter().filter(|&&by| by != 0).count() == 1;
        steps.filter(|step| self == Self::Corners || faces(step)).collect()
    }
}

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
        let mut open = Components::new(volume, volumes.shape(), phase, neighbours)?;
        let percolates = [0, 1, 2].map(|axis| open.percolates(volume, phase, axis));
        if periodic {
            open.join_across(volume, phase, neighbours);
        }
        let sizes = open.sizes(volume, phase);
        let all: u64 = sizes.iter().sum();
        let largest = sizes.iter().max().map_or(0.0, |&most| most as f64 / all as f64);
        Ok(VolumeClusters { count: sizes.len(), largest, percolates })
    };
    (0..volumes.len()).map(of_volume).collect()
}

/// A disjoint-set forest of voxels, whose trees are the components.
struct Components {
    shape: [usize; 3],
    parents: Vec<u32>,
}

impl Components {
    /// The components of a volume that ends at its faces.
    fn new(volume: &[u8], shape: [usize; 3], phase: u8, neighbours: Neighbours) -> Result<Self> {
        let (what, advice) = ("finding connected components", "give a smaller volume");
        let mut parents = memory::vector(volume.len(), what, advice)?;
        parents.extend(0..volume.len() as u32);
        let mut components = Self { shape, parents };
        components.join_neighbours(volume, phase, neighbours, false);
        Ok(components)
    }

    /// Joins what meets across opposite faces.
    fn join_across(&mut self, volume: &[u8], phase: u8, neighbours: Neighbours) {
        self.join_neighbours(volume, phase, neighbours, true);
    }

    /// Joins neighbours within the volume, or across its faces.
    fn join_neighbours(&mut self, volume: &[u8], phase: u8, neighbours: Neighbours, across: bool) {
        let ([nz, ny, nx], steps) = (self.shape, neighbours.before());
        for index in (0..volume.len()).filter(|&index| volume[index] == phase) {
            let place = [index / nx / ny, index / nx % ny, index % nx];
            for step in &steps {
                let (mut next, mut wraps) = (0, false);
                for (axis, length) in [nz, ny, nx].into_iter().enumerate() {
                    let at = place[axis] as isize + step[axis];
                    wraps |= !(0..length as isize).contains(&at);
                    next = next * length + at.rem_euclid(length as isize) as usize;
                }
                if wraps == across && volume[next] == phase {
                    self.join(index as u32, next as u32);
                }
            }
        }
    }

    fn root(&mut self, mut voxel: u32) -> u32 {
        while self.parents[voxel as usize] != voxel {
            let parent = self.parents[voxel as usize];
            self.parents[voxel as usize] = self.parents[parent as usize];
            voxel = self.parents[voxel as usize];
        }
        voxel
    }

    fn join(&mut self, a: u32, b: u32) {
        let [a, b] = [self.root(a), self.root(b)];
        self.parents[a.max(b) as usize] = a.min(b);
    }

    /// Whether a component has voxels at both faces across an axis.
    fn percolates(&mut self, volume: &[u8], phase: u8, axis: usize) -> bool {
        let shape = self.shape;
        let mut roots_at = |at: usize| {
            let [nz, ny, nx] = shape;
            let on_face = (0..nz * ny * nx)
                .filter(|&index| [index / nx / ny, index / nx % ny, index % nx][axis] == at && volume[index] == phase);
            on_face.map(|index| self.root(index as u32)).collect::<std::collections::HashSet<_>>()
        };
        let (first, last) = (roots_at(0), roots_at(shape[axis] - 1));
        first.intersection(&last).next().is_some()
    }

    /// Number of voxels of each component.
    fn sizes(&mut self, volume: &[u8], phase: u8) -> Vec<u64> {
        let mut sizes = std::collections::HashMap::new();
        for index in (0..volume.len()).filter(|&index| volume[index] == phase) {
            *sizes.entry(self.root(index as u32)).or_insert(0) += 1;
        }
        sizes.into_values().collect()
    }
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
