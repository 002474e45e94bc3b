//! What `cubecl-cuda` names of `cubecl-llvm`, without LLVM.
//!
//! The crate of that name downloads a prebuilt LLVM while it is compiled, which is impossible without a network. With
//! `cubecl-cuda/cpp` kernels go through NVRTC, and nothing here is ever called.

use std::ffi::c_char;

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_runtime::compiler::CompilationError;
use cubecl_runtime::kernel::BufferIOAttr;

#[derive(Clone, Copy, Debug)]
pub enum LlvmTarget {
    Nvptx,
}

#[derive(Clone, Debug)]
pub struct PlironCompiler {
    pub target: LlvmTarget,
}

impl PlironCompiler {
    pub fn compile(&mut self, _: KernelDefinition, _: &PlironOptions) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: "this build has no LLVM; its kernels are compiled by NVRTC".into(),
            backtrace: Default::default(),
        })
    }

    pub fn extension(&self) -> &'static str {
        "ll"
    }

    pub fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}

#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    pub arch: Option<()>,
    pub sm_arch: Option<SmArch>,
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    pub grid_constants: bool,
    pub f16_evaluation: (),
}

#[derive(Clone)]
pub enum PlironArtifact {
    Jit,
    NvptxCode(NvptxModule),
}

#[derive(Clone, Debug)]
pub struct NvptxModule {
    pub ptx: Vec<c_char>,
    pub entrypoint: String,
    pub ir: String,
    pub shared_memory_size: usize,
    pub io: Vec<BufferIOAttr>,
}

pub mod nvptx {
    pub mod ptx_version {
        use std::fmt;

        /// NVRTC writes the version of its own toolkit, so that there is none to choose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            pub fn for_driver(_: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

pub mod shared {
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        pub enum GpuTarget {
            Nvptx,
        }

        /// NVRTC compiles everything that the device offers.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}
