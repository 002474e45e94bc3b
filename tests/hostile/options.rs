//! Options, names and texts of any content through the C interface.

use std::ffi::{CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use davegan::c_api::*;

use crate::seeds::trained;
use crate::targets::file;

/// Bytes of an image of the micrograph and of a realisation.
const SIDE: usize = 64;
const PIXELS: usize = SIDE * SIDE;

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// Bits of a number or two: small, at the limits, or any.
    fn word(&mut self) -> [u8; 8] {
        let small = i64::from(self.byte());
        match self.byte() % 12 {
            0 => small.to_ne_bytes(),
            1 => (-small).to_ne_bytes(),
            2 => i64::MAX.to_ne_bytes(),
            3 => i64::MIN.to_ne_bytes(),
            4 => (1i64 << (small % 63)).to_ne_bytes(),
            5 => f64::NAN.to_ne_bytes(),
            6 => f64::INFINITY.to_ne_bytes(),
            7 => (small as f64 / 16.0).to_ne_bytes(),
            8 => (-f64::MIN_POSITIVE).to_ne_bytes(),
            9 => f64::MAX.to_ne_bytes(),
            _ => std::array::from_fn(|_| self.byte()),
        }
    }

    fn number(&mut self) -> i64 {
        i64::from_ne_bytes(self.word())
    }

    fn text(&mut self) -> CString {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        CString::new(text.iter().map(|&byte| byte.max(1)).collect::<Vec<_>>()).unwrap()
    }

    /// Changes numbers of a struct of options, but for its size.
    fn change<T: Copy>(&mut self, options: &mut T) {
        for _ in 0..self.byte() % 5 {
            let halves = size_of::<T>() / 4 - 2;
            let at = 8 + 4 * (usize::from(self.byte()) % halves);
            let word = self.word();
            let length = if self.byte().is_multiple_of(2) { 4 } else { 8 }.min(size_of::<T>() - at);
            // SAFETY: within the struct, which is of numbers, pointers and functions; the latter two are set after this.
            unsafe { (&raw mut *options).cast::<u8>().add(at).copy_from_nonoverlapping(word.as_ptr(), length) };
        }
    }
}

/// A valid number that would take long becomes a smaller one.
fn at_most(number: &mut i64, most: i64) {
    if (most..=1 << 28).contains(number) {
        *number = most;
    }
}

fn few(number: &mut i32, most: i32) {
    if (most..=1 << 16).contains(number) {
        *number = most;
    }
}

unsafe extern "C" fn stop(_: *const davegan_progress_t, _: *mut c_void) -> i32 {
    1
}

/// No call has a defect, and one that fails says why.
fn said(status: davegan_status_t) {
    // SAFETY: the message is valid until the next failing call.
    let text = unsafe { std::ffi::CStr::from_ptr(davegan_last_error()) }.to_string_lossy();
    assert_ne!(status, DAVEGAN_INTERNAL, "{text}");
    assert!(status == DAVEGAN_OK || !text.is_empty());
}

fn path(name: &str) -> CString {
    CString::new(file(name).as_os_str().as_bytes()).unwrap()
}

fn options_of<T>(init: impl FnOnce(*mut T, usize) -> davegan_status_t) -> T {
    let mut options = std::mem::MaybeUninit::uninit();
    assert_eq!(init(options.as_mut_ptr(), size_of::<T>()), DAVEGAN_OK);
    // SAFETY: the initialiser has succeeded.
    unsafe { options.assume_init() }
}

/// Handles that live as long as the process.
struct Handles {
    micrograph: *mut davegan_micrograph_t,
    model: *mut davegan_model_t,
}
// SAFETY: handles may be used from any thread.
unsafe impl Send for Handles {}
// SAFETY: as above.
unsafe impl Sync for Handles {}

fn handles() -> &'static Handles {
    static HANDLES: OnceLock<Handles> = OnceLock::new();
    HANDLES.get_or_init(|| {
        let phases: Vec<u8> = (0..PIXELS).map(|pixel| (pixel % SIDE / 5 + pixel / SIDE / 7) as u8 % 2).collect();
        let mut handles = Handles { micrograph: null_mut(), model: null_mut() };
        let model = CString::new(trained().1.as_os_str().as_bytes()).unwrap();
        // SAFETY: as the header asks.
        unsafe {
            said(davegan_micrograph_from_memory(phases.as_ptr(), 1, SIDE, SIDE, &mut handles.micrograph));
            said(davegan_model_load(model.as_ptr(), DAVEGAN_DEVICE_KIND_CPU, 0, &mut handles.model));
        }
        handles
    })
}

/// What a host does with a model that was accepted.
pub fn use_model(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let (mut model, mut phases) = (null_mut(), vec![0u8; PIXELS]);
    // SAFETY: as the header asks.
    unsafe {
        said(davegan_model_load(path.as_ptr(), DAVEGAN_DEVICE_KIND_CPU, 0, &mut model));
        let mut info = std::mem::MaybeUninit::<davegan_model_info_t>::uninit();
        said(davegan_model_info(model, info.as_mut_ptr(), size_of::<davegan_model_info_t>()));
        let mut options = options_of(|options, size| davegan_generate_options_init(options, size));
        options.threads = 1;
        said(davegan_generate_into(model, &options, phases.as_mut_ptr(), phases.len()));
        said(davegan_model_tiles(model, phases.as_mut_ptr(), phases.len()));
        davegan_model_free(model);
    }
}

