/* Views as they arrive: the bits of the one-call form, whatever comes when. */
#include "ct/scan.h"
#include "ct/stream_cut.h"

enum { ROWS = 21, COLUMNS = 40, PIXELS = ROWS * COLUMNS, MOST_VIEWS = 73, SAMPLES = MOST_VIEWS * PIXELS };

static uint16_t counts[SAMPLES], flat[PIXELS], dark[PIXELS];
static int32_t whole[SAMPLES];
static float lines[SAMPLES], floats[SAMPLES];

static int fill_samples(void **state) {
  (void)state;
  fill_noise(lines, SAMPLES, 3);
  for (int i = 0; i < PIXELS; i++) {
    dark[i] = (uint16_t)(90 + i % 20);
    flat[i] = (uint16_t)(i % 97 == 5 ? 50 : 60000 - 3 * i); /* some bad pixels */
  }
  for (int i = 0; i < SAMPLES; i++) {
    counts[i] = (uint16_t)(30000 + 25000 * (double)lines[i]);
    whole[i] = counts[i];
    floats[i] = (float)counts[i];
  }
  return 0;
}

typedef struct bench {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_ct_correction *correction;
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options options;
  kvox_grid grid;
  int64_t views;
  kvox_array projections;
  kvox_volume *expected; /* of the one-call form */
} bench;

static kvox_array array_of(void *data, kvox_type type, int32_t rank, const int64_t *shape) {
  kvox_array array = {0};
  assert_ok(kvox_array_init(&array, data, type, rank, shape));
  return array;
}

static void make_correction(bench *b) {
  const int64_t shape[2] = {ROWS, COLUMNS};
  const kvox_array flat_array = array_of(flat, KVOX_U16, 2, shape), dark_array = array_of(dark, KVOX_U16, 2, shape);
  kvox_ct_correction_options o;
  kvox_ct_correction_options_init(&o);
  o.flat = &flat_array;
  o.dark = &dark_array;
  assert_ok(kvox_ct_correction_create(b->context, &o, &b->correction));
}

/* Beside the beams: views given one by one, the last with rows and columns exchanged. */
enum { PARALLEL_VIEWS = 10, CONE_VIEWS = 11, ON_ITS_SIDE = 12 };

/* The same as views, of a cone slightly out of their circle. */
static void give_views(bench *b, int32_t kind) {
  static kvox_ct_view views[MOST_VIEWS];
  kvox_ct_geometry *circle = b->geometry;
  for (int64_t v = 0; v < b->views; v++) {
    assert_ok(kvox_ct_geometry_view(circle, v, &views[v]));
    for (int a = 0; a < 3 && kind != PARALLEL_VIEWS; a++) {
      views[v].detector_mm[a] += 0.3 * sin((double)(v + a));
      const double row = views[v].row_step_mm[a], column = views[v].column_step_mm[a];
      views[v].row_step_mm[a] = kind == ON_ITS_SIDE ? column : row;
      views[v].column_step_mm[a] = kind == ON_ITS_SIDE ? row : column;
    }
  }
  const int32_t beam = kind == PARALLEL_VIEWS ? KVOX_CT_PARALLEL : KVOX_CT_CONE;
  assert_ok(kvox_ct_geometry_create_views(b->context, beam, ROWS, COLUMNS, views, b->views, &b->geometry));
  kvox_ct_geometry_destroy(circle);
}

static void make_geometry(bench *b, int32_t kind, double arc_deg) {
  const int32_t beam = kind == PARALLEL_VIEWS ? KVOX_CT_PARALLEL : kind > KVOX_CT_CONE ? KVOX_CT_CONE : kind;
  const double step = arc_deg / (double)(arc_deg < 360 ? b->views - 1 : b->views);
  if (beam == KVOX_CT_PARALLEL) {
    kvox_ct_parallel_options o;
    kvox_ct_parallel_options_init(&o);
    o.views = b->views, o.rows = ROWS, o.columns = COLUMNS;
    o.column_pitch_mm = 1, o.angle_step_deg = 180 / (double)b->views;
    o.column_offset_px = 0.7;
    assert_ok(kvox_ct_geometry_create_parallel(b->context, &o, &b->geometry));
    if (kind != beam) {
      give_views(b, kind);
    }
    return;
  }
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = b->views, o.rows = ROWS, o.columns = COLUMNS;
  o.source_to_axis_mm = 300, o.source_to_detector_mm = 450;
  o.column_pitch_mm = 1.5, o.row_pitch_mm = beam == KVOX_CT_FAN ? 1 : 1.5;
  o.angle_step_deg = step, o.column_offset_px = 0.7, o.row_offset_px = -0.6;
  assert_ok((beam == KVOX_CT_CONE ? kvox_ct_geometry_create_cone : kvox_ct_geometry_create_fan)(b->context, &o,
                                                                                                &b->geometry));
  if (kind != beam) {
    give_views(b, kind);
  }
}

