//! Position biases of a fully convolutional generator. Without them some positions within a cell, the 16 x 16 pixels of a latent
//! vector, have more of a phase than others: a faint lattice.

use ndarray::Array4;

use super::checkpoint::Checkpoint;
use super::draws::random_input;
use crate::Result;
use crate::micrograph::PhaseImages;
use crate::model::PositionBiases;
use crate::network::{STRIDE, channels, read};
use crate::random::{Normals, Purpose};
use crate::relaxation::{RelaxationOptions, Weights, relax};

/// How often biases are corrected: the share of a phase is no linear function of them.
const ROUNDS: u64 = 2;
/// How often once realisations are relaxed: that moves shares, too, but less.
const RELAXED_ROUNDS: u64 = 1;

/// A round takes one in so many of the cells that training had.
const ONE_IN: u64 = 16;
/// Cells that are made at once.
const AT_ONCE: usize = 256;

/// Parts of a round, and how often [`position_biases`] calls `done`.
const PARTS_OF_ROUND: u64 = 4;
pub const PARTS: u64 = (ROUNDS + RELAXED_ROUNDS) * PARTS_OF_ROUND;

/// A lead below this share of the usual one is small: so many voxels change when a logit does.
const SMALL: f64 = 0.1;

/// Gauss-Seidel iterations, far more than up to eight phases need.
const ITERATIONS: usize = 100;

/// The biases with which realisations of `checkpoint` have each phase as often at every position, and as often in all as with
/// those that it has. They are relaxed if it says how: so biases are found before that is known, and corrected afterwards.
///
/// # Errors
///
/// Those of reading a tensor back, of [`relax`], and of `done`, which is called after each part: [`PARTS`] times by both calls.
pub fn position_biases(checkpoint: &Checkpoint, done: &dyn Fn() -> Result<()>) -> Result<PositionBiases> {
    let Checkpoint { options, tiles, state, .. } = checkpoint;
    let (axes, channels) = (options.profile.axes(), channels(tiles.n_phases()));
    // Seeds in the C interface are below 2^63: relaxed realisations are others than those that the biases were found on.
    let (rounds, seed) = match checkpoint.relaxation {
        None => (ROUNDS, options.seed),
        Some(_) => (RELAXED_ROUNDS, options.seed | 1 << 63),
    };
    let mut normals = Normals::new(seed, Purpose::PositionBiases, state.step);
    let mut values = match &checkpoint.position_biases {
        Some(biases) => biases.values().to_vec(),
        None => vec![0.0; channels * STRIDE.pow(axes as u32)],
    };
    let mut wanted = None;
    for _ in 0..rounds {
        let biases = PositionBiases::new(channels, axes, values.clone()).expect("a bias for each channel and position");
        let frequencies = frequencies(checkpoint, &biases, &mut normals, done)?;
        let wanted = wanted.get_or_insert_with(|| frequencies.shares.clone());
        values.iter_mut().zip(frequencies.biases(channels, wanted)).for_each(|(value, more)| *value += more);
    }
    Ok(PositionBiases::new(channels, axes, values).expect("a bias for each channel and position"))
}

/// Those of realisations of `checkpoint` with these `biases`.
fn frequencies(
    checkpoint: &Checkpoint,
    biases: &PositionBiases,
    normals: &mut Normals,
    done: &dyn Fn() -> Result<()>,
) -> Result<Frequencies> {
    let Checkpoint { options, tiles, state, .. } = checkpoint;
    let (axes, n_phases, network) = (options.profile.axes(), tiles.n_phases(), state.averaged_or_last());
    let device = network.parameters.device();
    let cells = options.latent_side().pow(axes as u32);
    let n = (AT_ONCE / cells).max(1);
    let of_training = state.step * (options.batch() * cells) as u64;
    let passes_of_part = (of_training / ONE_IN / (n * cells) as u64 / PARTS_OF_ROUND).max(1);
    let mut frequencies = Frequencies::new(n_phases, STRIDE.pow(axes as u32));
    for part in 0..PARTS_OF_ROUND {
        for pass in 0..passes_of_part {
            let logits = network.forward(random_input(options, n_phases, n, normals, &device));
            let [.., depth, height, width] = logits.dims();
            let sides = [depth, height, width];
            let leads = leads(&read(logits + biases.of_box([0; 3], sides, &device))?, n_phases, sides);
            let mut phases: Vec<u8> = leads.iter().map(|found| found.phases[0]).collect();
            if let Some(weights) = &checkpoint.relaxation {
                let first = (part * passes_of_part + pass) * n as u64;
                let options = RelaxationOptions { seed: options.seed | 1 << 63, first, ..Default::default() };
                phases = relaxed(phases, n, sides, weights, &options)?;
            }
            frequencies.add(&leads, &phases, sides);
        }
        done()?;
    }
    Ok(frequencies)
}

