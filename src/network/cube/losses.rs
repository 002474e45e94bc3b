//! Losses and samples between the networks, with their gradients.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::forward::value_of;
use super::likelihood::{Images, sigmoid, softplus};
use super::sums::{WORKGROUP, first_of_workgroup, sum_over_workgroup};
use crate::network::kernels::AdversarialStream;

/// Most streams of an adversarial loss.
const MOST_STREAMS: usize = 3;

/// Takes a gradient by probabilities back to the logits, and adds another one. A thread has a pixel.
#[cube(launch_unchecked)]
fn probabilities_backward_kernel(
    probabilities: &[f32],
    gradient: &[f32],
    other: ComptimeOption<&[f32]>,
    output: &mut [f32],
    positions: usize,
    pixels: usize,
    channels: usize,
    weight: f32,
    #[comptime] has_other: bool,
    #[comptime] is_binary: bool,
) {
    let position = first_of_workgroup() + UNIT_POS as usize;
    if position < positions {
        let first = position / pixels * channels * pixels + position % pixels;
        let mut sum = 0.0f32;
        if comptime!(!is_binary) {
            for channel in 0..channels {
                let at = first + channel * pixels;
                sum += gradient[at] * probabilities[at];
            }
        }
        for channel in 0..channels {
            let at = first + channel * pixels;
            let probability = probabilities[at];
            let mut by_logit = gradient[at] * probability;
            if comptime!(is_binary) {
                by_logit = gradient[at] * (probability - probability * probability);
            } else {
                by_logit -= probability * sum;
            }
            if comptime!(has_other) {
                by_logit += value_of(&other, at) * weight;
            }
            output[at] = by_logit;
        }
    }
}

/// What each of up to [`MOST_STREAMS`] streams counts.
#[derive(CubeType, CubeLaunch)]
struct StreamScalars {
    images: usize,
    is_real_0: u32,
    is_real_1: u32,
    is_real_2: u32,
    weight_0: f32,
    weight_1: f32,
    weight_2: f32,
}

