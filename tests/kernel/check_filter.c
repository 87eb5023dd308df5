#include <string.h>

#include "ct/filter.h"
#include "kernel/check.h"

/* Every kernel of the filter rounds where the oracle does: its bits. */
enum { MOST = 300 };

static float *random_floats(kvox_check *check, int64_t count) {
  float *floats = kvox_check_floats(check, count);
  for (int64_t i = 0; i < count; i++) {
    floats[i] = (float)kvox_check_real(check, -3, 3);
  }
  return floats;
}

/* Of any rows that are at most half of the length, and any factors. */
static kvox_filter_split random_split(kvox_check *check, int64_t size, int64_t columns) {
  const int64_t step = (size + 15) / 16 * 16;
  kvox_check_shape(check, "%d samples, parts of %d", (int)columns, (int)size);
  return (kvox_filter_split){columns, size, step, random_floats(check, 2 * KVOX_FILTER_PARTS * step)};
}

static void compare_parts(kvox_check *check, const kvox_filter_split *split, const float *got, const float *want) {
  for (int64_t r = 0; r < KVOX_FILTER_PARTS; r++) {
    kvox_check_ulps(check, "part", 2 * split->size, got + 2 * r * split->step, want + 2 * r * split->step, 0);
  }
}

static void compare_pack(kvox_check *check) {
  const int64_t size = kvox_check_integer(check, 1, MOST / 4), n = kvox_check_integer(check, 1, 4 * size);
  const kvox_filter_split split = random_split(check, size, n);
  const float *a = random_floats(check, n), *b = random_floats(check, n);
  const int64_t all = 2 * KVOX_FILTER_PARTS * split.step;
  float *want = kvox_check_floats(check, all), *got = kvox_check_floats(check, all);
  kvox_filter_ref.pack(&split, a, b, want);
  kvox_filter_kernels_of(check->level)->pack(&split, a, b, got);
  compare_parts(check, &split, got, want);
}

static void compare_multiply(kvox_check *check) {
  const int64_t n = kvox_check_integer(check, 1, MOST);
  kvox_check_shape(check, "%d floats", (int)n);
  const float *response = random_floats(check, n);
  float *want = random_floats(check, n), *got = kvox_check_floats(check, n);
  memcpy(got, want, (size_t)n * sizeof *got);
  kvox_filter_ref.multiply(want, response, n);
  kvox_filter_kernels_of(check->level)->multiply(got, response, n);
  kvox_check_ulps(check, "floats", n, got, want, 0);
}

static void compare_unpack(kvox_check *check) {
  const int64_t size = kvox_check_integer(check, 1, MOST / 4), n = kvox_check_integer(check, 1, 4 * size);
  const kvox_filter_split split = random_split(check, size, n);
  const float *parts = random_floats(check, 2 * KVOX_FILTER_PARTS * split.step);
  const float wa = (float)kvox_check_real(check, 0, 1), wb = (float)kvox_check_real(check, 0, 1);
  float *want_a = kvox_check_floats(check, n), *want_b = kvox_check_floats(check, n);
  float *got_a = kvox_check_floats(check, n), *got_b = kvox_check_floats(check, n);
  kvox_filter_ref.unpack(&split, parts, wa, wb, want_a, want_b);
  kvox_filter_kernels_of(check->level)->unpack(&split, parts, wa, wb, got_a, got_b);
  kvox_check_ulps(check, "real parts", n, got_a, want_a, 0);
  kvox_check_ulps(check, "imaginary parts", n, got_b, want_b, 0);
}

static void compare_interleave(kvox_check *check) {
  const int64_t n = kvox_check_integer(check, 1, MOST), step = n + kvox_check_integer(check, 0, 20);
  kvox_check_shape(check, "%d columns, step %d", (int)n, (int)step);
  const float *rows = random_floats(check, (KVOX_STACK - 1) * step + n);
  float *want = kvox_check_floats(check, n * KVOX_STACK), *got = kvox_check_floats(check, n * KVOX_STACK);
  kvox_filter_ref.interleave(rows, step, n, want);
  kvox_filter_kernels_of(check->level)->interleave(rows, step, n, got);
  kvox_check_ulps(check, "samples", n * KVOX_STACK, got, want, 0);
  const int64_t out_step = KVOX_STACK * kvox_check_integer(check, 1, 4), all = (n - 1) * out_step + KVOX_STACK;
  float *columns = kvox_check_floats(check, all), *turned = kvox_check_floats(check, all);
  kvox_filter_ref.turn(rows, step, n, columns, out_step);
  kvox_filter_kernels_of(check->level)->turn(rows, step, n, turned, out_step);
  kvox_check_ulps(check, "columns", all, turned, columns, 0);
}

enum { BENCH = 1024 };

typedef struct bench_rows {
  const kvox_filter_kernels *kernels;
  kvox_filter_split split;
  float *a, *b, *parts, *stack;
} bench_rows;

static bench_rows make_rows(kvox_check *check) {
  return (bench_rows){.kernels = kvox_filter_kernels_of(check->level),
                      .a = random_floats(check, BENCH * KVOX_STACK),
                      .b = random_floats(check, BENCH),
                      .split = random_split(check, BENCH / 4, BENCH),
                      .parts = random_floats(check, 4 * BENCH),
                      .stack = kvox_check_floats(check, BENCH * KVOX_STACK)};
}

static void work_pack(void *data) {
  const bench_rows *r = data;
  r->kernels->pack(&r->split, r->a, r->b, r->parts);
}
static void work_multiply(void *data) {
  const bench_rows *r = data;
  r->kernels->multiply(r->b, r->a, BENCH);
}
static void work_unpack(void *data) {
  const bench_rows *r = data;
  r->kernels->unpack(&r->split, r->parts, 1, 2, r->stack, r->stack + BENCH);
}
static void work_interleave(void *data) {
  const bench_rows *r = data;
  r->kernels->interleave(r->a, BENCH, BENCH, r->stack);
}

static void bench_pack(kvox_check *check) {
  bench_rows rows = make_rows(check);
  kvox_check_time(check, work_pack, &rows, BENCH);
}
static void bench_multiply(kvox_check *check) {
  bench_rows rows = make_rows(check);
  for (int64_t i = 0; i < BENCH; i++) {
    rows.a[i] = i % 2 ? -1 : 1; /* products must not fade into denormal numbers */
  }
  kvox_check_time(check, work_multiply, &rows, BENCH);
}
static void bench_unpack(kvox_check *check) {
  bench_rows rows = make_rows(check);
  kvox_check_time(check, work_unpack, &rows, BENCH);
}
static void bench_interleave(kvox_check *check) {
  bench_rows rows = make_rows(check);
  kvox_check_time(check, work_interleave, &rows, BENCH * KVOX_STACK);
}

const kvox_check_stage kvox_check_filter_pack = {"filter.pack", "exact", compare_pack, bench_pack};
const kvox_check_stage kvox_check_filter_multiply = {"filter.multiply", "exact", compare_multiply, bench_multiply};
const kvox_check_stage kvox_check_filter_unpack = {"filter.unpack", "exact", compare_unpack, bench_unpack};
const kvox_check_stage kvox_check_filter_interleave = {"filter.interleave", "exact", compare_interleave,
                                                       bench_interleave};
