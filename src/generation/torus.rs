//! Sizes of images, and images that are tori of cells, made in patches.
//!
//! A cell has 16 x 16 pixels, or 16 x 16 x 16 voxels, and one latent vector of a fully convolutional model. Its
//! convolutions are periodic. A small square image, or cube, is one pass. Else the torus is cut into patches, squares or
//! cubes, with so many cells around them that their inner part does not depend on the patch's edge.

use std::array::from_fn;

use rayon::prelude::*;

use crate::micrograph::Block;
use crate::model::Model;
use crate::network::STRIDE;
use crate::{Error, Result};

/// How tori of two axes, or of three, are divided.
#[derive(Debug, Clone, Copy)]
struct Division {
    /// Most cells along the side of a square, or cube, that is one pass.
    one_pass: usize,
    /// Most cells along an axis of a torus that may be one patch without cells around it.
    whole: usize,
    /// Most cells along the side of a patch, without those around it.
    patch: usize,
    /// Cells around a patch: as many as its voxels or latents depend on, and an even number, so that each sum has the
    /// order that it has in a torus that is one pass. The kernels ask for even sides too.
    halo: usize,
}

const OF_IMAGES: Division = Division { one_pass: 24, whole: 64, patch: 56, halo: 4 };
const OF_VOLUMES: Division = Division { one_pass: 4, whole: 16, patch: 8, halo: 2 };

/// Longest side of an image in pixels.
const LONGEST: usize = 1 << 20;

/// Latents of an image of `shape`, `[nz, ny, nx]` in voxels.
///
/// A fully convolutional model has a latent vector for each cell, and images of any multiple of 16 voxels, from 32 on,
/// along the axes that it has: y and x, or z too. Other models have images of the size of a training tile.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the nearest right size, if the model has no images of that shape.
pub fn latent_size(model: &Model, shape: [usize; 3]) -> Result<usize> {
    check_shape(model, shape)?;
    let of_tile = Cells::of(model.shape()).count();
    Ok(if shape == model.shape() { model.latent_size } else { model.latent_size / of_tile * Cells::of(shape).count() })
}

/// Checks that `shape`, `[nz, ny, nx]`, is one that the model has images of.
///
/// # Errors
///
/// Those of [`latent_size`].
pub fn check_shape(model: &Model, shape: [usize; 3]) -> Result<()> {
    if check_cropped_shape(model, shape).is_ok() && shape == torus_of(model, shape) {
        return Ok(());
    }
    let nearest = |length: usize| ((length.min(LONGEST) + STRIDE / 2) / STRIDE * STRIDE).max(2 * STRIDE);
    let [nz, ny, nx] = shape.map(nearest);
    let nz = if model.profile.axes() == 2 { 1 } else { nz };
    let nearest = format!(", multiples of {STRIDE}; the nearest is {nz} x {ny} x {nx}");
    Err(wrong_shape(model, shape, &nearest))
}

/// Checks that realisations of `shape`, `[nz, ny, nx]`, are [tori](torus_of) of the model, or parts of them.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if they are not.
pub fn check_cropped_shape(model: &Model, shape: [usize; 3]) -> Result<()> {
    let fits = |length: usize| (2 * STRIDE..=LONGEST).contains(&length);
    let [nz, ny, nx] = shape;
    let has_axes = if model.profile.axes() == 2 { nz == 1 } else { fits(nz) };
    if shape == model.shape() || (model.profile.is_fully_convolutional() && has_axes && fits(ny) && fits(nx)) {
        return Ok(());
    }
    Err(wrong_shape(model, shape, ""))
}

