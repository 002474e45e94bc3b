//! From the values in a file to phase numbers.

use std::ops::ControlFlow;

use ndarray::{Array3, s};

use super::MAX_PHASES;
use super::levels::{Levels, Refusal};
use super::otsu::{BINS, Histogram};
use crate::error::{counted, short};
use crate::{Error, Result};

/// How many distinct values are counted before "more than" is said.
const MAX_COUNTED: usize = 1000;

/// What to do about grey levels.
const GREY_ADVICE: &str = "read the micrograph with thresholds or a number of phases for Otsu's method \
     (davegan_micrograph_read and davegan_train_micrograph; on the command line --thresholds A,B or --otsu N)";

/// What the values of a micrograph mean.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Segmentation {
    /// Phase numbers if there are at most [`MAX_PHASES`] distinct values; otherwise an error that asks for one of the
    /// other choices.
    #[default]
    Auto,
    /// Every distinct value is a phase; renumbered from 0 in increasing order.
    PhaseNumbers,
    /// Grey levels: the phase is the number of thresholds that are not above the value. One to seven thresholds, in
    /// the units of the file, finite and strictly increasing; every phase must occur.
    Thresholds(Vec<f64>),
    /// Grey levels: thresholds that maximise the variance between the phases (Otsu 1979), on a histogram of 256 bins
    /// between the smallest and the largest grey level.
    Otsu {
        /// Number of phases, 2 to [`MAX_PHASES`].
        n_phases: usize,
    },
}

/// Phase numbers with the values they stand for.
pub(super) struct Segmented {
    /// `(n, ny, nx)`.
    pub phases: Array3<u8>,
    /// One per phase, increasing.
    pub phase_values: Vec<f64>,
    /// What makes it doubtful that these are the phases.
    pub warning: Option<String>,
}

impl Segmentation {
    /// Whether the values are grey levels.
    pub(super) fn takes_grey_levels(&self) -> bool {
        matches!(self, Self::Thresholds(_) | Self::Otsu { .. })
    }

    /// Checks the choice itself, before any file is opened.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for thresholds that are not finite, not increasing, none or too many, and for a
    /// number of phases out of range.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Auto | Self::PhaseNumbers => Ok(()),
            Self::Thresholds(thresholds) => {
                if !(1..MAX_PHASES).contains(&thresholds.len()) {
                    return Err(Error::invalid(format!(
                        "{}; give 1 to {}, one less than there are phases",
                        counted(thresholds.len(), "threshold"),
                        MAX_PHASES - 1
                    )));
                }
                if let Some(wrong) = thresholds.iter().find(|t| !t.is_finite()) {
                    return Err(Error::invalid(format!("threshold {wrong} is not a finite number")));
                }
                match thresholds.windows(2).find(|pair| pair[0] >= pair[1]) {
                    Some(pair) => Err(Error::invalid(format!(
                        "threshold {} is followed by {}; thresholds must increase",
                        short(pair[0]),
                        short(pair[1])
                    ))),
                    None => Ok(()),
                }
            }
            Self::Otsu { n_phases } if (2..=MAX_PHASES).contains(n_phases) => Ok(()),
            Self::Otsu { n_phases } => Err(Error::invalid(format!(
                "{} for Otsu's method; give 2 to {MAX_PHASES}",
                counted(*n_phases, "phase")
            ))),
        }
    }

    /// Finds the phases in finite `values`, `(n, ny, nx)`. On failure says what is wrong with the values.
    pub(super) fn apply(&self, values: &Levels) -> std::result::Result<Segmented, Refusal> {
        match self {
            Self::PhaseNumbers => phase_numbers(values),
            Self::Auto => match distinct(values) {
                Distinct::Values(found) if found.len() <= MAX_PHASES => {
                    let segmented = phase_numbers(values)?;
                    Ok(Segmented { warning: rims(&segmented), ..segmented })
                }
                found => {
                    let count = found.count();
                    Err(format!("{count} distinct values, which cannot be phase numbers; {GREY_ADVICE}").into())
                }
            },
            Self::Thresholds(thresholds) => by_thresholds(values, thresholds),
            Self::Otsu { n_phases } => by_otsu(values, *n_phases),
        }
    }
}

enum Distinct {
    /// In increasing order.
    Values(Vec<f64>),
    TooMany,
}

impl Distinct {
    fn count(&self) -> String {
        match self {
            Self::Values(values) => values.len().to_string(),
            Self::TooMany => format!("more than {MAX_COUNTED}"),
        }
    }
}