/* On the CPU whatever the environment says: a device's one-call form need not have its bits. */
static kvox_context *cpu_context(int32_t threads) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.threads = threads;
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

/* Counts with a correction, or line integrals; slices between rows, HU. */
static bench open_bench(int32_t threads, int32_t kind, double arc_deg, int64_t views, kvox_type type) {
  bench b = {.context = cpu_context(threads), .views = views};
  const int64_t shape[3] = {views, ROWS, COLUMNS}, size[3] = {36, 33, 19};
  const double spacing[3] = {1, 1.1, 1}, center[3] = {1, -2, 0.3};
  make_geometry(&b, kind, arc_deg);
  kvox_ct_filter_options_init(&b.filter);
  if (type == KVOX_F64) {
    b.projections = array_of(lines, KVOX_F32, 3, shape);
  } else {
    make_correction(&b);
    void *samples = type == KVOX_U16 ? (void *)counts : type == KVOX_I32 ? (void *)whole : (void *)floats;
    b.projections = array_of(samples, type, 3, shape);
  }
  b.filter.correction = b.correction;
  assert_ok(kvox_grid_init(&b.grid, size, spacing, center));
  kvox_ct_fbp_options_init(&b.options);
  b.options.hounsfield = 1;
  b.options.mu_water_per_mm = 0.02;
  return b;
}

/* After the bench has come to its place: its options point into it. */
static void expect(bench *b) {
  kvox_ct_fbp_plan *plan = NULL;
  b->options.filter = &b->filter;
  b->options.grid = &b->grid;
  assert_ok(kvox_ct_fbp_plan_create(b->context, b->geometry, &b->options, &plan));
  assert_ok(kvox_volume_create(b->context, KVOX_F32, &b->grid, &b->expected));
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &b->projections, b->expected));
  kvox_ct_fbp_plan_destroy(plan);
}

static void close_bench(bench *b) {
  kvox_volume_destroy(b->expected);
  kvox_ct_correction_destroy(b->correction);
  kvox_ct_geometry_destroy(b->geometry);
  kvox_context_destroy(b->context);
}

static kvox_ct_fbp_plan *plan_of(const bench *b, int64_t window, uint64_t limit) {
  kvox_ct_fbp_options o = b->options;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_memory_use memory;
  o.stream_window = window;
  o.memory_limit = limit;
  assert_ok(kvox_ct_fbp_plan_create(b->context, b->geometry, &o, &plan));
  assert_ok(kvox_ct_fbp_plan_memory(plan, &memory));
  assert_true(limit == 0 || memory.workspace <= limit);
  return plan;
}

static kvox_volume *empty_volume(const bench *b) {
  kvox_volume *volume = NULL;
  assert_ok(kvox_volume_create(b->context, KVOX_F32, &b->grid, &volume));
  return volume;
}

static kvox_array views_of(const bench *b, int64_t first, int64_t count) {
  kvox_array part = b->projections;
  part.data = (char *)part.data + first * part.strides[0];
  part.shape[0] = count;
  return part;
}

static void push(const bench *b, kvox_ct_stream *stream, int64_t first, int64_t count) {
  const kvox_array part = views_of(b, first, count);
  assert_ok(kvox_ct_stream_push(stream, first, &part));
}

static void assert_result(const bench *b, const kvox_volume *volume) {
  const size_t bytes = (size_t)(b->grid.size[0] * b->grid.size[1] * b->grid.size[2]) * sizeof(float);
  assert_memory_equal(volume_samples(volume), volume_samples(b->expected), bytes);
  assert_string_equal(kvox_volume_provenance(volume), kvox_volume_provenance(b->expected));
  assert_int_equal(kvox_volume_unit(volume), kvox_volume_unit(b->expected));
}

typedef void (*feeder)(const bench *b, kvox_ct_stream *stream, int64_t window, uint64_t seed);

