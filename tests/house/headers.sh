#!/usr/bin/env bash
# Every public header alone: as C99, and as C++11 where there is a compiler for it.
# headers.sh INCLUDE-FOLDER C-COMPILER [C++-COMPILER]
set -euo pipefail
include=$1 cc=$2 cxx=${3:-}
strict=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only -I "$include")
status=0
for header in "$include"/kvox/*.h; do
  name=kvox/${header##*/}
  # Included twice, as the only line of a program: nothing is missing and nothing is declared twice.
  text=$(printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name")
  "$cc" -std=c99 "${strict[@]}" -x c - <<<"$text" || { echo "$name fails as C99"; status=1; }
  [ -z "$cxx" ] || "$cxx" -std=c++11 "${strict[@]}" -x c++ - <<<"$text" || { echo "$name fails as C++11"; status=1; }
done
[ -n "$cxx" ] || echo 'skipped: headers as C++11, because there is no C++ compiler'
exit $status
