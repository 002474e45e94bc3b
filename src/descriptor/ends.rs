//! Ends: where a phase goes on in one direction only.

use super::indicator::Indicator;

/// The radius by which ends are told in images `side` pixels wide: such that the square is wider than boundaries of grains.
pub fn ends_radius(side: usize) -> usize {
    side / 12
}

/// Share of the pixels of each image, 0 to 1, that lie at an end of the phase: along a square around such a pixel, `2 radius + 1`
/// pixels wide, the phase is met in one run (a crossing number of 1, Rutovitz 1966, there for the eight neighbours).
///
/// A line that breaks off has some `radius` such pixels a pixel of its width, a line that goes on has none; what is thicker than
/// the square has them along its outlines. Only pixels around which the whole square is inside the image count.
///
/// Panics if images are not wider than the square.
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

/// The same of images that are tori: the square goes on across their edges, and all pixels count.
pub fn periodic_ends(images: &Indicator, radius: usize) -> Vec<f64> {
    let [ny, nx] = images.shape();
    // Where a pixel of the wider image lies in a row or column of so many.
    let within = |at: usize, length: usize| (at + length - radius) % length;
    let wider = |image: &[bool], [y, x]: [usize; 2]| image[within(y, ny) * nx + within(x, nx)];
    ends(&images.map([ny + 2 * radius, nx + 2 * radius], wider), radius)
}

/// Steps from a pixel of a row of `nx` to those of the square around it, one after the other and back to the first.
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
    use rand::Rng;

    use super::*;
    use crate::descriptor::indicator::drawn;
    use crate::random::{Purpose, generator};

    #[test]
    fn lines_that_go_on_have_no_ends_and_one_that_breaks_off_has() {
        let [on, off, joins, alone, all] = [
            ["......", "......", "######", "......", "......", "......"],
            ["......", "......", "###...", "......", "......", "......"],
            ["..#...", "..#...", "######", "......", "......", "......"],
            ["......", "......", ".##...", "......", "......", "......"],
            ["######", "######", "######", "######", "######", "######"],
        ]
        .map(|rows| ends(&drawn(&[&rows]), 2)[0]);
        // The middle has 2 x 2 pixels: of the line that breaks off the one that lies there.
        assert_eq!([on, off, joins, alone, all], [0.0, 0.25, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn each_image_has_ends_of_its_own_whichever_way_they_point() {
        let right = ["......", "......", "####..", "......", "......", "......"];
        let down = ["..#...", "..#...", "..#...", "..#...", "......", "......"];
        let found = ends(&drawn(&[&right, &down]), 2);
        assert_eq!(found, [0.5, 0.5]);
        let nothing = ["......"; 6];
        assert_eq!(ends(&drawn(&[&nothing, &down]), 2), [0.0, 0.5]);
    }

    #[test]
    fn tori_have_no_ends_where_lines_go_on_across_the_edges() {
        let on = ["......", "......", "######", "......", "......", "......"];
        let around = ["......", "......", "###.##", "......", "......", "......"];
        let down = ["..#...", "......", "......", "......", "..#...", "..#..."];
        let found = periodic_ends(&drawn(&[&on, &around, &down]), 2);
        // Around the two pixels at the gap the square meets the line beyond it, too: the next ones are ends. And around the
        // middle one of three it meets nothing.
        assert_eq!(found, [0.0, 2.0 / 36.0, 2.0 / 36.0]);
    }

    #[test]
    fn an_image_of_a_torus_has_the_ends_of_any_other_of_it() {
        let mut rng = generator(1, Purpose::Step, 1);
        let images = Indicator::of_pixels([12, 10], (0..240).map(|_| rng.random_bool(0.2)).collect());
        let rolled = images.map([12, 10], |image, [y, x]| image[(y + 5) % 12 * 10 + (x + 3) % 10]);
        let found = periodic_ends(&images, 2);
        assert!(found.iter().all(|&share| share > 0.0), "{found:?}");
        assert_eq!(periodic_ends(&rolled, 2), found);
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
