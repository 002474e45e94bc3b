//! The gradient of a kernel with stride 2: planes times shifted planes, two rows at a time.
//!
//! Rows c0 and c1 of a coarse plane and d0, d1 and d2 of a fine one give, for two taps one above the other,
//!
//! ```text
//! upper = c0 d0 + c1 d1 = c0 (d0 - d1) + (c0 + c1) d1
//! lower = c0 d1 + c1 d2 =                (c0 + c1) d1 + c1 (d2 - d1)
//! ```
//!
//! The middle term is common: three multiplications do the work of four, as in `row_pairs`.

use pulp::Simd;

use super::product::{Planes, load};
use super::row_pairs::PlaneRegion;
use super::simd::LINE;

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
    assert!(regions[0].rows.is_multiple_of(2));
    let starts = pair_starts(regions);
    let Some(&last) = starts.last() else { return };
    let pitches = regions.map(|region| region.pitch);
    // The kernel reads by pointer: these bounds are what makes that sound.
    assert!((coarse.count - 1) * coarse.stride + last[0] + pitches[0] + LINE <= coarse.values.len());
    assert!((fine.count - 1) * fine.stride + last[1] + 2 * pitches[1] + column + LINE <= fine.values.len());
    for starts in starts.chunks(STRETCH) {
        let mut c = 0;
        while c < coarse.count {
            // As many planes, with one column of taps or both, as there are registers for.
            let planes = match coarse.count - c {
                4.. if S::REGISTER_COUNT >= 32 => 4,
                3 | 5.. => 3,
                2 | 4 => 2,
                _ => 1,
            };
            for f in 0..fine.count {
                // SAFETY: bounds as asserted above.
                unsafe {
                    let pair = Pair {
                        coarse: coarse.values.as_ptr().add(c * coarse.stride),
                        stride: coarse.stride,
                        fine: fine.values.as_ptr().add(f * fine.stride),
                        pitches,
                        column,
                        starts,
                    };
                    match planes {
                        4 => add_planes(c, f, pair.sums::<S, 4, 2>(simd), &mut add),
                        3 => add_planes(c, f, pair.sums::<S, 3, 1>(simd), &mut add),
                        2 => add_planes(c, f, pair.sums::<S, 2, 1>(simd), &mut add),
                        _ => add_planes(c, f, pair.sums::<S, 1, 1>(simd), &mut add),
                    }
                }
            }
            c += planes;
        }
    }
}

/// Where the lines of the upper run of each pair begin, in either kind of plane.
fn pair_starts([coarse, fine]: [PlaneRegion; 2]) -> Vec<[usize; 2]> {
    let pair = |row: usize| [coarse.start + row * coarse.pitch, fine.start + row * fine.pitch];
    let lines = |starts: [usize; 2]| (0..coarse.length).step_by(LINE).map(move |line| starts.map(|start| start + line));
    (0..coarse.rows).step_by(2).map(pair).flat_map(lines).collect()
}

/// Passes on the sums of the planes from `c` on.
#[inline(always)]
fn add_planes<const R: usize>(c: usize, f: usize, sums: [[f32; 4]; R], add: &mut impl FnMut(usize, usize, [f32; 4])) {
    for (plane, sums) in sums.into_iter().enumerate() {
        add(c + plane, f, sums);
    }
}

/// Pairs of lines of each plane that are processed together: with those of four other planes they fit into the L1 cache.
const STRETCH: usize = 32;

/// Some coarse planes, `stride` apart, and a fine one.
struct Pair<'a> {
    coarse: *const f32,
    stride: usize,
    fine: *const f32,
    pitches: [usize; 2],
    column: usize,
    starts: &'a [[usize; 2]],
}

impl Pair<'_> {
    /// The sums of [`correlate`] for `R` coarse planes, `C` columns of taps at a time.
    ///
    /// Each is summed in [`LINE`] lanes, of which a vector may hold a part, and the lanes are added in a fixed order.
    #[inline(always)]
    unsafe fn sums<S: Simd, const R: usize, const C: usize>(&self, simd: S) -> [[f32; 4]; R] {
        let mut totals = [[0.0; 4]; R];
        let mut lanes = [[[0.0f32; LINE]; 4]; R];
        for part in (0..LINE).step_by(S::F32_LANES) {
            // SAFETY: the caller asserted that all reads are inside; the parts fill the lanes.
            unsafe {
                let sums = self.part::<S, R, C>(simd, part);
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

    /// The lanes of [`sums`](Self::sums) that one vector holds.
    #[inline(always)]
    unsafe fn part<S: Simd, const R: usize, const C: usize>(&self, simd: S, part: usize) -> [[S::f32s; 4]; R] {
        let zero = simd.splat_f32s(0.0);
        let mut taps = [[zero; 4]; R];
        for first in (0..2).step_by(C) {
            let mut sums = [[[zero; 3]; C]; R];
            for &[coarse, fine] in self.starts {
                // SAFETY: passed on.
                unsafe {
                    let (coarse, fine) = (self.coarse.add(coarse + part), self.fine.add(fine + part));
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
            for (taps, sums) in taps.iter_mut().zip(sums) {
                for (column, [upper, both, lower]) in (first..).zip(sums) {
                    taps[column] = simd.add_f32s(upper, both);
                    taps[2 + column] = simd.add_f32s(both, lower);
                }
            }
        }
        taps
    }
}

/// The sum of all lanes, by halves: the same order for every SIMD width.
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
