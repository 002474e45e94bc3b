//! How far the pixels of a phase are correlated.

use super::indicator::Indicator;

/// The lag in pixels, at least 1, at which the autocovariance of the phase has fallen to 1/e of its variance.
///
/// The larger one of those along x and y; `most`, or half of a side if that is less, if it does not fall so far. Pairs lie
/// inside the images. 1 if all pixels are alike.
pub fn correlation_length(images: &Indicator, most: usize) -> usize {
    let [ny, nx] = images.shape();
    let of_all = |of: &dyn Fn(&[bool]) -> usize| images.images().map(of).sum::<usize>() as f64 / images.len() as f64;
    let share = of_all(&|image| image.iter().filter(|&&pixel| pixel).count()) / (ny * nx) as f64;
    let floor = share * share + share * (1.0 - share) / std::f64::consts::E;
    let along = |side: usize, step: usize| {
        let pairs = |image: &[bool], lag: usize| {
            let ends = image.iter().zip(&image[lag * step..]).enumerate();
            // Along x, pairs that go on in the next row do not count.
            ends.filter(|(first, (a, b))| **a && **b && (step == nx || first % nx + lag < nx)).count()
        };
        let correlation = |lag: usize| of_all(&|image| pairs(image, lag)) / ((side - lag) * (ny * nx / side)) as f64;
        let last = most.min(side / 2).max(1);
        (1..last).find(|&lag| correlation(lag) <= floor).unwrap_or(last)
    };
    along(nx, 1).max(along(ny, nx))
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::micrograph::PhaseImages;

    fn length(of: impl Fn(usize, usize) -> bool) -> usize {
        let phases = Array4::from_shape_fn((2, 1, 60, 120), |(_, _, y, x)| u8::from(of(y, x)));
        correlation_length(&Indicator::new(&PhaseImages::new(phases, 2).unwrap(), 1).unwrap(), 50)
    }

    #[test]
    fn squares_are_correlated_as_far_as_they_are_wide_and_stripes_along_themselves() {
        // The autocovariance falls linearly by twice the variance from lag 0 to the width; edges of the image count a little.
        for width in [6, 10] {
            let expected = (width as f64 * (1.0 - (-1f64).exp()) / 2.0).ceil() as usize;
            let found = length(|y, x| (x / width + y / width) % 2 == 0);
            assert!((expected..=expected + 1).contains(&found), "{found}");
        }
        // Along stripes the autocovariance does not fall.
        assert_eq!(length(|_, x| x / 6 % 2 == 0), 30);
        assert_eq!(length(|y, _| y / 6 % 2 == 0), 50);
        assert_eq!(length(|_, _| true), 1);
    }
}
