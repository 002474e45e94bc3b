//! Multiple-point statistics: histograms of 3 x 3 patterns at three resolutions.

use super::indicator::Indicator;

/// Number of patterns of nine pixels; pixel k is bit k of a pattern's number.
const PATTERNS: usize = 1 << 9;

/// Histograms of 3 x 3 patterns at full, half and quarter resolution; each sums to 1.
///
/// Images must be at least 12 pixels wide and high, so that a pattern fits at quarter resolution.
pub fn pattern_histograms(images: &Indicator) -> [Vec<f64>; 3] {
    let mut scaled = images.clone();
    std::array::from_fn(|scale| {
        if scale > 0 {
            scaled = halved(&scaled);
        }
        histogram(&scaled)
    })
}

fn histogram(images: &Indicator) -> Vec<f64> {
    let [_, nx] = images.shape();
    let mut counts = vec![0u64; PATTERNS];
    for image in images.images() {
        pattern_numbers(image, nx).for_each(|number| counts[number] += 1);
    }
    let total = counts.iter().sum::<u64>() as f64;
    counts.into_iter().map(|count| count as f64 / total).collect()
}

/// The pattern number at each of the (ny - 2) x (nx - 2) positions, x fastest.
///
/// Bit k is the pixel at column k % 3 and row k / 3 of the pattern.
fn pattern_numbers(image: &[bool], nx: usize) -> impl Iterator<Item = usize> {
    let rows: Vec<usize> = image.chunks_exact(nx).flat_map(|row| row.windows(3).map(three)).collect();
    let places = nx - 2;
    (2 * places..rows.len()).map(move |last| rows[last - 2 * places] | rows[last - places] << 3 | rows[last] << 6)
}

fn three(pixels: &[bool]) -> usize {
    usize::from(pixels[0]) | usize::from(pixels[1]) << 1 | usize::from(pixels[2]) << 2
}

/// Images at half the resolution: the majority of four pixels, or the upper left one of them in a tie.
fn halved(images: &Indicator) -> Indicator {
    let [_, nx] = images.shape();
    images.map([images.shape()[0] / 2, nx / 2], |image, [y, x]| {
        let four = [0, 1, nx, nx + 1].map(|step| image[2 * y * nx + 2 * x + step]);
        let count = four.iter().filter(|&&inside| inside).count();
        count > 2 || (count == 2 && four[0])
    })
}

/// Jensen-Shannon distance of two histograms, base 2: 0 for equal ones, 1 for disjoint ones.
pub fn jensen_shannon(p: &[f64], q: &[f64]) -> f64 {
    let divergence = |a: f64, b: f64| if a > 0.0 { a * (2.0 * a / (a + b)).log2() } else { 0.0 };
    let sum: f64 = p.iter().zip(q).map(|(&p, &q)| divergence(p, q) + divergence(q, p)).sum();
    (sum / 2.0).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn each_position_counts_for_one_pattern() {
        let mut rows = ["............"; 12];
        rows[0] = "#...........";
        rows[5] = "....#.......";
        let [full, half, quarter] = pattern_histograms(&drawn(&[&rows]));
        // The corner is in one pattern, the other pixel in nine, each time at another position of the pattern.
        assert_eq!((full[0], full[1], full[2]), (90.0 / 100.0, 2.0 / 100.0, 1.0 / 100.0));
        assert_eq!((half[0], quarter[0]), (1.0, 1.0));
    }

    #[test]
    fn halving_takes_the_majority_or_the_first_of_a_tie() {
        let image = drawn(&[&["##.#", "#..#", "#..#", ".###"]]);
        assert_eq!(halved(&image), drawn(&[&["#.", "##"]]));
    }

    #[test]
    fn the_distance_is_zero_for_equal_and_one_for_disjoint_histograms() {
        assert_eq!(jensen_shannon(&[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]), 0.0);
        assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
        assert_eq!(jensen_shannon(&[0.3, 0.7], &[0.6, 0.4]), jensen_shannon(&[0.6, 0.4], &[0.3, 0.7]));
    }
}
