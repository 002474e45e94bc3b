//! Volumes as cubes.

use super::canvas::{BACKGROUND, Canvas, LETTER};
use super::picture::{Picture, grey};
use crate::Result;
use crate::generation::{GenerationOptions, realisations};
use crate::micrograph::PhaseImages;
use crate::model::Model;

/// Light on the face across z, y and x. Faces of one grey level are told apart by it.
const LIGHT: [f64; 3] = [1.0, 0.78, 0.56];
/// Grey level of phase 0 on the brightest face: black ones would look alike on all faces.
const DARKEST: f64 = 72.0;

/// The first realisation of `options` of a model of volumes, twice as long along each axis as a training tile, as a cube of about
/// `width` pixels with the names of the axes.
pub(super) fn cube(model: &Model, options: &GenerationOptions, width: usize) -> Result<Picture> {
    let side = shown_side(model);
    let volume = realisations(model, &GenerationOptions { count: 1, shape: Some([side; 3]), ..options.clone() })?;
    let cube = faces(&volume, (width / (2 * side)).max(1));
    let (height, width, _) = cube.dim();
    let mut canvas = Canvas::new(height, width);
    canvas.paint(&cube, 0, 0, 1);
    // In the corners that the hexagon leaves: beside the middles of the upper edges, and beside the right one from below.
    let ([letter_width, letter_height], quarter) = (LETTER, height / 8);
    for (name, left, top) in [
        ("y", width / 4 - 2 * letter_width, quarter - letter_height),
        ("x", 3 * width / 4 + letter_width, quarter - letter_height),
        ("z", width - 2 * letter_width, 3 * height / 4 + letter_height),
    ] {
        canvas.write(name, left, top);
    }
    Ok(canvas.0)
}

/// Voxels along each side of the volume that [`cube`] shows.
pub(super) fn shown_side(model: &Model) -> usize {
    2 * model.side()
}

/// The first volume seen from above: plane z = 0 on top, then the last ones across y and x. A voxel is `scale` pixels wide.
fn faces(volumes: &PhaseImages, scale: usize) -> Picture {
    let ([nz, ny, nx], voxels, scale) = (volumes.shape(), volumes.image(0), scale as f64);
    let [z, y, x] = [nz, ny, nx].map(|length| length as f64);
    let (height, width) = ((x + y) * scale / 2.0 + z * scale, (x + y) * scale);
    let level = |phase| DARKEST + f64::from(grey(phase, volumes.n_phases())) * (255.0 - DARKEST) / 255.0;
    Picture::from_shape_fn((height as usize, width as usize, 3), |(row, column, channel)| {
        // x goes to the right and down, y to the left and down, z down.
        let (u, v) = ((column as f64 + 0.5) / scale - y, (row as f64 + 0.5) / scale);
        let top = [0.0, v - u / 2.0, v + u / 2.0];
        let left = [v - (u + 2.0 * y) / 2.0, y - 1.0, u + y];
        let right = [v - (2.0 * x - u) / 2.0, x - u, x - 1.0];
        let inside = |place: &[f64; 3]| place.iter().zip([z, y, x]).all(|(&at, length)| (0.0..length).contains(&at));
        let seen = [top, left, right].into_iter().zip(LIGHT).find(|(place, _)| inside(place));
        seen.map_or(BACKGROUND[channel], |(place, light)| {
            let [z, y, x] = place.map(|at| at as usize);
            (level(voxels[(z * ny + y) * nx + x]) * light) as u8
        })
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    #[test]
    fn three_faces_are_seen_in_their_light() {
        // Phase 1 on the plane z = 0 alone.
        let phases = Array4::from_shape_fn((1, 8, 8, 8), |(_, z, _, _)| u8::from(z == 0));
        let picture = faces(&PhaseImages::new(phases, 2).unwrap(), 4);
        assert_eq!(picture.dim(), (64, 64, 3));
        let at = |row: usize, column: usize| [0, 1, 2].map(|channel| picture[[row, column, channel]]);
        assert_eq!(at(0, 0), BACKGROUND);
        assert_eq!(at(16, 32), [255; 3]);
        // The first layer is the upper rim of the other two faces, which are dark below.
        let of = |level: f64, light: f64| [(level * light) as u8; 3];
        assert_eq!([at(27, 16), at(27, 47)], [of(255.0, 0.78), of(255.0, 0.56)]);
        assert_eq!([at(45, 16), at(45, 47)], [of(DARKEST, 0.78), of(DARKEST, 0.56)]);
    }

    #[test]
    fn axes_run_to_the_right_to_the_left_and_down() {
        // A voxel at the end of each axis.
        let seen = |[z, y, x]: [usize; 3]| {
            let phases = Array4::from_shape_fn((1, 8, 8, 8), |(_, k, j, i)| u8::from([k, j, i] == [z, y, x]));
            let picture = faces(&PhaseImages::new(phases, 2).unwrap(), 4);
            let bright = picture
                .indexed_iter()
                .filter(|(_, value)| **value > BACKGROUND[2])
                .map(|((row, column, _), _)| (row, column));
            let places: Vec<_> = bright.collect();
            let mean = |of: fn(&(usize, usize)) -> usize| places.iter().map(of).sum::<usize>() / places.len();
            (mean(|place| place.0), mean(|place| place.1))
        };
        let (at_x, at_y, at_z) = (seen([0, 0, 7]), seen([0, 7, 0]), seen([7, 7, 7]));
        assert!(at_x.1 > 56 && at_y.1 < 8 && at_x.0.abs_diff(at_y.0) < 2, "{at_x:?} {at_y:?}");
        assert!(at_z.0 > 56 && at_z.1.abs_diff(32) < 3, "{at_z:?}");
    }
}
