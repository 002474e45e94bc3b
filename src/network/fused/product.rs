//! The products that all layers consist of: rows of weights times shifted planes, and planes times shifted planes.
//!
//! Both kernels keep a tile of results in registers. What they compute for one number does not depend on the width of
//! the vectors, on the tile it is in or on who computes it: the terms of a sum are added in one order.

use pulp::Simd;

use super::grid::Grid;
use crate::processor::LINE;

/// Rows of weights: weight d of row r is `values[start + r * stride + offsets[d]]`.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub values: &'a [f32],
    pub start: usize,
    pub rows: usize,
    pub stride: usize,
    pub offsets: &'a [usize],
}

/// Planes that are read: plane `s` begins at `s * stride` of `values`.
#[derive(Clone, Copy)]
pub struct Planes<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

impl<'a> Planes<'a> {
    /// Those of all channels, in a buffer of the whole batch.
    pub fn of_batch(grid: &Grid, values: &'a [f32]) -> Self {
        Self { values: &values[grid.front()..], stride: grid.stride, count: grid.channels * grid.planes }
    }

    /// Those of some channels.
    pub fn of_block(grid: &Grid, values: &'a [f32]) -> Self {
        Self { values: &values[grid.origin..], stride: grid.stride, count: values.len() / grid.stride }
    }
}

/// Where a kernel works in every plane: `rows` runs of `length` numbers, `pitch` apart.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    pub start: usize,
    pub rows: usize,
    pub length: usize,
    pub pitch: usize,
}

impl Region {
    /// The starts of the vectors of `lanes` numbers that cover the region, in ascending order. The last of each run may
    /// reach beyond it.
    #[inline(always)]
    pub fn vectors(&self, lanes: usize) -> Vec<usize> {
        let mut starts = Vec::with_capacity(self.rows * self.length.div_ceil(lanes));
        for row in 0..self.rows {
            let start = self.start + row * self.pitch;
            starts.extend((start..start + self.length).step_by(lanes));
        }
        starts
    }

    /// Whether vectors of [`LINE`] numbers cover the region exactly.
    pub fn is_whole_lines(&self) -> bool {
        self.length.is_multiple_of(LINE)
    }
}

/// For each row r of weights, `to[r * to_stride + p] = sum over d of weight[r][d] * from[p + reads[d]]`, for p in
/// `region`. Beyond the runs of the region, up to a vector, `to` holds anything afterwards.
#[inline(always)]
pub fn multiply<S: Simd>(
    simd: S,
    weights: Weights,
    from: &[f32],
    reads: &[usize],
    region: Region,
    to: &mut [f32],
    to_stride: usize,
) {
    let starts = region.vectors(S::F32_LANES);
    let Some(last) = starts.last() else { return };
    let largest = |indices: &[usize]| indices.iter().copied().max().unwrap_or(0);
    // The kernel reads and writes by pointer: these bounds are what makes that sound.
    assert!(weights.offsets.len() == reads.len());
    assert!(weights.start + (weights.rows - 1) * weights.stride + largest(weights.offsets) < weights.values.len());
    assert!(largest(reads) + last + S::F32_LANES <= from.len());
    assert!((weights.rows - 1) * to_stride + last + S::F32_LANES <= to.len());
    let call = Call { simd, weights, from, reads, starts: &starts, to_stride };
    // SAFETY: bounds as asserted above.
    unsafe { call.all_rows(to) };
}

struct Call<'a, S> {
    simd: S,
    weights: Weights<'a>,
    from: &'a [f32],
    reads: &'a [usize],
    starts: &'a [usize],
    to_stride: usize,
}

