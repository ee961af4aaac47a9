#!/bin/sh
# Installs what is missing, builds, and runs toy_regression with the arguments given.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"

setup
preset=$(default_preset)
build "$root" "$preset" toy_regression
# Threads that wait awake for the fraction of a millisecond between two kernels, and then asleep: for
# as long as OpenMP's default is, they would be in the way of a machine's other work.
[ -n "${OMP_WAIT_POLICY:-}" ] || export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-30000}"
exec "$root/build/$preset/toy/toy_regression" "$@"
