/*
 * Opposite views P(b, s) and P(b + 180, 2 c - s) compared over the columns that both measured: the mean square
 * difference over the mean square, for every c, by transforms and running sums. Without an opposite view (half a turn)
 * both ends are continued, by straight lines, to where they meet.
 */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/center.h"
#include "fft/fft.h"

/* The least overlap, as a part of the columns: less is too easily alike by chance. */
static const double least_overlap = 0.125;

/* Views that have nothing in common differ by 1, those of one object by hundredths. */
static const double alike = 0.5;

typedef struct overlap {
  kvox_fft_plan *plan;
  int64_t length, terms; /* of the transform; terms = length / 2 + 1 */
} overlap;

/* Results of a row: [terms][2] sums of products of the transforms, [columns] of squares of the views, [columns] of the
 * opposite ones. Scratch: two padded rows, the transforms of both, the transform's own. */
static int64_t row_floats(const overlap *o) {
  return kvox_round_up(o->length, KVOX_ALIGNMENT / (int64_t)sizeof(float));
}

static int64_t spectrum_floats(const overlap *o) {
  return kvox_round_up(2 * o->terms, KVOX_ALIGNMENT / (int64_t)sizeof(float));
}

static void add_pair(const kvox_ct_center_scan *scan, const overlap *o, float *const rows[2], float *const spectra[2],
                     void *fft_scratch, double *sums) {
  double *squares = sums + 2 * o->terms;
  for (int side = 0; side < 2; side++) {
    for (int64_t i = 0; i < scan->columns; i++) {
      squares[side * scan->columns + i] += (double)rows[side][i] * (double)rows[side][i];
    }
    kvox_fft_execute(o->plan, rows[side], spectra[side], fft_scratch);
  }
  for (int64_t k = 0; k < o->terms; k++) {
    const double ar = (double)spectra[0][2 * k], ai = (double)spectra[0][2 * k + 1];
    const double br = (double)spectra[1][2 * k], bi = (double)spectra[1][2 * k + 1];
    sums[2 * k] += ar * br - ai * bi;
    sums[2 * k + 1] += ar * bi + ai * br;
  }
}

static kvox_status compare_row(void *data, int64_t index, int32_t worker) {
  const kvox_ct_center_loop *loop = data;
  const kvox_ct_center_scan *scan = loop->scan;
  const overlap *o = loop->method;
  float *at = (float *)(void *)(loop->scratch + (uint64_t)worker * loop->scratch_bytes);
  float *const rows[2] = {at, at + row_floats(o)};
  float *const spectra[2] = {rows[1] + row_floats(o), rows[1] + row_floats(o) + spectrum_floats(o)};
  float *fft_scratch = spectra[1] + spectrum_floats(o);
  /* The spare row lies where a spectrum will. */
  float *spare = spectra[0];
  double *sums = loop->results + index * loop->doubles;
  memset(at, 0, 2 * (size_t)row_floats(o) * sizeof *at);
  if (scan->pairs == 0) {
    const double last = (double)(scan->views - 1), half_gap = 0.5 * (scan->half_turn - last);
    KVOX_TRY(kvox_ct_center_load_between(scan, index, -half_gap, rows[0], spare));
    KVOX_TRY(kvox_ct_center_load_between(scan, index, last + half_gap, rows[1], spare));
    add_pair(scan, o, rows, spectra, fft_scratch, sums);
  }
  for (int64_t pair = 0; pair < scan->pairs; pair++) {
    const double opposite = (double)pair + scan->half_turn;
    KVOX_TRY(kvox_ct_center_load(scan, index, pair, rows[0]));
    KVOX_TRY(kvox_ct_center_load_between(scan, index, opposite, rows[1], spare));
    add_pair(scan, o, rows, spectra, fft_scratch, sums);
  }
  return KVOX_OK;
}

static double sum_between(const double *values, int64_t begin, int64_t end) {
  return values[end] - (begin > 0 ? values[begin - 1] : 0);
}

