//! Products with stride 2, two rows at a time: three multiplications do the work of four (Winograd's F(2, 2)). For
//! processors with 32 registers.
//!
//! Taps g0 and g1, one above the other, and rows d0, d1 and d2 give
//!
//! ```text
//! y0 = g0 d0 + g1 d1 = g0 (d0 - d1) + (g0 + g1) d1
//! y1 = g0 d1 + g1 d2 =                (g0 + g1) d1 + g1 (d2 - d1)
//! ```
//!
//! Differences of rows are computed in registers, sums of taps when the weights are laid out in the order in which the inner
//! loop reads them.

use ndarray::{ArrayView1, s};
use pulp::Simd;

use super::parts::rows_mut;
use super::product::{Rows, largest, load};
use super::simd::LINE;
use super::taps::{Operands, PairTaps, PlaneRegion};
use crate::network::architecture::Axes;

/// Terms of a sum with a middle axis that are added at once: those of so few planes that the rows of pixels which they share
/// with the next position stay in the L1 cache. It is the same for all images, as the last digits of a sum depend on it.
const TERMS_AT_ONCE: usize = 32;

/// Terms of a sum of `all` that are added at once.
fn terms_at_once(region: &PlaneRegion, all: usize) -> usize {
    if region.axes == Axes::Two { all } else { all.min(TERMS_AT_ONCE) }
}

/// Whether what is in the rows can be added to: no vector reaches into the next row, and no row is computed twice.
fn keeps_sums(region: &PlaneRegion) -> bool {
    region.rows.is_multiple_of(2) && region.pitch - region.length >= LINE
}

/// Numbers made of a pair of taps: that which meets the upper row of values, the sum of both, and the other.
const GROUP: usize = 3;

type Group = [f32; GROUP];

/// Pairs of taps in the order in which the tiles read them: tile by tile, term by term, row by row.
#[derive(Debug, Clone)]
pub struct PackedPairs {
    groups: Vec<Group>,
    rows: usize,
    terms: usize,
}

impl PairTaps<'_> {
    /// For [`PackedPairs::multiply`].
    #[inline(always)]
    pub fn pairs(&self) -> PackedPairs {
        let mut groups = Vec::with_capacity(self.rows.len() * self.terms.len());
        let mut rows = self.rows;
        while !rows.is_empty() {
            let (tile, others) = rows.split_at(rows_of_tile(rows.len()));
            for term in self.terms {
                groups.extend(tile.iter().map(|row| {
                    let [upper, lower] = self.pair(*row, *term);
                    [upper, upper + lower, lower]
                }));
            }
            rows = others;
        }
        PackedPairs { groups, rows: self.rows.len(), terms: self.terms.len() }
    }
}

/// Rows of the next tile of `left` ones.
#[inline(always)]
const fn rows_of_tile(left: usize) -> usize {
    match left {
        8.. => 8,
        4.. => 4,
        left => left,
    }
}

