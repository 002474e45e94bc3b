//! The C interface from outside, as a C program would call it: what only shows when guard, pointers, options and library
//! come together.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::PathBuf;
use std::ptr::{null, null_mut};
use std::thread::ThreadId;

use davegan::c_api::*;

/// The message of the last failure.
fn message() -> String {
    // SAFETY: valid until the next failing call of this thread.
    unsafe { CStr::from_ptr(davegan_last_error()) }.to_str().unwrap().to_owned()
}

#[track_caller]
fn succeeds(status: davegan_status_t) {
    assert_eq!(status, DAVEGAN_OK, "{}", message());
}

#[track_caller]
fn fails(status: davegan_status_t, expected: davegan_status_t, words: &str) {
    assert_eq!(status, expected, "{}", message());
    assert!(message().contains(words), "{:?} does not tell {words:?}", message());
}

/// A path in a folder of this test run that belongs to the test `name` alone.
fn path(name: &str) -> CString {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    CString::new(path.to_str().unwrap()).unwrap()
}

/// `init` fills a struct of its own size.
fn options<T>(init: impl FnOnce(*mut T, usize) -> davegan_status_t) -> T {
    let mut options = std::mem::MaybeUninit::uninit();
    succeeds(init(options.as_mut_ptr(), size_of::<T>()));
    // SAFETY: the initialiser succeeded.
    unsafe { options.assume_init() }
}

fn discs() -> *mut davegan_micrograph_t {
    // SAFETY: as the header asks.
    let mut options = options(|o, size| unsafe { davegan_sample_options_init(o, size, DAVEGAN_SAMPLE_DISCS) });
    (options.nx, options.ny) = (64, 64);
    let mut micrograph = null_mut();
    // SAFETY: as above.
    succeeds(unsafe { davegan_micrograph_sample(&options, &mut micrograph) });
    micrograph
}

/// What a callback has seen, and when it is to stop.
struct Watch {
    thread: ThreadId,
    steps: Vec<i64>,
    stop_at: i64,
    environment: fn() -> i32,
    environments: Vec<i32>,
}

impl Watch {
    fn new(stop_at: i64, environment: fn() -> i32) -> Self {
        Self { thread: std::thread::current().id(), steps: Vec::new(), stop_at, environment, environments: Vec::new() }
    }
}

unsafe extern "C" fn watch(progress: *const davegan_progress_t, user_data: *mut c_void) -> i32 {
    // SAFETY: the tests hand over a Watch.
    let (progress, watch) = unsafe { (&*progress, &mut *user_data.cast::<Watch>()) };
    watch.steps.push(if watch.thread == std::thread::current().id() { progress.step } else { -1 });
    watch.environments.push((watch.environment)());
    i32::from(progress.step >= watch.stop_at)
}

/// Trains three steps on discs.
fn train(model: &CStr, watched: &mut Watch) -> davegan_status_t {
    let micrograph = discs();
    // SAFETY: as the header asks.
    unsafe {
        let mut options = options(|o, size| davegan_train_options_init(o, size, DAVEGAN_PROFILE_PAPER32));
        (options.steps, options.batch_size) = (3, 2);
        (options.progress_interval, options.threads) = (0.0, 2);
        options.progress = Some(watch);
        options.user_data = (&raw mut *watched).cast();
        let status = davegan_train_micrograph(micrograph, model.as_ptr(), &options, null_mut());
        davegan_micrograph_free(micrograph);
        status
    }
}

fn load(path: &CStr) -> *mut davegan_model_t {
    let mut model = null_mut();
    // SAFETY: as the header asks.
    succeeds(unsafe { davegan_model_load(path.as_ptr(), DAVEGAN_DEVICE_KIND_AUTO, 0, &mut model) });
    model
}

