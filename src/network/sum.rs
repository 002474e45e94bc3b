//! Sums in a fixed order, so that training is reproducible.

use burn_tensor::{Device, Tensor};

/// The sum of all elements, `[1]`.
///
/// Burn's own sum has a fixed order on the CPU. On a GPU it uses atomic additions, whose order varies.
pub fn sum<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    if tensor.device() == Device::flex() { tensor.sum() } else { sum_as_row(tensor) }
}

fn sum_as_row<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let count: usize = tensor.dims().iter().product();
    tensor.reshape([count]).sum_dim(0)
}

#[cfg(test)]
mod tests {
    use burn_tensor::Int;

    use super::*;
    use crate::device::every_kind;

    #[test]
    fn every_number_counts_once() {
        for device in every_kind() {
            let numbers = || Tensor::<1, Int>::arange(0..5000, &device).float().reshape([5, 1000]);
            for total in [sum(numbers()), sum_as_row(numbers())] {
                assert_eq!(total.dims(), [1]);
                assert_eq!(total.into_scalar::<f32>(), 12_497_500.0);
            }
        }
    }
}
