//! Pair counts of many images at once, two images in each SIMD lane.
//!
//! Counts are integers, so an error below one half is rounded away: single precision suffices for images of up to
//! [`MAX_VOXELS`], and the result does not depend on the width of the vectors.

mod butterfly;
mod complex;
mod fft;
mod transpose;
mod workspace;

use pulp::{Scalar, Simd, WithSimd};

pub(super) use self::workspace::Workspace;
use self::{
    complex::Complexes,
    fft::{Plan, largest_radix},
    transpose::{collect_bits, load_row, store_row},
    workspace::Buffers,
};
use super::{count::Count, half_map::HalfMap};
use crate::device::instructions;

/// Voxels of the largest image. A test finds the counts before rounding right to within 1/8 there.
const MAX_VOXELS: usize = 1 << 16;

/// Largest prime factor of a side: a transform of prime length n takes n^2 operations here.
const MAX_RADIX: usize = 256;

/// The plans for images of one shape.
pub(super) struct Autocorrelation {
    shape: [usize; 3],
    map: HalfMap,
    along_z: Plan,
    along_y: Plan,
    along_x: Plan,
    /// Factor of the power spectra.
    scale: f32,
}

impl Autocorrelation {
    /// Whether images of this shape are small enough and their sides have small prime factors.
    pub fn suits(shape: [usize; 3]) -> bool {
        shape.iter().product::<usize>() <= MAX_VOXELS && shape.iter().all(|&n| largest_radix(n) <= MAX_RADIX)
    }

    pub fn new(shape: [usize; 3], map: HalfMap) -> Self {
        let voxels: usize = shape.iter().product();
        let [along_z, along_y, along_x] = shape.map(Plan::new);
        // 1 / voxels is that of an inverse transform, 1 / 4 makes up for the twice in `powers`.
        Self { shape, map, along_z, along_y, along_x, scale: 0.25 / voxels as f32 }
    }

    /// Number of images to count at once, for `images` in all.
    pub fn group(images: usize) -> usize {
        if images <= 2 { 2 } else { instructions().dispatch(Group) }
    }

    /// Counts the pairs of `phase` in the images of `voxels`, at most [`group`](Self::group) of them.
    pub fn count_pairs<C: Count>(&self, voxels: &[u8], phase: u8, workspace: &mut Workspace, counts: &mut [C]) {
        let task = CountPairs { plans: self, voxels, phase, workspace, counts };
        let images = task.counts.len() / self.map.len();
        // One pair of images does not fill vectors.
        if images <= 2 { task.with_simd(Scalar) } else { instructions().dispatch(task) }
    }
}

struct Group;

impl WithSimd for Group {
    type Output = usize;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        2 * S::F32_LANES
    }
}

struct CountPairs<'a, C> {
    plans: &'a Autocorrelation,
    voxels: &'a [u8],
    phase: u8,
    workspace: &'a mut Workspace,
    counts: &'a mut [C],
}

impl<C: Count> WithSimd for CountPairs<'_, C> {
    type Output = ();

    /// Counts the pairs of all images.
    ///
    /// Two images are the real and imaginary part of one field. Its transform gives both power spectra, by symmetry.
    /// These are the real and imaginary part of another field, whose transform gives both correlations. Correlations
    /// are even, so half of their lines suffice, and the forward transform equals the inverse one.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { plans, voxels, phase, workspace, counts } = self;
        let mut buffers = workspace.buffers::<S>(plans.shape);
        plans.transform_rows(simd, voxels, phase, &mut buffers);
        plans.correlate_columns(simd, &mut buffers);
        plans.write_counts(simd, &mut buffers, counts);
    }
}

impl Autocorrelation {
    /// Writes the images to the field and transforms it along x.
    #[inline(always)]
    fn transform_rows<S: Simd>(&self, simd: S, voxels: &[u8], phase: u8, buffers: &mut Buffers<S>) {
        let Buffers { field, pitch, spare, bytes, bits, .. } = buffers;
        let nx = self.map.nx;
        collect_bits(voxels, phase, bytes, bits);
        for (row, to) in bits.chunks_exact(nx).zip(field.chunks_exact_mut(*pitch)) {
            let to = &mut to[..nx];
            load_row(simd, row, to);
            self.along_x.transform(simd, to, &mut spare[..nx]);
        }
    }

