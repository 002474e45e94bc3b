//! Datasets of HDF5, closed in the way that survives a failure.

use std::mem::ManuallyDrop;
use std::ops::Deref;

use crate::chunks::ELSEWHERE;
use crate::drivers::has_refused_heap;
use hdf5::{Attribute, Dataset, Datatype, Group, H5Type, h5check};
use hdf5_sys::h5d::H5Dclose;
use hdf5_sys::h5t::{H5T_class_t, H5Tget_class, H5Tget_offset, H5Tget_precision};

/// An open dataset.
///
/// [`Dataset`] closes by `H5Idec_ref`. If that fails, as for a damaged file, HDF5 frees the dataset but keeps its
/// identifier, and crashes at the next flush of any file. `H5Dclose` removes the identifier in every case.
#[derive(Debug)]
pub(crate) struct OpenDataset(ManuallyDrop<Dataset>);

impl OpenDataset {
    /// Opens the dataset `name` of `group`.
    ///
    /// # Errors
    ///
    /// Those of HDF5, if there is none that can be opened, and [`ELSEWHERE`] for a virtual one.
    pub fn open(group: &Group, name: &str) -> hdf5::Result<Self> {
        has_refused_heap();
        group.dataset(name).map(Self::from).map_err(|error| if has_refused_heap() { ELSEWHERE.into() } else { error })
    }

    /// Opens the dataset `name` of `group`, of which the library has written the values.
    ///
    /// # Errors
    ///
    /// Those of HDF5, or another if the values are not of type `T`: a damaged type would lead HDF5 to write beyond its memory.
    pub fn open_own<T: H5Type>(group: &Group, name: &str) -> hdf5::Result<Self> {
        let dataset = Self::open(group, name)?;
        if dataset.dtype()?.is::<T>() { Ok(dataset) } else { Err(other_type(name)) }
    }

    /// Closes the dataset, which writes what HDF5 has kept of it in memory.
    ///
    /// # Errors
    ///
    /// Those of HDF5, if it cannot be written. The dataset is closed then too.
    pub fn close(self) -> hdf5::Result<()> {
        let dataset = ManuallyDrop::new(self);
        close(&dataset)
    }
}

impl From<Dataset> for OpenDataset {
    /// Takes over a dataset of which there is no clone.
    fn from(dataset: Dataset) -> Self {
        Self(ManuallyDrop::new(dataset))
    }
}

impl Deref for OpenDataset {
    type Target = Dataset;

    fn deref(&self) -> &Dataset {
        &self.0
    }
}

impl Drop for OpenDataset {
    fn drop(&mut self) {
        // Whoever writes calls `close`.
        let _ = close(self);
    }
}

/// Whether a dataset could not be opened because its values are in other files.
pub(crate) fn is_elsewhere(error: &hdf5::Error) -> bool {
    matches!(error, hdf5::Error::Internal(text) if text == ELSEWHERE)
}

/// The attribute `name` of `group`, of which the library has written the value.
///
/// # Errors
///
/// Those of [`OpenDataset::open_own`].
pub(crate) fn own_attribute<T: H5Type>(group: &Group, name: &str) -> hdf5::Result<Attribute> {
    let attribute = group.attr(name)?;
    if attribute.dtype()?.is::<T>() { Ok(attribute) } else { Err(other_type(name)) }
}

fn other_type(name: &str) -> hdf5::Error {
    format!("the values of {name:?} are of another type than davegan writes").into()
}

/// Whether the bits of a number are within its size. HDF5 does not look at those of floating-point numbers, and writes beyond its
/// memory.
pub(crate) fn is_sound(dtype: &Datatype) -> bool {
    // SAFETY: the identifier is that of an open type.
    let (class, offset, precision) = hdf5::sync::sync(|| unsafe {
        (H5Tget_class(dtype.id()), H5Tget_offset(dtype.id()), H5Tget_precision(dtype.id()))
    });
    let bits = dtype.size().saturating_mul(8);
    class != H5T_class_t::H5T_FLOAT
        || usize::try_from(offset).is_ok_and(|offset| offset.saturating_add(precision) <= bits)
}

