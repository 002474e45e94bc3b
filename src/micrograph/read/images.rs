//! Reading images and volumes of a material from other programs.

use std::path::Path;

use ndarray::Array3;

use super::hdf5_dataset::IMAGES;
use super::{Contents, check_finite, contents, volumes};
use crate::error::short;
use crate::micrograph::levels::{Levels, Refusal};
use crate::micrograph::segmentation::phase_numbers;
use crate::micrograph::{PhaseImages, Segmentation};
use crate::{Error, Result};

impl PhaseImages {
    /// Reads images or volumes of the material of a micrograph whose phases have the `phase_values`; also says where they
    /// come from.
    ///
    /// * **HDF5**: `dataset` is `(ny, nx)`, `(n, ny, nx)` or `(n, nz, ny, nx)`, a last axis of length 1 apart. The name may be
    ///   left out if the file holds exactly one such dataset.
    /// * **PNG**, **TIFF**: as micrographs; the pages of a TIFF are images.
    ///
    /// With `stack_is_volume` a stack of images, `(n, ny, nx)`, is one volume, `(nz, ny, nx)`.
    ///
    /// Which phase a value means: if all values are phase values of the micrograph, these phases. If all are phase numbers,
    /// 0 to P - 1, these. If there are as many values as phases, phases in increasing order.
    ///
    /// # Errors
    ///
    /// Those of [`Micrograph::read`](crate::micrograph::Micrograph::read); [`Error::Format`] also if a value is no phase.
    pub fn read_of_material(
        path: impl AsRef<Path>,
        dataset: Option<&str>,
        phase_values: &[f64],
        stack_is_volume: bool,
    ) -> Result<(Self, String)> {
        let path = path.as_ref();
        let (Contents { values, layers, .. }, source) = contents(path, dataset, &Segmentation::PhaseNumbers, &IMAGES)?;
        check_finite(&values).map_err(|reason| Error::format(path, reason))?;
        let phases = phases_of(&values, phase_values);
        let phases = phases.map_err(|refusal| refusal.into_error(|reason| Error::format(path, reason)))?;
        let nz = if layers == 1 && stack_is_volume { phases.dim().0 } else { layers };
        Ok((Self::new(volumes(phases, nz), phase_values.len())?, source.to_string()))
    }
}

/// The phase of each value.
fn phases_of(values: &Levels, phase_values: &[f64]) -> std::result::Result<Array3<u8>, Refusal> {
    let n_phases = phase_values.len();
    let of_value = |value| phase_values.iter().position(|&of_phase| of_phase == value);
    if values.find_unfit(|value| of_value(value).is_some()).is_none() {
        return values.phases(|value| of_value(value).unwrap_or_default() as u8);
    }
    let is_number = |value: f64| value.fract() == 0.0 && (0.0..n_phases as f64).contains(&value);
    let Some(((image, y, x), wrong)) = values.find_unfit(is_number) else {
        return values.phases(|value| value as u8);
    };
    if let Ok(segmented) = phase_numbers(values)
        && segmented.phase_values.len() == n_phases
    {
        return Ok(segmented.phases);
    }
    let of_micrograph = phase_values.iter().map(|&value| short(value)).collect::<Vec<_>>().join(", ");
    Err(format!(
        "the pixel at y = {y}, x = {x} of image {image} is {}, which is no phase: those of the micrograph have the values \
         {of_micrograph}; save the images with these, or with the phase numbers 0 to {}",
        short(wrong),
        n_phases - 1
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(values: &[f64], phase_values: &[f64]) -> std::result::Result<Vec<u8>, String> {
        let levels = Levels::from(Array3::from_shape_vec((1, 1, values.len()), values.to_vec()).unwrap());
        let phases = phases_of(&levels, phase_values).map(|phases| phases.into_raw_vec_and_offset().0);
        phases.map_err(|refusal| refusal.into_error(Error::InvalidParameter).to_string())
    }

    #[test]
    fn values_are_those_of_the_micrograph_or_phase_numbers_or_in_the_same_order() {
        assert_eq!(phases(&[255.0, 0.0, 255.0], &[0.0, 255.0]), Ok(vec![1, 0, 1]));
        // One phase may be missing, if the values are known.
        assert_eq!(phases(&[2.0, 2.0], &[1.0, 2.0]), Ok(vec![1, 1]));
        assert_eq!(phases(&[0.0, 1.0, 1.0], &[63.2, 190.1]), Ok(vec![0, 1, 1]));
        assert_eq!(phases(&[0.0, 0.0], &[63.2, 190.1]), Ok(vec![0, 0]));
        assert_eq!(phases(&[0.0, 255.0], &[63.2, 190.1]), Ok(vec![0, 1]));
        let error = phases(&[0.0, 7.0, 9.0], &[0.0, 255.0]).unwrap_err();
        assert!(error.contains("x = 1 of image 0 is 7") && error.contains("values 0, 255; save"), "{error}");
        assert!(phases(&[7.0, 7.0], &[0.0, 255.0]).is_err());
    }
}
