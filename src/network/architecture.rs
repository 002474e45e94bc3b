//! The layers of each network: the paper's Tables 2 and 3, and the profile `standard`.

use serde::{Deserialize, Serialize};

/// Side of every kernel (paper, Tables 2 and 3).
pub const KERNEL: usize = 4;

/// Side in voxels of a cell, the part of an image that a latent vector of a fully convolutional model stands for.
pub const STRIDE: usize = 16;

/// Values beyond the edge of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros.
    Zeros,
    /// Those at the opposite edge.
    Periodic,
}

/// The axes along which a layer works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// Height and width; images have a depth of 1.
    Two,
    /// Depth, height and width.
    Three,
}

/// Stride and padding of a kernel. It links a *fine* image, the larger one, with a *coarse* one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// Stride 2, padding "same": the coarse side is half the fine one.
    Stride2(Padding),
    /// Stride 1, no padding: as many fine pixels as a kernel has, and one coarse pixel.
    Valid,
}

/// Slope of leaky ReLU for negative values. This and the constants of batch normalisation are the defaults of Keras.
pub const LEAKY_SLOPE: f64 = 0.3;

/// Added to the variance in batch normalisation.
pub const NORM_EPSILON: f64 = 1e-3;

/// Decay of the moving statistics.
pub const NORM_MOMENTUM: f64 = 0.99;

/// An architecture with default values for all options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Fully convolutional, for elements of any size; a latent vector for 16 x 16 pixels (see `docs/profile.md`). The
    /// default.
    Standard,
    /// Table 2: 32 x 32 pixels, five latents; single ellipses from many samples.
    Paper32,
    /// Table 3: 64 x 64 pixels, 32 latents; real materials from sixteen samples.
    Paper64,
    /// Fully convolutional in three axes: volumes of any size, learned from the planes of one micrograph; a latent vector
    /// for 16 x 16 x 16 voxels. It has no encoder.
    Volume,
}

impl Profile {
    /// All profiles, the default first.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Paper32, Self::Paper64, Self::Volume];

    /// Side of training tiles in pixels, if no other is asked for.
    pub fn side(self) -> usize {
        match self {
            Self::Paper32 => 32,
            Self::Standard | Self::Paper64 | Self::Volume => 64,
        }
    }

    /// Axes of its realisations: 2 for images, 3 for volumes.
    pub fn axes(self) -> usize {
        if self == Self::Volume { 3 } else { 2 }
    }

    /// Whether a grid of latent vectors of any size makes images of any size.
    pub fn is_fully_convolutional(self) -> bool {
        matches!(self, Self::Standard | Self::Volume)
    }

    /// Side of the grid of latent vectors for an image of `side` pixels.
    pub fn latent_side(self, side: usize) -> usize {
        if self.is_fully_convolutional() { side / STRIDE } else { 1 }
    }

    /// Name as written in model files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Paper32 => "paper32",
            Self::Paper64 => "paper64",
            Self::Volume => "volume",
        }
    }

    /// The profile of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// Linear operation of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Convolution, from the fine image to the coarse one.
    Conv,
    /// Transposed convolution, from the coarse image to the fine one.
    ConvTranspose,
}

/// One layer: (transposed) convolution, then batch normalisation or a bias, then leaky ReLU.
///
/// A layer has a bias only where no normalisation follows: normalising subtracts the mean and with it any bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerSpec {
    /// Convolution or transposed convolution.
    pub kind: LayerKind,
    /// Axes of the kernel.
    pub axes: Axes,
    /// Stride and padding.
    pub geometry: Geometry,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Whether batch normalisation follows.
    pub normalised: bool,
    /// Whether leaky ReLU follows.
    pub activated: bool,
    /// Whether the kernel is divided by its largest singular value.
    pub spectral: bool,
    /// Whether noise is added to the convolution's result, with a learned gain for each channel.
    pub noisy: bool,
}

impl LayerSpec {
    /// A layer of two axes without normalisation and activation.
    pub fn linear(kind: LayerKind, geometry: Geometry, inputs: usize, outputs: usize) -> Self {
        let (normalised, activated, spectral, noisy) = (false, false, false, false);
        Self { kind, axes: Axes::Two, geometry, inputs, outputs, normalised, activated, spectral, noisy }
    }

    /// Depth, height and width of the output for those of the input.
    pub fn output_sides(&self, [depth, height, width]: [usize; 3]) -> [usize; 3] {
        let factor = match self.geometry {
            Geometry::Stride2(_) => 2,
            Geometry::Valid => KERNEL,
        };
        let scaled = |side: usize| match self.kind {
            LayerKind::Conv => side / factor,
            LayerKind::ConvTranspose => side * factor,
        };
        let depth = if self.axes == Axes::Two { depth } else { scaled(depth) };
        [depth, scaled(height), scaled(width)]
    }

