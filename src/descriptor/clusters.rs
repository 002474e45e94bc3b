//! Connected pieces of a phase and of what it leaves.

use super::indicator::Indicator;

/// What a phase is like in pieces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clusters {
    /// Pieces of the phase; pixels are connected through their edges.
    pub objects: usize,
    /// Pieces of what is not the phase, the outside among them; pixels are connected through edges and corners.
    pub holes: usize,
    /// Share of the phase that is in its largest piece; 0 if there is none.
    pub largest: f64,
}

/// The pieces of each image; none continues across its edges.
pub fn clusters(images: &Indicator) -> Vec<Clusters> {
    let [ny, nx] = images.shape();
    let of_image = |image: &[bool]| {
        let (objects, holes) = (pieces(image, true, [ny, nx]), pieces(image, false, [ny, nx]));
        let largest = objects.iter().max().map_or(0.0, |&most| most as f64 / objects.iter().sum::<usize>() as f64);
        Clusters { objects: objects.len(), holes: holes.len(), largest }
    };
    images.images().map(of_image).collect()
}

/// Pixels of each piece of `phase`. Pieces of true are connected through edges, those of false through corners too.
fn pieces(image: &[bool], phase: bool, [ny, nx]: [usize; 2]) -> Vec<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn corners_connect_what_is_left_and_not_the_phase() {
        let [diagonal] = clusters(&drawn(&[&["#..", ".#.", "..#"]]))[..] else { panic!("one image") };
        assert_eq!(diagonal, Clusters { objects: 3, holes: 1, largest: 1.0 / 3.0 });
        let ring = ["#####", "#...#", "#.#.#", "#...#", "#####"];
        let [ring] = clusters(&drawn(&[&ring]))[..] else { panic!("one image") };
        assert_eq!(ring, Clusters { objects: 2, holes: 1, largest: 16.0 / 17.0 });
    }

    #[test]
    fn nothing_and_everything() {
        let found = clusters(&drawn(&[&["..", ".."], &["##", "##"]]));
        assert_eq!(found[0], Clusters { objects: 0, holes: 1, largest: 0.0 });
        assert_eq!(found[1], Clusters { objects: 1, holes: 0, largest: 1.0 });
    }
}
