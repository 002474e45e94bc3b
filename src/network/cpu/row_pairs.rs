//! Products with stride 2, two rows at a time: three multiplications do the work of four (Winograd's F(2, 2)).
//!
//! Taps g0 and g1, one above the other, and rows d0, d1 and d2 give
//!
//! ```text
//! y0 = g0 d0 + g1 d1 = g0 (d0 - d1) + (g0 + g1) d1
//! y1 = g0 d1 + g1 d2 =                (g0 + g1) d1 + g1 (d2 - d1)
//! ```
//!
//! Differences of rows are computed in registers, sums of taps once for each product.

use pulp::Simd;

use super::grid::Grid;
use super::product::{Product, WeightRows, largest, load};
use super::simd::LINE;

/// The part of every plane that is computed: `rows` runs of `length` numbers, `pitch` apart.
///
/// A row is what lies behind one place along the outer axis: of a plane with a middle axis, several rows of pixels with
/// the border between them.
#[derive(Debug, Clone, Copy)]
pub struct PlaneRegion {
    pub start: usize,
    pub rows: usize,
    pub length: usize,
    pub pitch: usize,
    /// Numbers of a row of pixels, and how many of these there are in a row.
    pub lines: [usize; 2],
}

/// Cache lines that a product reads again and again while it goes along a row of pixels: half of an L1 cache.
const L1_LINES: usize = 256;

/// Terms for each plane: the taps along the middle and the inner axis of a kernel with three axes.
const TERMS_OF_PLANE: usize = 4;

impl PlaneRegion {
    /// The pixels of the planes of a grid, from `start` on.
    pub fn of(grid: &Grid, start: usize) -> Self {
        let lines = [grid.pitch[1], grid.extent[1]];
        Self { start, rows: grid.extent[0], length: grid.layer_run(), pitch: grid.pitch[0], lines }
    }

    /// Terms of a sum of `all` that are added at once. With a middle axis, those of so many planes that the rows of
    /// pixels which they share with the next position stay in the L1 cache, unless a sum could not be continued: where a
    /// vector reaches into the next row, or a row is computed twice.
    fn terms_at_once(&self, all: usize) -> usize {
        let [line, count] = self.lines;
        if count == 1 || !self.rows.is_multiple_of(2) || self.pitch - self.length < LINE {
            return all;
        }
        // Two rows of pixels in each of three layers.
        let of_plane = 6 * (line / LINE + 1);
        (L1_LINES / of_plane).max(1) * TERMS_OF_PLANE
    }
}

/// Numbers that [`pair_taps`] makes of two taps.
pub const GROUP: usize = 3;

/// Which of two taps, one above the other, multiplies the upper row of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The upper, as in a convolution.
    AsStored,
    /// The lower, as in a transposed convolution.
    Reversed,
}

/// Of the four places of a kernel along the outer axis, `parity` and `parity + 2` are the taps of the planes of that
/// parity. For each place of `inner` along the other axes: the tap that meets the upper row of values, the sum of both,
/// and the other.
#[inline(always)]
pub fn pair_taps(kernel: &[f32], parity: usize, inner: &[usize], order: Order, to: &mut Vec<f32>) {
    let [first, second] = [parity, parity + 2].map(|row| &kernel[row * inner.len()..][..inner.len()]);
    let (upper, lower) = if order == Order::AsStored { (first, second) } else { (second, first) };
    for &place in inner {
        to.extend([upper[place], upper[place] + lower[place], lower[place]]);
    }
}

/// For each row r of weights, `to[r * to_stride + p] = sum over d of upper[r][d] * from[p + reads[d]] + lower[r][d] *
/// from[p + reads[d] + pitch]`, for p in `region`, which has two or more rows. Up to a SIMD vector beyond each row is
/// overwritten too.
///
/// The offset of each weight is that of `upper`, of three numbers that [`pair_taps`] made.
#[inline(always)]
pub fn multiply_pairs<S: Simd>(
    simd: S,
    weights: WeightRows,
    from: &[f32],
    reads: &[usize],
    region: PlaneRegion,
    to: &mut [f32],
    to_stride: usize,
) {
    let starts = pair_starts(region, S::F32_LANES);
    let last = largest(&starts);
    // The kernel reads and writes by pointer: these bounds are what makes that sound.
    assert!(region.rows >= 2 && weights.offsets.len() == reads.len());
    assert!(weights.last() + 2 < weights.values.len());
    assert!(largest(reads) + last + 2 * region.pitch + S::F32_LANES <= from.len());
    assert!((weights.rows - 1) * to_stride + last + region.pitch + S::F32_LANES <= to.len());
    let at_once = region.terms_at_once(reads.len());
    // With a middle axis pair by pair, so that what a pair reads and adds to stays in the L2 cache.
    let of_pair = if region.lines[1] == 1 { starts.len() } else { region.length.div_ceil(S::F32_LANES) };
    for starts in starts.chunks(of_pair) {
        for (part, reads) in reads.chunks(at_once).enumerate() {
            let offsets = &weights.offsets[part * at_once..][..reads.len()];
            let (weights, adds) = (WeightRows { offsets, ..weights }, part > 0);
            let product = Product { simd, weights, from, reads, starts, pitch: region.pitch, to_stride, adds };
            // SAFETY: bounds as asserted above.
            unsafe { product.all_row_pairs(to) };
        }
    }
}

