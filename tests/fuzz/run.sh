#!/bin/sh
# Installs what is missing, builds the fuzz targets (preset fuzz) and runs each on a copy of its kept
# corpus for so many seconds (60 without an argument). Fails on a find, which then lies in
# build/fuzz/finds.
#   tests/fuzz/run.sh [SECONDS]
set -eu
seconds=${1:-60}
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/.ci/setup.sh"

setup fuzz
build "$root" fuzz
programs=$root/build/fuzz/tests/fuzz
finds=$root/build/fuzz/finds
mkdir -p "$finds"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fuzz NAME CORPUS SECONDS [OPTION...]: the limits are per input. What a header claims must not be
# allocated before it has been checked, so no single allocation may be large.
fuzz() {
  name=$1
  corpus=$2
  limit=$3
  shift 3
  "$programs/${name}_fuzz" -max_total_time="$limit" -timeout=10 -malloc_limit_mb=64 \
    -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$finds/$name-" "$@" "$corpus"
}

say "Fuzzing a reader with a planted defect ..."
mkdir "$work/planted"
if fuzz planted "$work/planted" 60 -artifact_prefix="$work/" >"$work/log" 2>&1 ||
  ! grep -q "AddressSanitizer: heap-buffer-overflow" "$work/log"; then
  cat "$work/log" >&2
  say "tests/fuzz/run.sh: the planted defect must be found: it was not"
  exit 1
fi

for kept in "$root"/tests/fuzz/corpus/*; do
  name=${kept##*/}
  dictionary=$root/tests/fuzz/$name.dict
  cp -r "$kept" "$work/$name"
  say "Fuzzing $name for $seconds seconds ..."
  if ! fuzz "$name" "$work/$name" "$seconds" -dict="$dictionary" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
  fi
  grep "^stat::" "$work/log" >&2
done
say "Nothing was found."
