//! The piece of a phase in the middle of a small square of voxels.

/// Voxels from the middle of a square to its border.
pub const REACH: usize = 5;
pub const SIDE: usize = 2 * REACH + 1;

/// Most voxels on the border of the square around the end of a branch.
const WIDEST: u32 = 6;

const MIDDLE: u128 = 1 << (SIDE * SIDE / 2);
const FIRST_COLUMN: u128 = {
    let (mut bits, mut row) = (0, 0);
    while row < SIDE {
        bits |= 1 << (row * SIDE);
        row += 1;
    }
    bits
};
const LAST_COLUMN: u128 = FIRST_COLUMN << (SIDE - 1);
const FIRST_ROW: u128 = (1 << SIDE) - 1;
const LAST_ROW: u128 = FIRST_ROW << (SIDE * (SIDE - 1));
const BORDER: u128 = FIRST_COLUMN | LAST_COLUMN | FIRST_ROW | LAST_ROW;

/// Which voxels of a square are of a phase, row by row, a bit each. That in the middle is.
#[derive(Debug, Clone, Copy)]
pub struct Square(u128);

impl Square {
    /// The square whose first voxel is that at `y` and `x` of `rows` of bits.
    pub fn at(rows: &[u128], y: usize, x: usize) -> Self {
        let row = |row: usize| (rows[y + row] >> x & ((1 << SIDE) - 1)) << (row * SIDE);
        Self((0..SIDE).map(row).sum())
    }

    /// Whether the piece in the middle leaves the square nowhere, or in one place and thin.
    pub fn is_at_end(self) -> bool {
        let mut piece = MIDDLE;
        loop {
            // What has come to opposite sides is no thin place.
            if piece & FIRST_ROW != 0 && piece & LAST_ROW != 0 || piece & FIRST_COLUMN != 0 && piece & LAST_COLUMN != 0
            {
                return false;
            }
            let larger = grown(piece, self.0);
            if larger == piece {
                break;
            }
            piece = larger;
        }
        let leaves = piece & BORDER;
        leaves.count_ones() <= WIDEST && connected(leaves & leaves.wrapping_neg(), leaves) == leaves
    }

    /// What lies between the middle and the nearest voxel of another piece, if no other voxel of the middle's piece is nearer
    /// to that: places along y and x from the middle.
    pub fn gap(self) -> impl Iterator<Item = (isize, isize)> {
        let piece = connected(MIDDLE, self.0);
        let distance = |(dy, dx): (isize, isize)| dy * dy + dx * dx;
        let nearest = places(self.0 & !piece).min_by_key(|&to| distance(to));
        let nearest = nearest.filter(|&to| places(piece).all(|(y, x)| distance((to.0 - y, to.1 - x)) >= distance(to)));
        nearest.into_iter().flat_map(|(dy, dx)| {
            let steps = dy.abs().max(dx.abs());
            let part = move |length: isize, step: isize| (2 * length * step + steps).div_euclid(2 * steps);
            (1..steps).map(move |step| (part(dy, step), part(dx, step)))
        })
    }
}

/// The places of bits, along y and x from the middle.
fn places(bits: u128) -> impl Iterator<Item = (isize, isize)> {
    let place = |at: usize| ((at / SIDE) as isize - REACH as isize, (at % SIDE) as isize - REACH as isize);
    (0..SIDE * SIDE).filter(move |at| bits >> at & 1 == 1).map(place)
}

/// The voxels `within` a square that are a voxel of `piece` or beside one: at a face, an edge or a corner.
fn grown(piece: u128, within: u128) -> u128 {
    let row = piece | (piece & !LAST_COLUMN) << 1 | (piece & !FIRST_COLUMN) >> 1;
    (row | row << SIDE | row >> SIDE) & within
}

/// The voxels `within` a square that are connected to `piece`.
fn connected(mut piece: u128, within: u128) -> u128 {
    loop {
        let larger = grown(piece, within);
        if larger == piece {
            return piece;
        }
        piece = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(voxels: &[(usize, usize)]) -> Square {
        Square(voxels.iter().fold(0, |bits, (y, x)| bits | 1 << (y * SIDE + x)))
    }

    fn line(xs: std::ops::RangeInclusive<usize>) -> Vec<(usize, usize)> {
        xs.map(|x| (REACH, x)).collect()
    }

    #[test]
    fn a_branch_ends_where_it_leaves_the_square_once_and_thin() {
        for (voxels, ends) in [
            (line(0..=5), true),
            (line(5..=5), true),
            (line(0..=10), false),
            // A bend; a fork; what lies beside the branch, as another branch may.
            ([line(0..=5), (0..5).map(|y| (y, 5)).collect()].concat(), false),
            ([line(3..=5), (0..11).map(|y| (y, 3)).collect()].concat(), false),
            ([line(0..=5), (0..11).map(|y| (y, 8)).collect()].concat(), true),
            // A straight interface is no branch, nor is what fills the square.
            ((0..66).map(|at| (at / 11, at % 11)).collect(), false),
            ((0..121).map(|at| (at / 11, at % 11)).collect(), false),
            ((0..33).map(|at| (at % 6, 4 + at / 11)).collect(), true),
        ] {
            assert_eq!(drawn(&voxels).is_at_end(), ends, "{voxels:?}");
        }
    }

    #[test]
    fn a_gap_is_what_lies_between_two_pieces() {
        let gap = |voxels: &[(usize, usize)]| drawn(voxels).gap().collect::<Vec<_>>();
        assert_eq!(gap(&[line(0..=5), vec![(7, 9)]].concat()), [(1, 1), (1, 2), (2, 3)]);
        // Another voxel of the branch is nearer, or nothing is there.
        assert_eq!(gap(&[line(0..=6), vec![(7, 9)]].concat()), []);
        assert_eq!(gap(&line(0..=5)), []);
    }
}
