//! The generator of a fully convolutional model for a patch of a large torus, in two parts.
//!
//! The first layers need many cells around a patch, the last ones few. So the first part is one pass over the patch, and the
//! second goes over smaller squares of what the first gives, which also fit into a processor's cache.

use burn_tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::torus::{Patch, STRIDE};
use crate::Result;
use crate::model::Model;
use crate::network::{Input, Network, inference_bytes, noise_sides, read};

/// Values along the side of a cell between the two parts.
const BETWEEN: usize = 4;

/// Most cells along the side of a square, without those around it.
const SQUARE: usize = 12;

/// Cells around a square, which the second part depends on.
const EDGE: usize = 1;

/// The two parts of a generator.
pub struct PatchDecoder {
    first: Network,
    second: Network,
}

impl PatchDecoder {
    pub fn new(model: &Model) -> Self {
        let layers = model.generator.layers();
        let sides = layers.iter().scan([1; 3], |sides, layer| {
            *sides = layer.output_sides(*sides);
            Some(*sides)
        });
        let sides: Vec<[usize; 3]> = sides.collect();
        let last =
            sides.iter().rposition(|&[.., side]| side == BETWEEN).expect("cells have so many values at some layer");
        let [first, second] = model.generator.split(last + 1);
        Self { first, second }
    }

    /// About the bytes that [`phases`](Self::phases) takes for a patch of `side` cells.
    pub fn bytes(&self, side: usize) -> usize {
        let channels = self.first.layers().last().map_or(0, |layer| layer.outputs);
        let between = channels * (side * BETWEEN).pow(2) * size_of::<f32>();
        let square = (SQUARE.min(side) + 2 * EDGE) * BETWEEN;
        let passes =
            inference_bytes(&self.first, [1, side, side], 1).max(inference_bytes(&self.second, [1, square, square], 1));
        passes.saturating_add(between)
    }

    /// The phases of a patch, whose cells are those of `input`; what belongs to the cells around its inner part is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`](crate::Error::Diverged) if the generator gives values that are not finite, and those of
    /// reading a tensor back.
    pub fn phases(&self, input: Input, patch: Patch) -> Result<Vec<u8>> {
        let Input { values, mut noise } = input;
        let device = values.device();
        let noisy = noise_sides(self.first.layers(), [1; 3]).len();
        let of_second = noise.split_off(noisy.min(noise.len()));
        let between = Plane::new(self.first.forward(Input { values, noise }), BETWEEN)?;
        let noise = noise_sides(self.second.layers(), [1, BETWEEN, BETWEEN]).into_iter().zip(of_second);
        let noise = noise.map(|([.., scale], noise)| Plane::new(noise, scale)).collect::<Result<Vec<_>>>()?;
        let width = patch.side * STRIDE;
        let mut phases = vec![0; width * width];
        let starts = || (patch.halo..patch.side - patch.halo).step_by(SQUARE);
        let squares: Vec<[usize; 2]> = starts().flat_map(|row| starts().map(move |column| [row, column])).collect();
        let made = squares.into_par_iter().map(|[row, column]| {
            let cells = |from: usize| SQUARE.min(patch.side - patch.halo - from);
            let side = cells(row).max(cells(column));
            let cut = |plane: &Plane| plane.cut([row - EDGE, column - EDGE], side + 2 * EDGE, &device);
            let input = Input { values: cut(&between), noise: noise.iter().map(cut).collect() };
            let mut square = vec![0; ((side + 2 * EDGE) * STRIDE).pow(2)];
            self.second.begin_phases(input).read(&mut square)?;
            Ok(([row, column], [cells(row), cells(column)], side, square))
        });
        for ([row, column], [rows, columns], side, square) in made.collect::<Result<Vec<_>>>()? {
            let from = square.chunks_exact((side + 2 * EDGE) * STRIDE).skip(EDGE * STRIDE);
            let to = phases.chunks_exact_mut(width).skip(row * STRIDE);
            for (from, to) in from.zip(to).take(rows * STRIDE) {
                let (from, columns) = (&from[EDGE * STRIDE..], columns * STRIDE);
                to[column * STRIDE..][..columns].copy_from_slice(&from[..columns]);
            }
        }
        Ok(phases)
    }
}

/// Values of the cells of a patch, `[channels, height, width]`.
struct Plane {
    values: Vec<f32>,
    width: usize,
    /// Along the side of a cell.
    scale: usize,
}

impl Plane {
    fn new(values: Tensor<5>, scale: usize) -> Result<Self> {
        let [.., width] = values.dims();
        Ok(Self { values: read(values)?, width, scale })
    }

    /// A square of `side` cells from a row and column of cells on. What lies beyond the patch is zero.
    fn cut(&self, [row, column]: [usize; 2], side: usize, device: &burn_tensor::Device) -> Tensor<5> {
        let (length, [row, column]) = (side * self.scale, [row * self.scale, column * self.scale]);
        let mut cut = Vec::with_capacity(self.values.len() / self.width.pow(2) * length * length);
        for channel in self.values.chunks_exact(self.width.pow(2)) {
            for line in channel.chunks_exact(self.width).skip(row).take(length) {
                let line = &line[column..self.width.min(column + length)];
                cut.extend(line.iter().copied().chain(std::iter::repeat(0.0)).take(length));
            }
            cut.resize(cut.len().next_multiple_of(length * length), 0.0);
        }
        let channels = cut.len() / (length * length);
        Tensor::from_data(TensorData::new(cut, [1, channels, 1, length, length]), device)
    }
}
