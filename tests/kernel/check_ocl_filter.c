#include <math.h>
#include <string.h>

#include "core/size.h"
#include "ct/ocl.h"
#include "kernel/check_ocl.h"

/* Two transforms in float, each with some 1e-7 of the largest value. */
static const double bound_share = 2e-6;

/* A scan, slices on its rows, and a cut of both. */
typedef struct shape {
  int64_t views, rows, columns, slices, most_views, most_slices;
  kvox_ct_ocl_cut cut;
  kvox_ct_row_place *places;
  kvox_ct_geometry *geometry;
} shape;

static const int32_t lane_counts[] = {1, 2, 4, 8, 16};

/* Few: a device builds programs for each length. */
static const int64_t widths[] = {1, 2, 3, 17, 64, 150};

/* Slices one above the other, on rows or between them. */
static void place_slices(kvox_check *check, shape *s) {
  double row = kvox_check_real(check, 0, 2), step = kvox_check_real(check, 0.1, 1.3);
  s->places = kvox_check_memory(check, (size_t)s->slices * sizeof *s->places);
  for (int64_t k = 0; k < s->slices; k++, row += step) {
    s->places[k] = (kvox_ct_row_place){.row = (int64_t)row, .fraction = (float)(row - floor(row))};
    if (kvox_check_chance(check, 0.5)) {
      s->places[k].fraction = 0;
    }
  }
  s->rows = s->places[s->slices - 1].row + 2 + kvox_check_integer(check, 0, 2);
}

/* What a cut takes of the scan; larger than what the stage was made for at times: it then goes in several batches. */
static void random_cut(kvox_check *check, shape *s) {
  kvox_ct_ocl_cut *cut = &s->cut;
  cut->lanes = lane_counts[kvox_check_integer(check, 0, 4)];
  cut->view = kvox_check_integer(check, 0, (s->views - 1) / 2) * 2;
  cut->views =
      kvox_check_chance(check, 0.5) ? s->views - cut->view : kvox_check_integer(check, 1, s->views - cut->view);
  cut->slice = kvox_check_integer(check, 0, s->slices - 1);
  cut->slices = kvox_check_integer(check, 1, s->slices - cut->slice);
  cut->row = s->places[cut->slice].row;
  cut->rows = s->places[cut->slice + cut->slices - 1].row + 2 - cut->row;
  cut->block_view = 2 * kvox_check_integer(check, 0, 3);
  cut->block_views = cut->block_view + cut->views + kvox_check_integer(check, 0, 3);
  s->most_views = 2 * kvox_check_integer(check, 1, 4);
  s->most_slices = kvox_check_integer(check, kvox_min_i64(cut->lanes, cut->slices), cut->slices + 5);
}

static shape random_shape(kvox_check *check) {
  shape s = {.views = kvox_check_integer(check, 1, 12),
             .columns = widths[kvox_check_integer(check, 0, 5)],
             .slices = kvox_check_integer(check, 1, kvox_check_chance(check, 0.3) ? 40 : 6)};
  kvox_ct_parallel_options options;
  place_slices(check, &s);
  random_cut(check, &s);
  kvox_ct_parallel_options_init(&options);
  options.views = s.views;
  options.rows = s.rows;
  options.columns = s.columns;
  options.column_pitch_mm = kvox_check_real(check, 0.1, 2);
  options.angle_step_deg = kvox_check_real(check, 1, 30);
  kvox_check_ok(check, kvox_ct_geometry_create_parallel(check->context, &options, &s.geometry));
  kvox_check_shape(check,
                   "views %d + %d of %d, slices %d + %d of %d, %d columns, %d lanes, made for %d views of %d slices",
                   (int)s.cut.view, (int)s.cut.views, (int)s.views, (int)s.cut.slice, (int)s.cut.slices, (int)s.slices,
                   (int)s.columns, (int)s.cut.lanes, (int)s.most_views, (int)s.most_slices);
  return s;
}

static float *random_lines(kvox_check *check, int64_t count) {
  float *lines = kvox_check_floats(check, count);
  for (int64_t i = 0; i < count; i++) {
    lines[i] = (float)kvox_check_real(check, -1, 5);
  }
  return lines;
}

