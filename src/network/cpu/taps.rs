//! Products with stride 2: what is multiplied, at which places, and by which kernel.
//!
//! With 32 registers two rows are computed at a time, by three multiplications instead of four (`row_pairs`). With 16 there
//! is no room for that: such a tile loads more than it multiplies, and one row at a time (`product`) is faster.

use std::ops::Range;

use ndarray::ArrayViewMut2;
use pulp::{NullaryFnOnce, Simd};

use super::grid::Grid;
use super::product::PackedRows;
use super::row_pairs::PackedPairs;
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

impl PlaneRegion {
    /// The pixels of the planes of a grid, from `start` on.
    pub fn of(grid: &Grid, start: usize) -> Self {
        Self { start, rows: grid.extent[0], length: grid.layer_run(), pitch: grid.pitch[0], axes: grid.axes }
    }

    /// Some of its rows.
    pub fn band(self, rows: &Range<usize>) -> Self {
        Self { start: self.start + rows.start * self.pitch, rows: rows.len(), ..self }
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

impl PairTaps<'_> {
    /// The taps that the upper and the lower row of values are multiplied by.
    #[inline(always)]
    pub fn pair(&self, row: usize, term: usize) -> [f32; 2] {
        let [first, second] = [self.kernel[row + term], self.kernel[row + term + self.below]];
        if self.order == Order::AsStored { [first, second] } else { [second, first] }
    }

    /// In the order in which the kernel for `S` reads them.
    #[inline(always)]
    pub fn packed<S: Simd>(&self) -> PackedTaps {
        if S::REGISTER_COUNT >= 32 { PackedTaps::Pairs(self.pairs()) } else { PackedTaps::Rows(self.single_rows()) }
    }
}

/// Taps in the order in which a kernel reads them.
#[derive(Debug, Clone)]
pub enum PackedTaps {
    Pairs(PackedPairs),
    Rows(PackedRows),
}

/// What taps are multiplied by, and where the results go.
pub struct Operands<'a> {
    pub from: &'a [f32],
    pub reads: &'a [usize],
    pub region: PlaneRegion,
    pub to: ArrayViewMut2<'a, f32>,
}

/// For each row r of taps, `to[[r, p]] = sum over d of upper[r][d] * from[p + reads[d]] + lower[r][d] *
/// from[p + reads[d] + pitch]`, for p in `region`, which has two or more rows. Up to a SIMD vector beyond each row is
/// overwritten too.
pub struct Multiplication<'a, S> {
    pub simd: S,
    pub taps: &'a PackedTaps,
    pub operands: Operands<'a>,
}

impl<S: Simd> Multiplication<'_, S> {
    /// Runs it, in a function of its own: its many tiles are compiled once instead of wherever it is run.
    #[inline(always)]
    pub fn run(self) {
        self.simd.vectorize(self);
    }
}

impl<S: Simd> NullaryFnOnce for Multiplication<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.taps {
            PackedTaps::Pairs(taps) if S::REGISTER_COUNT >= 32 => taps.multiply(self.simd, self.operands),
            PackedTaps::Rows(taps) if S::REGISTER_COUNT < 32 => taps.multiply(self.simd, self.operands),
            _ => unreachable!("taps are packed for the kernel that reads them"),
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};
    use rand::Rng;

    use super::*;
    use crate::network::architecture::Padding;
    use crate::network::cpu::grid::Placement;
    use crate::network::cpu::parts::rows_mut;
    use crate::random::{Purpose, generator};

    /// Results of either kernel, whatever the registers.
    struct BothKernels<'a> {
        taps: PairTaps<'a>,
        from: &'a [f32],
        reads: &'a [usize],
        region: PlaneRegion,
        to: [&'a mut [f32]; 2],
        to_stride: usize,
    }

    impl WithSimd for BothKernels<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { taps, from, reads, region, to: [pairs, rows], to_stride } = self;
            let [pairs, rows] = [pairs, rows].map(|to| rows_mut(to, taps.rows.len(), to_stride));
            taps.pairs().multiply(simd, Operands { from, reads, region, to: pairs });
            taps.single_rows().multiply(simd, Operands { from, reads, region, to: rows });
        }
    }

    #[test]
    fn both_kernels_give_the_sums_of_products() {
        let mut rng = generator(5, Purpose::Weights, 0);
        for (axes, [outer, middle, inner], n) in [
            (Axes::Two, [4, 1, 6], 1),
            (Axes::Two, [5, 1, 3], 4),
            (Axes::Two, [2, 1, 2], 16),
            (Axes::Three, [3, 4, 5], 1),
        ] {
            let sides = if axes == Axes::Two { [1, outer, inner] } else { [outer, middle, inner] };
            for (rows, channels) in [(1, 3), (2, 1), (3, 5), (4, 2), (6, 9), (8, 3), (13, 2), (16, 10)] {
                let grid = Grid::new(Placement::Whole, Padding::Periodic, axes, channels, sides, n);
                let mut numbers =
                    |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
                let from = numbers(grid.length());
                let kernel = numbers(rows * channels * 2);
                let places: Vec<usize> = (0..rows).map(|row| row * channels * 2).collect();
                let terms: Vec<usize> = (0..channels).collect();
                let reads: Vec<usize> = terms.iter().map(|channel| grid.front() + channel * grid.stride).collect();
                let region = PlaneRegion::of(&grid, grid.origin - grid.pitch[0]);
                for order in [Order::AsStored, Order::Reversed] {
                    let taps = PairTaps { kernel: &kernel, rows: &places, terms: &terms, below: channels, order };
                    let [mut pairs, mut single] =
                        [vec![0.0; (rows + 1) * grid.stride], vec![0.0; (rows + 1) * grid.stride]];
                    let (to, to_stride) = ([&mut pairs[..], &mut single[..]], grid.stride);
                    Arch::new().dispatch(BothKernels { taps, from: &from, reads: &reads, region, to, to_stride });
                    for (row, place) in places.iter().enumerate() {
                        for p in (0..region.rows).flat_map(|row| {
                            let start = region.start + row * region.pitch;
                            start..start + region.length
                        }) {
                            let products = terms.iter().zip(&reads).map(|(term, read)| {
                                let [upper, lower] = taps.pair(*place, *term).map(f64::from);
                                upper * f64::from(from[p + read]) + lower * f64::from(from[p + read + region.pitch])
                            });
                            let expected: f64 = products.sum();
                            for (name, to) in [("pairs", &pairs), ("rows", &single)] {
                                let found = f64::from(to[row * to_stride + p]);
                                assert!((found - expected).abs() < 1e-5, "{name}, row {row}: {found}, not {expected}");
                            }
                        }
                    }
                }
            }
        }
    }
}
