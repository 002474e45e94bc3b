//! Buffers of one thread.

use pulp::Simd;

use super::complex::Complexes;

/// Numbers in a cache line.
const ALIGNMENT: usize = 16;

/// The memory of [`Buffers`] for any width of the vectors.
#[derive(Default)]
pub struct Workspace {
    numbers: Vec<f32>,
    bytes: Vec<u8>,
    bits: Vec<u32>,
}

/// Buffers for counting a group of images.
pub(super) struct Buffers<'a, S: Simd> {
    /// All voxels, later all wave vectors, in rows of [`pitch`](Self::pitch).
    pub field: &'a mut [Complexes<S>],
    /// Length of a row plus one: rows at distances of a power of two would share few cache lines.
    pub pitch: usize,
    /// The (z, y) plane at one kx.
    pub plane: &'a mut [Complexes<S>],
    /// The (z, y) plane at -kx.
    pub opposite: &'a mut [Complexes<S>],
    /// A line of the longest side.
    pub line: &'a mut [Complexes<S>],
    /// A second line.
    pub spare: &'a mut [Complexes<S>],
    /// One byte for each voxel: the bits of eight images.
    pub bytes: &'a mut [u8],
    /// 32 bits for each voxel: one for each image.
    pub bits: &'a mut [u32],
}

impl Workspace {
    /// Buffers for images of `[nz, ny, nx]`; their content is unspecified.
    pub(super) fn buffers<S: Simd>(&mut self, [nz, ny, nx]: [usize; 3]) -> Buffers<'_, S> {
        let (rows, pitch, longest) = (nz * ny, nx + 1, nz.max(ny).max(nx));
        let complexes = rows * pitch + 2 * rows + 2 * longest;
        self.numbers.resize(complexes * 2 * S::F32_LANES + ALIGNMENT, 0.0);
        self.bytes.resize(rows * nx, 0);
        self.bits.resize(rows * nx, 0);

        // Aligned to cache lines: vectors across two lines are loaded half as fast.
        let start = self.numbers.as_ptr().align_offset(ALIGNMENT * size_of::<f32>());
        let (vectors, _) = S::as_mut_simd_f32s(&mut self.numbers[start..]);
        let (field, rest) = vectors.as_chunks_mut().0.split_at_mut(rows * pitch);
        let (plane, rest) = rest.split_at_mut(rows);
        let (opposite, rest) = rest.split_at_mut(rows);
        let (line, rest) = rest.split_at_mut(longest);
        let (spare, _) = rest.split_at_mut(longest);
        Buffers { field, pitch, plane, opposite, line, spare, bytes: &mut self.bytes, bits: &mut self.bits }
    }
}
