//! Products with stride 2, two rows at a time: three multiplications do the work of four (Winograd's F(2, 2)).
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

use std::ops::Range;

use pulp::{NullaryFnOnce, Simd};

use super::grid::Grid;
use super::product::{largest, load};
use super::simd::LINE;
use crate::network::architecture::Axes;

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
    pub axes: Axes,
}

/// Terms of a sum with a middle axis that are added at once: those of so few planes that the rows of pixels which they share
/// with the next position stay in the L1 cache. It is the same for all images, as the last digits of a sum depend on it.
const TERMS_AT_ONCE: usize = 32;

impl PlaneRegion {
    /// The pixels of the planes of a grid, from `start` on.
    pub fn of(grid: &Grid, start: usize) -> Self {
        Self { start, rows: grid.extent[0], length: grid.layer_run(), pitch: grid.pitch[0], axes: grid.axes }
    }

    /// Some of its rows.
    pub fn band(self, rows: &Range<usize>) -> Self {
        Self { start: self.start + rows.start * self.pitch, rows: rows.len(), ..self }
    }

    /// Terms of a sum of `all` that are added at once.
    fn terms_at_once(&self, all: usize) -> usize {
        if self.axes == Axes::Two { all } else { all.min(TERMS_AT_ONCE) }
    }

    /// Whether what is in the rows can be added to: no vector reaches into the next row, and no row is computed twice.
    fn keeps_sums(&self) -> bool {
        self.rows.is_multiple_of(2) && self.pitch - self.length >= LINE
    }
}

/// Which of two taps, one above the other, multiplies the upper row of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The upper, as in a convolution.
    AsStored,
    /// The lower, as in a transposed convolution.
    Reversed,
}

/// Pairs of taps, one above the other: the upper tap of term d of row r is `kernel[rows[r] + terms[d]]`, the lower one
/// `below` behind it.
#[derive(Clone, Copy)]
pub struct PairTaps<'a> {
    pub kernel: &'a [f32],
    pub rows: &'a [usize],
    pub terms: &'a [usize],
    pub below: usize,
    pub order: Order,
}

/// Numbers made of a pair of taps: that which meets the upper row of values, the sum of both, and the other.
const GROUP: usize = 3;

type Group = [f32; GROUP];

/// Pairs of taps in the order in which the tiles read them: tile by tile, term by term, row by row.
pub struct PackedTaps {
    groups: Vec<Group>,
    rows: usize,
    terms: usize,
}

impl PairTaps<'_> {
    #[inline(always)]
    pub fn packed<S: Simd>(&self) -> PackedTaps {
        let mut groups = Vec::with_capacity(self.rows.len() * self.terms.len());
        let mut rows = self.rows;
        while !rows.is_empty() {
            let (tile, others) = rows.split_at(rows_of_tile::<S>(rows.len()));
            for term in self.terms {
                groups.extend(tile.iter().map(|row| {
                    let (first, second) = (self.kernel[row + term], self.kernel[row + term + self.below]);
                    let (upper, lower) = if self.order == Order::AsStored { (first, second) } else { (second, first) };
                    [upper, upper + lower, lower]
                }));
            }
            rows = others;
        }
        PackedTaps { groups, rows: self.rows.len(), terms: self.terms.len() }
    }
}

/// Rows of the next tile of `left` ones: as many as the registers hold, with sixteen of them three.
#[inline(always)]
const fn rows_of_tile<S: Simd>(left: usize) -> usize {
    match left {
        8.. if S::REGISTER_COUNT >= 32 => 8,
        4.. if S::REGISTER_COUNT >= 32 => 4,
        3 | 5.. => 3,
        2 | 4 => 2,
        _ => 1,
    }
}

/// For each row r of `taps`, `to[r * to_stride + p] = sum over d of upper[r][d] * from[p + reads[d]] + lower[r][d] *
/// from[p + reads[d] + pitch]`, for p in `region`, which has two or more rows. Up to a SIMD vector beyond each row is
/// overwritten too.
pub struct PairMultiplication<'a, S> {
    pub simd: S,
    pub taps: &'a PackedTaps,
    pub from: &'a [f32],
    pub reads: &'a [usize],
    pub region: PlaneRegion,
    pub to: &'a mut [f32],
    pub to_stride: usize,
}