/// The adversarial loss and its gradient. One workgroup.
#[cube(launch_unchecked)]
fn adversarial_kernel(logits: &[f32], value: &mut [f32], gradient: &mut [f32], length: usize, streams: StreamScalars) {
    let images = f32::cast_from(streams.images);
    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    for i in range_stepped(UNIT_POS as usize, length, WORKGROUP) {
        let stream = i / streams.images;
        let is_real = select(stream == 0, streams.is_real_0, select(stream == 1, streams.is_real_1, streams.is_real_2));
        let weight = select(stream == 0, streams.weight_0, select(stream == 1, streams.weight_1, streams.weight_2));
        let logit = logits[i];
        let target = f32::cast_from(is_real);
        sum[0] += softplus(select(is_real == 1, -logit, logit)) / images * weight;
        gradient[i] = (sigmoid(logit) - target) / images * weight;
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    if UNIT_POS == 0 {
        value[0] = sum[0];
    }
}

/// Samples of posteriors. A thread has a latent.
#[cube(launch_unchecked)]
fn sample_kernel(encoded: &[f32], noise: &[f32], output: &mut [f32], length: usize, latents: usize) {
    let i = first_of_workgroup() + UNIT_POS as usize;
    if i < length {
        let mean = i / latents * 2 * latents + i % latents;
        output[i] = encoded[mean] + (encoded[mean + latents] * 0.5).exp() * noise[i];
    }
}

/// The Kullback-Leibler divergence and its gradient. One workgroup.
#[cube(launch_unchecked)]
fn divergence_kernel(
    encoded: &[f32],
    prior_mean: &[f32],
    prior_deviation: &[f32],
    mean_scale: &[f32],
    deviation_scale: &[f32],
    value: &mut [f32],
    by_encoded: &mut [f32],
    length: usize,
    latents: usize,
    divisor: f32,
) {
    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    for i in range_stepped(UNIT_POS as usize, length, WORKGROUP) {
        let mean = i / latents * 2 * latents + i % latents;
        let deviation = prior_deviation[i] * deviation_scale[i];
        let inverse_variance = 1.0 / (deviation * deviation);
        let offset = (encoded[mean] - prior_mean[i]) * mean_scale[i];
        let log_deviation = encoded[mean + latents] * 0.5 + deviation_scale[i].ln();
        let ratio = (log_deviation * 2.0).exp() * inverse_variance;
        sum[0] += deviation.ln() - log_deviation + (ratio + offset * offset * inverse_variance) * 0.5 - 0.5;
        by_encoded[mean] = offset * mean_scale[i] * inverse_variance / divisor;
        by_encoded[mean + latents] = (ratio - 1.0) * (0.5 / divisor);
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    if UNIT_POS == 0 {
        value[0] = sum[0] / divisor;
    }
}

/// The gradient by what the encoder gave. A thread has a latent.
#[cube(launch_unchecked)]
fn posterior_backward_kernel(
    encoded: &[f32],
    noise: &[f32],
    by_samples: &[f32],
    other: &[f32],
    output: &mut [f32],
    length: usize,
    latents: usize,
    weight: f32,
) {
    let i = first_of_workgroup() + UNIT_POS as usize;
    if i < length {
        let mean = i / latents * 2 * latents + i % latents;
        let log_variance = mean + latents;
        let through_deviation = by_samples[i] * noise[i] * (encoded[log_variance] * 0.5).exp() * 0.5;
        output[mean] = by_samples[i] + other[mean] * weight;
        output[log_variance] = through_deviation + other[log_variance] * weight;
    }
}

/// L_Enc, L_Disc, L_Gen, L_Rec and L_KLD added to their sums.
#[cube(launch_unchecked)]
fn add_losses_kernel(
    sums: &[f32],
    discriminator: &[f32],
    adversarial: &[f32],
    reconstruction: &[f32],
    divergence: &[f32],
    output: &mut [f32],
    beta: f32,
    lambda_rec: f32,
) {
    if UNIT_POS == 0 {
        output[0] = sums[0] + (divergence[0] * beta + reconstruction[0]);
        output[1] = sums[1] + discriminator[0];
        output[2] = sums[2] + (adversarial[0] + reconstruction[0] * lambda_rec);
        output[3] = sums[3] + reconstruction[0];
        output[4] = sums[4] + divergence[0];
    }
}

/// Takes a gradient by probabilities back to the logits, and adds another one with its weight.
pub fn probabilities_backward(
    on: &Accelerator,
    [probabilities, gradient]: [&Buffer; 2],
    other: Option<(&Buffer, f64)>,
    images: Images,
) -> Buffer {
    let output = on.empty(probabilities.len());
    // SAFETY: the kernel reads and writes images of this shape.
    unsafe {
        probabilities_backward_kernel::launch_unchecked(
            &on.client,
            workgroups(images.positions.div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            probabilities.arg(),
            gradient.arg(),
            other.map(|(other, _)| other.arg()).into(),
            output.arg(),
            images.positions,
            images.pixels,
            images.channels,
            other.map_or(0.0, |(_, weight)| weight as f32),
            other.is_some(),
            images.channels == 1,
        );
    }
    output
}

/// The adversarial loss of logits of several streams, and its gradient.
pub fn adversarial(on: &Accelerator, logits: &Buffer, streams: &[AdversarialStream]) -> (Buffer, Buffer) {
    assert!(streams.len() <= MOST_STREAMS, "{} streams", streams.len());
    let (value, gradient) = (on.empty(1), on.empty(logits.len()));
    let of = |stream: usize| streams.get(stream).map_or((0, 0.0), |of| (u32::from(of.real), of.weight as f32));
    let [(real_0, weight_0), (real_1, weight_1), (real_2, weight_2)] = [of(0), of(1), of(2)];
    let images = logits.len() / streams.len();
    // SAFETY: the kernel reads and writes a value a logit, and one besides.
    unsafe {
        adversarial_kernel::launch_unchecked(
            &on.client,
            workgroups(1, 1),
            CubeDim::new_1d(WORKGROUP as u32),
            logits.arg(),
            value.arg(),
            gradient.arg(),
            logits.len(),
            StreamScalarsLaunch::new(images, real_0, real_1, real_2, weight_0, weight_1, weight_2),
        );
    }
    (value, gradient)
}

/// Samples of posteriors of so many latents.
pub fn sample_posterior(on: &Accelerator, encoded: &Buffer, noise: &Buffer, latents: usize) -> Buffer {
    let output = on.empty(noise.len());
    // SAFETY: the kernel reads and writes one or two values a latent.
    unsafe {
        sample_kernel::launch_unchecked(
            &on.client,
            workgroups(noise.len().div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            encoded.arg(),
            noise.arg(),
            output.arg(),
            noise.len(),
            latents,
        );
    }
    output
}

/// The Kullback-Leibler divergence from a prior (mean, deviation, and the factors of both), and its gradient.
pub fn divergence(
    on: &Accelerator,
    encoded: &Buffer,
    prior: [&Buffer; 4],
    latents: usize,
    divisor: f64,
) -> (Buffer, Buffer) {
    let (value, by_encoded) = (on.empty(1), on.empty(encoded.len()));
    let [mean, deviation, mean_scale, deviation_scale] = prior.map(Buffer::arg);
    // SAFETY: the kernel reads and writes one or two values a latent, and one besides.
    unsafe {
        divergence_kernel::launch_unchecked(
            &on.client,
            workgroups(1, 1),
            CubeDim::new_1d(WORKGROUP as u32),
            encoded.arg(),
            mean,
            deviation,
            mean_scale,
            deviation_scale,
            value.arg(),
            by_encoded.arg(),
            encoded.len() / 2,
            latents,
            divisor as f32,
        );
    }
    (value, by_encoded)
}

/// The gradient by what the encoder gave, from that by samples and another one with its weight.
pub fn posterior_backward(
    on: &Accelerator,
    [encoded, noise, by_samples]: [&Buffer; 3],
    (other, weight): (&Buffer, f64),
    latents: usize,
) -> Buffer {
    let output = on.empty(encoded.len());
    // SAFETY: the kernel reads and writes one or two values a latent.
    unsafe {
        posterior_backward_kernel::launch_unchecked(
            &on.client,
            workgroups(noise.len().div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            encoded.arg(),
            noise.arg(),
            by_samples.arg(),
            other.arg(),
            output.arg(),
            noise.len(),
            latents,
            weight as f32,
        );
    }
    output
}

/// The losses of a step, from those of the discriminator, the adversarial one, reconstruction and divergence, added to `sums`.
pub fn add_losses(on: &Accelerator, sums: &Buffer, terms: [&Buffer; 4], [beta, lambda_rec]: [f64; 2]) -> Buffer {
    let output = on.empty(sums.len());
    let [discriminator, adversarial, reconstruction, divergence] = terms.map(Buffer::arg);
    // SAFETY: there are five sums, and one value of each term.
    unsafe {
        add_losses_kernel::launch_unchecked(
            &on.client,
            workgroups(1, 1),
            CubeDim::new_1d(1),
            sums.arg(),
            discriminator,
            adversarial,
            reconstruction,
            divergence,
            output.arg(),
            beta as f32,
            lambda_rec as f32,
        );
    }
    output
}