static void one_by_one(const bench *b, kvox_ct_stream *stream, int64_t window, uint64_t seed) {
  (void)window;
  (void)seed;
  for (int64_t view = 0; view < b->views; view++) {
    assert_int_equal(kvox_ct_stream_next(stream), view);
    assert_true(kvox_ct_stream_seconds(stream) == 0);
    push(b, stream, view, 1);
  }
}

static void all_at_once(const bench *b, kvox_ct_stream *stream, int64_t window, uint64_t seed) {
  (void)window;
  (void)seed;
  push(b, stream, 0, b->views);
}

static void in_blocks(const bench *b, kvox_ct_stream *stream, int64_t window, uint64_t seed) {
  (void)window;
  for (int64_t view = 0, count; view < b->views; view += count) {
    count = 1 + (int64_t)(random_bits(&seed) % 11);
    count = count < b->views - view ? count : b->views - view;
    push(b, stream, view, count);
  }
}

/* The last view of the window first, and so on down. */
static void reversed(const bench *b, kvox_ct_stream *stream, int64_t window, uint64_t seed) {
  (void)seed;
  for (int64_t begin = 0; begin < b->views; begin += window) {
    const int64_t end = begin + window < b->views ? begin + window : b->views;
    for (int64_t view = end - 1; view >= begin; view--) {
      push(b, stream, view, 1);
    }
  }
}

/* Any missing view of the window, sometimes with those that follow it. */
static void shuffled(const bench *b, kvox_ct_stream *stream, int64_t window, uint64_t seed) {
  uint8_t pushed[MOST_VIEWS + 1] = {0};
  int64_t next = 0;
  pushed[b->views] = 1;
  while (next < b->views) {
    const int64_t last = next + window < b->views ? next + window : b->views;
    int64_t first = next + (int64_t)(random_bits(&seed) % (uint64_t)(last - next)), count = 0;
    if (pushed[first]) {
      continue;
    }
    const int64_t most = random_bits(&seed) % 2 == 0 ? 1 : 4;
    while (count < most && first + count < last && !pushed[first + count]) {
      pushed[first + count++] = 1;
    }
    push(b, stream, first, count);
    while (next < b->views && pushed[next]) {
      next++;
    }
    assert_int_equal(kvox_ct_stream_next(stream), next);
  }
}

static void run(const bench *b, const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, int64_t window, feeder feed,
                uint64_t seed) {
  kvox_volume *volume = empty_volume(b);
  kvox_ct_stream *stream = NULL;
  assert_ok(kvox_ct_stream_create(plan, workspace, volume, &stream));
  feed(b, stream, window, seed);
  assert_int_equal(kvox_ct_stream_next(stream), b->views);
  assert_true(kvox_ct_stream_seconds(stream) > 0);
  assert_ok(kvox_ct_stream_finish(stream));
  assert_result(b, volume);
  kvox_ct_stream_destroy(stream);
  kvox_volume_destroy(volume);
}

/* Every beam, any views, short scans, odd numbers of views, types, windows, limits, threads: always the same bits. */
static void bits_are_those_of_one_call(void **state) {
  (void)state;
  static const struct {
    int32_t threads, kind;
    double arc;
    int64_t views;
    kvox_type type;
  } cases[] = {
      {1, KVOX_CT_CONE, 360, 72, KVOX_U16},     {2, KVOX_CT_CONE, 360, 73, KVOX_I32},
      {7, KVOX_CT_CONE, 215, 61, KVOX_F32},     {2, KVOX_CT_CONE, 360, 72, KVOX_F64},
      {2, KVOX_CT_FAN, 360, 73, KVOX_U16},      {3, KVOX_CT_FAN, 230, 58, KVOX_F64},
      {1, KVOX_CT_PARALLEL, 180, 72, KVOX_U16}, {2, KVOX_CT_PARALLEL, 180, 73, KVOX_I32},
      {7, KVOX_CT_PARALLEL, 180, 61, KVOX_F64}, {2, PARALLEL_VIEWS, 180, 60, KVOX_U16},
      {2, CONE_VIEWS, 360, 73, KVOX_U16},       {2, ON_ITS_SIDE, 360, 61, KVOX_F64},
  };
  static const int64_t windows[] = {1, 2, 5, 16, 1000};
  static const feeder feeders[] = {one_by_one, all_at_once, in_blocks, reversed, shuffled};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bench b = open_bench(cases[i].threads, cases[i].kind, cases[i].arc, cases[i].views, cases[i].type);
    expect(&b);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
      kvox_ct_fbp_plan *plan = plan_of(&b, windows[w], 0), *least = NULL;
      kvox_ct_fbp_options o = b.options;
      o.stream_window = windows[w];
      o.memory_limit = 1;
      assert_fails(KVOX_ERROR_MEMORY_LIMIT, "bytes", kvox_ct_fbp_plan_create(b.context, b.geometry, &o, &least));
      const char *number = strstr(kvox_last_error(), "least");
      assert_non_null(number);
      number += strcspn(number, "0123456789");
      least = plan_of(&b, windows[w], strtoull(number, NULL, 10));
      for (size_t f = 0; f < sizeof feeders / sizeof feeders[0]; f++) {
        /* The order that can go wrong in most ways with every cut, the others with one. */
        run(&b, (w + f) % 2 == 0 ? plan : least, NULL, windows[w], feeders[f], 11 + f);
      }
      run(&b, plan, NULL, windows[w], shuffled, 17);
      run(&b, least, NULL, windows[w], shuffled, 18);
      kvox_ct_fbp_plan_destroy(least);
      kvox_ct_fbp_plan_destroy(plan);
    }
    close_bench(&b);
  }
}

