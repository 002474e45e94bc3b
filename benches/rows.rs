//! Our side of the table of speeds (docs/speed.md): measures one thing a call and prints one number with its unit.
//!
//! `benches/peers.sh` runs it. Everything is made from built-in samples, so that no data is needed.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use davegan::descriptor::PairCounts;
use davegan::generation::{GenerationOptions, generate_into, realisations};
use davegan::micrograph::{GaussianField, GrainBoundaries, Micrograph, PhaseImages, Sample};
use davegan::network::Profile;
use davegan::relaxation::{RelaxationOptions, Weights, relax};
use davegan::storage::{read_model, train_to_file};
use davegan::training::{RunOptions, TrainingOptions};
use davegan::{Device, Error, Result, Simulated, simulate};
use pulp::{Arch, Simd, WithSimd};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const USAGE: &str = "usage:
  rows train PROFILE BATCH THREADS STEPS   median time of a training step
  rows run THREADS STEPS                   time of a whole call to train, Table 3, checkpoints included
  rows memory THREADS STEPS                peak resident memory of a process that trains, Table 3
  rows model PATH                          writes a model of Table 3 after one step
  rows generate MODEL COUNT THREADS [DEVICE]
                                           time of an image of one call for COUNT
  rows element PROFILE SIDE THREADS [DEVICE]
                                           time of an image of profile standard, or a volume of volume, not relaxed
  rows scaling PROFILE BATCH STEPS         times of training steps by the number of threads, simulated
  rows relax AXES SIDE THREADS FOLDER      time of four sweeps over an image, or a volume; FOLDER gets it and the micrograph, as bytes
  rows step PROFILE BATCH STEPS DEVICE     mean time of a training step, on a device that works on while the host does
  rows first MODEL                         time to load the model and make one realisation
  rows s2 COUNT THREADS                    time of an image when one is compared with COUNT others
  rows peak                                what one thread can multiply and add in registers alone
  rows handover                            how long a cache line takes from one core to another";

/// Steps before the clock starts: memory is warm by then, and the other threads are awake.
const WARM_UP: usize = 30;

/// The same where calls are compared.
const WARM_UP_OF_CALL: usize = 3;

/// Calls are repeated for so long, at least [`MIN_CALLS`] times.
const PATIENCE: Duration = Duration::from_secs(1);
const MIN_CALLS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().unwrap_or_else(|_| fail(&format!("{text} is no number\n{USAGE}")));
    let measured = match arguments[..] {
        // `cargo bench` without arguments runs every benchmark.
        [] => Ok(USAGE.to_owned()),
        ["train", profile, batch, threads, steps] => match Profile::from_name(profile) {
            Some(profile) => step(profile, number(batch), number(threads), number(steps)),
            None => fail(USAGE),
        },
        ["run", threads, steps] => run(number(threads), number(steps)),
        ["memory", threads, steps] => run(number(threads), number(steps)).map(|_| peak_memory()),
        ["model", path] => write_model(Path::new(path)),
        ["generate", model, count, threads, ref name @ ..] => {
            generate(Path::new(model), number(count), number(threads), device_or_cpu(name))
        }
        ["element", profile, side, threads, ref name @ ..] => match Profile::from_name(profile) {
            Some(profile) => element(profile, number(side), number(threads), device_or_cpu(name)),
            None => fail(USAGE),
        },
        ["scaling", profile, batch, steps] => match Profile::from_name(profile) {
            Some(profile) => scaling(profile, number(batch), number(steps)),
            None => fail(USAGE),
        },
        ["relax", axes, side, threads, folder] => {
            relaxation(number(axes), number(side), number(threads), Path::new(folder))
        }
        ["step", profile, batch, steps, name] => match Profile::from_name(profile) {
            Some(profile) => step_on(device(name), profile, number(batch), number(steps)),
            None => fail(USAGE),
        },
        ["first", model] => first(Path::new(model)),
        ["s2", count, threads] => s2(number(count), number(threads)),
        ["peak"] => peak(),
        ["handover"] => Ok(handover()),
        _ => fail(USAGE),
    };
    match measured {
        Ok(line) => println!("{line}"),
        Err(error) => fail(&error.to_string()),
    }
}

