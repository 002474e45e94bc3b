//! The paper's two tables as data: which layers make up each network.

use super::convolution::{Border, Geometry, KERNEL};

/// Which architecture, and whose values the options begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Table 3 with what makes it work; the default.
    Standard,
    /// Table 2: 32 x 32 pixels, five latents; single ellipses from many samples.
    Paper32,
    /// Table 3: 64 x 64 pixels, 32 latents; real materials from sixteen samples.
    Paper64,
}

impl Profile {
    /// Side of the images in pixels.
    pub fn side(self) -> usize {
        match self {
            Self::Paper32 => 32,
            Self::Standard | Self::Paper64 => 64,
        }
    }

    /// Name as written in model files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Paper32 => "paper32",
            Self::Paper64 => "paper64",
        }
    }

    /// The profile of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Standard, Self::Paper32, Self::Paper64].into_iter().find(|profile| profile.name() == name)
    }
}

/// Whether a layer makes images smaller or larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Convolution.
    Down,
    /// Transposed convolution.
    Up,
}

/// One layer: (transposed) convolution, then batch normalisation or a bias, then leaky ReLU.
///
/// A layer has a bias only where no normalisation follows: normalising subtracts the mean and with it any bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSpec {
    /// Convolution or transposed convolution.
    pub direction: Direction,
    /// Stride and padding.
    pub geometry: Geometry,
    /// Channels that come in.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Whether batch normalisation follows.
    pub normalised: bool,
    /// Whether leaky ReLU follows.
    pub activated: bool,
    /// Whether the kernel is divided by its largest singular value.
    pub spectral: bool,
}

impl LayerSpec {
    /// Side of what goes out for the side of what comes in.
    pub fn output_side(&self, side: usize) -> usize {
        let factor = match self.geometry {
            Geometry::Halving(_) => 2,
            Geometry::Collapsing => KERNEL,
        };
        match self.direction {
            Direction::Down => side / factor,
            Direction::Up => side * factor,
        }
    }

    /// Shape of the kernel, `[coarse channels, fine channels, 4, 4]`.
    pub fn kernel_shape(&self) -> [usize; 4] {
        let [coarse, fine] = match self.direction {
            Direction::Down => [self.outputs, self.inputs],
            Direction::Up => [self.inputs, self.outputs],
        };
        [coarse, fine, KERNEL, KERNEL]
    }
}

/// What is left to the user beside the paper's tables (see the options of training).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Batch normalisation and leaky ReLU on the encoder's last layer, as the tables print.
    pub encoder_head_normalised: bool,
    /// Batch normalisation before the discriminator's sigmoid, as the tables print.
    pub discriminator_head_normalised: bool,
    /// The generator's images are tori.
    pub generator_periodic: bool,
    /// Channels of the discriminator, in multiples of the tables'.
    pub discriminator_width: usize,
    /// Spectral instead of batch normalisation in the discriminator.
    pub discriminator_spectral: bool,
}

impl Default for Variant {
    fn default() -> Self {
        Self {
            encoder_head_normalised: false,
            discriminator_head_normalised: false,
            generator_periodic: false,
            discriminator_width: 1,
            discriminator_spectral: false,
        }
    }
}

/// The three networks as lists of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    /// Image to `[mean, log variance]` of the latent vector.
    pub encoder: Vec<LayerSpec>,
    /// Latent vector to logits.
    pub generator: Vec<LayerSpec>,
    /// Image to one logit.
    pub discriminator: Vec<LayerSpec>,
}

