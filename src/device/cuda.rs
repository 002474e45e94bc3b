//! NVIDIA devices. Driver and toolkit are looked for before Burn uses them, which would panic without.

use std::sync::OnceLock;

use burn_tensor::Device as BurnDevice;
use cudarc::driver::{DriverError, result, sys};

use super::{Device, DeviceInfo, not_there};
use crate::{Error, Result};

/// Every device that the driver has, in the order of its number.
pub fn found() -> Vec<DeviceInfo> {
    devices().to_vec()
}

/// The device as Burn names it.
///
/// # Errors
///
/// [`Error::Device`] if there is no such device, or nothing to compile its kernels with.
pub fn open(index: usize) -> Result<BurnDevice> {
    if index >= devices().len() {
        return Err(not_there(Device::Cuda(index)));
    }
    toolkit::check()?;
    Ok(BurnDevice::cuda(index))
}

/// The devices that were there when they were first asked for.
fn devices() -> &'static [DeviceInfo] {
    static DEVICES: OnceLock<Vec<DeviceInfo>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        // SAFETY: opens the driver's library and closes it again, if there is one.
        if !unsafe { sys::is_culib_present() } {
            return Vec::new();
        }
        // A driver without a device, or one that does not fit the kernel module, answers with an error.
        ask_driver().unwrap_or_default()
    })
}

fn ask_driver() -> std::result::Result<Vec<DeviceInfo>, DriverError> {
    result::init()?;
    let info = |index| {
        let device = result::device::get(index)?;
        Ok(DeviceInfo {
            device: Device::Cuda(index as usize),
            name: result::device::get_name(device)?,
            // SAFETY: the driver just gave this device.
            memory: Some(unsafe { result::device::total_mem(device) }? as u64),
        })
    };
    (0..result::device::get_count()?).map(info).collect()
}

/// Kernels are C++ for NVRTC, which wants the toolkit's headers.
#[cfg(feature = "cuda-nvrtc")]
mod toolkit {
    use cubecl_cuda::install::cuda_path;

    use super::{Error, Result};

    pub fn check() -> Result<()> {
        // SAFETY: opens the compiler's library and closes it again, if there is one.
        if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
            return Err(Error::Device(
                "libnvrtc.so was not found; it is needed to compile CUDA kernels. Install the CUDA toolkit, or choose \
                 device cpu"
                    .into(),
            ));
        }
        let headers = cuda_path().map(|path| path.join("include/cuda_runtime.h"));
        if headers.as_ref().is_some_and(|headers| headers.exists()) {
            return Ok(());
        }
        let missing = headers.map_or("cuda_runtime.h".into(), |headers| headers.display().to_string());
        Err(Error::Device(format!(
            "{missing} was not found; it is needed to compile CUDA kernels. Set CUDA_PATH to the CUDA toolkit, or \
             choose device cpu"
        )))
    }
}

/// Kernels are PTX from LLVM, which takes exponentials and logarithms from the toolkit.
#[cfg(not(feature = "cuda-nvrtc"))]
mod toolkit {
    use std::path::PathBuf;

    use super::{Error, Result};

    /// Where Burn's compiler looks if `CUDA_PATH` is not set.
    const PLACES: [&str; 4] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"];

    pub fn check() -> Result<()> {
        let places = match std::env::var_os("CUDA_PATH") {
            Some(path) => vec![PathBuf::from(path)],
            None => PLACES.map(PathBuf::from).to_vec(),
        };
        if places.iter().any(|place| place.join("nvvm/libdevice/libdevice.10.bc").exists()) {
            return Ok(());
        }
        let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        Err(Error::Device(format!(
            "nvvm/libdevice/libdevice.10.bc was not found in {}; it is needed to compile CUDA kernels. Set CUDA_PATH to \
             the CUDA toolkit, or choose device cpu",
            places.join(", ")
        )))
    }
}
