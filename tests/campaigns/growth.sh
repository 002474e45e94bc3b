#!/usr/bin/env bash
# 1,000 times a model is loaded, used and freed, and 100 trainings are cancelled: memory does not grow.
#
#   tests/campaigns/growth.sh BUILD [LOADS TRAININGS]
#
# BUILD is a CMake build folder with tests, such as target/cmake. Prints the memory after a fifth of the cycles and at the end;
# fails if it has grown by more than 2 MiB.
set -euo pipefail
build=$(realpath "${1:?usage: growth.sh BUILD [LOADS TRAININGS]}")
cd "$build/tests/files"
"$build/tests/c_growth" "${2:-1000}" "${3:-100}"
