#!/bin/sh
# Installs what is missing, builds, and runs toy_regression with the arguments given.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"

setup
preset=$(default_preset)
build "$root" "$preset" toy_regression
# Threads that wait asleep: on a machine with other work, waiting awake costs far more than it gains.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
exec "$root/build/$preset/toy/toy_regression" "$@"
