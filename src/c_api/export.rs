//! Images in the formats of solvers and other programs.

use std::ffi::c_char;
use std::path::Path;

use super::guard::guard;
use super::micrograph_options::unit;
use super::options::{self, count, switch, unsafe_growing};
use super::pointers::{self, elements, slice};
use super::status::davegan_status_t;
use crate::export::{self, MeshOptions, Spacing};
use crate::micrograph::{LengthUnit, PhaseImages};
use crate::{Error, Result};

/// What is said of an image that is exported. Filled by `davegan_export_options_init`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_export_options_t {
    /// Size of this struct, set by the initialiser.
    pub struct_size: usize,
    /// Number of phases, 2 to `DAVEGAN_MAX_PHASES`, whether each occurs or not; default 0: one more than the largest
    /// number in the image.
    pub n_phases: i32,
    /// One of `DAVEGAN_UNIT_...`, the unit of `spacing`; default `DAVEGAN_UNIT_UNSPECIFIED`.
    pub voxel_unit: i32,
    /// Sides of a voxel along x, y and z, positive; 0 for y or z: that along x. Default: all 0, a side of 1. They must
    /// be set if `voxel_unit` is.
    pub spacing: [f64; 3],
    /// For `davegan_export_abaqus`: 1: equations for periodic boundary conditions. Default 0.
    pub periodic: i32,
    /// For `davegan_export_abaqus` and `nz` = 1: 1: elements of plane stress (CPS4). Default 0: plane strain (CPE4).
    pub plane_stress: i32,
}

// SAFETY: numbers only.
unsafe_growing!(davegan_export_options_t, plane_stress);

impl davegan_export_options_t {
    const DEFAULT: Self = Self {
        struct_size: size_of::<Self>(),
        n_phases: 0,
        voxel_unit: LengthUnit::Unspecified as i32,
        spacing: [0.0; 3],
        periodic: 0,
        plane_stress: 0,
    };

    fn spacing(&self) -> Result<Spacing> {
        let unit = unit(self.voxel_unit)?;
        match self.spacing {
            [0.0, 0.0, 0.0] if unit == LengthUnit::Unspecified => Ok(Spacing::default()),
            [0.0, 0.0, 0.0] => Err(Error::invalid(format!(
                "voxel_unit is {}, but spacing is 0; set spacing too, or no unit",
                self.voxel_unit
            ))),
            [x, y, z] => Spacing::new([x, if y == 0.0 { x } else { y }, if z == 0.0 { x } else { z }], unit),
        }
    }

    fn mesh(&self) -> Result<MeshOptions> {
        Ok(MeshOptions {
            periodic: switch(self.periodic, "periodic")?,
            plane_stress: switch(self.plane_stress, "plane_stress")?,
        })
    }

    fn n_phases(&self, phases: &[u8]) -> Result<usize> {
        match count(self.n_phases, "n_phases")? {
            0 => Ok(usize::from(phases.iter().copied().max().unwrap_or(0)).max(1) + 1),
            given => Ok(given),
        }
    }
}

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_options_init(
    options: *mut davegan_export_options_t,
    size: usize,
) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || Ok(davegan_export_options_t::DEFAULT)) }
}

/// The host's options, or the defaults for NULL.
unsafe fn read(options: *const davegan_export_options_t) -> Result<davegan_export_options_t> {
    // SAFETY: the caller's promise.
    Ok(unsafe { options::read(options) }?.unwrap_or(davegan_export_options_t::DEFAULT))
}

/// Hands the image of a host to `write`.
unsafe fn write(
    path: *const c_char,
    phases: *const u8,
    [nz, ny, nx]: [usize; 3],
    options: *const davegan_export_options_t,
    write: impl FnOnce(&PhaseImages, &Spacing, &Path) -> Result<()>,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (path, phases, options) = unsafe {
            let path = pointers::path(path, "path")?;
            (path, slice(phases, elements(&[nz, ny, nx], "phases")?, "phases")?, read(options)?)
        };
        let (spacing, n_phases) = (options.spacing()?, options.n_phases(phases)?);
        write(&PhaseImages::copy_of(phases, [1, nz, ny, nx], n_phases)?, &spacing, path)
    })
}

/// Writes an image as VTK image data (.vti), for DAMASK, ParaView and pyvista.
///
/// `phases` is `nz * ny * nx` phase numbers, x fastest; `options` NULL means the defaults. The phases are the cell data
/// `material` of 32-bit integers, numbered from 0. The origin is 0. DAMASK takes `spacing` for metres; a known unit is in
/// the field data `voxel_unit`.
///
/// The file is replaced in one step, and only if it is an export of davegan in this format. Fails with
/// `DAVEGAN_INVALID_PARAMETER` if a length is 0, a number is no phase or an option is out of range, `DAVEGAN_IO` if the
/// file cannot be written, and `DAVEGAN_FORMAT` if something else is there; that is untouched then. May be called from
/// any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_vti(
    path: *const c_char,
    phases: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    options: *const davegan_export_options_t,
) -> davegan_status_t {
    // SAFETY: as above.
    unsafe { write(path, phases, [nz, ny, nx], options, export::write_vti) }
}

