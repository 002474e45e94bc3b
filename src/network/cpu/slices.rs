//! The values of tensors on the CPU as slices, without a copy.

use burn_flex::Flex;
use burn_flex::FlexTensor;
use burn_tensor::{DType, Device, Shape, Tensor, TensorData};

/// Whether `tensor` is on the CPU and of `f32`.
pub fn is_f32_on_cpu<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && tensor.device() == Device::flex()
}

/// The values of a tensor, contiguous and read-only.
pub struct CpuSlice(FlexTensor);

impl CpuSlice {
    /// The values of `tensor`, which [is of `f32` on the CPU](is_f32_on_cpu).
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        let primitive = tensor.clone().try_into_primitive::<Flex>().expect("the tensor is on the CPU");
        let contiguous = primitive.as_slice::<f32>().is_some();
        Self(if contiguous { primitive } else { primitive.to_contiguous() })
    }

    /// The values, last axis fastest.
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_slice().expect("contiguous f32")
    }
}

/// The values of a vector, contiguous and mutable.
pub struct CpuVec(FlexTensor);

impl CpuVec {
    /// Takes the values of `vector`, which [is of `f32` on the CPU](is_f32_on_cpu), and leaves an empty vector.
    pub fn take(vector: &mut Tensor<1>) -> Self {
        let CpuSlice(primitive) = CpuSlice::of(vector);
        *vector = Tensor::from_primitive::<Flex>(FlexTensor::empty(Shape::new([0]), DType::F32));
        let whole = primitive.layout().num_elements() == primitive.storage::<f32>().len();
        Self(if whole { primitive } else { primitive.to_contiguous() })
    }

    /// The values; copied first if another tensor shares them.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.0.storage_mut()
    }

    /// Turns the values back into a vector.
    pub fn into_tensor(self) -> Tensor<1> {
        Tensor::from_primitive::<Flex>(self.0)
    }
}

/// A tensor on the CPU.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(values, shape)))
}

#[cfg(test)]
mod tests {
    use burn_tensor::Int;

    use super::*;

    #[test]
    fn values_are_contiguous() {
        let matrix = Tensor::<1, Int>::arange(0..6, &Device::flex()).float().reshape([2, 3]);
        assert_eq!(CpuSlice::of(&matrix).as_slice(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(CpuSlice::of(&matrix.clone().narrow(0, 1, 1)).as_slice(), [3.0, 4.0, 5.0]);
        assert_eq!(CpuSlice::of(&matrix.clone().transpose()).as_slice(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert!(is_f32_on_cpu(&matrix) && !is_f32_on_cpu(&matrix.cast(DType::F64)));
    }

    #[test]
    fn changing_a_vector_leaves_its_copies_alone() {
        let mut vector = tensor(vec![1.0, 2.0, 3.0], [3]);
        let (copy, mut part) = (vector.clone(), vector.clone().narrow(0, 1, 2));
        for vector in [&mut vector, &mut part] {
            let mut owned = CpuVec::take(vector);
            owned.as_mut_slice()[0] = 7.0;
            *vector = owned.into_tensor();
        }
        assert_eq!(CpuSlice::of(&vector).as_slice(), [7.0, 2.0, 3.0]);
        assert_eq!(CpuSlice::of(&part).as_slice(), [7.0, 3.0]);
        assert_eq!(CpuSlice::of(&copy).as_slice(), [1.0, 2.0, 3.0]);
    }
}
