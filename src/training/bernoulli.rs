//! Fused kernels for images of one channel on the processor: probabilities and likelihood in one pass over the logits.

use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};

use super::losses::Term;
use crate::device::for_each;
use crate::network::cpu::{self, CpuSlice, LANES, Lanes, exp_of_negative, log_of_one_plus, negative_magnitude};

/// Logits of one task. Sums are made for each, and added in order, whichever thread it was.
const PART: usize = 1 << 12;

/// 1 / (1 + exp(-x)) for each logit, if they are on the processor.
pub fn probabilities(logits: &Tensor<4>) -> Option<Tensor<4>> {
    let numbers = CpuSlice::of(logits)?;
    let mut probabilities = vec![0.0; numbers.as_slice().len()];
    let parts = probabilities.chunks_mut(PART).zip(numbers.as_slice().chunks(PART));
    for_each(parts, |(probabilities, logits)| Arch::new().dispatch(Sigmoid { logits, probabilities }));
    Some(cpu::tensor(probabilities, logits.dims()))
}

/// The negative log-likelihood of `targets`, 0 to 1, over `divisor`, if all is on the processor.
pub fn reconstruction(logits: &Tensor<4>, targets: &Tensor<4>, divisor: f64) -> Option<Term<4>> {
    let (numbers, targets) = (CpuSlice::of(logits)?, CpuSlice::of(targets)?);
    let mut gradient = vec![0.0; numbers.as_slice().len()];
    let mut sums = vec![0.0; gradient.len().div_ceil(PART)];
    let parts = numbers.as_slice().chunks(PART).zip(targets.as_slice().chunks(PART));
    let parts = gradient.chunks_mut(PART).zip(&mut sums).zip(parts);
    let factor = (1.0 / divisor) as f32;
    for_each(parts, |((gradient, sum), (logits, targets))| {
        *sum = Arch::new().dispatch(Likelihood { logits, targets, factor, gradient });
    });
    let value = (sums.iter().sum::<f64>() / divisor) as f32;
    Some(Term { value: cpu::tensor(vec![value], [1]), gradient: cpu::tensor(gradient, logits.dims()) })
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
            *probability = sigmoid(simd, logit).0;
        }
        if !rest.is_empty() {
            simd.partial_store_f32s(last, sigmoid(simd, simd.partial_load_f32s(rest)).0);
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
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let exp = exp_of_negative(simd, negative_magnitude(simd, x));
    let numerator = simd.select_f32s(simd.less_than_f32s(x, zero), exp, one);
    (simd.div_f32s(numerator, simd.add_f32s(one, exp)), exp)
}

/// Probability of 1, and -log of the probability of `target`: log(1 + exp(x)) - x * target.
#[inline(always)]
fn likelihood<S: Simd>(simd: S, x: S::f32s, target: S::f32s) -> (S::f32s, S::f32s) {
    let zero = simd.splat_f32s(0.0);
    let (probability, exp) = sigmoid(simd, x);
    let positive = simd.select_f32s(simd.less_than_f32s(x, zero), zero, x);
    let softplus = simd.add_f32s(positive, log_of_one_plus(simd, exp));
    (probability, simd.sub_f32s(softplus, simd.mul_f32s(x, target)))
}

#[cfg(test)]
mod tests {
    use burn::tensor::DType;

    use super::*;
    use crate::training::losses;

    #[test]
    fn agrees_with_the_primitives_in_double_precision() {
        for count in [1, 15, 16, 4096, 3 * PART + 7] {
            let logits: Vec<f32> = (0..count).map(|i| 120.0 * (i as f32 * 0.7).sin().powi(5)).collect();
            let targets: Vec<f32> = (0..count).map(|i| (i % 3 / 2) as f32).collect();
            let shape = [1, 1, 1, count];
            let (logits, targets) = (cpu::tensor(logits, shape), cpu::tensor(targets, shape));
            let Term { value, gradient } = reconstruction(&logits, &targets, 3.0).unwrap();
            let found = probabilities(&logits).unwrap();

            let (logits, targets) = (logits.cast(DType::F64), targets.cast(DType::F64));
            let expected = losses::reconstruction(logits.clone(), targets, false);
            let scale = 1.0 / 3.0;
            let worst = |a: Tensor<4>, b: Tensor<4>| (a.cast(DType::F64) - b).abs().max().into_scalar::<f64>();
            assert!(worst(found, losses::probabilities(logits)) < 1e-6);
            assert!(worst(gradient, expected.gradient * scale) < 1e-6);
            let (value, expected) = (value.into_scalar::<f32>(), expected.value.into_scalar::<f64>() * scale);
            assert!((f64::from(value) / expected - 1.0).abs() < 1e-6, "{value} {expected}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn wide_and_narrow_vectors_give_the_same_bytes() {
        use pulp::x86;
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

    #[test]
    fn what_is_no_number_stays_none() {
        let logits = cpu::tensor(vec![f32::NAN, 1.0], [1, 1, 1, 2]);
        let targets = cpu::tensor(vec![1.0, 1.0], [1, 1, 1, 2]);
        assert!(reconstruction(&logits, &targets, 1.0).unwrap().value.into_scalar::<f32>().is_nan());
        assert!(CpuSlice::of(&probabilities(&logits).unwrap()).unwrap().as_slice()[0].is_nan());
    }
}