/// One of those that are there, as `davegan::Device` prints it: cpu, cuda:0.
fn device(name: &str) -> Device {
    let found: Vec<Device> = davegan::devices().into_iter().map(|found| found.device).collect();
    let named = found.iter().find(|device| device.to_string() == name);
    *named.unwrap_or_else(|| fail(&format!("{name} is not one of {found:?}")))
}

fn device_or_cpu(names: &[&str]) -> Device {
    match names {
        [] => Device::Cpu,
        [name] => device(name),
        _ => fail(USAGE),
    }
}

fn fail(text: &str) -> ! {
    eprintln!("{text}");
    std::process::exit(2)
}

/// The time from one report of progress to the next, with a report after every step.
fn step(profile: Profile, batch_size: usize, threads: usize, steps: usize) -> Result<String> {
    let options = TrainingOptions { batch_size, steps: (steps + WARM_UP) as u64, ..TrainingOptions::new(profile) };
    let run = RunOptions { threads, progress_interval: 0.0, ..run_options() };
    let mut ends = Vec::with_capacity(steps + WARM_UP);
    train_and_forget(&options, &run, &mut || ends.push(Instant::now()))?;
    Ok(milliseconds(median(ends[WARM_UP - 1..].windows(2).map(|pair| pair[1] - pair[0]))))
}

/// How much longer a call with `steps` more takes, the shorter of two calls each: a report of progress does not wait for an
/// accelerator, the end of a call does. The call before them compiles the kernels.
fn step_on(device: Device, profile: Profile, batch_size: usize, steps: usize) -> Result<String> {
    let run = RunOptions { device, ..RunOptions::default() };
    let call = |steps: usize| {
        let options = TrainingOptions { batch_size, steps: steps as u64, ..TrainingOptions::new(profile) };
        let begin = Instant::now();
        train_and_forget(&options, &run, &mut || ()).map(|()| begin.elapsed())
    };
    call(WARM_UP_OF_CALL)?;
    let shorter = |steps| Ok::<_, Error>(call(steps)?.min(call(steps)?));
    match shorter(WARM_UP_OF_CALL + steps)?.checked_sub(shorter(WARM_UP_OF_CALL)?) {
        Some(more) if !more.is_zero() => Ok(milliseconds(more / steps as u32)),
        _ => fail(&format!("{steps} steps take less time than calls differ by: give more")),
    }
}

/// How much longer a call with `steps` more takes, by the number of threads that its work is dealt out to.
fn scaling(profile: Profile, batch_size: usize, steps: usize) -> Result<String> {
    let run = RunOptions { threads: 1, ..run_options() };
    let mut lines = vec!["threads\ttime on one\ttime on all\ttimes as fast".to_owned()];
    for threads in [1, 2, 4, 8, 16, 32, 64] {
        let call = |steps: usize| {
            let options = TrainingOptions { batch_size, steps: steps as u64, ..TrainingOptions::new(profile) };
            let (trained, simulated) = simulate(threads, || train_and_forget(&options, &run, &mut || ()));
            trained.map(|()| simulated)
        };
        let (less, more) = (call(WARM_UP_OF_CALL)?, call(WARM_UP_OF_CALL + steps)?);
        let of_step = |time: fn(&Simulated) -> Duration| time(&more).saturating_sub(time(&less)) / steps as u32;
        let (one, all) = (of_step(|it| it.on_one), of_step(|it| it.on_all));
        let ratio = one.as_secs_f64() / all.as_secs_f64();
        lines.push(format!("{threads}\t{}\t{}\t{ratio:.2}", milliseconds(one), milliseconds(all)));
    }
    Ok(lines.join("\n"))
}

/// A call as a host makes it, with the paper's options but for the number of steps.
fn run(threads: usize, steps: usize) -> Result<String> {
    let options = TrainingOptions { steps: steps as u64, ..TrainingOptions::new(Profile::Paper64) };
    let begin = Instant::now();
    train_and_forget(&options, &RunOptions { threads, ..run_options() }, &mut || ())?;
    Ok(format!("{:.3} s", begin.elapsed().as_secs_f64()))
}