fn distinct(values: &Levels) -> Distinct {
    let mut found: Vec<f64> = Vec::new();
    let counted = values.try_for_each_run(|run| {
        for &value in run {
            let position = found.partition_point(|&f| f < value);
            if found.get(position) != Some(&value) {
                if found.len() == MAX_COUNTED {
                    return ControlFlow::Break(());
                }
                found.insert(position, value);
            }
        }
        ControlFlow::Continue(())
    });
    if counted.is_break() { Distinct::TooMany } else { Distinct::Values(found) }
}

/// Every distinct value is a phase. On failure says what is wrong with the values.
pub(super) fn phase_numbers(values: &Levels) -> std::result::Result<Segmented, Refusal> {
    match distinct(values) {
        Distinct::Values(found) if found.len() == 1 => {
            Err(format!("one phase only, every pixel is {}; there is nothing to learn", short(found[0])).into())
        }
        Distinct::Values(found) if found.len() <= MAX_PHASES => {
            let phases = values.phases(|value| found.partition_point(|&f| f < value) as u8)?;
            Ok(Segmented { phases, phase_values: found, warning: None })
        }
        found => Err(format!(
            "{} phases, but at most {MAX_PHASES} are possible; if the values are grey levels, {GREY_ADVICE}",
            found.count()
        )
        .into()),
    }
}

/// Says so if values between others occur only as thin rims, as smoothed (anti-aliased) edges of a picture of fewer phases
/// have them: nine in ten pixels touch a lower and a higher value, and none is in the middle of 3 x 3 of its kind.
fn rims(Segmented { phases, phase_values, .. }: &Segmented) -> Option<String> {
    let (_, ny, nx) = phases.dim();
    let mut counts = vec![0.0; phase_values.len()];
    let (mut touching, mut solid) = (counts.clone(), counts.clone());
    for image in phases.outer_iter() {
        for ((y, x), &phase) in image.indexed_iter() {
            let around = s![y.saturating_sub(1)..(y + 2).min(ny), x.saturating_sub(1)..(x + 2).min(nx)];
            let (low, high) = image.slice(around).iter().fold((phase, phase), |(l, h), &p| (l.min(p), h.max(p)));
            let phase_number = usize::from(phase);
            counts[phase_number] += 1.0;
            touching[phase_number] += f64::from(low < phase && phase < high);
            solid[phase_number] += f64::from(low == high);
        }
    }
    let is_rim = |&phase: &usize| solid[phase] == 0.0 && touching[phase] > 0.9 * counts[phase];
    let thin: Vec<String> = (0..counts.len()).filter(is_rim).map(|phase| short(phase_values[phase])).collect();
    if thin.is_empty() {
        return None;
    }
    let share =
        |(value, count): (&f64, &f64)| format!("{} ({:.1} %)", short(*value), 100.0 * count / phases.len() as f64);
    let all: Vec<String> = phase_values.iter().zip(&counts).map(share).collect();
    Some(format!(
        "of the values {}, which are taken as phases, {} occur only as thin rims between lower and higher ones, as smoothed \
         edges do; if they are no phases, {GREY_ADVICE}, here of {} phases",
        all.join(", "),
        thin.join(", "),
        counts.len() - thin.len()
    ))
}

fn by_thresholds(values: &Levels, thresholds: &[f64]) -> std::result::Result<Segmented, Refusal> {
    let phases = values.phases(|value| thresholds.partition_point(|&t| t <= value) as u8)?;
    with_means(values, phases, thresholds.len() + 1)
}

fn by_otsu(values: &Levels, n_phases: usize) -> std::result::Result<Segmented, Refusal> {
    let histogram = Histogram::new(values)?;
    let cuts = histogram.cuts(n_phases).ok_or_else(|| {
        format!(
            "the grey levels fall into {} of {BINS} bins, too few for the {n_phases} phases asked for",
            histogram.occupied()
        )
    })?;
    let phases = values.phases(|value| cuts.partition_point(|&cut| cut <= histogram.bin(value)) as u8)?;
    with_means(values, phases, n_phases)
}

