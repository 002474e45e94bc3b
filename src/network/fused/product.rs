//! The products that all layers consist of: rows of weights times shifted planes, and planes times shifted planes.
//!
//! Both kernels keep a tile of results in registers. What they compute for one number does not depend on the width of
//! the vectors, on the tile it is in or on who computes it: the terms of a sum are added in one order.

use pulp::Simd;

use crate::processor::LINE;

/// Rows of the largest tile.
const ROWS: usize = 8;

/// Rows of weights: the weight of row r for source s and tap t is `values[rows[r] + offsets[s * taps + t]]`.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub values: &'a [f32],
    pub rows: &'a [usize],
    pub offsets: &'a [usize],
}

/// Planes that are read: plane `s` begins at `first + s * stride` of `values`.
#[derive(Clone, Copy)]
pub struct Planes<'a> {
    pub values: &'a [f32],
    pub first: usize,
    pub stride: usize,
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

/// For each row r of weights, `to[r * to_stride + p] = sum over sources s and taps t of weight[r][s][t] * from[s][p +
/// taps[t]]`, for p in `region`. Beyond the runs of the region, up to a vector, `to` holds anything afterwards.
#[inline(always)]
pub fn multiply<S: Simd, const T: usize>(
    simd: S,
    weights: Weights,
    from: Planes,
    taps: [isize; T],
    region: Region,
    to: &mut [f32],
    to_stride: usize,
) {
    let starts = region.vectors(S::F32_LANES);
    let (Some(first), Some(last)) = (starts.first(), starts.last()) else { return };
    let sources = weights.offsets.len() / T;
    let largest = |indices: &[usize]| indices.iter().copied().max().unwrap_or(0);
    let least = (from.first + first).checked_add_signed(taps.into_iter().min().unwrap_or(0));
    let most = from.first + (sources - 1) * from.stride + last + S::F32_LANES;
    let most = most.checked_add_signed(taps.into_iter().max().unwrap_or(0).max(0));
    // The kernel reads and writes by pointer: these bounds are what makes that sound.
    assert!(weights.offsets.len() == sources * T);
    assert!(largest(weights.rows) + largest(weights.offsets) < weights.values.len());
    assert!(least.is_some() && most.is_some_and(|most| most <= from.values.len()));
    assert!((weights.rows.len() - 1) * to_stride + last + S::F32_LANES <= to.len());
    let call = Call { simd, weights, from, taps, starts: &starts, to_stride };
    let mut row = 0;
    while row < weights.rows.len() {
        let rows = &weights.rows[row..];
        let to = &mut to[row * to_stride..];
        // SAFETY: bounds as asserted above.
        unsafe {
            if rows.len() > ROWS / 2 {
                call.block::<ROWS>(rows, to);
                row += ROWS;
            } else {
                call.block::<{ ROWS / 2 }>(rows, to);
                row += ROWS / 2;
            }
        }
    }
}

struct Call<'a, S, const T: usize> {
    simd: S,
    weights: Weights<'a>,
    from: Planes<'a>,
    taps: [isize; T],
    starts: &'a [usize],
    to_stride: usize,
}

impl<S: Simd, const T: usize> Call<'_, S, T> {
    /// All positions of the first `M` rows, or of as many as there are.
    #[inline(always)]
    unsafe fn block<const M: usize>(&self, rows: &[usize], to: &mut [f32]) {
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
                    1 => self.tile::<M, 1>(rows, now, to),
                    2 => self.tile::<M, 2>(rows, now, to),
                    _ => self.tile::<M, 3>(rows, now, to),
                }
            }
            starts = later;
        }
    }

    #[inline(always)]
    unsafe fn tile<const M: usize, const V: usize>(&self, rows: &[usize], starts: &[usize], to: &mut [f32]) {
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); V]; M];
        // SAFETY: the caller asserted that all reads and writes are inside.
        unsafe {
            let weights = self.weights.values.as_ptr();
            let mut factors = [weights; M];
            for (m, factor) in factors.iter_mut().enumerate() {
                // Rows that are missing repeat the last one, and are not written.
                *factor = weights.add(rows[m.min(rows.len() - 1)]);
            }
            let first = self.from.values.as_ptr().add(self.from.first);
            let mut bases = [first; V];
            for (base, start) in bases.iter_mut().zip(starts) {
                *base = first.add(*start);
            }
            let mut at = 0;
            for offsets in self.weights.offsets.chunks_exact(T) {
                for (&offset, tap) in offsets.iter().zip(self.taps) {
                    let mut values = [simd.splat_f32s(0.0); V];
                    for (value, base) in values.iter_mut().zip(bases) {
                        *value = base.offset(at + tap).cast::<S::f32s>().read_unaligned();
                    }
                    for (sums, factor) in sums.iter_mut().zip(factors) {
                        let factor = simd.splat_f32s(*factor.add(offset));
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum = simd.mul_add_e_f32s(factor, value, *sum);
                        }
                    }
                }
                at += self.from.stride as isize;
            }
            for (m, sums) in sums.iter().enumerate().take(rows.len()) {
                let row = to.as_mut_ptr().add(m * self.to_stride);
                for (v, sum) in sums.iter().enumerate() {
                    row.add(*starts.get_unchecked(v)).cast::<S::f32s>().write_unaligned(*sum);
                }
            }
        }
    }
}

