//! End points: pixels where a line of the phase stops.

use super::indicator::Indicator;

/// The default radius for images `side` pixels wide.
pub fn ends_radius(side: usize) -> usize {
    side / 12
}

/// Share of the pixels of each image, 0 to 1, that are end points of the phase.
///
/// A pixel of the phase is an end point if the outline of the square of `2 radius + 1` pixels around it meets the phase
/// in exactly one run: a crossing number of 1 (Rutovitz 1966, who took the eight neighbours, radius 1). A line that
/// stops has about `radius` end points for each pixel of its width, a line that continues none; shapes thicker than the
/// square have them along their boundaries. Only pixels whose square lies inside the image count. Panics if images are
/// not wider than the square.
pub fn ends(images: &Indicator, radius: usize) -> Vec<f64> {
    let [ny, nx] = images.shape();
    let square = square_around(radius, nx);
    let changes = |image: &[bool], at: usize| {
        let met = |step: isize| image[at.wrapping_add_signed(step)];
        square.windows(2).filter(|pair| met(pair[0]) != met(pair[1])).count()
    };
    let is_end = |image: &[bool], at: usize| image[at] && changes(image, at) == 2;
    let inside = (radius..ny - radius).flat_map(|y| (radius..nx - radius).map(move |x| y * nx + x));
    let pixels = ((ny - 2 * radius) * (nx - 2 * radius)) as f64;
    images.images().map(|image| inside.clone().filter(|&at| is_end(image, at)).count() as f64 / pixels).collect()
}

/// Offsets from a pixel to the closed outline of the square around it; rows have `nx` pixels.
fn square_around(radius: usize, nx: usize) -> Vec<isize> {
    let (radius, nx) = (radius as isize, nx as isize);
    let places = (-radius..radius).map(|x| (-radius, x));
    let places = places.chain((-radius..radius).map(|y| (y, radius)));
    let places = places.chain((-radius + 1..=radius).rev().map(|x| (radius, x)));
    let places = places.chain((-radius..=radius).rev().map(|y| (y, -radius)));
    places.map(|(y, x)| y * nx + x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn only_a_line_that_stops_has_ends() {
        let [on, off, joins, alone, all] = [
            ["......", "......", "######", "......", "......", "......"],
            ["......", "......", "###...", "......", "......", "......"],
            ["..#...", "..#...", "######", "......", "......", "......"],
            ["......", "......", ".##...", "......", "......", "......"],
            ["######", "######", "######", "######", "######", "######"],
        ]
        .map(|rows| ends(&drawn(&[&rows]), 2)[0]);
        // The square fits around 2 x 2 pixels, one of which lies on the line that stops.
        assert_eq!([on, off, joins, alone, all], [0.0, 0.25, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn images_are_counted_separately_and_in_all_directions() {
        let right = ["......", "......", "####..", "......", "......", "......"];
        let down = ["..#...", "..#...", "..#...", "..#...", "......", "......"];
        let found = ends(&drawn(&[&right, &down]), 2);
        assert_eq!(found, [0.5, 0.5]);
        let nothing = ["......"; 6];
        assert_eq!(ends(&drawn(&[&nothing, &down]), 2), [0.0, 0.5]);
    }

    #[test]
    fn the_square_is_closed() {
        for radius in 1..5 {
            let square = square_around(radius, 100);
            assert_eq!(square.len(), 8 * radius + 1);
            assert_eq!(square.first(), square.last());
            let neighbours = square.windows(2).all(|pair| [1, 100].contains(&(pair[0] - pair[1]).abs()));
            assert!(neighbours, "{square:?}");
        }
    }
}
