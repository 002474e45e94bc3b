//! How large an element must be to be representative: statistics of elements at growing sizes.

use std::fmt::Write;

use super::element_statistics::{ElementStatistics, PROPERTIES, Property, check_count, measure_in_batches};
use super::gates::significant;
use crate::descriptor::check_phase;
use crate::error::short;
use crate::generation::{GenerationOptions, latent_size, realisations};
use crate::model::Model;
use crate::progress::{ProgressCallback, in_parts};
use crate::{Error, Result};

/// Numbers of elements for which tables tell the size that is needed.
pub(crate) const NUMBERS: [usize; 3] = [1, 10, 100];

/// A side in voxels that is as good as none.
const LARGEST: f64 = 1e9;

/// Which elements are examined.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeOptions {
    /// Sides of the elements, squares or cubes, in voxels, increasing.
    pub sides: Vec<usize>,
    /// The phase whose statistics are wanted.
    pub phase: u8,
    /// Wished relative error, above 0 and below 1.
    pub precision: f64,
    /// Seed, index of the first, number of each size, at least 2, and threads.
    ///
    /// Volume fractions may be given; then they hardly vary. Size k has the indices from `first` + k `count` on.
    pub realisations: GenerationOptions,
}

impl SizeOptions {
    /// Which realisations of size number `index` are elements.
    fn elements(&self, model: &Model, index: usize) -> GenerationOptions {
        let shape = self.shape(model, index);
        let before = index.saturating_mul(self.realisations.count) as u64;
        let first = self.realisations.first.saturating_add(before);
        GenerationOptions { first, shape: Some(shape), ..self.realisations.clone() }
    }

    /// The shape of elements of size number `index`.
    fn shape(&self, model: &Model, index: usize) -> [usize; 3] {
        let side = self.sides[index];
        [if model.profile.axes() == 2 { 1 } else { side }, side, side]
    }

    fn validate(&self, model: &Model) -> Result<()> {
        check_count(self.realisations.count)?;
        if self.sides.is_empty() {
            return Err(Error::invalid("there are no sides; give some, such as 64, 128 and 256"));
        }
        if let Some(pair) = self.sides.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Error::invalid(format!("side {} is followed by {}; give increasing sides", pair[0], pair[1])));
        }
        if !(self.precision > 0.0 && self.precision < 1.0) {
            let given = short(self.precision);
            return Err(Error::invalid(format!("precision = {given}; it must be above 0 and below 1, such as 0.01")));
        }
        check_phase(&model.tiles, self.phase)?;
        if self.realisations.block.is_some() {
            return Err(Error::invalid("a block of each realisation is no periodic element; leave out the block"));
        }
        (0..self.sides.len()).map(|index| self.elements(model, index)).try_for_each(|options| {
            options.validate()?;
            latent_size(model, options.extent_of(model)?).map(|_| ())
        })
    }
}

/// Statistics of elements at growing sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeStudy {
    /// The phase.
    pub phase: u8,
    /// Wished relative error.
    pub precision: f64,
    /// The statistics at each size, from small to large.
    pub sizes: Vec<ElementStatistics>,
}

/// deviation = `factor` side^-`exponent`, with the side in voxels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// Deviation between elements of one voxel, by extrapolation.
    pub factor: f64,
    /// 1 in two dimensions and 3/2 in three, for a material without order at long range.
    pub exponent: f64,
}

impl PowerLaw {
    /// The least squares fit of the logarithms to points `(side, deviation)`, at least 2.
    fn fit(points: &[(f64, f64)]) -> Self {
        let mean = |value: &dyn Fn(f64, f64) -> f64| {
            points.iter().map(|&(side, deviation)| value(side.ln(), deviation.ln())).sum::<f64>() / points.len() as f64
        };
        let (x, y) = (mean(&|x, _| x), mean(&|_, y| y));
        let slope = mean(&|side, deviation| (side - x) * (deviation - y)) / mean(&|side, _| (side - x).powi(2));
        Self { factor: (y - slope * x).exp(), exponent: -slope }
    }

    /// The deviation at `side`.
    pub fn deviation(&self, side: f64) -> f64 {
        self.factor * side.powf(-self.exponent)
    }
}

