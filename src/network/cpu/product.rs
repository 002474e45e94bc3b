//! Rows of weights times shifted planes: valid convolutions, and with 16 registers all others.
//!
//! All inner kernels keep a tile of results in registers. The terms of each sum are added in one order, whatever the tile
//! and the thread.

use ndarray::ArrayViewMut2;
use pulp::Simd;

use super::grid::Grid;
use super::taps::{Operands, PairTaps};

/// Rows of weights: weight d of row r is `values[r * stride + d * step]`.
#[derive(Clone, Copy)]
pub struct WeightRows<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub stride: usize,
    /// Weights of a row.
    pub terms: usize,
    pub step: usize,
}

/// The largest of some indices; 0 if there are none.
#[inline(always)]
pub fn largest(places: &[usize]) -> usize {
    places.iter().copied().max().unwrap_or(0)
}

/// Loads a SIMD vector from any address.
#[inline(always)]
pub unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: passed on.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// Planes of an operand: plane `s` begins at `s * stride` of `values`.
#[derive(Clone, Copy)]
pub struct Planes<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

impl<'a> Planes<'a> {
    /// The planes of all channels, in a buffer of the whole batch.
    pub fn of_batch(grid: &Grid, values: &'a [f32]) -> Self {
        Self { values: &values[grid.front()..], stride: grid.stride, count: grid.channels * grid.planes }
    }

    /// The planes of some channels.
    pub fn of_block(grid: &Grid, values: &'a [f32]) -> Self {
        Self { values: &values[grid.origin..], stride: grid.stride, count: values.len() / grid.stride }
    }
}

/// For each row r of weights, `to[[r, p]] = sum over d of weight[r][d] * from[p + reads[d]]`, for p below
/// `length`. Up to a SIMD vector beyond it is overwritten too.
#[inline(always)]
pub fn multiply<S: Simd>(
    simd: S,
    weights: WeightRows,
    from: &[f32],
    reads: &[usize],
    length: usize,
    mut to: ArrayViewMut2<f32>,
) {
    let starts: Vec<usize> = (0..length).step_by(S::F32_LANES).collect();
    if starts.is_empty() {
        return;
    }
    let WeightRows { values, rows, stride, terms, step } = weights;
    // The kernel reads weights by pointer: these bounds are what makes that sound.
    assert!(terms == reads.len() && (rows - 1) * stride + (terms - 1) * step < values.len());
    let product = Product { simd, from, reads, starts: &starts };
    product.check(rows, &to);
    let to = Rows::of(&mut to);
    let mut row = 0;
    while row < rows {
        let (left, to) = (rows - row, to.from(row));
        let tile = |step| TileWeights { values: values[row * stride..].as_ptr(), stride, step };
        // SAFETY: bounds as asserted above; there are so many rows left.
        row += unsafe {
            if S::REGISTER_COUNT >= 32 && left >= 8 {
                product.all_positions::<8, 3>(tile(step), to)
            } else if left >= 4 {
                product.all_positions::<4, 3>(tile(step), to)
            } else {
                product.all_positions::<1, 3>(tile(step), to)
            }
        };
    }
}

/// Taps in the order in which the tiles read them: tile by tile, term by term, the upper taps of all rows and the lower ones.
#[derive(Debug, Clone)]
pub struct PackedRows {
    values: Vec<f32>,
    rows: usize,
    terms: usize,
}

impl PairTaps<'_> {
    /// For [`PackedRows::multiply`].
    #[inline(always)]
    pub fn single_rows(&self) -> PackedRows {
        let mut values = vec![0.0; 2 * self.rows.len() * self.terms.len()];
        let (mut rows, mut of_tiles) = (self.rows, &mut values[..]);
        while !rows.is_empty() {
            let (tile, others) = rows.split_at(rows_of_tile(rows.len()));
            let (of_tile, behind) = of_tiles.split_at_mut(2 * tile.len() * self.terms.len());
            for (term, to) in self.terms.iter().zip(of_tile.chunks_exact_mut(2 * tile.len())) {
                let (upper, lower) = to.split_at_mut(tile.len());
                for ((row, upper), lower) in tile.iter().zip(upper).zip(lower) {
                    [*upper, *lower] = self.pair(*row, *term);
                }
            }
            (rows, of_tiles) = (others, behind);
        }
        PackedRows { values, rows: self.rows.len(), terms: self.terms.len() }
    }
}

/// Rows of the next tile of `left` ones, with 16 registers: six are the fastest, and one or two should not be left over.
#[inline(always)]
pub const fn rows_of_tile(left: usize) -> usize {
    match left {
        6 | 9 | 10 | 12.. => 6,
        5 | 8 | 11 => 5,
        4 | 7 => 4,
        left => left,
    }
}

