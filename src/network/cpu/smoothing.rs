//! The smoothing of the result of a transposed convolution, in place.
//!
//! Such an image is kept in planes by the parity of row and column, so the even and the odd pixels of a row are two runs, and
//! the neighbours of one run are in the other.

use std::ops::Range;

use super::grid::{Grid, Placement};
use crate::network::architecture::Padding;

/// Smooths one channel. Borders are neither read nor written.
#[inline(always)]
pub fn smooth(grid: &Grid, channel: &mut [f32], weight: f32) {
    assert!(grid.placement == Placement::Split, "only results of transposed convolutions with stride 2 are smoothed");
    let mut scratch = Scratch::new(grid.extent * grid.n, grid.n);
    for parity in 0..2 {
        columns(grid, channel, weight, parity, &mut scratch);
    }
    for row in 0..grid.side {
        let [even, odd] = [0, 1].map(|parity| run(grid, row, parity));
        scratch.load_row(grid.border, &channel[even.clone()], &channel[odd.clone()]);
        // An even pixel lies between the odd ones before and behind it, an odd one between two even ones.
        combine(&mut channel[even], &scratch.odd, grid.n, weight);
        combine(&mut channel[odd], &scratch.even, grid.n, weight);
    }
}

/// Copies of values that are still needed when they are overwritten.
struct Scratch {
    first: Vec<f32>,
    above: Vec<f32>,
    /// Even pixels of a row, and the one behind the last.
    even: Vec<f32>,
    /// Odd pixels of a row, and the one before the first.
    odd: Vec<f32>,
}

impl Scratch {
    fn new(run: usize, n: usize) -> Self {
        Self { first: vec![0.0; run], above: vec![0.0; run], even: vec![0.0; run + n], odd: vec![0.0; run + n] }
    }

    #[inline(always)]
    fn load_row(&mut self, border: Padding, even: &[f32], odd: &[f32]) {
        let (run, n) = (even.len(), self.even.len() - even.len());
        let (first, last) = (&even[..n], &odd[run - n..]);
        let (before, behind) = match border {
            Padding::Zeros => (first, last),
            Padding::Periodic => (last, first),
        };
        self.even[..run].copy_from_slice(even);
        self.even[run..].copy_from_slice(behind);
        self.odd[..n].copy_from_slice(before);
        self.odd[n..].copy_from_slice(odd);
    }
}

/// The pixels of one parity in a row.
#[inline(always)]
fn run(grid: &Grid, row: usize, parity: usize) -> Range<usize> {
    let start = grid.half_row(2 * row + parity).start;
    start..start + grid.extent * grid.n
}

/// Smooths the columns of one parity.
#[inline(always)]
fn columns(grid: &Grid, channel: &mut [f32], weight: f32, parity: usize, scratch: &mut Scratch) {
    let last = grid.side - 1;
    scratch.first.copy_from_slice(&channel[run(grid, 0, parity)]);
    scratch.above.copy_from_slice(match grid.border {
        Padding::Zeros => &channel[run(grid, 0, parity)],
        Padding::Periodic => &channel[run(grid, last, parity)],
    });
    for row in 0..grid.side {
        let here = run(grid, row, parity).start;
        let below = if row < last { run(grid, row + 1, parity).start } else { here };
        for (index, (above, first)) in scratch.above.iter_mut().zip(&scratch.first).enumerate() {
            let value = channel[here + index];
            let below = if row == last && grid.border == Padding::Periodic { *first } else { channel[below + index] };
            channel[here + index] = (1.0 - 2.0 * weight) * value + weight * (*above + below);
            *above = value;
        }
    }
}

/// Pixel i of `values` lies between pixels i and i + 1 of `neighbours`, each of `n` numbers.
#[inline(always)]
fn combine(values: &mut [f32], neighbours: &[f32], n: usize, weight: f32) {
    for (value, (before, behind)) in values.iter_mut().zip(neighbours.iter().zip(&neighbours[n..])) {
        *value = (1.0 - 2.0 * weight) * *value + weight * (before + behind);
    }
}
