//! Images of phase numbers: what every module hands to the next.

use ndarray::{Array4, Axis, Slice, s};

use crate::device::memory;
use crate::error::counted;
use crate::{Error, Result};

/// The largest number of phases that a micrograph may have.
pub const MAX_PHASES: usize = 8;

/// One or more images of the same shape whose voxels are phase numbers `0..n_phases`.
///
/// A micrograph, its tiles, reconstructions and realisations are all of this type. A two-dimensional image is one
/// layer: `nz` is 1. x runs fastest, so the bytes are those of C's `[n][nz][ny][nx]` and Fortran's `(nx,ny,nz,n)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseImages {
    phases: Array4<u8>,
    n_phases: usize,
}

impl PhaseImages {
    /// Wraps `phases` of shape `(n, nz, ny, nx)`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if an axis has length zero, `n_phases` is not in `2..=8`, or a voxel is not below
    /// `n_phases`.
    pub fn new(phases: Array4<u8>, n_phases: usize) -> Result<Self> {
        let (n, nz, ny, nx) = phases.dim();
        if n == 0 || nz == 0 || ny == 0 || nx == 0 {
            return Err(Error::invalid(format!(
                "{} of {nz} x {ny} x {nx} voxels hold nothing; every length must be at least 1",
                counted(n, "image")
            )));
        }
        if !(2..=MAX_PHASES).contains(&n_phases) {
            let numbers = if n_phases > MAX_PHASES { format!(", 0 to {}", n_phases - 1) } else { String::new() };
            return Err(Error::invalid(format!(
                "{}{numbers}; the number of phases must be 2 to {MAX_PHASES}",
                counted(n_phases, "phase")
            )));
        }
        let largest =
            phases.as_slice_memory_order().and_then(|phases| phases.iter().max()).or_else(|| phases.iter().max());
        if let Some(&wrong) = largest.filter(|&&phase| usize::from(phase) >= n_phases) {
            return Err(Error::invalid(format!(
                "a voxel holds phase {wrong}, but phases are numbered 0 to {} here",
                n_phases - 1
            )));
        }
        let phases = if phases.is_standard_layout() { phases } else { phases.as_standard_layout().into_owned() };
        Ok(Self { phases, n_phases })
    }

    /// A copy of `phases`, x fastest, as images of `shape`, an `[n, nz, ny, nx]`.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), [`Error::InvalidParameter`] also if `phases` are not as many as the shape says;
    /// [`Error::OutOfMemory`] if the copy does not fit into memory.
    pub fn copy_of(phases: &[u8], shape: [usize; 4], n_phases: usize) -> Result<Self> {
        let mut copy = memory::vector(phases.len(), "copying the images", "give fewer images at once")?;
        copy.extend_from_slice(phases);
        let [n, nz, ny, nx] = shape;
        let phases = Array4::from_shape_vec(shape, copy).map_err(|_| {
            Error::invalid(format!("{} voxels are not {n} images of {nz} x {ny} x {nx} voxels", phases.len()))
        })?;
        Self::new(phases, n_phases)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.phases.dim().0
    }

    /// Always false: there is at least one image.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Shape of one image, `[nz, ny, nx]` in voxels.
    pub fn shape(&self) -> [usize; 3] {
        let (_, nz, ny, nx) = self.phases.dim();
        [nz, ny, nx]
    }

    /// Voxels in one image.
    pub fn voxels(&self) -> usize {
        self.shape().iter().product()
    }

    /// Number of phases, whether each occurs or not.
    pub fn n_phases(&self) -> usize {
        self.n_phases
    }

    /// The phase numbers, `(n, nz, ny, nx)` in standard layout.
    pub fn phases(&self) -> &Array4<u8> {
        &self.phases
    }

    /// Takes the phase numbers out.
    pub fn into_phases(self) -> Array4<u8> {
        self.phases
    }

    /// The phase numbers of all images, x fastest.
    pub fn as_slice(&self) -> &[u8] {
        self.phases.as_slice().expect("standard layout is established in new()")
    }