fn wrong_shape(model: &Model, [nz, ny, nx]: [usize; 3], nearest: &str) -> Error {
    let (profile, least) = (model.profile.name(), 2 * STRIDE);
    let advice = match model.profile.axes() {
        2 if nz > 1 => "; for volumes train a model with profile volume",
        3 if nz == 1 => "; give all three sides, or train a model with profile standard",
        _ => "",
    };
    let right = match (model.profile.is_fully_convolutional(), model.profile.axes()) {
        (true, 2) => format!("images of one layer, with {least} to {LONGEST} pixels along y and x{nearest}"),
        (true, _) => format!("volumes, with {least} to {LONGEST} voxels along z, y and x{nearest}"),
        (false, _) => {
            let [_, tile_ny, tile_nx] = model.shape();
            format!("images of 1 x {tile_ny} x {tile_nx} alone; give that size, or train a model with profile standard")
        }
    };
    Error::invalid(format!(
        "images of {nz} x {ny} x {nx} voxels (z, y, x); a model of profile {profile} has {right}{advice}"
    ))
}

/// The smallest torus of the model that is at least as large as `shape`, which is right.
pub fn torus_of(model: &Model, shape: [usize; 3]) -> [usize; 3] {
    let up = |length: usize| if length == 1 { 1 } else { length.next_multiple_of(STRIDE) };
    if shape == model.shape() { shape } else { shape.map(up) }
}

/// The cells of a torus.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    /// Along z, y and x; one along z for an image.
    pub counts: [usize; 3],
    /// Whether cells have depth.
    pub is_volume: bool,
}

/// A square, or cube, of cells, which may go beyond the end of the torus and wraps around it.
#[derive(Debug, Clone, Copy)]
pub struct Patch {
    /// First cell along each axis, the halo included; counted around the torus.
    pub first: [usize; 3],
    /// Cells along each axis.
    pub sides: [usize; 3],
    /// Cells at each edge, along each axis, that are made only for their neighbours.
    pub halo: [usize; 3],
    /// Value of the part that is made at which the patch begins along each axis, the halo not included. The first
    /// patches begin less than two cells before 0.
    place: [isize; 3],
}

/// A part of a torus, a box of values that may begin anywhere and wrap around, but is no larger than the torus.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Values of a cell along each axis.
    scale: [usize; 3],
    /// First value along each axis.
    begin: [usize; 3],
    /// Values along each axis.
    size: [usize; 3],
}

impl Part {
    /// All of the torus, with `side` values along the side of a cell.
    pub fn whole(cells: Cells, side: usize) -> Self {
        let scale = cells.values(side);
        Self { scale, begin: [0; 3], size: from_fn(|axis| cells.counts[axis] * scale[axis]) }
    }

    /// The voxels of a block of an image of `shape`.
    pub fn of_block(shape: [usize; 3], block: &Block) -> Self {
        Self { scale: Cells::of(shape).values(STRIDE), begin: block.begin(shape), size: block.size }
    }

    /// The even cell along an axis from which on patches cover it, and the values of it and the next before the part.
    fn first_cell(&self, axis: usize) -> (usize, usize) {
        let first = self.begin[axis] / self.scale[axis] / 2 * 2;
        (first, self.begin[axis] - first * self.scale[axis])
    }

    /// Cells along each axis that patches cover.
    fn cells(&self) -> [usize; 3] {
        from_fn(|axis| (self.first_cell(axis).1 + self.size[axis]).div_ceil(self.scale[axis]))
    }
}

impl Cells {
    /// Those of an image of `[nz, ny, nx]` voxels.
    pub fn of([nz, ny, nx]: [usize; 3]) -> Self {
        let is_volume = nz > 1;
        Self { counts: [if is_volume { nz / STRIDE } else { 1 }, ny / STRIDE, nx / STRIDE], is_volume }
    }

    pub fn count(self) -> usize {
        self.counts.iter().product()
    }

    /// Values of a cell along each axis, with `side` along its side.
    pub fn values(self, side: usize) -> [usize; 3] {
        [if self.is_volume { side } else { 1 }, side, side]
    }

    fn division(self) -> Division {
        if self.is_volume { OF_VOLUMES } else { OF_IMAGES }
    }

