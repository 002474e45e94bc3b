//! Meshes of voxels for Abaqus and CalculiX.
//!
//! CalculiX reads twenty characters of a number and cuts the rest off, exponent included; it refuses more than sixteen
//! numbers a line, a node 0, and two equations with the same dependent degree of freedom. meshio takes the first name
//! alone of each line of an element set, and one line alone of a set that is generated.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use super::{Spacing, replace, single};
use crate::micrograph::PhaseImages;
use crate::storage::Export;
use crate::{Error, Result};

/// The largest number of a node or element in Abaqus.
const MAX_NUMBER: usize = 999_999_999;

/// Numbers on a line of a set.
const NUMBERS_A_LINE: usize = 16;

/// Terms on a line of an equation.
const TERMS_A_LINE: usize = 4;

/// What a mesh has besides nodes, elements and sets, and its elements in two dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeshOptions {
    /// Whether equations tie opposite faces to each other, for periodic boundary conditions.
    pub periodic: bool,
    /// Whether elements of one layer are of plane stress (CPS4), not of plane strain (CPE4).
    pub plane_stress: bool,
}

/// Writes `image` as a mesh for Abaqus and CalculiX: an element for each voxel, and sets by phase and by side.
///
/// Elements are C3D8, or CPE4 or CPS4 for one layer, which has no thickness here. Element sets are `PHASE_0`,
/// `PHASE_1`, ... for each phase that occurs, and `ALL_ELEMENTS`. Node sets are `ALL_NODES`; in three dimensions `FACE_X0`
/// (x = 0), `FACE_X1` (largest x), ..., `EDGE_X0_Y0`, ... and `CORNER_X0_Y0_Z0`, ...; in two `EDGE_X0`, ... and
/// `CORNER_X0_Y0`, .... Faces contain their edges, edges their corners. Material, section and steps are the
/// caller's, in a file that includes this one.
///
/// With [`MeshOptions::periodic`], the displacements of opposite nodes differ by those of two corners: u(1) - u(0) =
/// u(`CORNER_X1_Y0_Z0`) - u(`CORNER_X0_Y0_Z0`) along x, and so on. These four corners (three in two dimensions) stay
/// free; what they are given is the mean deformation. No degree of freedom depends twice.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are several images or more nodes than Abaqus can number; [`Error::Io`] if the
/// file cannot be written; [`Error::Format`] if something else than a mesh of this library is there.
pub fn write_abaqus(image: &PhaseImages, spacing: &Spacing, options: &MeshOptions, path: &Path) -> Result<()> {
    let phases = single(image)?;
    let grid = NodeGrid::new(image.shape())?;
    let [nz, ny, nx] = image.shape();
    let unit = match spacing.unit().symbol() {
        "" => String::new(),
        symbol => format!(", lengths in {symbol}"),
    };
    replace(path, Export::Abaqus, |file| {
        file.write_all(b"** ")?;
        file.write_all(Export::Abaqus.mark())?;
        writeln!(file, "\n** {nx} x {ny} x {nz} voxels of {} phases{unit}", image.n_phases())?;
        grid.write_nodes(file, spacing)?;
        grid.write_elements(file, phases, image.n_phases(), options)?;
        grid.write_node_sets(file)?;
        if options.periodic { grid.write_equations(file) } else { Ok(()) }
    })
}

/// The nodes of a grid of voxels, numbered from 1 with x fastest. One layer of voxels has one layer of nodes.
struct NodeGrid {
    /// Voxels along x, y and z; 0 along z for one layer.
    sides: [usize; 3],
}

/// Where a set of nodes lies along one axis.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Whole,
    First,
    Last,
}

impl NodeGrid {
    fn new([nz, ny, nx]: [usize; 3]) -> Result<Self> {
        let sides = [nx, ny, if nz == 1 { 0 } else { nz }];
        let nodes = sides.iter().try_fold(1_usize, |product, side| product.checked_mul(side + 1));
        if nodes.is_none_or(|nodes| nodes > MAX_NUMBER) {
            return Err(Error::invalid(format!(
                "a mesh of {nx} x {ny} x {nz} elements has more nodes than the {MAX_NUMBER} that Abaqus can number; export a \
                 smaller image"
            )));
        }
        Ok(Self { sides })
    }

