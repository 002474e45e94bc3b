//! All weights of a network as one vector, for optimiser, average and file.

use std::ops::Range;

use burn_tensor::Tensor;
use rand::Rng;
use rand::distr::Uniform;

use super::architecture::{Axes, LayerSpec};

/// A named part of a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Layer and role, such as `2/kernel`.
    pub name: String,
    /// Shape of the part; one axis for all but kernels.
    pub shape: Vec<usize>,
    /// Where it lies in the vector.
    pub range: Range<usize>,
}

/// The parts of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntries {
    /// The kernel.
    pub kernel: Range<usize>,
    /// Bias (no normalisation) or the shift of the normalisation; one an output channel.
    pub shift: Range<usize>,
    /// Scale of the normalisation.
    pub scale: Option<Range<usize>>,
    /// Gain of the noise.
    pub gain: Option<Range<usize>>,
    /// Moving mean and variance, in the vector of statistics.
    pub moving: Option<(Range<usize>, Range<usize>)>,
    /// Estimate of the first singular vector of a spectrally normalised kernel, in the vector of statistics.
    pub direction: Option<Range<usize>>,
}

/// Gain of the noise before the first step.
const INITIAL_GAIN: f32 = 0.1;

/// The layout of a network's two vectors: learned parameters and moving statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterLayout {
    /// Parts of the vector of parameters, in order, without gaps.
    pub parameters: Vec<Entry>,
    /// Parts of the vector of statistics, in order, without gaps.
    pub statistics: Vec<Entry>,
    /// The same by layer.
    pub layers: Vec<LayerEntries>,
}

impl ParameterLayout {
    /// The layout for `layers`.
    pub fn new(layers: &[LayerSpec]) -> Self {
        let mut layout = Self { parameters: Vec::new(), statistics: Vec::new(), layers: Vec::new() };
        for (index, layer) in layers.iter().enumerate() {
            let name = |role: &str| format!("{index}/{role}");
            let channels = vec![layer.outputs];
            let mut kernel = layer.kernel_shape().to_vec();
            if layer.axes == Axes::Two {
                // Without the depth of 1.
                kernel.remove(2);
            }
            let kernel = push(&mut layout.parameters, name("kernel"), kernel);
            let shift = push(&mut layout.parameters, name("shift"), channels.clone());
            let gain = layer.noisy.then(|| push(&mut layout.parameters, name("gain"), channels.clone()));
            let (mut scale, mut moving, mut direction) = (None, None, None);
            if layer.spectral {
                let coarse = vec![layer.kernel_shape()[0]];
                direction = Some(push(&mut layout.statistics, name("direction"), coarse));
            }
            if layer.normalised {
                scale = Some(push(&mut layout.parameters, name("scale"), channels.clone()));
                let mean = push(&mut layout.statistics, name("moving_mean"), channels.clone());
                moving = Some((mean, push(&mut layout.statistics, name("moving_variance"), channels)));
            }
            layout.layers.push(LayerEntries { kernel, shift, scale, gain, moving, direction });
        }
        layout
    }

    /// Length of the vector of parameters.
    pub fn parameter_count(&self) -> usize {
        end(&self.parameters)
    }

    /// Length of the vector of statistics.
    pub fn statistic_count(&self) -> usize {
        end(&self.statistics)
    }

    /// Initial parameters: kernels Glorot uniform, shifts 0, scales 1, gains 0.1.
    pub fn initial_parameters(&self, rng: &mut impl Rng) -> Vec<f32> {
        let mut values = vec![0.0; self.parameter_count()];
        for entry in &self.parameters {
            if let [coarse, fine, ref taps @ ..] = entry.shape[..] {
                let fan_sum = (coarse + fine) * taps.iter().product::<usize>();
                let limit = (6.0 / fan_sum as f32).sqrt();
                let uniform = Uniform::new(-limit, limit).expect("the limit is finite and positive");
                values[entry.range.clone()].fill_with(|| rng.sample(uniform));
            } else if entry.name.ends_with("scale") {
                values[entry.range.clone()].fill(1.0);
            } else if entry.name.ends_with("gain") {
                values[entry.range.clone()].fill(INITIAL_GAIN);
            }
        }
        values
    }

    /// Initial statistics: means 0, variances 1, all components of singular vectors 1.
    pub fn initial_statistics(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.statistic_count()];
        for entry in self.statistics.iter().filter(|entry| !entry.name.ends_with("mean")) {
            values[entry.range.clone()].fill(1.0);
        }
        values
    }
}

/// The part `range` of `vector`, as a vector.
pub fn part(vector: &Tensor<1>, range: &Range<usize>) -> Tensor<1> {
    vector.clone().slice(range.clone())
}

fn push(entries: &mut Vec<Entry>, name: String, shape: Vec<usize>) -> Range<usize> {
    let start = end(entries);
    let range = start..start + shape.iter().product::<usize>();
    entries.push(Entry { name, shape, range: range.clone() });
    range
}

fn end(entries: &[Entry]) -> usize {
    entries.last().map_or(0, |entry| entry.range.end)
}
