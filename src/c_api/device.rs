//! Where a model lives.

use super::options::count;
use crate::device::Device;
use crate::{Error, Result};

/// The fastest device of this build; never fails for want of an accelerator.
pub const DAVEGAN_DEVICE_KIND_AUTO: i32 = 0;
/// The processor.
pub const DAVEGAN_DEVICE_KIND_CPU: i32 = 1;
/// The NVIDIA GPU of number `device_index`; `DAVEGAN_DEVICE` if this build has none.
pub const DAVEGAN_DEVICE_KIND_CUDA: i32 = 2;
/// The WebGPU device (Vulkan, Metal) of number `device_index`; `DAVEGAN_DEVICE` if this build has none.
pub const DAVEGAN_DEVICE_KIND_WGPU: i32 = 3;

/// The device of a kind and a number, which counts for accelerators only.
pub(super) fn device(kind: i32, index: i32) -> Result<Device> {
    match kind {
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
    fn kinds_and_numbers_are_validated() {
        assert_eq!(device(DAVEGAN_DEVICE_KIND_CPU, -1), Ok(Device::Cpu));
        assert_eq!(device(DAVEGAN_DEVICE_KIND_CUDA, 2), Ok(Device::Cuda(2)));
        assert!(device(DAVEGAN_DEVICE_KIND_WGPU, -1).unwrap_err().to_string().contains("device_index is -1"));
        assert!(device(4, 0).unwrap_err().to_string().contains("device = 4"));
    }
}
