//! The values of tensors on an accelerator as buffers for kernels.

use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{Cube, CubeDevice, kernel::into_contiguous};
use burn_tensor::{DType, Device, Int, Shape, Tensor};
use cubecl::client::Client;
use cubecl::prelude::{BufferArg, CubeCount};
use cubecl::server::Handle;

/// Most workgroups along one axis: the limit of WebGPU is 65,535.
const MOST_WORKGROUPS: usize = 1 << 15;

/// Whether `tensor` is on an accelerator and of `f32`.
pub fn is_f32_on_accelerator<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && tensor.device() != Device::flex()
}

/// An accelerator: where kernels are launched.
#[derive(Clone)]
pub struct Accelerator {
    pub client: Client,
    device: CubeDevice,
}

/// Contiguous values of 32 bits.
#[derive(Clone)]
pub struct Buffer {
    handle: Handle,
    length: usize,
}

impl Accelerator {
    /// That of a tensor which [is of `f32` on an accelerator](is_f32_on_accelerator), with its values.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> (Self, Buffer) {
        let CubeTensor { client, device, handle, .. } = primitive(tensor);
        (Self { client, device }, Buffer { handle, length: tensor.dims().iter().product() })
    }

    /// A buffer of `length` values that a kernel is to write.
    pub fn empty(&self, length: usize) -> Buffer {
        Buffer { handle: self.client.empty(length * size_of::<f32>()), length }
    }

    /// A copy of numbers of the host.
    pub fn upload(&self, numbers: &[u32]) -> Buffer {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        Buffer { handle: self.client.create_from_slice(&bytes), length: numbers.len() }
    }

    /// The buffer as a tensor.
    pub fn tensor<const D: usize>(&self, buffer: Buffer, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_primitive::<Cube>(self.primitive(buffer, shape, DType::F32))
    }

    /// The buffer as a tensor of integers.
    pub fn integers<const D: usize>(&self, buffer: Buffer, shape: [usize; D]) -> Tensor<D, Int> {
        Tensor::from_primitive::<Cube>(self.primitive(buffer, shape, DType::I32))
    }

    fn primitive<const D: usize>(&self, buffer: Buffer, shape: [usize; D], dtype: DType) -> CubeTensor {
        let shape = Shape::new(shape);
        CubeTensor::new_contiguous(self.client.clone(), self.device.clone(), shape, buffer.handle, dtype)
    }
}

impl Buffer {
    /// The values of `tensor`, which [is of `f32` on an accelerator](is_f32_on_accelerator).
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        Self { handle: primitive(tensor).handle, length: tensor.dims().iter().product() }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.length
    }

    /// As the argument of a kernel.
    pub fn arg(&self) -> BufferArg {
        // SAFETY: the handle was made for so many values.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.length) }
    }
}

fn primitive<const D: usize>(tensor: &Tensor<D>) -> CubeTensor {
    into_contiguous(tensor.clone().try_into_primitive::<Cube>().expect("the tensor is on an accelerator"))
}

/// So many workgroups, along the first and the last axis, `others` times.
pub fn workgroups(count: usize, others: usize) -> CubeCount {
    let first = count.min(MOST_WORKGROUPS);
    CubeCount::Static(first as u32, others as u32, count.div_ceil(first.max(1)) as u32)
}
