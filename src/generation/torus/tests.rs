//! Tori cover the sizes that are asked for, and patches cover tori.

use super::super::field::tests::model;
use super::*;

#[test]
fn patches_are_the_parts_of_a_torus() {
    for shape in [[1, 32, 48], [1, 80, 320], [1, 528, 272], [32, 48, 32], [80, 32, 304]] {
        let (cells, side) = (Cells::of(shape), 2);
        let image: Vec<usize> = (0..3 * cells.count() * cells.values(side).iter().product::<usize>()).collect();
        let mut joined = vec![usize::MAX; image.len()];
        cells.fill(&Part::whole(cells, side), 3, &mut joined, |_, patch| Ok(patch.cut(&image, side, cells))).unwrap();
        assert_eq!(joined, image, "{shape:?}");
    }
}

#[test]
fn patches_begin_at_even_cells_whatever_part_is_made() {
    for shape in [[1, 48, 544], [1, 80, 272], [48, 80, 32], [32, 288, 48]] {
        let cells = Cells::of(shape);
        for first in [[0, 0, 0], [0, 17, 500], [-1, 40, -33], [7, -20, 16]] {
            let size = [shape[0].min(20), shape[1].min(70), shape[2]];
            for patch in cells.patches(&Part::of_block(shape, &Block { first, size })) {
                let begins = [0, 1, 2].map(|axis| (patch.first[axis] + patch.halo[axis]) % cells.counts[axis]);
                assert!(begins.iter().all(|begin| begin % 2 == 0), "{shape:?} {first:?}: {begins:?}");
            }
        }
    }
}

#[test]
fn latents_are_those_of_the_cells() {
    let model = model(2);
    assert_eq!(latent_size(&model, [1, 64, 64]), Ok(64));
    assert_eq!(latent_size(&model, [1, 32, 1 << 20]), Ok(8 << 16));
}

#[test]
fn other_shapes_are_refused_with_one_that_is_right() {
    let model = model(2);
    for (shape, parts) in [
        ([1, 100, 64], ["1 x 100 x 64", "1 x 96 x 64"]),
        ([1, 64, 16], ["1 x 64 x 16", "1 x 64 x 32"]),
        ([2, 64, 64], ["2 x 64 x 64", "one layer"]),
        ([1, 0, 64], ["1 x 0 x 64", "1 x 32 x 64"]),
        ([1, 64, usize::MAX], ["18446744073709551615", "1 x 64 x 1048576"]),
    ] {
        let error = latent_size(&model, shape).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
