//! Connected components of images and volumes.

use std::collections::{HashMap, HashSet};

/// Which voxels are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbours {
    /// Through faces: 6 neighbours, 4 of a pixel.
    Faces,
    /// Through faces, edges and corners: 26 neighbours, 8 of a pixel.
    Corners,
}

/// The voxels of a phase as a disjoint-set forest, whose trees are the components.
pub(super) struct Components<'a, T> {
    volume: &'a [T],
    shape: [usize; 3],
    phase: T,
    /// Those neighbours that come before a voxel, `[z, y, x]`.
    before: Vec<[isize; 3]>,
    parents: Vec<u32>,
}

impl<'a, T: Copy + PartialEq> Components<'a, T> {
    /// The components of a volume that ends at its faces. `parents` is empty and may have room for one a voxel.
    pub fn new(volume: &'a [T], shape: [usize; 3], phase: T, neighbours: Neighbours, mut parents: Vec<u32>) -> Self {
        parents.extend(0..volume.len() as u32);
        let steps = (0..13).map(|number| [number / 9 - 1, number / 3 % 3 - 1, number % 3 - 1]);
        let count = |step: &[isize; 3]| step.iter().filter(|&&by| by != 0).count();
        let before = steps
            .filter(|step| neighbours == Neighbours::Corners || count(step) == 1)
            .filter(|step| step.iter().zip(shape).all(|(&by, length)| by == 0 || length > 1));
        let mut components = Self { volume, shape, phase, before: before.collect(), parents };
        components.join_neighbours(false);
        components
    }

    /// Joins what meets across opposite faces.
    pub fn join_across(&mut self) {
        self.join_neighbours(true);
    }

    /// Joins neighbours within the volume, or across its faces.
    fn join_neighbours(&mut self, across: bool) {
        for index in self.inside() {
            let place = place(index, self.shape);
            for step in 0..self.before.len() {
                let (mut next, mut wraps) = (0, false);
                for (axis, length) in self.shape.into_iter().enumerate() {
                    let at = place[axis] as isize + self.before[step][axis];
                    wraps |= !(0..length as isize).contains(&at);
                    next = next * length + at.rem_euclid(length as isize) as usize;
                }
                if wraps == across && self.volume[next] == self.phase {
                    self.join(index as u32, next as u32);
                }
            }
        }
    }

    /// The voxels of the phase.
    fn inside(&self) -> impl Iterator<Item = usize> + use<'a, T> {
        let (volume, phase) = (self.volume, self.phase);
        (0..volume.len()).filter(move |&index| volume[index] == phase)
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
    pub fn percolates(&mut self, axis: usize) -> bool {
        let shape = self.shape;
        let mut roots_at = |at: usize| -> HashSet<u32> {
            let on_face = self.inside().filter(|&index| place(index, shape)[axis] == at);
            on_face.map(|index| self.root(index as u32)).collect()
        };
        let (first, last) = (roots_at(0), roots_at(shape[axis] - 1));
        !first.is_disjoint(&last)
    }

    /// Number of voxels of each component.
    pub fn sizes(&mut self) -> Vec<u64> {
        let mut sizes = HashMap::new();
        for index in self.inside() {
            *sizes.entry(self.root(index as u32)).or_insert(0) += 1;
        }
        sizes.into_values().collect()
    }
}

/// Where a voxel lies, `[z, y, x]`.
fn place(index: usize, [_, ny, nx]: [usize; 3]) -> [usize; 3] {
    [index / nx / ny, index / nx % ny, index % nx]
}

/// Share of the largest of components of these sizes in all of them; 0 if there is none.
pub(super) fn share_of_largest(sizes: &[u64]) -> f64 {
    sizes.iter().max().map_or(0.0, |&most| most as f64 / sizes.iter().sum::<u64>() as f64)
}
