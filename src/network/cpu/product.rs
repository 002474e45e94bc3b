//! Rows of weights times shifted planes: valid convolutions.
//!
//! All inner kernels keep a tile of results in registers. The terms of each sum are added in one order, whatever the SIMD
//! width, the tile and the thread.

use pulp::Simd;

use super::grid::Grid;

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

/// For each row r of weights, `to[r * to_stride + p] = sum over d of weight[r][d] * from[p + reads[d]]`, for p below
/// `length`. Up to a SIMD vector beyond it is overwritten too.
#[inline(always)]
pub fn multiply<S: Simd>(
    simd: S,
    weights: WeightRows,
    from: &[f32],
    reads: &[usize],
    length: usize,
    to: &mut [f32],
    to_stride: usize,
) {
    let starts: Vec<usize> = (0..length).step_by(S::F32_LANES).collect();
    let Some(last) = starts.last() else { return };
    // The kernel reads and writes by pointer: these bounds are what makes that sound.
    assert!(weights.terms == reads.len());
    assert!((weights.rows - 1) * weights.stride + (weights.terms - 1) * weights.step < weights.values.len());
    assert!(largest(reads) + last + S::F32_LANES <= from.len());
    assert!((weights.rows - 1) * to_stride + last + S::F32_LANES <= to.len());
    let product = Product { simd, weights, from, reads, starts: &starts, to_stride };
    // SAFETY: bounds as asserted above.
    unsafe { product.all_rows(to) };
}

/// The arguments of a product: rows of weights times what lies at `starts[p] + reads[d]`.
struct Product<'a, S> {
    simd: S,
    weights: WeightRows<'a>,
    from: &'a [f32],
    reads: &'a [usize],
    starts: &'a [usize],
    to_stride: usize,
}

impl<S: Simd> Product<'_, S> {
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
            // Tiles of three vectors; the last four are two and two, because a tile of one has too few independent sums.
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
            let weights = self.weights.values.as_ptr().add(row * stride);
            for (index, &read) in self.reads.iter().enumerate() {
                let mut values = [simd.splat_f32s(0.0); V];
                for (value, base) in values.iter_mut().zip(bases) {
                    *value = load::<S>(base.add(read));
                }
                let mut weight = weights.add(index * self.weights.step);
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
