//! One layer, forward and backward.
//!
//! The backward pass is written out instead of automatic differentiation: one forward pass of the generator serves two
//! output gradients (Eq. 7 for its own weights, Eq. 3 for the encoder), and gradients that no loss needs are not computed.
//! Tests compare it with finite differences and with PyTorch.

use burn_tensor::Tensor;

use super::convolution::{conv, conv_transpose, kernel_gradient};
use crate::network::architecture::{LEAKY_SLOPE, LayerKind, LayerSpec, NORM_EPSILON};

/// The weights of one layer.
pub struct LayerWeights {
    /// `[coarse, fine, depth, 4, 4]`.
    pub kernel: Tensor<5>,
    /// `[channels]`: bias, or the shift of the normalisation.
    pub shift: Tensor<1>,
    /// `[channels]`: scale of the normalisation.
    pub scale: Option<Tensor<1>>,
    /// `[channels]`: gain of the noise.
    pub gain: Option<Tensor<1>>,
}

/// Values of the forward pass that the backward pass needs.
pub struct LayerTape {
    input: Tensor<5>,
    noise: Option<Tensor<5>>,
    normalised: Option<Normalised>,
    /// The layer's output, `[n, channels, depth, height, width]`.
    pub output: Tensor<5>,
}

struct Normalised {
    values: Tensor<5>,
    inverse_deviation: Tensor<5>,
}

/// Mean and biased variance of a batch, `[channels]` each.
pub struct BatchStatistics {
    /// Mean over batch and space.
    pub mean: Tensor<1>,
    /// Variance over batch and space, divided by the number of values.
    pub variance: Tensor<1>,
}

/// Forward pass with the statistics of the batch.
pub fn forward_train(
    spec: &LayerSpec,
    weights: &LayerWeights,
    input: Tensor<5>,
    noise: Option<Tensor<5>>,
) -> (LayerTape, Option<BatchStatistics>) {
    let linear = with_noise(convolve(spec, weights, input.clone()), weights, noise.as_ref());
    let shift = per_channel(weights.shift.clone());
    let Some(scale) = &weights.scale else {
        let output = activate(spec, linear + shift);
        return (LayerTape { input, noise, normalised: None, output }, None);
    };
    let mean = mean_per_channel(linear.clone());
    let centred = linear - mean.clone();
    let variance = mean_per_channel(centred.clone().square());
    let inverse_deviation = (variance.clone() + NORM_EPSILON).sqrt().recip();
    let values = centred * inverse_deviation.clone();
    let output = activate(spec, values.clone() * per_channel(scale.clone()) + shift);
    let statistics = BatchStatistics { mean: mean.reshape([spec.outputs]), variance: variance.reshape([spec.outputs]) };
    let normalised = Some(Normalised { values, inverse_deviation });
    (LayerTape { input, noise, normalised, output }, Some(statistics))
}

/// Forward pass with the moving statistics, as in generation: each image's output depends on that image alone.
pub fn forward(
    spec: &LayerSpec,
    weights: &LayerWeights,
    moving: Option<BatchStatistics>,
    input: Tensor<5>,
    noise: Option<Tensor<5>>,
) -> Tensor<5> {
    let linear = with_noise(convolve(spec, weights, input), weights, noise.as_ref());
    let shift = weights.shift.clone();
    let (scaled, shift) = match (&weights.scale, moving) {
        (Some(scale), Some(moving)) => {
            let scale = scale.clone() / (moving.variance + NORM_EPSILON).sqrt();
            (linear * per_channel(scale.clone()), shift - moving.mean * scale)
        }
        _ => (linear, shift),
    };
    activate(spec, scaled + per_channel(shift))
}

/// Gradients with respect to the result of the convolution and to what follows it.
pub struct InnerGradients {
    linear: Tensor<5>,
    /// Of bias or shift.
    pub shift: Tensor<1>,
    /// Of the scale.
    pub scale: Option<Tensor<1>>,
    /// Of the gain.
    pub gain: Option<Tensor<1>>,
}

