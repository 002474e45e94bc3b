//! What holds for every format.

use std::fs;

use ndarray::Array4;

use super::*;
use crate::micrograph::LengthUnit;
use crate::storage::testing::TestDirectory;

/// Phases 0 to 2 of unequal sides.
pub(super) fn image(shape: [usize; 3]) -> PhaseImages {
    let [nz, ny, nx] = shape;
    let phases = Array4::from_shape_fn((1, nz, ny, nx), |(_, z, y, x)| ((x + 2 * y + 5 * z) % 3) as u8);
    PhaseImages::new(phases, 3).unwrap()
}

type Writer = fn(&PhaseImages, &Path) -> Result<()>;

const WRITERS: [(&str, Writer); 6] = [
    ("vti", |image, path| write_vti(image, &Spacing::default(), path)),
    ("npy", |image, path| write_npy(image, path)),
    ("dream3d", |image, path| write_dream3d(image, &Spacing::default(), path)),
    ("abaqus", |image, path| write_abaqus(image, &Spacing::default(), &MeshOptions::default(), path)),
    ("xdmf", |image, path| write_xdmf(image, &Spacing::default(), path)),
    ("tiff", |image, path| write_tiff(image, &Spacing::default(), path)),
];

#[test]
fn an_export_replaces_one_of_its_own_format_and_nothing_else() {
    let directory = TestDirectory::new("export-replaced");
    let images = [image([2, 3, 4]), image([1, 5, 7])];
    for (name, write) in WRITERS {
        let path = directory.path(name);
        write(&images[0], &path).unwrap();
        let first = fs::read(&path).unwrap();
        write(&images[1], &path).unwrap();
        assert!(fs::read(&path).unwrap() != first, "{name}");
        write(&images[0], &path).unwrap();
        assert!(fs::read(&path).unwrap() == first, "{name}: the same bytes each time");
    }
    for (name, write) in WRITERS {
        for (other, _) in WRITERS.into_iter().filter(|(other, _)| *other != name) {
            let before = fs::read(directory.path(other)).unwrap();
            let error = write(&images[0], &directory.path(other)).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{name} over {other}: {error}");
            assert!(fs::read(directory.path(other)).unwrap() == before);
        }
        let mine = directory.path("mine");
        fs::write(&mine, "a text").unwrap();
        assert!(matches!(write(&images[0], &mine), Err(Error::Format { .. })), "{name}");
        assert_eq!(fs::read(&mine).unwrap(), b"a text");
    }
}

#[test]
fn several_images_do_not_fit_into_one_file() {
    let directory = TestDirectory::new("export-several");
    let two = PhaseImages::new(Array4::zeros((2, 1, 3, 3)), 2).unwrap();
    for (name, write) in WRITERS {
        let error = write(&two, &directory.path(name)).unwrap_err();
        assert!(error.to_string().contains("2 images"), "{name}: {error}");
    }
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
fn sides_of_voxels_are_positive_and_finite() {
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Spacing::new([1.0, wrong, 1.0], LengthUnit::Metre).is_err());
    }
    assert_eq!(Spacing::default(), Spacing::new([1.0; 3], LengthUnit::Unspecified).unwrap());
}

/// The lines behind each line that starts with `keyword`, split at commas.
fn blocks(text: &str, keyword: &str) -> Vec<Vec<Vec<String>>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("**")).collect();
    let starts = (0..lines.len()).filter(|&at| lines[at].starts_with(keyword));
    let body = |at: usize| lines[at + 1..].iter().take_while(|line| !line.starts_with('*'));
    starts.map(|at| body(at).map(|line| line.split(", ").map(str::to_owned).collect()).collect()).collect()
}

