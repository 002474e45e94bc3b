//! Connected components of a phase and of the rest.

use std::ops::Range;

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
    let [ny, nx] = images.shape();
    let of_image = |image: &[bool]| {
        let [objects, holes] = [true, false].map(|phase| component_sizes(image, phase, [ny, nx]));
        let largest = objects.iter().max().map_or(0.0, |&most| most as f64 / objects.iter().sum::<usize>() as f64);
        Clusters { objects: objects.len(), holes: holes.len(), largest }
    };
    images.images().map(of_image).collect()
}

/// Number of pixels of each component. Those of true have 4 neighbours, those of false 8.
fn component_sizes(image: &[bool], phase: bool, [ny, nx]: [usize; 2]) -> Vec<usize> {
    let corners = usize::from(!phase);
    let mut runs = Runs::default();
    let mut above = 0;
    for y in 0..ny {
        let row = &image[y * nx..][..nx];
        let mut candidate = above;
        above = runs.columns.len();
        let mut x = 0;
        while let Some(skipped) = row[x..].iter().position(|&inside| inside == phase) {
            let start = x + skipped;
            let end = row[start..].iter().position(|&inside| inside != phase).map_or(nx, |length| start + length);
            let run = runs.add(start..end);
            while candidate < above && runs.columns[candidate].end + corners <= start {
                candidate += 1;
            }
            let touching = (candidate..above).take_while(|&other| runs.columns[other].start < end + corners).count();
            (candidate..candidate + touching).for_each(|other| runs.join(run, other));
            x = end;
        }
    }
    runs.sizes()
}

/// Runs of neighbouring pixels in rows, in a disjoint-set forest whose trees are the components.
#[derive(Default)]
struct Runs {
    columns: Vec<Range<usize>>,
    parents: Vec<usize>,
}

impl Runs {
    /// Adds a run as a component of its own.
    fn add(&mut self, columns: Range<usize>) -> usize {
        self.columns.push(columns);
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    /// The root of the tree of `run`.
    fn root(&mut self, mut run: usize) -> usize {
        while self.parents[run] != run {
            self.parents[run] = self.parents[self.parents[run]];
            run = self.parents[run];
        }
        run
    }

    fn join(&mut self, a: usize, b: usize) {
        let [a, b] = [self.root(a), self.root(b)];
        self.parents[a.max(b)] = a.min(b);
    }

    /// Number of pixels of each component.
    fn sizes(mut self) -> Vec<usize> {
        let mut sizes = vec![0; self.columns.len()];
        for run in 0..self.columns.len() {
            let root = self.root(run);
            sizes[root] += self.columns[run].len();
        }
        sizes.retain(|&size| size > 0);
        sizes
    }
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
                let sorted = |mut sizes: Vec<usize>| {
                    sizes.sort_unstable();
                    sizes
                };
                assert_eq!(sorted(component_sizes(&image, phase, shape)), sorted(flooded(&image, phase, shape)));
            }
        }
    }

    /// Number of pixels of each component by flood fill.
    fn flooded(image: &[bool], phase: bool, [ny, nx]: [usize; 2]) -> Vec<usize> {
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
