//! The generator of a fully convolutional model for a patch of a large torus, in two parts.
//!
//! The first layers need many cells around a patch, the last ones few. So the first part is one pass over the patch, and the
//! second goes over smaller boxes of what the first gives, which also fit into a processor's cache.

use std::array::from_fn;

use burn_tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::torus::Patch;
use crate::Result;
use crate::model::{Model, PositionBiases};
use crate::network::{Input, Network, STRIDE, inference_bytes, noise_sides, read};

/// Where a generator is split, and into which boxes what the first part gives is cut.
#[derive(Debug, Clone, Copy)]
struct Split {
    /// Values along the side of a cell between the two parts.
    between: usize,
    /// Most cells along the side of a box, without those around it.
    cells: usize,
    /// Values around a box, which the second part depends on. An even number, so that each sum has the order that it has in
    /// a pass over the whole torus.
    edge: usize,
}

const OF_IMAGES: Split = Split { between: 4, cells: 16, edge: 4 };
const OF_VOLUMES: Split = Split { between: 8, cells: 4, edge: 2 };

impl Split {
    /// The two parts of `generator`.
    fn parts(self, generator: &Network) -> [Network; 2] {
        let sides = generator.layers().iter().scan([1; 3], |sides, layer| {
            *sides = layer.output_sides(*sides);
            Some(sides[2])
        });
        let sides: Vec<usize> = sides.collect();
        let is_last =
            |&layer: &usize| sides[layer] == self.between && sides[layer..].iter().all(|&side| side >= self.between);
        let last = (0..sides.len()).find(is_last).expect("cells have so many values at some layer");
        generator.split(last + 1)
    }
}

/// The two parts of a generator.
pub struct PatchDecoder<'a> {
    first: &'a Network,
    second: &'a Network,
    split: Split,
    is_volume: bool,
    position_biases: Option<&'a PositionBiases>,
}

impl<'a> PatchDecoder<'a> {
    /// Adds position biases to the logits, if there are any.
    pub fn new(model: &'a Model, position_biases: Option<&'a PositionBiases>) -> Self {
        let is_volume = model.profile.axes() == 3;
        let split = if is_volume { OF_VOLUMES } else { OF_IMAGES };
        let [first, second] = model.kept.generator_parts.get_or_init(|| split.parts(model.fast_generator()));
        Self { first, second, split, is_volume, position_biases }
    }

    /// Number of noisy layers of the first part.
    pub fn noisy_layers_of_first(&self) -> usize {
        noise_sides(self.first.layers(), [1; 3]).len()
    }

    /// About the bytes that [`phases`](Self::phases) takes for a patch of so many cells.
    pub fn bytes(&self, sides: [usize; 3]) -> usize {
        let channels = self.first.layers().last().map_or(0, |layer| layer.outputs);
        let scale = self.values(self.split.between);
        let between = (0..3).map(|axis| sides[axis] * scale[axis]).product::<usize>() * channels * size_of::<f32>();
        let of_box = self.with_edge(sides.map(|side| side.min(self.split.cells)));
        let at_once = rayon::current_num_threads();
        let second = inference_bytes(self.second, of_box, 1).saturating_mul(at_once);
        inference_bytes(self.first, sides, 1).max(second).saturating_add(between)
    }

    /// Values of a cell along each axis, with `side` along its side.
    fn values(&self, side: usize) -> [usize; 3] {
        [if self.is_volume { side } else { 1 }, side, side]
    }

    /// Values between the parts along each axis of a box of so many cells, with its edge.
    fn with_edge(&self, cells: [usize; 3]) -> [usize; 3] {
        let (scale, edge) = (self.values(self.split.between), self.edge(self.split.between));
        from_fn(|axis| cells[axis] * scale[axis] + 2 * edge[axis])
    }

    /// The edge of a box in values along each axis, of which a cell has `side` along its side.
    fn edge(&self, side: usize) -> [usize; 3] {
        let edge = self.split.edge * side / self.split.between;
        [if self.is_volume { edge } else { 0 }, edge, edge]
    }

