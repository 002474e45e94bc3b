//! One tile with what lies around it: its phases, and the number of each pattern in it.

use std::ops::Range;

use super::frame::{Frame, Tile};

/// Bit of the number of a pattern that is not all in the image: such numbers weigh nothing.
pub const OUTSIDE: u16 = 512;

/// Voxels of a pattern. Voxel k, at row k / 3 and column k % 3, is bit k of the pattern's number.
pub const PLACES: usize = 9;

/// The phases that patterns are counted of: one of two phases, as the other's patterns are the complements.
pub fn judged_phases(n_phases: usize) -> Range<u8> {
    if n_phases == 2 { 1..2 } else { 0..n_phases as u8 }
}

/// A tile and its halo, padded so that each neighbour of a voxel lies at a fixed distance in memory.
pub struct Window {
    /// Phases, x fastest; outside an image that is no torus, those of its edge.
    phases: Vec<u8>,
    /// Pattern numbers of each phase, plane and distance: `(phase, plane and distance, voxel)`.
    numbers: Vec<u16>,
    settled: Vec<bool>,
    pub lattices: Vec<Lattice>,
    /// How many of the lattices lie in one plane; the first of them has neighbouring voxels.
    scales: usize,
    planes: usize,
    steps: [usize; 3],
    halo: [usize; 3],
    tile: Tile,
    first_phase: u8,
}

/// How far the voxels of a pattern lie apart in memory.
#[derive(Clone, Copy)]
pub struct Lattice {
    /// From one row of the pattern to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

impl Lattice {
    /// From a voxel back to the first of the `side` x `side` voxels around it.
    fn to_first(self, side: usize) -> usize {
        (side / 2) * (self.row + self.column)
    }

    /// The `side` x `side` voxels around `voxel`, an odd number.
    fn around(self, voxel: usize, side: usize) -> impl Iterator<Item = usize> {
        let first = voxel - self.to_first(side);
        (0..side * side).map(move |place| first + place / side * self.row + place % side * self.column)
    }

    /// The pattern numbers to which `voxel` contributes, from the pattern in which it is last to that in which it is
    /// first.
    pub fn numbers_with(self, numbers: &[u16], voxel: usize) -> [usize; PLACES] {
        let first = &numbers[voxel - self.to_first(3)..];
        let rows = [first, &first[self.row..], &first[2 * self.row..]];
        let [a, b, c] = rows.map(|row| [row[0], row[self.column], row[2 * self.column]]);
        [a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]].map(usize::from)
    }
}

impl Window {
    /// Copies the tile and its halo out of an image.
    pub fn new(frame: &Frame, image: &[u8], tile: &Tile, n_phases: usize) -> Self {
        let halo = frame.halo();
        let size: [usize; 3] = std::array::from_fn(|axis| tile.size[axis] + 2 * halo[axis]);
        let steps = [size[1] * size[2], size[2], 1];
        let lattice = |&[row, column]: &[usize; 2], &dilation: &usize| Lattice {
            row: dilation * steps[row],
            column: dilation * steps[column],
        };
        let lattices = frame.planes().iter().flat_map(|plane| frame.dilations().iter().map(move |d| lattice(plane, d)));
        let mut window = Self {
            phases: padded(frame, image, tile, size),
            numbers: Vec::new(),
            settled: vec![false; size.iter().product()],
            lattices: lattices.collect(),
            scales: frame.scales,
            planes: frame.planes().len(),
            steps,
            halo,
            tile: tile.clone(),
            first_phase: judged_phases(n_phases).start,
        };
        window.number_patterns(judged_phases(n_phases));
        if !frame.periodic {
            window.mark_outside(frame);
        }
        window
    }

