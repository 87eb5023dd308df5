#!/usr/bin/env bash
# Installs a build into an empty prefix, moves it, and uses it as others would.
# install.sh SOURCE BUILD LIBDIR C-COMPILER
set -euo pipefail
source=$1 build=$2 libdir=$3 cc=$4
here=$source/tests/install
work=$build/tests/install/work
rm -rf "$work"
mkdir -p "$work"
say() { printf '== %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*"
  exit 1
}

say 'install, and move the whole'
cmake --install "$build" --prefix "$work/first" >"$work/install.log"
prefix="$work/moved"
mv "$work/first" "$prefix"
diff <(cd "$source/include" && find . -name '*.h' | sort) <(cd "$prefix/include" && find . -type f | sort) ||
  [ ! -e "$prefix/$libdir/libkvox-io.so" ] || fail 'the installed headers are not the public ones'
if grep -rlF -e "$source" -e "$build" -e "$work/first" "$prefix"; then fail 'these files name the tree they were built in'; fi
io=0
[ ! -e "$prefix/$libdir/libkvox-io.so" ] || io=1
strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror)
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
words() { eval "printf '%s\n' $(pkg-config "$@")"; }

use() { # NAME PACKAGE LINKER-OPTION...: the program by pkg-config, run.
  local name=$1 package=$2 flags
  shift 2
  mapfile -t flags < <(words --cflags --libs "$@" "$package")
  "$cc" "${strict[@]}" "${define[@]}" "$here/consumer/reconstruct.c" "${link[@]}" -o "$work/$name" "${flags[@]}" -lm
  (cd "$work" && LD_LIBRARY_PATH=$prefix/$libdir "./$name")
}

say 'pkg-config, shared'
define=() link=()
use shared kvox
ldd_text=$(LD_LIBRARY_PATH=$prefix/$libdir ldd "$work/shared")
grep -q "libkvox.so.[0-9]* => $prefix/" <<<"$ldd_text" || fail 'the program does not use the installed library by its soname'
say 'pkg-config, static'
link=(-static)
use static kvox --static
if ldd "$work/static" >/dev/null 2>&1; then fail 'the static program is not static'; fi
if [ $io = 1 ]; then
  say 'pkg-config, kvox-io'
  define=(-DWITH_IO) link=()
  use shared_io kvox-io
  [ -s "$work/disc.mha" ] || fail 'no disc.mha'
else
  echo 'skipped: kvox-io, because this build has none'
fi

say 'CMake package'
cmake -G Ninja -S "$here/consumer" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
  -DWITH_IO=$io >"$work/consumer.log" || { cat "$work/consumer.log"; fail 'the package is not found'; }
cmake --build "$work/consumer" >"$work/consumer.log" || { cat "$work/consumer.log"; fail 'it does not build'; }
(cd "$work/consumer" && ctest --output-on-failure)

if [ $io = 1 ]; then
  say 'the C examples'
  cmake -G Ninja -S "$source/examples" -B "$work/examples" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    >"$work/examples.log" || { cat "$work/examples.log"; fail 'examples'; }
  cmake --build "$work/examples" >"$work/examples.log" || { cat "$work/examples.log"; fail 'examples'; }
  (cd "$work/examples" && ctest --output-on-failure)

  say 'the Python example'
  python=$source/.venv/bin/python
  [ -x "$python" ] || python=python3
  if "$python" -c 'import numpy' 2>/dev/null; then
    # The package as it lies in the tree, with the installed libraries.
    (cd "$work" && KVOX_LIBRARY=$prefix/$libdir PYTHONPATH=$source/bindings/python PYTHONDONTWRITEBYTECODE=1 \
      "$python" "$source/examples/reconstruct.py" "$work/examples/scan.h5" "$work/python.mha")
    [ -s "$work/python.mha" ] || fail 'no python.mha'
    cmp "$work/python.mha" "$work/examples/volume.mha" || fail 'Python and C do not give the same bytes'
  else
    echo 'skipped: the Python example, because numpy is not there'
  fi
fi

if [ -x "$prefix/bin/kvox" ]; then
  say 'the command finds its libraries'
  env -u LD_LIBRARY_PATH "$prefix/bin/kvox" info --json
fi
