#!/bin/sh
# Installs what is missing, builds, and runs all tests. An argument names another preset, such as
# dev: the same tests under AddressSanitizer and UndefinedBehaviorSanitizer.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"

setup
preset=${1:-$(default_preset)}
build "$root" "$preset"
cd "$root"
exec ctest --preset "$preset" --parallel 2 --progress
