//! The gradient of a kernel with stride 2: planes times shifted planes.
//!
//! With 32 registers two rows are processed at a time. Rows c0 and c1 of a coarse plane and d0, d1 and d2 of a fine one
//! give, for two taps one above the other,
//!
//! ```text
//! upper = c0 d0 + c1 d1 = c0 (d0 - d1) + (c0 + c1) d1
//! lower = c0 d1 + c1 d2 =                (c0 + c1) d1 + c1 (d2 - d1)
//! ```
//!
//! The middle term is common: three multiplications do the work of four, as in `row_pairs`. With 16 registers there are too few
//! for that, and rows are processed one by one.

use pulp::Simd;

use super::product::{Planes, load, rows_of_tile};
use super::simd::LINE;
use super::taps::PlaneRegion;

/// For each plane c of `coarse` and f of `fine`, the sums over p of coarse[c][p] * fine[f][p + t] for t = 0, `column`, one row
/// and one row and `column`, in one or more calls of `add(c, f, [parts of the sums])`.
///
/// `regions` are where the same pixels lie in planes of each: an even number of rows, of which those of `coarse` are whole lines.
#[inline(always)]
pub fn correlate<S: Simd>(
    simd: S,
    coarse: Planes,
    fine: Planes,
    regions: [PlaneRegion; 2],
    column: usize,
    mut add: impl FnMut(usize, usize, [f32; 4]),
) {
    let has_pairs = S::REGISTER_COUNT >= 32;
    let rows_at_once = if has_pairs { 2 } else { 1 };
    assert!(regions[0].rows.is_multiple_of(2));
    let starts = line_starts(regions, rows_at_once);
    let Some(&last) = starts.last() else { return };
    let pitches = regions.map(|region| region.pitch);
    // The kernel reads by pointer: these bounds are what makes that sound.
    let [last_coarse, last_fine] =
        [last[0] + (rows_at_once - 1) * pitches[0], last[1] + rows_at_once * pitches[1] + column];
    assert!((coarse.count - 1) * coarse.stride + last_coarse + LINE <= coarse.values.len());
    assert!((fine.count - 1) * fine.stride + last_fine + LINE <= fine.values.len());
    for starts in starts.chunks(STRETCH / rows_at_once) {
        let mut c = 0;
        while c < coarse.count {
            let left = coarse.count - c;
            // As many planes, with some of the taps, as there are registers for.
            let planes = if has_pairs { left.min(4) } else { rows_of_tile(left) };
            for f in 0..fine.count {
                // SAFETY: bounds as asserted above.
                unsafe {
                    let coarse_planes = coarse.values.as_ptr().add(c * coarse.stride);
                    let fine_plane = fine.values.as_ptr().add(f * fine.stride);
                    let stretch = Stretch {
                        coarse: coarse_planes,
                        stride: coarse.stride,
                        fine: fine_plane,
                        pitches,
                        column,
                        starts,
                    };
                    match (planes, has_pairs) {
                        (4, true) => add_planes(c, f, stretch.sums_of_pairs::<S, 4, 2>(simd), &mut add),
                        (3, true) => add_planes(c, f, stretch.sums_of_pairs::<S, 3, 1>(simd), &mut add),
                        (2, true) => add_planes(c, f, stretch.sums_of_pairs::<S, 2, 1>(simd), &mut add),
                        (_, true) => add_planes(c, f, stretch.sums_of_pairs::<S, 1, 1>(simd), &mut add),
                        (6, false) => add_planes(c, f, stretch.sums::<S, 6, 2>(simd), &mut add),
                        (5, false) => add_planes(c, f, stretch.sums::<S, 5, 2>(simd), &mut add),
                        (4, false) => add_planes(c, f, stretch.sums::<S, 4, 2>(simd), &mut add),
                        (3, false) => add_planes(c, f, stretch.sums::<S, 3, 4>(simd), &mut add),
                        (2, false) => add_planes(c, f, stretch.sums::<S, 2, 4>(simd), &mut add),
                        (_, false) => add_planes(c, f, stretch.sums::<S, 1, 4>(simd), &mut add),
                    }
                }
            }
            c += planes;
        }
    }
}

/// Where the lines of every `step`-th run begin, in either kind of plane.
fn line_starts([coarse, fine]: [PlaneRegion; 2], step: usize) -> Vec<[usize; 2]> {
    let run = |row: usize| [coarse.start + row * coarse.pitch, fine.start + row * fine.pitch];
    let lines = |starts: [usize; 2]| (0..coarse.length).step_by(LINE).map(move |line| starts.map(|start| start + line));
    (0..coarse.rows).step_by(step).map(run).flat_map(lines).collect()
}

/// Passes on the sums of the planes from `c` on.
#[inline(always)]
fn add_planes<const R: usize>(c: usize, f: usize, sums: [[f32; 4]; R], add: &mut impl FnMut(usize, usize, [f32; 4])) {
    for (plane, sums) in sums.into_iter().enumerate() {
        add(c + plane, f, sums);
    }
}

