//! Where tensors live and how many threads work on them.

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
    // Not left to rayon, which would look into an environment variable.
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
        _ => threads,
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("davegan-{index}"))
        .build()
        .map_err(|error| Error::OutOfMemory(format!("cannot start {threads} threads: {error}; ask for fewer")))
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