/// For each plane c of `coarse` and f of `fine`, and each tap t, `to(c, f, [sum over p of coarse[c][p] * fine[f][p +
/// taps[t]]])`, for p in `region`. Where the runs are not whole lines, the sums go over everything from the first run
/// to the last, and `coarse` must be zero between them.
#[inline(always)]
pub fn correlate<S: Simd>(
    simd: S,
    coarse: Planes,
    coarse_count: usize,
    fine: Planes,
    fine_count: usize,
    taps: [isize; 4],
    region: Region,
    mut to: impl FnMut(usize, usize, [f32; 4]),
) {
    let starts = if region.is_whole_lines() {
        region.vectors(LINE)
    } else {
        let length = (region.rows - 1) * region.pitch + region.length;
        Region { rows: 1, length, ..region }.vectors(LINE)
    };
    let Some(last) = starts.last() else { return };
    let reach = taps.into_iter().max().unwrap_or(0).max(0) as usize;
    // The kernel reads by pointer: these bounds are what makes that sound.
    assert!(taps.iter().all(|&tap| tap >= 0));
    assert!(coarse.first + (coarse_count - 1) * coarse.stride + last + LINE <= coarse.values.len());
    assert!(fine.first + (fine_count - 1) * fine.stride + last + LINE + reach <= fine.values.len());
    let wide = LINE / S::F32_LANES == 1;
    let mut c = 0;
    while c < coarse_count {
        let rows = if wide && coarse_count - c >= 4 { 4 } else { 1 };
        for f in 0..fine_count {
            // SAFETY: bounds as asserted above.
            unsafe {
                let a = coarse.values.as_ptr().add(coarse.first + c * coarse.stride);
                let b = fine.values.as_ptr().add(fine.first + f * fine.stride);
                if rows == 4 {
                    let sums = dots::<S, 4>(simd, a, coarse.stride, b, taps, &starts);
                    for (row, sums) in sums.into_iter().enumerate() {
                        to(c + row, f, sums);
                    }
                } else {
                    let [sums] = dots::<S, 1>(simd, a, coarse.stride, b, taps, &starts);
                    to(c, f, sums);
                }
            }
        }
        c += rows;
    }
}

/// The scalar products of `R` planes with one plane under four taps.
///
/// Each is summed in [`LINE`] lanes, of which a vector may hold a part, and the lanes are added in a fixed order.
#[inline(always)]
unsafe fn dots<S: Simd, const R: usize>(
    simd: S,
    a: *const f32,
    stride: usize,
    b: *const f32,
    taps: [isize; 4],
    starts: &[usize],
) -> [[f32; 4]; R] {
    let lanes = S::F32_LANES;
    let mut sums = [[[0.0f32; LINE]; 4]; R];
    for part in (0..LINE).step_by(lanes) {
        let mut part_sums = [[simd.splat_f32s(0.0); 4]; R];
        // SAFETY: the caller asserted that all reads are inside.
        unsafe {
            for start in starts {
                let (a, b) = (a.add(start + part), b.add(start + part));
                let fine: [S::f32s; 4] = std::array::from_fn(|t| b.offset(taps[t]).cast::<S::f32s>().read_unaligned());
                for (r, sums) in part_sums.iter_mut().enumerate() {
                    let coarse = a.add(r * stride).cast::<S::f32s>().read_unaligned();
                    for (sum, fine) in sums.iter_mut().zip(fine) {
                        *sum = simd.mul_add_e_f32s(coarse, fine, *sum);
                    }
                }
            }
            for (sums, part_sums) in sums.iter_mut().zip(part_sums) {
                for (sums, part_sum) in sums.iter_mut().zip(part_sums) {
                    sums.as_mut_ptr().add(part).cast::<S::f32s>().write_unaligned(part_sum);
                }
            }
        }
    }
    let mut totals = [[0.0; 4]; R];
    for (totals, sums) in totals.iter_mut().zip(sums) {
        for (total, sums) in totals.iter_mut().zip(sums) {
            *total = add_lanes(sums);
        }
    }
    totals
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
