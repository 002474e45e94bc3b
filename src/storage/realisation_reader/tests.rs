//! What has been written is read, and what is not there is not.

use ndarray::Array4;

use super::*;
use crate::micrograph::{LengthUnit, VoxelSize};
use crate::storage::realisation_file::tests::{header, images};
use crate::storage::testing::TestDirectory;
use crate::storage::{Mode, RealisationFile};

const SHAPE: [usize; 3] = [2, 3, 5];

/// A file with the realisations 7, 8, ... of which `finished` says whether more are expected.
fn write(path: &Path, layout: &Layout, n: usize, finished: bool) {
    let mut file = RealisationFile::open(path, layout, &header(SHAPE), Mode::Replace).unwrap();
    file.append(7, &images(0, n, SHAPE), &vec![f64::NAN; n]).unwrap();
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
                let (image, set) = read_realisation(&path, &layout, Some(7 + i as u64)).unwrap();
                assert_eq!(image, images(i, 1, SHAPE));
                assert_eq!(set.voxel_size, VoxelSize::new(0.25, LengthUnit::Micrometre).unwrap());
                assert!(set.is_periodic);
            }
            assert_eq!(read_realisation(&path, &layout, None).unwrap().0, images(0, 1, SHAPE));
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
        let mut file = RealisationFile::open(&path, &Layout::VtkHdf, &header(SHAPE), Mode::Append).unwrap();
        let refused = file.append(20, &images(0, 1, SHAPE), &[0.0]).unwrap_err().to_string();
        assert!(refused.contains("claims more chunks than the file can hold"), "{refused}");
        drop(file);
        assert!(read_realisation(&path, &Layout::VtkHdf, None).is_ok());
    }
}

