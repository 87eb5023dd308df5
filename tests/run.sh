# The steps of `./run test`; sourced by it.

passed=0
failed=0
failures=()
export CTEST_PARALLEL_LEVEL=$JOBS
# Threads that wait must not hold the cores that others need.
export OMP_WAIT_POLICY=passive
# As kvox_test sets them, for tests that start programs of their own.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:allocator_may_return_null=1
export ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$ROOT/tests/leaks.txt:print_suppressions=0
# What has one result whatever the build: not repeated in every one.
ONCE='^(house|install|python|emulated|oclgrind)$'
# Every call of a device failing once: with the release and with ASan, which sees what is lost.
FAULTS='^ocl_faults$'
# The command run some hundred times: threads are the library's, and ThreadSanitizer takes a second for each start.
STARTS='^tool_(ct|mri)$'
# What takes a device of its own choice, and what checks each kernel at every level by itself: the level, the backend and
# the CPU's transforms change nothing of it.
OWN='^(opencl|kernel)$'

title() {
  printf '\n== %s\n' "$1"
  start=$SECONDS
}

# result TITLE PASSED FAILED
result() {
  passed=$((passed + $2))
  failed=$((failed + $3))
  if [ "$3" -eq 0 ]; then
    printf -- '-- %s: %d passed, %d s\n' "$1" "$2" $((SECONDS - start))
  else
    failures+=("$1")
    printf -- '-- %s: %d passed, %d FAILED, %d s\n' "$1" "$2" "$3" $((SECONDS - start))
  fi
}

# guarded COMMAND...: runs it with -e in a shell of its own, which `if` and `||` would switch off; its status in `status`.
guarded() {
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
}

# step TITLE COMMAND...: one thing that passes or fails.
step() {
  local name=$1 status
  shift
  title "$name"
  guarded "$@"
  if [ $status -eq 0 ]; then result "$name" 1 0; else result "$name" 0 1; fi
  return $status
}

# attribute NAME FILE: of the <testsuite> in a JUnit file; 0 where it has none.
attribute() {
  local value
  value=$(tr '\n\t' '  ' <"$2" | sed -n "s/.*<testsuite [^>]*\b$1=\"\([0-9]*\)\".*/\1/p")
  printf '%d' "${value:-0}"
}

# judge TITLE STATUS JUNIT: counts what a test runner reports; one that fails without a failed test counts as one.
judge() {
  local tests=0 bad=0
  if [ -s "$3" ]; then
    bad=$(($(attribute failures "$3") + $(attribute errors "$3")))
    tests=$(($(attribute tests "$3") - $(attribute skipped "$3") - $(attribute disabled "$3")))
  fi
  if [ "$2" -ne 0 ] && [ $bad -eq 0 ]; then bad=1 tests=$((tests + 1)); fi
  result "$1" $((tests - bad)) $bad
}

# suite TITLE PRESET [CTEST OPTION...]: the tests of a build, with the variables in `with`. Skipped ones say why.
with=()
suite() {
  local name=$1 folder=build/$2 report status=0
  shift 2
  title "$name"
  report=$ROOT/$folder/tests.xml
  rm -f "$report"
  env "${with[@]}" ctest --test-dir "$folder" --output-on-failure --no-tests=error --output-junit "$report" "$@" |
    grep -vE '^ *(Start|Test project|Internal ctest)|Passed +[0-9.]+ sec$' || status=${PIPESTATUS[0]}
  sed -n 's/^skipped: /   skipped: /p' "$folder/Testing/Temporary/LastTest.log" | sort | uniq -c || true
  judge "$name" "$status" "$report"
}

cpu_levels() {
  echo ref
  case $(build/release/tests/house/print_level) in
    avx512) printf 'avx2\navx512\n' ;;
    avx2) echo avx2 ;;
    neon) echo neon ;;
  esac
}

# The tests meet PoCL alone where it is and nothing else was asked for, so that they meet the same everywhere; what it
# builds stays in the build folder, shared by all builds.
choose_opencl() {
  local icd=/etc/OpenCL/vendors/pocl.icd
  mkdir -p build/opencl build/pocl
  if [ -z "${OCL_ICD_VENDORS:-}${KVOX_DEVICE:-}" ] && [ -e $icd ]; then
    cp $icd build/opencl/
    export OCL_ICD_VENDORS=$ROOT/build/opencl
  fi
  export POCL_CACHE_DIR=$ROOT/build/pocl
}