#[test]
fn from_a_micrograph_to_realisations_and_errors() {
    let path = path("whole_way.h5");
    let mut watched = Watch::new(99, || 0);
    succeeds(train(&path, &mut watched));
    assert_eq!(watched.steps, [1, 2, 3]);

    let model = load(&path);
    // SAFETY: as the header asks.
    unsafe {
        let info = options(|info, size| davegan_model_info(model, info, size));
        assert_eq!((info.profile, info.n_phases, info.latent_size), (DAVEGAN_PROFILE_PAPER32, 2, 5));
        assert_eq!((info.nz, info.ny, info.nx, info.n_tiles), (1, 32, 32, 4));
        assert_eq!((info.steps, info.steps_planned, info.n_history), (3, 3, 0));
        assert!((info.volume_fraction.iter().sum::<f64>() - 1.0).abs() < 1e-12);

        let mut wanted = options(|o, size| davegan_generate_options_init(o, size));
        (wanted.seed, wanted.first, wanted.count) = (7, 3, 2);
        let mut phases = [9u8; 2 * 1024 + 1];
        succeeds(davegan_generate_into(model, &wanted, phases.as_mut_ptr(), phases.len()));
        assert_eq!(phases[2 * 1024], 9, "nothing is written behind the realisations");

        let (mut z, mut decoded) = ([0.0; 10], [9u8; 2 * 1024]);
        succeeds(davegan_latent_vectors(model, &wanted, z.as_mut_ptr(), 10));
        succeeds(davegan_decode(model, z.as_ptr(), 2, 1, 32, 32, decoded.as_mut_ptr(), decoded.len()));
        assert_eq!(decoded[..], phases[..2 * 1024], "the latent vectors are those of the realisations");

        let (mut mean, mut reconstructed) = ([0.0; 10], [9u8; 2 * 1024]);
        succeeds(davegan_encode(model, decoded.as_ptr(), 2, 1, 32, 32, mean.as_mut_ptr(), null_mut(), 10));
        succeeds(davegan_reconstruct(model, decoded.as_ptr(), 2, 1, 32, 32, reconstructed.as_mut_ptr(), 2048));
        let mut line = [9u8; 3 * 1024];
        let other = decoded.as_ptr().add(1024);
        succeeds(davegan_interpolate(model, decoded.as_ptr(), other, 3, 1, 32, 32, line.as_mut_ptr(), line.len()));
        assert_eq!(line[..1024], reconstructed[..1024]);
        assert_eq!(line[2048..], reconstructed[1024..]);
        succeeds(davegan_traverse(model, z.as_ptr(), 4, 3, 3.0, 1, 32, 32, line.as_mut_ptr(), line.len()));

        let mut evaluation = options(|e, size| davegan_evaluate(model, -1, &wanted, e, size));
        assert_eq!((evaluation.phase, evaluation.count), (info.minority_phase, 2));
        evaluation.e_gen -= nearest_tile_error(model, &phases, &info);
        assert!(evaluation.e_gen.abs() < 1e-12, "{}", evaluation.e_gen);
        davegan_model_free(model);
    }
}

/// E_gen of two realisations from single errors.
fn nearest_tile_error(model: *const davegan_model_t, phases: &[u8], info: &davegan_model_info_t) -> f64 {
    let mut tiles = vec![0u8; info.n_tiles as usize * 1024];
    // SAFETY: as the header asks.
    succeeds(unsafe { davegan_model_tiles(model, tiles.as_mut_ptr(), tiles.len()) });
    let nearest = |realisation: &[u8]| {
        let errors = tiles.chunks(1024).map(|tile| {
            let mut error = 0.0;
            let (a, b, phase) = (realisation.as_ptr(), tile.as_ptr(), info.minority_phase);
            // SAFETY: as above.
            succeeds(unsafe { davegan_s2_error(a, b, 1, 32, 32, phase, null(), &mut error) });
            error
        });
        errors.fold(f64::INFINITY, f64::min)
    };
    (nearest(&phases[..1024]) + nearest(&phases[1024..2048])) / 2.0
}