    /// Axes that there are: two for one layer.
    fn dimensions(&self) -> usize {
        if self.sides[2] == 0 { 2 } else { 3 }
    }

    /// The number of the node at x, y and z.
    fn number(&self, [x, y, z]: [usize; 3]) -> usize {
        1 + x + (self.sides[0] + 1) * (y + (self.sides[1] + 1) * z)
    }

    /// The places of nodes within `ranges` along x, y and z, x fastest.
    fn places(ranges: [RangeInclusive<usize>; 3]) -> impl Iterator<Item = [usize; 3]> {
        let [xs, ys, zs] = ranges;
        zs.flat_map(move |z| {
            let xs = xs.clone();
            ys.clone().flat_map(move |y| xs.clone().map(move |x| [x, y, z]))
        })
    }

    /// The places of all nodes.
    fn all(&self) -> impl Iterator<Item = [usize; 3]> {
        Self::places(self.sides.map(|side| 0..=side))
    }

    fn write_nodes(&self, file: &mut impl Write, spacing: &Spacing) -> io::Result<()> {
        let coordinates: [Vec<String>; 3] = std::array::from_fn(|axis| {
            (0..=self.sides[axis]).map(|place| number(place as f64 * spacing.sides()[axis])).collect()
        });
        writeln!(file, "*NODE, NSET=ALL_NODES")?;
        self.all().try_for_each(|place| {
            let [x, y, z] = std::array::from_fn(|axis| &coordinates[axis][place[axis]]);
            writeln!(file, "{}, {x}, {y}, {z}", self.number(place))
        })
    }

    fn write_elements(
        &self,
        file: &mut impl Write,
        phases: &[u8],
        n_phases: usize,
        options: &MeshOptions,
    ) -> io::Result<()> {
        let kind = match (self.dimensions(), options.plane_stress) {
            (3, _) => "C3D8",
            (_, false) => "CPE4",
            (_, true) => "CPS4",
        };
        let there: Vec<usize> = (0..n_phases).filter(|&phase| phases.contains(&(phase as u8))).collect();
        for &phase in &there {
            writeln!(file, "*ELEMENT, TYPE={kind}, ELSET=PHASE_{phase}")?;
            let voxels = Self::places(self.sides.map(|side| 0..=side.saturating_sub(1)));
            for (index, voxel) in voxels.enumerate().filter(|&(index, _)| usize::from(phases[index]) == phase) {
                write!(file, "{}", index + 1)?;
                self.corners(voxel).try_for_each(|node| write!(file, ", {node}"))?;
                writeln!(file)?;
            }
        }
        writeln!(file, "*ELSET, ELSET=ALL_ELEMENTS")?;
        there.iter().try_for_each(|phase| writeln!(file, "PHASE_{phase}"))
    }

    /// The nodes of an element, anticlockwise around z in each layer.
    fn corners(&self, [x, y, z]: [usize; 3]) -> impl Iterator<Item = usize> {
        const AROUND: [[usize; 2]; 4] = [[0, 0], [1, 0], [1, 1], [0, 1]];
        (0..self.dimensions() - 1)
            .flat_map(move |layer| AROUND.map(|[dx, dy]| self.number([x + dx, y + dy, z + layer])))
    }

    fn write_node_sets(&self, file: &mut impl Write) -> io::Result<()> {
        const SIDES: [Side; 3] = [Side::Whole, Side::First, Side::Last];
        let along_z: &[Side] = if self.dimensions() == 2 { &SIDES[..1] } else { &SIDES };
        for &z in along_z {
            for y in SIDES {
                for x in SIDES {
                    self.write_node_set(file, [x, y, z])?;
                }
            }
        }
        Ok(())
    }