    /// Shape of the kernel, `[coarse channels, fine channels, depth, 4, 4]`; a kernel of two axes has a depth of 1.
    pub fn kernel_shape(&self) -> [usize; 5] {
        let [coarse, fine] = match self.kind {
            LayerKind::Conv => [self.outputs, self.inputs],
            LayerKind::ConvTranspose => [self.inputs, self.outputs],
        };
        let depth = if self.axes == Axes::Two { 1 } else { KERNEL };
        [coarse, fine, depth, KERNEL, KERNEL]
    }
}

/// Variations of the paper's tables (see the options of training).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Variant {
    /// Batch normalisation and leaky ReLU on the encoder's last layer, as the tables print.
    pub encoder_head_normalised: bool,
    /// Batch normalisation before the discriminator's sigmoid, as the tables print.
    pub discriminator_head_normalised: bool,
}

/// The three networks as lists of layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Image to `[mean, log variance]` of the latent vector; volumes have none.
    pub encoder: Option<Vec<LayerSpec>>,
    /// Latent vector to logits.
    pub generator: Vec<LayerSpec>,
    /// Image to one logit.
    pub discriminator: Vec<LayerSpec>,
}

impl Architecture {
    /// The networks of `profile` for images of `channels` channels and `latent` latents, of its own side.
    pub fn new(profile: Profile, channels: usize, latent: usize, variant: Variant) -> Self {
        let Some(widths) = Widths::of(profile) else {
            return match profile.axes() {
                2 => Self::fully_convolutional(channels, latent, profile.side()),
                _ => Self::volumetric(channels, latent, profile.side()),
            };
        };
        let encoder_head = variant.encoder_head_normalised;
        Self {
            encoder: Some(shrinking(channels, widths.encoder, 2 * latent, encoder_head, encoder_head)),
            generator: growing(latent, &widths, channels),
            discriminator: shrinking(channels, widths.discriminator, 1, variant.discriminator_head_normalised, false),
        }
    }

    /// The fully convolutional networks: a grid of latent vectors, one for 16 x 16 pixels.
    ///
    /// The discriminator sees windows of `side` pixels, a power of two from 32 on.
    pub fn fully_convolutional(channels: usize, latent: usize, side: usize) -> Self {
        let halving = Geometry::Stride2(Padding::Periodic);
        let hidden = |kind, inputs, outputs| LayerSpec {
            normalised: true,
            activated: true,
            ..LayerSpec::linear(kind, halving, inputs, outputs)
        };
        let of_pairs = |widths: &[usize], kind, noisy| -> Vec<LayerSpec> {
            widths.windows(2).map(|pair| LayerSpec { noisy, ..hidden(kind, pair[0], pair[1]) }).collect()
        };
        let mut encoder = of_pairs(&[channels, 16, 32, 64], LayerKind::Conv, false);
        encoder[0].normalised = false;
        encoder.push(LayerSpec::linear(LayerKind::Conv, halving, 64, 2 * latent));
        let growing = |widths: &[usize]| of_pairs(widths, LayerKind::ConvTranspose, true);
        let shrinking_again = |inputs, outputs| LayerSpec { noisy: true, ..hidden(LayerKind::Conv, inputs, outputs) };
        let mut generator = growing(&[latent, 64, 32]);
        // Down and up again: neighbouring cells see each other before details are drawn.
        generator.push(shrinking_again(32, 64));
        generator.extend(growing(&[64, 32, 16, 8]));
        generator.push(shrinking_again(8, 16));
        generator.push(LayerSpec::linear(LayerKind::ConvTranspose, halving, 16, channels));
        Self { encoder: Some(encoder), generator, discriminator: discriminator_of_windows(channels, side, 16) }
    }

    /// The networks of volumes: a grid of latent vectors, one for 16 x 16 x 16 voxels.
    ///
    /// The discriminator sees planes of `side` x `side` pixels, a power of two from 32 on.
    pub fn volumetric(channels: usize, latent: usize, side: usize) -> Self {
        let of_three_axes = |kind, inputs, outputs| LayerSpec {
            axes: Axes::Three,
            ..LayerSpec::linear(kind, Geometry::Stride2(Padding::Periodic), inputs, outputs)
        };
        let hidden = |kind, inputs, outputs| LayerSpec {
            normalised: true,
            activated: true,
            noisy: true,
            ..of_three_axes(kind, inputs, outputs)
        };
        let growing = [latent, 48, 24, 12, 6];
        let mut generator: Vec<LayerSpec> =
            growing.windows(2).map(|pair| hidden(LayerKind::ConvTranspose, pair[0], pair[1])).collect();
        // Down and up again, so that neighbouring voxels see each other before phases are drawn.
        generator.push(hidden(LayerKind::Conv, 6, 12));
        generator.push(of_three_axes(LayerKind::ConvTranspose, 12, channels));
        Self { encoder: None, generator, discriminator: discriminator_of_windows(channels, side, 8) }
    }
}

