//! Elements of one size: how much their properties vary, and how well the means are known.

use super::statistics::student_quantile;
use crate::descriptor::{
    Indicator, S2Options, deviation, effective_conductivity, mean, radial_curves, s2, volume_conductivity,
};
use crate::device::memory;
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// The properties of elements, in the order of [`ElementStatistics::properties`].
pub const PROPERTIES: [&str; 3] = ["volume fraction", "two-point correlation", "conductivity"];

/// Bytes for each voxel of an element while its conductivity and two-point correlation are computed.
const BYTES_PER_VOXEL: usize = 160;

/// A property of several elements of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Property {
    /// Number of elements, at least 2.
    pub count: usize,
    /// Mean over the elements.
    pub mean: f64,
    /// Standard deviation between the elements.
    pub deviation: f64,
}

impl Property {
    fn new(values: &[f64]) -> Self {
        Self { count: values.len(), mean: mean(values), deviation: deviation(values) }
    }

    /// Half width of the 95 % confidence interval of the mean: t `deviation` / sqrt(`count`), with Student's t.
    pub fn interval(&self) -> f64 {
        student_quantile(self.count - 1) * self.deviation / (self.count as f64).sqrt()
    }

    /// Relative error of the mean over `elements` elements, 2 `deviation` / (`mean` sqrt(`elements`)) (Kanit et al. 2003).
    ///
    /// Not a number if the mean is 0.
    pub fn relative_error(&self, elements: usize) -> f64 {
        2.0 * self.deviation / (self.mean * (elements as f64).sqrt())
    }
}

/// Statistics of elements of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementStatistics {
    /// Shape of an element, `[nz, ny, nx]` in voxels; nz = 1: an image.
    pub shape: [usize; 3],
    /// Volume fraction, two-point correlation and effective conductivity, see [`PROPERTIES`].
    ///
    /// The two-point correlation is summed up over the lags of `s2`: the mean is the root mean square of the means, the
    /// deviation that of the deviations.
    pub properties: [Property; 3],
    /// Two-point correlation S2 by distance: 0, 1, 2, ... voxels.
    pub s2: Vec<Property>,
}

impl ElementStatistics {
    /// The statistics of measured elements, at least 2.
    pub(super) fn new(shape: [usize; 3], elements: &[Element]) -> Self {
        let over = |value: &dyn Fn(&Element) -> f64| Property::new(&elements.iter().map(value).collect::<Vec<_>>());
        let s2: Vec<_> = (0..elements[0].s2.len()).map(|lag| over(&|element| element.s2[lag])).collect();
        let rms = |value: fn(&Property) -> f64| {
            (s2.iter().map(|lag| value(lag).powi(2)).sum::<f64>() / s2.len() as f64).sqrt()
        };
        let correlation =
            Property { count: elements.len(), mean: rms(|lag| lag.mean), deviation: rms(|lag| lag.deviation) };
        Self { shape, properties: [s2[0], correlation, over(&|element| element.conductivity)], s2 }
    }

    /// Side of a square or a cube with as many voxels as an element.
    pub fn side(&self) -> f64 {
        let [nz, ny, nx] = self.shape.map(|length| length as f64);
        if self.is_volume() { (nz * ny * nx).cbrt() } else { (ny * nx).sqrt() }
    }

    /// Whether elements are volumes.
    pub fn is_volume(&self) -> bool {
        self.shape[0] > 1
    }

    /// Lengths along x, y and, of volumes, z, with `times` between them.
    pub(crate) fn extent(&self, times: &str) -> String {
        let axes = if self.is_volume() { 3 } else { 2 };
        self.shape.iter().rev().take(axes).map(usize::to_string).collect::<Vec<_>>().join(times)
    }
}

/// The properties of one element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    /// Two-point correlation by distance, from 0 on: so the first value is the volume fraction.
    s2: Vec<f64>,
    conductivity: f64,
}

