#!/usr/bin/env bash
# Called by `./run bench`, which has built everything and set KVOX_BUILD.
#
#   bench/run.sh [OPTION ...] [CASE ...]           kvox_bench; --list tells the cases
#   bench/run.sh --peers [OPTION ...]              other reconstructors beside Kvox (bench/peers/run.py)
set -euo pipefail

peers=0
rest=()
for word in "$@"; do
  if [ "$word" = --peers ] && [ $peers -eq 0 ]; then peers=1; else rest+=("$word"); fi
done
if [ $peers -eq 0 ]; then
  exec "$KVOX_BUILD/bench/kvox_bench" "${rest[@]}"
fi

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
while read -r package; do
  case $package in '' | \#*) continue ;; esac
  python -m pip install --quiet --disable-pip-version-check --no-input "$package" ||
    printf 'bench: %s cannot be installed here\n' "$package" >&2
done <"$here/peers/requirements.txt"
exec python "$here/peers/run.py" "${rest[@]}"