/// From the gradient with respect to the output back through activation, normalisation and noise.
pub fn backward_inner(
    spec: &LayerSpec,
    weights: &LayerWeights,
    tape: &LayerTape,
    gradient: Tensor<5>,
) -> InnerGradients {
    let gradient = if spec.activated {
        // At zero the slope applies, as in PyTorch and TensorFlow: in the first step black pixels give zeros.
        let not_positive = tape.output.clone().lower_equal_elem(0.0);
        gradient.clone().mask_where(not_positive, gradient * LEAKY_SLOPE)
    } else {
        gradient
    };
    let channels = [spec.outputs];
    let (Some(normalised), Some(scale)) = (&tape.normalised, &weights.scale) else {
        let shift = sum_per_channel(gradient.clone()).reshape(channels);
        let gain = by_gain(spec, tape, &gradient);
        return InnerGradients { linear: gradient, shift, scale: None, gain };
    };
    let count = count_per_channel(&gradient);
    let by_shift = sum_per_channel(gradient.clone());
    let by_scale = sum_per_channel(gradient.clone() * normalised.values.clone());
    let factor = per_channel(scale.clone()) * normalised.inverse_deviation.clone();
    let through_statistics = by_shift.clone() / count + normalised.values.clone() * (by_scale.clone() / count);
    let gradient = (gradient - through_statistics) * factor;
    InnerGradients {
        gain: by_gain(spec, tape, &gradient),
        linear: gradient,
        shift: by_shift.reshape(channels),
        scale: Some(by_scale.reshape(channels)),
    }
}

/// Gradient with respect to the layer's kernel.
pub fn backward_kernel(spec: &LayerSpec, tape: &LayerTape, inner: &InnerGradients) -> Tensor<5> {
    let (input, linear) = (tape.input.clone(), inner.linear.clone());
    match spec.kind {
        LayerKind::Conv => kernel_gradient(input, linear, spec),
        LayerKind::ConvTranspose => kernel_gradient(linear, input, spec),
    }
}

/// Gradient with respect to the layer's input.
pub fn backward_input(spec: &LayerSpec, weights: &LayerWeights, inner: InnerGradients) -> Tensor<5> {
    match spec.kind {
        LayerKind::Conv => conv_transpose(inner.linear, weights.kernel.clone(), spec),
        LayerKind::ConvTranspose => conv(inner.linear, weights.kernel.clone(), spec),
    }
}

/// Adds noise, `[n, 1, depth, height, width]`, with the gain of each channel.
fn with_noise(values: Tensor<5>, weights: &LayerWeights, noise: Option<&Tensor<5>>) -> Tensor<5> {
    match (noise, &weights.gain) {
        (Some(noise), Some(gain)) => values + noise.clone() * per_channel(gain.clone()),
        _ => values,
    }
}

/// Gradient with respect to the gains of the noise, from that with respect to what the noise was added to.
fn by_gain(spec: &LayerSpec, tape: &LayerTape, gradient: &Tensor<5>) -> Option<Tensor<1>> {
    let by_gain = |by: Tensor<5>| sum_per_channel(by).reshape([spec.outputs]);
    spec.noisy.then(|| match &tape.noise {
        Some(noise) => by_gain(gradient.clone() * noise.clone()),
        None => by_gain(gradient.zeros_like()),
    })
}

fn convolve(spec: &LayerSpec, weights: &LayerWeights, input: Tensor<5>) -> Tensor<5> {
    match spec.kind {
        LayerKind::Conv => conv(input, weights.kernel.clone(), spec),
        LayerKind::ConvTranspose => conv_transpose(input, weights.kernel.clone(), spec),
    }
}

fn activate(spec: &LayerSpec, values: Tensor<5>) -> Tensor<5> {
    if spec.activated { burn_tensor::activation::leaky_relu(values, LEAKY_SLOPE) } else { values }
}

fn per_channel(values: Tensor<1>) -> Tensor<5> {
    let [channels] = values.dims();
    values.reshape([1, channels, 1, 1, 1])
}

fn sum_per_channel(values: Tensor<5>) -> Tensor<5> {
    let [n, channels, depth, height, width] = values.dims();
    let of_images: Tensor<3> = values.reshape([n, channels, depth * height * width]).sum_dim(2);
    of_images.sum_dim(0).reshape([1, channels, 1, 1, 1])
}

fn mean_per_channel(values: Tensor<5>) -> Tensor<5> {
    let count = count_per_channel(&values);
    sum_per_channel(values) / count
}

fn count_per_channel(values: &Tensor<5>) -> f64 {
    let [n, _, depth, height, width] = values.dims();
    (n * depth * height * width) as f64
}
