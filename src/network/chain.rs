//! A network: a chain of layers over one vector of parameters and one of moving statistics.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::{Device, Tensor, TensorData};

use super::architecture::LayerSpec;
use super::cpu::{self, CpuSlice, FoldedNetwork, Workspace};
use super::encoding::{DevicePhases, not_numbers};
use super::layer::{self, BatchStatistics, Constants, LayerTape, LayerWeights};
use super::parameters::{LayerEntries, ParameterLayout, part};
use super::spectral::{self, Normalised};
use crate::Result;

/// A chain of layers with their weights on a device.
#[derive(Debug, Clone)]
pub struct Network {
    layers: Vec<LayerSpec>,
    layout: ParameterLayout,
    constants: Constants,
    /// What does the work on the processor, in `f32`; Burn's primitives do it everywhere else.
    kernels: Workspace,
    /// Everything that is learned, in the order of [`ParameterLayout::parameters`].
    pub parameters: Tensor<1>,
    /// Moving means and variances, in the order of [`ParameterLayout::statistics`].
    pub statistics: Tensor<1>,
}

/// What a forward pass leaves behind for backward passes; it may serve several.
pub struct Tape {
    /// What the network gave, `[n, channels, height, width]`.
    pub output: Tensor<4>,
    passed: Passed,
    /// What the parameters were turned to first, where kernels are spectrally normalised.
    spectral: Option<Normalised>,
}

enum Passed {
    Primitives(Vec<LayerTape>),
    Fused(cpu::CpuTape),
}

/// A forward pass to phases that has begun.
pub enum PendingPhases {
    /// On the processor, with what goes in.
    Cpu(Box<Network>, Tensor<4>),
    /// Elsewhere.
    Device(DevicePhases),
}

impl PendingPhases {
    /// The most probable phase of each pixel, `[n, height, width]`.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`](crate::Error::Diverged) if a logit is not a number, and those of reading tensors back.
    pub fn read(self, to: &mut [u8]) -> Result<()> {
        match self {
            Self::Cpu(network, input) => network.fused_phases(&input, to),
            Self::Device(found) => found.read(to),
        }
    }
}

