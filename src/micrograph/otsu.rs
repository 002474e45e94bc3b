//! Multi-level thresholds after Otsu, "A threshold selection method from gray-level histograms" (1979).

use super::levels::Levels;

/// Number of bins between the smallest and the largest grey level.
pub(super) const BINS: usize = 256;

/// A histogram of grey levels that also knows the sum of the levels in each bin, so that class means are those of the
/// pixels and not of bin centres.
pub(super) struct Histogram {
    low: f64,
    span: f64,
    /// Pixels in each bin.
    weight: Vec<f64>,
    /// Sum over the pixels in each bin of the grey level, scaled to `0..=1`.
    sum: Vec<f64>,
}

impl Histogram {
    /// Counts finite `values`. On failure says what is wrong with them.
    pub fn new(values: &Levels) -> Result<Self, String> {
        let (low, high) = values.range();
        let span = high - low;
        if span <= 0.0 {
            return Err(format!("one phase only, every pixel is {low}; there is nothing to learn"));
        }
        if !span.is_finite() {
            return Err(format!("grey levels from {low} to {high} are too wide a range; scale them"));
        }
        let mut histogram = Self { low, span, weight: vec![0.0; BINS], sum: vec![0.0; BINS] };
        values.for_each_run(|run| {
            for &value in run {
                let bin = histogram.bin(value);
                histogram.weight[bin] += 1.0;
                histogram.sum[bin] += (value - low) / span;
            }
        });
        Ok(histogram)
    }

    /// The bin of a grey level.
    pub fn bin(&self, value: f64) -> usize {
        // The largest grey level belongs to the last bin.
        (((value - self.low) / self.span * BINS as f64) as usize).min(BINS - 1)
    }

    /// Number of bins that hold pixels.
    pub fn occupied(&self) -> usize {
        self.weight.iter().filter(|&&weight| weight > 0.0).count()
    }

    /// First bins of all classes but the lowest, such that the variance between `classes` classes is largest.
    /// None if fewer bins than classes hold pixels.
    pub fn cuts(&self, classes: usize) -> Option<Vec<usize>> {
        best_cuts(&self.weight, &self.sum, classes)
    }
}

/// Dynamic programming over "the best way to put the first `end` bins into `k` classes", exact for the histogram.
///
/// With the total mean fixed, the variance between classes is largest where the sum of `sum^2 / weight` is.
fn best_cuts(weight: &[f64], sum: &[f64], classes: usize) -> Option<Vec<usize>> {
    let (weight, sum) = (running_total(weight), running_total(sum));
    let bins = weight.len() - 1;
    let score = |begin: usize, end: usize| {
        let (w, s) = (weight[end] - weight[begin], sum[end] - sum[begin]);
        if w > 0.0 { s * s / w } else { f64::NEG_INFINITY }
    };
    let mut best: Vec<f64> = (0..=bins).map(|end| score(0, end)).collect();
    let mut begins: Vec<Vec<usize>> = Vec::new();
    for _ in 1..classes {
        let mut next = vec![f64::NEG_INFINITY; bins + 1];
        let mut begin_of = vec![0; bins + 1];
        for end in 1..=bins {
            for (begin, before) in best[..end].iter().enumerate().skip(1) {
                let total = before + score(begin, end);
                if total > next[end] {
                    (next[end], begin_of[end]) = (total, begin);
                }
            }
        }
        best = next;
        begins.push(begin_of);
    }
    if best[bins] == f64::NEG_INFINITY {
        return None;
    }
    let mut cuts = Vec::new();
    let mut end = bins;
    for begin_of in begins.iter().rev() {
        end = begin_of[end];
        cuts.push(end);
    }
    cuts.reverse();
    Some(cuts)
}

/// `0, v0, v0 + v1, ...`
fn running_total(values: &[f64]) -> Vec<f64> {
    let mut total = 0.0;
    let sums = values.iter().map(|value| {
        total += value;
        total
    });
    std::iter::once(0.0).chain(sums).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Variance between classes times the number of pixels, straight from the definition.
    fn between_variance(weight: &[f64], sum: &[f64], cuts: &[usize]) -> f64 {
        let mean = sum.iter().sum::<f64>() / weight.iter().sum::<f64>();
        let edges: Vec<usize> = [0].iter().chain(cuts).chain([&weight.len()]).copied().collect();
        let class = |pair: &[usize]| {
            let (w, s): (f64, f64) = (weight[pair[0]..pair[1]].iter().sum(), sum[pair[0]..pair[1]].iter().sum());
            if w == 0.0 { f64::NEG_INFINITY } else { w * (s / w - mean).powi(2) }
        };
        edges.windows(2).map(class).sum()
    }

    fn all_cuts(first: usize, bins: usize, number: usize) -> Vec<Vec<usize>> {
        if number == 0 {
            return vec![vec![]];
        }
        let with = |cut| all_cuts(cut + 1, bins, number - 1).into_iter().map(move |rest| [vec![cut], rest].concat());
        (first..bins).flat_map(with).collect()
    }

    #[test]
    fn dynamic_programming_finds_what_brute_force_finds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let bins = rng.random_range(2..12);
            let weight: Vec<f64> =
                (0..bins).map(|_| f64::from(rng.random_range(0..9u8)) * f64::from(rng.random_range(0..2u8))).collect();
            let sum: Vec<f64> =
                weight.iter().enumerate().map(|(bin, w)| w * (bin as f64 + rng.random::<f64>())).collect();
            for classes in 2..=5 {
                let brute = all_cuts(1, bins, classes - 1)
                    .iter()
                    .map(|cuts| between_variance(&weight, &sum, cuts))
                    .fold(f64::NEG_INFINITY, f64::max);
                match best_cuts(&weight, &sum, classes) {
                    None => assert_eq!(brute, f64::NEG_INFINITY),
                    Some(cuts) => {
                        let found = between_variance(&weight, &sum, &cuts);
                        assert!((found - brute).abs() <= 1e-9 * brute.max(1.0), "{found} {brute} {weight:?} {cuts:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_value_has_a_bin() {
        let values = Array3::from_shape_fn((1, 1, 1000), |(_, _, x)| -3.0 + 0.01 * x as f64);
        let histogram = Histogram::new(&values.into()).unwrap();
        assert_eq!((histogram.bin(-3.0), histogram.bin(6.99)), (0, BINS - 1));
        assert_eq!(histogram.weight.iter().sum::<f64>(), 1000.0);
        assert_eq!(histogram.occupied(), BINS);
    }
}