impl SizeStudy {
    /// How the deviation of a property falls with the side; none for one size, or where nothing deviates.
    pub fn fit(&self, property: usize) -> Option<PowerLaw> {
        let points = self.sizes.iter().map(|size| (size.side(), size.properties[property].deviation));
        let points: Vec<_> = points.filter(|&(_, deviation)| deviation > 0.0).collect();
        (points.len() > 1).then(|| PowerLaw::fit(&points))
    }

    /// Side in voxels at which the mean of a property over `elements` elements has the wished relative error, by the fit.
    ///
    /// None if there is no fit, or the deviation hardly falls with the side. The mean is that at the largest size.
    pub fn required_side(&self, property: usize, elements: usize) -> Option<f64> {
        let (fit, largest) = (self.fit(property)?, self.sizes.last()?);
        let of_one_voxel = Property { deviation: fit.factor, ..largest.properties[property] };
        let side = (of_one_voxel.relative_error(elements) / self.precision).powf(1.0 / fit.exponent);
        (fit.exponent > 0.0 && side < LARGEST).then_some(side)
    }

    /// Whether a side lies beyond the sizes that were examined, so that a fit is an extrapolation there.
    pub fn is_beyond(&self, side: f64) -> bool {
        let ends = self.sizes.first().zip(self.sizes.last());
        ends.is_none_or(|(first, last)| !(first.side()..=last.side()).contains(&side))
    }

    /// The statistics of each property as text, and the sides that are required.
    pub fn table(&self) -> String {
        let mut table = String::new();
        let count = self.sizes.first().map_or(0, |size| size.properties[0].count);
        self.write_to(&mut table, count).expect("a text takes what is written to it");
        table
    }

    fn write_to(&self, table: &mut String, count: usize) -> std::fmt::Result {
        writeln!(table, "phase {}, {count} elements of each size", self.phase)?;
        for (property, name) in PROPERTIES.iter().enumerate() {
            writeln!(
                table,
                "\n{name:23} {:>12} {:>14} {:>12} {:>12}",
                "mean", "95 % interval", "deviation", "error of 1"
            )?;
            for size in &self.sizes {
                let of = &size.properties[property];
                let [mean, interval, deviation] = [of.mean, of.interval(), of.deviation].map(significant);
                let (interval, error) = (format!("± {interval}"), 100.0 * of.relative_error(1));
                let shape = size.extent(" x ");
                writeln!(table, "{shape:>23} {mean:>12} {interval:>14} {deviation:>12} {error:>10.2} %")?;
            }
            if let Some(fit) = self.fit(property) {
                writeln!(table, "deviation ~ side^{:.2}", -fit.exponent)?;
            }
            let percent = (1e8 * self.precision).round() / 1e6;
            for elements in NUMBERS {
                if let Some(side) = self.required_side(property, elements) {
                    let beyond = if self.is_beyond(side) { ", beyond the sizes examined" } else { "" };
                    writeln!(table, "an error of {percent} % needs {elements} of side {:.0}{beyond}", side.ceil())?;
                }
            }
        }
        Ok(())
    }
}