/* What is made for streams also executes at once. */
static void its_plan_executes_too(void **state) {
  (void)state;
  for (int32_t beam = KVOX_CT_PARALLEL; beam <= KVOX_CT_CONE; beam++) {
    bench b = open_bench(2, beam, 360, 73, KVOX_U16);
    expect(&b);
    kvox_ct_fbp_plan *plan = plan_of(&b, 4, 300000);
    kvox_volume *volume = empty_volume(&b);
    assert_ok(kvox_ct_fbp_execute(plan, NULL, &b.projections, volume));
    assert_result(&b, volume);
    kvox_volume_destroy(volume);
    kvox_ct_fbp_plan_destroy(plan);
    close_bench(&b);
  }
}

/* Rows that a region does not see are not looked at; padded and negative strides are. */
static void regions_and_strides(void **state) {
  (void)state;
  for (int32_t beam = KVOX_CT_PARALLEL; beam <= KVOX_CT_CONE; beam++) {
    bench b = open_bench(2, beam, 360, 72, KVOX_F64);
    /* The slices of fan and cone come in blocks of 16, which see all rows here. */
    const bool unseen = beam == KVOX_CT_PARALLEL;
    static float padded[72][ROWS][COLUMNS][2];
    for (int64_t v = 0; v < 72; v++) {
      for (int64_t r = 0; r < ROWS; r++) {
        for (int64_t u = 0; u < COLUMNS; u++) {
          padded[71 - v][r][u][0] = unseen && (r == 0 || r == ROWS - 1) ? NAN : lines[(v * ROWS + r) * COLUMNS + u];
        }
      }
    }
    const int64_t begin[3] = {5, 3, 7}, size[3] = {20, 22, 5};
    memcpy(b.options.region_begin, begin, sizeof begin);
    memcpy(b.options.region_size, size, sizeof size);
    b.options.filter = &b.filter;
    b.options.grid = &b.grid;
    kvox_ct_fbp_plan *once = NULL, *plan = plan_of(&b, 3, 0);
    assert_ok(kvox_ct_fbp_plan_create(b.context, b.geometry, &b.options, &once));
    assert_ok(kvox_ct_fbp_plan_grid(plan, &b.grid));
    b.expected = empty_volume(&b);
    assert_ok(kvox_ct_fbp_execute(once, NULL, &b.projections, b.expected));
    b.projections.data = padded[71];
    b.projections.strides[0] = -(int64_t)sizeof padded[0];
    b.projections.strides[1] = sizeof padded[0][0];
    b.projections.strides[2] = 2 * sizeof(float);
    run(&b, plan, NULL, 3, shuffled, 5);
    run(&b, plan, NULL, 3, in_blocks, 6);
    kvox_ct_fbp_plan_destroy(plan);
    kvox_ct_fbp_plan_destroy(once);
    close_bench(&b);
  }
}

