//! Runs of neighbouring pixels, and half rows: where the pixels of images lie one behind the other.

use std::ops::Range;

use super::grid::Grid;
use super::simd::LINE;

/// The runs of neighbouring pixels of a channel. Not a chain of iterators, which costs more than a short run.
pub struct Runs {
    grid: Grid,
    /// Places along the outer axis of each plane.
    rows: Range<usize>,
    /// Plane, and place along its outer and its middle axis.
    next: [usize; 3],
    /// Where the next run begins.
    start: usize,
}

impl Runs {
    #[inline(always)]
    pub fn of(grid: Grid, rows: Range<usize>) -> Self {
        let start = grid.first_pixel(0) + rows.start * grid.pitch[0];
        Self { grid, next: [0, rows.start, 0], start, rows }
    }
}

impl Iterator for Runs {
    type Item = Range<usize>;

    #[inline(always)]
    fn next(&mut self) -> Option<Range<usize>> {
        let Self { grid, rows, next: [plane, outer, middle], start } = self;
        if *plane == grid.planes {
            return None;
        }
        let run = *start..*start + grid.extent[2] * grid.n;
        (*middle, *start) = (*middle + 1, *start + grid.pitch[1]);
        if *middle == grid.extent[1] {
            (*middle, *outer) = (0, *outer + 1);
            if *outer == rows.end {
                (*outer, *plane) = (rows.start, *plane + 1);
            }
            let first = if *plane < grid.planes { grid.first_pixel(*plane) } else { 0 };
            *start = *plane * grid.stride + first + *outer * grid.pitch[0];
        }
        Some(run)
    }
}

/// A half row of an image: every other pixel of a row, from column `parity` on.
#[derive(Debug, Clone, Copy)]
pub struct HalfRowIndex {
    pub z: usize,
    pub y: usize,
    pub parity: usize,
}

/// Every other pixel of a row: those of which all placements keep the values at equal distances.
#[derive(Debug, Clone, Copy)]
pub struct HalfRow {
    /// Where the values of its first pixel begin.
    pub start: usize,
    /// From one of its pixels to the next.
    pub step: usize,
    /// How many it has.
    pub pixels: usize,
    /// Number of its first pixel in the image, row by row.
    pub first_pixel: usize,
}

impl HalfRow {
    /// Where the value of one pixel of an image lies.
    #[inline(always)]
    pub fn place(&self, pixel: usize, image: usize) -> usize {
        self.start + pixel * self.step + image
    }

    /// Where `G` neighbouring images, from `image` on, of as many pixels as fill a line, from `pixel` on, lie.
    #[inline(always)]
    fn line<const G: usize>(&self, pixel: usize, image: usize) -> Range<usize> {
        let first = self.place(pixel, image);
        first..first + (LINE / G - 1) * self.step + G
    }

    /// `G` neighbouring images, from `image` on, of as many pixels as fill a line, from `pixel` on.
    #[inline(always)]
    pub fn load<const G: usize>(&self, channel: &[f32], pixel: usize, image: usize) -> [f32; LINE] {
        if G == 1 {
            return self.load_pixels(channel, pixel, image, LINE);
        }
        let values = &channel[self.line::<G>(pixel, image)];
        let mut line = [0.0; LINE];
        for (index, group) in line.as_chunks_mut::<G>().0.iter_mut().enumerate() {
            // SAFETY: `values` ends behind the last of the `LINE / G` groups.
            *group = unsafe { values.as_ptr().add(index * self.step).cast::<[f32; G]>().read() };
        }
        line
    }

    /// `count` pixels of one image, from `pixel` on, and in the rest of the line any values.
    #[inline(always)]
    pub fn load_pixels(&self, channel: &[f32], pixel: usize, image: usize, count: usize) -> [f32; LINE] {
        let values = &channel[self.place(pixel, image)..];
        // Distances that are known make SIMD loads of these.
        match (self.step, values.first_chunk::<LINE>(), values.first_chunk::<{ 2 * LINE - 1 }>()) {
            (1, Some(line), _) => *line,
            (2, _, Some(pairs)) => std::array::from_fn(|index| pairs[2 * index]),
            _ => std::array::from_fn(|index| if index < count { values[index * self.step] } else { 0.0 }),
        }
    }

    /// Writes `count` pixels of one image, from `pixel` on.
    #[inline(always)]
    pub fn store_pixels(&self, channel: &mut [f32], pixel: usize, image: usize, count: usize, line: &[f32; LINE]) {
        let values = &mut channel[self.place(pixel, image)..];
        if self.step == 1 {
            // In parts of lengths that the compiler knows, which it copies without a call.
            let (to, from) = (&mut values[..count], &line[..count]);
            let (to_parts, to_rest) = to.as_chunks_mut::<4>();
            let (from_parts, from_rest) = from.as_chunks::<4>();
            to_parts.iter_mut().zip(from_parts).for_each(|(to, from)| *to = *from);
            to_rest.iter_mut().zip(from_rest).for_each(|(to, from)| *to = *from);
            return;
        }
        for (to, value) in values.iter_mut().step_by(self.step).zip(&line[..count]) {
            *to = *value;
        }
    }

    /// Writes what [`load`](Self::load) reads.
    #[inline(always)]
    pub fn store<const G: usize>(&self, channel: &mut [f32], pixel: usize, image: usize, line: &[f32; LINE]) {
        let values = &mut channel[self.line::<G>(pixel, image)];
        if G == 1 && self.step == 1 {
            values.copy_from_slice(line);
            return;
        }
        for (index, group) in line.as_chunks::<G>().0.iter().enumerate() {
            // SAFETY: `values` ends behind the last of the `LINE / G` groups.
            unsafe { values.as_mut_ptr().add(index * self.step).cast::<[f32; G]>().write(*group) };
        }
    }
}

/// Most pixels of each half row that are read and written at once: many, so that the compiler makes SIMD instructions of it.
pub const ROW: usize = 16 * LINE;

/// `count` pixels of each half row of a single image, from `pixel` on: those of the even columns and of the odd ones.
#[inline(always)]
pub fn load_row(
    [even, odd]: &[HalfRow; 2],
    channel: &[f32],
    pixel: usize,
    count: usize,
    [of_even, of_odd]: &mut [[f32; ROW]; 2],
) {
    let (of_even, of_odd) = (&mut of_even[..count], &mut of_odd[..count]);
    if even.step == 1 {
        of_even.copy_from_slice(&channel[even.start + pixel..][..count]);
        of_odd.copy_from_slice(&channel[odd.start + pixel..][..count]);
        return;
    }
    let pairs = channel[even.start + 2 * pixel..][..2 * count].as_chunks::<2>().0;
    for ((pair, even), odd) in pairs.iter().zip(of_even).zip(of_odd) {
        [*even, *odd] = *pair;
    }
}

/// Writes what [`load_row`] reads.
#[inline(always)]
pub fn store_row(
    [even, odd]: &[HalfRow; 2],
    channel: &mut [f32],
    pixel: usize,
    count: usize,
    [of_even, of_odd]: &[[f32; ROW]; 2],
) {
    let (of_even, of_odd) = (&of_even[..count], &of_odd[..count]);
    if even.step == 1 {
        channel[even.start + pixel..][..count].copy_from_slice(of_even);
        channel[odd.start + pixel..][..count].copy_from_slice(of_odd);
        return;
    }
    let pairs = channel[even.start + 2 * pixel..][..2 * count].as_chunks_mut::<2>().0;
    for ((pair, even), odd) in pairs.iter_mut().zip(of_even).zip(of_odd) {
        *pair = [*even, *odd];
    }
}
