//! Sigmoid and binary cross entropy in one pass over the logits.

use pulp::{Simd, WithSimd};

use super::simd::{LANES, Lanes, exp_of_negative, log_of_one_plus, negative_magnitude};
use crate::device::{for_each, instructions};

/// Logits of one task. Each task has a sum of its own, and these are added in order: the number of threads does not matter.
pub const PART: usize = 1 << 12;

/// 1 / (1 + exp(-x)) for each logit x.
pub fn sigmoid(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = vec![0.0; logits.len()];
    let parts = probabilities.chunks_mut(PART).zip(logits.chunks(PART));
    for_each(parts, |(probabilities, logits)| instructions().dispatch(Sigmoid { logits, probabilities }));
    probabilities
}

/// Sum of log(1 + exp(x)) - x t over the logits x and targets t, 0 to 1, divided by `divisor`; and its gradient.
pub fn cross_entropy(logits: &[f32], targets: &[f32], divisor: f64) -> (f32, Vec<f32>) {
    let mut gradient = vec![0.0; logits.len()];
    let mut sums = vec![0.0; gradient.len().div_ceil(PART)];
    let parts = logits.chunks(PART).zip(targets.chunks(PART));
    let parts = gradient.chunks_mut(PART).zip(&mut sums).zip(parts);
    let factor = (1.0 / divisor) as f32;
    for_each(parts, |((gradient, sum), (logits, targets))| {
        *sum = instructions().dispatch(Likelihood { logits, targets, factor, gradient });
    });
    ((sums.iter().sum::<f64>() / divisor) as f32, gradient)
}

struct Sigmoid<'a> {
    logits: &'a [f32],
    probabilities: &'a mut [f32],
}

impl WithSimd for Sigmoid<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (logits, rest) = S::as_simd_f32s(self.logits);
        let (probabilities, last) = S::as_mut_simd_f32s(self.probabilities);
        for (probability, &logit) in probabilities.iter_mut().zip(logits) {
            *probability = logistic(simd, logit).0;
        }
        if !rest.is_empty() {
            simd.partial_store_f32s(last, logistic(simd, simd.partial_load_f32s(rest)).0);
        }
    }
}

struct Likelihood<'a> {
    logits: &'a [f32],
    targets: &'a [f32],
    factor: f32,
    gradient: &'a mut [f32],
}

impl WithSimd for Likelihood<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let parts = LANES / S::F32_LANES;
        let factor = simd.splat_f32s(self.factor);
        let (logits, rest) = S::as_simd_f32s(self.logits);
        let (targets, rest_of_targets) = S::as_simd_f32s(self.targets);
        let (gradient, last) = S::as_mut_simd_f32s(self.gradient);
        let mut sums = Lanes::new(simd);
        for (index, ((gradient, &logit), &target)) in gradient.iter_mut().zip(logits).zip(targets).enumerate() {
            let (probability, loss) = likelihood(simd, logit, target);
            *gradient = simd.mul_f32s(simd.sub_f32s(probability, target), factor);
            sums.0[index % parts] = simd.add_f32s(sums.0[index % parts], loss);
        }
        let mut total = sums.total();
        if !rest.is_empty() {
            let (logit, target) = (simd.partial_load_f32s(rest), simd.partial_load_f32s(rest_of_targets));
            let (probability, loss) = likelihood(simd, logit, target);
            simd.partial_store_f32s(last, simd.mul_f32s(simd.sub_f32s(probability, target), factor));
            let mut losses = vec![0.0; rest.len()];
            simd.partial_store_f32s(&mut losses, loss);
            total += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        }
        total
    }
}

/// 1 / (1 + exp(-x)) and exp(-|x|).
#[inline(always)]
fn logistic<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let exp = exp_of_negative(simd, negative_magnitude(simd, x));
    let numerator = simd.select_f32s(simd.less_than_f32s(x, zero), exp, one);
    (simd.div_f32s(numerator, simd.add_f32s(one, exp)), exp)
}

/// Probability of 1, and -log of the probability of `target`: log(1 + exp(x)) - x * target.
#[inline(always)]
fn likelihood<S: Simd>(simd: S, x: S::f32s, target: S::f32s) -> (S::f32s, S::f32s) {
    let zero = simd.splat_f32s(0.0);
    let (probability, exp) = logistic(simd, x);
    let positive = simd.select_f32s(simd.less_than_f32s(x, zero), zero, x);
    let softplus = simd.add_f32s(positive, log_of_one_plus(simd, exp));
    (probability, simd.sub_f32s(softplus, simd.mul_f32s(x, target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn wide_and_narrow_vectors_give_the_same_bytes() {
        use pulp::{Arch, x86};
        let (Some(narrow), Some(wide)) = (x86::V3::try_new(), x86::V4::try_new()) else {
            eprintln!("skipped: this processor has no AVX-512");
            return;
        };
        let logits: Vec<f32> = (0..4096).map(|i| 20.0 * (i as f32 * 0.7).sin().powi(5)).collect();
        let targets: Vec<f32> = (0..4096).map(|i| (i % 2) as f32).collect();
        let on = |arch: Arch| {
            let mut gradient = vec![0.0; 4096];
            let (logits, targets) = (&logits[..], &targets[..]);
            let sum = arch.dispatch(Likelihood { logits, targets, factor: 0.25, gradient: &mut gradient });
            (sum, gradient)
        };
        assert!(on(Arch::V3(narrow)) == on(Arch::V4(wide)));
    }
}