impl<S: Simd> Call<'_, S> {
    /// As many rows at a time as there are registers for.
    #[inline(always)]
    unsafe fn all_rows(&self, to: &mut [f32]) {
        let mut row = 0;
        while row < self.weights.rows {
            let (left, to) = (self.weights.rows - row, &mut to[row * self.to_stride..]);
            // SAFETY: passed on; there are so many rows left.
            row += unsafe {
                if S::REGISTER_COUNT >= 32 && left >= 8 {
                    self.all_positions::<8>(row, to)
                } else if left >= 4 {
                    self.all_positions::<4>(row, to)
                } else {
                    self.all_positions::<1>(row, to)
                }
            };
        }
    }

    /// `M` rows at all positions. Returns `M`.
    #[inline(always)]
    unsafe fn all_positions<const M: usize>(&self, row: usize, to: &mut [f32]) -> usize {
        let mut starts = self.starts;
        while !starts.is_empty() {
            // Tiles of three vectors; the last four are two and two, for a tile of one keeps the processor waiting.
            let width = match starts.len() {
                1 => 1,
                2 | 4 => 2,
                _ => 3,
            };
            let (now, later) = starts.split_at(width);
            // SAFETY: passed on.
            unsafe {
                match width {
                    1 => self.tile::<M, 1>(row, now, to),
                    2 => self.tile::<M, 2>(row, now, to),
                    _ => self.tile::<M, 3>(row, now, to),
                }
            }
            starts = later;
        }
        M
    }

    #[inline(always)]
    unsafe fn tile<const M: usize, const V: usize>(&self, row: usize, starts: &[usize], to: &mut [f32]) {
        let (simd, stride) = (self.simd, self.weights.stride);
        let mut sums = [[simd.splat_f32s(0.0); V]; M];
        // SAFETY: the caller asserted that all reads and writes are inside.
        unsafe {
            let mut bases = [self.from.as_ptr(); V];
            for (base, start) in bases.iter_mut().zip(starts) {
                *base = base.add(*start);
            }
            let weights = self.weights.values.as_ptr().add(self.weights.start + row * stride);
            for (&offset, &read) in self.weights.offsets.iter().zip(self.reads) {
                let mut values = [simd.splat_f32s(0.0); V];
                for (value, base) in values.iter_mut().zip(bases) {
                    *value = base.add(read).cast::<S::f32s>().read_unaligned();
                }
                let mut weight = weights.add(offset);
                for (m, sums) in sums.iter_mut().enumerate() {
                    if m == 4 {
                        // From here the same distances as before: four fit into the address registers, eight do not.
                        weight = weight.add(4 * stride);
                    }
                    let factor = simd.splat_f32s(*weight.add(m % 4 * stride));
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = simd.mul_add_e_f32s(factor, value, *sum);
                    }
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                let row = to.as_mut_ptr().add(m * self.to_stride);
                for (v, sum) in sums.iter().enumerate() {
                    row.add(*starts.get_unchecked(v)).cast::<S::f32s>().write_unaligned(*sum);
                }
            }
        }
    }
}

/// For each plane c of `coarse` and f of `fine`, and each tap t, the sum over p in `region` of coarse[c][p] * fine[f][p +
/// taps[t]], in one or more calls of `add(c, f, [parts of the sums])`. Where the runs are not whole lines, the sums go over everything from the first run
/// to the last, and `coarse` must be zero between them.
#[inline(always)]
pub fn correlate<S: Simd>(
    simd: S,
    coarse: Planes,
    fine: Planes,
    taps: [usize; 4],
    region: Region,
    mut add: impl FnMut(usize, usize, [f32; 4]),
) {
    let starts = if region.is_whole_lines() {
        region.vectors(LINE)
    } else {
        let length = (region.rows - 1) * region.pitch + region.length;
        Region { rows: 1, length, ..region }.vectors(LINE)
    };
    let Some(last) = starts.last() else { return };
    let reach = taps.into_iter().max().unwrap_or(0);
    // The kernel reads by pointer: these bounds are what makes that sound.
    assert!((coarse.count - 1) * coarse.stride + last + LINE <= coarse.values.len());
    assert!((fine.count - 1) * fine.stride + last + LINE + reach <= fine.values.len());
    for starts in starts.chunks(STRETCH) {
        let mut c = 0;
        while c < coarse.count {
            // As many rows of sums as there are registers for.
            let rows = match coarse.count - c {
                4.. if S::REGISTER_COUNT >= 32 => 4,
                2.. => 2,
                _ => 1,
            };
            for f in 0..fine.count {
                // SAFETY: bounds as asserted above.
                unsafe {
                    let a = coarse.values.as_ptr().add(c * coarse.stride);
                    let b = fine.values.as_ptr().add(f * fine.stride);
                    match rows {
                        4 => add_rows(c, f, dots::<S, 4>(simd, a, coarse.stride, b, taps, starts), &mut add),
                        2 => add_rows(c, f, dots::<S, 2>(simd, a, coarse.stride, b, taps, starts), &mut add),
                        _ => add_rows(c, f, dots::<S, 1>(simd, a, coarse.stride, b, taps, starts), &mut add),
                    }
                }
            }
            c += rows;
        }
    }
}

