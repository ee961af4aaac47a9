# Sourced by toy/run.sh, tests/run.sh and tests/fuzz/run.sh: what a build needs, installed where it is missing.
# Everything here prints to stderr, so that a program's own output stays clean.

packages="g++ cmake ninja-build libeigen3-dev libfmt-dev nlohmann-json3-dev librandom123-dev
          libcli11-dev doctest-dev librapidcheck-dev libnlopt-dev python3"

say() { printf '%s\n' "$*" >&2; }

# install_packages NAME...: those that dpkg does not know as installed.
install_packages() {
  missing=""
  for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ]; then
    as_root=""
  elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
  else
    say "These packages are missing and there is no sudo; please have them installed:$missing"
    exit 1
  fi
  say "Installing:$missing"
  $as_root apt-get update -qq >&2
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >&2
}

# What a preset needs beyond that.
packages_of() {
  case $1 in
    tsan | fuzz) echo clang libclang-rt-dev libomp-dev ;;
    valgrind) echo valgrind ;;
  esac
}

# setup [PRESET]
setup() {
  if command -v apt-get >/dev/null 2>&1; then
    install_packages $packages $(packages_of "${1:-}")
    return
  fi
  for tool in g++ cmake ninja; do
    command -v $tool >/dev/null 2>&1 && continue
    say "This is not a Debian or Ubuntu system. Please install by hand (names differ a little):"
    say "  g++ 12 with OpenMP, CMake 3.24, Ninja, Eigen 3.4, fmt 9, nlohmann-json 3.11,"
    say "  Random123, CLI11 2.1, doctest 2.4, RapidCheck, NLopt 2.7, Python 3"
    exit 1
  done
}

# The fastest preset that this processor can run.
default_preset() {
  if grep -qw avx2 /proc/cpuinfo 2>/dev/null && grep -qw fma /proc/cpuinfo; then
    echo release
  else
    echo portable
  fi
}

# build ROOT PRESET [TARGET]: configures and builds; quiet unless something goes wrong.
build() (
  cd "$1"
  say "Building (preset $2) ..."
  log=$(mktemp)
  if cmake --preset "$2" >"$log" 2>&1 && cmake --build --preset "$2" ${3:+--target "$3"} >"$log" 2>&1
  then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
)