/// Completes segmented grey levels with the mean of each phase.
fn with_means(values: &Levels, phases: Array3<u8>, n_phases: usize) -> std::result::Result<Segmented, Refusal> {
    // A running mean, since the sum of finite values need not be finite.
    let mut means = vec![0.0; n_phases];
    let mut counts = vec![0usize; n_phases];
    let mut rest = phases.as_slice().unwrap_or_default();
    values.for_each_run(|run| {
        let (of_run, behind) = rest.split_at(run.len());
        rest = behind;
        for (&value, &phase) in run.iter().zip(of_run) {
            let phase = usize::from(phase);
            counts[phase] += 1;
            let share = 1.0 / counts[phase] as f64;
            means[phase] += value * share - means[phase] * share;
        }
    });
    if let Some(empty) = counts.iter().position(|&count| count == 0) {
        let (low, high) = values.range();
        let what = format!("no pixel is in phase {empty} of the {n_phases} that the thresholds make");
        return Err(format!("{what}; the grey levels are {} to {}", short(low), short(high)).into());
    }
    Ok(Segmented { phases, phase_values: means, warning: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f64]) -> Levels {
        Array3::from_shape_vec((1, 1, values.len()), values.to_vec()).unwrap().into()
    }

    fn phases(segmentation: &Segmentation, values: &[f64]) -> Vec<u8> {
        segmentation.apply(&row(values)).unwrap_or_else(|e| panic!("{e:?}")).phases.into_iter().collect()
    }

    fn complaint(segmentation: &Segmentation, values: &[f64]) -> String {
        segmentation.apply(&row(values)).err().expect("a complaint").into_error(Error::InvalidParameter).to_string()
    }

    #[test]
    fn phase_numbers_are_renumbered_in_order() {
        let segmented = Segmentation::Auto.apply(&row(&[9.0, -2.5, 9.0, 0.0, -0.0])).unwrap();
        assert_eq!(segmented.phases.into_iter().collect::<Vec<_>>(), [2, 0, 2, 1, 1]);
        assert_eq!(segmented.phase_values, [-2.5, 0.0, 9.0]);
    }

    #[test]
    fn too_many_or_too_few_values_are_counted() {
        let nine: Vec<f64> = (0..9).map(f64::from).collect();
        assert!(complaint(&Segmentation::PhaseNumbers, &nine).starts_with("9 phases"));
        assert!(complaint(&Segmentation::Auto, &nine).starts_with("9 distinct"));
        let many: Vec<f64> = (0..2000).map(f64::from).collect();
        assert!(complaint(&Segmentation::PhaseNumbers, &many).starts_with("more than 1000 phases"));
        for segmentation in [Segmentation::Auto, Segmentation::PhaseNumbers] {
            assert!(complaint(&segmentation, &[4.0; 5]).starts_with("one phase only, every pixel is 4"));
        }
        assert_eq!(phases(&Segmentation::Auto, &nine[..8]), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn thresholds_belong_to_the_phase_above() {
        let segmentation = Segmentation::Thresholds(vec![10.0, 20.0]);
        assert_eq!(phases(&segmentation, &[9.9, 10.0, 19.9, 20.0, 50.0]), [0, 1, 1, 2, 2]);
        let values = segmentation.apply(&row(&[8.0, 10.0, 12.0, 20.0])).unwrap().phase_values;
        assert_eq!(values, [8.0, 11.0, 20.0]);
    }

    #[test]
    fn an_empty_phase_is_named_with_the_range_of_greys() {
        let text = complaint(&Segmentation::Thresholds(vec![10.0, 20.0]), &[1.0, 30.0]);
        assert!(text.contains("phase 1") && text.contains("1 to 30"), "{text}");
    }

    #[test]
    fn wrong_thresholds_and_phase_counts_are_refused() {
        for wrong in [vec![], vec![1.0, 1.0], vec![2.0, 1.0], vec![f64::NAN], vec![f64::INFINITY], vec![0.0; 8]] {
            assert!(matches!(Segmentation::Thresholds(wrong).check(), Err(Error::InvalidParameter(_))));
        }
        for n_phases in [0, 1, 9, usize::MAX] {
            assert!(Segmentation::Otsu { n_phases }.check().is_err());
        }
        assert!(Segmentation::Thresholds(vec![-1.0, 0.0, 0.5]).check().is_ok());
        assert!(Segmentation::Otsu { n_phases: 8 }.check().is_ok());
    }

    #[test]
    fn otsu_separates_clear_groups_and_reports_their_means() {
        let values = [1.0, 2.0, 3.0, 100.0, 101.0, 99.0, 250.0, 251.0, 249.0];
        let segmented = Segmentation::Otsu { n_phases: 3 }.apply(&row(&values)).unwrap();
        for (mean, expected) in segmented.phase_values.iter().zip([2.0, 100.0, 250.0]) {
            assert!((mean - expected).abs() < 1e-9);
        }
        assert_eq!(segmented.phases.into_iter().collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert!(complaint(&Segmentation::Otsu { n_phases: 3 }, &[1.0, 2.0]).contains("2 of 256 bins"));
        assert!(complaint(&Segmentation::Otsu { n_phases: 2 }, &[1.0, 1.0]).contains("every pixel is 1"));
    }

    #[test]
    fn huge_grey_levels_do_not_overflow() {
        let values = [1.7e308, 1.6e308, 1.0, 2.0];
        let means = Segmentation::Thresholds(vec![1e300]).apply(&row(&values)).unwrap().phase_values;
        assert!(means[1].is_finite() && means[1] > 1.6e308);
        assert!(complaint(&Segmentation::Otsu { n_phases: 2 }, &[-1.7e308, 1.7e308]).contains("too wide"));
    }
}