#[test]
fn a_callback_cancels_and_the_work_so_far_is_kept() {
    let model = path("cancelled.h5");
    let mut watched = Watch::new(2, || 0);
    fails(train(&model, &mut watched), DAVEGAN_CANCELLED, "step 2 of 3");
    assert_eq!(watched.steps, [1, 2]);
    let model = load(&model);
    // SAFETY: as the header asks.
    unsafe {
        let info = options(|info, size| davegan_model_info(model, info, size));
        assert_eq!((info.steps, info.steps_planned), (2, 3));
        davegan_model_free(model);
    }
}

#[test]
fn s2_and_its_radial_average() {
    let image = [0u8, 1, 0, 1, 0, 1, 0, 1];
    let mut map = [9.0; 8];
    let (mut radius, mut average, mut needed) = ([9.0; 4], [9.0; 4], 9);
    // SAFETY: as the header asks.
    unsafe {
        succeeds(davegan_s2(image.as_ptr(), 1, 2, 4, 1, null(), map.as_mut_ptr(), 8));
        assert_eq!(map, [0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0]);
        let status = davegan_s2_radial(image.as_ptr(), 1, 2, 4, 1, null(), null_mut(), null_mut(), 0, &mut needed);
        fails(status, DAVEGAN_BUFFER_SIZE, "holds 0 elements, but must hold 3");
        assert_eq!(needed, 3);
        let (radius_to, average_to) = (radius.as_mut_ptr(), average.as_mut_ptr());
        succeeds(davegan_s2_radial(image.as_ptr(), 1, 2, 4, 1, null(), radius_to, average_to, 4, &mut needed));
        assert_eq!((radius, average[0], average[3]), ([0.0, 1.0, 2.0, 9.0], 0.5, 9.0));

        let mut error = 9.0;
        let image = image.as_ptr();
        fails(davegan_s2_error(image, image, 1, 2, 4, 8, null(), &mut error), DAVEGAN_INVALID_PARAMETER, "phase 8");
        assert_eq!(error, 0.0);
        fails(davegan_s2_error(image, image, 1, 2, 4, 300, null(), &mut error), DAVEGAN_INVALID_PARAMETER, "300");
        fails(davegan_s2_error(image, image, 1, 0, 4, 1, null(), &mut error), DAVEGAN_INVALID_PARAMETER, "at least 1");
        let huge = usize::MAX;
        fails(davegan_s2_error(image, image, 2, huge, 4, 1, null(), &mut error), DAVEGAN_INVALID_PARAMETER, "x 4");
        let mut s2 = options(|o, size| davegan_s2_options_init(o, size));
        s2.max_lag = -1;
        fails(davegan_s2_error(image, image, 1, 2, 4, 1, &s2, &mut error), DAVEGAN_INVALID_PARAMETER, "max_lag is -1");
    }
}

#[test]
fn null_pointers_are_named_and_results_emptied() {
    let name = c"x".as_ptr();
    let invalid = DAVEGAN_INVALID_PARAMETER;
    // SAFETY: NULL is checked.
    unsafe {
        let mut micrograph = std::ptr::dangling_mut();
        fails(davegan_micrograph_read(null(), null(), null(), &mut micrograph), invalid, "path is NULL");
        assert!(micrograph.is_null());
        fails(davegan_micrograph_read(name, null(), null(), null_mut()), invalid, "micrograph is NULL");
        fails(davegan_micrograph_sample(null(), &mut micrograph), invalid, "options is NULL");
        fails(davegan_micrograph_from_memory(null(), 1, 2, 2, &mut micrograph), invalid, "phases is NULL");
        fails(davegan_micrograph_write(null(), name, name), invalid, "micrograph is NULL");
        fails(davegan_train(name, null(), null(), null(), null_mut()), invalid, "path and model are both NULL");
        fails(davegan_train_options_init(null_mut(), 999, 1), invalid, "options is NULL");
        let mut model = std::ptr::dangling_mut();
        fails(davegan_model_load(null(), 0, 0, &mut model), invalid, "path is NULL");
        assert!(model.is_null());
        fails(davegan_generate(null(), name, null(), null()), invalid, "model is NULL");
        fails(davegan_evaluate(null(), 0, null(), null_mut(), 0), invalid, "evaluation is NULL");
        let mut info = davegan_model_info_t { steps: 9, ..std::mem::zeroed() };
        fails(davegan_model_info(null(), &mut info, size_of_val(&info)), invalid, "model is NULL");
        assert_eq!(info.steps, 0);
        davegan_micrograph_free(null_mut());
        davegan_model_free(null_mut());

        let discs = discs();
        fails(davegan_micrograph_phases(discs, null_mut(), 64 * 64), invalid, "phases is NULL");
        fails(davegan_micrograph_phases(discs, null_mut(), 64), DAVEGAN_BUFFER_SIZE, "must hold 4096");
        fails(davegan_micrograph_parameters(discs, null_mut(), 0), invalid, "has no parameters");
        davegan_micrograph_free(discs);
    }
}