impl PackedPairs {
    /// The product of all rows of taps.
    #[inline(always)]
    pub fn multiply<S: Simd>(&self, simd: S, operands: Operands) {
        let Operands { from, reads, region, mut to } = operands;
        let starts = pair_starts(region, S::F32_LANES);
        let last = largest(&starts);
        // The kernel reads and writes by pointer: these bounds are what makes that sound.
        assert!(region.rows >= 2 && self.terms == reads.len());
        assert!(largest(reads) + last + 2 * region.pitch + S::F32_LANES <= from.len());
        assert!(self.rows == to.nrows() && last + region.pitch + S::F32_LANES <= to.ncols());
        let at_once = terms_at_once(&region, reads.len());
        let width = region.length.next_multiple_of(S::F32_LANES);
        let has_parts = at_once < reads.len();
        // With a middle axis pair by pair, so that what a pair reads and adds to stays in the L2 cache.
        let of_pair = if region.axes == Axes::Two { starts.len() } else { width / S::F32_LANES };
        // Where the rows cannot be added to, the sums of a pair are kept apart, with room behind each row.
        let is_apart = has_parts && !keeps_sums(&region);
        let mut sums = vec![0.0; if is_apart { self.rows * 2 * width } else { 0 }];
        for starts in starts.chunks(of_pair) {
            let first = starts[starts.len() - 1];
            let place = if is_apart { [first, width] } else { [0, region.pitch] };
            let target =
                if is_apart { Rows::of(&mut rows_mut(&mut sums, self.rows, 2 * width)) } else { Rows::of(&mut to) };
            for (part, reads) in reads.chunks(at_once).enumerate() {
                let (pitch, skipped) = (region.pitch, part * at_once);
                let product = PairProduct { simd, from, reads, skipped, starts, pitch, place };
                // SAFETY: bounds as asserted above; sums that are kept apart have room for the vectors of a pair.
                unsafe { product.all_rows(self, target) };
            }
            for (row, sums) in sums.chunks_exact(width).enumerate() {
                let place = first + row % 2 * region.pitch;
                to.slice_mut(s![row / 2, place..place + region.length])
                    .assign(&ArrayView1::from(&sums[..region.length]));
            }
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

/// Products of some of the terms, at some positions.
struct PairProduct<'a, S> {
    simd: S,
    from: &'a [f32],
    reads: &'a [usize],
    /// Terms before these; if there are any, their sums are there and are added to.
    skipped: usize,
    starts: &'a [usize],
    /// Distance between the rows of a pair.
    pitch: usize,
    /// Of the results: the position that is the first one of `to`, and the distance between the rows of a pair.
    place: [usize; 2],
}

impl<S: Simd> PairProduct<'_, S> {
    /// All rows, tile by tile.
    #[inline(always)]
    unsafe fn all_rows(&self, taps: &PackedPairs, to: Rows) {
        let mut row = 0;
        while row < taps.rows {
            let tile = rows_of_tile(taps.rows - row);
            let weights = &taps.groups[row * taps.terms + self.skipped * tile..][..self.reads.len() * tile];
            let to = to.from(row);
            // SAFETY: passed on; the weights are those of the tile.
            unsafe {
                match tile {
                    8 => self.all_positions::<8, 1>(weights, to),
                    4 => self.all_positions::<4, 2>(weights, to),
                    3 => self.all_positions::<3, 2>(weights, to),
                    2 => self.all_positions::<2, 3>(weights, to),
                    _ => self.all_positions::<1, 4>(weights, to),
                }
            }
            row += tile;
        }
    }

    /// `M` rows at all positions, `V` vectors at a time.
    #[inline(always)]
    unsafe fn all_positions<const M: usize, const V: usize>(&self, weights: &[Group], to: Rows) {
        let (together, others) = self.starts.as_chunks::<V>();
        for starts in together {
            // SAFETY: passed on.
            unsafe { self.tile::<M, V>(weights, starts, to) };
        }
        for &start in others {
            // SAFETY: passed on.
            unsafe { self.tile::<M, 1>(weights, &[start], to) };
        }
    }

    #[inline(always)]
    unsafe fn tile<const M: usize, const V: usize>(&self, weights: &[Group], starts: &[usize; V], to: Rows) {
        let (simd, pitch, [first, to_pitch]) = (self.simd, self.pitch, self.place);
        let mut sums = [[[simd.splat_f32s(0.0); GROUP]; V]; M];
        // SAFETY: the caller asserted that all reads and writes are inside.
        unsafe {
            let from = self.from.as_ptr();
            let mut weight = weights.as_ptr();
            for &read in self.reads {
                let mut values = [[simd.splat_f32s(0.0); GROUP]; V];
                for (values, &start) in values.iter_mut().zip(starts) {
                    let at = from.add(start + read);
                    let middle = load::<S>(at.add(pitch));
                    let upper = simd.sub_f32s(load::<S>(at), middle);
                    let lower = simd.sub_f32s(load::<S>(at.add(2 * pitch)), middle);
                    *values = [upper, middle, lower];
                }
                for (m, sums) in sums.iter_mut().enumerate() {
                    for (j, &factor) in (*weight.add(m)).iter().enumerate() {
                        let factor = simd.splat_f32s(factor);
                        for (sums, values) in sums.iter_mut().zip(values) {
                            sums[j] = simd.mul_add_e_f32s(factor, values[j], sums[j]);
                        }
                    }
                }
                weight = weight.add(M);
            }
            for (m, sums) in sums.into_iter().enumerate() {
                for ([upper, middle, lower], &start) in sums.into_iter().zip(starts) {
                    let to = to.first.add(m * to.stride + start - first);
                    let [mut upper, mut lower] = [simd.add_f32s(upper, middle), simd.add_f32s(middle, lower)];
                    if self.skipped > 0 {
                        upper = simd.add_f32s(upper, load::<S>(to));
                        lower = simd.add_f32s(lower, load::<S>(to.add(to_pitch)));
                    }
                    to.cast::<S::f32s>().write_unaligned(upper);
                    to.add(to_pitch).cast::<S::f32s>().write_unaligned(lower);
                }
            }
        }
    }
}