/* The row of a view that the slice lies on. */
static void take_row(const shape *s, const float *lines, int64_t view, int64_t slice, float *row) {
  const kvox_ct_row_place place = s->places[s->cut.slice + slice];
  const float *low = lines + (view * s->cut.rows + place.row - s->cut.row) * s->columns;
  for (int64_t i = 0; i < s->columns; i++) {
    row[i] = place.fraction == 0 ? low[i] : low[i] + place.fraction * (low[s->columns + i] - low[i]);
  }
}

/* wanted[slice][view][column] by the oracle. */
static float *filter_by_oracle(kvox_check *check, const shape *s, const kvox_ct_filter_options *options,
                               const float *lines, bool weigh) {
  const kvox_ct_ocl_cut *cut = &s->cut;
  kvox_ct_filter *filter = NULL;
  kvox_context *context = kvox_check_oracle(check);
  float *wanted = kvox_check_floats(check, cut->slices * cut->views * s->columns);
  float *a = kvox_check_floats(check, s->columns), *b = kvox_check_floats(check, s->columns);
  if (context != NULL && kvox_check_ok(check, kvox_ct_filter_make(context, s->geometry->columns,
                                                                  s->geometry->column_pitch_mm, options, &filter))) {
    const uint64_t bytes = kvox_ct_filter_scratch(filter);
    void *scratch = kvox_check_memory(check, (size_t)bytes);
    for (int64_t n = 0; n < cut->slices * kvox_divide_up(cut->views, 2); n++) {
      const int64_t slice = n % cut->slices, view = n / cut->slices * 2;
      const double *weights = s->geometry->weights_rad + cut->view + view;
      const bool pair = view + 1 < cut->views;
      float *out = wanted + (slice * cut->views + view) * s->columns;
      take_row(s, lines, view, slice, a);
      if (pair) {
        take_row(s, lines, view + 1, slice, b);
      }
      const kvox_filter_pair rows = {.a = a,
                                     .b = pair ? b : NULL,
                                     .weight_a = weigh ? (float)weights[0] : 1,
                                     .weight_b = pair && weigh ? (float)weights[1] : 1,
                                     .out_a = out,
                                     .out_b = pair ? out + s->columns : NULL};
      kvox_ct_filter_pairs(filter, scratch, &rows, 1);
    }
  }
  kvox_ct_filter_drop(filter);
  kvox_context_destroy(context);
  return wanted;
}

/* The block on the device, as it is after the stage has run. */
static float *filter_on_device(kvox_check *check, const shape *s, const kvox_ct_filter_options *options,
                               const float *lines, bool weigh, const kvox_array *stored, int64_t floats) {
  const kvox_ct_ocl_cut *cut = &s->cut;
  const kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(s->geometry);
  kvox_ct_ocl_filter *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  kvox_buffer *rows =
      kvox_check_upload(check, queue, lines, (uint64_t)(cut->views * cut->rows * s->columns) * sizeof *lines);
  kvox_buffer *block = kvox_check_untouched(check, queue, floats);
  float *got = kvox_check_floats(check, floats);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_filter_create(check->context, &scan, options, s->places, s->slices,
                                                     s->most_views, s->most_slices, cut->lanes, &stage))) {
    if (stored == NULL) {
      kvox_check_ok(check, kvox_ct_ocl_filter_run(stage, queue, cut, rows, weigh, block));
    } else {
      kvox_array to = *stored;
      to.buffer = block;
      kvox_check_ok(check, kvox_ct_ocl_filter_store(stage, queue, cut, rows, &to));
    }
    kvox_check_read(check, queue, block, got, (uint64_t)floats * sizeof *got);
  }
  if (queue != NULL) {
    kvox_check_ok(check, kvox_ocl_finish(queue));
  }
  kvox_ct_ocl_filter_destroy(stage);
  kvox_buffer_destroy(rows);
  kvox_buffer_destroy(block);
  kvox_ocl_queue_give_back(queue);
  return got;
}