/* Nor are rows between slices that lie farther apart, whether views come in pairs or wait for their partner. */
static void rows_between_slices_are_not_looked_at(void **state) {
  (void)state;
  bench b = open_bench(2, KVOX_CT_PARALLEL, 180, 12, KVOX_F64);
  static float some[12][ROWS][COLUMNS];
  memcpy(some, lines, sizeof some);
  const int64_t size[3] = {36, 33, 4};
  const double spacing[3] = {1, 1.1, 5}, center[3] = {0, 0, 0};
  /* z = -7.5, -2.5 ...: between rows 2 and 3, 7 and 8, 12 and 13, 17 and 18. */
  for (int64_t row = 0; row < 12 * ROWS; row++) {
    if (row % ROWS % 5 != 2 && row % ROWS % 5 != 3) {
      some[row / ROWS][row % ROWS][COLUMNS / 2] = NAN;
    }
  }
  assert_ok(kvox_grid_init(&b.grid, size, spacing, center));
  expect(&b);
  b.projections.data = some;
  kvox_ct_fbp_plan *plan = plan_of(&b, 3, 0);
  run(&b, plan, NULL, 3, all_at_once, 0);
  run(&b, plan, NULL, 3, one_by_one, 0);
  run(&b, plan, NULL, 3, shuffled, 7);
  kvox_ct_fbp_plan_destroy(plan);
  close_bench(&b);
}

/* What is refused changes nothing: the bits are right in the end. */
static void refused_pushes_leave_the_stream_as_it_was(void **state) {
  (void)state;
  for (int32_t beam = KVOX_CT_PARALLEL; beam <= KVOX_CT_CONE; beam++) {
    bench b = open_bench(2, beam, 360, 40, KVOX_F32);
    expect(&b);
    kvox_ct_fbp_plan *plan = plan_of(&b, 4, 0);
    kvox_volume *volume = empty_volume(&b);
    kvox_ct_stream *s = NULL;
    assert_ok(kvox_ct_stream_create(plan, NULL, volume, &s));
    kvox_array a = views_of(&b, 4, 1);
    assert_fails(KVOX_ERROR_ARGUMENT, "view 4 is too far ahead of view 0", kvox_ct_stream_push(s, 4, &a));
    a = views_of(&b, 3, 2);
    assert_fails(KVOX_ERROR_ARGUMENT, "view 4 is too far", kvox_ct_stream_push(s, 3, &a));
    assert_fails(KVOX_ERROR_ARGUMENT, "view -1 does not exist", kvox_ct_stream_push(s, -1, &a));
    assert_fails(KVOX_ERROR_ARGUMENT, "view 40 does not exist", kvox_ct_stream_push(s, 39, &a));
    assert_fails(KVOX_ERROR_ARGUMENT, "view 41 does not exist", kvox_ct_stream_push(s, 41, &a));
    assert_fails(KVOX_ERROR_ARGUMENT, "does not exist", kvox_ct_stream_push(s, INT64_MAX, &a));
    push(&b, s, 2, 1);
    assert_fails(KVOX_ERROR_ARGUMENT, "view 2 was pushed before", kvox_ct_stream_push(s, 1, &a));
    a.shape[1]--;
    assert_fails(KVOX_ERROR_SIZE, "projections", kvox_ct_stream_push(s, 0, &a));
    a = views_of(&b, 0, 1);
    a.rank = 1;
    assert_fails(KVOX_ERROR_SIZE, "projections: its shape is 1, must be 1 x 21 x 40", kvox_ct_stream_push(s, 0, &a));
    assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_ct_stream_push(s, 0, NULL));
    assert_fails(KVOX_ERROR_ARGUMENT, "view 0 is missing", kvox_ct_stream_finish(s));
    /* Views 0, 1, 3 come, 4 does not. */
    float *bad = floats + (4 * ROWS + 9) * COLUMNS + 7, good = *bad;
    push(&b, s, 0, 2);
    *bad = NAN;
    a = views_of(&b, 3, 4);
    assert_fails(KVOX_ERROR_DATA, "view 4, row 9, column 7", kvox_ct_stream_push(s, 3, &a));
    assert_int_equal(kvox_ct_stream_next(s), 4);
    a = views_of(&b, 4, 1);
    assert_fails(KVOX_ERROR_DATA, "view 4, row 9, column 7", kvox_ct_stream_push(s, 4, &a));
    push(&b, s, 5, 1);
    assert_fails(KVOX_ERROR_DATA, "view 4, row 9, column 7", kvox_ct_stream_push(s, 4, &a));
    *bad = good;
    a.rank = 2;
    memmove(a.shape, a.shape + 1, 2 * sizeof *a.shape);
    memmove(a.strides, a.strides + 1, 2 * sizeof *a.strides);
    assert_ok(kvox_ct_stream_push(s, 4, &a));
    push(&b, s, 6, 33);
    assert_fails(KVOX_ERROR_ARGUMENT, "view 39 is missing", kvox_ct_stream_finish(s));
    assert_int_not_equal(kvox_volume_unit(volume), KVOX_UNIT_HU);
    push(&b, s, 39, 1);
    a = views_of(&b, 39, 1);
    assert_fails(KVOX_ERROR_ARGUMENT, "view 39 was pushed before", kvox_ct_stream_push(s, 39, &a));
    assert_ok(kvox_ct_stream_finish(s));
    assert_ok(kvox_ct_stream_finish(s));
    assert_result(&b, volume);
    kvox_volume_destroy(volume); /* the caller's again: not looked at */
    assert_fails(KVOX_ERROR_ARGUMENT, "the stream is finished", kvox_ct_stream_push(s, 0, &b.projections));
    assert_ok(kvox_ct_stream_finish(s));
    kvox_ct_stream_destroy(s);
    kvox_ct_fbp_plan_destroy(plan);
    close_bench(&b);
  }
}

