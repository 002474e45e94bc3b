//! What has been written is read, and what is not there is not.

use ndarray::Array4;

use super::*;
use crate::micrograph::LengthUnit;
use crate::storage::testing::TestDirectory;
use crate::storage::{Header, Mode, RealisationFile};

const SHAPE: [usize; 3] = [2, 3, 5];

fn header() -> Header {
    Header {
        shape: SHAPE,
        first_voxel: [0; 3],
        whole_shape: SHAPE,
        n_phases: 3,
        seed: 1,
        voxel_size: 0.25,
        identity: Vec::new(),
        provenance: vec![(VOXEL_UNIT.into(), "um".into())],
    }
}

fn images(n: usize) -> PhaseImages {
    let [nz, ny, nx] = SHAPE;
    let phases = Array4::from_shape_fn((n, nz, ny, nx), |(i, z, y, x)| ((x + 2 * y + 4 * z + i) % 3) as u8);
    PhaseImages::new(phases, 3).unwrap()
}

/// A file with the realisations 7, 8, ... of which `finished` says whether more are expected.
fn write(path: &Path, layout: &Layout, n: usize, finished: bool) {
    let mut file = RealisationFile::open(path, layout, &header(), Mode::Replace).unwrap();
    file.append(7, &images(n), &vec![f64::NAN; n]).unwrap();
    if finished {
        file.finish().unwrap();
    }
}

#[test]
fn a_realisation_is_found_by_its_index() {
    let directory = TestDirectory::new("read-realisation");
    for layout in [Layout::VtkHdf, Layout::Group("rve/one".into())] {
        for (n, finished) in [(1, true), (3, true), (3, false)] {
            let path = directory.path(&format!("{n}-{finished}-{}.h5", layout == Layout::VtkHdf));
            write(&path, &layout, n, finished);
            for i in 0..n {
                let (image, size) = read_realisation(&path, &layout, Some(7 + i as u64)).unwrap();
                assert_eq!(image, images(n).range(i, 1));
                assert_eq!(size, VoxelSize::new(0.25, LengthUnit::Micrometre).unwrap());
            }
            assert_eq!(read_realisation(&path, &layout, None).unwrap().0, images(n).range(0, 1));
            let error = read_realisation(&path, &layout, Some(10)).unwrap_err().to_string();
            assert!(error.contains("no realisation 10") && error.contains("from 7 to"), "{error}");
            assert_eq!(error.contains("has not finished"), !finished, "{error}");
        }
    }
}

#[test]
fn realisations_that_do_not_count_are_not_read() {
    let directory = TestDirectory::new("read-uncounted");
    let path = directory.path("a.h5");
    write(&path, &Layout::VtkHdf, 3, true);
    let file = hdf5::File::open_rw(&path).unwrap();
    file.group("davegan").unwrap().attr("n_written").unwrap().write_scalar(&2_u64).unwrap();
    file.close().unwrap();
    assert!(read_realisation(&path, &Layout::VtkHdf, Some(8)).is_ok());
    assert!(matches!(read_realisation(&path, &Layout::VtkHdf, Some(9)), Err(Error::Format { .. })));
}

#[test]
fn what_is_no_file_of_realisations_is_refused() {
    let directory = TestDirectory::new("read-foreign");
    let [text, empty, group] = ["text", "empty.h5", "group.h5"].map(|name| directory.path(name));
    std::fs::write(&text, "a text").unwrap();
    hdf5::File::create(&empty).unwrap().close().unwrap();
    write(&group, &Layout::Group("rve".into()), 1, true);
    for path in [&text, &empty, &group] {
        let error = read_realisation(path, &Layout::VtkHdf, None).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error}");
    }
    assert!(matches!(read_realisation(&directory.path("none"), &Layout::VtkHdf, None), Err(Error::Io { .. })));
    let file = hdf5::File::open_rw(&group).unwrap();
    file.group("rve").unwrap().unlink("phase").unwrap();
    file.close().unwrap();
    assert!(read_realisation(&group, &Layout::Group("rve".into()), None).is_err());
}

/// Puts an array without values in the place of a column, which claims `rows` rows; other axes are `columns`.
fn claim(path: &Path, name: &str, rows: usize, columns: &[usize]) {
    let file = hdf5::File::open_rw(path).unwrap();
    let group = file.group("davegan").unwrap();
    group.unlink(name).unwrap();
    let shape = [&[rows], columns].concat();
    let chunk = shape.iter().map(|&side| side.min(512)).collect::<Vec<_>>();
    let extents: Vec<_> = shape.iter().map(|&side| hdf5::Extent::resizable(side)).collect();
    group.new_dataset::<f64>().chunk(chunk).shape(extents).create(name).unwrap();
    drop(group);
    file.close().unwrap();
}

#[test]
fn records_that_claim_absurd_tables_are_refused_at_once() {
    let directory = TestDirectory::new("read-absurd");
    let path = directory.path("a.h5");
    write(&path, &Layout::VtkHdf, 2, true);
    claim(&path, "volume_fraction", 2, &[1 << 40]);
    let described = crate::storage::describe(&path).unwrap_err();
    assert!(described.to_string().contains("the volume fractions of its realisations are damaged"), "{described}");
    for name in ["s2_error", "volume_fraction"] {
        write(&path, &Layout::VtkHdf, 2, true);
        claim(&path, name, 1 << 58, if name == "s2_error" { &[] } else { &[3] });
        let mut file = RealisationFile::open(&path, &Layout::VtkHdf, &header(), Mode::Append).unwrap();
        let refused = file.append(20, &images(1), &[0.0]).unwrap_err().to_string();
        assert!(refused.contains("claims more chunks than the file can hold"), "{refused}");
        drop(file);
        assert!(read_realisation(&path, &Layout::VtkHdf, None).is_ok());
    }
}
