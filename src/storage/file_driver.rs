//! The HDF5 file driver for all files that are written: HDF5 above, [`HeldWrites`] below.
//!
//! Source: HDF5 1.14, `H5FDdevelop.h`, and its standard driver, `H5FDsec2.c`. The driver leaves no trace in the file.
//! It does not ask HDF5 to gather metadata, so that each block comes as one write.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::fs::File;
use std::mem;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::ptr::{self, null, null_mut};
use std::slice;
use std::sync::OnceLock;

use hdf5::file::FileAccess;
use hdf5::h5check;
use hdf5::plist::FileCreate;
use hdf5_sys::h5f::{
    H5F_ACC_RDWR, H5F_ACC_TRUNC, H5F_mem_t, H5F_sect_info_t, H5Fcreate, H5Fget_free_sections, H5Fget_vfd_handle,
    H5Fopen,
};
use hdf5_sys::h5fd::H5FDregister;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pset_driver};

use super::held_writes::HeldWrites;
use crate::drivers::{Class, OpenFile, is_heap};

/// An open file as HDF5 sees it, and what is the driver's own.
#[repr(C)]
struct Driver {
    file: OpenFile,
    /// Whether somebody else may have written the file.
    is_foreign: bool,
    writes: HeldWrites,
}

const LARGEST_ADDRESS: u64 = i64::MAX as u64;

/// `H5FD_FEAT_DATA_SIEVE` and `H5FD_FEAT_DEFAULT_VFD_COMPATIBLE`.
const FEATURES: c_ulong = 0x0008 | 0x8000;

static CLASS: Class<Driver> = Class {
    version: 1,
    value: 300, // HDF5 leaves 256 to 511 to private drivers.
    name: c"davegan".as_ptr(),
    maxaddr: LARGEST_ADDRESS,
    fc_degree: 1, // H5F_CLOSE_WEAK, as the standard driver
    terminate: None,
    superblock: [None; 3],
    fapl_size: 0,
    fapl: [None; 3],
    dxpl_size: 0,
    dxpl: [None; 2],
    open,
    close,
    cmp,
    query,
    type_map_alloc_free: [None; 3],
    get_eoa,
    set_eoa,
    get_eof,
    get_handle,
    read,
    write,
    vector_calls: [None; 4],
    flush_truncate_lock_unlock_del_ctl: [None; 6],
    fl_map: [1; 7], // H5FD_FLMAP_SINGLE: space that is given up serves metadata and raw data
};

thread_local! {
    /// The file that is being opened on this thread, and whether it is foreign: HDF5 hands only a name to its driver.
    static OPENING: RefCell<Option<(File, bool)>> = const { RefCell::new(None) };
}

/// What is done with the content of a file that is opened.
pub(super) enum Content {
    /// It stays readable at every moment until a commit.
    Keep,
    /// Nobody else reads it, so all is written at once.
    Fill,
    /// There is none yet. As many bytes at the beginning are left to the caller.
    Create { userblock: u64 },
}

/// Opens `file`, which is at `path`, with HDF5. The caller holds HDF5's lock.
pub(super) fn open_file(file: File, path: &Path, access: &FileAccess, content: Content) -> hdf5::Result<hdf5::File> {
    let name = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the identifiers are those of open property lists, and the name ends with a NUL.
    unsafe {
        h5check(H5Pset_driver(access.id(), driver_id()?, null()))?;
        let creation = match content {
            Content::Create { userblock } => Some(FileCreate::build().userblock(userblock).finish()?),
            Content::Keep | Content::Fill => None,
        };
        OPENING.set(Some((file, matches!(content, Content::Keep))));
        let id = h5check(match &creation {
            Some(creation) => H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, creation.id(), access.id()),
            None => H5Fopen(name.as_ptr(), H5F_ACC_RDWR, access.id()),
        });
        OPENING.set(None);
        let file = hdf5::from_id::<hdf5::File>(id?)?;
        with_writes(&file, |writes| {
            let end = if matches!(content, Content::Keep) { writes.end } else { 0 };
            writes.set_free(Vec::new(), end);
        })?;
        Ok(file)
    }
}

/// Lets `work` use the held writes of `file`, which [`open_file`] has opened. It must not use HDF5.
pub(super) fn with_writes<T>(file: &hdf5::File, work: impl FnOnce(&mut HeldWrites) -> T) -> hdf5::Result<T> {
    let mut writes = null_mut();
    // SAFETY: the file was opened with this driver, whose handle is a pointer to its writes. Nobody else uses them while
    // `work` does: they are reached through here and through HDF5 alone, and the caller holds its lock.
    unsafe {
        h5check(H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &raw mut writes))?;
        Ok(work(&mut *writes.cast()))
    }
}