#[test]
fn equations_hold_for_every_mean_deformation_and_no_degree_of_freedom_depends_twice() {
    let directory = TestDirectory::new("export-equations");
    let path = directory.path("mesh.inp");
    for (shape, dimensions) in [([3, 4, 2], 3), ([1, 5, 3], 2), ([2, 1, 1], 3), ([1, 1, 1], 2)] {
        let spacing = Spacing::new([0.5, 0.25, 2.0], LengthUnit::Unspecified).unwrap();
        let options = MeshOptions { periodic: true, ..Default::default() };
        write_abaqus(&image(shape), &spacing, &options, &path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let nodes: Vec<Vec<f64>> = blocks(&text, "*NODE")[0]
            .iter()
            .map(|line| line[1..].iter().map(|number| number.parse().unwrap()).collect())
            .collect();
        // Displacements of a mean deformation, and beside it a fluctuation that is periodic.
        let last: Vec<f64> = (0..3).map(|axis| nodes.iter().map(|node| node[axis]).fold(0.0, f64::max)).collect();
        let displacement = |node: usize, direction: usize| {
            let place = &nodes[node - 1];
            let mean: f64 = (0..3).map(|axis| (1 + axis + 3 * direction) as f64 * place[axis]).sum();
            let angle: f64 = (0..3).filter(|&axis| last[axis] > 0.0).map(|axis| place[axis] / last[axis]).sum();
            mean + (2.0 * std::f64::consts::PI * angle).cos()
        };
        let (mut dependent, mut others) = (Vec::new(), Vec::new());
        let numbers = blocks(&text, "*EQUATION").concat().concat();
        let mut numbers = numbers.iter().map(|number| number.parse::<f64>().unwrap());
        while let Some(n_terms) = numbers.next() {
            let terms: Vec<[f64; 3]> =
                (0..n_terms as usize).map(|_| std::array::from_fn(|_| numbers.next().unwrap())).collect();
            let sum: f64 =
                terms.iter().map(|&[node, dof, factor]| factor * displacement(node as usize, dof as usize)).sum();
            assert!(sum.abs() < 1e-9, "{shape:?}: {terms:?} gives {sum}");
            dependent.push((terms[0][0] as usize, terms[0][1] as usize));
            others.extend(terms[1..].iter().map(|term| (term[0] as usize, term[1] as usize)));
        }
        // One for each node at a last side but the corners that stay free, in each direction.
        let [nz, ny, nx] = shape;
        let [inner, all] = if dimensions == 3 {
            [nx * ny * nz, (nx + 1) * (ny + 1) * (nz + 1)]
        } else {
            [nx * ny, (nx + 1) * (ny + 1)]
        };
        assert_eq!(dependent.len(), dimensions * (all - inner - dimensions));
        let distinct: std::collections::HashSet<_> = dependent.iter().collect();
        assert!(distinct.len() == dependent.len() && others.iter().all(|term| !distinct.contains(term)));
    }
}

#[test]
fn lines_of_a_mesh_have_at_most_sixteen_numbers_of_twenty_characters() {
    let directory = TestDirectory::new("export-lines");
    let path = directory.path("mesh.inp");
    let spacing = Spacing::new([1.0 / 3.0, 1e-7 / 3.0, 1e7 / 3.0], LengthUnit::Micrometre).unwrap();
    write_abaqus(&image([3, 7, 19]), &spacing, &MeshOptions { periodic: true, ..Default::default() }, &path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('*')) {
        let entries: Vec<&str> = line.split(", ").collect();
        assert!(entries.len() <= 16 && entries.iter().all(|entry| entry.len() <= 20), "{line}");
    }
    assert!(text.contains("lengths in um") && text.contains("TYPE=C3D8, ELSET=PHASE_2"));
}

#[test]
fn the_hdf5_file_beside_xdmf_is_another_file_with_a_plain_name() {
    let directory = TestDirectory::new("export-xdmf-names");
    for name in ["element.h5", "a:b.xdmf", "a<b.xdmf"] {
        let error = write_xdmf(&image([1, 2, 3]), &Spacing::default(), &directory.path(name)).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter(_)) && error.to_string().contains(&name[..2]), "{error}");
    }
    assert_eq!(directory.names(), [""; 0]);
    // What is in its place stays, and so does the XDMF file.
    let [xdmf, hdf5] = ["element.xdmf", "element.h5"].map(|name| directory.path(name));
    fs::write(&hdf5, "a text").unwrap();
    assert!(matches!(write_xdmf(&image([1, 2, 3]), &Spacing::default(), &xdmf), Err(Error::Format { .. })));
    assert!(!xdmf.exists() && fs::read(&hdf5).unwrap() == b"a text");
}
