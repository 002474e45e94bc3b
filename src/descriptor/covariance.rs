//! Covariance of a phase over a set of images.

use super::indicator::Indicator;
use super::transform::Transform;

/// Normalised autocovariance of a phase.
///
/// C(r) = (P(x(p) = x(p + r) = 1) - v^2) / (v - v^2) for lags below `range` pixels along each
/// axis.
///
/// v is the volume fraction of all images; P is taken over the pairs of pixels that lie inside one image. Returns `[2
/// range - 1, 2 range - 1]` values, for lags 0 to range - 1 and then -(range - 1) to -1 along both axes. Not a number
/// if the phase is nowhere or everywhere. `range` must be at most the shorter side.
pub fn covariance(images: &Indicator, range: usize) -> Vec<f64> {
    let [ny, nx] = images.shape();
    let padded = [ny + range, nx + range];
    let products = sums_of_products(images, padded);
    let variance = |v: f64| v * (1.0 - v);
    let v = images.volume_fraction();
    let lags: Vec<isize> = (0..range as isize).chain(1 - range as isize..0).collect();
    let place = |lag: isize, length: usize| lag.rem_euclid(length as isize) as usize;
    let mut covariance = Vec::with_capacity(lags.len() * lags.len());
    for &dy in &lags {
        for &dx in &lags {
            let pairs = images.len() * (ny - dy.unsigned_abs()) * (nx - dx.unsigned_abs());
            let product = products[place(dy, padded[0]) * padded[1] + place(dx, padded[1])];
            covariance.push((product / pairs as f64 - v * v) / variance(v));
        }
    }
    covariance
}

/// For each lag of the padded shape, the number of pairs of pixels of the phase in all images.
fn sums_of_products(images: &Indicator, [ny, nx]: [usize; 2]) -> Vec<f64> {
    let transform = Transform::new([1, ny, nx]);
    let mut workspace = transform.workspace();
    let mut power = vec![0.0; workspace.spectrum.len()];
    for image in images.images() {
        workspace.field.fill(0.0);
        for (row, to) in image.chunks_exact(images.shape()[1]).zip(workspace.field.chunks_exact_mut(nx)) {
            to.iter_mut().zip(row).for_each(|(to, &inside)| *to = f64::from(u8::from(inside)));
        }
        transform.forward(&mut workspace);
        power.iter_mut().zip(&workspace.spectrum).for_each(|(power, value)| *power += value.norm_sqr());
    }
    workspace.spectrum.iter_mut().zip(power).for_each(|(value, power)| *value = power.into());
    transform.inverse(&mut workspace);
    let pixels = (ny * nx) as f64;
    workspace.field.iter().map(|value| value / pixels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::direct::random_images;

    #[test]
    fn agrees_with_the_sum_over_pairs() {
        let images = Indicator::new(&random_images(4, 3, [1, 9, 7], 2), 1).unwrap();
        let (v, range) = (images.volume_fraction(), 4);
        let found = covariance(&images, range);
        let lags = [0, 1, 2, 3, -3, -2, -1];
        for (index, found) in found.into_iter().enumerate() {
            let (dy, dx) = (lags[index / 7], lags[index % 7]);
            let (mut sum, mut pairs) = (0.0, 0.0);
            for image in images.images() {
                for (y, x) in (0..9).flat_map(|y| (0..7).map(move |x| (y, x))) {
                    let (to_y, to_x) = (y + dy, x + dx);
                    if (0..9).contains(&to_y) && (0..7).contains(&to_x) {
                        pairs += 1.0;
                        let both = image[(y * 7 + x) as usize] && image[(to_y * 7 + to_x) as usize];
                        sum += f64::from(u8::from(both));
                    }
                }
            }
            let expected = (sum / pairs - v * v) / (v * (1.0 - v));
            assert!((found - expected).abs() < 1e-12, "{dy} {dx}: {found} {expected}");
        }
    }
}