/// Lines of each plane that are processed together: with those of a few other planes they fit into the L1 cache.
const STRETCH: usize = 64;

/// Lines of some coarse planes, `stride` apart, and a fine one.
struct Stretch<'a> {
    coarse: *const f32,
    stride: usize,
    fine: *const f32,
    pitches: [usize; 2],
    column: usize,
    starts: &'a [[usize; 2]],
}

impl Stretch<'_> {
    /// The sums of [`correlate`] for `R` coarse planes, `T` taps at a time.
    #[inline(always)]
    unsafe fn sums<S: Simd, const R: usize, const T: usize>(&self, simd: S) -> [[f32; 4]; R] {
        let mut totals = [[0.0; 4]; R];
        let offsets = [0, self.column, self.pitches[1], self.pitches[1] + self.column];
        for first in (0..4).step_by(T) {
            let offsets: [usize; T] = std::array::from_fn(|t| offsets[first + t]);
            let mut sums = [[simd.splat_f32s(0.0); T]; R];
            for &[coarse, fine] in self.starts {
                for lane in (0..LINE).step_by(S::F32_LANES) {
                    // SAFETY: the caller asserted that all reads are inside.
                    unsafe { self.add_products(simd, [coarse + lane, fine + lane], offsets, &mut sums) };
                }
            }
            for (totals, sums) in totals.iter_mut().zip(sums) {
                for (total, sum) in totals[first..].iter_mut().zip(sums) {
                    *total = simd.reduce_sum_f32s(sum);
                }
            }
        }
        totals
    }

    /// The products of one vector of each plane. The fewer of coarse and fine vectors are kept in registers.
    #[inline(always)]
    unsafe fn add_products<S: Simd, const R: usize, const T: usize>(
        &self,
        simd: S,
        [coarse, fine]: [usize; 2],
        offsets: [usize; T],
        sums: &mut [[S::f32s; T]; R],
    ) {
        // SAFETY: passed on.
        unsafe {
            let (coarse, fine) = (self.coarse.add(coarse), self.fine.add(fine));
            let of_coarse = |r: usize| load::<S>(coarse.add(r * self.stride));
            let of_fine = |t: usize| load::<S>(fine.add(offsets[t]));
            if T < R {
                let shifted: [_; T] = std::array::from_fn(of_fine);
                for (r, sums) in sums.iter_mut().enumerate() {
                    let value = of_coarse(r);
                    for (sum, shifted) in sums.iter_mut().zip(shifted) {
                        *sum = simd.mul_add_e_f32s(value, shifted, *sum);
                    }
                }
            } else {
                let values: [_; R] = std::array::from_fn(of_coarse);
                for t in 0..T {
                    let shifted = of_fine(t);
                    for (sums, value) in sums.iter_mut().zip(values) {
                        sums[t] = simd.mul_add_e_f32s(value, shifted, sums[t]);
                    }
                }
            }
        }
    }

    /// The sums of [`correlate`] for `R` coarse planes, `C` columns of taps at a time, of pairs of runs.
    #[inline(always)]
    unsafe fn sums_of_pairs<S: Simd, const R: usize, const C: usize>(&self, simd: S) -> [[f32; 4]; R] {
        let zero = simd.splat_f32s(0.0);
        let mut totals = [[0.0; 4]; R];
        for first in (0..2).step_by(C) {
            let mut sums = [[[zero; 3]; C]; R];
            for &[coarse, fine] in self.starts {
                for lane in (0..LINE).step_by(S::F32_LANES) {
                    // SAFETY: the caller asserted that all reads are inside.
                    unsafe {
                        let (coarse, fine) = (self.coarse.add(coarse + lane), self.fine.add(fine + lane));
                        let mut rows = [[zero; 3]; C];
                        for (column, rows) in rows.iter_mut().enumerate() {
                            let fine = fine.add((first + column) * self.column);
                            let middle = load::<S>(fine.add(self.pitches[1]));
                            rows[0] = simd.sub_f32s(load::<S>(fine), middle);
                            rows[1] = middle;
                            rows[2] = simd.sub_f32s(load::<S>(fine.add(2 * self.pitches[1])), middle);
                        }
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let coarse = coarse.add(r * self.stride);
                            let (upper, lower) = (load::<S>(coarse), load::<S>(coarse.add(self.pitches[0])));
                            let both = simd.add_f32s(upper, lower);
                            for ([first, second, third], rows) in sums.iter_mut().zip(rows) {
                                *first = simd.mul_add_e_f32s(upper, rows[0], *first);
                                *second = simd.mul_add_e_f32s(both, rows[1], *second);
                                *third = simd.mul_add_e_f32s(lower, rows[2], *third);
                            }
                        }
                    }
                }
            }
            for (totals, sums) in totals.iter_mut().zip(sums) {
                for (column, [upper, both, lower]) in (first..).zip(sums) {
                    totals[column] = simd.reduce_sum_f32s(simd.add_f32s(upper, both));
                    totals[2 + column] = simd.reduce_sum_f32s(simd.add_f32s(both, lower));
                }
            }
        }
        totals
    }
}