/// Phases of `n` images of so many `sides`, relaxed.
fn relaxed(
    phases: Vec<u8>,
    n: usize,
    [depth, height, width]: [usize; 3],
    weights: &Weights,
    options: &RelaxationOptions,
) -> Result<Vec<u8>> {
    let phases = Array4::from_shape_vec((n, depth, height, width), phases).expect("a phase for each voxel");
    let relaxed = relax(PhaseImages::new(phases, weights.n_phases())?, weights, options)?;
    Ok(relaxed.into_phases().into_raw_vec_and_offset().0)
}

/// How often each phase is at each position, and how often a small change of its logit would change that.
struct Frequencies {
    n_phases: usize,
    positions: usize,
    passes: usize,
    voxels: usize,
    /// Of each phase in all.
    shares: Vec<f64>,
    /// Sums over the passes of the share of each phase at each position, less its share at all, `[phase][position]`; and of
    /// the squares.
    sums: [Vec<f64>; 2],
    /// Up to which lead voxels are in `close`; of the first pass.
    small: f64,
    /// Voxels whose most probable phases are these two, with a small lead, `[phase][phase]`.
    close: Vec<f64>,
}

impl Frequencies {
    fn new(n_phases: usize, positions: usize) -> Self {
        let sums = [0; 2].map(|_| vec![0.0; n_phases * positions]);
        let (shares, close) = (vec![0.0; n_phases], vec![0.0; n_phases * n_phases]);
        Self { n_phases, positions, passes: 0, voxels: 0, shares, sums, small: 0.0, close }
    }

    /// Adds a pass: the voxels of images of so many `sides`, and the phases that they get in the end.
    fn add(&mut self, leads: &[FirstTwo], phases: &[u8], sides: [usize; 3]) {
        let pixels = sides.iter().product::<usize>();
        let mut counts = vec![0u32; self.n_phases * self.positions];
        for image in phases.chunks_exact(pixels) {
            for (pixel, &phase) in image.iter().enumerate() {
                counts[usize::from(phase) * self.positions + position(pixel, sides)] += 1;
            }
        }
        if self.passes == 0 {
            let squares: f64 = leads.iter().map(|found| found.lead.powi(2)).sum();
            self.small = SMALL * (squares / leads.len() as f64).sqrt();
        }
        for found in leads.iter().filter(|found| found.lead < self.small) {
            let [first, second] = found.phases.map(usize::from);
            self.close[first * self.n_phases + second] += 1.0;
            self.close[second * self.n_phases + first] += 1.0;
        }
        let of_position = leads.len() as f64 / self.positions as f64;
        let [sums, squares] = &mut self.sums;
        for (phase, counts) in counts.chunks_exact(self.positions).enumerate() {
            let share = f64::from(counts.iter().sum::<u32>()) / leads.len() as f64;
            self.shares[phase] += (share - self.shares[phase]) / (self.passes + 1) as f64;
            for (position, &count) in (phase * self.positions..).zip(counts) {
                let more = f64::from(count) / of_position - share;
                sums[position] += more;
                squares[position] += more * more;
            }
        }
        self.passes += 1;
        self.voxels += leads.len();
    }

    /// What is to be added to the logits of each channel at each position, so that phases have the shares `wanted` there.
    fn biases(&self, channels: usize, wanted: &[f64]) -> Vec<f32> {
        let more: Vec<Vec<f64>> = (0..self.n_phases)
            .map(|phase| {
                let in_all = self.shares[phase] - wanted[phase];
                self.certainly_more(phase).into_iter().map(|more| more + in_all).collect()
            })
            .collect();
        // Beyond the usual lead shares are no linear functions of biases at all.
        let most = self.small / SMALL;
        // Share of voxels that go from one phase to the other with each unit of a logit.
        let flows: Vec<f64> = self.close.iter().map(|count| count / (2.0 * self.small * self.voxels as f64)).collect();
        let mut biases = vec![0f32; channels * self.positions];
        for position in 0..self.positions {
            // That of phase 0 stays: the same bias of all phases changes nothing.
            let mut solution = vec![0.0; self.n_phases];
            for _ in 0..ITERATIONS {
                for phase in 1..self.n_phases {
                    let flows = &flows[phase * self.n_phases..][..self.n_phases];
                    let from_others: f64 = flows.iter().zip(&solution).map(|(flow, bias)| flow * bias).sum();
                    let all: f64 = flows.iter().sum();
                    solution[phase] = if all > 0.0 { (from_others - more[phase][position]) / all } else { 0.0 };
                }
            }
            for (channel, bias) in solution[self.n_phases - channels..].iter().enumerate() {
                biases[channel * self.positions + position] = bias.max(-most).min(most) as f32;
            }
        }
        biases
    }