/// Writes an image as a NumPy array (.npy) of uint8: `(nz, ny, nx)`, or `(ny, nx)` if `nz` is 1.
///
/// The format has no place for the size of a voxel. Arguments, replacement, failures and threads as for
/// `davegan_export_vti`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_npy(
    path: *const c_char,
    phases: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    options: *const davegan_export_options_t,
) -> davegan_status_t {
    // SAFETY: as above.
    unsafe { write(path, phases, [nz, ny, nx], options, |image, _, path| export::write_npy(image, path)) }
}

/// Writes an image as a TIFF of `nz` pages of phase numbers, 8 bits each, uncompressed.
///
/// The resolution is that of the voxels: in pixels a centimetre if the unit is known. The distance of layers is in the
/// description as ImageJ writes it, in micrometres if the unit is known. Fails with `DAVEGAN_INVALID_PARAMETER` also if
/// TIFF has no number for the resolution. All else as for `davegan_export_vti`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_tiff(
    path: *const c_char,
    phases: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    options: *const davegan_export_options_t,
) -> davegan_status_t {
    // SAFETY: as above.
    unsafe { write(path, phases, [nz, ny, nx], options, export::write_tiff) }
}

/// Writes an image as a DREAM.3D file of version 7.0, for DREAM.3D, simplnx and DAMASK.
///
/// The container `ImageDataContainer` has an image geometry; the cell data `FeatureIds` and `Phases`, both the phase
/// number plus 1, since 0 is reserved there; and the ensemble data `PhaseName` of `n_phases` phases. Euler angles are 0.
/// `spacing` is stored in single precision, its unit as an attribute of the geometry. Fails with `DAVEGAN_HDF5` for
/// failures inside HDF5. All else as for `davegan_export_vti`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_dream3d(
    path: *const c_char,
    phases: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    options: *const davegan_export_options_t,
) -> davegan_status_t {
    // SAFETY: as above.
    unsafe { write(path, phases, [nz, ny, nx], options, export::write_dream3d) }
}

/// Writes an image as a mesh of voxels (.inp) for Abaqus and CalculiX.
///
/// Elements are C3D8, or CPE4 or CPS4 if `nz` is 1, numbered from 1 as `phases`. Element sets are `PHASE_0`, `PHASE_1`, ...
/// for each phase that occurs, and `ALL_ELEMENTS`. Node sets are `ALL_NODES` and sides: `FACE_X0` (x = 0), `FACE_X1`
/// (largest x), ..., `EDGE_X0_Y0`, ..., `CORNER_X0_Y0_Z0`, ...; if `nz` is 1, `EDGE_X0`, ... and `CORNER_X0_Y0`, ....
/// Faces contain their edges, edges their corners. Material, section and steps are yours: your file includes this one.
///
/// With `periodic`, opposite nodes are tied: along x, their displacements differ by those of `CORNER_X1_Y0_Z0` and
/// `CORNER_X0_Y0_Z0`. These corners and those of y and z stay free: give them the mean deformation. Fails with
/// `DAVEGAN_INVALID_PARAMETER` also if there are more than 999,999,999 nodes. All else as for `davegan_export_vti`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_abaqus(
    path: *const c_char,
    phases: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    options: *const davegan_export_options_t,
) -> davegan_status_t {
    // SAFETY: as above.
    unsafe {
        write(path, phases, [nz, ny, nx], options, |image, spacing, path| {
            export::write_abaqus(image, spacing, &read(options)?.mesh()?, path)
        })
    }
}

/// Writes an image as XDMF beside an HDF5 file, for ParaView.
///
/// The phases are the dataset `phase`, `(nz, ny, nx)`, of a file with the ending `.h5` instead of that of `path`, and the
/// cell data `phase`. That file is written as `davegan_write_images` does. The origin is 0. Fails with
/// `DAVEGAN_INVALID_PARAMETER` also if `path` ends in `.h5`, or the name has one of `: < &` in it, and `DAVEGAN_HDF5` for
/// failures inside HDF5. All else as for `davegan_export_vti`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_export_xdmf(
    path: *const c_char,
    phases: *const u8,
    nz: usize,
    ny: usize,
    nx: usize,
    options: *const davegan_export_options_t,
) -> davegan_status_t {
    // SAFETY: as above.
    unsafe { write(path, phases, [nz, ny, nx], options, export::write_xdmf) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_is_not_given_is_that_along_x() {
        let spacing = |spacing, voxel_unit| {
            davegan_export_options_t { spacing, voxel_unit, ..davegan_export_options_t::DEFAULT }.spacing()
        };
        assert_eq!(spacing([0.0; 3], 0), Ok(Spacing::default()));
        assert_eq!(spacing([0.5, 0.0, 2.0], 3), Spacing::new([0.5, 0.5, 2.0], LengthUnit::Micrometre));
        assert!(spacing([0.0; 3], 3).unwrap_err().to_string().contains("voxel_unit is 3"));
        assert!(spacing([0.0, 1.0, 1.0], 0).is_err() && spacing([1.0; 3], 5).is_err());
    }

    #[test]
    fn phases_are_counted_where_the_host_does_not_say_how_many_there_are() {
        let of = |n_phases, phases: &[u8]| {
            davegan_export_options_t { n_phases, ..davegan_export_options_t::DEFAULT }.n_phases(phases)
        };
        assert_eq!((of(0, &[0, 2]), of(0, &[0]), of(5, &[0])), (Ok(3), Ok(2), Ok(5)));
        assert!(of(-1, &[0]).is_err());
    }
}
