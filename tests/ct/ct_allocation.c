/* Every allocation of a reconstruction fails once, from plan to destroy; warm executions allocate nothing. */
#include <math.h>

#include "core/fail.h"
#include "failing_heap.h"
#include "kvox/kvox.h"

enum { VIEWS = 45, ROWS = 5, COLUMNS = 63, SAMPLES = VIEWS * ROWS * COLUMNS };

static uint16_t counts[SAMPLES], flat[ROWS * COLUMNS], dark[ROWS * COLUMNS];
static float lines[SAMPLES], filtered[SAMPLES];

static const int64_t shape[3] = {VIEWS, ROWS, COLUMNS};

static kvox_array array_of(void *data, kvox_type type, int32_t rank, const int64_t *sizes) {
  kvox_array array = {0};
  assert_ok(kvox_array_init(&array, data, type, rank, sizes));
  return array;
}

static int fill_samples(void **state) {
  (void)state;
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    dark[i] = 100;
    flat[i] = (uint16_t)(i == 70 ? 50 : 60000 - 3 * i); /* one bad pixel */
  }
  for (int i = 0; i < SAMPLES; i++) {
    counts[i] = (uint16_t)(200 + i * 7919 % 50000);
    const double s = (i % COLUMNS - 0.5 * (COLUMNS - 1)) / 20; /* a disc about the axis */
    lines[i] = (float)sqrt(fmax(0, 1 - s * s));
  }
  return 0;
}

typedef struct scene {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_ct_correction *correction;
  kvox_ct_filter_plan *filter;
  kvox_ct_fbp_plan *fbp;
  kvox_ct_operator *operation;
  kvox_workspace *workspace;
  kvox_volume *volume;
  kvox_phantom *phantom;
} scene;

/* The context goes first: what was made with it keeps it alive. */
static void close_scene(scene *s) {
  kvox_context_destroy(s->context);
  kvox_ct_geometry_destroy(s->geometry);
  kvox_workspace_destroy(s->workspace);
  kvox_ct_fbp_plan_destroy(s->fbp);
  kvox_ct_filter_plan_destroy(s->filter);
  kvox_ct_operator_destroy(s->operation);
  kvox_ct_correction_destroy(s->correction);
  kvox_phantom_destroy(s->phantom);
  kvox_volume_destroy(s->volume);
}

/* Whether scenes are of a cone beam. */
static bool diverging;

/* Above 0: reconstructions are streams with this window. */
static int64_t stream_window;

static kvox_status create_cone(scene *s) {
  kvox_ct_cone_options beam;
  kvox_ct_cone_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.source_to_axis_mm = 60, beam.source_to_detector_mm = 90;
  beam.column_pitch_mm = 0.5, beam.angle_step_deg = 360.0 / VIEWS;
  return kvox_ct_geometry_create_cone(s->context, &beam, &s->geometry);
}

static kvox_status open_scene(const kvox_context_options *given, scene *s) {
  kvox_context_options options = *given;
  options.threads = 3;
  kvox_ct_parallel_options beam;
  kvox_ct_parallel_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.column_pitch_mm = 0.5, beam.angle_step_deg = 180.0 / VIEWS;
  *s = (scene){0};
  KVOX_TRY(kvox_context_create(&options, &s->context));
  return diverging ? create_cone(s) : kvox_ct_geometry_create_parallel(s->context, &beam, &s->geometry);
}

static kvox_status make_correction(scene *s) {
  const kvox_array flat_array = array_of(flat, KVOX_U16, 2, shape + 1),
                   dark_array = array_of(dark, KVOX_U16, 2, shape + 1);
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.flat = &flat_array;
  options.dark = &dark_array;
  return kvox_ct_correction_create(s->context, &options, &s->correction);
}

static kvox_status make_fbp(scene *s) {
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options options;
  kvox_grid grid;
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&options);
  filter.correction = s->correction;
  filter.window = KVOX_CT_HANN;
  options.filter = &filter;
  options.stream_window = stream_window;
  KVOX_TRY(kvox_ct_fbp_plan_create(s->context, s->geometry, &options, &s->fbp));
  KVOX_TRY(kvox_ct_fbp_plan_grid(s->fbp, &grid));
  return kvox_volume_create(s->context, KVOX_F32, &grid, &s->volume);
}

/* Neighbours exchanged, and a view that is pushed twice. */
static kvox_status push_all(kvox_ct_stream *stream) {
  kvox_array view = array_of(counts, KVOX_U16, 3, shape);
  view.shape[0] = 1;
  for (int64_t n = 0; n < VIEWS; n++) {
    const int64_t v = n == VIEWS - 1 ? n : n ^ 1;
    view.data = counts + v * ROWS * COLUMNS;
    KVOX_TRY(kvox_ct_stream_push(stream, v, &view));
    assert_int_equal(kvox_ct_stream_push(stream, v, &view), KVOX_ERROR_ARGUMENT);
  }
  return kvox_ct_stream_finish(stream);
}