    /// By how much the phase is more frequent at each position than at all, as far as that is no chance: shrunk by the share
    /// that the variance of sampling has in that over the positions.
    fn certainly_more(&self, phase: usize) -> Vec<f64> {
        let passes = self.passes as f64;
        let [sums, squares] = [0, 1].map(|of| &self.sums[of][phase * self.positions..][..self.positions]);
        let variance = sums.iter().map(|sum| (sum / passes).powi(2)).sum::<f64>();
        let sampling: f64 = sums
            .iter()
            .zip(squares)
            .map(|(sum, square)| (square / passes - (sum / passes).powi(2)) / (passes - 1.0))
            .sum();
        let certain = if variance > sampling { 1.0 - sampling / variance } else { 0.0 };
        sums.iter().map(|sum| certain * sum / passes).collect()
    }
}

/// The most probable phase, the second, and how far the logit of the first is above the other's.
struct FirstTwo {
    phases: [u8; 2],
    lead: f64,
}

/// Those of the voxels of images `[n, channels, depth, height, width]` of so many `sides`.
fn leads(logits: &[f32], n_phases: usize, sides: [usize; 3]) -> Vec<FirstTwo> {
    let pixels = sides.iter().product::<usize>();
    let images = logits.chunks_exact(channels(n_phases) * pixels);
    let of_image = |image: &[f32]| -> Vec<FirstTwo> {
        (0..pixels).map(|pixel| first_two(image.iter().skip(pixel).step_by(pixels).copied())).collect()
    };
    images.flat_map(of_image).collect()
}

/// Those of a voxel with the logits of its channels; a single one is that of phase 1, beside a logit of 0.
fn first_two(logits: impl ExactSizeIterator<Item = f32>) -> FirstTwo {
    let beside = if logits.len() == 1 { Some(0.0) } else { None };
    let (mut phases, mut largest) = ([0, 0], [f32::NEG_INFINITY; 2]);
    for (phase, logit) in (0..).zip(beside.into_iter().chain(logits)) {
        if logit > largest[0] {
            (phases, largest) = ([phase, phases[0]], [logit, largest[0]]);
        } else if logit > largest[1] {
            (phases[1], largest[1]) = (phase, logit);
        }
    }
    FirstTwo { phases, lead: f64::from(largest[0] - largest[1]) }
}

/// The position of a pixel within its cell.
fn position(pixel: usize, [_, height, width]: [usize; 3]) -> usize {
    let [z, y, x] = [pixel / (height * width), pixel / width % height, pixel % width];
    (z % STRIDE * STRIDE + y % STRIDE) * STRIDE + x % STRIDE
}

#[cfg(test)]
mod tests {
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::*;
    use crate::micrograph::{GaussianField, Sample};
    use crate::network::Profile;
    use crate::random;
    use crate::training::TrainingOptions;

    const SIDES: [usize; 3] = [1, 64, 64];
    const PIXELS: usize = 64 * 64;

    /// What is added to the logit of a channel at a pixel: a lattice, or nothing.
    type Added<'a> = &'a dyn Fn(usize, usize) -> f32;

    fn frequencies(n_phases: usize, seed: u64, added: Added) -> Frequencies {
        let mut rng = random::generator(seed, Purpose::Step, 0);
        let mut frequencies = Frequencies::new(n_phases, 256);
        for _ in 0..40 {
            let logits: Vec<f32> = (0..16 * channels(n_phases) * PIXELS)
                .map(|i| {
                    3.0 * rng.sample::<f32, _>(StandardNormal) + added(i / PIXELS % channels(n_phases), i % PIXELS)
                })
                .collect();
            add(&mut frequencies, &logits);
        }
        frequencies
    }

    fn add(frequencies: &mut Frequencies, logits: &[f32]) {
        let leads = leads(logits, frequencies.n_phases, SIDES);
        let phases: Vec<u8> = leads.iter().map(|found| found.phases[0]).collect();
        frequencies.add(&leads, &phases, SIDES);
    }

    /// Standard deviation over the positions of how often a phase is there, without that of sampling; the largest.
    fn lattice(frequencies: &Frequencies) -> f64 {
        let of_phase = |phase| {
            let more = frequencies.certainly_more(phase);
            (more.iter().map(|more| more * more).sum::<f64>() / more.len() as f64).sqrt()
        };
        (0..frequencies.n_phases).map(of_phase).fold(0.0, f64::max)
    }

