//! Where tensors live and how many threads work on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::Device as Accelerator;

use crate::{Error, Result};

/// The device that a model is trained on or generates on. Nothing in the networks or the trainer knows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The fastest device of this build; never fails for want of an accelerator.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA device of this number.
    Cuda(usize),
    /// WebGPU device (Vulkan, Metal, DirectX 12) of this number.
    Wgpu(usize),
}

impl Device {
    /// The device as Burn names it.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if this build has no such device.
    pub(crate) fn open(self) -> Result<Accelerator> {
        match self {
            Self::Auto | Self::Cpu => Ok(Accelerator::flex()),
            Self::Cuda(index) => Err(missing("cuda", index)),
            Self::Wgpu(index) => Err(missing("wgpu", index)),
        }
    }
}

fn missing(kind: &str, index: usize) -> Error {
    Error::Device(format!("device {kind}:{index} is not part of this build, which has cpu only; choose auto or cpu"))
}

/// Most threads that one call may ask for.
pub const MAX_THREADS: usize = 1024;

/// A pool of `threads` threads (0: one a core) that lives as long as the value.
///
/// The library never starts the global pool, so that nothing of it stays behind in the host.
///
/// # Errors
///
/// [`Error::InvalidParameter`] above [`MAX_THREADS`], [`Error::OutOfMemory`] if the system refuses the threads.
pub(crate) fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    if threads > MAX_THREADS {
        return Err(Error::invalid(format!("threads = {threads}; it must be 0 (one a core) to {MAX_THREADS}")));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("davegan-{index}"))
        .build()
        .map_err(|error| Error::OutOfMemory(format!("cannot start {threads} threads: {error}; ask for fewer")))
}

/// Does `work` on the current thread pool, whose other threads look for parts of it until it is done, instead of going
/// to sleep in between: the parts of a training step take some ten microseconds each, and waking a thread takes longer.
pub(crate) fn attentively<T>(work: impl FnOnce() -> T) -> T {
    let done = Arc::new(AtomicBool::new(false));
    let caller = rayon::current_thread_index();
    // Not a scope: nobody has to wait for a thread that has lost its core while it was looking.
    for _ in 1..rayon::current_num_threads().min(ATTENTIVE_THREADS) {
        let done = Arc::clone(&done);
        rayon::spawn(move || {
            let mut idle_since = Instant::now();
            while !done.load(Ordering::Acquire) && rayon::current_thread_index() != caller {
                if rayon::yield_now() == Some(rayon::Yield::Executed) {
                    idle_since = Instant::now();
                } else if idle_since.elapsed() > PATIENCE {
                    return;
                }
                std::hint::spin_loop();
            }
        });
    }
    let _guard = SetOnDrop(done);
    work()
}

/// How long a thread without work stays awake. Longer waits mean that another program has the core.
const PATIENCE: Duration = Duration::from_micros(200);

/// A training step has work for so many threads most of the time.
const ATTENTIVE_THREADS: usize = 4;

/// Ends the looking even if the work panics.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let error = Device::Cuda(3).open().unwrap_err();
        assert!(matches!(&error, Error::Device(text) if text.contains("cuda:3")), "{error}");
        assert!(Device::Auto.open().is_ok() && Device::Cpu.open().is_ok());
    }

    #[test]
    fn absurd_thread_counts_are_refused() {
        assert!(matches!(thread_pool(MAX_THREADS + 1), Err(Error::InvalidParameter(_))));
        assert_eq!(thread_pool(2).unwrap().current_num_threads(), 2);
    }
}
