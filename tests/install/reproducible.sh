#!/usr/bin/env bash
# Builds the sources twice, in folders of different names and depths; what is installed must be the same bytes.
set -euo pipefail
source=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kvox-reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT

build() { # TREE PREFIX
  mkdir -p "$1"
  tar -C "$source" --exclude=./.git --exclude='./build*' --exclude=./.venv --exclude=./out -cf - . | tar -C "$1" -xf -
  cmake -S "$1" -B "$1/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DKVOX_TESTS=OFF -DKVOX_BENCH=OFF >"$work/log" &&
    cmake --build "$1/build" >>"$work/log" && cmake --install "$1/build" --prefix "$2" >>"$work/log" ||
    { cat "$work/log"; exit 1; }
}

build "$work/a" "$work/first"
build "$work/another tree/of some/depth" "$work/the second prefix"
diff -r "$work/first" "$work/the second prefix"
echo "$(find "$work/first" -type f | wc -l) installed files are the same bytes"
