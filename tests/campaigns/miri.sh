#!/usr/bin/env bash
# Unit tests of the C interface under Miri, which finds undefined behaviour in Rust: what is done with the pointers of a host.
#
#   tests/campaigns/miri.sh [TEST...]
#
# TEST is part of a name; by default all of src/c_api that Miri can run. Needs a nightly compiler with Miri (`rustup toolchain install
# nightly --component miri,rust-src`). Miri calls no C: tests that change the floating-point environment, or ask the system how much
# memory there is, are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -gt 0 ] || set -- c_api:: --skip c_api::guard --skip c_api::progress --skip volumes_are_of_the_kinds_that_have_them
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/miri
export MIRIFLAGS="-Zmiri-disable-isolation"
cargo +nightly miri test --locked --lib -- "$@"