static void what_cannot_begin_gets_a_sentence(void **state) {
  (void)state;
  bench b = open_bench(1, KVOX_CT_CONE, 360, 40, KVOX_U16);
  expect(&b);
  kvox_ct_fbp_plan *none = plan_of(&b, 0, 0), *plan = plan_of(&b, 1, 0), *wrong = NULL;
  kvox_volume *volume = empty_volume(&b), *small = NULL;
  kvox_ct_stream *s = NULL;
  kvox_ct_fbp_options o = b.options;
  o.stream_window = -1;
  assert_fails(KVOX_ERROR_ARGUMENT, "stream_window", kvox_ct_fbp_plan_create(b.context, b.geometry, &o, &wrong));
  kvox_grid grid = b.grid;
  grid.size[1]--;
  assert_ok(kvox_volume_create(b.context, KVOX_F32, &grid, &small));
  assert_fails(KVOX_ERROR_ARGUMENT, "stream_window", kvox_ct_stream_create(none, NULL, volume, &s));
  assert_fails(KVOX_ERROR_SIZE, "volume", kvox_ct_stream_create(plan, NULL, small, &s));
  assert_fails(KVOX_ERROR_ARGUMENT, "plan is NULL", kvox_ct_stream_create(NULL, NULL, volume, &s));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume is NULL", kvox_ct_stream_create(plan, NULL, NULL, &s));
  assert_fails(KVOX_ERROR_ARGUMENT, "stream is NULL", kvox_ct_stream_create(plan, NULL, volume, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "stream is NULL", kvox_ct_stream_push(NULL, 0, &b.projections));
  assert_fails(KVOX_ERROR_ARGUMENT, "stream is NULL", kvox_ct_stream_finish(NULL));
  assert_int_equal(kvox_ct_stream_next(NULL), -1);
  assert_true(kvox_ct_stream_seconds(NULL) == 0);
  kvox_ct_stream_destroy(NULL);
  assert_null(s);
  kvox_volume_destroy(small);
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_ct_fbp_plan_destroy(none);
  close_bench(&b);
}

/* The workspace is the stream's until its end and comes back with its stages; what made the stream may go first. */
static void a_stream_holds_what_it_needs(void **state) {
  (void)state;
  bench b = open_bench(2, KVOX_CT_CONE, 360, 40, KVOX_U16);
  expect(&b);
  kvox_ct_fbp_plan *plan = plan_of(&b, 1, 0);
  kvox_volume *volume = empty_volume(&b);
  kvox_workspace *workspace = NULL;
  kvox_ct_stream *s = NULL, *other = NULL;
  assert_ok(kvox_workspace_create(b.context, &workspace));
  assert_ok(kvox_ct_stream_create(plan, workspace, volume, &s));
  assert_fails(KVOX_ERROR_ARGUMENT, "workspace", kvox_ct_fbp_execute(plan, workspace, &b.projections, volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "workspace", kvox_ct_stream_create(plan, workspace, volume, &other));
  push(&b, s, 0, 40);
  assert_ok(kvox_ct_stream_finish(s));
  assert_result(&b, volume);
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "filter");
  assert_string_equal(kvox_workspace_stage_name(workspace, 1), "backproject");
  assert_ok(kvox_ct_stream_create(plan, workspace, volume, &other)); /* before the finished one is destroyed */
  kvox_ct_stream_destroy(s);
  kvox_workspace_destroy(workspace);
  kvox_ct_fbp_plan_destroy(plan);
  one_by_one(&b, other, 1, 0);
  assert_ok(kvox_ct_stream_finish(other));
  assert_result(&b, volume);
  kvox_ct_stream_destroy(other);
  kvox_volume_destroy(volume);
  close_bench(&b);
}

/* Progress rises over the whole scan to 1; cancelled, a stream is over, and another one is not. */
static void progress_and_cancellation(void **state) {
  (void)state;
  for (int32_t beam = KVOX_CT_PARALLEL; beam <= KVOX_CT_CONE; beam++) {
    bench b = open_bench(2, beam, 360, 73, KVOX_U16);
    expect(&b);
    kvox_ct_fbp_plan *plan = plan_of(&b, 5, 0);
    kvox_volume *volume = empty_volume(&b);
    kvox_workspace *workspace = NULL;
    kvox_ct_stream *s = NULL;
    assert_ok(kvox_workspace_create(b.context, &workspace));
    watcher w = {.stop_at = 0.6};
    kvox_workspace_set_progress(workspace, watch, &w);
    assert_ok(kvox_ct_stream_create(plan, workspace, volume, &s));
    assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_ct_stream_push(s, 0, &b.projections));
    const kvox_array last = views_of(&b, 72, 1);
    assert_fails(KVOX_ERROR_CANCELLED, "begin another", kvox_ct_stream_push(s, 72, &last));
    assert_fails(KVOX_ERROR_CANCELLED, "begin another", kvox_ct_stream_finish(s));
    kvox_ct_stream_destroy(s);
    w = (watcher){.stop_at = 2};
    run(&b, plan, workspace, 5, shuffled, 3);
    assert_true(w.last == 1);
    kvox_workspace_destroy(workspace);
    kvox_volume_destroy(volume);
    kvox_ct_fbp_plan_destroy(plan);
    close_bench(&b);
  }
}