    fn number_patterns(&mut self, phases: Range<u8>) {
        let voxels = self.phases.len();
        self.numbers = vec![OUTSIDE; phases.len() * self.lattices.len() * voxels];
        let mut parts = self.numbers.chunks_exact_mut(voxels);
        let (mut marks, mut threes) = (vec![0u16; voxels], vec![0u16; voxels]);
        for phase in phases {
            marks.iter_mut().zip(&self.phases).for_each(|(mark, &found)| *mark = u16::from(found == phase));
            for (lattice, numbers) in self.lattices.iter().zip(&mut parts) {
                let Lattice { row, column } = *lattice;
                three(&marks, &mut threes[column..], column, [0, 1, 2]);
                three(&threes, &mut numbers[row..], row, [0, 3, 6]);
            }
        }
    }

    fn mark_outside(&mut self, frame: &Frame) {
        let mut all = std::mem::take(&mut self.numbers);
        let parts = all.chunks_exact_mut(self.phases.len());
        let kinds = frame.planes().iter().flat_map(|plane| frame.dilations().iter().map(move |&d| (plane, d)));
        for (numbers, (plane, dilation)) in parts.zip(kinds.cycle()) {
            for (voxel, number) in numbers.iter_mut().enumerate() {
                let inside = plane.iter().all(|&axis| {
                    let along = self.place_along(voxel, axis);
                    (dilation as isize..(frame.shape[axis] - dilation) as isize).contains(&along)
                });
                *number |= if inside { 0 } else { OUTSIDE };
            }
        }
        self.numbers = all;
    }

    /// Where in the image a voxel of the window lies along an axis; beyond an edge, negative or past the end.
    fn place_along(&self, voxel: usize, axis: usize) -> isize {
        let length = if axis == 0 { usize::MAX } else { self.steps[axis - 1] / self.steps[axis] };
        (voxel / self.steps[axis] % length + self.tile.begin[axis]) as isize - self.halo[axis] as isize
    }

    /// The voxel at `[z, y, x]` of the tile.
    pub fn voxel(&self, place: [usize; 3]) -> usize {
        (0..3).map(|axis| (place[axis] + self.halo[axis]) * self.steps[axis]).sum()
    }

    /// The phase of a voxel.
    pub fn phase(&self, voxel: usize) -> u8 {
        self.phases[voxel]
    }

    /// Whether a neighbour of the voxel, in one of the planes, has another phase.
    pub fn is_interface(&self, voxel: usize) -> bool {
        let voxels = self.phases.len();
        let first = self.layer(self.phases[voxel]).unwrap_or(0) * self.lattices.len() * voxels + voxel;
        // Of the numbers of all other patterns, one more has a bit between the first and the last.
        let is_mixed = |number: u16| (number + 1) & (OUTSIDE - 2) != 0;
        (0..self.planes).any(|plane| is_mixed(self.numbers[first + plane * self.scales * voxels]))
    }

    /// Whether one of the patterns around the voxel is not all in the image.
    pub fn lacks_patterns(&self, voxel: usize) -> bool {
        self.numbers(0).any(|numbers| numbers[voxel] & OUTSIDE != 0)
    }

    /// The phases of neighbours that are not the voxel's own, a bit each.
    pub fn other_phases(&self, voxel: usize) -> u8 {
        let neighbours = self.lattices.iter().step_by(self.scales).flat_map(|plane| plane.around(voxel, 3));
        neighbours.fold(0, |bits, at| bits | 1 << self.phases[at]) & !(1 << self.phases[voxel])
    }

    /// Pattern numbers of the judged phase `layer`, one array for each lattice.
    pub fn numbers(&self, layer: usize) -> impl Iterator<Item = &[u16]> {
        let voxels = self.phases.len();
        self.numbers.chunks_exact(voxels).skip(layer * self.lattices.len()).take(self.lattices.len())
    }

    /// The judged phase to which `phase` belongs, if it is judged.
    pub fn layer(&self, phase: u8) -> Option<usize> {
        phase.checked_sub(self.first_phase).map(usize::from)
    }

    /// Whether a visit of the voxel can change nothing before a flip near it.
    pub fn is_settled(&self, voxel: usize) -> bool {
        self.settled[voxel]
    }

