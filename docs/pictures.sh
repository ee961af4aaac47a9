#!/bin/sh
# Makes the pictures of these pages from the programs that print them. Needs Graphviz.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/.ci/setup.sh"
setup
install_packages graphviz
preset=$(default_preset)
build "$root" "$preset" gradient_of_a_gradient
"$root/build/$preset/toy/gradient_of_a_gradient" --dot |
  dot -Tsvg -Gbgcolor=white > "$root/docs/pictures/gradient_of_a_gradient.svg"
