#!/usr/bin/env bash
# `./run demo`: pictures into $OUT. Wants a Python that has kvox, numpy and scikit-image, and the command in $KVOX.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec python "$here/demo.py" "${OUT:?}"