/// Generates elements of a model at each size and examines them: mean, deviation, and the side that an error needs.
///
/// As many elements are held at a time as there are threads. `progress` is called on this thread after an element, at
/// most every `progress_interval` seconds; its steps are elements, of which large ones take longer.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for fewer than 2 elements of each size, sides that do not increase or that the model does
/// not make, a block, and other options out of range; [`Error::OutOfMemory`] if memory is too small;
/// [`Error::Cancelled`] if `progress` asked to stop.
pub fn size_study(
    model: &Model,
    options: &SizeOptions,
    progress_interval: f64,
    progress: ProgressCallback,
) -> Result<SizeStudy> {
    options.validate(model)?;
    let elements = (options.sides.len() * options.realisations.count) as u64;
    // At distances that all elements have, and training windows had.
    let longest = options.sides[0].min(model.side()) / 2;
    let pool = model.thread_pool(options.realisations.threads)?;
    in_parts("the size study", &pool, elements, progress_interval, progress, |done| {
        let sizes = (0..options.sides.len()).map(|index| {
            let of_size = options.elements(model, index);
            let measured = measure_in_batches(of_size.count, longest, options.phase, done, |first, count| {
                realisations(
                    model,
                    &GenerationOptions { first: of_size.first + first as u64, count, ..of_size.clone() },
                )
            })?;
            Ok(ElementStatistics::new(options.shape(model, index), &measured))
        });
        Ok(SizeStudy { phase: options.phase, precision: options.precision, sizes: sizes.collect::<Result<_>>()? })
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ops::ControlFlow;

    use super::super::element_statistics::element_statistics;
    use super::super::element_statistics::tests::noise;
    use super::*;
    use crate::micrograph::testing::field;
    use crate::network::Profile;
    use crate::training::{Checkpoint, TrainingOptions};

    /// A study of 16 elements of 32, 64, 128, ... pixels whose properties have the mean 1/2 and these deviations.
    pub fn study(deviations: &[f64]) -> SizeStudy {
        let sizes = deviations.iter().enumerate().map(|(index, &deviation)| {
            let property = Property { count: 16, mean: 0.5, deviation };
            ElementStatistics { shape: [1, 32 << index, 32 << index], properties: [property; 3], s2: vec![property; 9] }
        });
        SizeStudy { phase: 1, precision: 0.01, sizes: sizes.collect() }
    }

    #[test]
    fn noise_needs_the_side_of_the_binomial_distribution() {
        let share: f64 = 0.3;
        let of = |side| element_statistics(&noise(side as u64, 200, [side, side], share), 1, &|| Ok(())).unwrap();
        let study = SizeStudy { phase: 1, precision: 0.01, sizes: [8, 16, 32].map(of).to_vec() };
        // A deviation over 200 elements is itself uncertain by 5 %.
        for size in &study.sizes {
            let expected = (share * (1.0 - share)).sqrt() / size.side();
            let found = size.properties[0];
            assert!((found.deviation / expected - 1.0).abs() < 0.2, "{found:?} {expected}");
            assert!((found.mean - share).abs() < 4.0 * expected / 200f64.sqrt(), "{found:?}");
            // At lags above 0 the pixels are independent.
            assert!((size.s2[3].mean - share * share).abs() < 0.01, "{:?}", size.s2[3]);
        }
        let fit = study.fit(0).unwrap();
        assert!((fit.exponent - 1.0).abs() < 0.15, "{fit:?}");
        // 2 sqrt((1 - phi) / phi) / (L sqrt(n)) = 1 %.
        for elements in NUMBERS {
            let expected = 200.0 * ((1.0 - share) / share).sqrt() / (elements as f64).sqrt();
            let found = study.required_side(0, elements).unwrap();
            assert!((found / expected - 1.0).abs() < 0.35, "{found} {expected}");
            assert_eq!(study.is_beyond(found), found > 32.0);
        }
    }

    #[test]
    fn a_power_law_is_found_exactly() {
        let points: Vec<_> = [16.0, 32.0, 128.0].map(|side: f64| (side, 0.7 * side.powf(-0.8))).to_vec();
        let fit = PowerLaw::fit(&points);
        assert!((fit.factor - 0.7).abs() < 1e-12 && (fit.exponent - 0.8).abs() < 1e-12, "{fit:?}");
        assert!((fit.deviation(32.0) - points[1].1).abs() < 1e-12);
    }

    #[test]
    fn the_required_side_follows_from_the_fit() {
        // 2 * 0.02 / 0.5 = 8 % at 128 pixels, and half of it at twice the side.
        let halving = study(&[0.08, 0.04, 0.02]);
        for (elements, expected) in [(1, 1024.0), (4, 512.0), (64, 128.0)] {
            let found = halving.required_side(2, elements).unwrap();
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!([31.0, 129.0].iter().all(|&side| halving.is_beyond(side)) && !halving.is_beyond(32.0));
        let table = halving.table();
        for words in [
            "phase 1, 16 elements",
            "128 x 128",
            "8.00 %",
            "deviation ~ side^-1.00",
            "an error of 1 % needs 10 of side 324, beyond the sizes examined\n",
            "an error of 1 % needs 100 of side 103\n",
        ] {
            assert!(table.contains(words), "{words}: {table}");
        }
    }

    #[test]
    fn without_deviation_or_with_one_size_there_is_no_fit() {
        for deviations in [&[0.0, 0.0][..], &[0.1], &[0.1, 0.0]] {
            let study = study(deviations);
            assert_eq!((study.fit(0), study.required_side(2, 1)), (None, None));
            assert!(!study.table().contains("needs"));
        }
        // A deviation that grows, or hardly falls, needs no finite side.
        assert_eq!(study(&[0.1, 0.2]).required_side(0, 1), None);
        assert_eq!(study(&[0.1, 0.099]).required_side(0, 1), None);
        // One that is gone at the largest size.
        assert!((study(&[0.08, 0.04, 0.0]).required_side(0, 1).unwrap() - 1024.0).abs() < 1e-6);
    }

    /// A model that has not been trained.
    pub fn model() -> Model {
        let options = TrainingOptions { latent_size: 4, ..TrainingOptions::new(Profile::Standard) };
        Checkpoint::untrained(options, &field(1, 64, 64)).model()
    }

    /// A model of volumes that has not been trained.
    pub fn volume_model() -> Model {
        let options = TrainingOptions { window_side: 32, ..TrainingOptions::new(Profile::Volume) };
        Checkpoint::untrained(options, &field(1, 64, 64)).model()
    }

    #[test]
    fn elements_of_a_model_of_volumes_are_cubes() {
        let (model, two) = (volume_model(), GenerationOptions { count: 2, ..options().realisations });
        let small = SizeOptions { sides: vec![32], realisations: two.clone(), ..options() };
        let study = size_study(&model, &small, 0.0, &mut |_| ControlFlow::Continue(())).unwrap();
        let of_side = &study.sizes[0];
        assert_eq!((of_side.shape, of_side.side()), ([32; 3], 32.0));
        assert!(study.table().contains("32 x 32 x 32"));
        let made = realisations(&model, &GenerationOptions { shape: Some([32; 3]), ..two }).unwrap();
        assert_eq!(of_side, &element_statistics(&made, 1, &|| Ok(())).unwrap());
        let odd =
            size_study(&model, &SizeOptions { sides: vec![16], ..small }, 0.0, &mut |_| ControlFlow::Continue(()));
        assert!(odd.unwrap_err().to_string().contains("16"));
    }

    pub fn options() -> SizeOptions {
        let realisations =
            GenerationOptions { seed: 3, first: 2, count: 3, threads: 1, ..GenerationOptions::default() };
        SizeOptions { sides: vec![32, 48], phase: 1, precision: 0.05, realisations }
    }

    #[test]
    fn the_elements_are_realisations_of_the_model() {
        let model = model();
        let mut steps = Vec::new();
        let mut watch = |progress: &crate::progress::Progress| {
            steps.push((progress.step, progress.steps));
            ControlFlow::Continue(())
        };
        let study = size_study(&model, &options(), 0.0, &mut watch).unwrap();
        assert_eq!(steps, (1..=6).map(|step| (step, 6)).collect::<Vec<_>>());
        let made = GenerationOptions { first: 5, shape: Some([1, 48, 48]), ..options().realisations };
        let expected = element_statistics(&realisations(&model, &made).unwrap(), 1, &|| Ok(())).unwrap();
        assert_eq!(study.sizes[1].properties[0], expected.properties[0]);
        assert_eq!(study.sizes[1].properties[2], expected.properties[2]);
        // Half of the smallest side.
        assert_eq!(study.sizes[1].s2, expected.s2[..17]);
        let threads = GenerationOptions { threads: 2, ..options().realisations };
        let again = SizeOptions { realisations: threads, ..options() };
        assert_eq!(size_study(&model, &again, 0.0, &mut |_| ControlFlow::Continue(())), Ok(study));
    }

    #[test]
    fn options_out_of_range_are_refused_and_progress_can_cancel() {
        let model = model();
        let failure = |change: &dyn Fn(&mut SizeOptions)| {
            let mut options = options();
            change(&mut options);
            size_study(&model, &options, 0.0, &mut |_| ControlFlow::Break(())).unwrap_err().to_string()
        };
        assert!(failure(&|_| ()).contains("cancelled after 1 of 6"));
        assert!(failure(&|o| o.realisations.count = 1).contains("1 element of a size"));
        assert!(failure(&|o| o.sides = vec![32, 40]).contains("40"));
        assert!(failure(&|o| o.sides = vec![]).contains("no sides"));
        assert!(failure(&|o| o.sides = vec![48, 48]).contains("side 48 is followed by 48"));
        assert!(failure(&|o| o.phase = 2).contains("no phase 2"));
        assert!(failure(&|o| o.precision = f64::NAN).contains("precision = NaN"));
        assert!(failure(&|o| o.precision = 1.0).contains("precision = 1"));
        assert!(failure(&|o| o.realisations.first = u64::MAX - 4).contains("last index"));
        let block = crate::micrograph::Block::whole([1, 16, 16]);
        assert!(failure(&|o| o.realisations.block = Some(block)).contains("a block of each"));
    }
}
