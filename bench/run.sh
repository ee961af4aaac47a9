#!/bin/sh
# Installs what is missing, libtorch and a fast BLAS for it among it, builds and runs step_bench.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"

setup
command -v apt-get >/dev/null 2>&1 && install_packages libtorch-dev libopenblas0-pthread
preset=$(default_preset)
cd "$root"
cmake --preset "$preset" -DTASKGRAD_BUILD_BENCH=ON >/dev/null
cmake --build --preset "$preset" --target step_bench >&2
exec "$root/build/$preset/bench/step_bench"
