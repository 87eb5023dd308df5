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

/* Pairs of random rows and what their way through the filter needs. */
typedef struct rows {
  kvox_context *context;
  kvox_ct_filter *filter;
  const kvox_filter_split *split;
  int32_t count;
  int64_t floats; /* of the lanes that mean something */
  kvox_filter_pair pairs[KVOX_FILTER_PAIRS];
} rows;

static bool make_rows(kvox_check *check, int64_t columns, int32_t count, rows *r) {
  const kvox_ct_filter_options options = {.struct_size = sizeof options};
  *r = (rows){.count = count};
  if (kvox_context_create(NULL, &r->context) != KVOX_OK ||
      kvox_ct_filter_make(r->context, columns, 1, &options, &r->filter) != KVOX_OK) {
    kvox_check_fault(check, "%s", kvox_last_error());
    kvox_context_destroy(r->context);
    return false;
  }
  r->split = &r->filter->split;
  r->floats = r->split->size * 2 * KVOX_FILTER_LANES;
  kvox_check_shape(check, "%d samples, parts of %d, %d pairs", (int)columns, (int)r->split->size, (int)count);
  for (int32_t n = 0; n < count; n++) {
    r->pairs[n].a = random_floats(check, columns);
    r->pairs[n].b = random_floats(check, columns);
    r->pairs[n].weight_a = (float)kvox_check_real(check, 0, 1);
    r->pairs[n].weight_b = (float)kvox_check_real(check, 0, 1);
  }
  return true;
}

static bool make_random_rows(kvox_check *check, rows *r) {
  return make_rows(check, kvox_check_integer(check, 1, MOST), (int32_t)kvox_check_integer(check, 1, KVOX_FILTER_PAIRS),
                   r);
}

static void drop_rows(rows *r) {
  kvox_ct_filter_drop(r->filter);
  kvox_context_destroy(r->context);
}

static float *make_lanes(kvox_check *check, const rows *r) {
  return kvox_check_floats(check, r->split->step * 2 * KVOX_FILTER_LANES);
}

/* Lanes of the pairs that are there. */
static void compare_lanes(kvox_check *check, const rows *r, const float *got, const float *want) {
  for (int64_t at = 0; at < r->floats; at += KVOX_FILTER_LANES) {
    kvox_check_ulps(check, "lanes", r->count * KVOX_FILTER_PARTS, got + at, want + at, 0);
  }
}

static void compare_pack(kvox_check *check) {
  rows r;
  if (make_random_rows(check, &r)) {
    float *want = make_lanes(check, &r), *got = make_lanes(check, &r);
    kvox_filter_ref.pack(r.split, r.pairs, r.count, want);
    kvox_filter_kernels_of(check->level)->pack(r.split, r.pairs, r.count, got);
    compare_lanes(check, &r, got, want);
    drop_rows(&r);
  }
}

static void compare_convolve(kvox_check *check) {
  rows r;
  if (make_random_rows(check, &r)) {
    float *want = random_floats(check, r.floats), *got = make_lanes(check, &r);
    memcpy(got, want, (size_t)r.floats * sizeof *got);
    kvox_filter_ref.convolve(r.split, r.count, want);
    kvox_filter_kernels_of(check->level)->convolve(r.split, r.count, got);
    compare_lanes(check, &r, got, want);
    drop_rows(&r);
  }
}

static void compare_unpack(kvox_check *check) {
  rows r;
  if (make_random_rows(check, &r)) {
    const int64_t columns = r.filter->columns;
    const float *lanes = random_floats(check, r.split->step * 2 * KVOX_FILTER_LANES);
    kvox_filter_pair want[KVOX_FILTER_PAIRS], got[KVOX_FILTER_PAIRS];
    for (int32_t n = 0; n < r.count; n++) {
      want[n] = got[n] = r.pairs[n];
      want[n].out_a = kvox_check_floats(check, columns), want[n].out_b = kvox_check_floats(check, columns);
      got[n].out_a = kvox_check_floats(check, columns), got[n].out_b = kvox_check_floats(check, columns);
    }
    kvox_filter_ref.unpack(r.split, lanes, want, r.count);
    kvox_filter_kernels_of(check->level)->unpack(r.split, lanes, got, r.count);
    for (int32_t n = 0; n < r.count; n++) {
      kvox_check_ulps(check, "real parts", columns, got[n].out_a, want[n].out_a, 0);
      kvox_check_ulps(check, "imaginary parts", columns, got[n].out_b, want[n].out_b, 0);
    }
    drop_rows(&r);
  }
}

static void compare_multiply(kvox_check *check) {
  const int64_t n = kvox_check_integer(check, 1, MOST);
  kvox_check_shape(check, "%d floats", (int)n);
  const float *factors = random_floats(check, n);
  float *want = random_floats(check, n), *got = kvox_check_floats(check, n);
  memcpy(got, want, (size_t)n * sizeof *got);
  kvox_filter_ref.multiply(want, factors, n);
  kvox_filter_kernels_of(check->level)->multiply(got, factors, n);
  kvox_check_ulps(check, "floats", n, got, want, 0);
}

