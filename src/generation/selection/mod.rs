//! Which of some candidates becomes a realisation.
//!
//! A generator that draws a piece too many on average draws the right number often enough. So each realisation is one of
//! several candidates, taken with a probability that grows exponentially with a weighted sum of its statistics. The weights
//! are those for which statistics of realisations are on average what they are in windows of the micrograph: of all ways
//! to bring that about the one that changes the generator's distribution least (maximum entropy). Volume elements chosen for
//! their statistics are what Balzani et al. (2010) call statistically similar.
//!
//! * `candidates`: made part by part.
//! * `statistics`: what is looked at, and what it should be on average.
//! * `conditional_logit`: the weights, and the choice.

mod candidates;
mod conditional_logit;
mod statistics;

use ndarray::{Array1, Array2, ArrayView2, s};

use self::candidates::for_candidates;
use self::conditional_logit::{conditional_logit, left_off, take};
use self::statistics::{Aim, FIGURES, STATISTICS, figures, statistics};
use crate::device::memory;
use crate::micrograph::PhaseImages;
use crate::model::{Model, Selection};
use crate::{Error, Result};

/// Candidates that weights are found from, if there are at least [`FEWEST`] for each realisation.
const FITTED: usize = 16_384;

/// Candidates of each realisation, as long as these are enough.
const FEWEST: usize = 16;

/// They are if no statistic is off by more than this on average, in standard deviations between windows.
const ENOUGH: f64 = 0.1;

/// Index of the first realisation that weights are found from: no host asks for these under the seed of a judgement.
const FIRST: u64 = 1 << 40;

/// Columns of [`Selection::rows`].
const COLUMNS: usize = 1 + FIGURES + STATISTICS;

impl Selection {
    /// Finds the weights for realisations of `model`, whose own selection does not matter, to be like windows of
    /// `micrograph`, with at most `most` candidates each.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if the generator does not give numbers, [`Error::InvalidParameter`] if the micrograph is smaller
    /// than a realisation.
    pub fn fit(model: &Model, micrograph: &PhaseImages, most: usize, seed: u64) -> Result<Self> {
        let (phases, side, periodic) = (micrograph.judged_phases(), model.side(), model.periodic);
        let aim = Aim::new(micrograph, &phases, side)?;
        let mut found = Vec::new();
        for_candidates(model, most, seed, FIRST, FITTED / most.max(FEWEST), |part| {
            found.extend(figures(&part.images, &phases, side, periodic)?);
            Ok(())
        })?;
        let found = rows_of(phases.len() * FIGURES, found)?;
        let off = aim.off(statistics(found.view(), aim.centres.view()), periodic);
        let (candidates, weights) = enough_candidates(off.view(), most);
        let weights: Vec<f64> = weights.iter().zip(&aim.units).map(|(weight, unit)| weight / unit).collect();
        let mut rows = Vec::new();
        for (phase, (centres, weights)) in phases.iter().zip(aim.centres.outer_iter().zip(weights.chunks(STATISTICS))) {
            rows.push(f64::from(*phase));
            rows.extend(centres);
            rows.extend(weights);
        }
        Ok(Self { candidates, rows: rows_of(COLUMNS, rows)? })
    }