/* Moves what must have been computed out of `got` in the order of the oracle; what is left must be untouched. */
static void take_out(kvox_check *check, float *got, int64_t at, float *value) {
  const uint32_t untouched = KVOX_CHECK_UNTOUCHED;
  if (kvox_check_is_untouched(got + at)) {
    kvox_check_fault(check, "nothing was written at %d", (int)at);
  }
  *value = got[at];
  memcpy(got + at, &untouched, sizeof untouched);
}

static void check_untouched(kvox_check *check, const float *got, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (!kvox_check_is_untouched(got + i)) {
      kvox_check_fault(check, "wrote beside its own at %d", (int)i);
    }
  }
}

static void compare_block(kvox_check *check, const shape *s, const kvox_ct_filter_options *options,
                          const float *lines) {
  const kvox_ct_ocl_cut *cut = &s->cut;
  const int64_t groups = kvox_ct_ocl_groups(cut), count = cut->slices * cut->views * s->columns;
  const int64_t floats = groups * cut->block_views * s->columns * cut->lanes;
  const bool weigh = kvox_check_chance(check, 0.7);
  const float *want = filter_by_oracle(check, s, options, lines, weigh);
  float *got = filter_on_device(check, s, options, lines, weigh, NULL, floats);
  float *values = kvox_check_floats(check, count);
  for (int64_t n = 0; check->fault[0] == '\0' && n < groups * cut->lanes * cut->views * s->columns; n++) {
    const int64_t slice = n / s->columns / cut->views, view = n / s->columns % cut->views, column = n % s->columns;
    const int64_t group = slice / cut->lanes, lane = slice % cut->lanes;
    float beyond;
    take_out(check, got,
             ((group * cut->block_views + cut->block_view + view) * s->columns + column) * cut->lanes + lane,
             slice < cut->slices ? values + n : &beyond);
    if (slice >= cut->slices && beyond != 0) {
      kvox_check_fault(check, "lane %d beyond the last slice is %g", (int)lane, (double)beyond);
    }
  }
  if (check->fault[0] == '\0') {
    check_untouched(check, got, floats);
    kvox_check_range(check, "filtered", count, values, want, bound_share);
  }
}

/* [view][slice][column] with gaps, for lanes of 1. */
static void compare_stored(kvox_check *check, shape *s, const kvox_ct_filter_options *options, const float *lines) {
  const kvox_ct_ocl_cut *cut = &s->cut;
  s->cut.lanes = 1;
  const int64_t row = s->columns + kvox_check_integer(check, 0, 3), count = cut->slices * cut->views * s->columns;
  const int64_t view_step = cut->slices * row + kvox_check_integer(check, 0, 3);
  const int64_t begin = kvox_check_integer(check, 0, 3), floats = begin + cut->views * view_step;
  const kvox_array stored = {.data = (void *)(uintptr_t)((uint64_t)begin * sizeof(float)),
                             .type = KVOX_F32,
                             .rank = 3,
                             .shape = {cut->views, cut->slices, s->columns},
                             .strides = {view_step * 4, row * 4, 4}};
  const float *want = filter_by_oracle(check, s, options, lines, false);
  float *got = filter_on_device(check, s, options, lines, false, &stored, floats);
  float *values = kvox_check_floats(check, count);
  for (int64_t n = 0; check->fault[0] == '\0' && n < count; n++) {
    const int64_t slice = n / s->columns / cut->views, view = n / s->columns % cut->views;
    take_out(check, got, begin + view * view_step + slice * row + n % s->columns, values + n);
  }
  if (check->fault[0] == '\0') {
    check_untouched(check, got, floats);
    kvox_check_range(check, "filtered", count, values, want, bound_share);
  }
}

static void compare(kvox_check *check) {
  shape s = random_shape(check);
  kvox_ct_filter_options options;
  kvox_ct_filter_options_init(&options);
  options.window = (int32_t)kvox_check_integer(check, KVOX_CT_RAMP, KVOX_CT_HANN);
  const float *lines = random_lines(check, s.cut.views * s.cut.rows * s.columns);
  if (check->fault[0] == '\0' && kvox_check_chance(check, 0.3)) {
    compare_stored(check, &s, &options, lines);
  } else if (check->fault[0] == '\0') {
    compare_block(check, &s, &options, lines);
  }
  kvox_ct_geometry_destroy(s.geometry);
}