/// Measures periodic elements in parallel on the current rayon pool; S2 at distances up to `longest` voxels.
pub(super) fn measure(elements: &PhaseImages, phase: u8, longest: usize) -> Result<Vec<Element>> {
    let workers = elements.len().min(rayon::current_num_threads());
    let bytes = workers.saturating_mul(elements.voxels()).saturating_mul(BYTES_PER_VOXEL);
    memory::require(bytes, "measuring elements", "give smaller elements, or fewer threads")?;
    let conductivities = if elements.shape()[0] == 1 {
        effective_conductivity(&Indicator::new(elements, phase)?)
    } else {
        volume_conductivity(elements, phase)?.iter().map(|along| mean(along)).collect()
    };
    let maps = s2(elements, phase, &S2Options::default())?;
    let curves = radial_curves(&maps, longest).into_iter();
    Ok(curves.zip(conductivities).map(|(s2, conductivity)| Element { s2, conductivity }).collect())
}

/// Statistics of the periodic `elements`, images or volumes, at least 2, for one phase.
///
/// S2 and conductivity are averaged over directions, S2 at distances up to half the shortest side; the phase conducts
/// [`CONTRAST`](crate::descriptor::CONTRAST) times as well as the rest. Runs in parallel on the current rayon pool; the
/// result does not depend on it. `done` is called after each element and ends the work by an error.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for fewer than 2 elements, or a phase that there is not;
/// [`Error::OutOfMemory`] if memory is too small; those of `done`.
pub fn element_statistics(
    elements: &PhaseImages,
    phase: u8,
    done: &dyn Fn() -> Result<()>,
) -> Result<ElementStatistics> {
    check_count(elements.len())?;
    let [nz, ny, nx] = elements.shape();
    let shortest = if nz == 1 { ny.min(nx) } else { nz.min(ny).min(nx) };
    let measured =
        measure_in_batches(elements.len(), shortest / 2, phase, done, |first, count| Ok(elements.range(first, count)))?;
    Ok(ElementStatistics::new([nz, ny, nx], &measured))
}

/// Measures `count` elements, as many at a time as there are threads: `make` gives `n` elements from index `first` on.
pub(super) fn measure_in_batches(
    count: usize,
    longest: usize,
    phase: u8,
    done: &dyn Fn() -> Result<()>,
    make: impl Fn(usize, usize) -> Result<PhaseImages>,
) -> Result<Vec<Element>> {
    let batch = rayon::current_num_threads();
    let mut measured = Vec::new();
    for first in (0..count).step_by(batch) {
        let elements = make(first, batch.min(count - first))?;
        measured.extend(measure(&elements, phase, longest)?);
        (0..elements.len()).try_for_each(|_| done())?;
    }
    Ok(measured)
}