/// Hands over what [`dots`] has found for the planes from `c` on.
#[inline(always)]
fn add_rows<const R: usize>(c: usize, f: usize, sums: [[f32; 4]; R], add: &mut impl FnMut(usize, usize, [f32; 4])) {
    for (row, sums) in sums.into_iter().enumerate() {
        add(c + row, f, sums);
    }
}

/// Lines of each plane that are worked on together: with those of four other planes they stay in the first cache.
const STRETCH: usize = 64;

/// The scalar products of `R` planes with one plane under four taps.
///
/// Each is summed in [`LINE`] lanes, of which a vector may hold a part, and the lanes are added in a fixed order.
#[inline(always)]
unsafe fn dots<S: Simd, const R: usize>(
    simd: S,
    a: *const f32,
    stride: usize,
    b: *const f32,
    taps: [usize; 4],
    starts: &[usize],
) -> [[f32; 4]; R] {
    let mut totals = [[0.0; 4]; R];
    let mut lanes = [[[0.0f32; LINE]; 4]; R];
    for part in (0..LINE).step_by(S::F32_LANES) {
        // SAFETY: the caller asserted that all reads are inside; the parts fill the lanes.
        unsafe {
            let sums = part_dots::<S, R>(simd, a.add(part), stride, b.add(part), taps, starts);
            for r in 0..R {
                for t in 0..4 {
                    if S::F32_LANES == LINE {
                        // Halves onto halves, like `add_lanes`.
                        totals[r][t] = simd.reduce_sum_f32s(sums[r][t]);
                    } else {
                        lanes[r][t].as_mut_ptr().add(part).cast::<S::f32s>().write_unaligned(sums[r][t]);
                    }
                }
            }
        }
    }
    if S::F32_LANES != LINE {
        for r in 0..R {
            for t in 0..4 {
                totals[r][t] = add_lanes(lanes[r][t]);
            }
        }
    }
    totals
}

/// The lanes of [`dots`] that one vector holds.
#[inline(always)]
unsafe fn part_dots<S: Simd, const R: usize>(
    simd: S,
    a: *const f32,
    stride: usize,
    b: *const f32,
    taps: [usize; 4],
    starts: &[usize],
) -> [[S::f32s; 4]; R] {
    let mut sums = [[simd.splat_f32s(0.0); 4]; R];
    for &start in starts {
        // SAFETY: passed on.
        unsafe {
            let (a, b) = (a.add(start), b.add(start));
            let mut fine = [simd.splat_f32s(0.0); 4];
            for (fine, tap) in fine.iter_mut().zip(taps) {
                *fine = b.add(tap).cast::<S::f32s>().read_unaligned();
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let coarse = a.add(r * stride).cast::<S::f32s>().read_unaligned();
                for (sum, fine) in sums.iter_mut().zip(fine) {
                    *sum = simd.mul_add_e_f32s(coarse, fine, *sum);
                }
            }
        }
    }
    sums
}

/// The sum of all lanes: halves onto halves, so that it is the same for vectors of any width.
#[inline(always)]
fn add_lanes(mut lanes: [f32; LINE]) -> f32 {
    let mut half = LINE / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
