/* Looks at the projections and chooses the method that they allow. */
#include "ct/center.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "fft/fft.h"

/* More rows add time, but no tenths of a pixel. */
enum { MOST_ROWS = 32 };

/* Steps that differ by less than this part of a step are equal: far less than one view's width in angle. */
static const double equal_steps = 0.05;

/* Views between neighbours this far apart are still like a blend of them. */
static const double widest_blend_deg = 10;

/* An object inside the detector leaves noise at its edges; above this part of the whole (both root mean squares) it is
 * something else. Noise alone reaches 0.03 with 1000 photons a pixel. */
static const double truncated_from = 0.1;

/* What rounding of floats leaves of a straight line, as a part of its square. */
static const double nothing = 1e-10;

/* Neighbouring views of noise have a product of zero on average; this many deviations of it are no chance. */
static const double no_chance = 6;

/* Simple operations a sample costs, for the choice of threads. */
enum { OPERATIONS = 32 };

/* ---- Reading ---- */

kvox_status kvox_ct_center_load(const kvox_ct_center_scan *scan, int64_t index, int64_t at, float *row) {
  const int64_t place = (2 * index + 1) * scan->all_rows / (2 * scan->used_rows);
  return kvox_ct_rows_load(&scan->rows, scan->order[at].view, (kvox_ct_row_place){place, 0}, row, NULL);
}

kvox_status kvox_ct_center_load_between(const kvox_ct_center_scan *scan, int64_t index, double place, float *row,
                                        float *spare) {
  const double first = fmin(fmax(floor(place), 0), (double)(scan->views - 2));
  const float fraction = (float)(place - first);
  KVOX_TRY(kvox_ct_center_load(scan, index, (int64_t)first, row));
  if (fraction == 0) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_ct_center_load(scan, index, (int64_t)first + 1, spare));
  for (int64_t i = 0; i < scan->columns; i++) {
    row[i] += fraction * (spare[i] - row[i]);
  }
  return KVOX_OK;
}

/* A fiftieth of the columns at each end averages noise and holds little of an object that the detector sees whole. */
static int64_t edge_columns(int64_t columns) { return kvox_max_i64(columns / 50, kvox_min_i64(2, columns / 2)); }

static void edge_means(int64_t columns, const float *row, double *left, double *right) {
  const int64_t edge = edge_columns(columns);
  *left = *right = 0;
  for (int64_t i = 0; i < edge; i++) {
    *left += (double)row[i] / (double)edge;
    *right += (double)row[columns - 1 - i] / (double)edge;
  }
}

void kvox_ct_center_level(int64_t columns, float *row) {
  double left, right;
  edge_means(columns, row, &left, &right);
  const double begin = 0.5 * (double)(edge_columns(columns) - 1);
  const double slope = (right - left) / ((double)(columns - 1) - 2 * begin);
  for (int64_t i = 0; i < columns; i++) {
    row[i] = (float)((double)row[i] - (left + slope * ((double)i - begin)));
  }
}

/* ---- Rows in parallel ---- */

kvox_status kvox_ct_center_run(kvox_ct_center_loop *loop, kvox_body body) {
  const kvox_ct_center_scan *scan = loop->scan;
  kvox_context *context = scan->context;
  const uint64_t results = (uint64_t)(scan->used_rows * loop->doubles) * sizeof(double);
  const uint64_t limit = context->memory_limit != 0 ? context->memory_limit : KVOX_USUAL_MEMORY;
  const uint64_t least = results + loop->scratch_bytes;
  if (context->memory_limit != 0 && least > limit) {
    return kvox_fail_limit("center", limit, least);
  }
  kvox_threads threads = context->threads;
  const uint64_t fitting = least < limit && loop->scratch_bytes > 0 ? (limit - results) / loop->scratch_bytes : 1;
  threads.limit = (int32_t)kvox_min_i64(threads.limit, kvox_max_i64((int64_t)fitting, 1));
  const int64_t work = kvox_work(scan->used_rows * OPERATIONS, scan->views * scan->columns);
  const uint64_t workers = (uint64_t)kvox_workers(&threads, scan->used_rows, work);
  loop->results = kvox_allocate_zeros(context->heap, results);
  loop->scratch = loop->results != NULL ? kvox_allocate(context->heap, workers * loop->scratch_bytes) : NULL;
  if (loop->scratch == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_parallel(&threads, scan->used_rows, work, body, loop, NULL));
  for (int64_t row = 1; row < scan->used_rows; row++) {
    for (int64_t i = 0; i < loop->doubles; i++) {
      loop->results[i] += loop->results[row * loop->doubles + i];
    }
  }
  return KVOX_OK;
}