/// Trains to the last step; the calibration of a relaxation behind it is left out.
fn train_and_forget(options: &TrainingOptions, run: &RunOptions, reported: &mut dyn FnMut()) -> Result<()> {
    let path = scratch();
    let result = train_to_file(&micrograph(), Some(&path), options, run, &mut |progress| {
        reported();
        let is_last = progress.step == progress.steps && options.profile.is_fully_convolutional();
        if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    // Where training failed there may be no file.
    let _ = std::fs::remove_file(&path);
    match result {
        Err(Error::Cancelled(_)) => Ok(()),
        other => other.map(drop),
    }
}

fn run_options() -> RunOptions {
    RunOptions { device: Device::Cpu, ..RunOptions::default() }
}

fn micrograph() -> Micrograph {
    Sample::GaussianField(GaussianField::default()).make(1, 1).expect("the default parameters are in range")
}

fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("davegan-rows-{}.h5", std::process::id()))
}

/// `VmHWM`, which Linux alone keeps.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_else(|error| fail(&error.to_string()));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let kibibytes: f64 = peak.and_then(|peak| peak.parse().ok()).unwrap_or_else(|| fail("no VmHWM"));
    format!("{:.1} MB", kibibytes * 1024.0 / 1e6)
}

fn write_model(path: &Path) -> Result<String> {
    let options = TrainingOptions { steps: 1, ..TrainingOptions::new(Profile::Paper64) };
    train_to_file(&micrograph(), Some(path), &options, &run_options(), &mut |_| ControlFlow::Continue(()))?;
    Ok(path.display().to_string())
}

/// A whole call, from drawing latent vectors to phases in the caller's buffer, threads started and joined.
fn generate(model: &Path, count: usize, threads: usize, device: Device) -> Result<String> {
    let model = read_model(model, device)?;
    let options = GenerationOptions { count, threads, ..GenerationOptions::default() };
    let mut buffer = vec![0; count * model.shape().iter().product::<usize>()];
    let call = time_of_call(|| generate_into(&model, &options, black_box(&mut buffer)))?;
    Ok(microseconds(call / count as u32))
}

/// The generator alone: a training that is cancelled at its last step leaves a model without a relaxation.
fn element(profile: Profile, side: usize, threads: usize, device: Device) -> Result<String> {
    let path = scratch();
    let options = TrainingOptions { steps: 1, ..TrainingOptions::new(profile) };
    let trained = train_to_file(&micrograph(), Some(&path), &options, &run_options(), &mut |_| ControlFlow::Break(()));
    let model = read_model(&path, device);
    let _ = std::fs::remove_file(&path);
    let model = match trained {
        Ok(_) | Err(Error::Cancelled(_)) => model?,
        Err(error) => return Err(error),
    };
    let depth = if profile.axes() == 2 { 1 } else { side };
    let options = GenerationOptions { threads, shape: Some([depth, side, side]), ..GenerationOptions::default() };
    let mut buffer = vec![0; depth * side * side];
    let call = time_of_call(|| generate_into(&model, &options, black_box(&mut buffer)))?;
    Ok(format!("{:.3} s", call.as_secs_f64()))
}

