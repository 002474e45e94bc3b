//! Equations for periodic boundary conditions.

use std::io::{self, Write};

use super::abaqus::NodeGrid;

/// Terms on a line of an equation.
const TERMS_A_LINE: usize = 4;

/// Writes equations for the displacements of each node at the last side of some axes: they are those of the opposite
/// node, and of each of these axes what its corner is displaced against the origin.
///
/// Only nodes at last sides depend, each once; their opposites are at no last side, and the corners that stay free
/// depend on nothing.
pub(super) fn write_equations(file: &mut impl Write, grid: &NodeGrid) -> io::Result<()> {
    writeln!(file, "*EQUATION")?;
    for place in grid.all() {
        let terms = terms(grid, place);
        if terms.is_empty() {
            continue;
        }
        for direction in 1..=grid.dimensions() {
            writeln!(file, "{}", terms.len())?;
            let term = |(node, factor): &(usize, i32)| format!("{node}, {direction}, {factor}.0");
            for line in terms.chunks(TERMS_A_LINE) {
                writeln!(file, "{}", line.iter().map(term).collect::<Vec<_>>().join(", "))?;
            }
        }
    }
    Ok(())
}

/// Nodes and factors of the equation on which the node at `place` depends; none if it is free.
fn terms(grid: &NodeGrid, place: [usize; 3]) -> Vec<(usize, i32)> {
    let is_last = |axis: usize| place[axis] == grid.sides[axis];
    let axes: Vec<usize> = (0..grid.dimensions()).filter(|&axis| is_last(axis)).collect();
    let opposite = std::array::from_fn(|axis| if axes.contains(&axis) { 0 } else { place[axis] });
    let is_corner = opposite == [0; 3];
    if axes.is_empty() || is_corner && axes.len() == 1 {
        return Vec::new();
    }
    let mut terms = vec![(grid.number(place), 1)];
    if !is_corner {
        terms.push((grid.number(opposite), -1));
    }
    for &axis in &axes {
        let mut corner = [0; 3];
        corner[axis] = grid.sides[axis];
        terms.push((grid.number(corner), -1));
    }
    terms.push((grid.number([0; 3]), axes.len() as i32 - i32::from(is_corner)));
    terms
}
