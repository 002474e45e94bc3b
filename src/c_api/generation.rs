//! Realisations of a model.

use std::ffi::c_char;

use super::generate_options::{davegan_generate_options_t, davegan_threshold_t};
use super::guard::{guard, guard_with_host};
use super::model::davegan_model_t;
use super::options;
use super::pointers::{self, Buffer, Place, elements, optional_text, reference};
use super::status::davegan_status_t;
use crate::Error;
use crate::generation;
use crate::storage::generate_to_file;

/// Fills `options`, a struct of `size` bytes (`sizeof *options`), with the defaults.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if `size` is less than that of the first version. May be called from any
/// thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_generate_options_init(
    options: *mut davegan_generate_options_t,
    size: usize,
) -> davegan_status_t {
    // SAFETY: the promises at the top of the header hold for this and all other functions here.
    unsafe { options::initialise(options, size, || Ok(davegan_generate_options_t::new())) }
}

/// Makes realisations and adds them to the HDF5 file at `path`.
///
/// `group` NULL: a VTKHDF file, which ParaView 5.12 or newer opens, with the phases in `/VTKHDF/CellData/phase`, `(nz,
/// ny, nx)` for one realisation and `(n, nz, ny, nx)`, a time series, for several. Otherwise the name of a group,
/// created if need be, in a file that may hold other things: `<group>/phase`, `(n, nz, ny, nx)`. Indices, volume
/// fractions and errors are in `/davegan`, or in the group. The file is created if there is none. `options` NULL means
/// the defaults: one realisation.
///
/// A realisation, or a block of one, of more than 4,096 pixels along x or y, or a volume of more than 2^26 voxels, is made
/// and stored in blocks of at most 4,096 x 4,096 pixels or slabs of at least 32 layers, in the memory of one and what it
/// depends on. The callback is called between blocks, and counts them. If the call is cancelled, fails or is killed, whole blocks stay. The next call that adds this realisation, as large
/// and with the same seed, goes on behind them: call again without `replace`, with `first` the index of this realisation.
///
/// A process that is killed on the way leaves all earlier realisations, and perhaps `path` with `.davegan-journal` appended:
/// a journal with which the next call completes what was begun.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` if an option is out of range or the file already holds a realisation of that
/// index (set `replace` or a larger `first`), `DAVEGAN_IO` if the file cannot be written or is open elsewhere, also in
/// another call, `DAVEGAN_FORMAT` if it is no HDF5 file, a model file, or holds realisations of another model, seed or
/// voxel size, `DAVEGAN_CANCELLED` if the callback asked to stop. May be called from any thread; two calls at once need
/// two files.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_generate(
    model: *const davegan_model_t,
    path: *const c_char,
    group: *const c_char,
    options: *const davegan_generate_options_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above.
        let (model, path, group, options) = unsafe {
            let model = &reference(model, "model")?.0;
            let group = optional_text(group, "group")?;
            (model, pointers::path(path, "path")?, group, davegan_generate_options_t::read(options)?)
        };
        let mut tell = options.listener(host, "generating")?;
        let (options, file_options) = (options.of_model(model)?, options.file(group)?);
        generate_to_file(model, path, &options, &file_options, &mut tell)
    })
}

/// Makes realisations, or a block of each, in the caller's memory: `count * nz * ny * nx` bytes of phase numbers, x fastest.
///
/// Of `options`, those before `replace` and from `volume_fraction` on are used; NULL means the defaults: one
/// realisation. Fails with `DAVEGAN_INVALID_PARAMETER` for an option out of range, `DAVEGAN_BUFFER_SIZE` if `capacity` ends
/// before the last row. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_generate_into(
    model: *const davegan_model_t,
    options: *const davegan_generate_options_t,
    phases: *mut u8,
    capacity: usize,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: as above.
        let (model, raw) = unsafe { (&reference(model, "model")?.0, davegan_generate_options_t::read(options)?) };
        let options = raw.of_model(model)?;
        options.validate()?;
        let extent = options.extent_of(model)?;
        let ([nz, ny, nx], [row, layer, realisation]) = (extent, raw.strides(extent)?);
        let voxels = elements(&[options.count - 1, realisation], "the realisations")?
            .checked_add(layer * (nz - 1) + row * (ny - 1) + nx)
            .ok_or_else(|| Error::invalid("the realisations have more bytes than can be counted; ask for fewer"))?;
        // SAFETY: as above.
        let mut buffer = unsafe { Buffer::new(phases, capacity, voxels, &options.in_words(extent)) }?;
        if voxels == options.count * nz * ny * nx {
            return generation::generate_into(model, &options, buffer.zeroed());
        }
        let pool = model.thread_pool(options.threads)?;
        generation::generate_batches(
            model,
            &options,
            &pool,
            || Ok(()),
            |first, images| {
                for (index, image) in (first - options.first..).zip(images.as_slice().chunks_exact(nz * ny * nx)) {
                    for (number, voxels) in image.chunks_exact(nx).enumerate() {
                        let place = index as usize * realisation + number / ny * layer + number % ny * row;
                        buffer.put(place, voxels);
                    }
                }
                Ok(())
            },
        )
    })
}

/// Finds what gives realisation `first` the `volume_fraction` of `options`, once for all its blocks.
///
/// Of `options`, `seed`, `first`, `nx`, `ny`, `nz`, `threads`, `volume_fraction` and its deviation are used, and what
/// concerns progress. `threshold`, which may be the one in `options`, then serves for calls with the same values of these, but
/// for `threads`, and `count` = 1. So one process finds it and sends it to the others, and each makes its block. The
/// realisation is made several times for it, in blocks of at most 4096 x 4096 pixels or, of a volume, in slabs of about 2^26
/// voxels. How often is not known before, so the callback sees step 0 of 1 until the end, and can cancel.
///
/// Fails with `DAVEGAN_INVALID_PARAMETER` for an option out of range or without `volume_fraction`, `DAVEGAN_CANCELLED` if the
/// callback asked to stop; `threshold` is then all 0. May be called from any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_volume_fraction_threshold(
    model: *const davegan_model_t,
    options: *const davegan_generate_options_t,
    threshold: *mut davegan_threshold_t,
) -> davegan_status_t {
    guard_with_host(|host| {
        // SAFETY: as above. Options are copied before the threshold, which may lie in them, is written.
        let (raw, place, model) = unsafe {
            let raw = davegan_generate_options_t::read(options);
            let place = Place::new(threshold, davegan_threshold_t::NONE, "threshold")?;
            (raw?, place, &reference(model, "model")?.0)
        };
        let raw = davegan_generate_options_t { threshold: davegan_threshold_t::NONE, ..raw };
        let mut tell = raw.listener(host, "finding volume fractions")?;
        let found = generation::threshold(model, &raw.of_model(model)?, raw.progress_interval, &mut tell)?;
        place.set(davegan_threshold_t::new(&found)?);
        Ok(())
    })
}