void kvox_ct_center_release(kvox_ct_center_loop *loop) {
  kvox_release(loop->scan->context->heap, loop->scratch);
  kvox_release(loop->scan->context->heap, loop->results);
}

/* ---- The survey: is there an object, and does the detector see it whole? ---- */

enum { LEFT, RIGHT, WHOLE, LEVELLED, NEIGHBOURS, SURVEY_SUMS };

static void survey_view(int64_t columns, float *row, const float *before, double *sums) {
  double left, right, whole = 0, levelled = 0, neighbours = 0;
  edge_means(columns, row, &left, &right);
  for (int64_t i = 0; i < columns; i++) {
    whole += (double)row[i] * (double)row[i];
  }
  kvox_ct_center_level(columns, row);
  for (int64_t i = 0; i < columns; i++) {
    levelled += (double)row[i] * (double)row[i];
    neighbours += (double)row[i] * (double)before[i];
  }
  sums[LEFT] += left * left;
  sums[RIGHT] += right * right;
  sums[WHOLE] += whole;
  sums[LEVELLED] += levelled;
  sums[NEIGHBOURS] += neighbours;
}

static kvox_status survey_row(void *data, int64_t index, int32_t worker) {
  const kvox_ct_center_loop *loop = data;
  const kvox_ct_center_scan *scan = loop->scan;
  float *even = (float *)(void *)(loop->scratch + (uint64_t)worker * loop->scratch_bytes);
  float *odd = even + loop->scratch_bytes / 2 / sizeof *even;
  double *sums = loop->results + index * loop->doubles;
  memset(even, 0, loop->scratch_bytes);
  for (int64_t view = 0; view < scan->views; view++) {
    float *row = view % 2 == 0 ? even : odd;
    const float *before = view % 2 == 0 ? odd : even;
    KVOX_TRY(kvox_ct_center_load(scan, index, view, row));
    survey_view(scan->columns, row, before, sums);
  }
  return KVOX_OK;
}

static kvox_status survey(kvox_ct_center_scan *scan) {
  kvox_ct_center_loop loop = {
      .scan = scan,
      .doubles = SURVEY_SUMS,
      .scratch_bytes = 2 * (uint64_t)kvox_round_up(scan->columns * (int64_t)sizeof(float), KVOX_ALIGNMENT),
  };
  const double samples = (double)scan->used_rows * (double)scan->views * (double)scan->columns;
  kvox_status status = kvox_ct_center_run(&loop, survey_row);
  const double *sums = loop.results;
  if (status == KVOX_OK && !(sums[LEVELLED] > nothing * sums[WHOLE])) {
    status = kvox_fail(KVOX_ERROR_DATA, "center: the projections hold no object, every row is a straight line");
  }
  if (status == KVOX_OK && !(sums[NEIGHBOURS] > no_chance * sums[LEVELLED] / sqrt(samples))) {
    status = kvox_fail(KVOX_ERROR_DATA, "center: neighboring views have nothing in common; is there only noise?");
  }
  if (status == KVOX_OK) {
    scan->truncated = sqrt(fmax(sums[LEFT], sums[RIGHT]) * (double)scan->columns / sums[WHOLE]) > truncated_from;
  }
  kvox_ct_center_release(&loop);
  return status;
}

/* ---- The angles ---- */

static int by_angle(const void *a, const void *b) {
  const kvox_ct_center_view *x = a, *y = b;
  if (x->angle_deg != y->angle_deg) {
    return x->angle_deg < y->angle_deg ? -1 : 1;
  }
  return x->view < y->view ? -1 : 1;
}

