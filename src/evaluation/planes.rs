//! The planes by which volumes are judged.

use std::borrow::Cow;

use super::protocol::FEWEST;
use crate::error::counted;
use crate::micrograph::{AXES, PhaseImages};
use crate::{Error, Result};

/// One plane of a volume in so many is judged.
pub(super) const STEP: usize = 8;

/// What is judged of `realisations`: they themselves, or of volumes every eighth plane across `axis`, 0 to 2 for z, y and x.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for an axis that there is not, or volumes with fewer planes than can be judged.
pub fn judged_images(realisations: &PhaseImages, axis: usize) -> Result<Cow<'_, PhaseImages>> {
    let [nz, ny, nx] = realisations.shape();
    check_axis(axis, nz > 1, || format!("these are images of {ny} x {nx} pixels"))?;
    if nz == 1 {
        return Ok(Cow::Borrowed(realisations));
    }
    let count = realisations.len() * [nz, ny, nx][axis].div_ceil(STEP);
    if count < FEWEST {
        return Err(Error::invalid(format!(
            "every eighth plane across {} of {} of {nz} x {ny} x {nx} voxels (z, y, x): {count} in all; give more or larger volumes, \
             for at least {FEWEST} planes, and 256 for a verdict",
            AXES[axis],
            counted(realisations.len(), "volume")
        )));
    }
    Ok(Cow::Owned(judged_planes(realisations, axis, count)))
}

/// Refuses an axis that realisations do not have; `what` says what they are.
pub(super) fn check_axis(axis: usize, are_volumes: bool, what: impl FnOnce() -> String) -> Result<()> {
    if axis <= if are_volumes { 2 } else { 0 } {
        return Ok(());
    }
    let advice = "give 0 for images, and 0 to 2 for planes of volumes across z, y and x";
    Err(Error::invalid(format!("axis = {axis}; {advice}; {}", what())))
}

/// The first `count` planes across an axis, 0 to 2 for z, y and x, by which volumes are judged: every eighth.
pub(crate) fn judged_planes(volumes: &PhaseImages, axis: usize, count: usize) -> PhaseImages {
    volumes.planes(axis, STEP).range(0, count)
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn images(n: usize, [nz, ny, nx]: [usize; 3]) -> PhaseImages {
        PhaseImages::new(Array4::from_shape_fn((n, nz, ny, nx), |(n, z, y, x)| ((n + z * y + x) % 2) as u8), 2).unwrap()
    }

    #[test]
    fn images_are_judged_themselves_and_volumes_by_every_eighth_plane() {
        let flat = images(3, [1, 8, 8]);
        assert_eq!(judged_images(&flat, 0).unwrap().as_slice(), flat.as_slice());
        let volumes = images(4, [60, 64, 65]);
        for (axis, shape, planes) in [(0, [1, 64, 65], 8), (1, [1, 60, 65], 8), (2, [1, 60, 64], 9)] {
            let judged = judged_images(&volumes, axis).unwrap();
            assert_eq!((judged.shape(), judged.len()), (shape, 4 * planes));
            let last = volumes.plane(axis, 8 * (planes - 1));
            assert_eq!(judged.image(4 * planes - 1), last.image(3));
        }
    }

    #[test]
    fn an_axis_that_there_is_not_and_too_few_planes_are_refused() {
        let refused = |images: &PhaseImages, axis| judged_images(images, axis).unwrap_err().to_string();
        assert!(refused(&images(40, [1, 8, 8]), 1).contains("axis = 1; give 0 for images"));
        assert!(refused(&images(4, [64; 3]), 3).contains("axis = 3"));
        let few = refused(&images(2, [64, 64, 80]), 1);
        assert!(few.contains("across y of 2 volumes of 64 x 64 x 80") && few.contains("16 in all"), "{few}");
    }
}
