#!/usr/bin/env bash
# Measures every row of docs/speed.md against PyTorch, scipy and numpy, and prints the table, tab-separated.
#
#   benches/peers.sh [--rounds 5] [--only REGEX] [--full] [--avx2] [--prototypes FOLDER]
#                                                            the table; --avx2: without AVX-512, ours and the peers';
#                                                            --prototypes: relaxation, too, beside programs in plain C
#   benches/peers.sh --curves                                 the plots of docs/speed
#
# Runs from a clean clone on Debian 12 with Rust, gcc and Python 3; half an hour, most of it the peers'. Progress goes to stderr.
# Status 1: a row is missed; 2: something could not be run. DAVEGAN_PYTHON names a Python that has torch, numpy, scipy
# and matplotlib; without it they are installed from PyPI beside what the tests install.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${CARGO_TARGET_DIR:-$root/target}/venv

install_python_packages() {
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 1
    "$venv/bin/python" -m pip install -q torch numpy scipy matplotlib || return 1
}

if [ -z "${DAVEGAN_PYTHON:-}" ]; then
    source "$root/cmake/packages.sh"
    need gcc command -v cc
    need make command -v make
    need cmake command -v cmake
    need binutils command -v strip
    need python3-venv python3 -c 'import ensurepip, venv'
    # 3, "name them and stop", is a status of those scripts and not of this one.
    (install_missing) >&2 && install_python_packages >&2 || exit 2
fi
python=${DAVEGAN_PYTHON:-$venv/bin/python}
"$python" -c '' || exit 2
exec "$python" "$root/benches/peers/measure.py" "$@"