impl Network {
    /// A network of `layers` with the given vectors, whose lengths are those of [`ParameterLayout::new`].
    pub fn new(
        layers: Vec<LayerSpec>,
        constants: Constants,
        parameters: Vec<f32>,
        statistics: Vec<f32>,
        device: &Device,
    ) -> Self {
        let layout = ParameterLayout::new(&layers);
        let vector = |values: Vec<f32>| {
            let length = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [length]), device)
        };
        let (parameters, statistics) = (vector(parameters), vector(statistics));
        Self { layers, layout, constants, kernels: Workspace::new(), parameters, statistics }
    }

    /// Where each weight lies.
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// Forward pass with the statistics of the batch, which also move the moving ones.
    pub fn forward_train(&mut self, input: Tensor<4>) -> Tape {
        if self.is_spectral() {
            return self.forward_spectral(input);
        }
        let (tape, moved) = self.forward_fused(&input).unwrap_or_else(|| self.forward_primitives(input));
        if let Some(moved) = moved {
            let momentum = self.constants.norm_momentum;
            self.statistics = self.statistics.clone() * momentum + moved * (1.0 - momentum);
        }
        tape
    }

    /// Replaces the moving statistics by the mean of those of `batches`.
    pub fn measure_statistics(&mut self, batches: impl Iterator<Item = Tensor<4>>) {
        let momentum = self.constants.norm_momentum;
        for (count, batch) in (1..).zip(batches) {
            // Of the first batch alone, half of the second, a third of the third.
            self.constants.norm_momentum = 1.0 - 1.0 / f64::from(count);
            self.forward_train(batch);
        }
        self.constants.norm_momentum = momentum;
    }

    fn is_spectral(&self) -> bool {
        self.layers.iter().any(|layer| layer.spectral)
    }

    /// Forward pass with normalised kernels, which moves the directions that normalise them.
    fn forward_spectral(&mut self, input: Tensor<4>) -> Tape {
        let (normalised, directions) = spectral::normalise(&self.layout, &self.parameters, &self.statistics);
        self.statistics = directions;
        let network = self.with(normalised.parameters.clone());
        let (tape, _) = network.forward_fused(&input).unwrap_or_else(|| network.forward_primitives(input));
        Tape { spectral: Some(normalised), ..tape }
    }

    /// The same network with other parameters.
    fn with(&self, parameters: Tensor<1>) -> Self {
        Self { parameters, ..self.clone() }
    }

    /// The tape, and means and variances of the batch if any layer has them.
    fn forward_fused(&self, input: &Tensor<4>) -> Option<(Tape, Option<Tensor<1>>)> {
        let (kernels, parameters) = self.fused()?;
        let (values, shape) = (CpuSlice::of(input)?, input.dims());
        let passed = kernels.forward_train(
            &self.layers,
            &self.layout,
            &self.constants,
            parameters.as_slice(),
            (values.as_slice(), shape),
        );
        let (output, shape) = passed.output();
        let moved: Vec<f32> = passed.statistics().collect();
        let length = moved.len();
        let moved = (length > 0).then(|| cpu::tensor(moved, [length]));
        Some((Tape { output: cpu::tensor(output, shape), passed: Passed::Fused(passed), spectral: None }, moved))
    }

    fn forward_primitives(&self, input: Tensor<4>) -> (Tape, Option<Tensor<1>>) {
        let mut tapes: Vec<LayerTape> = Vec::with_capacity(self.layers.len());
        let mut moved = Vec::new();
        let mut values = input;
        for (spec, entries) in self.layers.iter().zip(&self.layout.layers) {
            let (tape, statistics) = layer::forward_train(spec, &self.weights(entries, spec), &self.constants, values);
            if let Some(BatchStatistics { mean, variance }) = statistics {
                moved.extend([mean, variance]);
            }
            values = tape.output.clone();
            tapes.push(tape);
        }
        let moved = (!moved.is_empty()).then(|| Tensor::cat(moved, 0));
        (Tape { output: values, passed: Passed::Primitives(tapes), spectral: None }, moved)
    }

    /// The fused kernels with the parameters, if these are on the processor in `f32`.
    fn fused(&self) -> Option<(&Workspace, CpuSlice)> {
        Some((&self.kernels, CpuSlice::of(&self.parameters)?))
    }

    /// Forward pass with the moving statistics: each image's output depends on that image alone.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        if self.is_spectral() {
            let (normalised, _) = spectral::normalise(&self.layout, &self.parameters, &self.statistics);
            return self.with(normalised.parameters).forward_moving(input);
        }
        self.forward_moving(input)
    }

    fn forward_moving(&self, input: Tensor<4>) -> Tensor<4> {
        if CpuSlice::of(&input).is_some() {
            let shape = self.output_shape(input.dims());
            let mut output = vec![0.0; shape.iter().product()];
            if self.forward_fixed(&input, &mut output, cpu::export_to) {
                return cpu::tensor(output, shape);
            }
        }
        let mut values = input;
        for (spec, entries) in self.layers.iter().zip(&self.layout.layers) {
            let moving = entries.moving.as_ref().map(|(mean, variance)| BatchStatistics {
                mean: part(&self.statistics, mean),
                variance: part(&self.statistics, variance),
            });
            values = layer::forward(spec, &self.weights(entries, spec), moving, &self.constants, values);
        }
        values
    }

    /// Begins the forward pass of a generator to the most probable phase of each pixel. An accelerator is at work on it when
    /// this returns; the processor does it all in [`PendingPhases::read`].
    pub fn begin_phases(&self, input: Tensor<4>) -> PendingPhases {
        if self.fused().is_some() && CpuSlice::of(&input).is_some() {
            return PendingPhases::Cpu(Box::new(self.clone()), input);
        }
        let device = input.device();
        let found = DevicePhases::new(self.forward(input));
        // Not to wait for more work before it begins with this. A failure shows when the phases are read.
        let _ = device.flush();
        PendingPhases::Device(found)
    }

    /// [`begin_phases`](Self::begin_phases) with the fused kernels.
    fn fused_phases(&self, input: &Tensor<4>, to: &mut [u8]) -> Result<()> {
        let sound = AtomicBool::new(true);
        let finish = |grid: &_, logits: &[f32], to: &mut [u8]| {
            if !cpu::phases(grid, logits, to) {
                sound.store(false, Ordering::Relaxed);
            }
        };
        if !self.forward_fixed(input, to, finish) {
            return DevicePhases::new(self.forward(input.clone())).read(to);
        }
        if sound.into_inner() { Ok(()) } else { Err(not_numbers()) }
    }

    /// Forward pass with the fused kernels if that is possible, which is what it returns.
    fn forward_fixed<T: Send>(
        &self,
        input: &Tensor<4>,
        output: &mut [T],
        finish: impl Fn(&cpu::Grid, &[f32], &mut [T]) + Sync,
    ) -> bool {
        let (Some((kernels, parameters)), Some(values), Some(statistics)) =
            (self.fused(), CpuSlice::of(input), CpuSlice::of(&self.statistics))
        else {
            return false;
        };
        let (parameters, statistics) = (parameters.as_slice(), statistics.as_slice());
        let fixed = FoldedNetwork::new(&self.layers, &self.layout, &self.constants, parameters, statistics);
        kernels.forward(&fixed, (values.as_slice(), input.dims()), output, finish);
        true
    }

    /// Shape of what comes out for what comes in.
    fn output_shape(&self, [n, _, side, _]: [usize; 4]) -> [usize; 4] {
        let side = self.layers.iter().fold(side, |side, layer| layer.output_side(side));
        [n, self.layers.last().map_or(0, |layer| layer.outputs), side, side]
    }

    /// Gradient by the parameters, in the order of [`ParameterLayout::parameters`], for a gradient by the output of `tape`.
    pub fn backward_parameters(&self, tape: &Tape, gradient: Tensor<4>) -> Tensor<1> {
        if let Some(normalised) = &tape.spectral {
            let by_normalised = self.with(normalised.parameters.clone()).backward_weights(&tape.passed, gradient);
            return normalised.backward(by_normalised);
        }
        self.backward_weights(&tape.passed, gradient)
    }

    /// Gradient by the parameters that the layers worked with.
    fn backward_weights(&self, passed: &Passed, gradient: Tensor<4>) -> Tensor<1> {
        match passed {
            Passed::Primitives(layers) => self.backward_parameters_primitives(layers, gradient),
            Passed::Fused(passed) => {
                let (kernels, parameters, gradient) = self.fused_with(&gradient);
                let (layout, constants) = (&self.layout, &self.constants);
                let (parameters, gradient) = (parameters.as_slice(), gradient.as_slice());
                let by_parameters = kernels.backward_parameters(layout, constants, parameters, passed, gradient);
                let length = by_parameters.len();
                cpu::tensor(by_parameters, [length])
            }
        }
    }

    /// Gradient by the input, for a gradient by the output of `tape`.
    pub fn backward_input(&self, tape: &Tape, gradient: Tensor<4>) -> Tensor<4> {
        match &tape.spectral {
            Some(normalised) => self.with(normalised.parameters.clone()).backward_image(&tape.passed, gradient),
            None => self.backward_image(&tape.passed, gradient),
        }
    }

    /// Gradient by the input, with the parameters that the layers worked with.
    fn backward_image(&self, passed: &Passed, gradient: Tensor<4>) -> Tensor<4> {
        match passed {
            Passed::Primitives(layers) => self.backward_input_primitives(layers, gradient),
            Passed::Fused(passed) => {
                let (kernels, parameters, gradient) = self.fused_with(&gradient);
                let (layout, constants) = (&self.layout, &self.constants);
                let (parameters, gradient) = (parameters.as_slice(), gradient.as_slice());
                let (by_input, shape) = kernels.backward_input(layout, constants, parameters, passed, gradient);
                cpu::tensor(by_input, shape)
            }
        }
    }

    /// What a backward pass of the fused kernels works with.
    fn fused_with(&self, gradient: &Tensor<4>) -> (&Workspace, CpuSlice, CpuSlice) {
        let (kernels, parameters) = self.fused().expect("the forward pass had them");
        (kernels, parameters, CpuSlice::of(gradient).expect("a gradient is where the network is"))
    }

    fn backward_parameters_primitives(&self, tapes: &[LayerTape], gradient: Tensor<4>) -> Tensor<1> {
        let mut layers = Vec::with_capacity(self.layers.len());
        let mut gradient = gradient;
        for index in (0..self.layers.len()).rev() {
            let (spec, tape) = (&self.layers[index], &tapes[index]);
            let weights = self.weights(&self.layout.layers[index], spec);
            let inner = layer::backward_inner(spec, &weights, &self.constants, tape, gradient.clone());
            layers.push(layer::backward_weights(spec, tape, &inner));
            if index > 0 {
                gradient = layer::backward_input(spec, &weights, inner);
            }
        }
        let mut parts = Vec::with_capacity(self.layout.parameters.len());
        for gradients in layers.into_iter().rev() {
            parts.push(gradients.kernel.flatten(0, 3));
            parts.push(gradients.shift);
            parts.extend(gradients.scale);
        }
        Tensor::cat(parts, 0)
    }

    fn backward_input_primitives(&self, tapes: &[LayerTape], gradient: Tensor<4>) -> Tensor<4> {
        let mut gradient = gradient;
        for (index, tape) in tapes.iter().enumerate().rev() {
            let spec = &self.layers[index];
            let weights = self.weights(&self.layout.layers[index], spec);
            let inner = layer::backward_inner(spec, &weights, &self.constants, tape, gradient);
            gradient = layer::backward_input(spec, &weights, inner);
        }
        gradient
    }

    fn weights(&self, entries: &LayerEntries, spec: &LayerSpec) -> LayerWeights {
        LayerWeights {
            kernel: part(&self.parameters, &entries.kernel).reshape(spec.kernel_shape()),
            shift: part(&self.parameters, &entries.shift),
            scale: entries.scale.as_ref().map(|range| part(&self.parameters, range)),
        }
    }
}

#[cfg(test)]
mod tests;