/// The starts of the vectors that cover the upper row of each pair, from the last to the first: what the last writes
/// beyond the upper row may be where the lower one begins, and is written over later. Of an odd number of rows, the last
/// one but one is in two pairs.
#[inline(always)]
fn pair_starts(region: PlaneRegion, lanes: usize) -> Vec<usize> {
    let vectors = region.length.div_ceil(lanes);
    let mut starts = Vec::with_capacity(region.rows.div_ceil(2) * vectors);
    for row in (0..region.rows).step_by(2) {
        let start = region.start + row.min(region.rows - 2) * region.pitch;
        starts.extend((0..vectors).rev().map(|vector| start + vector * lanes));
    }
    starts
}

impl<S: Simd> Product<'_, S> {
    /// As many rows at a time as fit into the registers: with sixteen registers, three.
    #[inline(always)]
    unsafe fn all_row_pairs(&self, to: &mut [f32]) {
        let mut row = 0;
        while row < self.weights.rows {
            let (left, to) = (self.weights.rows - row, &mut to[row * self.to_stride..]);
            // SAFETY: passed on; there are so many rows left.
            row += unsafe {
                match left {
                    8.. if S::REGISTER_COUNT >= 32 => self.pairs_at_all_positions::<8>(row, to),
                    4.. if S::REGISTER_COUNT >= 32 => self.pairs_at_all_positions::<4>(row, to),
                    3 | 5.. => self.pairs_at_all_positions::<3>(row, to),
                    2 | 4 => self.pairs_at_all_positions::<2>(row, to),
                    _ => self.pairs_at_all_positions::<1>(row, to),
                }
            };
        }
    }

    /// `M` rows at all positions. Returns `M`.
    #[inline(always)]
    unsafe fn pairs_at_all_positions<const M: usize>(&self, row: usize, to: &mut [f32]) -> usize {
        for &start in self.starts {
            // SAFETY: passed on.
            unsafe { self.pair_tile::<M>(row, start, to) };
        }
        M
    }

    #[inline(always)]
    unsafe fn pair_tile<const M: usize>(&self, row: usize, start: usize, to: &mut [f32]) {
        let (simd, stride, pitch) = (self.simd, self.weights.stride, self.pitch);
        let mut sums = [[simd.splat_f32s(0.0); 3]; M];
        // SAFETY: the caller asserted that all reads and writes are inside.
        unsafe {
            let base = self.from.as_ptr().add(start);
            let weights = self.weights.values.as_ptr().add(self.weights.start + row * stride);
            for (&offset, &read) in self.weights.offsets.iter().zip(self.reads) {
                let at = base.add(read);
                let middle = load::<S>(at.add(pitch));
                let upper = simd.sub_f32s(load::<S>(at), middle);
                let lower = simd.sub_f32s(load::<S>(at.add(2 * pitch)), middle);
                let values = [upper, middle, lower];
                let mut weight = weights.add(offset);
                for (m, sums) in sums.iter_mut().enumerate() {
                    if m == 4 {
                        // From here the same distances as before: four fit into the address registers, eight do not.
                        weight = weight.add(4 * stride);
                    }
                    let weight = weight.add(m % 4 * stride);
                    for (j, (sum, value)) in sums.iter_mut().zip(values).enumerate() {
                        *sum = simd.mul_add_e_f32s(simd.splat_f32s(*weight.add(j)), value, *sum);
                    }
                }
            }
            for (m, [upper, middle, lower]) in sums.into_iter().enumerate() {
                let to = to.as_mut_ptr().add(m * self.to_stride + start);
                let [mut upper, mut lower] = [simd.add_f32s(upper, middle), simd.add_f32s(middle, lower)];
                if self.adds {
                    upper = simd.add_f32s(upper, load::<S>(to));
                    lower = simd.add_f32s(lower, load::<S>(to.add(pitch)));
                }
                to.cast::<S::f32s>().write_unaligned(upper);
                to.add(pitch).cast::<S::f32s>().write_unaligned(lower);
            }
        }
    }
}
