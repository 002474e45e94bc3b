//! A network: a chain of layers over one vector of parameters and one of moving statistics.

use burn_tensor::{Device, Tensor, TensorData};

use super::architecture::{LayerSpec, NORM_MOMENTUM, output_sides};
use super::cpu::KernelWorkspace;
use super::kernels::{Passed, kernels};
use super::parameters::ParameterLayout;
use super::spectral::Normalised;
use crate::Result;
use crate::device::instructions;

/// A chain of layers with their weights on a device.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) layers: Vec<LayerSpec>,
    pub(super) layout: ParameterLayout,
    pub(super) workspace: KernelWorkspace,
    /// Learned parameters, in the order of [`ParameterLayout::parameters`].
    pub(crate) parameters: Tensor<1>,
    /// Moving means and variances, in the order of [`ParameterLayout::statistics`].
    pub(crate) statistics: Tensor<1>,
}

/// What a network takes.
#[derive(Debug, Clone)]
pub struct Input {
    /// Images or latents, `[n, channels, depth, height, width]`.
    pub values: Tensor<5>,
    /// Noise of each noisy layer, `[n, 1, depth, height, width]` of its output; none at all for zeros.
    pub noise: Vec<Tensor<5>>,
}

impl From<Tensor<5>> for Input {
    fn from(values: Tensor<5>) -> Self {
        Self { values, noise: Vec::new() }
    }
}

/// A forward pass, for one or several backward passes.
pub struct Tape {
    /// Output of the network, `[n, channels, depth, height, width]`.
    pub(crate) output: Tensor<5>,
    passed: Box<dyn Passed>,
    /// The parameters of the pass, if kernels are spectrally normalised.
    spectral: Option<Box<dyn Normalised>>,
}

/// A forward pass to phases that was started, as the function that completes it.
pub struct PendingPhases(pub(super) ReadPhases);

/// Writes the phases of all pixels to a buffer.
pub(super) type ReadPhases = Box<dyn FnOnce(&mut [u8]) -> Result<()> + Send>;

impl PendingPhases {
    /// Writes the most probable phase of each pixel, `[n, depth, height, width]`.
    ///
    /// # Errors
    ///
    /// [`Diverged`](crate::Error::Diverged) if a logit is NaN, [`Device`](crate::Error::Device) if the device failed.
    pub fn read(self, to: &mut [u8]) -> Result<()> {
        self.0(to)
    }
}