impl<S: Simd> PairMultiplication<'_, S> {
    /// Runs it, in a function of its own: its many tiles are compiled once instead of wherever it is run.
    #[inline(always)]
    pub fn run(self) {
        self.simd.vectorize(self);
    }
}

impl<S: Simd> NullaryFnOnce for PairMultiplication<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, taps, from, reads, region, to, to_stride } = self;
        let starts = pair_starts(region, S::F32_LANES);
        let last = largest(&starts);
        // The kernel reads and writes by pointer: these bounds are what makes that sound.
        assert!(region.rows >= 2 && taps.terms == reads.len());
        assert!(largest(reads) + last + 2 * region.pitch + S::F32_LANES <= from.len());
        assert!((taps.rows - 1) * to_stride + last + region.pitch + S::F32_LANES <= to.len());
        let at_once = region.terms_at_once(reads.len());
        let width = region.length.next_multiple_of(S::F32_LANES);
        let has_parts = at_once < reads.len();
        // With a middle axis pair by pair, so that what a pair reads and adds to stays in the L2 cache.
        let of_pair = if region.axes == Axes::Two { starts.len() } else { width / S::F32_LANES };
        // Where the rows cannot be added to, the sums of a pair are kept apart, with room behind each row.
        let is_apart = has_parts && !region.keeps_sums();
        let mut sums = vec![0.0; if is_apart { taps.rows * 2 * width } else { 0 }];
        for starts in starts.chunks(of_pair) {
            let first = starts[starts.len() - 1];
            let place = if is_apart { [first, width, 2 * width] } else { [0, region.pitch, to_stride] };
            let target = if is_apart { &mut sums[..] } else { &mut *to };
            for (part, reads) in reads.chunks(at_once).enumerate() {
                let (pitch, skipped) = (region.pitch, part * at_once);
                let product = PairProduct { simd, from, reads, skipped, starts, pitch, place };
                // SAFETY: bounds as asserted above; sums that are kept apart have room for the vectors of a pair.
                unsafe { product.all_rows(taps, target) };
            }
            for (row, sums) in sums.chunks_exact(width).enumerate() {
                let row = first + row / 2 * to_stride + row % 2 * region.pitch;
                to[row..][..region.length].copy_from_slice(&sums[..region.length]);
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
    /// Of the results: the position that is the first one of `to`, the distance between the rows of a pair, and that between
    /// those of different rows of taps.
    place: [usize; 3],
}

impl<S: Simd> PairProduct<'_, S> {
    /// All rows, tile by tile.
    #[inline(always)]
    unsafe fn all_rows(&self, taps: &PackedTaps, to: &mut [f32]) {
        let mut row = 0;
        while row < taps.rows {
            let tile = rows_of_tile::<S>(taps.rows - row);
            let weights = &taps.groups[row * taps.terms + self.skipped * tile..][..self.reads.len() * tile];
            let to = &mut to[row * self.place[2]..];
            // SAFETY: passed on; the weights are those of the tile.
            unsafe {
                match (tile, S::REGISTER_COUNT >= 32) {
                    (8, true) => self.all_positions::<8, 1>(weights, to),
                    (4, true) => self.all_positions::<4, 2>(weights, to),
                    (3, true) => self.all_positions::<3, 2>(weights, to),
                    (2, true) => self.all_positions::<2, 3>(weights, to),
                    (1, true) => self.all_positions::<1, 4>(weights, to),
                    (3, false) => self.all_positions::<3, 1>(weights, to),
                    (2, false) => self.all_positions::<2, 1>(weights, to),
                    _ => self.all_positions::<1, 2>(weights, to),
                }
            }
            row += tile;
        }
    }

    /// `M` rows at all positions, `V` vectors at a time.
    #[inline(always)]
    unsafe fn all_positions<const M: usize, const V: usize>(&self, weights: &[Group], to: &mut [f32]) {
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
    unsafe fn tile<const M: usize, const V: usize>(&self, weights: &[Group], starts: &[usize; V], to: &mut [f32]) {
        let (simd, pitch, [first, to_pitch, to_stride]) = (self.simd, self.pitch, self.place);
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
                    let to = to.as_mut_ptr().add(m * to_stride + start - first);
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