/// Refuses fewer elements than have a deviation.
pub(super) fn check_count(count: usize) -> Result<()> {
    if count < 2 {
        return Err(Error::invalid(format!("{count} element of a size has no deviation; give at least 2, better 16")));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::*;
    use crate::descriptor::CONTRAST;
    use crate::random::{Purpose, generator};
    use ndarray::Array4;

    /// Images whose pixels are of phase 1 independently, with a probability of `share`.
    pub fn noise(seed: u64, count: usize, [ny, nx]: [usize; 2], share: f64) -> PhaseImages {
        let mut rng = generator(seed, Purpose::Step, 0);
        PhaseImages::new(Array4::from_shape_fn((count, 1, ny, nx), |_| rng.random_bool(share).into()), 2).unwrap()
    }

    #[test]
    fn layers_have_known_statistics() {
        // Layers of 2, 4 and 6 of 8 rows: phi = 1/4, 1/2, 3/4.
        let images = Array4::from_shape_fn((3, 1, 8, 8), |(image, _, y, _)| u8::from(y < 2 * (image + 1)));
        let found = element_statistics(&PhaseImages::new(images, 2).unwrap(), 1, &|| Ok(())).unwrap();
        let [fraction, correlation, conductivity] = found.properties;
        assert_eq!((found.shape, found.side(), found.extent(" x ").as_str()), ([1, 8, 8], 8.0, "8 x 8"));
        assert_eq!(fraction, Property { count: 3, mean: 0.5, deviation: 0.25 });
        assert!((fraction.interval() - 4.302_652_729_9 * 0.25 / 3f64.sqrt()).abs() < 1e-9);
        assert_eq!((fraction.relative_error(1), fraction.relative_error(4)), (1.0, 0.5));
        let both = |phi: f64| (phi * CONTRAST + 1.0 - phi + 1.0 / (phi / CONTRAST + 1.0 - phi)) / 2.0;
        let expected = Property::new(&[0.25, 0.5, 0.75].map(both));
        assert!((conductivity.mean / expected.mean - 1.0).abs() < 1e-9, "{conductivity:?} {expected:?}");
        assert!((conductivity.deviation / expected.deviation - 1.0).abs() < 1e-9, "{conductivity:?} {expected:?}");
        // Two of eight neighbours across are left out of the layer at either face: S2(1) by hand, 8 lags of length 1.
        let s2_at_1 = |rows: f64| (2.0 * rows + 6.0 * (rows - 1.0)) / 8.0 / 8.0;
        let expected = Property::new(&[2.0, 4.0, 6.0].map(s2_at_1));
        assert!((found.s2[1].mean - expected.mean).abs() < 1e-12 && found.s2.len() == 5, "{:?}", found.s2);
        let rms = |value: fn(&Property) -> f64| (found.s2.iter().map(|p| value(p).powi(2)).sum::<f64>() / 5.0).sqrt();
        assert!((correlation.mean - rms(|p| p.mean)).abs() < 1e-12);
        assert!((correlation.deviation - rms(|p| p.deviation)).abs() < 1e-12);
    }

    #[test]
    fn volumes_of_layers_have_known_statistics() {
        // Layers of 2, 4 and 6 of 8 planes: along two axes the conductivities add up, along z the resistances.
        let volumes = Array4::from_shape_fn((3, 8, 6, 10), |(volume, z, _, _)| u8::from(z < 2 * (volume + 1)));
        let found = element_statistics(&PhaseImages::new(volumes, 2).unwrap(), 1, &|| Ok(())).unwrap();
        assert_eq!((found.shape, found.extent(" x ").as_str()), ([8, 6, 10], "10 x 6 x 8"));
        assert!((found.side() - 480f64.cbrt()).abs() < 1e-12 && found.s2.len() == 4);
        let [fraction, _, conductivity] = found.properties;
        assert_eq!(fraction, Property { count: 3, mean: 0.5, deviation: 0.25 });
        let along = |phi: f64| phi * CONTRAST + 1.0 - phi;
        let each = |phi: f64| (2.0 * along(phi) + 1.0 / (phi / CONTRAST + 1.0 - phi)) / 3.0;
        let expected = Property::new(&[0.25, 0.5, 0.75].map(each));
        assert!((conductivity.mean / expected.mean - 1.0).abs() < 1e-9, "{conductivity:?} {expected:?}");
        assert!((conductivity.deviation / expected.deviation - 1.0).abs() < 1e-9, "{conductivity:?} {expected:?}");
    }

    #[test]
    fn neither_threads_nor_batches_matter() {
        let images = noise(1, 7, [16, 24], 0.3);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| element_statistics(&images, 0, &|| Ok(()))).unwrap()
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn the_interval_covers_the_mean_of_a_known_distribution() {
        let mut rng = generator(3, Purpose::Step, 0);
        for count in [2, 5, 16] {
            let covered = (0..4000).filter(|_| {
                let values: Vec<f64> = (0..count).map(|_| 7.0 + 3.0 * rng.sample::<f64, _>(StandardNormal)).collect();
                let property = Property::new(&values);
                (property.mean - 7.0).abs() <= property.interval()
            });
            // Four standard deviations of a share of 4,000.
            let share = covered.count() as f64 / 4000.0;
            assert!((share - 0.95).abs() < 0.014, "{count}: {share}");
        }
    }

    #[test]
    fn what_has_no_statistics_is_refused() {
        let message = |images, phase| element_statistics(&images, phase, &|| Ok(())).unwrap_err().to_string();
        assert!(message(noise(1, 1, [8, 8], 0.5), 1).contains("1 element of a size"));
        assert!(message(noise(1, 2, [8, 8], 0.5), 2).contains("no phase 2"));
        let stopped = element_statistics(&noise(1, 2, [8, 8], 0.5), 1, &|| Err(Error::Cancelled("stop".into())));
        assert_eq!(stopped, Err(Error::Cancelled("stop".into())));
    }
}