impl Architecture {
    /// The networks of `profile` for images of `channels` channels and `latent` latents.
    pub fn new(profile: Profile, channels: usize, latent: usize, variant: Variant) -> Self {
        let (encoder, generator, discriminator, generator_normalised): (&[usize], &[usize], &[usize], bool) =
            match profile {
                Profile::Paper32 => (&[16, 32, 64], &[64, 32, 16], &[8, 16, 32], true),
                Profile::Standard => (&[16, 16, 32, 64], &[128, 64, 32, 16], &[4, 8, 16, 32], false),
                Profile::Paper64 => (&[16, 16, 32, 64], &[64, 32, 32, 16], &[4, 8, 16, 32], false),
            };
        let encoder_head = variant.encoder_head_normalised;
        let discriminator: Vec<usize> = discriminator.iter().map(|width| width * variant.discriminator_width).collect();
        let mut networks = Self {
            encoder: shrinking(channels, encoder, 2 * latent, encoder_head, encoder_head),
            generator: growing(latent, generator, channels, generator_normalised),
            discriminator: shrinking(channels, &discriminator, 1, variant.discriminator_head_normalised, false),
        };
        for layer in &mut networks.generator {
            if variant.generator_periodic && layer.geometry == Geometry::Halving(Border::Zero) {
                layer.geometry = Geometry::Halving(Border::Periodic);
            }
        }
        if variant.discriminator_spectral {
            for layer in &mut networks.discriminator {
                (layer.normalised, layer.spectral) = (false, true);
            }
        }
        networks
    }
}

/// Halving layers down to 4x4, the first not normalised, then one that collapses 4x4 to a vector.
fn shrinking(channels: usize, widths: &[usize], outputs: usize, normalised: bool, activated: bool) -> Vec<LayerSpec> {
    let mut inputs = channels;
    let mut layers = Vec::with_capacity(widths.len() + 1);
    for (index, &width) in widths.iter().enumerate() {
        layers.push(LayerSpec {
            direction: Direction::Down,
            geometry: Geometry::Halving(Border::Zero),
            inputs,
            outputs: width,
            normalised: index > 0,
            activated: true,
            spectral: false,
        });
        inputs = width;
    }
    let geometry = Geometry::Collapsing;
    let direction = Direction::Down;
    layers.push(LayerSpec { direction, geometry, inputs, outputs, normalised, activated, spectral: false });
    layers
}

/// One layer from a vector to 4x4, then doubling ones; the last gives logits.
fn growing(latent: usize, widths: &[usize], channels: usize, last_normalised: bool) -> Vec<LayerSpec> {
    let mut inputs = latent;
    let mut layers = Vec::with_capacity(widths.len() + 1);
    for (index, &width) in widths.iter().enumerate() {
        let geometry = if index == 0 { Geometry::Collapsing } else { Geometry::Halving(Border::Zero) };
        layers.push(LayerSpec {
            direction: Direction::Up,
            geometry,
            inputs,
            outputs: width,
            normalised: true,
            activated: true,
            spectral: false,
        });
        inputs = width;
    }
    layers.push(LayerSpec {
        direction: Direction::Up,
        geometry: Geometry::Halving(Border::Zero),
        inputs,
        outputs: channels,
        normalised: last_normalised,
        activated: false,
        spectral: false,
    });
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(layers: &[LayerSpec]) -> usize {
        layers.iter().map(|layer| layer.kernel_shape().iter().product::<usize>()).sum()
    }

    #[test]
    fn table_3_has_as_many_weights_as_counted_by_hand() {
        let a = Architecture::new(Profile::Paper64, 1, 32, Variant::default());
        assert_eq!((weights(&a.encoder), weights(&a.generator), weights(&a.discriminator)), (110_848, 90_368, 11_328));
    }

    #[test]
    fn table_2_has_the_paper_s_layers() {
        let a = Architecture::new(Profile::Paper32, 1, 5, Variant::default());
        let widths = |layers: &[LayerSpec]| layers.iter().map(|l| (l.inputs, l.outputs)).collect::<Vec<_>>();
        assert_eq!(widths(&a.encoder), [(1, 16), (16, 32), (32, 64), (64, 10)]);
        assert_eq!(widths(&a.generator), [(5, 64), (64, 32), (32, 16), (16, 1)]);
        assert_eq!(widths(&a.discriminator), [(1, 8), (8, 16), (16, 32), (32, 1)]);
        assert!(a.generator.iter().all(|l| l.normalised) && !a.encoder[0].normalised && !a.discriminator[0].normalised);
    }
}
