//! File drivers of HDF5, which read no global heap.
//!
//! HDF5 keeps texts of variable length and the sources of virtual datasets in a global heap, and parses that without care: of a
//! damaged one it may never return. The library needs none, so a driver refuses to read one.
//!
//! Source: HDF5 1.14, `H5FDdevelop.h`; `H5HGcache.c` for the first bytes of a heap, `H5Fio.c` for the kind of its bytes.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::path::Path;
use std::ptr::{self, null};
use std::slice;
use std::sync::OnceLock;

use hdf5::file::{FileAccess, FileCloseDegree};
use hdf5::h5check;
use hdf5_sys::h5f::{H5F_ACC_RDONLY, H5Fopen};
use hdf5_sys::h5fd::{H5FDclose, H5FDopen, H5FDregister};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5Pset_driver;

/// `H5FD_class_t` of HDF5 1.14. That of hdf5-metno-sys 0.10 is older: it lacks the version and the vector calls.
#[repr(C)]
pub(crate) struct Class<D> {
    pub version: c_uint,
    pub value: c_int,
    pub name: *const c_char,
    pub maxaddr: u64,
    pub fc_degree: c_int,
    pub terminate: Unused,
    pub superblock: [Unused; 3],
    pub fapl_size: usize,
    pub fapl: [Unused; 3],
    pub dxpl_size: usize,
    pub dxpl: [Unused; 2],
    pub open: unsafe extern "C" fn(*const c_char, c_uint, hid_t, u64) -> *mut D,
    pub close: unsafe extern "C" fn(*mut D) -> c_int,
    pub cmp: unsafe extern "C" fn(*const D, *const D) -> c_int,
    pub query: unsafe extern "C" fn(*const D, *mut c_ulong) -> c_int,
    pub type_map_alloc_free: [Unused; 3],
    pub get_eoa: unsafe extern "C" fn(*const D, c_int) -> u64,
    pub set_eoa: unsafe extern "C" fn(*mut D, c_int, u64) -> c_int,
    pub get_eof: unsafe extern "C" fn(*const D, c_int) -> u64,
    pub get_handle: unsafe extern "C" fn(*mut D, hid_t, *mut *mut c_void) -> c_int,
    pub read: Read<D>,
    pub write: unsafe extern "C" fn(*mut D, c_int, hid_t, u64, usize, *const c_void) -> c_int,
    pub vector_calls: [Unused; 4],
    pub flush_truncate_lock_unlock_del_ctl: [Unused; 6],
    pub fl_map: [c_int; 7],
}

/// A callback that is not called here.
pub(crate) type Unused = Option<unsafe extern "C" fn()>;

type Read<D> = unsafe extern "C" fn(*mut D, c_int, hid_t, u64, usize, *mut c_void) -> c_int;

// SAFETY: the only pointer is to a string constant.
unsafe impl<D> Sync for Class<D> {}

/// An open file as HDF5 sees it: `H5FD_t` of HDF5 1.14. What is the driver's own comes behind.
#[repr(C)]
pub(crate) struct OpenFile {
    pub driver_id: hid_t,
    pub class: *const Class<Self>,
    pub fileno: c_ulong,
    pub access_flags: c_uint,
    pub feature_flags: c_ulong,
    pub maxaddr: u64,
    pub base_addr: u64,
    pub threshold: u64,
    pub alignment: u64,
    pub paged_aggr: bool,
}

/// `H5FD_MEM_DRAW`, which HDF5 says of its global heap too.
const RAW: c_int = 3;

/// How a global heap begins: signature and version.
const HEAP: &[u8] = b"GCOL\x01";

thread_local! {
    /// Whether a heap was refused on this thread.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether these bytes, read for `kind`, are a global heap, which a driver then refuses.
pub(crate) fn is_heap(kind: c_int, bytes: &[u8]) -> bool {
    let is_heap = kind == RAW && bytes.starts_with(HEAP);
    if is_heap {
        REFUSED.set(true);
    }
    is_heap
}

/// Whether a global heap was refused on this thread since this was asked last.
pub(crate) fn has_refused_heap() -> bool {
    REFUSED.take()
}

/// Opens the HDF5 file at `path` for reading. Closing it closes everything in it.
///
/// # Errors
///
/// Those of HDF5.
pub(crate) fn open_to_read(path: &Path) -> hdf5::Result<hdf5::File> {
    let name = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    hdf5::sync::sync(|| {
        let access = FileAccess::build().fclose_degree(FileCloseDegree::Strong).finish()?;
        // SAFETY: the identifiers are those of an open property list and a driver, and the name ends with a NUL.
        unsafe {
            h5check(H5Pset_driver(access.id(), reading_driver()?, null()))?;
            hdf5::from_id(h5check(H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, access.id()))?)
        }
    })
}

/// How HDF5's standard driver reads.
static READ: OnceLock<Read<OpenFile>> = OnceLock::new();

/// The identifier of HDF5's standard driver with another [`read`], of the only registration.
fn reading_driver() -> hdf5::Result<hid_t> {
    static ID: OnceLock<hid_t> = OnceLock::new();
    if let Some(&id) = ID.get() {
        return Ok(id);
    }
    let access = FileAccess::build().sec2().finish()?;
    // SAFETY: a file that is opened has the class of its driver, whose layout is that of the version; HDF5 copies it.
    let id = unsafe {
        let file = H5FDopen(c"/dev/null".as_ptr(), H5F_ACC_RDONLY, access.id(), i64::MAX as u64);
        if file.is_null() {
            return Err("HDF5's standard driver cannot be had".into());
        }
        let mut class: Class<OpenFile> = ptr::read((*file.cast::<OpenFile>()).class);
        h5check(H5FDclose(file))?;
        if class.version != 1 {
            return Err("HDF5 is of another version than the library was made for".into());
        }
        let _ = READ.set(class.read);
        // HDF5 leaves 256 to 511 to private drivers.
        (class.value, class.name, class.terminate, class.read) = (301, c"davegan-read".as_ptr(), None, read);
        h5check(H5FDregister((&raw const class).cast()))?
    };
    Ok(*ID.get_or_init(|| id))
}

/// Reads as the standard driver, but no heap.
unsafe extern "C" fn read(
    file: *mut OpenFile,
    kind: c_int,
    list: hid_t,
    address: u64,
    size: usize,
    buffer: *mut c_void,
) -> c_int {
    let Some(standard) = READ.get() else { return -1 };
    // SAFETY: HDF5 hands over what the standard driver has opened, and a buffer of this size, which that fills.
    unsafe {
        let status = standard(file, kind, list, address, size, buffer);
        if status < 0 || size == 0 || !is_heap(kind, slice::from_raw_parts(buffer.cast(), size)) { status } else { -1 }
    }
}