/// One call, whose arguments `data` decides.
pub fn options(data: &[u8]) {
    let mut input = Input(data);
    // SAFETY: pointers are valid or NULL, and lengths those of what they point to.
    unsafe {
        match input.byte() % 12 {
            0 => train(&mut input, None),
            1 => {
                let text = input.text();
                train(&mut input, Some(text));
            }
            2 => generate_into(&mut input),
            3 => generate(&mut input),
            4 => read(&mut input),
            5 => sample(&mut input),
            6 => correlate(&mut input),
            7 => relax(&mut input),
            8 => export(&mut input),
            9 => write(&mut input),
            10 => traverse(&mut input),
            _ => sizes(&mut input),
        }
    }
}

unsafe fn train(input: &mut Input, text: Option<CString>) {
    unsafe {
        let mut options = options_of(|o, size| davegan_train_options_init(o, size, DAVEGAN_PROFILE_PAPER32));
        (options.steps, options.batch_size, options.threads) = (1, 2, 1);
        input.change(&mut options);
        few(&mut options.threads, 2);
        few(&mut options.batch_size, 4);
        few(&mut options.latent_size, 8);
        if options.progress_interval > 0.0 {
            options.progress_interval = 0.0;
        }
        if options.profile != DAVEGAN_PROFILE_PAPER32 {
            options.batch_size = -1; // the others take long
        }
        (options.progress_bar, options.user_data) = (0, null_mut());
        options.progress = Some(stop);
        options.paper_options = text.as_ref().map_or(null(), |text| text.as_ptr());
        let mut model = null_mut();
        said(davegan_train_micrograph(handles().micrograph, null(), &options, &mut model));
        davegan_model_free(model);
    }
}

unsafe fn generation(input: &mut Input) -> davegan_generate_options_t {
    let mut options = options_of(|o, size| unsafe { davegan_generate_options_init(o, size) });
    options.threads = 1;
    input.change(&mut options);
    few(&mut options.threads, 2);
    (options.progress_bar, options.progress, options.user_data) = (0, None, null_mut());
    options
}

unsafe fn generate_into(input: &mut Input) {
    unsafe {
        let options = generation(input);
        let (mut phases, mut z) = (vec![0u8; PIXELS], vec![0.0; 64]);
        said(davegan_generate_into(handles().model, &options, phases.as_mut_ptr(), phases.len()));
        said(davegan_latent_vectors(handles().model, &options, z.as_mut_ptr(), z.len()));
        let mut threshold = std::mem::MaybeUninit::uninit();
        said(davegan_volume_fraction_threshold(handles().model, &options, threshold.as_mut_ptr()));
    }
}

unsafe fn generate(input: &mut Input) {
    unsafe {
        let mut options = generation(input);
        at_most(&mut options.count, 2);
        if options.count > 2 {
            // Any number is valid, and takes its time.
            options.progress = Some(stop);
            options.progress_interval = 0.0;
        }
        let (group, path) = (input.text(), path("generated.h5"));
        let _ = std::fs::remove_file(file("generated.h5"));
        said(davegan_generate(handles().model, path.as_ptr(), group.as_ptr(), &options));
        said(davegan_generate(handles().model, path.as_ptr(), group.as_ptr(), &options));
    }
}

unsafe fn read(input: &mut Input) {
    unsafe {
        let path = path("read.h5");
        static WRITTEN: OnceLock<()> = OnceLock::new();
        WRITTEN.get_or_init(|| said(davegan_micrograph_write(handles().micrograph, path.as_ptr(), c"a/m".as_ptr())));
        let mut options = options_of(|o, size| davegan_micrograph_options_init(o, size));
        input.change(&mut options);
        let (name, mut read) = (input.text(), null_mut());
        let name = if input.byte().is_multiple_of(2) { null() } else { name.as_ptr() };
        said(davegan_micrograph_read(path.as_ptr(), name, &options, &mut read));
        davegan_micrograph_free(read);
    }
}

unsafe fn sample(input: &mut Input) {
    unsafe {
        let kind = i32::from(input.byte() % 7);
        let mut options = std::mem::MaybeUninit::<davegan_sample_options_t>::uninit();
        if davegan_sample_options_init(options.as_mut_ptr(), size_of::<davegan_sample_options_t>(), kind) != DAVEGAN_OK
        {
            return;
        }
        let mut options = options.assume_init();
        (options.nx, options.ny) = (48, 48);
        input.change(&mut options);
        at_most(&mut options.nx, 48);
        at_most(&mut options.ny, 48);
        at_most(&mut options.nz, 24);
        at_most(&mut options.count, 2);
        let mut made = null_mut();
        said(davegan_micrograph_sample(&options, &mut made));
        davegan_micrograph_free(made);
    }
}