/// Depth, height and width of the output of `layers`, for those of the input.
pub fn output_sides(layers: &[LayerSpec], sides: [usize; 3]) -> [usize; 3] {
    layers.iter().fold(sides, |sides, layer| layer.output_sides(sides))
}

/// Depth, height and width of the noise of each noisy layer, for those of the input.
pub fn noise_sides(layers: &[LayerSpec], sides: [usize; 3]) -> Vec<[usize; 3]> {
    let sides = layers.iter().scan(sides, |sides, layer| {
        *sides = layer.output_sides(*sides);
        Some((layer.noisy, *sides))
    });
    sides.filter(|(noisy, _)| *noisy).map(|(_, sides)| sides).collect()
}

/// Output channels of the layers of each network.
struct Widths {
    /// Of the encoder's convolutions with stride 2.
    encoder: &'static [usize],
    /// Of the generator's layers: the first gives 4x4 pixels, each other doubles the side.
    generator: &'static [usize],
    /// Whether the generator's last layer is normalised.
    generator_normalised: bool,
    /// Of the discriminator's convolutions with stride 2.
    discriminator: &'static [usize],
}

impl Widths {
    /// Those of a profile with one latent vector an image.
    fn of(profile: Profile) -> Option<Self> {
        let table_2 = Self {
            encoder: &[16, 32, 64],
            generator: &[64, 32, 16],
            generator_normalised: true,
            discriminator: &[8, 16, 32],
        };
        let table_3 = Self {
            encoder: &[16, 16, 32, 64],
            generator: &[64, 32, 32, 16],
            generator_normalised: false,
            discriminator: &[4, 8, 16, 32],
        };
        match profile {
            Profile::Paper32 => Some(table_2),
            Profile::Paper64 => Some(table_3),
            Profile::Standard | Profile::Volume => None,
        }
    }
}

/// The discriminator of windows of `side` x `side` pixels, with spectral normalisation; the first layer has `width` channels.
fn discriminator_of_windows(channels: usize, side: usize, width: usize) -> Vec<LayerSpec> {
    let halvings = (side / KERNEL).ilog2();
    let widths: Vec<usize> = (0..halvings).map(|halving| width << halving.min(3)).collect();
    let mut layers = shrinking(channels, &widths, 1, false, false);
    for layer in &mut layers {
        (layer.normalised, layer.spectral) = (false, true);
    }
    layers
}

/// Convolutions with stride 2 down to 4x4 pixels, the first not normalised, then one from 4x4 pixels to a vector.
fn shrinking(channels: usize, widths: &[usize], outputs: usize, normalised: bool, activated: bool) -> Vec<LayerSpec> {
    let mut inputs = channels;
    let mut layers = Vec::with_capacity(widths.len() + 1);
    for (index, &width) in widths.iter().enumerate() {
        let halving = LayerSpec::linear(LayerKind::Conv, Geometry::Stride2(Padding::Zeros), inputs, width);
        layers.push(LayerSpec { normalised: index > 0, activated: true, ..halving });
        inputs = width;
    }
    let last = LayerSpec::linear(LayerKind::Conv, Geometry::Valid, inputs, outputs);
    layers.push(LayerSpec { normalised, activated, ..last });
    layers
}

/// Transposed convolutions: from a vector to 4x4 pixels, then with stride 2; the last one gives logits.
fn growing(latent: usize, widths: &Widths, channels: usize) -> Vec<LayerSpec> {
    let doubling = Geometry::Stride2(Padding::Zeros);
    let mut inputs = latent;
    let mut layers = Vec::new();
    for (index, &outputs) in widths.generator.iter().enumerate() {
        let geometry = if index == 0 { Geometry::Valid } else { doubling };
        let layer = LayerSpec::linear(LayerKind::ConvTranspose, geometry, inputs, outputs);
        layers.push(LayerSpec { normalised: true, activated: true, ..layer });
        inputs = outputs;
    }
    let last = LayerSpec::linear(LayerKind::ConvTranspose, doubling, inputs, channels);
    layers.push(LayerSpec { normalised: widths.generator_normalised, ..last });
    layers
}

#[cfg(test)]
mod tests;