/* What would cost the most: the limit grows, the ring and the block with it, and every size is served. */
static void cuts_fit_their_limit(void **state) {
  (void)state;
  kvox_ct_stream_need need = {.views = 361, .view_bytes = 1000, .raw_bytes = 900, .worker_bytes = 5000, .workers = 4};
  need.name = "test";
  for (need.window = 1; need.window <= 400; need.window = need.window * 2 + 1) {
    int64_t block = 0;
    int fitted = 0;
    for (need.limit = 1000; need.limit < 2000000; need.limit += need.limit / 3 + 1) {
      kvox_ct_stream_cut cut;
      const kvox_status status = kvox_ct_stream_cut_make(&need, &cut);
      if (status != KVOX_OK) {
        assert_int_equal(status, KVOX_ERROR_MEMORY_LIMIT);
        assert_int_equal(fitted, 0);
        continue;
      }
      fitted++;
      assert_true(cut.block_bytes + (uint64_t)cut.workers * need.worker_bytes <= need.limit);
      assert_true(cut.block >= 2 && cut.block % 2 == 0 && cut.ring % 2 == 0);
      assert_true(cut.ring == 362 || cut.ring >= cut.block + cut.window - 1);
      assert_true(cut.block >= block || cut.workers > 1);
      block = cut.block;
    }
    assert_true(fitted > 0 && block == 64);
  }
  need.limit = 0;
  need.view_bytes = (uint64_t)1 << 60;
  kvox_ct_stream_cut cut;
  assert_fails(KVOX_ERROR_SIZE, "2^62", kvox_ct_stream_cut_make(&need, &cut));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_those_of_one_call),
                                     cmocka_unit_test(its_plan_executes_too),
                                     cmocka_unit_test(regions_and_strides),
                                     cmocka_unit_test(rows_between_slices_are_not_looked_at),
                                     cmocka_unit_test(refused_pushes_leave_the_stream_as_it_was),
                                     cmocka_unit_test(what_cannot_begin_gets_a_sentence),
                                     cmocka_unit_test(a_stream_holds_what_it_needs),
                                     cmocka_unit_test(progress_and_cancellation),
                                     cmocka_unit_test(cuts_fit_their_limit)};
  return cmocka_run_group_tests(tests, fill_samples, NULL);
}