static void compare_interleave(kvox_check *check) {
  const int64_t n = kvox_check_integer(check, 1, MOST), step = n + kvox_check_integer(check, 0, 20);
  kvox_check_shape(check, "%d columns, step %d", (int)n, (int)step);
  const float *lines = random_floats(check, (KVOX_STACK - 1) * step + n);
  float *want = kvox_check_floats(check, n * KVOX_STACK), *got = kvox_check_floats(check, n * KVOX_STACK);
  kvox_filter_ref.interleave(lines, step, n, want);
  kvox_filter_kernels_of(check->level)->interleave(lines, step, n, got);
  kvox_check_ulps(check, "samples", n * KVOX_STACK, got, want, 0);
  const int64_t out_step = KVOX_STACK * kvox_check_integer(check, 1, 4), all = (n - 1) * out_step + KVOX_STACK;
  float *columns = kvox_check_floats(check, all), *turned = kvox_check_floats(check, all);
  kvox_filter_ref.turn(lines, step, n, columns, out_step);
  kvox_filter_kernels_of(check->level)->turn(lines, step, n, turned, out_step);
  kvox_check_ulps(check, "columns", all, turned, columns, 0);
}

enum { BENCH = 1024 };

typedef struct bench {
  rows rows;
  const kvox_filter_kernels *kernels;
  float *lanes, *stack, *turned;
} bench;

static void work_pack(void *data) {
  const bench *b = data;
  b->kernels->pack(b->rows.split, b->rows.pairs, b->rows.count, b->lanes);
}
/* From new numbers each time, as they must not fade into denormal ones. */
static void work_convolve(void *data) {
  const bench *b = data;
  memcpy(b->lanes, b->stack, (size_t)b->rows.floats * sizeof *b->lanes);
  b->kernels->convolve(b->rows.split, b->rows.count, b->lanes);
}
static void work_unpack(void *data) {
  const bench *b = data;
  b->kernels->unpack(b->rows.split, b->stack, b->rows.pairs, b->rows.count);
}
static void work_multiply(void *data) {
  const bench *b = data;
  b->kernels->multiply(b->lanes, b->stack, BENCH);
}
static void work_interleave(void *data) {
  const bench *b = data;
  b->kernels->interleave(b->stack, BENCH, BENCH, b->turned);
}

/* Two pairs of rows of BENCH samples. */
static void bench_work(kvox_check *check, void (*work)(void *data), int64_t elements) {
  bench b = {.kernels = kvox_filter_kernels_of(check->level)};
  if (!make_rows(check, BENCH, KVOX_FILTER_PAIRS, &b.rows)) {
    return;
  }
  const int64_t floats = b.rows.split->step * 2 * KVOX_FILTER_LANES;
  const int64_t most = floats > BENCH * KVOX_STACK ? floats : BENCH * KVOX_STACK;
  b.lanes = random_floats(check, most);
  b.stack = random_floats(check, most);
  b.turned = kvox_check_floats(check, BENCH * KVOX_STACK);
  for (int32_t n = 0; n < KVOX_FILTER_PAIRS; n++) {
    b.rows.pairs[n].out_a = kvox_check_floats(check, BENCH);
    b.rows.pairs[n].out_b = kvox_check_floats(check, BENCH);
  }
  for (int64_t i = 0; work == work_multiply && i < BENCH; i++) {
    b.stack[i] = i % 2 ? -1 : 1; /* products must not fade into denormal numbers */
  }
  kvox_check_time(check, work, &b, elements);
  drop_rows(&b.rows);
}

static void bench_pack(kvox_check *check) { bench_work(check, work_pack, KVOX_FILTER_PAIRS * BENCH); }
static void bench_convolve(kvox_check *check) { bench_work(check, work_convolve, KVOX_FILTER_PAIRS * BENCH); }
static void bench_unpack(kvox_check *check) { bench_work(check, work_unpack, KVOX_FILTER_PAIRS * BENCH); }
static void bench_multiply(kvox_check *check) { bench_work(check, work_multiply, BENCH); }
static void bench_interleave(kvox_check *check) { bench_work(check, work_interleave, BENCH * KVOX_STACK); }

const kvox_check_stage kvox_check_filter_pack = {"filter.pack", "exact", compare_pack, bench_pack};
const kvox_check_stage kvox_check_filter_multiply = {"filter.multiply", "exact", compare_multiply, bench_multiply};
const kvox_check_stage kvox_check_filter_convolve = {"filter.convolve", "exact", compare_convolve, bench_convolve};
const kvox_check_stage kvox_check_filter_unpack = {"filter.unpack", "exact", compare_unpack, bench_unpack};
const kvox_check_stage kvox_check_filter_interleave = {"filter.interleave", "exact", compare_interleave,
                                                       bench_interleave};
