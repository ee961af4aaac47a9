#!/bin/sh
# Installs what is missing, the competitors among it, builds, makes sure that all entrants compute the
# same, measures, and writes docs/performance.md. Arguments go to report.py: --quick for a look.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"

setup
if command -v apt-get >/dev/null 2>&1; then
  install_packages libbenchmark-dev libtorch-dev libopenblas-dev libopenblas0-pthread libdnnl-dev
fi
preset=$(default_preset)
programs=$root/build/bench  # not that of the tests, which would then build all of this too
cd "$root"
say "Building (preset $preset) ..."
cmake --preset "$preset" -B "$programs" \
  -DTASKGRAD_BUILD_BENCH=ON -DTASKGRAD_BUILD_TESTS=OFF -DTASKGRAD_BUILD_TOY=OFF >/dev/null
cmake --build "$programs" --target bench >&2
exec python3 "$root/bench/report.py" --programs "$programs/bench" "$@"