/// What deflate makes of `bytes` zeros.
fn deflated(bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

/// Puts `chunk`, as it is, in the place of the one of image `row`, for which there is room then.
fn forge(path: &Path, layout: &Layout, row: usize, chunk: &[u8]) {
    let file = hdf5::File::open_rw(path).unwrap();
    let dataset = file.dataset(&phase_name(layout)).unwrap();
    if dataset.ndim() == 4 {
        dataset.resize((dataset.shape()[0].max(row + 1), SHAPE[0], SHAPE[1], SHAPE[2])).unwrap();
    }
    let first = [vec![row as u64; dataset.ndim() - 3], vec![0; 3]].concat();
    // SAFETY: the dataset is open, `first` has its rank, and the bytes are as many as is said.
    let write = || unsafe {
        let (list, bytes) = (hdf5_sys::h5p::H5P_DEFAULT, chunk.as_ptr().cast());
        hdf5_sys::h5d::H5Dwrite_chunk(dataset.id(), list, 0, first.as_ptr(), chunk.len(), bytes)
    };
    hdf5::sync::sync(|| hdf5::h5check(write())).unwrap();
    drop(dataset);
    file.close().unwrap();
}

#[test]
fn chunks_of_another_length_than_they_claim_are_named() {
    let directory = TestDirectory::new("read-chunks");
    let path = directory.path("a.h5");
    for (n, row) in [(1, 0), (3, 1)] {
        for (bytes, words) in
            [(29, "a chunk of 29 bytes instead of 30"), (1 << 20, "inflates to more than the 30 bytes")]
        {
            for layout in [Layout::VtkHdf, Layout::Group("rve".into())] {
                write(&path, &layout, n, true);
                forge(&path, &layout, row, &deflated(bytes));
                for i in 0..n {
                    let read = read_realisation(&path, &layout, Some(7 + i as u64));
                    if i != row {
                        assert_eq!(read.unwrap().0, images(i, 1, SHAPE), "other realisations are read");
                        continue;
                    }
                    let refused = read.unwrap_err().to_string();
                    assert!(refused.contains(words) && refused.contains("/phase"), "{refused}");
                }
            }
        }
    }
    let file = hdf5::File::open_rw(&path).unwrap();
    let phases = file.dataset("rve/phase").unwrap();
    for rows in [2, 3] {
        phases.resize((rows, SHAPE[0], SHAPE[1], SHAPE[2])).unwrap();
    }
    drop(phases);
    file.close().unwrap();
    let refused = read_realisation(&path, &Layout::Group("rve".into()), Some(9)).unwrap_err().to_string();
    assert!(refused.contains("has no chunk at [2, 0, 0, 0]"), "{refused}");
}

#[test]
fn chunks_of_another_length_are_not_added_to() {
    let directory = TestDirectory::new("write-chunks");
    let path = directory.path("a.h5");
    // The single image that becomes the first of a series, and what is there of a realisation that does not count.
    for (layout, n, row) in [(Layout::VtkHdf, 1, 0), (Layout::VtkHdf, 3, 3), (Layout::Group("rve".into()), 1, 1)] {
        write(&path, &layout, n, true);
        forge(&path, &layout, row, &deflated(29));
        let mut file = RealisationFile::open(&path, &layout, &header(SHAPE), Mode::Append).unwrap();
        let refused = file.append(20, &images(0, 1, SHAPE), &[0.0]).unwrap_err().to_string();
        assert!(refused.contains("the dataset of phases has a chunk of 29 bytes instead of 30"), "{refused}");
        drop(file);
        std::fs::remove_file(&path).unwrap();
    }
}

/// Makes the text attribute `name` of `of` one of variable length.
fn lengthen(of: &hdf5::Location, name: &str, text: &str) {
    let text: hdf5::types::VarLenUnicode = text.parse().unwrap();
    if of.attr(name).is_ok() {
        of.delete_attr(name).unwrap();
    }
    of.new_attr::<hdf5::types::VarLenUnicode>().create(name).unwrap().write_scalar(&text).unwrap();
}

#[test]
fn realisations_of_an_older_davegan_are_named_with_advice() {
    let directory = TestDirectory::new("read-older");
    let path = directory.path("a.h5");
    for layout in [Layout::VtkHdf, Layout::Group("rve/one".into())] {
        write(&path, &layout, 2, true);
        let file = hdf5::File::open_rw(&path).unwrap();
        let record = file.group(layout.record_group()).unwrap();
        lengthen(&record, "format", "davegan realisations");
        record.attr("format_version").unwrap().write_scalar(&1_i64).unwrap();
        drop(record);
        file.close().unwrap();
        let open = |mode| RealisationFile::open(&path, &layout, &header(SHAPE), mode).unwrap_err();
        let read = read_realisation(&path, &layout, None).unwrap_err();
        for error in [read, crate::storage::describe(&path).unwrap_err(), open(Mode::Append), open(Mode::Replace)] {
            assert!(matches!(error, Error::Format { .. }), "{error}");
            let words =
                "that an older davegan wrote: format version 1, but this release reads version 2; generate them again";
            assert!(error.to_string().contains(words), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}

/// Makes HDF5 fail where it reads a text of variable length: no heap is of size 0.
fn damage_texts(path: &Path) -> usize {
    let mut bytes = std::fs::read(path).unwrap();
    let heaps: Vec<usize> = (0..bytes.len() - 4).filter(|&at| &bytes[at..at + 4] == b"GCOL").collect();
    heaps.iter().for_each(|&at| bytes[at + 8..at + 16].fill(0));
    std::fs::write(path, bytes).unwrap();
    heaps.len()
}

#[test]
fn phases_in_other_files_are_refused() {
    let directory = TestDirectory::new("read-virtual");
    let (path, layout) = (directory.path("a.h5"), Layout::Group("rve".into()));
    write(&path, &layout, 2, true);
    let file = hdf5::File::open_rw(&path).unwrap();
    file.unlink("rve/phase").unwrap();
    let shape = (2, SHAPE[0], SHAPE[1], SHAPE[2]);
    let elsewhere = file.new_dataset::<u8>().virtual_map("/other.h5", "x", shape, .., shape, ..);
    drop(elsewhere.shape(shape).create("rve/phase").unwrap());
    file.close().unwrap();
    assert!(damage_texts(&path) > 0);
    let refused = read_realisation(&path, &layout, None).unwrap_err().to_string();
    assert!(refused.contains("has its values in another file"), "{refused}");
    assert!(matches!(RealisationFile::open(&path, &layout, &header(SHAPE), Mode::Append), Err(Error::Format { .. })));
}

#[test]
fn texts_of_a_host_are_not_read() {
    let directory = TestDirectory::new("read-host-texts");
    let (path, layout) = (directory.path("host.h5"), Layout::Group("rve".into()));
    write(&path, &layout, 2, true);
    let file = hdf5::File::open_rw(&path).unwrap();
    let image = Array4::from_shape_fn((1, 1, 64, 64), |(_, _, y, x)| ((x / 8 + y / 8) % 2) as u8);
    let micrograph = file.new_dataset_builder().with_data(&image).create("micrograph").unwrap();
    lengthen(&file, "title", "a host's file");
    lengthen(&file.group("rve").unwrap(), "note", "a text that somebody has added");
    lengthen(&micrograph, "format", "davegan phase images");
    lengthen(&micrograph, "MATLAB_class", "uint8");
    drop(micrograph);
    file.close().unwrap();
    assert!(damage_texts(&path) > 0);
    assert!(read_realisation(&path, &layout, None).is_ok());
    assert!(crate::storage::describe(&path).is_ok());
    let options = crate::micrograph::ReadOptions::default();
    assert!(crate::micrograph::Micrograph::read(&path, Some("micrograph"), &options).is_ok());
    let replaced =
        crate::storage::write_phase_images(&path, "micrograph", &images(0, 1, SHAPE), Mode::Replace).unwrap_err();
    assert!(replaced.to_string().contains("davegan has not written it"), "{replaced}");
    let mut file = RealisationFile::open(&path, &layout, &header(SHAPE), Mode::Append).unwrap();
    file.append(20, &images(0, 1, SHAPE), &[0.0]).unwrap();
    drop(file);
    let file = RealisationFile::open(&path, &layout, &header(SHAPE), Mode::Replace).unwrap();
    assert_eq!(file.n_written(), 0);
}
