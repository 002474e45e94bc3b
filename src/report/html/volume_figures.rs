//! Three-dimensional descriptors: surface, Euler characteristic, components, percolation and conductivity.

use maud::{Markup, html};

use crate::Result;
use crate::descriptor::{
    CONTRAST, Indicator, VolumeDescriptors, deviation, interface_density, mean, volume_descriptors,
};
use crate::error::counted;
use crate::micrograph::{Directions, Micrograph, PhaseImages};
use crate::report::number::significant;

/// Maximum number of volumes that are measured.
const MOST: usize = 8;

/// Number of volumes of so many that are measured.
pub(super) fn n_measured(volumes: usize) -> usize {
    volumes.min(MOST)
}

/// A table for each phase. Volumes are tori. `done` is called after each volume of each phase and ends the work by an error.
pub(super) fn section(
    micrographs: &Directions<Micrograph>,
    phases: &[u8],
    volumes: &PhaseImages,
    done: &dyn Fn() -> Result<()>,
) -> Result<Markup> {
    let measured = volumes.range(0, n_measured(volumes.len()));
    let [nz, ny, nx] = measured.shape();
    let of_phase = |&phase: &u8| {
        let found = volume_descriptors(&measured, phase, true, true, done)?;
        let planes = Planes::new(micrographs, phase)?;
        Ok(html! {
            @if phases.len() > 1 { h3 { "Phase " (phase) } }
            (table(&found, &planes))
        })
    };
    let tables = phases.iter().map(of_phase).collect::<Result<Vec<_>>>()?;
    Ok(html! {
        section aria-label="Three-dimensional descriptors" {
            h2 { "Three-dimensional descriptors" }
            p { "Mean and standard deviation over " (counted(measured.len(), "realisation")) " of " (nx) " × " (ny) " × " (nz)
                " periodic voxels, of phase " (phases.iter().map(u8::to_string).collect::<Vec<_>>().join(", "))
                ". Volume fraction and voxel faces follow from the micrograph too; a plane does not tell the others." }
            @for table in tables { (table) }
            p { "Specific surface by Crofton's formula with 13 weighted directions, in units of one over the side of a voxel; faces between "
                "voxels are more by half for a sphere. With 6 neighbours voxels are connected through faces, with 26 also through edges and corners. "
                "The phase percolates along an axis if a component reaches from face to face. Conductivity: the phase conducts "
                (CONTRAST) " times as well as the rest, in units of that of the rest." }
        }
    })
}

/// What micrographs tell of a body.
struct Planes {
    volume_fraction: f64,
    /// Faces between voxels of the phase and others, per voxel.
    faces: f64,
}

impl Planes {
    /// From planes across z, y and x: each axis lies in two of them.
    fn new(micrographs: &Directions<Micrograph>, phase: u8) -> Result<Self> {
        let (mut fractions, mut faces) = (Vec::new(), 0.0);
        for axis in 0..3 {
            let images = &micrographs.across(axis).images;
            fractions.push(images.volume_fractions()[usize::from(phase)]);
            faces += mean(&interface_density(&Indicator::new(images, phase)?)) / 2.0;
        }
        Ok(Self { volume_fraction: mean(&fractions), faces })
    }
}

