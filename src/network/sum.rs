//! Sums whose last bits are always the same.

use burn::tensor::Tensor;

use crate::processor::Numbers;

/// The sum of all numbers, `[1]`.
///
/// Burn's own sum is in order on the processor, but adds with atomic operations where a GPU has them, in whichever order its
/// threads arrive: training would no longer be a matter of its seed.
pub fn sum<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    if Numbers::of(&tensor).is_some() {
        return tensor.sum();
    }
    let count: usize = tensor.dims().iter().product();
    tensor.reshape([count]).sum_dim(0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Int, Tensor};

    use super::*;
    use crate::device::every_kind;
    use crate::processor::with_primitives;

    #[test]
    fn every_number_counts_once() {
        for device in every_kind() {
            let numbers = || Tensor::<1, Int>::arange(0..5000, &device).float().reshape([5, 1000]);
            for total in [sum(numbers()), with_primitives(|| sum(numbers()))] {
                assert_eq!(total.dims(), [1]);
                assert_eq!(total.into_scalar::<f32>(), 12_497_500.0);
            }
        }
    }
}
