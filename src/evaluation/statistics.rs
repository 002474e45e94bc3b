//! Root mean square difference, the Kolmogorov-Smirnov test and Student's t distribution.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Root mean square difference.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

/// p-value of the exact two-sided two-sample Kolmogorov-Smirnov test.
pub(super) fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as i64, b.len() as i64);
    let below = |values: &[f64], limit: f64| values.iter().filter(|&&value| value <= limit).count() as i64;
    let gap = |&limit: &f64| (below(a, limit) * m - below(b, limit) * n).abs();
    let largest = a.iter().chain(b).map(gap).max().unwrap_or(0);
    // Merged samples are equally likely lattice paths from (0, 0) to (n, m). Counts those whose gap stays below.
    let mut within = vec![0.0; m as usize + 1];
    for i in 0..=n {
        for j in 0..=m {
            let here = j as usize;
            within[here] = if (i * m - j * n).abs() >= largest {
                0.0
            } else if i + j == 0 {
                1.0
            } else {
                let from_left = if i > 0 { within[here] * i as f64 } else { 0.0 };
                let from_below = if j > 0 { within[here - 1] * j as f64 } else { 0.0 };
                (from_left + from_below) / (i + j) as f64
            };
        }
    }
    1.0 - within[m as usize]
}

/// What the absolute value of Student's t with `freedom` degrees of freedom, at least 1, exceeds in 5 % of all cases.
pub(super) fn student_quantile(freedom: usize) -> f64 {
    // The angle atan(t / sqrt(freedom)), between these two.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        if student_probability(middle, freedom) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (freedom as f64).sqrt() * low.tan()
}

/// Probability that the absolute value of Student's t is below sqrt(freedom) tan(angle): a finite series (Abramowitz and
/// Stegun 1964, 26.7.3 and 26.7.4).
fn student_probability(angle: f64, freedom: usize) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2;
    let (mut sum, mut term) = (0.0, if odd == 1 { cosine } else { 1.0 });
    for j in 0..freedom / 2 {
        sum += term;
        term *= cosine * cosine * (2 * j + 1 + odd) as f64 / (2 * j + 2 + odd) as f64;
    }
    if odd == 1 { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_the_root_mean_square() {
        assert_eq!(distance(&[1.0, 2.0], &[4.0, -2.0]), 12.5f64.sqrt());
    }

    #[test]
    fn kolmogorov_smirnov_is_exact() {
        // Of the six orders of two and two, two keep them apart.
        assert!((kolmogorov_smirnov(&[1.0, 2.0], &[3.0, 4.0]) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[1.0, 2.0]), 1.0);
        // What scipy.stats.ks_2samp gives.
        let p = kolmogorov_smirnov(&[1.0, 2.0, 3.0, 4.0, 5.0], &[3.5, 4.5, 5.5, 6.5]);
        assert!((p - 2.0 / 7.0).abs() < 1e-12, "{p}");
    }

    #[test]
    fn student_quantiles_are_those_of_scipy() {
        // scipy.stats.t.ppf(0.975, freedom), to ten digits.
        for (freedom, expected) in [
            (1, 12.706_204_736),
            (2, 4.302_652_729_7),
            (3, 3.182_446_305_3),
            (10, 2.228_138_852_0),
            (15, 2.131_449_545_6),
            (255, 1.969_310_569_8),
            (9999, 1.960_201_263_6),
        ] {
            let found = student_quantile(freedom);
            assert!((found - expected).abs() < 1e-9, "{freedom}: {found} {expected}");
        }
    }
}
