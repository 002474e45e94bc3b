//! Which SIMD instructions the kernels use.

use std::env;
use std::sync::OnceLock;

use pulp::Arch;

use crate::{Error, Result};

/// Variable of the environment that keeps AVX-512 out of use, so that both widths can be measured on one processor.
const LIMIT: &str = "DAVEGAN_MAX_CPU_ISA";

/// The widest SIMD instructions that the processor has and the environment allows. The environment is read once.
pub fn instructions() -> Arch {
    static CHOSEN: OnceLock<Arch> = OnceLock::new();
    *CHOSEN.get_or_init(|| if only_avx2() == Ok(true) { at_most_avx2() } else { Arch::new() })
}

/// Refuses a limit that is not known.
pub fn check_limit() -> Result<()> {
    only_avx2().map(drop)
}

fn only_avx2() -> Result<bool> {
    read(&env::var_os(LIMIT).unwrap_or_default().to_string_lossy())
}

fn read(limit: &str) -> Result<bool> {
    match limit.to_ascii_uppercase().as_str() {
        "" => Ok(false),
        "AVX2" => Ok(true),
        _ => Err(Error::invalid(format!(
            "the variable {LIMIT} of the environment is {limit}; set it to AVX2, or leave it out to use all that the processor has"
        ))),
    }
}

#[cfg(target_arch = "x86_64")]
fn at_most_avx2() -> Arch {
    pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3)
}

#[cfg(not(target_arch = "x86_64"))]
fn at_most_avx2() -> Arch {
    Arch::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_avx2_or_none() {
        assert_eq!(["", "avx2", "AVX2"].map(read), [Ok(false), Ok(true), Ok(true)]);
        for wrong in ["avx", "AVX512", "1"] {
            let text = read(wrong).unwrap_err().to_string();
            assert!(text.contains(wrong) && text.contains("AVX2"), "{text}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn avx2_is_not_avx_512() {
        assert!(!matches!(at_most_avx2(), Arch::V4(_)));
    }
}