static kvox_status execute(const scene *s, kvox_workspace *workspace) {
  const kvox_array projections = array_of(counts, KVOX_U16, 3, shape);
  kvox_ct_stream *stream = NULL;
  if (stream_window == 0) {
    return kvox_ct_fbp_execute(s->fbp, workspace, &projections, s->volume);
  }
  KVOX_TRY(kvox_ct_stream_create(s->fbp, workspace, s->volume, &stream));
  const kvox_status status = push_all(stream);
  kvox_ct_stream_destroy(stream);
  return status;
}

/* Raw counts to a volume, with a workspace and with none. */
static kvox_status reconstruct(const kvox_context_options *options, void *data) {
  (void)data;
  scene s;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, &s));
  KVOX_TRY_CLEANUP(make_correction(&s));
  KVOX_TRY_CLEANUP(make_fbp(&s));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  /* The plan holds what it was made of. */
  kvox_ct_correction_destroy(s.correction);
  kvox_ct_geometry_destroy(s.geometry);
  s.correction = NULL;
  s.geometry = NULL;
  KVOX_TRY_CLEANUP(execute(&s, s.workspace));
  KVOX_TRY_CLEANUP(execute(&s, NULL));
cleanup:
  close_scene(&s);
  return status;
}

static kvox_status reconstruct_cone(const kvox_context_options *options, void *data) {
  diverging = true;
  const kvox_status status = reconstruct(options, data);
  diverging = false;
  return status;
}

static kvox_status stream(const kvox_context_options *options, void *data) {
  stream_window = 3;
  const kvox_status status = reconstruct(options, data);
  stream_window = 0;
  return status;
}

static kvox_status stream_cone(const kvox_context_options *options, void *data) {
  stream_window = 2;
  const kvox_status status = reconstruct_cone(options, data);
  stream_window = 0;
  return status;
}

static kvox_status filter(const kvox_context_options *options, void *data) {
  (void)data;
  scene s;
  const kvox_array in = array_of(lines, KVOX_F32, 3, shape), out = array_of(filtered, KVOX_F32, 3, shape);
  const double response[3] = {1, 0.7, 0.1};
  kvox_ct_filter_options filter_options;
  kvox_ct_filter_options_init(&filter_options);
  filter_options.window = KVOX_CT_CUSTOM;
  filter_options.response = response;
  filter_options.response_count = 3;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, &s));
  KVOX_TRY_CLEANUP(kvox_ct_filter_plan_create(s.context, s.geometry, &filter_options, &s.filter));
  KVOX_TRY_CLEANUP(kvox_ct_filter_execute(s.filter, NULL, &in, &out));
cleanup:
  close_scene(&s);
  return status;
}

static kvox_status find_center(const kvox_context_options *options, void *data) {
  (void)data;
  scene s;
  const kvox_array in = array_of(lines, KVOX_F32, 3, shape);
  double center_px = 0;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, &s));
  KVOX_TRY_CLEANUP(kvox_ct_find_center(s.context, s.geometry, NULL, &in, &center_px));
cleanup:
  close_scene(&s);
  return status;
}

static kvox_status correct(const kvox_context_options *options, void *data) {
  (void)data;
  scene s;
  const kvox_array in = array_of(counts, KVOX_U16, 3, shape), out = array_of(filtered, KVOX_F32, 3, shape);
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, &s));
  KVOX_TRY_CLEANUP(make_correction(&s));
  KVOX_TRY_CLEANUP(kvox_ct_correct(s.context, s.correction, &in, &out));
cleanup:
  close_scene(&s);
  return status;
}

/* The phantom's averages, its projections, noise on them, and the matched pair between the two. */
static kvox_status simulate_and_project(const kvox_context_options *options, void *data) {
  (void)data;
  scene s;
  const kvox_array projections = array_of(filtered, KVOX_F32, 3, shape);
  kvox_grid grid;
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(options, &s));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_default_grid(s.geometry, &grid));
  KVOX_TRY_CLEANUP(kvox_volume_create(s.context, KVOX_F32, &grid, &s.volume));
  KVOX_TRY_CLEANUP(kvox_phantom_create(s.context, "shepp-logan", 14, 0.02, &s.phantom));
  KVOX_TRY_CLEANUP(kvox_phantom_fill(s.phantom, 2, s.volume));
  KVOX_TRY_CLEANUP(kvox_ct_simulate(s.context, s.geometry, s.phantom, &projections));
  KVOX_TRY_CLEANUP(kvox_ct_add_noise(s.context, 1e5, 7, &projections));
  KVOX_TRY_CLEANUP(kvox_ct_operator_create(s.context, s.geometry, NULL, &s.operation));
  KVOX_TRY_CLEANUP(kvox_ct_project(s.operation, NULL, s.volume, &projections));
  KVOX_TRY_CLEANUP(kvox_ct_backproject(s.operation, NULL, &projections, s.volume));