    #[test]
    fn biases_take_a_lattice_away() {
        for n_phases in [2, 3, 5] {
            let grid = |channel: usize, pixel: usize| {
                0.3 * (0.7 * (channel as f32 + 1.0) * position(pixel, SIDES) as f32).sin() - channel as f32
            };
            let with_lattice = frequencies(n_phases, 1, &grid);
            let biases = with_lattice.biases(channels(n_phases), &with_lattice.shares);
            let levelled =
                |channel: usize, pixel: usize| grid(channel, pixel) + biases[channel * 256 + position(pixel, SIDES)];
            let [before, after] = [lattice(&with_lattice), lattice(&frequencies(n_phases, 2, &levelled))];
            assert!(before > 0.01 && after < before / 5.0, "{n_phases} phases: {before} and {after}");
        }
    }

    #[test]
    fn once_realisations_are_relaxed_biases_are_for_these() {
        let micrograph =
            Sample::GaussianField(GaussianField { ny: 64, nx: 64, ..Default::default() }).make(1, 1).unwrap();
        let mut unrelaxed = Checkpoint::untrained(TrainingOptions::new(Profile::Standard), &micrograph);
        unrelaxed.state.step = 1000;
        let biases = |checkpoint: &Checkpoint| position_biases(checkpoint, &|| Ok(())).unwrap();
        unrelaxed.position_biases = Some(biases(&unrelaxed));
        // What is the same all around is preferred: a phase that is rare goes.
        let mut weights = vec![0.0; Weights::zero(2, false).values().len()];
        (weights[0], weights[511]) = (0.2, 0.1);
        let relaxation = Some(Weights::new(2, false, weights).unwrap());
        let relaxed = Checkpoint { relaxation, ..unrelaxed.clone() };
        let lattice_with = |biases: &PositionBiases| {
            let mut normals = Normals::new(5, Purpose::PositionBiases, 0);
            lattice(&super::frequencies(&relaxed, biases, &mut normals, &|| Ok(())).unwrap())
        };
        let [before, after] = [unrelaxed.position_biases.as_ref().unwrap(), &biases(&relaxed)].map(lattice_with);
        assert!(before > 0.01 && after < before / 2.0, "{before} and {after}");
    }

    #[test]
    fn biases_give_the_wanted_shares() {
        for n_phases in [2, 3] {
            let before = frequencies(n_phases, 1, &|channel, _| -(channel as f32));
            let wanted: Vec<f64> =
                before.shares.iter().zip([0.02, -0.03, 0.01]).map(|(share, more)| share + more).collect();
            let wanted = if n_phases == 2 { vec![wanted[0], 1.0 - wanted[0]] } else { wanted };
            let biases = before.biases(channels(n_phases), &wanted);
            let after = frequencies(n_phases, 2, &|channel, pixel| {
                biases[channel * 256 + position(pixel, SIDES)] - channel as f32
            });
            for (found, wanted) in after.shares.iter().zip(&wanted) {
                assert!((found - wanted).abs() < 0.003, "{:?} instead of {wanted:?}", after.shares);
            }
        }
    }

    #[test]
    fn chance_is_no_lattice() {
        let found = frequencies(2, 1, &|_, _| 0.5);
        let biases = found.biases(1, &found.shares);
        let deviation = (biases.iter().map(|bias| bias * bias).sum::<f32>() / 256.0).sqrt();
        // A logit has a standard deviation of 3.
        assert!(deviation < 0.01, "{deviation}");
    }

    #[test]
    fn no_bias_is_larger_than_the_usual_lead() {
        // Few voxels are between the phases, so that one step to equal shares would go far.
        let found = frequencies(2, 1, &|_, pixel| if pixel % 2 == 0 { 8.0 } else { -8.0 });
        let largest = found.biases(1, &found.shares).iter().fold(0f32, |largest, bias| largest.max(bias.abs()));
        assert!((8.0..9.0).contains(&largest), "{largest}");
    }

    #[test]
    fn a_phase_that_is_never_near_keeps_its_logit() {
        let mut frequencies = Frequencies::new(3, 256);
        let mut rng = random::generator(1, Purpose::Step, 0);
        for _ in 0..2 {
            let mut logits: Vec<f32> = (0..3 * PIXELS).map(|_| rng.sample(StandardNormal)).collect();
            logits[2 * PIXELS..].fill(-1e6);
            add(&mut frequencies, &logits);
        }
        let biases = frequencies.biases(3, &frequencies.shares);
        assert!(biases.iter().all(|bias| bias.is_finite()));
        assert!(biases[2 * 256..].iter().all(|&bias| bias == 0.0));
    }
}
