//! Images of standard normal numbers, which each device draws itself.

use burn_tensor::{Device, Tensor};

use super::kernels::kernels;
use crate::device::for_each;
use crate::random::{BLOCK, Normals};

/// Numbers that a thread draws at once.
const PART: usize = 256 * BLOCK;

/// Images of standard normal numbers that are made of cells, so that each cell can be drawn without the others.
#[derive(Debug, Clone)]
pub struct NormalImages {
    /// The numbers of each image; `None`: zeros.
    pub images: Vec<Option<Normals>>,
    /// For each cell, in the order of z, y and x: with which of the image's numbers it begins; `None`: zeros.
    pub cells: Vec<Option<u64>>,
    /// Cells along each axis.
    pub sides: [usize; 3],
    /// Channels, depth, height and width of a cell, in which its numbers have the order of an image.
    pub of_cell: [usize; 4],
}

impl NormalImages {
    /// Images of one cell each, with channels, depth, height and width of `image`.
    pub fn single_cells(images: Vec<Option<Normals>>, image: [usize; 4]) -> Self {
        Self { images, cells: vec![Some(0)], sides: [1; 3], of_cell: image }
    }

    /// Images of one cell, `[n, channels, depth, height, width]`, with the next of `normals`.
    pub fn next([n, channels, depth, height, width]: [usize; 5], normals: &mut Normals) -> Self {
        let image = [channels, depth, height, width];
        Self::single_cells((0..n).map(|_| Some(normals.take(image.iter().product()))).collect(), image)
    }

    /// The same behind as many images of zeros.
    pub fn behind_zeros(mut self) -> Self {
        let n = self.images.len();
        self.images.splice(..0, vec![None; n]);
        self
    }

    /// `[n, channels, depth, height, width]`.
    pub fn shape(&self) -> [usize; 5] {
        let ([depth, height, width], [channels, z, y, x]) = (self.sides, self.of_cell);
        [self.images.len(), channels, depth * z, height * y, width * x]
    }

    /// The images on `device`.
    pub fn on(&self, device: &Device) -> Tensor<5> {
        let there = Tensor::<1>::empty([1], device);
        kernels(&there).normal(self, &there)
    }

    /// Writes the images to `to`, on the threads of the current pool.
    pub fn draw(&self, to: &mut [f32]) {
        let [n, channels, depth, ..] = self.shape();
        if let [Some(first)] = self.cells[..] {
            return self.draw_single_cells(first, to);
        }
        // Parts of an image that are in one piece, and have whole cells.
        let parts = match self.sides {
            _ if channels > 1 => 1,
            [1, rows, _] if depth == 1 => rows,
            [layers, ..] => layers,
        };
        let (of_part, cells) = (to.len() / (n * parts), self.cells.len() / parts);
        for_each(to.chunks_exact_mut(of_part).enumerate(), |(number, part)| {
            let cells = &self.cells[number % parts * cells..][..cells];
            match self.images[number / parts] {
                Some(normals) => self.draw_part(normals, cells, part),
                None => part.fill(0.0),
            }
        });
    }

    /// [`draw`](Self::draw) where an image is one cell: its numbers from `first` on, one behind the other.
    fn draw_single_cells(&self, first: u64, to: &mut [f32]) {
        let images = to.chunks_exact_mut(to.len() / self.images.len()).zip(&self.images);
        let parts: Vec<_> = images
            .flat_map(|(image, normals)| image.chunks_mut(PART).enumerate().map(move |part| (part, *normals)))
            .collect();
        for_each(parts.into_iter(), |((number, part), normals)| match normals {
            Some(normals) => normals.skip(first + (number * PART) as u64).fill(part),
            None => part.fill(0.0),
        });
    }

    /// Writes those of an image's `cells` that lie in `part`.
    fn draw_part(&self, normals: Normals, cells: &[Option<u64>], part: &mut [f32]) {
        let ([_, rows, columns], [channels, depth, height, width]) = (self.sides, self.of_cell);
        let rows = rows.min(cells.len() / columns);
        let layers = cells.len() / (rows * columns);
        let mut numbers = vec![0.0; channels * depth * height * width];
        for (place, &first) in cells.iter().enumerate() {
            match first {
                Some(first) => normals.skip(first).fill(&mut numbers),
                None => numbers.fill(0.0),
            }
            let [z, y, x] = [place / columns / rows, place / columns % rows, place % columns];
            for (number, row) in numbers.chunks_exact(width).enumerate() {
                let [channel, layer] = [number / height / depth, number / height % depth];
                let at = (channel * layers + z) * depth + layer;
                let at = (at * rows + y) * height + number % height;
                part[(at * columns + x) * width..][..width].copy_from_slice(row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::every_kind;
    use crate::network::read;
    use crate::random::Purpose;

    /// Images of cells of each kind: latents, noise of images, of volumes, and single cells. Some are zeros.
    fn kinds() -> Vec<NormalImages> {
        let layouts = [
            ([1, 2, 3], [5, 1, 1, 1]),
            ([1, 2, 3], [1, 1, 4, 4]),
            ([2, 3, 1], [1, 8, 2, 2]),
            ([2, 1, 3], [2, 3, 4, 5]),
            ([1, 1, 1], [1, 2, 9, 7]),
        ];
        let of_layout = |(sides, of_cell): ([usize; 3], [usize; 4])| {
            let cells = (0..sides.iter().product::<usize>() as u64).map(|i| (i != 1).then_some((i << 35) + 4096 * i));
            let images = [7, 8].map(|index| Some(Normals::new(3, Purpose::Realisation, index)));
            NormalImages { images: images.to_vec(), cells: cells.collect(), sides, of_cell }
        };
        let mut kinds: Vec<_> = layouts.into_iter().map(of_layout).collect();
        kinds.push(kinds[1].clone().behind_zeros());
        kinds.push(NormalImages::next([3, 2, 1, 9, 11], &mut Normals::new(3, Purpose::Step, 1)));
        kinds
    }

    fn drawn(images: &NormalImages) -> Vec<f32> {
        let mut numbers = vec![f32::NAN; images.shape().iter().product()];
        images.draw(&mut numbers);
        numbers
    }

    #[test]
    fn each_cell_is_an_image_of_its_own_numbers() {
        for images in kinds() {
            let (all, [_, channels, depth, height, width]) = (drawn(&images), images.shape());
            let [_, of_depth, of_height, of_width] = images.of_cell;
            for (image, normals) in images.images.iter().enumerate() {
                for i in 0..channels * depth * height * width {
                    let [x, y, z] = [i % width, i / width % height, i / width / height % depth];
                    let channel = i / (width * height * depth);
                    let [_, rows, columns] = images.sides;
                    let cell = (z / of_depth * rows + y / of_height) * columns + x / of_width;
                    let number = ((channel * of_depth + z % of_depth) * of_height + y % of_height) * of_width;
                    let mut expected = vec![0.0; number + x % of_width + 1];
                    if let (Some(normals), Some(first)) = (normals, images.cells[cell]) {
                        normals.skip(first).fill(&mut expected);
                    }
                    let found = all[image * channels * depth * height * width + i];
                    assert_eq!(found, *expected.last().unwrap(), "{:?} at {i}", images.shape());
                }
            }
        }
    }

    #[test]
    fn every_device_draws_the_same_images() {
        for device in every_kind() {
            for images in kinds() {
                let there = read(images.on(&device)).unwrap();
                for (here, there) in drawn(&images).iter().zip(there) {
                    assert!((here - there).abs() < 1e-5, "{here} and {there} in {:?}", images.shape());
                }
            }
        }
    }
}