    /// The whole torus as a patch, if it is one pass over the generator.
    pub fn one_pass(self) -> Option<Patch> {
        let side = self.counts[1];
        let is_one_pass =
            self.counts == self.values(side) && side <= self.division().one_pass && side.is_multiple_of(2);
        is_one_pass.then(|| self.as_patch())
    }

    /// The whole torus as a patch, if `part` of it is made in one pass over the first part of the generator at least: it is
    /// small, and has no more cells than patches of that part have.
    pub fn whole(self, part: &Part) -> Option<Patch> {
        let fits = |&count: &usize| count == 1 || count <= self.division().whole && count.is_multiple_of(2);
        let of_patches = || self.patches(part).iter().map(Patch::cells).sum::<usize>();
        let is_whole = self.counts.iter().all(fits) && self.count() <= of_patches();
        self.one_pass().or_else(|| is_whole.then(|| self.as_patch()))
    }

    /// The whole torus as a patch, of whatever size.
    pub fn as_patch(self) -> Patch {
        Patch { first: [0; 3], sides: self.counts, halo: [0; 3], place: [0; 3] }
    }

    /// The number in the torus of the cell `at` of a patch.
    pub fn number(self, patch: &Patch, at: [usize; 3]) -> usize {
        (0..3).fold(0, |number, axis| {
            let length = self.counts[axis];
            number * length + (patch.first[axis] + at[axis]) % length
        })
    }

    /// How many patches of `part` of `n` images are made at once on the threads of the current pool, and their sides.
    pub fn at_once(self, part: &Part, n: usize) -> (usize, [usize; 3]) {
        if let Some(whole) = self.whole(part) {
            return (if self.one_pass().is_some() { n } else { 1 }, whole.sides);
        }
        let patches = self.patches(part);
        (rayon::current_num_threads().min(n.saturating_mul(patches.len())), patches[0].sides)
    }

    /// The patches that cover `part`, of the side with which they have the fewest cells in all.
    pub fn patches(self, part: &Part) -> Vec<Patch> {
        let Division { patch, halo, .. } = self.division();
        let (wanted, halo) = (part.cells(), [if self.is_volume { halo } else { 0 }, halo, halo]);
        let sides = |inner: [usize; 3]| -> [usize; 3] { from_fn(|axis| inner[axis] + 2 * halo[axis]) };
        let work = |inner: &[usize; 3]| -> usize {
            (0..3).map(|axis| wanted[axis].div_ceil(inner[axis]) * sides(*inner)[axis]).product()
        };
        let inner = (2..=patch).step_by(2).map(|side| self.values(side)).min_by_key(work);
        let inner = inner.unwrap_or(self.values(patch));
        let along = |axis: usize| {
            let (length, scale, (first, before)) = (self.counts[axis], part.scale[axis], part.first_cell(axis));
            starts(first, wanted[axis], inner[axis], length).into_iter().map(move |(begin, at)| {
                ((begin + length * halo[axis] - halo[axis]) % length, (at * scale) as isize - before as isize)
            })
        };
        let mut patches = Vec::new();
        for z in along(0) {
            for y in along(1) {
                patches.extend(along(2).map(|x| {
                    let (first, place) = ([z.0, y.0, x.0], [z.1, y.1, x.1]);
                    Patch { first, sides: sides(inner), halo, place }
                }));
            }
        }
        patches
    }

    /// Fills `part` of images that are not one pass, patch by patch.
    ///
    /// They have `channels`; `make` gives the values of one patch of one image.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub fn fill<T: Copy + Send>(
        self,
        part: &Part,
        channels: usize,
        to: &mut [T],
        make: impl Fn(usize, Patch) -> Result<Vec<T>> + Sync,
    ) -> Result<()> {
        let (of_channel, patches) = (part.size.iter().product::<usize>(), self.patches(part));
        let images = to.len() / (channels * of_channel);
        let work: Vec<(usize, Patch)> =
            (0..images).flat_map(|image| patches.iter().map(move |patch| (image, *patch))).collect();
        // As many at once as there are threads: their memory is that of one patch each.
        for work in work.chunks(rayon::current_num_threads()) {
            let made: Vec<Vec<T>> = work.par_iter().map(|&(image, patch)| make(image, patch)).collect::<Result<_>>()?;
            for ((image, patch), values) in work.iter().zip(made) {
                let image = &mut to[image * channels * of_channel..][..channels * of_channel];
                let of_patch = values.len() / channels;
                for (from, to) in values.chunks_exact(of_patch).zip(image.chunks_exact_mut(of_channel)) {
                    patch.place(from, part, to);
                }
            }
        }
        Ok(())
    }
}