void kvox_ct_center_sort(kvox_ct_center_view *views, int64_t count) {
  qsort(views, (size_t)count, sizeof *views, by_angle);
}

static kvox_status order_views(kvox_ct_center_scan *scan, const double *angles_deg) {
  const int64_t last = scan->views - 1;
  for (int64_t view = 0; view <= last; view++) {
    scan->order[view] = (kvox_ct_center_view){angles_deg[view], view};
  }
  kvox_ct_center_sort(scan->order, scan->views);
  const double first_deg = scan->order[0].angle_deg, span_deg = scan->order[last].angle_deg - first_deg;
  const double step_deg = span_deg / (double)last;
  for (int64_t view = 0; view <= last; view++) {
    if (!(fabs(scan->order[view].angle_deg - first_deg - step_deg * (double)view) < equal_steps * step_deg)) {
      return KVOX_OK;
    }
  }
  const double half_turn = 180 / step_deg, whole = nearbyint(half_turn);
  if ((double)last < half_turn - 1 - equal_steps) {
    char span[KVOX_NUMBER_BYTES], step[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "center: the views span %s degrees by steps of %s; half a turn less one step is needed",
                     kvox_number(span_deg, span), kvox_number(step_deg, step));
  }
  if (step_deg > widest_blend_deg && !(whole >= 1 && fabs(half_turn - whole) <= equal_steps)) {
    return KVOX_OK; /* golden angles that go on and on: equal steps, but no view near the opposite of another */
  }
  scan->half_turn = half_turn;
  scan->half_views = (int64_t)floor(scan->half_turn + equal_steps);
  scan->pairs = kvox_max_i64((int64_t)floor((double)last - scan->half_turn + equal_steps) + 1, 0);
  return KVOX_OK;
}

static kvox_status choose_method(const kvox_ct_center_scan *scan, double *center_px) {
  if (scan->half_turn > 0 && !scan->truncated) {
    return kvox_ct_center_by_phase(scan, center_px);
  }
  if (scan->half_turn > 0) {
    if (scan->pairs == 0) {
      kvox_log(scan->context->heap, KVOX_LOG_WARNING,
               "center: the object reaches beyond the detector; from half a turn its center is known to about a pixel");
    }
    return kvox_ct_center_by_overlap(scan, center_px);
  }
  if (scan->truncated) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "center: the steps between views are not equal and the object reaches beyond the detector; "
                     "give the center");
  }
  return kvox_ct_center_by_moments(scan, center_px);
}

kvox_status kvox_ct_find_center(kvox_context *context, const kvox_ct_geometry *geometry,
                                const kvox_ct_correction *correction, const kvox_array *projections,
                                double *center_px) {
  int64_t shape[3];
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(center_px);
  KVOX_TRY(kvox_ct_geometry_check_parallel(geometry, "center"));
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_REAL_TYPES, 3, shape));
  KVOX_TRY(kvox_ct_correction_check(correction, shape[1], shape[2]));
  if (shape[0] < 3 || shape[2] < 4 || shape[2] > KVOX_FFT_MOST_SIZE / 4) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "center: %" PRId64 " views of %" PRId64 " columns; 3 views and 4 to %" PRId64
                     " columns are needed",
                     shape[0], shape[2], KVOX_FFT_MOST_SIZE / 4);
  }
  kvox_ct_center_scan scan = {
      .context = context,
      .rows = {.projections = projections, .correction = correction, .cpu_level = context->cpu_level},
      .views = shape[0],
      .columns = shape[2],
      .all_rows = shape[1],
      .used_rows = kvox_min_i64(shape[1], MOST_ROWS),
  };
  scan.order = kvox_allocate_array(context->heap, shape[0], sizeof *scan.order);
  if (scan.order == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  double found = 0;
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(order_views(&scan, geometry->angles_deg));
  KVOX_TRY_CLEANUP(survey(&scan));
  KVOX_TRY_CLEANUP(choose_method(&scan, &found));
  *center_px = found;
cleanup:
  kvox_release(context->heap, scan.order);
  return status;
}