impl Network {
    /// A network of `layers` with the given vectors, whose lengths are those of [`ParameterLayout::new`].
    pub fn new(layers: Vec<LayerSpec>, parameters: Vec<f32>, statistics: Vec<f32>, device: &Device) -> Self {
        let layout = ParameterLayout::new(&layers);
        let vector = |values: Vec<f32>| {
            let length = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [length]), device)
        };
        let (parameters, statistics) = (vector(parameters), vector(statistics));
        Self { layers, layout, workspace: KernelWorkspace::new(instructions()), parameters, statistics }
    }

    /// Its first `count` layers, and those behind them, each as a network.
    pub fn split(&self, count: usize) -> [Self; 2] {
        let of = |layers: &[LayerSpec], parameters: usize, statistics: usize| {
            let layout = ParameterLayout::new(layers);
            Self {
                layers: layers.to_vec(),
                parameters: narrow(&self.parameters, parameters, layout.parameter_count()),
                statistics: narrow(&self.statistics, statistics, layout.statistic_count()),
                workspace: KernelWorkspace::new(instructions()),
                layout,
            }
        };
        let first = of(&self.layers[..count], 0, 0);
        let [parameters, statistics] = [first.layout.parameter_count(), first.layout.statistic_count()];
        let second = of(&self.layers[count..], parameters, statistics);
        [first, second]
    }

    /// Its layers.
    pub fn layers(&self) -> &[LayerSpec] {
        &self.layers
    }

    /// Where each weight lies.
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// Forward pass with the statistics of the batch, which also updates the moving ones.
    pub fn forward_train(&mut self, input: impl Into<Input>) -> Tape {
        self.forward_and_move(input.into(), NORM_MOMENTUM)
    }

    /// [`forward_train`](Self::forward_train), after which so much of the moving statistics is still of before.
    fn forward_and_move(&mut self, input: Input, momentum: f64) -> Tape {
        if self.is_spectral() {
            let (normalised, directions) = self.normalise_spectrally();
            self.statistics = directions;
            let (tape, _) = self.with(normalised.parameters().clone()).forward_batch(input);
            return Tape { spectral: Some(normalised), ..tape };
        }
        let (tape, moments) = self.forward_batch(input);
        if let Some(moments) = moments {
            kernels(&moments).move_towards(&mut self.statistics, moments, momentum);
        }
        tape
    }

    /// The pass, and means and variances of the batch if there are normalisations.
    fn forward_batch(&self, input: Input) -> (Tape, Option<Tensor<1>>) {
        let (passed, output, moments) = kernels(&input.values).forward_train(self, input);
        (Tape { output, passed, spectral: None }, moments)
    }

    /// Replaces the moving statistics by the mean of those of `batches`.
    pub fn measure_statistics(&mut self, batches: impl Iterator<Item = Input>) {
        for (count, batch) in (1..).zip(batches) {
            // A running mean: the n-th batch counts 1/n.
            self.forward_and_move(batch, 1.0 - 1.0 / f64::from(count));
        }
    }

    fn is_spectral(&self) -> bool {
        self.layers.iter().any(|layer| layer.spectral)
    }

    fn normalise_spectrally(&self) -> (Box<dyn Normalised>, Tensor<1>) {
        kernels(&self.parameters).normalise_spectrally(&self.layout, &self.parameters, &self.statistics)
    }

    /// The same network with other parameters.
    fn with(&self, parameters: Tensor<1>) -> Self {
        Self { parameters, ..self.clone() }
    }

    /// The same network in the form that is fastest for [`forward`](Self::forward) and
    /// [`begin_phases`](Self::begin_phases), and good for these alone.
    pub(crate) fn for_inference(&self) -> Self {
        kernels(&self.parameters).for_inference(self)
    }

    /// Forward pass with the moving statistics: each image's output depends on that image alone.
    pub fn forward(&self, input: impl Into<Input>) -> Tensor<5> {
        let input = input.into();
        let kernels = kernels(&input.values);
        if self.is_spectral() {
            let (normalised, _) = self.normalise_spectrally();
            return kernels.forward(&self.with(normalised.parameters().clone()), input);
        }
        kernels.forward(self, input)
    }

    /// Starts the forward pass of a generator to the most probable phase of each pixel. An accelerator works on it when
    /// this returns; the CPU computes it in `PendingPhases::read`.
    ///
    /// `biases`, `[1, channels, depth, height, width]` of the output, are added to the logits of each image.
    pub fn begin_phases(&self, input: impl Into<Input>, biases: Option<Tensor<5>>) -> PendingPhases {
        let input = input.into();
        kernels(&input.values).phases(self, input, biases)
    }

    /// Shape of the output for an input of the given shape.
    pub(super) fn output_shape(&self, [n, _, depth, height, width]: [usize; 5]) -> [usize; 5] {
        let [depth, height, width] = output_sides(&self.layers, [depth, height, width]);
        [n, self.layers.last().map_or(0, |layer| layer.outputs), depth, height, width]
    }

    /// Gradient with respect to the parameters, in the order of [`ParameterLayout::parameters`], from that with respect to
    /// the output of `tape`.
    pub fn backward_parameters(&self, tape: &Tape, gradient: Tensor<5>) -> Tensor<1> {
        let Tape { passed, spectral, .. } = tape;
        let Some(normalised) = spectral else { return passed.backward_parameters(self, gradient) };
        let network = self.with(normalised.parameters().clone());
        normalised.backward(passed.backward_parameters(&network, gradient))
    }

    /// Gradient with respect to the input, from that with respect to the output of `tape`.
    pub fn backward_input(&self, tape: &Tape, gradient: Tensor<5>) -> Tensor<5> {
        let Tape { passed, spectral, .. } = tape;
        match spectral {
            Some(normalised) => passed.backward_input(&self.with(normalised.parameters().clone()), gradient),
            None => passed.backward_input(self, gradient),
        }
    }
}

/// A part of a vector. Burn has no narrowing to nothing.
fn narrow(vector: &Tensor<1>, first: usize, length: usize) -> Tensor<1> {
    if length == 0 {
        return Tensor::from_data(TensorData::new(Vec::<f32>::new(), [0]), &vector.device());
    }
    vector.clone().narrow(0, first, length)
}

#[cfg(test)]
mod tests;