    /// A selection from so many `candidates` by its [`rows`](Self::rows).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if they do not belong to phases of `n_phases`, or are not numbers.
    pub fn from_rows(candidates: usize, rows: Array2<f64>, n_phases: usize) -> Result<Self> {
        let phases: Vec<f64> = (0..n_phases).map(|phase| phase as f64).collect();
        if rows.ncols() != COLUMNS || rows.is_empty() {
            let reason = format!("has {} x {} values, not a row a phase of {COLUMNS}", rows.nrows(), rows.ncols());
            return Err(Error::invalid(reason));
        }
        if rows.column(0).windows(2).into_iter().any(|pair| pair[0] >= pair[1]) {
            return Err(Error::invalid("has its phases twice or out of order"));
        }
        if rows.column(0).iter().any(|phase| !phases.contains(phase)) || rows.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid(format!("holds a phase that is not 0 to {}, or infinity or NaN", n_phases - 1)));
        }
        Ok(Self { candidates, rows })
    }

    /// The latent vectors of realisations `first..first + count`, each of them one of its candidates'.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](super::decode).
    pub fn latent_vectors(&self, model: &Model, seed: u64, first: u64, count: usize) -> Result<Array2<f32>> {
        let side = model.side();
        let phases: Vec<u8> = self.rows.column(0).iter().map(|&phase| phase as u8).collect();
        let centres = self.rows.slice(s![.., 1..=FIGURES]);
        let weights: Array1<f64> = self.rows.slice(s![.., 1 + FIGURES..]).iter().copied().collect();
        let length = count.saturating_mul(model.latent_size);
        let mut taken = memory::vector(length, "making latent vectors", "ask for fewer realisations at once")?;
        for_candidates(model, self.candidates, seed, first, count, |part| {
            let found = figures(&part.images, &phases, side, model.periodic)?;
            let scores = statistics(found.view(), centres).dot(&weights).to_vec();
            for (choice, (scores, &draw)) in scores.chunks_exact(self.candidates).zip(&part.draws).enumerate() {
                taken.extend(part.vectors.row(choice * self.candidates + take(scores, draw)));
            }
            Ok(())
        })?;
        rows_of(model.latent_size, taken)
    }
}

/// How many candidates a realisation needs, at most `most`, for statistics to be on average as they should; and their weights.
fn enough_candidates(off: ArrayView2<f64>, most: usize) -> (usize, Array1<f64>) {
    let mut count = FEWEST.min(most);
    loop {
        let choices = off.nrows() / count;
        let weights = conditional_logit(off.slice(s![..choices * count, ..]), count);
        if count == most || left_off(&weights) <= ENOUGH {
            return (count, weights);
        }
        count = most.min(2 * count);
    }
}

