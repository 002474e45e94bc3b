//! Planes of volumes.

use burn_tensor::{IndexingUpdateOp, Int, Tensor, TensorData};

use crate::network::planes::PlaneNumbers;

/// For planes across z, y and x: the order of the axes of volumes in which the planes come behind the volumes.
const ORDERS: [[isize; 5]; 3] = [[0, 2, 1, 3, 4], [0, 3, 1, 2, 4], [0, 4, 1, 2, 3]];

/// See [`Kernels::planes`](crate::network::kernels::Kernels::planes).
pub fn planes(volumes: &Tensor<5>, numbers: &PlaneNumbers) -> Tensor<5> {
    let [n, channels, side, ..] = volumes.dims();
    let across = numbers.iter().enumerate().map(|(axis, numbers)| {
        let chosen = volumes.clone().select(2 + axis, indices(numbers, volumes)).permute(ORDERS[axis]);
        chosen.reshape([n * numbers.len(), channels, 1, side, side])
    });
    Tensor::cat(across.collect(), 0)
}

/// See [`Kernels::planes_backward`](crate::network::kernels::Kernels::planes_backward).
pub fn planes_backward(gradient: Tensor<5>, numbers: &PlaneNumbers, n: usize) -> Tensor<5> {
    let [_, channels, _, side, _] = gradient.dims();
    let mut volumes = Tensor::zeros([n, channels, side, side, side], &gradient.device());
    let mut first = 0;
    for (axis, numbers) in numbers.iter().enumerate() {
        let count = n * numbers.len();
        let of_axis = gradient.clone().narrow(0, first, count).reshape([n, numbers.len(), channels, side, side]);
        let mut back = [0; 5];
        ORDERS[axis].iter().enumerate().for_each(|(to, &from)| back[from as usize] = to as isize);
        volumes =
            volumes.select_assign(2 + axis, indices(numbers, &gradient), of_axis.permute(back), IndexingUpdateOp::Add);
        first += count;
    }
    volumes
}

fn indices(numbers: &[usize], like: &Tensor<5>) -> Tensor<1, Int> {
    let numbers: Vec<i32> = numbers.iter().map(|&number| number as i32).collect();
    let length = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [length]), &like.device())
}
