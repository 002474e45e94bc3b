//! What a window holds, and what flips gain in it.

use super::super::weights::{GainTables, PATTERNS, UNIT, Weights};
use super::*;
use crate::random::{Purpose, generator};
use rand::Rng;

/// An image of a quarter phase 0, the rest the others.
fn drawn(shape: [usize; 3], n_phases: u8) -> Vec<u8> {
    let mut rng = generator(3, Purpose::Step, 1);
    (0..shape.iter().product()).map(|_| rng.random_range(0..n_phases)).collect()
}

const CASES: [([usize; 3], bool, u8); 4] =
    [([1, 40, 33], true, 2), ([1, 40, 70], false, 3), ([16, 17, 18], true, 2), ([9, 16, 20], false, 4)];

#[test]
fn a_flipped_window_is_that_of_the_flipped_image() {
    for (shape, periodic, n_phases) in CASES {
        let frame = Frame::new(shape, periodic).unwrap();
        let mut image = drawn(shape, n_phases);
        for tile in frame.tiles().concat() {
            let mut window = Window::new(&frame, &image, &tile, n_phases.into());
            let place: [usize; 3] = std::array::from_fn(|axis| tile.size[axis] / 2);
            let [z, y, x] = std::array::from_fn(|axis| place[axis] + tile.begin[axis]);
            let phase = &mut image[(z * shape[1] + y) * shape[2] + x];
            *phase = (*phase + 1) % n_phases;
            window.flip(place, *phase);
            let again = Window::new(&frame, &image, &tile, n_phases.into());
            assert_eq!(window.tile_phases(), again.tile_phases());
            assert!(window.phases == again.phases && window.bits == again.bits, "{shape:?}");
        }
    }
}

/// The sum of the weights of all patterns in an image, straight from their definition.
fn total(frame: &Frame, image: &[u8], weights: &Weights, n_phases: usize) -> f64 {
    let phase_at = |place: [isize; 3]| {
        let at: [usize; 3] = std::array::from_fn(|axis| {
            let length = frame.shape[axis] as isize;
            if frame.periodic { place[axis].rem_euclid(length) as usize } else { place[axis] as usize }
        });
        image[(at[0] * frame.shape[1] + at[1]) * frame.shape[2] + at[2]]
    };
    let layers = judged_phases(n_phases);
    let mut sum = 0.0;
    for index in 0..image.len() {
        let [_, ny, nx] = frame.shape;
        let centre = [index / nx / ny, index / nx % ny, index % nx].map(|at| at as isize);
        for (plane, &[row, column]) in frame.planes().iter().enumerate() {
            for (scale, &dilation) in frame.dilations().iter().enumerate() {
                let d = dilation as isize;
                let fits = |axis: usize| (d..frame.shape[axis] as isize - d).contains(&centre[axis]);
                if !(frame.periodic || fits(row) && fits(column)) {
                    continue;
                }
                for (layer, judged) in layers.clone().enumerate() {
                    let number: usize = (0..PLACES)
                        .map(|place| {
                            let mut at = centre;
                            at[row] += (place as isize / 3 - 1) * d;
                            at[column] += (place as isize % 3 - 1) * d;
                            usize::from(phase_at(at) == judged) << place
                        })
                        .sum();
                    let kind = (plane * layers.len() + layer) * 4 + scale;
                    sum += f64::from(weights.values()[kind * PATTERNS + number]);
                }
            }
        }
    }
    sum
}

#[test]
fn a_gain_is_the_difference_of_two_sums_of_weights() {
    for (shape, periodic, n_phases) in CASES {
        let frame = Frame::new(shape, periodic).unwrap();
        let (image, phases) = (drawn(shape, n_phases), usize::from(n_phases));
        let mut rng = generator(4, Purpose::Step, 1);
        let zero = Weights::zero(phases, shape[0] > 1);
        // Whole multiples of the unit, so that nothing is rounded.
        let values = zero.values().iter().map(|_| rng.random_range(-8000..8000) as f32 / UNIT).collect();
        let weights = Weights::new(phases, shape[0] > 1, values).unwrap();
        let tables = GainTables::new(&weights, frame.scales);
        let before = total(&frame, &image, &weights, phases);
        for tile in frame.tiles().concat() {
            let window = Window::new(&frame, &image, &tile, phases);
            for place in [[0; 3], tile.size.map(|length| length / 2), tile.size.map(|length| length - 1)] {
                let [z, y, x] = std::array::from_fn(|axis| place[axis] + tile.begin[axis]);
                let index = (z * shape[1] + y) * shape[2] + x;
                let mut flipped = image.clone();
                flipped[index] = (image[index] + 1) % n_phases;
                let gain = tables.flip_gain(&window, place, flipped[index]);
                let gain = f64::from(gain) / f64::from(UNIT);
                let expected = total(&frame, &flipped, &weights, phases) - before;
                assert!((gain - expected).abs() < 1e-6, "{gain} instead of {expected} at {place:?} of {shape:?}");
            }
        }
    }
}

#[test]
fn interfaces_have_other_phases_beside_them() {
    for (shape, periodic, n_phases) in CASES {
        let frame = Frame::new(shape, periodic).unwrap();
        // Large parts are of one phase.
        let mut image = drawn(shape, n_phases);
        image.iter_mut().enumerate().filter(|(at, _)| at % 16 < 12).for_each(|(_, phase)| *phase = 1);
        for tile in frame.tiles().concat() {
            let window = Window::new(&frame, &image, &tile, n_phases.into());
            for (z, y) in (0..tile.size[0]).flat_map(|z| (0..tile.size[1]).map(move |y| (z, y))) {
                let expected = (0..tile.size[2]).filter(|&x| window.other_phases([z, y, x]) != 0);
                assert_eq!(window.interfaces(z, y), expected.fold(0, |bits, x| bits | 1 << x), "{shape:?}");
            }
        }
    }
}
