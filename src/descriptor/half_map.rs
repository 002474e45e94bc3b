//! The half of the lags of a periodic correlation that is kept.

/// Half of the rows of a periodic map, which is equal at a lag and at its opposite.
pub(super) struct HalfMap {
    /// For each row `z * ny + y` of the map, the row of the opposite lags.
    pub opposite: Vec<usize>,
    /// The rows kept: first those that are their own opposite, then one of each pair.
    pub rows: Vec<usize>,
    /// Length of a row.
    pub nx: usize,
    n_own_opposite: usize,
}

impl HalfMap {
    /// For images of `[nz, ny, nx]`.
    pub fn new([nz, ny, nx]: [usize; 3]) -> Self {
        let opposite: Vec<usize> = (0..nz * ny).map(|row| (nz - row / ny) % nz * ny + (ny - row % ny) % ny).collect();
        let own = (0..nz * ny).filter(|&row| opposite[row] == row);
        let one_of_two = (0..nz * ny).filter(|&row| row < opposite[row]);
        let rows: Vec<usize> = own.clone().chain(one_of_two).collect();
        Self { n_own_opposite: own.count(), rows, opposite, nx }
    }

    /// Number of values kept.
    pub fn len(&self) -> usize {
        self.rows.len() * self.nx
    }

    /// The first so many values are of one lag each, the others of a lag and its opposite.
    pub fn n_single(&self) -> usize {
        self.n_own_opposite * self.nx
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct::SHAPES;

    #[test]
    fn every_row_is_kept_or_its_opposite_is() {
        for shape in SHAPES {
            let map = HalfMap::new(shape);
            let mut represented = vec![0; shape[0] * shape[1]];
            for (place, &row) in map.rows.iter().enumerate() {
                represented[row] += 1;
                if place * map.nx >= map.n_single() {
                    represented[map.opposite[row]] += 1;
                }
            }
            assert_eq!(represented, vec![1; shape[0] * shape[1]], "{shape:?}");
            assert_eq!(map.len(), map.rows.len() * shape[2]);
        }
    }

    #[test]
    fn opposite_lags_add_up_to_whole_periods() {
        // 3 x 4 rows: (1, 3) and (2, 1).
        let map = HalfMap::new([3, 4, 5]);
        assert_eq!((map.opposite[7], map.opposite[9]), (9, 7));
        assert_eq!(map.rows[..2], [0, 2]);
    }
}
