//! Minkowski functionals of windows of an image: volume fraction and Euler characteristic per pixel.
//!
//! The Euler characteristic is that of a planar graph: pixels - pairs of neighbours + squares of four. Each count is divided
//! by the number of such places in the window. Written as products of neighbouring pixels it is linear in each pixel.

use std::ops::Range;

/// Functionals of one phase.
pub const FUNCTIONALS: usize = 2;

/// The functionals of `phase` in some rows and columns of an image that is `nx` pixels wide.
pub fn minkowski_functionals(
    image: &[u8],
    nx: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    phase: u8,
) -> [f64; FUNCTIONALS] {
    let row = |y: usize| &image[y * nx..][columns.clone()];
    let (mut pixels, mut right, mut down, mut squares) = (0, 0, 0, 0);
    for y in rows.clone() {
        let here = row(y);
        pixels += here.iter().filter(|&&p| p == phase).count();
        right += here.windows(2).filter(|pair| pair == &[phase; 2]).count();
        if y + 1 < rows.end {
            let below = row(y + 1);
            down += here.iter().zip(below).filter(|&(&a, &b)| a == phase && b == phase).count();
            let pairs = here.windows(2).zip(below.windows(2));
            squares += pairs.filter(|(a, b)| a == &[phase; 2] && b == &[phase; 2]).count();
        }
    }
    let counts = PlaceCounts::new(rows.len(), columns.len());
    functionals([
        pixels as f64 / counts.pixels,
        right as f64 / counts.right,
        down as f64 / counts.down,
        squares as f64 / counts.squares,
    ])
}

/// The functionals from the shares of pixels, of horizontal and vertical pairs and of squares that are of the phase.
pub fn functionals<T>([pixels, right, down, squares]: [T; 4]) -> [T; FUNCTIONALS]
where
    T: Clone + std::ops::Add<Output = T> + std::ops::Sub<Output = T>,
{
    [pixels.clone(), pixels - right - down + squares]
}

/// Numbers of pixels, of horizontal and vertical pairs and of squares of four in a window.
pub struct PlaceCounts {
    pub pixels: f64,
    pub right: f64,
    pub down: f64,
    pub squares: f64,
}

impl PlaceCounts {
    pub fn new(height: usize, width: usize) -> Self {
        let number = |height: usize, width: usize| (height * width) as f64;
        Self {
            pixels: number(height, width),
            right: number(height, width - 1),
            down: number(height - 1, width),
            squares: number(height - 1, width - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_euler_characteristic_is_pieces_less_holes() {
        // A ring, a point in it, a corner that touches it: three pieces joined by edges, one hole.
        let rows = ["00000000", "01111100", "01000100", "01010100", "01000100", "01111100", "10000000", "00000000"];
        let tiled = |side: usize| -> Vec<u8> {
            (0..side * side).map(|i| rows[i / side % 8].as_bytes()[i % side % 8] - b'0').collect()
        };
        let [fraction, euler] = minkowski_functionals(&tiled(8), 8, 0..8, 0..8, 1);
        assert_eq!(fraction * 64.0, 18.0);
        let expected = (18.0 - 64.0 * (8.0 + 8.0) / 56.0) / 64.0;
        assert!((euler - expected).abs() < 1e-12, "{euler} instead of {expected}");
        // A large image has nearly as many pairs as pixels.
        let [_, euler] = minkowski_functionals(&tiled(800), 800, 0..800, 0..800, 1);
        assert!((euler * 64.0 - (3.0 - 1.0)).abs() < 0.05, "{}", euler * 64.0);
    }
}
