//! What a file of realisations promises.

use std::fs;

use ndarray::{Array1, Array2, Array3, Array4, s};

use super::*;
use crate::storage::hdf5_file::text_attribute;
use crate::storage::testing::TestDirectory;
use crate::storage::write_phase_images;

pub(super) const VOLUME: [usize; 3] = [3, 5, 7];
pub(super) const SLICE: [usize; 3] = [1, 5, 7];

pub(in crate::storage) fn header(shape: [usize; 3]) -> Header {
    Header {
        shape,
        first_voxel: [0; 3],
        whole_shape: shape,
        n_phases: 3,
        seed: u64::MAX - 1,
        voxel_size: 0.25,
        identity: vec![("model_sha256".into(), "0a1b".into())],
        provenance: vec![("device".into(), "cpu".into()), ("voxel_unit".into(), "\u{b5}m".into())],
    }
}

/// Realisations `first..first + n` of `shape`, each different.
pub(in crate::storage) fn images(first: usize, n: usize, shape: [usize; 3]) -> PhaseImages {
    let [nz, ny, nx] = shape;
    let phase = |(i, z, y, x): (usize, usize, usize, usize)| (((i + first) * 7 + z * 5 + y * 3 + x * x) % 11 % 3) as u8;
    PhaseImages::new(Array4::from_shape_fn((n, nz, ny, nx), phase), 3).unwrap()
}

/// Their errors, which need no meaning here.
pub(super) fn errors(first: usize, n: usize) -> Vec<f64> {
    (first..first + n).map(|i| i as f64 / 1000.0).collect()
}

pub(super) fn append(file: &mut RealisationFile, first: usize, n: usize) {
    let shape = file.header.shape;
    file.append(first as u64, &images(first, n, shape), &errors(first, n)).unwrap();
}

/// Writes realisations `0..sum of batches` in batches of these sizes.
pub(super) fn write(path: &Path, layout: &Layout, shape: [usize; 3], batches: &[usize]) {
    let mut file = RealisationFile::open(path, layout, &header(shape), Mode::Append).unwrap();
    for &n in batches {
        let first = file.n_written();
        append(&mut file, first, n);
    }
    file.finish().unwrap();
}

pub(super) fn group() -> Layout {
    Layout::Group("ensembles/run 1".into())
}

/// Checks all that a reader sees of realisations `0..n` in `file`.
pub(super) fn check(path: &Path, layout: &Layout, shape: [usize; 3], n: usize, complete: bool) {
    let file = File::open(path).unwrap();
    let record = file.group(layout.record_group()).unwrap();
    let phases = match layout {
        Layout::VtkHdf => file.dataset("/VTKHDF/CellData/phase").unwrap(),
        Layout::Group(name) => file.dataset(&format!("{name}/phase")).unwrap(),
    };
    let single = *layout == Layout::VtkHdf && n == 1;
    let [nz, ny, nx] = shape;
    assert_eq!(phases.shape(), if single { vec![nz, ny, nx] } else { vec![n, nz, ny, nx] });
    assert_eq!(phases.read_raw::<u8>().unwrap(), images(0, n, shape).as_slice());
    assert_eq!(record.dataset("index").unwrap().read_1d::<i64>().unwrap(), (0..n as i64).collect::<Array1<_>>());
    assert_eq!(record.dataset("s2_error").unwrap().read_1d::<f64>().unwrap().to_vec(), errors(0, n));
    let fractions: Array2<f64> = record.dataset("volume_fraction").unwrap().read_2d().unwrap();
    assert_eq!(fractions.dim(), (n, 3));
    for (i, row) in fractions.outer_iter().enumerate() {
        assert_eq!(row.to_vec(), images(i, 1, shape).volume_fractions());
    }
    assert_eq!(record.attr("seed").unwrap().read_scalar::<u64>().unwrap(), u64::MAX - 1);
    assert_eq!(record.attr("n_written").unwrap().read_scalar::<u64>().unwrap(), n as u64);
    assert_eq!(record.attr("complete").unwrap().read_scalar::<bool>().unwrap(), complete);
    assert_eq!(text_attribute(&record, "voxel_unit").unwrap(), "\u{b5}m");
    assert_eq!(text_attribute(&record, "model_sha256").unwrap(), "0a1b");
    if *layout == Layout::VtkHdf {
        assert_eq!(file.link_exists("/VTKHDF/Steps"), n > 1);
        for name in record::COLUMNS.iter().filter(|_| file.link_exists("/VTKHDF/FieldData")) {
            let [figure, column] =
                [&file.group("/VTKHDF/FieldData").unwrap(), &record].map(|of| of.dataset(name).unwrap());
            assert_eq!(figure.loc_info().unwrap().token, column.loc_info().unwrap().token, "{name}");
        }
    }
    if *layout == Layout::VtkHdf && n > 1 {
        let steps = file.group("/VTKHDF/Steps").unwrap();
        assert_eq!(steps.attr("NSteps").unwrap().read_scalar::<i64>().unwrap(), n as i64);
        assert_eq!(steps.dataset("Values").unwrap().read_1d::<f64>().unwrap(), Array1::range(0.0, n as f64, 1.0));
        let offsets = steps.dataset("CellDataOffsets/phase").unwrap().read_1d::<i64>().unwrap();
        assert_eq!(offsets, (0..n as i64).collect::<Array1<_>>());
        assert_eq!(steps.link_exists("FieldDataOffsets"), file.link_exists("/VTKHDF/FieldData"));
        for name in record::COLUMNS.iter().filter(|_| steps.link_exists("FieldDataOffsets")) {
            let of_figure = steps.dataset(&format!("FieldDataOffsets/{name}")).unwrap().read_1d::<i64>().unwrap();
            assert_eq!(of_figure, offsets, "{name}");
        }
    }
}

