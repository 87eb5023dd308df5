#!/usr/bin/env bash
# Builds the sources again in a folder of another name and depth; what is installed must be the same bytes.
# reproducible.sh RELEASE-BUILD
set -euo pipefail
source=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kvox-reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT
again="$work/another tree/of some/depth"

mkdir -p "$again"
tar -C "$source" --exclude=./.git --exclude='./build*' --exclude=./.venv --exclude=./out -cf - . | tar -C "$again" -xf -
{
  cmake -S "$again" -B "$again/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DKVOX_TESTS=OFF -DKVOX_BENCH=OFF &&
    cmake --build "$again/build" && cmake --install "$again/build" --prefix "$work/the second prefix" &&
    cmake --install "$1" --prefix "$work/first"
} >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
diff -r "$work/first" "$work/the second prefix"
echo "$(find "$work/first" -type f | wc -l) installed files are the same bytes"
