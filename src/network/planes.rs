//! Planes of volumes: what a discriminator of images sees of them.

use burn_tensor::Tensor;

use super::kernels::kernels;

/// Numbers of planes across z, y and x, each of them once.
pub type PlaneNumbers = [Vec<usize>; 3];

/// The planes of volumes `[n, channels, side, side, side]`: those across z of all volumes, then those across y and x,
/// `[planes, channels, 1, side, side]`.
pub fn planes(volumes: &Tensor<5>, numbers: &PlaneNumbers) -> Tensor<5> {
    kernels(volumes).planes(volumes, numbers)
}

/// The gradient with respect to `n` volumes, from that with respect to their [`planes`].
pub fn planes_backward(gradient: Tensor<5>, numbers: &PlaneNumbers, n: usize) -> Tensor<5> {
    kernels(&gradient).planes_backward(gradient, numbers, n)
}

#[cfg(test)]
mod tests {
    use burn_tensor::{Device, Int};

    use super::*;
    use crate::network::with_primitives;

    const NUMBERS: [&[usize]; 3] = [&[3, 0], &[1], &[2, 1, 0]];

    fn numbers() -> PlaneNumbers {
        NUMBERS.map(<[usize]>::to_vec)
    }

    fn volumes() -> Tensor<5> {
        Tensor::<1, Int>::arange(0..2 * 3 * 64, &Device::flex()).float().reshape([2, 3, 4, 4, 4])
    }

    #[test]
    fn planes_are_those_of_the_volume() {
        check_planes();
        with_primitives(check_planes);
    }

    fn check_planes() {
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
        check_gradient();
        with_primitives(check_gradient);
    }

    fn check_gradient() {
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
