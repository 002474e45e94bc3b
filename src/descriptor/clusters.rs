//! Connected components of a phase and of the rest.

use super::components::{Components, Neighbours, share_of_largest};
use super::indicator::Indicator;

/// Connected components of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clusters {
    /// Components of the phase; pixels are connected through their edges (4 neighbours).
    pub objects: usize,
    /// Components of the rest; pixels are connected through edges and corners (8 neighbours).
    pub holes: usize,
    /// Share of the phase in its largest component; 0 if there is none.
    pub largest: f64,
}

/// The connected components of each image, which is not taken to be periodic.
pub fn clusters(images: &Indicator) -> Vec<Clusters> {
    let of_image = |image: &[bool]| {
        let [objects, holes] = [true, false].map(|phase| sizes(image, phase, images.shape()));
        Clusters { objects: objects.len(), holes: holes.len(), largest: share_of_largest(&objects) }
    };
    images.images().map(of_image).collect()
}

/// Number of pixels of each component. Those of true have 4 neighbours, those of false 8.
fn sizes(image: &[bool], phase: bool, [ny, nx]: [usize; 2]) -> Vec<u64> {
    let neighbours = if phase { Neighbours::Faces } else { Neighbours::Corners };
    Components::new(image, [1, ny, nx], phase, neighbours, Vec::new()).sizes()
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::descriptor::indicator::drawn;
    use crate::random::{Purpose, generator};

    #[test]
    fn corners_connect_the_rest_and_not_the_phase() {
        let [diagonal] = clusters(&drawn(&[&["#..", ".#.", "..#"]]))[..] else { panic!("one image") };
        assert_eq!(diagonal, Clusters { objects: 3, holes: 1, largest: 1.0 / 3.0 });
        let ring = ["#####", "#...#", "#.#.#", "#...#", "#####"];
        let [ring] = clusters(&drawn(&[&ring]))[..] else { panic!("one image") };
        assert_eq!(ring, Clusters { objects: 2, holes: 1, largest: 16.0 / 17.0 });
    }

    #[test]
    fn empty_and_full_images() {
        let found = clusters(&drawn(&[&["..", ".."], &["##", "##"]]));
        assert_eq!(found[0], Clusters { objects: 0, holes: 1, largest: 0.0 });
        assert_eq!(found[1], Clusters { objects: 1, holes: 0, largest: 1.0 });
    }

    #[test]
    fn components_are_those_of_a_flood_fill() {
        let mut rng = generator(1, Purpose::Step, 0);
        for (shape, share) in [([9, 13], 0.5), ([64, 64], 0.4), ([64, 64], 0.6), ([1, 30], 0.5), ([30, 1], 0.5)] {
            let image: Vec<bool> = (0..shape[0] * shape[1]).map(|_| rng.random_bool(share)).collect();
            for phase in [false, true] {
                let mut found = [sizes(&image, phase, shape), flooded(&image, phase, shape)];
                found.iter_mut().for_each(|sizes| sizes.sort_unstable());
                assert_eq!(found[0], found[1]);
            }
        }
    }

    /// Number of pixels of each component by flood fill.
    fn flooded(image: &[bool], phase: bool, [ny, nx]: [usize; 2]) -> Vec<u64> {
        let mut seen: Vec<bool> = image.iter().map(|&inside| inside != phase).collect();
        let (mut sizes, mut pending) = (Vec::new(), Vec::new());
        for start in 0..image.len() {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            pending.push(start);
            let mut size = 0;
            while let Some(place) = pending.pop() {
                size += 1;
                let (y, x) = (place / nx, place % nx);
                for to_y in y.saturating_sub(1)..ny.min(y + 2) {
                    for to_x in x.saturating_sub(1)..nx.min(x + 2) {
                        let next = to_y * nx + to_x;
                        if (!phase || to_y == y || to_x == x) && !seen[next] {
                            seen[next] = true;
                            pending.push(next);
                        }
                    }
                }
            }
            sizes.push(size);
        }
        sizes
    }
}