    /// The phases of a patch, whose cells are those of `input`; what belongs to the cells around its inner part is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`](crate::Error::Diverged) if the generator gives values that are not finite, and those of
    /// reading a tensor back.
    pub fn phases(&self, input: Input, patch: &Patch) -> Result<Vec<u8>> {
        let Input { values, mut noise } = input;
        let device = values.device();
        let of_second = noise.split_off(self.noisy_layers_of_first().min(noise.len()));
        let between = Values::new(self.first.forward(Input { values, noise }), self.values(self.split.between))?;
        let scales = noise_sides(self.second.layers(), self.values(self.split.between));
        let noise = scales.into_iter().zip(of_second).map(|(scale, noise)| Values::new(noise, scale));
        let noise = noise.collect::<Result<Vec<_>>>()?;
        let made = self.boxes(patch).into_par_iter().map(|(first, cells)| {
            let cut = |values: &Values| values.cut(first, cells, self.edge(values.scale[2]), &device);
            let input = Input { values: cut(&between), noise: noise.iter().map(cut).collect() };
            let (voxels, edge) = (self.values(STRIDE), self.edge(STRIDE));
            let sides: [usize; 3] = from_fn(|axis| cells[axis] * voxels[axis] + 2 * edge[axis]);
            // An edge begins so far before a cell does.
            let begin = edge.map(|edge| edge.next_multiple_of(STRIDE) - edge);
            let biases = self.position_biases.map(|biases| biases.of_box(begin, sides, &device));
            let mut phases = vec![0; sides.iter().product()];
            self.second.begin_phases(input, biases).read(&mut phases)?;
            Ok((first, cells, sides, phases))
        });
        let voxels = self.values(STRIDE);
        let [_, height, width]: [usize; 3] = from_fn(|axis| patch.sides[axis] * voxels[axis]);
        let mut phases = vec![0; patch.cells() * voxels.iter().product::<usize>()];
        for (first, cells, sides, made) in made.collect::<Result<Vec<_>>>()? {
            let edge = self.edge(STRIDE);
            let [layers, rows, columns]: [usize; 3] = from_fn(|axis| cells[axis] * voxels[axis]);
            let [z, y, x]: [usize; 3] = from_fn(|axis| first[axis] * voxels[axis]);
            for (layer, row) in (0..layers).flat_map(|layer| (0..rows).map(move |row| (layer, row))) {
                let from = ((edge[0] + layer) * sides[1] + edge[1] + row) * sides[2] + edge[2];
                let to = ((z + layer) * height + y + row) * width + x;
                phases[to..][..columns].copy_from_slice(&made[from..][..columns]);
            }
        }
        Ok(phases)
    }

    /// The boxes that the inner part of a patch is divided into: first cell along each axis, and cells along each axis.
    fn boxes(&self, patch: &Patch) -> Vec<([usize; 3], [usize; 3])> {
        let along = |axis: usize| {
            let end = patch.sides[axis] - patch.halo[axis];
            let first = (patch.halo[axis]..end).step_by(self.split.cells);
            first.map(move |first| (first, self.split.cells.min(end - first)))
        };
        let mut boxes = Vec::new();
        for z in along(0) {
            for y in along(1) {
                boxes.extend(along(2).map(|x| ([z.0, y.0, x.0], [z.1, y.1, x.1])));
            }
        }
        boxes
    }
}

/// Values of the cells of a patch, `[channels, depth, height, width]`.
struct Values {
    values: Vec<f32>,
    sides: [usize; 3],
    /// Of a cell along each axis.
    scale: [usize; 3],
}

impl Values {
    fn new(values: Tensor<5>, scale: [usize; 3]) -> Result<Self> {
        let [.., depth, height, width] = values.dims();
        Ok(Self { values: read(values)?, sides: [depth, height, width], scale })
    }

    /// A box of so many cells with `edge` values around it. Beyond the patch its values repeat.
    fn cut(&self, first: [usize; 3], cells: [usize; 3], edge: [usize; 3], device: &burn_tensor::Device) -> Tensor<5> {
        let size: [usize; 3] = from_fn(|axis| cells[axis] * self.scale[axis] + 2 * edge[axis]);
        let place = |axis: usize, at: usize| {
            (first[axis] * self.scale[axis] + at + self.sides[axis] - edge[axis]) % self.sides[axis]
        };
        let [depth, height, width] = self.sides;
        let channels = self.values.len() / (depth * height * width);
        let mut cut = Vec::with_capacity(channels * size.iter().product::<usize>());
        for channel in self.values.chunks_exact(depth * height * width) {
            for (z, y) in (0..size[0]).flat_map(|z| (0..size[1]).map(move |y| (place(0, z), y))) {
                let row = &channel[(z * height + place(1, y)) * width..][..width];
                let mut left = size[2];
                while left > 0 {
                    let run = &row[place(2, size[2] - left)..];
                    let run = &run[..run.len().min(left)];
                    cut.extend_from_slice(run);
                    left -= run.len();
                }
            }
        }
        Tensor::from_data(TensorData::new(cut, [1, channels, size[0], size[1], size[2]]), device)
    }
}