#[test]
fn a_file_without_field_data_is_added_to_without_them() {
    let directory = TestDirectory::new("realisations-without-field-data");
    for batches in [[1, 1], [1, 3], [3, 2]] {
        let path = directory.path("out.h5");
        write(&path, &Layout::VtkHdf, SLICE, &batches[..1]);
        assert!(File::open(&path).unwrap().link_exists("/VTKHDF/FieldData"));
        let file = File::open_rw(&path).unwrap();
        file.unlink("/VTKHDF/FieldData").unwrap();
        vtkhdf::unlink_if_there(&file, "/VTKHDF/Steps/FieldDataOffsets").unwrap();
        file.close().unwrap();
        write(&path, &Layout::VtkHdf, SLICE, &batches[1..]);
        check(&path, &Layout::VtkHdf, SLICE, batches.iter().sum(), true);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn additions_in_any_portions_give_the_same_set() {
    let directory = TestDirectory::new("realisations-portions");
    for layout in [Layout::VtkHdf, group()] {
        for shape in [SLICE, VOLUME] {
            for batches in [&[1][..], &[2], &[1, 1], &[4], &[1, 3], &[3, 1], &[1, 1, 2], &[600, 1]] {
                let path = directory.path("out.h5");
                write(&path, &layout, shape, batches);
                check(&path, &layout, shape, batches.iter().sum(), true);
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn a_later_run_goes_on_where_the_last_one_stopped() {
    let directory = TestDirectory::new("realisations-later");
    for layout in [Layout::VtkHdf, group()] {
        let path = directory.path("out.h5");
        write(&path, &layout, VOLUME, &[1]);
        write(&path, &layout, VOLUME, &[]);
        check(&path, &layout, VOLUME, 1, true);
        write(&path, &layout, VOLUME, &[1]);
        write(&path, &layout, VOLUME, &[5]);
        check(&path, &layout, VOLUME, 7, true);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn replacing_starts_anew() {
    let directory = TestDirectory::new("realisations-replace");
    for layout in [Layout::VtkHdf, group()] {
        let path = directory.path("out.h5");
        write(&path, &layout, VOLUME, &[300]);
        let length = fs::metadata(&path).unwrap().len();
        let mut other = header(SLICE);
        other.identity.clear();
        other.seed = 5;
        RealisationFile::open(&path, &layout, &other, Mode::Replace).unwrap().finish().unwrap();
        assert!(RealisationFile::open(&path, &layout, &header(VOLUME), Mode::Append).is_err());
        for _ in 0..5 {
            let mut file = RealisationFile::open(&path, &layout, &header(VOLUME), Mode::Replace).unwrap();
            append(&mut file, 0, 300);
            file.finish().unwrap();
            check(&path, &layout, VOLUME, 300, true);
        }
        assert!(fs::metadata(&path).unwrap().len() < 2 * length, "freed space is used again");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_hosts_file_keeps_what_it_holds() {
    let directory = TestDirectory::new("realisations-host");
    let path = directory.path("host.h5");
    let host = File::create(&path).unwrap();
    host.new_dataset_builder().with_data(&[1.5, 2.5]).create("mesh/points").unwrap();
    host.create_group("empty").unwrap().new_attr::<i64>().create("mine").unwrap().write_scalar(&7).unwrap();
    host.close().unwrap();
    for mode in [Mode::Append, Mode::Replace] {
        let mut file = RealisationFile::open(&path, &Layout::Group("empty".into()), &header(SLICE), mode).unwrap();
        append(&mut file, 0, 2);
        file.finish().unwrap();
        check(&path, &Layout::Group("empty".into()), SLICE, 2, true);
        assert_eq!(File::open(&path).unwrap().dataset("mesh/points").unwrap().read_raw::<f64>().unwrap(), [1.5, 2.5]);
    }
    let refused = |layout: &Layout, mode, words: &str| {
        let before = fs::read(&path).unwrap();
        let error = RealisationFile::open(&path, layout, &header(SLICE), mode).unwrap_err();
        assert!(matches!(error, Error::Format { .. }) && error.to_string().contains(words), "{error}");
        assert!(fs::read(&path).unwrap() == before, "{layout:?} has changed the file");
    };
    for mode in [Mode::Append, Mode::Replace] {
        refused(&Layout::Group("mesh".into()), mode, "choose another group");
        refused(&Layout::Group("mesh/points".into()), mode, "choose another group");
        refused(&Layout::VtkHdf, mode, "name a group");
    }
    let host = File::open_rw(&path).unwrap();
    host.new_dataset_builder().with_data(&[1]).create("empty/notes").unwrap();
    host.close().unwrap();
    refused(&Layout::Group("empty".into()), Mode::Replace, "notes");
}

#[test]
fn the_chunks_of_a_large_volume_are_slabs() {
    let directory = TestDirectory::new("realisations-chunks");
    let path = directory.path("out.h5");
    let shape = [20, 300, 256];
    for batches in [&[1][..], &[1]] {
        write(&path, &Layout::VtkHdf, shape, batches);
    }
    check(&path, &Layout::VtkHdf, shape, 2, true);
    let chunk = File::open(&path).unwrap().dataset("/VTKHDF/CellData/phase").unwrap().chunk().unwrap();
    assert_eq!(chunk, [1, 13, 300, 256]);
    assert!(fs::metadata(&path).unwrap().len() < 2 * 20 * 300 * 256 / 3, "phases are compressed");
}

#[test]
fn phase_images_become_one_dataset() {
    let directory = TestDirectory::new("phase-images");
    let path = directory.path("reconstructions.h5");
    write_phase_images(&path, "reconstructed", &images(0, 4, SLICE), Mode::Append).unwrap();
    write_phase_images(&path, "other", &images(0, 2, VOLUME), Mode::Append).unwrap();
    let error = write_phase_images(&path, "other", &images(0, 1, VOLUME), Mode::Append).unwrap_err();
    assert!(matches!(error, Error::Format { .. }) && error.to_string().contains("there already"), "{error}");
    write_phase_images(&path, "/reconstructed", &images(1, 3, SLICE), Mode::Replace).unwrap();
    let file = File::open(&path).unwrap();
    let reconstructed: Array3<u8> = file.dataset("reconstructed").unwrap().read().unwrap();
    assert_eq!(reconstructed, images(1, 3, SLICE).phases().slice(s![.., 0, .., ..]));
    let other: Array4<u8> = file.dataset("other").unwrap().read().unwrap();
    assert_eq!(other, images(0, 2, VOLUME).phases());
}

#[test]
fn old_readers_understand_the_file_format() {
    let directory = TestDirectory::new("realisations-format");
    for layout in [Layout::VtkHdf, group()] {
        let path = directory.path("out.h5");
        write(&path, &layout, VOLUME, &[1, 2]);
        // Superblock version 0, the only one before HDF5 1.8; version 3, of 1.10, would mark files of killed runs as
        // open for writing.
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes[8], 0);
        // It names the end of the file, and no file driver.
        assert_eq!(bytes[40..48], (bytes.len() as u64).to_le_bytes());
        assert_eq!(bytes[48..56], [0xff; 8]);
        fs::remove_file(path).unwrap();
    }
}