    /// Writes the nodes at these sides, unless they are all.
    fn write_node_set(&self, file: &mut impl Write, sides: [Side; 3]) -> io::Result<()> {
        let at: String = sides
            .iter()
            .zip("XYZ".chars())
            .map(|(side, axis)| match side {
                Side::Whole => String::new(),
                Side::First => format!("_{axis}0"),
                Side::Last => format!("_{axis}1"),
            })
            .collect();
        let kind = match self.dimensions() - at.len() / 3 {
            0 => "CORNER",
            1 => "EDGE",
            2 if self.dimensions() == 3 => "FACE",
            _ => return Ok(()),
        };
        writeln!(file, "*NSET, NSET={kind}{at}")?;
        let ranges = std::array::from_fn(|axis| match sides[axis] {
            Side::Whole => 0..=self.sides[axis],
            Side::First => 0..=0,
            Side::Last => self.sides[axis]..=self.sides[axis],
        });
        for (index, place) in Self::places(ranges).enumerate() {
            let separator = match index % NUMBERS_A_LINE {
                _ if index == 0 => "",
                0 => "\n",
                _ => ", ",
            };
            write!(file, "{separator}{}", self.number(place))?;
        }
        writeln!(file)
    }

    /// Writes equations for the displacements of each node at the last side of some axes: they are those of the opposite
    /// node, and of each of these axes what its corner is displaced against the origin.
    ///
    /// Only nodes at last sides depend, each once; their opposites are at no last side, and the corners that stay free
    /// depend on nothing.
    fn write_equations(&self, file: &mut impl Write) -> io::Result<()> {
        writeln!(file, "*EQUATION")?;
        for place in self.all() {
            let terms = self.equation(place);
            if terms.is_empty() {
                continue;
            }
            for direction in 1..=self.dimensions() {
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
    fn equation(&self, place: [usize; 3]) -> Vec<(usize, i32)> {
        let is_last = |axis: usize| place[axis] == self.sides[axis];
        let axes: Vec<usize> = (0..self.dimensions()).filter(|&axis| is_last(axis)).collect();
        let opposite = std::array::from_fn(|axis| if axes.contains(&axis) { 0 } else { place[axis] });
        let is_corner = opposite == [0; 3];
        if axes.is_empty() || is_corner && axes.len() == 1 {
            return Vec::new();
        }
        let mut terms = vec![(self.number(place), 1)];
        if !is_corner {
            terms.push((self.number(opposite), -1));
        }
        for &axis in &axes {
            let mut corner = [0; 3];
            corner[axis] = self.sides[axis];
            terms.push((self.number(corner), -1));
        }
        terms.push((self.number([0; 3]), axes.len() as i32 - i32::from(is_corner)));
        terms
    }
}

/// A length in at most 14 digits and 20 characters.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.13e}").parse().unwrap_or(value);
    format!("{rounded:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_at_most_twenty_characters() {
        for value in [0.1, 1.0 / 3.0, 2e-7 / 3.0, 1e5 / 7.0, 1e15 / 7.0, 1e300 / 7.0, 1e-300 / 7.0, 1.1e-5 / 0.9] {
            let text = number(value);
            assert!(
                text.len() <= 20 && (text.parse::<f64>().unwrap() / value - 1.0).abs() < 1e-13,
                "{value:?}: {text}"
            );
        }
        assert_eq!((number(0.0), number(3.0 * 0.1)), ("0.0".into(), "0.3".into()));
    }

    #[test]
    fn a_mesh_that_cannot_be_numbered_is_refused() {
        assert!(NodeGrid::new([1, 1 << 20, 1 << 20]).is_err() && NodeGrid::new([usize::MAX - 1; 3]).is_err());
        assert_eq!(NodeGrid::new([1, 3, 4]).unwrap().all().count(), 20);
        assert_eq!(NodeGrid::new([2, 3, 4]).unwrap().all().count(), 60);
    }
}