    /// Transforms along y and z, takes the power spectra, and transforms these along y and z.
    ///
    /// kx needs only kx and -kx.
    /// Writes only columns 0 to `nx / 2` of the field.
    #[inline(always)]
    fn correlate_columns<S: Simd>(&self, simd: S, buffers: &mut Buffers<S>) {
        let Buffers { field, pitch, plane, opposite, line, spare, .. } = buffers;
        let (nx, pitch) = (self.map.nx, *pitch);
        for kx in 0..=nx / 2 {
            let minus_kx = (nx - kx) % nx;
            for (row, field) in field.chunks_exact(pitch).enumerate() {
                plane[row] = field[kx];
                opposite[row] = field[minus_kx];
            }
            self.transform_plane(simd, plane, line, spare);
            self.transform_plane(simd, opposite, line, spare);
            for (value, &row) in plane.iter_mut().zip(&self.map.opposite) {
                *value = powers(simd, *value, opposite[row], self.scale);
            }
            self.transform_plane(simd, plane, line, spare);
            for (row, &value) in plane.iter().enumerate() {
                field[row * pitch + kx] = value;
            }
        }
    }

    /// Transforms the rows that are kept along x.
    ///
    /// The value of a row at -kx is that of the opposite row at kx.
    #[inline(always)]
    fn write_counts<C: Count, S: Simd>(&self, simd: S, buffers: &mut Buffers<S>, counts: &mut [C]) {
        let Buffers { field, pitch, line, spare, .. } = buffers;
        let (nx, pitch) = (self.map.nx, *pitch);
        let line = &mut line[..nx];
        for (place, &row) in self.map.rows.iter().enumerate() {
            let (here, there) = (row * pitch, self.map.opposite[row] * pitch);
            line[..=nx / 2].copy_from_slice(&field[here..][..=nx / 2]);
            for kx in 1..nx.div_ceil(2) {
                line[nx - kx] = field[there + kx];
            }
            self.along_x.transform(simd, line, &mut spare[..nx]);
            store_row(simd, line, counts, self.map.len(), place * nx);
        }
    }

    /// Transforms a plane along y and z.
    #[inline(always)]
    fn transform_plane<S: Simd>(
        &self,
        simd: S,
        plane: &mut [Complexes<S>],
        line: &mut [Complexes<S>],
        spare: &mut [Complexes<S>],
    ) {
        let [nz, ny, _] = self.shape;
        for line in plane.chunks_exact_mut(ny) {
            self.along_y.transform(simd, line, &mut spare[..ny]);
        }
        if nz == 1 {
            return;
        }
        for y in 0..ny {
            for z in 0..nz {
                line[z] = plane[z * ny + y];
            }
            self.along_z.transform(simd, &mut line[..nz], &mut spare[..nz]);
            for z in 0..nz {
                plane[z * ny + y] = line[z];
            }
        }
    }
}

/// The power spectra |A(k)|^2 and |B(k)|^2 from Z = A + i B at k and -k.
///
/// The images are real, so 2 A(k) = Z(k) + conj Z(-k) and 2 i B(k) = Z(k) - conj Z(-k).
#[inline(always)]
fn powers<S: Simd>(simd: S, here: Complexes<S>, there: Complexes<S>, scale: f32) -> Complexes<S> {
    let a = [simd.add_f32s(here[0], there[0]), simd.sub_f32s(here[1], there[1])];
    let b = [simd.sub_f32s(here[0], there[0]), simd.add_f32s(here[1], there[1])];
    let scale = simd.splat_f32s(scale);
    [squared(simd, a, scale), squared(simd, b, scale)]
}

