//! What is added to the logits of realisations so that each phase is as frequent at every position within a cell.

use std::array::from_fn;
use std::iter::repeat_n;

use burn_tensor::{Device, Tensor, TensorData};

use crate::network::STRIDE;

/// A logit for each channel and position.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionBiases {
    values: Vec<f32>,
    /// Of a cell, `[depth, height, width]`.
    cell: [usize; 3],
}

impl PositionBiases {
    /// PositionBiases of so many channels, `[channels, depth, height, width]` of a cell, x fastest; `None` for another number of values.
    pub fn new(channels: usize, axes: usize, values: Vec<f32>) -> Option<Self> {
        let cell = [if axes == 3 { STRIDE } else { 1 }, STRIDE, STRIDE];
        (values.len() == channels * cell.iter().product::<usize>()).then_some(Self { values, cell })
    }

    /// The same bias of each channel at all positions; `None` without channels.
    pub fn same_everywhere(axes: usize, of_channels: &[f32]) -> Option<Self> {
        let positions = STRIDE.pow(axes as u32);
        Self::new(of_channels.len(), axes, of_channels.iter().flat_map(|&bias| repeat_n(bias, positions)).collect())
    }

    /// With more of each channel, at all positions.
    pub fn plus(&self, of_channels: &[f32]) -> Self {
        let of_cell = self.cell.iter().product();
        let mut sum = self.clone();
        let channels = sum.values.chunks_exact_mut(of_cell).zip(of_channels);
        channels.for_each(|(channel, more)| channel.iter_mut().for_each(|value| *value += more));
        sum
    }

    /// All of them.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The biases of a box of `sides` voxels that begins at position `begin` within a cell, `[1, channels, depth, height, width]`.
    pub(crate) fn of_box(&self, begin: [usize; 3], sides: [usize; 3], device: &Device) -> Tensor<5> {
        let positions: [Vec<usize>; 3] =
            from_fn(|axis| (0..sides[axis]).map(|at| (begin[axis] + at) % self.cell[axis]).collect());
        let [_, height, width] = self.cell;
        let of_cell = self.cell.iter().product::<usize>();
        let mut values = Vec::with_capacity(self.values.len() / of_cell * sides.iter().product::<usize>());
        for channel in self.values.chunks_exact(of_cell) {
            for (z, y) in positions[0].iter().flat_map(|z| positions[1].iter().map(move |y| (z, y))) {
                let row = &channel[(z * height + y) * width..][..width];
                values.extend(positions[2].iter().map(|&x| row[x]));
            }
        }
        let channels = self.values.len() / of_cell;
        Tensor::from_data(TensorData::new(values, [1, channels, sides[0], sides[1], sides[2]]), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::read;

    #[test]
    fn a_box_repeats_the_cell_from_where_it_begins() {
        let cell: Vec<f32> = (0..2 * 256).map(|number| number as f32).collect();
        let biases = PositionBiases::new(2, 2, cell.clone()).unwrap();
        let values = read(biases.of_box([0, 15, 4], [1, 3, 40], &Device::flex())).unwrap();
        for channel in 0..2 {
            for (y, x) in (0..3).flat_map(|y| (0..40).map(move |x| (y, x))) {
                let expected = cell[channel * 256 + (15 + y) % 16 * 16 + (4 + x) % 16];
                assert_eq!(values[(channel * 3 + y) * 40 + x], expected);
            }
        }
        assert_eq!(PositionBiases::new(1, 3, cell), None);
    }
}
