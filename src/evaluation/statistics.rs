//! Root mean square difference and the Kolmogorov-Smirnov test.

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
}
