//! Descriptors of volumes.

use super::descriptor::judged_phase;
use super::generate_options::davegan_generate_options_t;
use super::guard::guard_with_host;
use super::micrograph::DAVEGAN_MAX_PHASES;
use super::options::{StructPlace, switch, unsafe_growing};
use super::pointers::images;
use super::status::davegan_status_t;
use crate::descriptor::{VolumeDescriptors, volume_descriptors};

/// Descriptors of a phase in one volume. Lengths are in voxels. Arrays are in the order x, y, z.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct davegan_volume_descriptors_t {
    /// Size of this struct as the caller gave it.
    pub struct_size: usize,
    /// Share of the voxels in the phase.
    pub volume_fraction: f64,
    /// Surface towards the rest per volume, by Crofton's formula with 13 directions: right within some per cent for round
    /// bodies. The volume is taken to be periodic.
    pub specific_surface: f64,
    /// Faces between voxels of the phase and others per voxel, periodic too: 1.5 times too many for a ball, right for a box.
    pub faces: f64,
    /// Euler characteristic (components less tunnels plus cavities), voxels being connected through faces: 6 neighbours.
    pub euler_6: i64,
    /// The same through faces, edges and corners: 26 neighbours.
    pub euler_26: i64,
    /// Number of connected components with 6 neighbours.
    pub components_6: i64,
    /// Number of connected components with 26 neighbours.
    pub components_26: i64,
    /// Share of the phase in its largest component with 6 neighbours; 0 if there is none.
    pub largest_6: f64,
    /// Share of the phase in its largest component with 26 neighbours.
    pub largest_26: f64,
    /// 1 if a component with 6 neighbours leads from face to face along x, y and z, without going on at the opposite face.
    pub percolates_6: [i32; 3],
    /// The same with 26 neighbours.
    pub percolates_26: [i32; 3],
    /// Effective conductivity along x, y and z of the volume, taken to be periodic, in units of that of the rest; the phase
    /// conducts 100 times as well. NaN if it was not asked for.
    pub conductivity: [f64; 3],
}
// SAFETY: numbers only.
unsafe_growing!(davegan_volume_descriptors_t, conductivity);

impl davegan_volume_descriptors_t {
    fn new(of: &VolumeDescriptors) -> Self {
        let [of_6, of_26] = of.clusters;
        let from_x = |[z, y, x]: [bool; 3]| [x, y, z].map(i32::from);
        Self {
            struct_size: size_of::<Self>(),
            volume_fraction: of.volume_fraction,
            specific_surface: of.surface.crofton,
            faces: of.surface.faces,
            euler_6: of.euler.faces,
            euler_26: of.euler.corners,
            components_6: of_6.count as i64,
            components_26: of_26.count as i64,
            largest_6: of_6.largest,
            largest_26: of_26.largest,
            percolates_6: from_x(of_6.percolates),
            percolates_26: from_x(of_26.percolates),
            conductivity: of.conductivity.unwrap_or([f64::NAN; 3]),
        }
    }
}

/// Computes descriptors of a phase in each of `n` volumes.
///
/// `phases` is `n * nz * ny * nx` phase numbers, 0 to 7, x fastest. `phase` is the phase examined, or -1 for the minority phase
/// of all volumes. `periodic` 1: components and Euler characteristic go on at the opposite face. `conductivity` 1: conductivities are computed
/// too, which takes by far the longest, and about 150 bytes a voxel on each thread. Of `options`, `threads` and the progress
/// fields are used; NULL means the defaults. `descriptors` gets `n` structs, each of `size` bytes (`sizeof *descriptors`).
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `n` or a length is 0, `phase` or a voxel is not in 0 to 7, a volume has 2^32 voxels or
/// more, or an option is out of range; `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_volume_descriptors(
    phases: *const u8,
    n: usize,
    nz: usize,
    ny: usize,
    nx: usize,
    phase: i32,
    periodic: i32,
    conductivity: i32,
    options: *const davegan_generate_options_t,
    descriptors: *mut davegan_volume_descriptors_t,
    size: usize,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: the promises at the top of the header hold for this and all other functions here.
        let (places, volumes, options) = unsafe {
            let places = StructPlace::array(descriptors, n, size, "descriptors")?;
            let volumes = images(phases, [n, nz, ny, nx], DAVEGAN_MAX_PHASES, "phases")?;
            (places, volumes, davegan_generate_options_t::read(options)?)
        };
        let (periodic, conductivity) = (switch(periodic, "periodic")?, switch(conductivity, "conductivity")?);
        let phase = judged_phase(phase, &volumes)?;
        let found = options.in_parts(host, "examining", n as u64, |done| {
            volume_descriptors(&volumes, phase, periodic, conductivity, done)
        })?;
        places.into_iter().zip(&found).for_each(|(place, of)| place.set(davegan_volume_descriptors_t::new(of)));
        Ok(())
    })
}