/// Grain boundaries in which every hundredth voxel is wrong, with weights that are calibrated on a smaller image like them.
fn relaxation(axes: usize, side: usize, threads: usize, folder: &Path) -> Result<String> {
    let grains = |side: usize, seed: u64| -> Result<PhaseImages> {
        let sample = GrainBoundaries { nz: if axes == 3 { side } else { 1 }, ny: side, nx: side, ..Default::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let phases = Sample::GrainBoundaries(sample).make(seed, 1)?.images.into_phases();
        PhaseImages::new(phases.mapv_into(|phase| phase ^ u8::from(rng.random_bool(0.01))), 2)
    };
    let micrograph = Sample::GrainBoundaries(GrainBoundaries::default()).make(1, 1)?.images;
    let (options, small) = (RelaxationOptions::default(), if axes == 3 { 64 } else { 256 });
    let weights = Weights::calibrate(&micrograph, &grains(small, 2)?, &options, &|| Ok(()))?;
    let image = grains(side, 3)?;
    for (name, images) in [("micrograph.raw", &micrograph), ("image.raw", &image)] {
        std::fs::write(folder.join(name), images.as_slice()).unwrap_or_else(|error| fail(&error.to_string()));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap_or_else(|e| fail(&e.to_string()));
    let call = time_of_call(|| pool.install(|| relax(image.clone(), black_box(&weights), &options)))?;
    Ok(format!("{:.4} s", call.as_secs_f64()))
}

/// In a process that has done nothing yet, as in a solver that wants one volume element.
fn first(model: &Path) -> Result<String> {
    let begin = Instant::now();
    let model = read_model(model, Device::Cpu)?;
    let loaded = begin.elapsed();
    black_box(realisations(&model, &GenerationOptions::default())?);
    Ok(format!("{} ({} of them loading)", milliseconds(begin.elapsed()), milliseconds(loaded)))
}

/// The correlations of one image and of `count` others, and the error (Eq. 12) of each of these to the one.
fn s2(count: usize, threads: usize) -> Result<String> {
    let sample = Sample::GaussianField(GaussianField { ny: 64, nx: 64, ..GaussianField::default() });
    let (one, others) = (sample.make(1, 1)?.images, sample.make(2, count)?.images);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap_or_else(|e| fail(&e.to_string()));
    let call = time_of_call(|| pool.install(|| errors(&one, &others)).map(black_box))?;
    Ok(microseconds(call / count as u32))
}

/// In blocks, as the library's own measures: counts of all would be memory that the system gives anew for each call.
fn errors(one: &PhaseImages, others: &PhaseImages) -> Result<Vec<f64>> {
    const BLOCK: usize = 1024;
    let one = PairCounts::new(one, 1)?;
    let mut errors = Vec::with_capacity(others.len());
    for first in (0..others.len()).step_by(BLOCK) {
        let count = BLOCK.min(others.len() - first);
        let counts = PairCounts::of_range(others, first..first + count, 1)?;
        let of_block: Result<Vec<f64>> = (0..count).into_par_iter().map(|index| counts.error(index, &one, 0)).collect();
        errors.extend(of_block?);
    }
    Ok(errors)
}

/// The bound on every kernel: as many independent sums as hide the time of one multiplication, and nothing read from memory.
fn peak() -> Result<String> {
    let times = 1 << 20;
    let call = time_of_call(|| Ok(black_box(Arch::new().dispatch(Multiply { times }))))?;
    let lanes = Arch::new().dispatch(Lanes);
    Ok(format!("{:.1} GFLOP/s", (2 * SUMS * lanes * times) as f64 / call.as_secs_f64() / 1e9))
}

/// Sums of [`Multiply`]; fewer vectors than there are registers.
const SUMS: usize = 12;

struct Multiply {
    times: usize,
}

impl WithSimd for Multiply {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let [factor, value] = [0.999, 1e-3].map(|number| simd.splat_f32s(black_box(number)));
        let mut sums = [simd.splat_f32s(0.0); SUMS];
        for _ in 0..self.times {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, value);
            }
        }
        sums.into_iter().map(|sum| simd.reduce_sum_f32s(sum)).sum()
    }
}

/// Two threads that wait for each other's word in turn. Where cores share a cache it is there in some 30 ns.
fn handover() -> String {
    const TURNS: usize = 1000;
    const GAMES: usize = 101;
    let turn = AtomicUsize::new(0);
    // Even turns are the one thread's, odd ones the other's.
    let play = |parity: usize, turns: std::ops::Range<usize>| {
        for number in turns.filter(|number| number % 2 == parity) {
            while turn.load(Ordering::Acquire) != number {
                std::hint::spin_loop();
            }
            turn.store(number + 1, Ordering::Release);
        }
    };
    let times = std::thread::scope(|scope| {
        scope.spawn(|| play(1, 0..GAMES * TURNS));
        let game = |index: usize| {
            let begin = Instant::now();
            play(0, index * TURNS..(index + 1) * TURNS);
            begin.elapsed()
        };
        median((0..GAMES).map(game))
    });
    format!("{:.0} ns", 1e9 * times.as_secs_f64() / TURNS as f64)
}

/// How many numbers a vector has.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// The median call, after one that is not counted.
fn time_of_call<T>(mut call: impl FnMut() -> Result<T>) -> Result<Duration> {
    call()?;
    let (begin, mut times) = (Instant::now(), Vec::new());
    while times.len() < MIN_CALLS || begin.elapsed() < PATIENCE {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed());
    }
    Ok(median(times.into_iter()))
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.4} ms", 1e3 * time.as_secs_f64())
}

fn microseconds(time: Duration) -> String {
    format!("{:.3} us", 1e6 * time.as_secs_f64())
}