cleanup:
  close_scene(&s);
  return status;
}

static kvox_status simulate_and_project_cone(const kvox_context_options *options, void *data) {
  diverging = true;
  const kvox_status status = simulate_and_project(options, data);
  diverging = false;
  return status;
}

/* Fan and cone, and a cone through matrices and through vectors; its words, and a phantom seen by it. */
static kvox_status describe(const kvox_context_options *options, void *data) {
  (void)data;
  scene s;
  kvox_ct_cone_options beam;
  kvox_ct_geometry *others[3] = {NULL};
  static double numbers[12 * VIEWS];
  double pitch[2];
  const kvox_array projections = array_of(filtered, KVOX_F32, 3, shape);
  kvox_status status;
  kvox_ct_cone_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.source_to_axis_mm = 200, beam.source_to_detector_mm = 300;
  beam.column_pitch_mm = 0.5, beam.angle_step_deg = 360.0 / VIEWS;
  KVOX_TRY_CLEANUP(open_scene(options, &s));
  kvox_ct_geometry_destroy(s.geometry);
  s.geometry = NULL;
  KVOX_TRY_CLEANUP(kvox_ct_geometry_create_cone(s.context, &beam, &s.geometry));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_create_fan(s.context, &beam, &others[0]));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_pitch(s.geometry, pitch));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_to_astra(s.geometry, numbers));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_from_astra(s.context, KVOX_CT_CONE, ROWS, COLUMNS, numbers, VIEWS, &others[1]));
  for (int64_t view = 0; view < VIEWS; view++) {
    KVOX_TRY_CLEANUP(kvox_ct_geometry_matrix(s.geometry, view, numbers + 12 * view));
  }
  KVOX_TRY_CLEANUP(kvox_ct_geometry_create_matrices(s.context, ROWS, COLUMNS, pitch[0], numbers, VIEWS, &others[2]));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_check(s.geometry, NULL, NULL, 0, NULL));
  KVOX_TRY_CLEANUP(kvox_phantom_create(s.context, "defrise", 8, 0.02, &s.phantom));
  KVOX_TRY_CLEANUP(kvox_ct_simulate(s.context, others[2], s.phantom, &projections));
cleanup:
  for (int i = 0; i < 3; i++) {
    kvox_ct_geometry_destroy(others[i]);
  }
  close_scene(&s);
  return status;
}

static void every_allocation_fails(void **state) {
  (void)state;
  static const failing_heap_scenario scenarios[] = {
      reconstruct,          reconstruct_cone,          stream,  stream_cone, filter, correct, find_center,
      simulate_and_project, simulate_and_project_cone, describe};
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    assert_true(failing_heap_try(scenarios[i], NULL) > 5); /* it was not over before it began */
  }
}

/* Once a workspace has grown, no execution asks for memory: each volume has the description that it is given again. */
static void warm_execute_allocates_nothing(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  const kvox_array raw = array_of(counts, KVOX_U16, 3, shape), in = array_of(lines, KVOX_F32, 3, shape),
                   out = array_of(filtered, KVOX_F32, 3, shape);
  scene s;
  kvox_volume *adjoint = NULL;
  kvox_grid grid;
  assert_ok(open_scene(&options, &s));
  assert_ok(make_correction(&s));
  assert_ok(make_fbp(&s));
  assert_ok(kvox_ct_geometry_default_grid(s.geometry, &grid));
  assert_ok(kvox_ct_filter_plan_create(s.context, s.geometry, NULL, &s.filter));
  assert_ok(kvox_ct_operator_create(s.context, s.geometry, NULL, &s.operation));
  assert_ok(kvox_volume_create(s.context, KVOX_F32, &grid, &adjoint));
  assert_ok(kvox_workspace_create(s.context, &s.workspace));
  int64_t cold = 0;
  for (int round = 0; round < 3; round++) {
    const int64_t before = heap->calls;
    assert_ok(kvox_ct_fbp_execute(s.fbp, s.workspace, &raw, s.volume));
    assert_ok(kvox_ct_filter_execute(s.filter, s.workspace, &in, &out));
    assert_ok(kvox_ct_project(s.operation, s.workspace, s.volume, &out));
    assert_ok(kvox_ct_backproject(s.operation, s.workspace, &out, adjoint));
    if (round == 0) {
      cold = heap->calls - before;
    } else {
      assert_int_equal(heap->calls, before);
    }
  }
  assert_true(cold > 0);
  kvox_volume_destroy(adjoint);
  close_scene(&s);
  failing_heap_destroy(heap);
}

