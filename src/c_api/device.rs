//! Where a model lives.

use std::ffi::c_char;

use super::guard::guard;
use super::options::{StructPlace, count, unsafe_growing};
use super::pointers::Place;
use super::status::davegan_status_t;
use crate::device::{Device, DeviceInfo, devices};
use crate::{Error, Result};

/// The library chooses; this is the processor.
pub const DAVEGAN_DEVICE_KIND_AUTO: i32 = 0;
/// The processor.
pub const DAVEGAN_DEVICE_KIND_CPU: i32 = 1;
/// The NVIDIA GPU of number `device_index`; `DAVEGAN_DEVICE` if this build or machine has none.
pub const DAVEGAN_DEVICE_KIND_CUDA: i32 = 2;
/// The WebGPU device (Vulkan, Metal) of number `device_index`; `DAVEGAN_DEVICE` if this build or machine has none.
pub const DAVEGAN_DEVICE_KIND_WGPU: i32 = 3;

/// Bytes for the name of a device, with its NUL.
pub const DAVEGAN_DEVICE_NAME_SIZE: usize = 256;

/// What there is to know about a device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_device_info_t {
    /// Size of this struct as the caller gave it.
    pub struct_size: usize,
    /// What to ask for, one of `DAVEGAN_DEVICE_KIND_...`.
    pub kind: i32,
    /// The number of an accelerator among those of its kind; 0 for the processor.
    pub device_index: i32,
    /// Bytes of its memory; 0 if its driver does not tell.
    pub memory: i64,
    /// What its driver calls it, UTF-8, ended by a NUL; cut off if it is longer, never within a character.
    pub name: [c_char; DAVEGAN_DEVICE_NAME_SIZE],
}
// SAFETY: numbers and characters only.
unsafe_growing!(davegan_device_info_t, name);

impl davegan_device_info_t {
    fn new(found: &DeviceInfo) -> Self {
        let (kind, index) = match found.device {
            Device::Auto => (DAVEGAN_DEVICE_KIND_AUTO, 0),
            Device::Cpu => (DAVEGAN_DEVICE_KIND_CPU, 0),
            Device::Cuda(index) => (DAVEGAN_DEVICE_KIND_CUDA, index),
            Device::Wgpu(index) => (DAVEGAN_DEVICE_KIND_WGPU, index),
        };
        let mut name = [0; DAVEGAN_DEVICE_NAME_SIZE];
        let kept = found.name.floor_char_boundary(DAVEGAN_DEVICE_NAME_SIZE - 1);
        name.iter_mut().zip(&found.name.as_bytes()[..kept]).for_each(|(to, &byte)| *to = byte as c_char);
        let memory = found.memory.map_or(0, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        Self { struct_size: size_of::<Self>(), kind, device_index: index as i32, memory, name }
    }
}

/// Tells in `*count` how many devices of this build are there: at least the processor.
///
/// Accelerators are looked for at the first call that wants one or asks for them, and their drivers stay loaded. May be
/// called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_device_count(count: *mut i32) -> davegan_status_t {
    guard(|| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let place = unsafe { Place::new(count, 0, "count") }?;
        place.set(devices().len() as i32);
        Ok(())
    })
}

/// Tells what there is to know about device `number` of `davegan_device_count` in `info`, a struct of `size` bytes
/// (`sizeof *info`).
///
/// The processor is number 0; the order stays the same while the program runs. Fails with `DAVEGAN_INVALID_PARAMETER` if
/// there is no such number. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_device_info(
    number: i32,
    info: *mut davegan_device_info_t,
    size: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let place = unsafe { StructPlace::new(info, size, "info") }?;
        let devices = devices();
        let found = usize::try_from(number).ok().and_then(|number| devices.get(number)).ok_or_else(|| {
            let count = devices.len();
            Error::invalid(format!("number = {number}, but devices are numbered from 0 and there are {count}"))
        })?;
        place.set(davegan_device_info_t::new(found));
        Ok(())
    })
}

/// The device of a kind and a number, which counts for accelerators only.
pub(super) fn device(kind: i32, index: i32) -> Result<Device> {
    match kind {
        DAVEGAN_DEVICE_KIND_AUTO | DAVEGAN_DEVICE_KIND_CPU if index != 0 => Err(Error::invalid(format!(
            "device = {kind} and device_index = {index} contradict each other: only accelerators are numbered; set \
             device_index to 0, or choose DAVEGAN_DEVICE_KIND_CUDA (2) or _WGPU (3)"
        ))),
        DAVEGAN_DEVICE_KIND_AUTO => Ok(Device::Auto),
        DAVEGAN_DEVICE_KIND_CPU => Ok(Device::Cpu),
        DAVEGAN_DEVICE_KIND_CUDA => Ok(Device::Cuda(count(index, "device_index")?)),
        DAVEGAN_DEVICE_KIND_WGPU => Ok(Device::Wgpu(count(index, "device_index")?)),
        _ => Err(Error::invalid(format!(
            "device = {kind} is no kind of device; choose one of DAVEGAN_DEVICE_KIND_AUTO (0), _CPU (1), _CUDA (2), \
             _WGPU (3)"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        let found = |name: String| DeviceInfo { device: Device::Wgpu(3), name, memory: None };
        let info = davegan_device_info_t::new(&found("ß".repeat(200)));
        assert_eq!((info.kind, info.device_index, info.memory), (DAVEGAN_DEVICE_KIND_WGPU, 3, 0));
        // SAFETY: the last byte is always NUL.
        let name = unsafe { std::ffi::CStr::from_ptr(info.name.as_ptr()) };
        assert_eq!(name.to_str(), Ok("ß".repeat(127).as_str()));
    }

    #[test]
    fn kinds_and_numbers_are_validated() {
        assert_eq!(device(DAVEGAN_DEVICE_KIND_CPU, 0), Ok(Device::Cpu));
        for kind in [DAVEGAN_DEVICE_KIND_AUTO, DAVEGAN_DEVICE_KIND_CPU] {
            assert!(device(kind, 1).unwrap_err().to_string().contains("device_index = 1 contradict"));
        }
        assert_eq!(device(DAVEGAN_DEVICE_KIND_CUDA, 2), Ok(Device::Cuda(2)));
        assert!(device(DAVEGAN_DEVICE_KIND_WGPU, -1).unwrap_err().to_string().contains("device_index is -1"));
        assert!(device(4, 0).unwrap_err().to_string().contains("device = 4"));
    }
}