fn close(dataset: &Dataset) -> hdf5::Result<()> {
    // SAFETY: the identifier is that of an open dataset, and this is its only reference, which nobody drops.
    hdf5::sync::sync(|| h5check(unsafe { H5Dclose(dataset.id()) })).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsRawFd;
    use std::ptr::null_mut;

    use hdf5_sys::h5f::H5Fget_vfd_handle;
    use hdf5_sys::h5i::H5Iis_valid;
    use hdf5_sys::h5p::H5P_DEFAULT;

    use super::*;

    /// Lets `work` find out that the system writes nothing more to `file`.
    fn without_writes<T>(file: &hdf5::File, work: impl FnOnce() -> T) -> T {
        let mut handle = null_mut();
        let null = File::open("/dev/null").unwrap();
        // SAFETY: the handle of HDF5's own driver is a pointer to its file descriptor, which is the same again at the end.
        unsafe {
            h5check(H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &raw mut handle)).unwrap();
            let descriptor = *handle.cast::<i32>();
            let kept = libc::dup(descriptor);
            assert!(kept >= 0 && libc::dup2(null.as_raw_fd(), descriptor) == descriptor);
            let result = work();
            assert!(libc::dup2(kept, descriptor) == descriptor && libc::close(kept) == 0);
            result
        }
    }

    #[test]
    fn a_dataset_that_cannot_be_written_is_closed_nevertheless() {
        let path = std::env::temp_dir().join(format!("davegan-dataset-{}.h5", std::process::id()));
        hdf5::sync::sync(|| {
            let file = hdf5::File::create(&path).unwrap();
            for (name, is_checked) in [("closed", true), ("dropped", false)] {
                let builder = file.new_dataset::<u8>().chunk((4,)).shape((4,));
                let dataset = OpenDataset::from(builder.create(name).unwrap());
                dataset.write(&[1, 2, 3, 4]).unwrap();
                let id = dataset.id();
                let closed = without_writes(&file, || {
                    if is_checked {
                        return dataset.close();
                    }
                    drop(dataset);
                    Ok(())
                });
                assert_eq!(closed.is_err(), is_checked, "HDF5 keeps the values until the dataset is closed");
                // SAFETY: only looks whether there is such an identifier.
                assert_eq!(unsafe { H5Iis_valid(id) }, 0);
            }
            // Looks at all datasets that have an identifier.
            file.flush().unwrap();
        });
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_type_with_bits_beyond_its_size_is_told_from_others() {
        let path = std::env::temp_dir().join(format!("davegan-type-{}.h5", std::process::id()));
        let check = |is_good| {
            let file = hdf5::File::open(&path).unwrap();
            let dtype = OpenDataset::open(&file, "x").unwrap().dtype().unwrap();
            assert_eq!(is_sound(&dtype), is_good);
            assert_eq!(OpenDataset::open_own::<f64>(&file, "x").is_ok(), is_good);
            assert!(OpenDataset::open_own::<f32>(&file, "x").is_err());
        };
        hdf5::sync::sync(|| {
            let file = hdf5::File::create(&path).unwrap();
            OpenDataset::from(file.new_dataset::<f64>().shape(4).create("x").unwrap()).close().unwrap();
            drop(file);
            check(true);
            let mut bytes = fs::read(&path).unwrap();
            // Precision, exponent, mantissa and bias of a double.
            let fields = [64, 0, 52, 11, 0, 52, 0xff, 0x03];
            let at = bytes.windows(fields.len()).position(|found| found == fields).unwrap();
            bytes[at] = 65;
            fs::write(&path, bytes).unwrap();
            check(false);
        });
        fs::remove_file(path).unwrap();
    }
}
