//! The numbers of a tensor on the processor, without a copy.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor, TensorData};

/// The numbers of a tensor in order.
pub struct Numbers(FlexTensor);

impl Numbers {
    /// The numbers of `tensor` if it is one of `f32` on the processor.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        let primitive = tensor.clone().try_into_primitive::<Flex>().ok()?;
        (primitive.dtype() == DType::F32).then(|| Self(primitive.to_contiguous()))
    }

    /// The numbers, the last axis fastest.
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_slice().expect("made contiguous, and of f32")
    }
}

/// A tensor on the processor.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(values, shape)))
}
