//! The piece of a phase in the middle of a small square of voxels.

/// Voxels from the middle of a square to its border.
pub const REACH: usize = 4;
pub const SIDE: usize = 2 * REACH + 1;

/// Most voxels on the border of the square around the end of a branch.
const WIDEST: u32 = 5;

/// How far before the end of a branch another piece is looked for.
pub const FAR: usize = SIDE;

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
    /// The square around the voxel at `y` and `x` of `rows` of bits, [`REACH`] from each end of them at least.
    pub fn around(rows: &[u128], y: usize, x: usize) -> Self {
        let row = |row: usize| (rows[y + row - REACH] >> (x - REACH) & ((1 << SIDE) - 1)) << (row * SIDE);
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

    /// What lies straight before the branch that ends in the middle, at most [`FAR`] voxels: places along y and x from the
    /// middle. Nothing, if the branch has no direction or goes on beside the middle.
    pub fn ahead(self) -> impl Iterator<Item = (isize, isize)> {
        let piece = connected(MIDDLE, self.0);
        let (y, x) = direction(piece);
        let length = y * y + x * x;
        let is_behind = |(dy, dx): (isize, isize)| {
            let along = dy * y + dx * x;
            along <= 0 || along * along <= length
        };
        let leads = length > 0 && places(piece).all(is_behind);
        let steps = if leads { y.abs().max(x.abs()) } else { 1 };
        let part = move |length: isize, step: isize| (2 * length * step + steps).div_euclid(2 * steps);
        (1..=if leads { FAR as isize } else { 0 })
            .map(move |step| (part(y, step), part(x, step)))
            .take_while(|(dy, dx)| dy * dy + dx * dx <= (FAR * FAR) as isize)
            .filter(move |&place| bit(place).is_none_or(|bit| piece & bit == 0))
    }
}

/// Where a piece leads in the middle of a square, along y and x: from the mean of its places to that of those near the middle.
/// (0, 0) if these are less than half a voxel apart.
fn direction(piece: u128) -> (isize, isize) {
    const NEAR: isize = 2;
    let sums = |sums: [isize; 3], (y, x): (isize, isize)| [sums[0] + 1, sums[1] + y, sums[2] + x];
    let [all, ally, allx] = places(piece).fold([0; 3], sums);
    let [near, y, x] = places(piece).filter(|(y, x)| y.abs().max(x.abs()) <= NEAR).fold([0; 3], sums);
    let (y, x) = (y * all - ally * near, x * all - allx * near);
    if 4 * (y * y + x * x) >= (near * all).pow(2) { (y, x) } else { (0, 0) }
}

/// The bit of a place along y and x from the middle, if it is in the square.
fn bit((y, x): (isize, isize)) -> Option<u128> {
    let along = |at: isize| usize::try_from(at + REACH as isize).ok().filter(|&at| at < SIDE);
    Some(1 << (along(y)? * SIDE + along(x)?))
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

    fn column(x: usize, ys: std::ops::RangeInclusive<usize>) -> Vec<(usize, usize)> {
        ys.map(|y| (y, x)).collect()
    }

    #[test]
    fn a_branch_ends_where_it_leaves_the_square_once_and_thin() {
        for (voxels, ends) in [
            (line(0..=4), true),
            (line(4..=4), true),
            (line(0..=8), false),
            // A bend; a fork; what lies beside the branch, as another branch may.
            ([line(0..=4), column(4, 0..=3)].concat(), false),
            ([line(2..=4), column(2, 0..=8)].concat(), false),
            ([line(0..=4), column(7, 0..=8)].concat(), true),
            // A straight interface is no branch, nor is what fills the square; a wide branch is.
            ((0..45).map(|at| (at / 9, at % 9)).collect(), false),
            ((0..81).map(|at| (at / 9, at % 9)).collect(), false),
            ((0..15).map(|at| (at / 3, 3 + at % 3)).collect(), true),
        ] {
            assert_eq!(drawn(&voxels).is_at_end(), ends, "{voxels:?}");
        }
    }

    #[test]
    fn a_branch_leads_straight_on_from_its_last_voxels() {
        let ahead = |voxels: &[(usize, usize)]| drawn(voxels).ahead().collect::<Vec<_>>();
        let straight = (1..=9).map(|x| (0, x)).collect::<Vec<_>>();
        assert_eq!(ahead(&line(0..=4)), straight);
        assert_eq!(ahead(&[line(0..=4), (0..=4).map(|x| (5, x)).collect()].concat()), straight);
        let diagonal: Vec<(usize, usize)> = (4..=8).map(|at| (at, at)).collect();
        assert_eq!(ahead(&diagonal), (1..=6).map(|at| (-at, -at)).collect::<Vec<_>>());
        // The branch goes on by more than a voxel.
        assert_eq!(ahead(&line(0..=6)), []);
        // A round piece leads nowhere.
        assert_eq!(ahead(&[line(3..=5), column(4, 3..=5)].concat()), []);
        // What is its own is not before it.
        let bent = [line(1..=4), vec![(3, 5), (2, 5), (1, 5)]].concat();
        assert!(
            ahead(&bent).into_iter().all(|place| !bent.contains(&((place.0 + 4) as usize, (place.1 + 4) as usize)))
        );
    }
}