fn table(found: &[VolumeDescriptors], planes: &Planes) -> Markup {
    let row = |name: &str, value: &dyn Fn(&VolumeDescriptors) -> f64, real: f64| {
        let values: Vec<f64> = found.iter().map(value).collect();
        let spread = if values.len() > 1 { deviation(&values) } else { f64::NAN };
        html! {
            tr {
                th scope="row" { (name) }
                td { (significant(mean(&values), 3)) }
                td { (significant(spread, 2)) }
                td { (significant(real, 3)) }
            }
        }
    };
    let unknown = f64::NAN;
    let neighbours = ["6 neighbours", "26 neighbours"];
    let euler = |of: &VolumeDescriptors| [of.euler.faces, of.euler.corners].map(|euler| euler as f64);
    let along = ["x", "y", "z"];
    html! {
        table {
            thead { tr {
                @for name in ["Descriptor", "Realisations", "Standard deviation", "Micrograph"] { th scope="col" { (name) } }
            } }
            tbody {
                (row("Volume fraction", &|of| of.volume_fraction, planes.volume_fraction))
                (row("Voxel faces towards the rest, per voxel", &|of| of.surface.faces, planes.faces))
                (row("Specific surface", &|of| of.surface.crofton, unknown))
                @for (i, kind) in neighbours.into_iter().enumerate() {
                    (row(&format!("Euler characteristic, {kind}"), &|of| euler(of)[i], unknown))
                }
                @for (i, kind) in neighbours.into_iter().enumerate() {
                    (row(&format!("Connected components, {kind}"), &|of| of.clusters[i].count as f64, unknown))
                    (row(&format!("Share of the phase in the largest, {kind}"), &|of| of.clusters[i].largest, unknown))
                }
                @for (i, axis) in along.into_iter().enumerate() {
                    (row(&format!("Effective conductivity along {axis}"), &|of| of.conductivity.map_or(f64::NAN, |k| k[i]), unknown))
                }
            }
        }
        (percolation(found, neighbours, along))
    }
}

/// How many volumes percolate along each axis.
fn percolation(found: &[VolumeDescriptors], neighbours: [&str; 2], along: [&str; 3]) -> Markup {
    // The axes of `percolates` are z, y and x.
    let count = |i: usize, axis: usize| found.iter().filter(|of| of.clusters[i].percolates[2 - axis]).count();
    html! {
        table {
            thead { tr {
                th scope="col" { "Realisations that percolate" }
                @for axis in along { th scope="col" { "along " (axis) } }
            } }
            tbody {
                @for (i, kind) in neighbours.into_iter().enumerate() {
                    tr {
                        th scope="row" { (kind) }
                        @for axis in 0..3 { td { (count(i, axis)) " of " (found.len()) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    /// Rods of 2 x 2 voxels along x in a cube of 8, one in the first volume and four in the second.
    fn rods() -> PhaseImages {
        let phases = Array4::from_shape_fn((2, 8, 8, 8), |(n, z, y, _)| {
            let near = |at: usize| at % 4 < 2 && (n == 1 || at < 4);
            u8::from(near(z) && near(y))
        });
        PhaseImages::new(phases, 2).unwrap()
    }

    #[test]
    fn rods_percolate_along_themselves_alone() {
        let found = volume_descriptors(&rods(), 1, true, true, &|| Ok(())).unwrap();
        let page = table(&found, &Planes { volume_fraction: 0.25, faces: 0.5 }).into_string();
        for row in [
            // One rod and four: 4 / 64 and 16 / 64.
            "Volume fraction</th><td>0.156</td><td>0.13</td><td>0.250</td>",
            "Voxel faces towards the rest, per voxel</th><td>0.312</td>",
            "Connected components, 6 neighbours</th><td>2.50</td><td>2.1</td><td>–</td>",
            "6 neighbours</th><td>2 of 2</td><td>0 of 2</td><td>0 of 2</td>",
        ] {
            assert!(page.contains(row), "{row}: {page}");
        }
    }

    #[test]
    fn faces_follow_from_planes_of_each_direction() {
        let volume = rods().range(1, 1);
        let planes = [0, 1, 2].map(|axis| {
            let images = volume.planes(axis, 1);
            let (n, [_, ny, nx]) = (images.len(), images.shape());
            Micrograph::from_memory(images.as_slice(), (n, ny, nx)).unwrap()
        });
        let found = Planes::new(&Directions::new(planes.iter().collect()).unwrap(), 1).unwrap();
        // On half of all lines along y and z, 3 of 7 pairs of neighbours differ.
        assert!((found.faces - 2.0 * 0.5 * 3.0 / 7.0).abs() < 1e-12, "{}", found.faces);
        assert_eq!(found.volume_fraction, 0.25);
    }
}
