//! The numbers of tensors on the processor, without a copy.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Shape, Tensor, TensorData};

/// The numbers of a tensor in order, to be read.
pub struct CpuSlice(FlexTensor);

impl CpuSlice {
    /// The numbers of `tensor` if it is one of `f32` on the processor.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        let primitive = tensor.clone().try_into_primitive::<Flex>().ok()?;
        if primitive.dtype() != DType::F32 || only_primitives() {
            return None;
        }
        let in_order = primitive.as_slice::<f32>().is_some();
        Some(Self(if in_order { primitive } else { primitive.to_contiguous() }))
    }

    /// The numbers, the last axis fastest.
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_slice().expect("in order, and of f32")
    }
}

/// The numbers of a vector in order, to be changed.
pub struct CpuVec(FlexTensor);

impl CpuVec {
    /// Takes the numbers of `vector` if it is one of `f32` on the processor, and leaves an empty vector.
    pub fn take(vector: &mut Tensor<1>) -> Option<Self> {
        let numbers = CpuSlice::of(vector)?;
        *vector = Tensor::from_primitive::<Flex>(FlexTensor::empty(Shape::new([0]), DType::F32));
        let CpuSlice(primitive) = numbers;
        let whole = primitive.layout().num_elements() == primitive.storage::<f32>().len();
        Some(Self(if whole { primitive } else { primitive.to_contiguous() }))
    }

    /// The numbers; they are copied first if another tensor has them too.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.0.storage_mut()
    }

    /// The vector again.
    pub fn into_tensor(self) -> Tensor<1> {
        Tensor::from_primitive::<Flex>(self.0)
    }
}

#[cfg(not(test))]
fn only_primitives() -> bool {
    false
}

#[cfg(test)]
fn only_primitives() -> bool {
    ONLY_PRIMITIVES.get()
}

#[cfg(test)]
thread_local! {
    static ONLY_PRIMITIVES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Does `work` on this thread with Burn's primitives alone, as on every other device.
#[cfg(test)]
pub fn with_primitives<T>(work: impl FnOnce() -> T) -> T {
    ONLY_PRIMITIVES.set(true);
    let result = work();
    ONLY_PRIMITIVES.set(false);
    result
}

/// A tensor on the processor.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(values, shape)))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int};

    use super::*;

    #[test]
    fn numbers_come_in_order() {
        let matrix = Tensor::<1, Int>::arange(0..6, &Device::flex()).float().reshape([2, 3]);
        assert_eq!(CpuSlice::of(&matrix).unwrap().as_slice(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(CpuSlice::of(&matrix.clone().narrow(0, 1, 1)).unwrap().as_slice(), [3.0, 4.0, 5.0]);
        assert_eq!(CpuSlice::of(&matrix.clone().transpose()).unwrap().as_slice(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert!(CpuSlice::of(&matrix.cast(DType::F64)).is_none());
    }

    #[test]
    fn changing_a_vector_leaves_its_copies_alone() {
        let mut vector = tensor(vec![1.0, 2.0, 3.0], [3]);
        let (copy, mut part) = (vector.clone(), vector.clone().narrow(0, 1, 2));
        for vector in [&mut vector, &mut part] {
            let mut owned = CpuVec::take(vector).unwrap();
            owned.as_mut_slice()[0] = 7.0;
            *vector = owned.into_tensor();
        }
        assert_eq!(CpuSlice::of(&vector).unwrap().as_slice(), [7.0, 2.0, 3.0]);
        assert_eq!(CpuSlice::of(&part).unwrap().as_slice(), [7.0, 3.0]);
        assert_eq!(CpuSlice::of(&copy).unwrap().as_slice(), [1.0, 2.0, 3.0]);
    }
}