/// Stops early where the system has refused to write `file`; the transaction tells its reason.
pub(super) fn check_writes(file: &hdf5::File) -> hdf5::Result<()> {
    let is_refused = with_writes(file, |writes| writes.has_error())?;
    if is_refused { Err("the system refuses to write the file".into()) } else { Ok(()) }
}

/// The space inside `file` that HDF5 does not use, as addresses on the disk.
pub(super) fn free_space(file: &hdf5::File) -> hdf5::Result<Vec<Range<u64>>> {
    let base = file.userblock();
    let list = |sections: &mut [H5F_sect_info_t]| {
        let (n, pointer) = (sections.len(), if sections.is_empty() { null_mut() } else { sections.as_mut_ptr() });
        // SAFETY: there is room for `n` sections.
        h5check(unsafe { H5Fget_free_sections(file.id(), H5F_mem_t::H5FD_MEM_DEFAULT, n, pointer) })
    };
    let mut sections = vec![H5F_sect_info_t::default(); list(&mut [])? as usize];
    if !sections.is_empty() {
        list(&mut sections)?;
    }
    Ok(sections.iter().map(|section| base + section.addr..base + section.addr + section.size).collect())
}

/// The driver's identifier, of the only registration.
fn driver_id() -> hdf5::Result<hid_t> {
    static ID: OnceLock<hid_t> = OnceLock::new();
    if let Some(&id) = ID.get() {
        return Ok(id);
    }
    // SAFETY: HDF5 copies the class, whose layout is that of the version it checks.
    let id = h5check(unsafe { H5FDregister(ptr::from_ref(&CLASS).cast()) })?;
    Ok(*ID.get_or_init(|| id))
}

unsafe extern "C" fn open(_: *const c_char, _: c_uint, _: hid_t, _: u64) -> *mut Driver {
    // HDF5 may open a file twice, to look first.
    let opening = OPENING.with_borrow(|opening| {
        opening.as_ref().and_then(|(file, is_foreign)| Some((file.try_clone().ok()?, *is_foreign)))
    });
    let Some((file, is_foreign)) = opening else { return null_mut() };
    let Ok(writes) = HeldWrites::new(file) else { return null_mut() };
    // SAFETY: numbers and a pointer, for all of which zeros are a value; HDF5 fills them.
    let file = unsafe { mem::zeroed() };
    Box::into_raw(Box::new(Driver { file, is_foreign, writes }))
}

// SAFETY of all that follow: HDF5 hands back what `open` has given it, once to `close` and before that to the others, one
// at a time, with buffers of the size that it names.

unsafe extern "C" fn close(driver: *mut Driver) -> c_int {
    drop(unsafe { Box::from_raw(driver) });
    0
}

unsafe extern "C" fn cmp(a: *const Driver, b: *const Driver) -> c_int {
    let place = |driver: *const Driver| {
        let found = unsafe { &*driver }.writes.file().metadata();
        found.map_or((0, 0), |found| (found.dev(), found.ino()))
    };
    place(a).cmp(&place(b)) as c_int
}

unsafe extern "C" fn query(_: *const Driver, flags: *mut c_ulong) -> c_int {
    if !flags.is_null() {
        unsafe { *flags = FEATURES };
    }
    0
}

unsafe extern "C" fn get_eoa(driver: *const Driver, _: c_int) -> u64 {
    unsafe { &*driver }.writes.end
}

unsafe extern "C" fn set_eoa(driver: *mut Driver, _: c_int, address: u64) -> c_int {
    unsafe { &mut *driver }.writes.end = address;
    0
}

unsafe extern "C" fn get_eof(driver: *const Driver, _: c_int) -> u64 {
    unsafe { &*driver }.writes.length()
}

unsafe extern "C" fn get_handle(driver: *mut Driver, _: hid_t, handle: *mut *mut c_void) -> c_int {
    unsafe { *handle = (&raw mut (*driver).writes).cast() };
    0
}

unsafe extern "C" fn read(
    driver: *mut Driver,
    kind: c_int,
    _: hid_t,
    address: u64,
    size: usize,
    buffer: *mut c_void,
) -> c_int {
    if size == 0 {
        return 0;
    }
    // Zeros first: HDF5's memory may never have been written.
    let buffer = unsafe {
        ptr::write_bytes(buffer.cast::<u8>(), 0, size);
        slice::from_raw_parts_mut(buffer.cast::<u8>(), size)
    };
    let driver = unsafe { &mut *driver };
    let is_read = driver.writes.read(address, buffer).is_ok() && !(driver.is_foreign && is_heap(kind, buffer));
    if is_read { 0 } else { -1 }
}

unsafe extern "C" fn write(
    driver: *mut Driver,
    _: c_int,
    _: hid_t,
    address: u64,
    size: usize,
    bytes: *const c_void,
) -> c_int {
    if size > 0 {
        unsafe { (*driver).writes.write(address, slice::from_raw_parts(bytes.cast(), size)) };
    }
    0
}