#[test]
fn wrong_files_and_options_have_their_status() {
    let missing = path("missing.h5");
    let text = path("text.h5");
    std::fs::write(text.to_str().unwrap(), "not HDF5").unwrap();
    let mut model = null_mut();
    let mut micrograph = null_mut();
    // SAFETY: as the header asks.
    unsafe {
        fails(davegan_model_load(missing.as_ptr(), 0, 0, &mut model), DAVEGAN_IO, "missing.h5");
        fails(davegan_model_load(text.as_ptr(), 0, 0, &mut model), DAVEGAN_FORMAT, "text.h5");
        fails(davegan_model_load(missing.as_ptr(), 9, 0, &mut model), DAVEGAN_INVALID_PARAMETER, "device = 9");
        let read = |path: *const c_char, micrograph| davegan_micrograph_read(path, null(), null(), micrograph);
        fails(read(missing.as_ptr(), &mut micrograph), DAVEGAN_IO, "missing.h5");
        fails(read(text.as_ptr(), &mut micrograph), DAVEGAN_FORMAT, "text.h5");
        let mut wrong = options(|o, size| davegan_train_options_init(o, size, DAVEGAN_PROFILE_PAPER64));
        wrong.learning_rate_encoder = f64::NAN;
        let discs = discs();
        let train = |o| davegan_train_micrograph(discs, missing.as_ptr(), o, null_mut());
        fails(train(&wrong), DAVEGAN_INVALID_PARAMETER, "learning_rate_encoder = NaN");
        wrong.struct_size = 3;
        fails(train(&wrong), DAVEGAN_INVALID_PARAMETER, "struct_size of davegan_train_options_t is 3");
        davegan_micrograph_free(discs);
    }
    assert!(!PathBuf::from(missing.to_str().unwrap()).exists());
}

/// The host runs with traps, as Fortran does with `-ffpe-trap`; they can be set on x86-64 with the GNU C library only.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[test]
fn a_host_with_floating_point_traps_survives_training_and_keeps_them() {
    use std::ffi::c_int;

    // Invalid, division by zero, overflow, underflow and inexact: the last is raised by nearly every operation.
    const TRAPS: c_int = 0x3d;
    unsafe extern "C" {
        fn feenableexcept(exceptions: c_int) -> c_int;
        fn fedisableexcept(exceptions: c_int) -> c_int;
        fn fegetexcept() -> c_int;
    }

    let model = path("traps.h5");
    // SAFETY: this function only reads the environment of this thread.
    let mut watched = Watch::new(99, || unsafe { fegetexcept() });
    let mut error = 0.0;
    // SAFETY: as the header asks; the traps are those of this thread.
    let (training, s2, traps) = unsafe {
        feenableexcept(TRAPS);
        let training = train(&model, &mut watched);
        let images = [[0u8, 0, 1, 0, 1, 1], [0, 1, 1, 0, 1, 1]];
        let s2 = davegan_s2_error(images[0].as_ptr(), images[1].as_ptr(), 1, 2, 3, 1, null(), &mut error);
        (training, s2, fedisableexcept(TRAPS))
    };
    succeeds(training);
    succeeds(s2);
    assert_eq!(traps, TRAPS);
    assert_eq!(watched.environments, [TRAPS; 3]);
}