impl PackedRows {
    /// The product of all rows of taps.
    #[inline(always)]
    pub fn multiply<S: Simd>(&self, simd: S, operands: Operands) {
        let Operands { from, reads, region, mut to } = operands;
        assert!(self.terms == reads.len());
        // Ascending: what the last vector writes beyond a row may be where the next one begins, and is written over later.
        let rows = (0..region.rows).map(|row| region.start + row * region.pitch);
        let starts: Vec<usize> = rows.flat_map(|start| (start..start + region.length).step_by(S::F32_LANES)).collect();
        let reads: Vec<usize> = reads.iter().flat_map(|read| [*read, read + region.pitch]).collect();
        let product = Product { simd, from, reads: &reads, starts: &starts };
        product.check(self.rows, &to);
        let to = Rows::of(&mut to);
        let mut row = 0;
        while row < self.rows {
            let to = to.from(row);
            let tile = rows_of_tile(self.rows - row);
            let values = self.values[row * reads.len()..][..tile * reads.len()].as_ptr();
            let weights = |step| TileWeights { values, stride: 1, step };
            // SAFETY: bounds as checked above; the weights are those of the tile.
            row += unsafe {
                match tile {
                    6 => product.all_positions::<6, 2>(weights(6), to),
                    5 => product.all_positions::<5, 2>(weights(5), to),
                    4 => product.all_positions::<4, 2>(weights(4), to),
                    3 => product.all_positions::<3, 3>(weights(3), to),
                    2 => product.all_positions::<2, 4>(weights(2), to),
                    _ => product.all_positions::<1, 4>(weights(1), to),
                }
            };
        }
    }
}

/// The weights of a tile: weight d of row r is `values[r * stride + d * step]`.
#[derive(Clone, Copy)]
struct TileWeights {
    values: *const f32,
    stride: usize,
    step: usize,
}

/// Rows of results, by pointer.
#[derive(Clone, Copy)]
pub struct Rows {
    pub first: *mut f32,
    pub stride: usize,
}

impl Rows {
    #[inline(always)]
    pub fn of(to: &mut ArrayViewMut2<f32>) -> Self {
        Self { first: to.as_mut_ptr(), stride: to.strides()[0] as usize }
    }

    /// Those from a row on.
    #[inline(always)]
    pub fn from(self, row: usize) -> Self {
        Self { first: self.first.wrapping_add(row * self.stride), ..self }
    }
}

/// The arguments of a product: rows of weights times what lies at `starts[p] + reads[d]`.
struct Product<'a, S> {
    simd: S,
    from: &'a [f32],
    reads: &'a [usize],
    starts: &'a [usize],
}

impl<S: Simd> Product<'_, S> {
    /// Panics if a read, or a write of one of `rows` rows, would be outside: the tiles read and write by pointer.
    #[inline(always)]
    fn check(&self, rows: usize, to: &ArrayViewMut2<f32>) {
        let last = largest(self.starts) + S::F32_LANES;
        assert!(largest(self.reads) + last <= self.from.len());
        assert!(rows == to.nrows() && last <= to.ncols());
    }

    /// `M` rows at all positions, up to `V` vectors at a time. Returns `M`.
    #[inline(always)]
    unsafe fn all_positions<const M: usize, const V: usize>(&self, weights: TileWeights, to: Rows) -> usize {
        let mut starts = self.starts;
        while !starts.is_empty() {
            // One vector more than a tile is two smaller tiles, because a tile of one has too few independent sums.
            let width = if V > 2 && starts.len() == V + 1 { V - 1 } else { starts.len().min(V) };
            let (now, later) = starts.split_at(width);
            // SAFETY: passed on.
            unsafe {
                match width {
                    1 => self.tile::<M, 1>(weights, now, to),
                    2 => self.tile::<M, 2>(weights, now, to),
                    3 if V >= 3 => self.tile::<M, 3>(weights, now, to),
                    _ if V >= 4 => self.tile::<M, 4>(weights, now, to),
                    _ => unreachable!("tiles have up to {V} vectors"),
                }
            }
            starts = later;
        }
        M
    }

    #[inline(always)]
    unsafe fn tile<const M: usize, const V: usize>(&self, weights: TileWeights, starts: &[usize], to: Rows) {
        let TileWeights { values: weights, stride, step } = weights;
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); V]; M];
        // SAFETY: the caller made sure that all reads and writes are inside.
        unsafe {
            let mut bases = [self.from.as_ptr(); V];
            for (base, start) in bases.iter_mut().zip(starts) {
                *base = base.add(*start);
            }
            for (index, &read) in self.reads.iter().enumerate() {
                let mut values = [simd.splat_f32s(0.0); V];
                for (value, base) in values.iter_mut().zip(bases) {
                    *value = load::<S>(base.add(read));
                }
                let mut weight = weights.add(index * step);
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
                let row = to.first.add(m * to.stride);
                for (v, sum) in sums.iter().enumerate() {
                    row.add(*starts.get_unchecked(v)).cast::<S::f32s>().write_unaligned(*sum);
                }
            }
        }
    }
}