/* The difference for x = 2 c from the products at x and running sums of squares; 2, the most, where too little
 * overlaps. Columns s of the one and x - s of the other both lie inside from `begin` to `end`, counted on either side.
 */
static double difference_at(int64_t x, int64_t columns, double products, const double *squares) {
  const int64_t begin = kvox_max_i64(0, x - columns + 1), end = kvox_min_i64(columns - 1, x);
  if ((double)(end - begin + 1) < fmax(least_overlap * (double)columns, 4)) {
    return 2;
  }
  const double both = sum_between(squares, begin, end) + sum_between(squares + columns, begin, end);
  return both > 0 ? (both - 2 * products) / both : 2;
}

/* The least of the differences, refined by the parabola through its neighbours. */
static kvox_status find_least(const double *difference, int64_t count, double *x) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; i++) {
    best = difference[i] < difference[best] ? i : best;
  }
  const bool inside = best > 0 && best < count - 1 && difference[best - 1] < 2 && difference[best + 1] < 2;
  if (!inside || !(difference[best] < alike)) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "center: the object reaches beyond the detector, and opposite views agree for no center");
  }
  const double before = difference[best - 1], here = difference[best], after = difference[best + 1];
  const double bend = before - 2 * here + after;
  *x = (double)best + (bend > 0 ? 0.5 * (before - after) / bend : 0);
  return KVOX_OK;
}

static kvox_status find_overlap(const kvox_ct_center_scan *scan, const overlap *o, double *sums, double *x) {
  const int64_t columns = scan->columns, count = 2 * columns - 1;
  double *squares = sums + 2 * o->terms;
  for (int64_t i = 1; i < columns; i++) {
    squares[i] += squares[i - 1];
    squares[columns + i] += squares[columns + i - 1];
  }
  /* Back from the half spectrum: the ends once, what has a conjugate twin twice. */
  for (int64_t k = 0; k < o->terms; k++) {
    const double twins = k == 0 || 2 * k == o->length ? 1 : 2;
    sums[2 * k] *= twins / (double)o->length;
    sums[2 * k + 1] *= twins / (double)o->length;
  }
  kvox_heap *heap = scan->context->heap;
  double *difference = kvox_allocate(heap, (uint64_t)count * sizeof *difference);
  if (difference == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = kvox_ct_center_waves(heap, sums, o->terms, o->length, difference, count);
  for (int64_t i = 0; status == KVOX_OK && i < count; i++) {
    difference[i] = difference_at(i, columns, difference[i], squares);
  }
  if (status == KVOX_OK) {
    status = find_least(difference, count, x);
  }
  kvox_release(heap, difference);
  return status;
}

kvox_status kvox_ct_center_by_overlap(const kvox_ct_center_scan *scan, double *center_px) {
  overlap o = {.length = kvox_fft_good_size(2 * scan->columns)};
  o.terms = o.length / 2 + 1;
  const kvox_fft_layout layout = {.kind = KVOX_FFT_R2C, .rank = 1, .sizes = {o.length}, .batch = 1};
  KVOX_TRY(kvox_fft_plan_create(scan->context->heap, &layout, scan->context->fft_effort, &o.plan));
  const int64_t floats = 2 * (row_floats(&o) + spectrum_floats(&o));
  kvox_ct_center_loop loop = {
      .scan = scan,
      .method = &o,
      .doubles = 2 * (o.terms + scan->columns),
      .scratch_bytes = (uint64_t)kvox_round_up(
          floats * (int64_t)sizeof(float) + (int64_t)kvox_fft_scratch_bytes(o.plan), KVOX_ALIGNMENT),
  };
  double x = 0;
  kvox_status status = kvox_ct_center_run(&loop, compare_row);
  if (status == KVOX_OK) {
    status = find_overlap(scan, &o, loop.results, &x);
  }
  if (status == KVOX_OK) {
    *center_px = 0.5 * x;
  }
  kvox_ct_center_release(&loop);
  kvox_fft_plan_destroy(o.plan);
  return status;
}