/// Where patches of `inner` cells begin that cover `wanted` cells of an axis from `first` on: the cell, and how far it is from
/// `first`.
///
/// All begin at even cells: the kernels take values in pairs, and each cell must be in the same pair whatever part is made. So
/// behind the end of an axis with an odd number of cells they begin anew; those that go beyond it are overwritten there.
fn starts(first: usize, wanted: usize, inner: usize, length: usize) -> Vec<(usize, usize)> {
    let (mut starts, mut at) = (Vec::new(), 0);
    while at < wanted {
        let begin = (first + at) % length;
        let end = if length.is_multiple_of(2) { wanted } else { wanted.min(at + length - begin) };
        starts.extend((at..end).step_by(inner).map(|at| ((first + at) % length, at)));
        at = end;
    }
    starts
}

impl Patch {
    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.sides.iter().product()
    }

    /// Whether the cell `at` is in the inner part, or next to it.
    pub fn is_near(&self, at: [usize; 3]) -> bool {
        (0..3).all(|axis| {
            let first = self.halo[axis].saturating_sub(1);
            (first..self.sides[axis] - first).contains(&at[axis])
        })
    }

    /// Copies the inner values of a patch to their place in `part`, as far as they are in it.
    pub fn place<T: Copy>(&self, values: &[T], part: &Part, to: &mut [T]) {
        // Along an axis: the first value in the part, that in the patch, how many there are, and all of the patch.
        let along = |axis: usize| {
            let (width, edge) = (self.sides[axis] * part.scale[axis], self.halo[axis] * part.scale[axis]);
            let before = self.place[axis].min(0).unsigned_abs();
            let at = self.place[axis].max(0).unsigned_abs();
            (at, edge + before, (width - 2 * edge - before).min(part.size[axis] - at), width)
        };
        let [(z, from_z, layers, _), (y, from_y, rows, height), (x, from_x, columns, width)] = [0, 1, 2].map(along);
        let [_, ny, nx] = part.size;
        for (layer, row) in (0..layers).flat_map(|layer| (0..rows).map(move |row| (layer, row))) {
            let from = &values[((from_z + layer) * height + from_y + row) * width + from_x..][..columns];
            to[((z + layer) * ny + y + row) * nx + x..][..columns].copy_from_slice(from);
        }
    }

    /// Cuts the patch out of the channels of a torus with `side` values along the side of a cell.
    pub fn cut<T: Copy>(&self, image: &[T], side: usize, cells: Cells) -> Vec<T> {
        let scale = cells.values(side);
        let [nz, ny, nx]: [usize; 3] = from_fn(|axis| cells.counts[axis] * scale[axis]);
        let [layers, rows, columns]: [_; 3] = from_fn(|axis| {
            let first = self.first[axis] * scale[axis];
            first..first + self.sides[axis] * scale[axis]
        });
        let mut cut = Vec::with_capacity(image.len() / (nz * ny * nx) * layers.len() * rows.len() * columns.len());
        for of_channel in image.chunks_exact(nz * ny * nx) {
            for (z, y) in layers.clone().flat_map(|z| rows.clone().map(move |y| (z, y))) {
                let row = &of_channel[(z % nz * ny + y % ny) * nx..][..nx];
                cut.extend(columns.clone().map(|x| row[x % nx]));
            }
        }
        cut
    }
}

#[cfg(test)]
mod tests;
