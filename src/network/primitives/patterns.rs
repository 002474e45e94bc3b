//! How often patterns of 3 x 3 pixels occur in images, and what a change of each pixel does to them.

use burn_tensor::{Int, Tensor};

use crate::descriptor::{PATTERN_PIXELS, PATTERNS, SCALES};

/// See [`Kernels::pattern_shares`](crate::network::kernels::Kernels::pattern_shares).
pub fn pattern_shares(images: &Tensor<4>) -> Tensor<1> {
    let [n, channels, ..] = images.dims();
    let of_scale = |image: &Tensor<4>| {
        let [high, low] = digits(image);
        let places = (high.dims()[1] / n) as f64;
        let counts = high.swap_dims(1, 2).matmul(low);
        counts.reshape([channels, 1, PATTERNS]) / (n as f64 * places)
    };
    Tensor::cat(scales(images).iter().map(of_scale).collect(), 1).reshape([channels * SCALES * PATTERNS])
}

/// See [`Kernels::patterns_backward`](crate::network::kernels::Kernels::patterns_backward).
pub fn patterns_backward(images: &Tensor<4>, costs: Tensor<3>) -> Tensor<4> {
    let [n, channels, height, width] = images.dims();
    let mut gradient = images.zeros_like();
    for (scale, image) in scales(images).iter().enumerate() {
        let [_, _, coarse_height, coarse_width] = image.dims();
        let (rows, columns) = (coarse_height - 2, coarse_width - 2);
        let [high, low] = digits(image);
        let costs = costs.clone().narrow(1, scale, 1).reshape([channels, PATTERNS]);
        let mut sums = image.zeros_like();
        for k in 0..PATTERN_PIXELS {
            let changes = changes(&costs, k).reshape([channels, PATTERNS / LOW, LOW]);
            let of_places = (high.clone().matmul(changes) * low.clone()).sum_dim(2);
            let of_places = of_places.reshape([channels, n, rows, columns]).swap_dims(0, 1);
            let place = [0..n, 0..channels, k / 3..k / 3 + rows, k % 3..k % 3 + columns];
            sums = sums.clone().slice_assign(place.clone(), sums.slice(place) + of_places);
        }
        let side = 1 << scale;
        let spread = (sums * 0.25f64.powi(scale as i32))
            .reshape([n * channels * coarse_height, 1, coarse_width, 1])
            .repeat(&[1, side, 1, side])
            .reshape([n, channels, height, width]);
        gradient = gradient + spread;
    }
    gradient
}

/// Images at full, half and quarter resolution.
fn scales(images: &Tensor<4>) -> Vec<Tensor<4>> {
    let full = images.clone().greater_elem(0.5).float();
    std::iter::successors(Some(full), |finer| Some(halved(finer))).take(SCALES).collect()
}

fn halved(images: &Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = images.dims();
    let squares: Tensor<4> = images.clone().reshape([n * channels * height / 2, 2, width / 2, 2]);
    let first = squares.clone().narrow(1, 0, 1).narrow(3, 0, 1);
    // The first pixel decides a tie.
    let majority = (squares.sum_dim(1).sum_dim(3) + first * 0.75).greater_elem(2.5).float();
    majority.reshape([n, channels, height / 2, width / 2])
}

/// Values of the lower digit of a pattern number.
const LOW: usize = 16;

/// The number of the pattern at each place as two one-hot digits, `[channels, n * places, PATTERNS / LOW]` and
/// `[channels, n * places, LOW]`: matrix products of them count patterns and look up costs, in a fixed order.
fn digits(images: &Tensor<4>) -> [Tensor<3>; 2] {
    let [n, channels, height, width] = images.dims();
    let (rows, columns) = (height - 2, width - 2);
    let pixel = |k: usize| images.clone().narrow(2, k / 3, rows).narrow(3, k % 3, columns) * (1 << k) as f64;
    let digit = |bits: std::ops::Range<usize>, values: usize| {
        let unit = (1 << bits.start) as f64;
        let value = bits.map(pixel).reduce(|sum, bit| sum + bit).expect("a digit has bits") / unit;
        let value = value.swap_dims(0, 1).reshape([channels, n * rows * columns, 1]);
        let all = Tensor::<1, Int>::arange(0..values as i64, &images.device()).float().reshape([1, 1, values]);
        value
            .expand([channels, n * rows * columns, values])
            .equal(all.expand([channels, n * rows * columns, values]))
            .float()
    };
    let bits = LOW.trailing_zeros() as usize;
    [digit(bits..PATTERN_PIXELS, PATTERNS / LOW), digit(0..bits, LOW)]
}

/// For each pattern, the cost with pixel `k` less the cost without, `[channels, PATTERNS]`.
fn changes(costs: &Tensor<2>, k: usize) -> Tensor<2> {
    let channels = costs.dims()[0];
    let pairs: Tensor<4> = costs.clone().reshape([channels, PATTERNS >> (k + 1), 2, 1 << k]);
    let change = pairs.clone().narrow(2, 1, 1) - pairs.narrow(2, 0, 1);
    change.repeat(&[1, 1, 2, 1]).reshape([channels, PATTERNS])
}
