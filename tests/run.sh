#!/bin/sh
# Installs what is missing, builds, and runs all tests. An argument names another preset: the same
# tests under AddressSanitizer and UndefinedBehaviorSanitizer (dev) or ThreadSanitizer (tsan), the
# small ones under valgrind (valgrind).
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"

preset=${1:-$(default_preset)}
setup "$preset"
build "$root" "$preset"
cd "$root"
exec ctest --preset "$preset" --parallel 2 --progress