    /// The phase numbers of image `index`, x fastest. Panics if there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        let voxels = self.voxels();
        &self.as_slice()[index * voxels..(index + 1) * voxels]
    }

    /// Images `first..first + count` as a set of their own. Panics if there are not that many.
    pub fn range(&self, first: usize, count: usize) -> Self {
        Self { phases: self.phases.slice(s![first..first + count, .., .., ..]).to_owned(), n_phases: self.n_phases }
    }

    /// Every `step`-th plane across an axis, 0 to 2 for z, y and x, of each volume, as images of one layer.
    ///
    /// Panics if there is no such axis, or `step` is 0.
    pub fn planes(&self, axis: usize, step: usize) -> Self {
        self.planes_of(axis, Slice::new(0, None, step as isize))
    }

    /// Plane `number` across such an axis of each volume. Panics if there is none.
    pub fn plane(&self, axis: usize, number: usize) -> Self {
        self.planes_of(axis, Slice::from(number..=number))
    }

    fn planes_of(&self, axis: usize, numbers: Slice) -> Self {
        let shown = self.phases.slice_axis(Axis(1 + axis), numbers);
        // The planes of a volume follow one another: (n, plane, row, column).
        let [rows, columns] = [[1, 2], [0, 2], [0, 1]][axis].map(|axis| 1 + axis);
        let ordered = shown.permuted_axes([0, 1 + axis, rows, columns]);
        let (n, planes, ny, nx) = ordered.dim();
        let phases = ordered.as_standard_layout().into_owned();
        let phases = phases.into_shape_with_order((n * planes, 1, ny, nx)).expect("as many as before");
        Self { phases, n_phases: self.n_phases }
    }

    /// Share of the voxels of all images in each phase; sums to 1.
    pub fn volume_fractions(&self) -> Vec<f64> {
        let mut counts = vec![0usize; self.n_phases];
        for &phase in self.as_slice() {
            counts[usize::from(phase)] += 1;
        }
        counts.iter().map(|&c| c as f64 / self.as_slice().len() as f64).collect()
    }

    /// The phase with the smallest volume fraction among those present: the one that error measures judge by default.
    pub fn minority_phase(&self) -> u8 {
        let fractions = self.volume_fractions();
        let present = (0..self.n_phases).filter(|&p| fractions[p] > 0.0);
        present.min_by(|&a, &b| fractions[a].total_cmp(&fractions[b])).unwrap_or(0) as u8
    }

    /// The phases by which realisations are judged: the minority phase of two, all but phase 0 of more.
    pub fn judged_phases(&self) -> Vec<u8> {
        match self.n_phases {
            2 => vec![self.minority_phase()],
            n => (1..n as u8).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_phase_image() {
        assert!(PhaseImages::new(Array4::zeros((0, 1, 2, 2)), 2).is_err());
        let error = PhaseImages::new(Array4::zeros((1, 1, 2, 2)), 9).unwrap_err();
        assert!(error.to_string().contains("9 phases, 0 to 8; the number of phases must be 2 to 8"), "{error}");
        let error = PhaseImages::new(Array4::from_elem((1, 1, 2, 2), 3), 2).unwrap_err();
        assert!(error.to_string().contains("phase 3"), "{error}");
    }

    #[test]
    fn volume_fractions_sum_to_one_and_name_the_minority() {
        let phases = Array4::from_shape_fn((2, 1, 3, 5), |(_, _, _, x)| u8::from(x == 0) * 2);
        let images = PhaseImages::new(phases, 3).unwrap();
        assert_eq!(images.volume_fractions(), vec![0.8, 0.0, 0.2]);
        assert_eq!(images.minority_phase(), 2);
    }

    #[test]
    fn keeps_x_fastest_whatever_the_layout_given() {
        let transposed =
            Array4::from_shape_fn((1, 1, 3, 2), |(_, _, y, x)| (x * 3 + y) as u8).permuted_axes([0, 1, 3, 2]);
        let images = PhaseImages::new(transposed, 6).unwrap();
        assert_eq!(images.image(0), &[0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn planes_across_each_axis_are_images() {
        let phases = Array4::from_shape_fn((2, 4, 6, 8), |(n, z, y, x)| ((n + 2 * z + 3 * y + x) % 5) as u8);
        let volumes = PhaseImages::new(phases.clone(), 5).unwrap();
        for (axis, shape, count) in [(0, [1, 6, 8], 2), (1, [1, 4, 8], 3), (2, [1, 4, 6], 4)] {
            let planes = volumes.planes(axis, 2);
            assert_eq!((planes.shape(), planes.len()), (shape, 2 * count));
            for ((index, _, row, column), &phase) in planes.phases().indexed_iter() {
                let mut place = vec![row, column];
                place.insert(axis, index % count * 2);
                assert_eq!(phase, phases[[index / count, place[0], place[1], place[2]]]);
            }
        }
    }
}