/// Rows of `columns` values, one after the other.
fn rows_of<T>(columns: usize, values: Vec<T>) -> Result<Array2<T>> {
    Array2::from_shape_vec((values.len() / columns, columns), values)
        .map_err(|error| Error::Internal(format!("rows that are not of {columns} values: {error}")))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis};
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::descriptor::Indicator;
    use crate::generation::latent::candidate_vectors;
    use crate::generation::{GenerationOptions, latent_vectors, realisations};
    use crate::micrograph::{GaussianField, Sample, tiles};
    use crate::model::Origin;
    use crate::network::Profile;
    use crate::random::{self, Purpose};
    use crate::training::{Checkpoint, TrainingOptions};

    const CANDIDATES: usize = 4;

    /// A model that has learned nothing but how to select what is like a micrograph: one made of the few among its own
    /// realisations that have least of phase 1.
    fn selecting() -> (Model, PhaseImages) {
        let field = GaussianField { ny: 96, nx: 96, ..GaussianField::default() };
        let micrograph = Sample::GaussianField(field).make(1, 1).unwrap();
        let options = TrainingOptions::new(Profile::Paper32).with(|r| r.generator_periodic = true);
        let tiles = tiles(&micrograph.images, 32).unwrap();
        let device = burn_tensor::Device::flex();
        let mut model = Checkpoint::new(options, Origin::new(&micrograph), tiles, &device).model();

        let made = realisations(&model, &GenerationOptions { seed: 9, count: 45, ..Default::default() }).unwrap();
        let fractions = Indicator::new(&made, 1).unwrap().volume_fractions();
        let mut order: Vec<usize> = (0..made.len()).collect();
        order.sort_by(|&a, &b| fractions[a].total_cmp(&fractions[b]));
        let pixel = |y: usize, x: usize| made.image(order[y / 32 * 3 + x / 32])[y % 32 * 32 + x % 32];
        let phases = Array4::from_shape_fn((1, 1, 96, 96), |(_, _, y, x)| pixel(y, x));
        let micrograph = PhaseImages::new(phases, 2).unwrap();

        model.selection = Some(Selection::fit(&model, &micrograph, CANDIDATES, 3).unwrap());
        (model, micrograph)
    }

    #[test]
    fn what_is_selected_is_nearer_to_the_micrograph() {
        let (model, micrograph) = selecting();
        let unselected = Model { selection: None, ..model.clone() };
        let selection = model.selection.as_ref().unwrap();
        let phases = [selection.rows[[0, 0]] as u8];
        let aim = Aim::new(&micrograph, &phases, 32).unwrap();
        let options = GenerationOptions { count: 400, ..GenerationOptions::default() };
        let off = |model: &Model| -> Vec<f64> {
            let found = figures(&realisations(model, &options).unwrap(), &phases, 32, true).unwrap();
            let off = aim.off(statistics(found.view(), aim.centres.view()), true);
            off.mean_axis(Axis(0)).unwrap().to_vec()
        };
        let square = |off: Vec<f64>| off.iter().map(|x| x * x).sum::<f64>();
        let (before, after) = (square(off(&unselected)), square(off(&model)));
        assert!(before > 0.5 && after < 0.3 * before, "{after} instead of {before}");
    }

    #[test]
    fn candidates_are_as_many_as_are_needed() {
        let mut rng = random::generator(1, Purpose::Step, 1);
        let mut normal = |_| Distribution::<f64>::sample(&StandardNormal, &mut rng);
        let centred = Array2::from_shape_fn((FITTED, 1), &mut normal);
        let needed = |mean: f64, most: usize| enough_candidates((&centred + mean).view(), most).0;
        assert_eq!([needed(0.5, 64), needed(0.5, 24), needed(0.5, 8)], [16, 16, 8]);
        // The largest of sixteen is 1.77 on average, of 32 2.07.
        assert_eq!([needed(-2.0, 64), needed(-2.0, 24), needed(-2.0, 8)], [32, 24, 8]);
        assert_eq!(needed(-5.0, 100), 100);
    }

    #[test]
    fn a_realisation_does_not_depend_on_the_others() {
        let (model, _) = selecting();
        let options = GenerationOptions { seed: 5, first: 3, count: 600, threads: 2, ..Default::default() };
        let all = realisations(&model, &options).unwrap();
        let some =
            realisations(&model, &GenerationOptions { first: 500, count: 2, threads: 1, ..options.clone() }).unwrap();
        assert_eq!([some.image(0), some.image(1)], [all.image(497), all.image(498)]);
        // Each has the latent vector of one of its own candidates, not always of the same one.
        let taken = latent_vectors(&model, &GenerationOptions { count: 40, ..options }).unwrap();
        let (vectors, _) = candidate_vectors(&model, CANDIDATES, 5, 3, 40).unwrap();
        let of_each = taken.outer_iter().zip(vectors.axis_chunks_iter(Axis(0), CANDIDATES));
        let places: Vec<usize> =
            of_each.map(|(taken, of_one)| of_one.outer_iter().position(|row| row == taken).unwrap()).collect();
        assert!((0..CANDIDATES).all(|place| places.contains(&place)), "{places:?}");
    }

    #[test]
    fn rows_of_another_material_are_refused() {
        let row =
            |phase: f64, weight: f64| Array2::from_shape_fn((1, COLUMNS), |(_, i)| if i == 0 { phase } else { weight });
        assert!(Selection::from_rows(16, row(1.0, 0.5), 2).is_ok());
        for (rows, what) in [
            (row(2.0, 0.5), "not 0 to 1"),
            (row(0.5, 0.5), "not 0 to 1"),
            (row(1.0, f64::NAN), "NaN"),
            (Array2::zeros((1, 8)), "1 x 8 values"),
            (Array2::zeros((0, COLUMNS)), "0 x 22 values"),
            (Array2::zeros((2, COLUMNS)), "twice"),
        ] {
            let text = Selection::from_rows(16, rows, 2).unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
    }
}
