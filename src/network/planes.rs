//! Planes of volumes: what a discriminator of images sees of them.

use burn_tensor::{IndexingUpdateOp, Int, Tensor, TensorData};

/// Numbers of planes across z, y and x, each of them once.
pub type PlaneNumbers = [Vec<usize>; 3];

/// For planes across z, y and x: the order of the axes of volumes in which the planes come behind the volumes.
const ORDERS: [[isize; 5]; 3] = [[0, 2, 1, 3, 4], [0, 3, 1, 2, 4], [0, 4, 1, 2, 3]];

/// The planes of volumes `[n, channels, side, side, side]`: those across z of all volumes, then those across y and x,
/// `[planes, channels, 1, side, side]`.
pub fn planes(volumes: &Tensor<5>, numbers: &PlaneNumbers) -> Tensor<5> {
    let [n, channels, side, ..] = volumes.dims();
    let across = numbers.iter().enumerate().map(|(axis, numbers)| {
        let chosen = volumes.clone().select(2 + axis, indices(numbers, volumes)).permute(ORDERS[axis]);
        chosen.reshape([n * numbers.len(), channels, 1, side, side])
    });
    Tensor::cat(across.collect(), 0)
}

/// The gradient with respect to `n` volumes, from that with respect to their [`planes`].
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

#[cfg(test)]
mod tests {
    use burn_tensor::Device;

    use super::*;

    const NUMBERS: [&[usize]; 3] = [&[3, 0], &[1], &[2, 1, 0]];

    fn numbers() -> PlaneNumbers {
        NUMBERS.map(<[usize]>::to_vec)
    }

    fn volumes() -> Tensor<5> {
        Tensor::<1, Int>::arange(0..2 * 3 * 64, &Device::flex()).float().reshape([2, 3, 4, 4, 4])
    }

    #[test]
    fn planes_are_those_of_the_volume() {
        let found: Vec<f32> = planes(&volumes(), &numbers()).into_data().try_to_vec().unwrap();
        let voxel = |n: usize, channel: usize, place: [usize; 3]| {
            ((((n * 3 + channel) * 4 + place[0]) * 4 + place[1]) * 4 + place[2]) as f32
        };
        let mut expected = Vec::new();
        for (axis, numbers) in NUMBERS.iter().enumerate() {
            for (n, &number) in (0..2).flat_map(|n| numbers.iter().map(move |number| (n, number))) {
                for (channel, row, column) in (0..48).map(|pixel| (pixel / 16, pixel / 4 % 4, pixel % 4)) {
                    let mut place = vec![row, column];
                    place.insert(axis, number);
                    expected.push(voxel(n, channel, [place[0], place[1], place[2]]));
                }
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn the_gradient_is_the_transposed_selection() {
        // <planes(v), g> = <v, planes_backward(g)> for any v and g.
        let (volumes, numbers) = (volumes(), numbers());
        let seen = planes(&volumes, &numbers);
        let gradient = (seen.clone() * 0.37).sin();
        let inner = |a: Tensor<5>, b: Tensor<5>| (a * b).sum().into_scalar::<f32>();
        let expected = inner(seen, gradient.clone());
        let found = inner(volumes, planes_backward(gradient, &numbers, 2));
        assert!((found - expected).abs() < 1e-4 * expected.abs(), "{found} {expected}");
    }
}