    /// Notes that a visit of the voxel can change nothing before a flip near it.
    pub fn settle(&mut self, voxel: usize) {
        self.settled[voxel] = true;
    }

    /// Gives a voxel another phase.
    pub fn flip(&mut self, voxel: usize, to: u8) {
        let from = std::mem::replace(&mut self.phases[voxel], to);
        for layer in [self.layer(from), self.layer(to)].into_iter().flatten() {
            let (voxels, count) = (self.phases.len(), self.lattices.len());
            let parts = self.numbers.chunks_exact_mut(voxels).skip(layer * count);
            for (lattice, numbers) in self.lattices.iter().zip(parts) {
                lattice.around(voxel, 3).zip((0..PLACES).rev()).for_each(|(at, bit)| numbers[at] ^= 1 << bit);
            }
        }
        // Two patterns side by side reach two distances far.
        for lattice in &self.lattices {
            lattice.around(voxel, 5).for_each(|at| self.settled[at] = false);
        }
    }

    /// The phases of the tile, x fastest.
    pub fn tile_phases(&self) -> Vec<u8> {
        self.rows().into_iter().flat_map(|row| &self.phases[row]).copied().collect()
    }

    /// Where the rows of the tile lie.
    pub fn rows(&self) -> Vec<Range<usize>> {
        let [nz, ny, nx] = self.tile.size;
        let begins = (0..nz).flat_map(|z| (0..ny).map(move |y| self.voxel([z, y, 0])));
        begins.map(|begin| begin..begin + nx).collect()
    }
}

/// Sums of three elements `step` apart, each shifted, starting at the first.
fn three(from: &[u16], to: &mut [u16], step: usize, shifts: [u32; 3]) {
    let elements = from.iter().zip(&from[step..]).zip(&from[2 * step..]);
    for (to, ((first, second), third)) in to.iter_mut().zip(elements) {
        *to = first << shifts[0] | second << shifts[1] | third << shifts[2];
    }
}

/// The phases of `tile` and what lies around it, `size` voxels along each axis.
fn padded(frame: &Frame, image: &[u8], tile: &Tile, size: [usize; 3]) -> Vec<u8> {
    let [_, ny, nx] = frame.region.size;
    let halo = frame.halo();
    let place = |axis: usize, index: usize| {
        let (length, at) = (frame.shape[axis] as isize, (tile.begin[axis] + index) as isize - halo[axis] as isize);
        let at = if frame.periodic { at.rem_euclid(length) } else { at.clamp(0, length - 1) };
        frame.place(axis, at as usize)
    };
    let columns: Vec<usize> = (0..size[2]).map(|x| place(2, x)).collect();
    let mut phases = Vec::with_capacity(size.iter().product());
    for z in (0..size[0]).map(|z| place(0, z)) {
        for y in (0..size[1]).map(|y| place(1, y)) {
            let row = &image[(z * ny + y) * nx..][..nx];
            phases.extend(columns.iter().map(|&x| row[x]));
        }
    }
    phases
}

#[cfg(test)]
mod tests {
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
                window.flip(window.voxel(place), *phase);
                let again = Window::new(&frame, &image, &tile, n_phases.into());
                assert_eq!(window.tile_phases(), again.tile_phases());
                for row in window.rows() {
                    for layer in 0..judged_phases(n_phases.into()).len() {
                        for (numbers, expected) in window.numbers(layer).zip(again.numbers(layer)) {
                            assert_eq!(numbers[row.clone()], expected[row.clone()], "{shape:?}");
                        }
                    }
                }
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
                    let gain = tables.flip_gain(&window, window.voxel(place), flipped[index]);
                    let gain = f64::from(gain) / f64::from(UNIT);
                    let expected = total(&frame, &flipped, &weights, phases) - before;
                    assert!((gain - expected).abs() < 1e-6, "{gain} instead of {expected} at {place:?} of {shape:?}");
                }
            }
        }
    }
}