/// Some phases of the micrograph.
fn phases() -> Vec<u8> {
    let mut phases = vec![0u8; PIXELS];
    // SAFETY: as many bytes as the micrograph has pixels.
    said(unsafe { davegan_micrograph_phases(handles().micrograph, phases.as_mut_ptr(), PIXELS) });
    phases
}

unsafe fn correlate(input: &mut Input) {
    unsafe {
        let mut options = options_of(|o, size| davegan_s2_options_init(o, size));
        input.change(&mut options);
        let (image, phase) = (phases(), input.number() as i32);
        let (mut map, mut radius, mut needed) = (vec![0.0; 4 * PIXELS], vec![0.0; 256], 0);
        said(davegan_s2(image.as_ptr(), 1, SIDE, SIDE, phase, &options, map.as_mut_ptr(), map.len()));
        let (to, length) = (radius.as_mut_ptr(), radius.len());
        said(davegan_s2_radial(
            image.as_ptr(),
            1,
            SIDE,
            SIDE,
            phase,
            &options,
            to,
            map.as_mut_ptr(),
            length,
            &mut needed,
        ));
        let mut error = 0.0;
        said(davegan_s2_error(image.as_ptr(), image.as_ptr(), 1, SIDE, SIDE, phase, &options, &mut error));
    }
}

unsafe fn relax(input: &mut Input) {
    unsafe {
        let mut options = options_of(|o, size| davegan_relax_options_init(o, size));
        options.threads = 1;
        input.change(&mut options);
        few(&mut options.sweeps, 2);
        few(&mut options.threads, 2);
        (options.progress_bar, options.progress, options.user_data) = (0, None, null_mut());
        let mut images = phases();
        let side = usize::from(input.byte()) % (SIDE + 1);
        said(davegan_relax(handles().micrograph, &options, images.as_mut_ptr(), 1, 1, side, side));
    }
}

unsafe fn export(input: &mut Input) {
    unsafe {
        let mut options = options_of(|o, size| davegan_export_options_init(o, size));
        input.change(&mut options);
        let image = phases();
        let [nz, ny, nx] = [(); 3].map(|()| usize::from(input.byte()) % 16);
        let calls = [
            davegan_export_vti,
            davegan_export_npy,
            davegan_export_tiff,
            davegan_export_dream3d,
            davegan_export_abaqus,
            davegan_export_xdmf,
        ];
        for (number, call) in calls.into_iter().enumerate() {
            said(call(path(&format!("exported{number}")).as_ptr(), image.as_ptr(), nz, ny, nx, &options));
        }
    }
}

unsafe fn write(input: &mut Input) {
    unsafe {
        let _ = std::fs::remove_file(file("written.h5"));
        let (path, image) = (path("written.h5"), phases());
        for _ in 0..2 {
            let name = input.text();
            let [n, nz, ny, nx] = [(); 4].map(|()| usize::from(input.byte()) % 8);
            said(davegan_write_images(path.as_ptr(), name.as_ptr(), image.as_ptr(), n, nz, ny, nx));
            said(davegan_micrograph_write(handles().micrograph, path.as_ptr(), name.as_ptr()));
        }
    }
}

unsafe fn traverse(input: &mut Input) {
    unsafe {
        let z = [0.5; 2];
        let mut images = vec![0u8; PIXELS];
        let (dimension, n, range) = (input.number() as i32, input.number() as usize, f64::from_ne_bytes(input.word()));
        let (to, length, tile) = (images.as_mut_ptr(), PIXELS, SIDE / 2);
        said(davegan_traverse(handles().model, z.as_ptr(), dimension, n, range, 1, tile, tile, to, length));
        let z = [f64::from_ne_bytes(input.word()), f64::from_ne_bytes(input.word())];
        said(davegan_decode(handles().model, z.as_ptr(), 1, 1, tile, tile, to, length));
    }
}

/// Sizes of structs and buffers.
unsafe fn sizes(input: &mut Input) {
    unsafe {
        let mut options = options_of(|o, size| davegan_generate_options_init(o, size));
        options.struct_size = (input.number() as usize).min(size_of_val(&options));
        let mut phases = vec![0u8; PIXELS];
        said(davegan_generate_into(handles().model, &options, phases.as_mut_ptr(), usize::from(input.byte())));
        let [n, nz, ny, nx] = [(); 4].map(|()| input.number() as usize);
        // Lengths that multiply to less than the address space would be a promise of memory.
        let huge = |lengths: &[usize]| {
            lengths.iter().try_fold(1usize, |all, &length| all.checked_mul(length)).is_none_or(|all| all > 1 << 60)
        };
        let mut result = 0.0;
        if huge(&[nz, ny, nx]) {
            said(davegan_s2_error(phases.as_ptr(), phases.as_ptr(), nz, ny, nx, 1, null(), &mut result));
        }
        if huge(&[n, nz, ny, nx]) {
            said(davegan_encode(handles().model, phases.as_ptr(), n, nz, ny, nx, &mut result, null_mut(), 1));
        }
    }
}
