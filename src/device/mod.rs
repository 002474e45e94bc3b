//! Devices: where tensors live, and how many threads work on them.
//!
//! * `cuda`, `wgpu`: accelerators, and how they are opened.
//! * `memory`: how much may still be taken.
//! * `pool`: thread pools; `workers`: pools kept from call to call.
//! * `processors`: the CPU, the SIMD instructions of its kernels, and how many threads pools have.
//! * `threads`: short tasks on several threads; `simulation`: how long they would take on more.

#[cfg(feature = "cuda")]
mod cuda;
pub mod memory;
mod pool;
mod processors;
mod simulation;
mod threads;
#[cfg(feature = "wgpu")]
mod wgpu;
mod workers;

use std::fmt;
use std::str::FromStr;

use burn_tensor::Device as BurnDevice;
use serde::{Serialize, Serializer};

pub use pool::{MAX_THREADS, ThreadPool, thread_pool};
pub use processors::{default_threads, instruction_set, instructions};
pub use simulation::{Simulated, simulate};
pub use threads::{for_each, join, on_this_thread, threads, with_spinning_workers};
pub use workers::{KeptPool, Workers};

use crate::{Error, Result};
use processors::check_limit;

/// The device that a model is trained on or generates on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// Chosen by the library; never fails. Today always the CPU (`docs/gpu.md`).
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// NVIDIA device of this number.
    Cuda(usize),
    /// WebGPU device (Vulkan, Metal) of this number.
    Wgpu(usize),
}

/// An available device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// The device.
    pub device: Device,
    /// Name reported by its driver.
    pub name: String,
    /// Memory in bytes, if the driver reports it.
    pub memory: Option<u64>,
}

/// Lists the devices that this build can use, the CPU first. Accelerators are detected at the first call.
pub fn devices() -> Vec<DeviceInfo> {
    #[allow(unused_mut, reason = "a build without accelerators has none to add")]
    let mut devices = vec![DeviceInfo { device: Device::Cpu, name: processors::name(), memory: processors::memory() }];
    #[cfg(feature = "cuda")]
    devices.extend(cuda::found());
    #[cfg(feature = "wgpu")]
    devices.extend(wgpu::found());
    devices
}

impl Device {
    /// Opens the device as a Burn device.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if this build has no such device, or it is not there; [`Error::InvalidParameter`] if the environment
    /// names SIMD instructions that are not known.
    pub(crate) fn open(self) -> Result<BurnDevice> {
        match self {
            Self::Auto | Self::Cpu => check_limit().map(|()| BurnDevice::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => cuda::open(index),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(index) => wgpu::open(index),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => Err(not_built(self, "cuda")),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu(_) => Err(not_built(self, "wgpu")),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(index) => write!(formatter, "cuda:{index}"),
            Self::Wgpu(index) => write!(formatter, "wgpu:{index}"),
        }
    }
}

impl Serialize for Device {
    /// As [`Display`](fmt::Display) writes it.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Device {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes; the number is 0 if it is left out.
    fn from_str(text: &str) -> Result<Self> {
        let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
        match (text, kind, index.parse()) {
            ("auto", ..) => Ok(Self::Auto),
            ("cpu", ..) => Ok(Self::Cpu),
            (_, "cuda", Ok(index)) => Ok(Self::Cuda(index)),
            (_, "wgpu", Ok(index)) => Ok(Self::Wgpu(index)),
            _ => Err(Error::invalid(format!("there is no device {text}; choose auto, cpu, cuda:N or wgpu:N"))),
        }
    }
}

#[cfg(not(all(feature = "cuda", feature = "wgpu")))]
fn not_built(device: Device, feature: &str) -> Error {
    let option = feature.to_uppercase();
    Error::Device(format!(
        "device {device} is not part of this build; choose auto or cpu, or build the library with the feature {feature} \
         (CMake: -DDAVEGAN_{option}=ON)"
    ))
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn not_there(device: Device) -> Error {
    let found = devices().into_iter().map(|found| format!("{} ({})", found.device, found.name));
    let found = found.collect::<Vec<_>>().join(", ");
    Error::Device(format!("device {device} is not there; choose one of those found: {found}"))
}

/// The first available accelerator, for tests, which are skipped without one.
#[cfg(test)]
pub(crate) fn accelerator() -> Option<Device> {
    let found = devices().into_iter().find(|found| found.device != Device::Cpu);
    match &found {
        Some(found) => eprintln!("on {} ({})", found.device, found.name),
        None => eprintln!("skipped: this build has no accelerator, or there is none"),
    }
    found.map(|found| found.device)
}

/// The CPU, and the first available accelerator, as Burn devices.
#[cfg(test)]
pub(crate) fn every_kind() -> impl Iterator<Item = BurnDevice> {
    [Some(Device::Cpu), accelerator()].into_iter().flatten().map(|device| device.open().unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_named() {
        for device in [Device::Cuda(1003), Device::Wgpu(1003)] {
            let error = device.open().unwrap_err();
            assert!(matches!(&error, Error::Device(text) if text.contains(&device.to_string())), "{error}");
            assert!(error.to_string().contains("choose"), "{error}");
        }
        assert!(Device::Auto.open().is_ok() && Device::Cpu.open().is_ok());
    }

    #[test]
    fn a_device_is_read_as_it_is_written() {
        for device in [Device::Auto, Device::Cpu, Device::Cuda(0), Device::Cuda(3), Device::Wgpu(1)] {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for wrong in ["", "gpu", "cpu:0", "auto:1", "cuda:", "cuda:-1", "cuda:one", "wgpu:1:1"] {
            assert!(wrong.parse::<Device>().unwrap_err().to_string().contains("choose"), "{wrong}");
        }
    }

    #[test]
    fn every_device_is_listed_once_and_the_cpu_first() {
        let devices = devices();
        assert_eq!(devices[0].device, Device::Cpu);
        assert!(devices[0].memory.is_some_and(|bytes| bytes > 1 << 20), "{devices:?}");
        for (index, found) in devices.iter().enumerate() {
            assert!(!found.name.is_empty());
            assert!(devices[..index].iter().all(|other| other.device != found.device), "{devices:?}");
        }
    }

    #[test]
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    fn a_device_that_is_listed_opens_and_one_behind_the_last_tells_what_there_is() {
        // A driver of NVIDIA's alone is not enough to open its devices.
        for found in devices().iter().filter(|found| !matches!(found.device, Device::Cuda(_))) {
            found.device.open().unwrap();
        }
        let error = not_there(Device::Wgpu(7)).to_string();
        assert!(error.contains("wgpu:7 is not there") && error.contains("found: cpu ("), "{error}");
    }
}