has_opencl() { grep -q '^KVOX_OPENCL:BOOL=ON' "build/$1/CMakeCache.txt"; }

check_format() {
  find include src tests bench examples kernels \( -name '*.[ch]' -o -name '*.cl' \) -print0 | xargs -0 clang-format-14 --dry-run -Werror
}

# The locale lies in the build folder, so that the machine is left as it is.
decimal_comma() {
  mkdir -p build/locale
  [ -d build/locale/de_DE.UTF-8 ] || localedef -i de_DE -f UTF-8 build/locale/de_DE.UTF-8
}

python_tests() {
  local report=$ROOT/build/python.xml status
  title 'Python: the wheel and its tests'
  rm -f "$report"
  guarded binding
  if [ $status -eq 0 ]; then
    .venv/bin/python -m pytest -q -rs --junitxml="$report" bindings/python/tests || status=$?
  fi
  judge 'Python' "$status" "$report"
}

test_all() {
  local mode=$1 begin=$SECONDS strict=()
  [ -z "$mode" ] || strict=(-DKVOX_WERROR=ON)
  if [ -z "${KVOX_DATA:-}" ]; then say 'skipped: tests on real data, because KVOX_DATA is not set'; fi
  choose_opencl
  # Before the tests: the Python example runs beside an installed copy.
  [ -z "$mode" ] || step 'Python environment' venv || true
  if step 'build: release, gcc' build release "${strict[@]}"; then
    suite 'release' release
    [ -z "$mode" ] || test_release_again
  fi
  [ -z "$mode" ] || test_more "$mode"
  printf '\nin %d s' $((SECONDS - begin))
  if [ $failed -ne 0 ]; then printf '; failed: %s' "${failures[0]}" && printf ', %s' "${failures[@]:1}"; fi
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ $failed -eq 0 ]
}

# The release build at each CPU level, on a device, and under another locale.
test_release_again() {
  local level
  for level in $(cpu_levels); do
    with=(KVOX_CPU="$level")
    suite "CPU level $level" release -L numeric -LE "$OWN"
  done
  if has_opencl release; then
    with=(KVOX_BACKEND=opencl)
    suite 'OpenCL backend' release -L numeric -LE "$OWN"
  fi
  if step 'locale with decimal commas' decimal_comma; then
    with=(LOCPATH="$ROOT/build/locale" LC_ALL=de_DE.UTF-8 KVOX_TEST_LOCALE=1)
    suite 'decimal commas' release -LE "$ONCE" -E "$FAULTS"
  fi
  with=()
}

# Other compilers, libraries, machines, and tools that look on.
test_more() {
  local level fuzz_seconds=5
  [ "$1" != --full ] || fuzz_seconds=120
  step 'format' check_format || true
  if step 'build: release, clang' build release-clang -DKVOX_WERROR=ON; then suite 'clang' release-clang -LE "$ONCE" -E "$FAULTS"; fi
  if step 'build: KissFFT' build kissfft -DKVOX_WERROR=ON; then suite 'KissFFT' kissfft -L numeric -LE "$OWN"; fi
  if step 'build: without OpenCL' build no-opencl -DKVOX_WERROR=ON; then
    suite 'without OpenCL' no-opencl -L 'unit|house' -LE '^(install|python|emulated)$'
  fi
  if step 'build: ASan, UBSan' build asan; then
    suite 'ASan, UBSan' asan -LE "$ONCE"
    for level in $([ "$1" != --full ] || cpu_levels); do
      with=(KVOX_CPU="$level")
      suite "ASan, UBSan, CPU level $level" asan -L numeric
    done
    with=()
  fi
  # Clang's OpenMP tells ThreadSanitizer what its threads wait for through this.
  with=(OMP_TOOL_LIBRARIES=/usr/lib/llvm-14/lib/libarcher.so)
  if step 'build: TSan' build tsan; then suite 'TSan' tsan -L 'unit|numeric|threads' -LE "$ONCE" -E "$STARTS"; fi
  with=()
  if step 'build: fuzz targets' build fuzz -DKVOX_FUZZ_SECONDS=$fuzz_seconds; then suite 'fuzz' fuzz -L fuzz; fi
  if step 'build: 64-bit ARM' build neon -DKVOX_WERROR=ON; then suite '64-bit ARM, emulated' neon; fi
  step 'two builds, the same bytes' tests/install/reproducible.sh build/release || true
  python_tests
}
