//! Memory that one thread works in.

use pulp::Simd;

use super::complex::Complexes;

/// A cache line in numbers.
const ALIGNMENT: usize = 16;

/// The memory of [`Buffers`], whatever the vectors.
#[derive(Default)]
pub struct Workspace {
    numbers: Vec<f32>,
    bytes: Vec<u8>,
    bits: Vec<u32>,
}

/// What counting a group of images needs.
pub(super) struct Buffers<'a, S: Simd> {
    /// All voxels, then all wave vectors; rows begin [`pitch`](Self::pitch) apart.
    pub field: &'a mut [Complexes<S>],
    /// One more than a row has: a column of rows that lie a power of two apart shares a few lines of the cache.
    pub pitch: usize,
    /// The (z, y) plane at one kx.
    pub plane: &'a mut [Complexes<S>],
    /// The one at -kx.
    pub opposite: &'a mut [Complexes<S>],
    /// As long as the longest side.
    pub line: &'a mut [Complexes<S>],
    /// The same again.
    pub spare: &'a mut [Complexes<S>],
    /// One for each voxel.
    pub bytes: &'a mut [u8],
    /// The same again.
    pub bits: &'a mut [u32],
}

impl Workspace {
    /// Buffers for images of `[nz, ny, nx]`, with anything in them.
    pub(super) fn buffers<S: Simd>(&mut self, [nz, ny, nx]: [usize; 3]) -> Buffers<'_, S> {
        let (rows, pitch, longest) = (nz * ny, nx + 1, nz.max(ny).max(nx));
        let complexes = rows * pitch + 2 * rows + 2 * longest;
        self.numbers.resize(complexes * 2 * S::F32_LANES + ALIGNMENT, 0.0);
        self.bytes.resize(rows * nx, 0);
        self.bits.resize(rows * nx, 0);

        // From where a cache line begins: vectors that straddle two are loaded half as fast.
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