/// `scale |a|^2`
#[inline(always)]
fn squared<S: Simd>(simd: S, [re, im]: Complexes<S>, scale: S::f32s) -> S::f32s {
    simd.mul_f32s(scale, simd.mul_add_e_f32s(re, re, simd.mul_f32s(im, im)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{S2Options, direct, two_point::Estimator};
    use crate::micrograph::PhaseImages;

    /// The counts of `images` with each vector width that the processor has.
    fn on_every_processor(images: &PhaseImages, plans: &Autocorrelation) -> Vec<Vec<u32>> {
        let mut results = vec![count(Scalar, images, plans)];
        #[cfg(target_arch = "x86_64")]
        {
            results.extend(pulp::x86::V3::try_new().map(|simd| count(simd, images, plans)));
            results.extend(pulp::x86::V4::try_new().map(|simd| count(simd, images, plans)));
        }
        results
    }

    fn count<S: Simd>(simd: S, images: &PhaseImages, plans: &Autocorrelation) -> Vec<u32> {
        let mut counts = vec![0; images.len() * plans.map.len()];
        let mut workspace = Workspace::default();
        let groups = counts.chunks_mut(2 * S::F32_LANES * plans.map.len());
        for (counts, voxels) in groups.zip(images.as_slice().chunks(2 * S::F32_LANES * images.voxels())) {
            simd.vectorize(CountPairs { plans, voxels, phase: 1, workspace: &mut workspace, counts });
        }
        counts
    }

    /// The counts by rustfft in double precision.
    fn expected(images: &PhaseImages) -> Vec<u32> {
        let map = HalfMap::new(images.shape());
        let estimator = Estimator::new(images.shape(), &S2Options::default());
        let mut workspace = estimator.transform.workspace();
        let mut counts = Vec::new();
        for index in 0..images.len() {
            estimator.count_pairs(images.image(index), 1, &mut workspace);
            for &row in &map.rows {
                counts.extend(workspace.field[row * map.nx..][..map.nx].iter().map(|&pairs| pairs as u32));
            }
        }
        counts
    }

    #[test]
    fn every_processor_counts_the_same_pairs_in_every_shape() {
        let others = [[1, 64, 64], [1, 48, 60], [5, 12, 26], [1, 2, 127], [16, 16, 16]];
        for (seed, shape) in direct::SHAPES.into_iter().chain(others).enumerate() {
            // Full groups and a partial one.
            let images = direct::random_images(seed as u64, 37, shape, 2);
            let expected = expected(&images);
            for counts in on_every_processor(&images, &Autocorrelation::new(shape, HalfMap::new(shape))) {
                assert!(counts == expected, "{shape:?}");
            }
        }
    }

    /// Images with large rounding errors: full, nearly full, and periodic ones.
    fn straining_images([nz, ny, nx]: [usize; 3]) -> PhaseImages {
        let images = ndarray::Array4::from_shape_fn((6, nz, ny, nx), |(index, z, y, x)| {
            u8::from(match index {
                0 => true,
                1 => (z, y, x) != (0, 0, 0),
                2 => (x + y + z) % 2 == 0,
                3 => x % 16 < 11,
                4 => (x * x + 3 * y * y + 7 * z) % 10 != 0,
                _ => (x * 7 + y * 13 + z * 5) % 29 < 14,
            })
        });
        PhaseImages::new(images, 2).unwrap()
    }

    #[test]
    fn counts_of_the_largest_images_are_within_an_eighth() {
        for shape in
            [[1, 256, 256], [1, 1, 1 << 16], [40, 40, 40], [1, 251, 251], [1, 127, 508], [40, 38, 42], [1, 255, 256]]
        {
            assert!(Autocorrelation::suits(shape));
            let images = straining_images(shape);
            let mut plans = Autocorrelation::new(shape, HalfMap::new(shape));
            // In quarters: an error of one half in these is one of 1/8 in the counts.
            plans.scale *= 4.0;
            let quarters: Vec<u32> = expected(&images).into_iter().map(|pairs| 4 * pairs).collect();
            for counts in on_every_processor(&images, &plans) {
                let worst = counts.iter().zip(&quarters).map(|(&a, &b)| a.abs_diff(b)).max();
                assert_eq!(worst, Some(0), "{shape:?}");
            }
        }
    }

    #[test]
    fn large_shapes_and_large_primes_do_not_suit() {
        for shape in [[1, 256, 257], [1, 4, 257], [1, 1, 65_521]] {
            assert!(!Autocorrelation::suits(shape));
        }
    }
}
