//! HDF5 datasets as other programs write them. Filters that are not there: see tests/c/test_micrograph.c.

use std::path::Path;

use davegan::micrograph::PhaseImages;
use ndarray::{Array2, Array3, ArrayD, IxDyn};

use super::{Folder, message, read_auto, values, write_hdf5};

fn picture(ny: usize, nx: usize) -> Array2<u8> {
    Array2::from_shape_fn((ny, nx), |(y, x)| u8::from((3 * y + x * x) % 5 < 2))
}

fn floats(picture: &Array2<u8>) -> Vec<f64> {
    picture.iter().map(|&pixel| f64::from(pixel)).collect()
}

#[test]
fn axes_of_length_1_do_not_count() {
    let folder = Folder::new("axes");
    let path = folder.file("m.h5");
    let picture = picture(6, 4);
    for shape in [vec![6, 4], vec![6, 4, 1], vec![1, 6, 4], vec![1, 6, 4, 1], vec![1, 6, 1, 4, 1], vec![1, 1, 1, 6, 4]]
    {
        let data = ArrayD::from_shape_vec(IxDyn(&shape), picture.iter().map(|&p| i32::from(p) + 1).collect()).unwrap();
        write_hdf5(&path, "m", &data);
        // The only dataset is found as well.
        for name in [Some("m"), None] {
            let read = read_auto(&path, name).unwrap();
            assert_eq!((read.images.len(), read.images.shape()), (1, [1, 6, 4]), "{shape:?}");
            assert_eq!(values(&read), floats(&picture.mapv(|pixel| pixel + 1)));
            assert_eq!(read.warnings, [""; 0]);
        }
    }
    for shape in [vec![2, 3, 4, 1], vec![3, 1, 8], vec![3, 8, 1]] {
        let data = ArrayD::from_shape_vec(IxDyn(&shape), picture.iter().copied().collect()).unwrap();
        write_hdf5(&path, "m", &data);
        let read = read_auto(&path, Some("m")).unwrap();
        let expected = if shape.len() == 4 { (2, [1, 3, 4]) } else { (1, [1, 3, 8]) };
        assert_eq!((read.images.len(), read.images.shape()), expected, "{shape:?}");
    }
    for shape in [vec![24], vec![24, 1, 1], vec![2, 2, 3, 2]] {
        write_hdf5(&path, "m", &ArrayD::<u8>::zeros(IxDyn(&shape)));
        assert!(message(&path, Some("m")).contains(&format!("shape {shape:?}")));
    }
}

fn mark_as_matlab(path: &Path) {
    hdf5::sync::sync(|| {
        let class: hdf5::types::VarLenUnicode = "logical".parse().unwrap();
        let dataset = hdf5::File::append(path).unwrap().dataset("m").unwrap();
        dataset.new_attr::<hdf5::types::VarLenUnicode>().create("MATLAB_class").unwrap().write_scalar(&class).unwrap();
    });
}

#[test]
fn what_matlab_stores_columns_first_is_transposed() {
    let folder = Folder::new("matlab");
    let path = folder.file("m.h5");
    let picture = picture(6, 4);
    write_hdf5(&path, "m", &picture.t().as_standard_layout().to_owned());
    assert_eq!(read_auto(&path, None).unwrap().images.shape(), [1, 4, 6]);
    mark_as_matlab(&path);
    let read = read_auto(&path, None).unwrap();
    assert_eq!((read.images.shape(), values(&read)), ([1, 6, 4], floats(&picture)));
    assert!(read.warnings.len() == 1 && read.warnings[0].contains("MATLAB"), "{:?}", read.warnings);
    // MATLAB's phase(ny, nx, n) is stored as (n, nx, ny).
    let stack = Array3::from_shape_fn((3, 4, 6), |(n, x, y)| picture[[y, x]] ^ (n == 1) as u8);
    write_hdf5(&path, "m", &stack);
    mark_as_matlab(&path);
    let read = PhaseImages::read(&path, "m", 2, false).unwrap();
    for ((n, _, y, x), &phase) in read.phases().indexed_iter() {
        assert_eq!(phase, stack[[n, x, y]]);
    }
}

#[test]
fn a_volume_is_said_to_be_read_as_images() {
    let folder = Folder::new("volume");
    let path = folder.file("m.h5");
    write_hdf5(&path, "m", &Array3::from_shape_fn((3, 4, 5), |(z, y, x)| ((x + y * z) % 2) as u8));
    let read = read_auto(&path, None).unwrap();
    assert_eq!((read.images.len(), read.images.shape()), (3, [1, 4, 5]));
    assert!(
        read.warnings.len() == 1 && read.warnings[0].starts_with("3 images of 4 x 5 pixels"),
        "{:?}",
        read.warnings
    );
    assert!(read.warnings[0].contains("volume"));
}