enum { BENCH_VIEWS = 64, BENCH_ROWS = 16, BENCH_COLUMNS = 1024, BENCH = BENCH_VIEWS * BENCH_ROWS * BENCH_COLUMNS };

typedef struct bench {
  kvox_check *check;
  kvox_ct_filter_plan *plan;
  kvox_workspace *workspace;
  kvox_array lines, filtered;
  kvox_ct_ocl_cut cut;
  kvox_ct_ocl_filter *stage;
  kvox_ocl_queue *queue;
  kvox_buffer *rows, *block;
} bench;

static void work_oracle(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_filter_execute(b->plan, b->workspace, &b->lines, &b->filtered));
}

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_ocl_filter_run(b->stage, b->queue, &b->cut, b->rows, true, b->block));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_oracle(bench *b, kvox_context *context, const kvox_ct_geometry *geometry) {
  kvox_check *check = b->check;
  if (kvox_check_ok(check, kvox_ct_filter_plan_create(context, geometry, NULL, &b->plan)) &&
      kvox_check_ok(check, kvox_workspace_create(context, &b->workspace))) {
    kvox_check_time(check, work_oracle, b, BENCH);
  }
  kvox_workspace_destroy(b->workspace);
  kvox_ct_filter_plan_destroy(b->plan);
}

static void bench_device(bench *b, const kvox_ct_geometry *geometry) {
  kvox_check *check = b->check;
  kvox_ct_filter_options options;
  kvox_ct_row_place places[BENCH_ROWS];
  kvox_ct_filter_options_init(&options);
  for (int64_t k = 0; k < BENCH_ROWS; k++) {
    places[k] = (kvox_ct_row_place){.row = k};
  }
  b->cut =
      (kvox_ct_ocl_cut){.views = BENCH_VIEWS, .slices = BENCH_ROWS, .rows = BENCH_ROWS, .block_views = BENCH_VIEWS};
  b->cut.lanes = 16;
  const kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(geometry);
  b->queue = kvox_check_queue(check);
  b->rows = kvox_check_upload(check, b->queue, b->lines.data, BENCH * sizeof(float));
  b->block = kvox_check_untouched(check, b->queue, BENCH);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_filter_create(check->context, &scan, &options, places, BENCH_ROWS, BENCH_VIEWS,
                                                     BENCH_ROWS, b->cut.lanes, &b->stage))) {
    kvox_check_time(check, work_device, b, BENCH);
  }
  kvox_ct_ocl_filter_destroy(b->stage);
  kvox_buffer_destroy(b->rows);
  kvox_buffer_destroy(b->block);
  kvox_ocl_queue_give_back(b->queue);
}

static void bench_filter(kvox_check *check) {
  bench b = {.check = check};
  kvox_ct_parallel_options options;
  kvox_ct_geometry *geometry = NULL;
  kvox_context *oracle = kvox_check_oracle(check);
  const int64_t size[3] = {BENCH_VIEWS, BENCH_ROWS, BENCH_COLUMNS};
  kvox_ct_parallel_options_init(&options);
  options.views = BENCH_VIEWS;
  options.rows = BENCH_ROWS;
  options.columns = BENCH_COLUMNS;
  options.angle_step_deg = 180.0 / BENCH_VIEWS;
  kvox_check_ok(check, kvox_ct_geometry_create_parallel(oracle, &options, &geometry));
  kvox_check_ok(check, kvox_array_init(&b.lines, random_lines(check, BENCH), KVOX_F32, 3, size));
  kvox_check_ok(check, kvox_array_init(&b.filtered, kvox_check_floats(check, BENCH), KVOX_F32, 3, size));
  check->bytes = 2 * sizeof(float);
  if (check->context != NULL) {
    bench_device(&b, geometry);
  } else {
    bench_oracle(&b, oracle, geometry);
  }
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(oracle);
}

const kvox_check_stage kvox_check_ocl_filter = {"filter", "2e-6 of the range", compare, bench_filter};