/* A second scan with the same plan and workspace takes nothing but the stream itself, a push nothing at all. */
static void warm_push_allocates_nothing(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  scene s;
  stream_window = 2;
  assert_ok(open_scene(&options, &s));
  assert_ok(make_correction(&s));
  assert_ok(make_fbp(&s));
  assert_ok(kvox_workspace_create(s.context, &s.workspace));
  assert_ok(execute(&s, s.workspace));
  kvox_ct_stream *again = NULL;
  const int64_t before = heap->calls, bytes = heap->bytes;
  assert_ok(kvox_ct_stream_create(s.fbp, s.workspace, s.volume, &again));
  assert_int_equal(heap->calls, before + 1);
  assert_true(heap->bytes - bytes < 512 + VIEWS);
  assert_ok(push_all(again));
  assert_int_equal(heap->calls, before + 1);
  kvox_ct_stream_destroy(again);
  stream_window = 0;
  close_scene(&s);
  failing_heap_destroy(heap);
}

/* What a plan says of its memory is what it takes from the heap, within one block's rounding each. */
static void memory_is_as_told(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  scene s;
  kvox_memory_use told;
  assert_ok(open_scene(&options, &s));
  assert_ok(make_correction(&s));
  const int64_t before = heap->bytes, blocks = heap->live;
  assert_ok(make_fbp(&s));
  kvox_volume_destroy(s.volume);
  s.volume = NULL;
  const int64_t plan = heap->bytes - before, slack = 128 * (heap->live - blocks);
  assert_ok(kvox_ct_fbp_plan_memory(s.fbp, &told));
  assert_true((int64_t)told.plan <= plan && (int64_t)told.plan + slack >= plan);
  assert_int_equal(told.device, 0);

  kvox_grid grid;
  assert_ok(kvox_ct_fbp_plan_grid(s.fbp, &grid));
  assert_ok(kvox_volume_create(s.context, KVOX_F32, &grid, &s.volume));
  assert_ok(kvox_workspace_create(s.context, &s.workspace));
  assert_ok(execute(&s, s.workspace));
  assert_int_equal(kvox_workspace_bytes(s.workspace), told.workspace);
  close_scene(&s);
  failing_heap_destroy(heap);
}

/* No execution takes more than the limit, and one that cannot do with it says what would be enough. */
static void memory_limit_holds(void **state) {
  (void)state;
  int fitted = 0;
  for (uint64_t limit = 1 << 10; limit <= 16 << 20; limit *= 4) {
    failing_heap *heap = failing_heap_create();
    kvox_context_options options = failing_heap_options(heap);
    options.memory_limit = limit;
    scene s;
    assert_ok(open_scene(&options, &s));
    assert_ok(make_correction(&s));
    const kvox_status status = make_fbp(&s);
    if (status == KVOX_OK) {
      fitted++;
      const int64_t before = heap->bytes;
      heap->most_bytes = before;
      assert_ok(execute(&s, NULL));
      /* The workspace's own struct is no scratch, nor is the stream's. */
      assert_true(heap->most_bytes - before <= (int64_t)limit + 1024);
    } else {
      assert_int_equal(status, KVOX_ERROR_MEMORY_LIMIT);
      assert_int_equal(fitted, 0); /* what fits a small limit fits a large one */
    }
    close_scene(&s);
    failing_heap_destroy(heap);
  }
  assert_true(fitted > 0);
}

static void memory_of_a_cone(void **state) {
  diverging = true;
  memory_is_as_told(state);
  memory_limit_holds(state);
  diverging = false;
}

static void memory_of_streams(void **state) {
  for (stream_window = 2; stream_window < 64; stream_window *= 4) {
    memory_is_as_told(state);
    memory_limit_holds(state);
    memory_of_a_cone(state);
  }
  stream_window = 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_fails), cmocka_unit_test(warm_execute_allocates_nothing),
      cmocka_unit_test(memory_is_as_told),      cmocka_unit_test(memory_limit_holds),
      cmocka_unit_test(memory_of_a_cone),       cmocka_unit_test(warm_push_allocates_nothing),
      cmocka_unit_test(memory_of_streams)};
  return cmocka_run_group_tests(tests, fill_samples, NULL);
}
