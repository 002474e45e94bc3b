//! WebGPU devices. What is there is asked for before Burn uses it, and the way to a device is one that returns errors.

use std::sync::OnceLock;

use burn_tensor::wgpu::{WgpuBackend, wgpu};
use burn_tensor::{Device as BurnDevice, DeviceKind};
use futures_lite::future::block_on;
use once_cell::sync::OnceCell;

use super::{Device, DeviceInfo, not_there};
use crate::{Error, Result};

/// An adapter, opened when it is first asked for: Burn takes the way that returns errors once only.
struct Adapter {
    name: String,
    kind: DeviceKind,
    opened: OnceCell<BurnDevice>,
}

/// Every adapter, in the order of its number.
pub fn found() -> Vec<DeviceInfo> {
    let info = |(index, adapter): (usize, &Adapter)| DeviceInfo {
        device: Device::Wgpu(index),
        name: adapter.name.clone(),
        // WebGPU does not tell.
        memory: None,
    };
    adapters().iter().enumerate().map(info).collect()
}

/// The device as Burn names it.
///
/// # Errors
///
/// [`Error::Device`] if there is no such adapter, or it refuses.
pub fn open(index: usize) -> Result<BurnDevice> {
    let adapter = adapters().get(index).ok_or_else(|| not_there(Device::Wgpu(index)))?;
    let opened = adapter.opened.get_or_try_init(|| {
        let options = BurnDevice::wgpu_options().device_kind(adapter.kind.clone()).graphics_api(api().0);
        options.init().map_err(|error| {
            let text = format!("{} ({}) cannot be used: {error}", Device::Wgpu(index), adapter.name);
            Error::Device(format!("{text}; choose another device, or auto"))
        })
    });
    opened.cloned()
}

/// The graphics API. A single one, so that a number means the same adapter in every list. OpenGL is left out: its
/// drivers write to standard error where there is no display.
fn api() -> (WgpuBackend, wgpu::Backends) {
    if cfg!(target_os = "macos") {
        (WgpuBackend::Auto, wgpu::Backends::METAL)
    } else {
        (WgpuBackend::Vulkan, wgpu::Backends::VULKAN)
    }
}

/// The adapters that were there when they were first asked for.
fn adapters() -> &'static [Adapter] {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let (_, backends) = api();
        let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor { backends, ..descriptor });
        let adapters = block_on(instance.enumerate_adapters(backends));
        let infos: Vec<_> = adapters.iter().map(|adapter| adapter.get_info()).collect();
        let of_type =
            |index: usize| infos[..index].iter().filter(|i| i.device_type == infos[index].device_type).count();
        let usable = (0..infos.len()).filter_map(|index| {
            let kind = kind(infos[index].device_type, of_type(index))?;
            Some(Adapter { name: infos[index].name.clone(), kind, opened: OnceCell::new() })
        });
        usable.collect()
    })
}

/// How Burn names the adapter that is number `index` of its type; None for one that it has no name for.
fn kind(device_type: wgpu::DeviceType, index: usize) -> Option<DeviceKind> {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => Some(DeviceKind::DiscreteGpu(index)),
        wgpu::DeviceType::IntegratedGpu => Some(DeviceKind::IntegratedGpu(index)),
        wgpu::DeviceType::VirtualGpu => Some(DeviceKind::VirtualGpu(index)),
        wgpu::DeviceType::Cpu if index == 0 => Some(DeviceKind::Cpu),
        _ => None,
    }
}
