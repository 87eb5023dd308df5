/* Exact projections: conventions of the scan frame, closed forms, strides, threads. */
#include <math.h>
#include <stdlib.h>

#include "kvox/kvox.h"
#include "test.h"

static const double pi = 3.14159265358979324;

typedef struct scene {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_phantom *phantom;
} scene;

enum { VIEWS = 13, ROWS = 5, COLUMNS = 130 };
static const double pitch = 1.75, row_pitch = 22, offset = 3.25, row_offset = -0.75, first_deg = 11, step_deg = 29;

static scene scene_of(const char *name, double radius, int32_t threads) {
  scene s = {0};
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.threads = threads;
  assert_ok(kvox_context_create(&options, &s.context));
  kvox_ct_parallel_options scan;
  kvox_ct_parallel_options_init(&scan);
  scan.views = VIEWS;
  scan.rows = ROWS;
  scan.columns = COLUMNS;
  scan.column_pitch_mm = pitch;
  scan.row_pitch_mm = row_pitch;
  scan.column_offset_px = offset;
  scan.row_offset_px = row_offset;
  scan.angle_start_deg = first_deg;
  scan.angle_step_deg = step_deg;
  assert_ok(kvox_ct_geometry_create_parallel(s.context, &scan, &s.geometry));
  assert_ok(kvox_phantom_create(s.context, name, radius, 2, &s.phantom));
  return s;
}

static void destroy(scene *s) {
  kvox_phantom_destroy(s->phantom);
  kvox_ct_geometry_destroy(s->geometry);
  kvox_context_destroy(s->context);
}

static void simulate(const scene *s, double *projections) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, projections, KVOX_F64, 3, (int64_t[]){VIEWS, ROWS, COLUMNS}));
  assert_ok(kvox_ct_simulate(s->context, s->geometry, s->phantom, &array));
}

static double projections[VIEWS][ROWS][COLUMNS], again[VIEWS][ROWS][COLUMNS];

/* The disc at (0.2, -0.1) R of radius 0.4 R: x cos b + y sin b = s, in every row. */
static void test_disc(void **state) {
  (void)state;
  const double radius = 100;
  scene s = scene_of("edge", radius, 2);
  simulate(&s, &projections[0][0][0]);
  for (int v = 0; v < VIEWS; v++) {
    const double b = (first_deg + step_deg * v) * pi / 180;
    for (int row = 0; row < ROWS; row++) {
      for (int column = 0; column < COLUMNS; column++) {
        const double u = (column - 0.5 * (COLUMNS - 1) - offset) * pitch;
        const double d = u - radius * (0.2 * cos(b) - 0.1 * sin(b)), r = 0.4 * radius;
        const double truth = fabs(d) < r ? 4 * sqrt(r * r - d * d) : 0; /* density 2 */
        /* Rounding of d is worth sqrt(2 r eps 100) at the rim. */
        assert_true(fabs(projections[v][row][column] - truth) < 1e-5);
      }
    }
  }
  destroy(&s);
}

/* Rows look at z = (row - (rows - 1) / 2 - row_offset) * pitch: the middle slices of ellipsoids. */
static void test_rows(void **state) {
  (void)state;
  const double radius = 70;
  scene s = scene_of("shepp-logan-3d", radius, 2);
  simulate(&s, &projections[0][0][0]);
  double seen = 0;
  for (int v = 0; v < VIEWS; v++) {
    const double b = (first_deg + step_deg * v) * pi / 180, along[3] = {-sin(b), cos(b), 0};
    for (int row = 0; row < ROWS; row++) {
      for (int column = 0; column < COLUMNS; column++) {
        const double u = (column - 0.5 * (COLUMNS - 1) - offset) * pitch;
        const double point[3] = {u * cos(b), u * sin(b), (row - 0.5 * (ROWS - 1) - row_offset) * row_pitch};
        const double truth = kvox_phantom_line_integral(s.phantom, point, along);
        assert_true(fabs(projections[v][row][column] - truth) < 1e-5);
        seen += truth;
      }
    }
    /* The rows lie from z = -27.5 to 60.5 mm; the skull is 0.9 R = 63 mm high. */
    assert_true(projections[v][0][COLUMNS / 2] > 0);
    assert_true(projections[v][ROWS - 1][COLUMNS / 2 + 3] > 0);
  }
  assert_true(seen > 0);
  destroy(&s);
}

/* Sum times pitch: the area, at every angle (midpoint rule over chords that end like square roots: pitch^1.5). */
static void test_area(void **state) {
  (void)state;
  const double radius = 100;
  scene s = scene_of("discs", radius, 2);
  simulate(&s, &projections[0][0][0]);
  const double truth = 2 * pi * radius * radius * (0.64 + 0.5 * 0.0225 - 0.5 * 0.0144 + 0.25 * 0.01 - 0.0064 + 0.0025);
  for (int v = 0; v < VIEWS; v++) {
    double sum = 0;
    for (int column = 0; column < COLUMNS; column++) {
      sum += projections[v][2][column] * pitch;
    }
    assert_true(fabs(sum / truth - 1) < 2e-3);
  }
  destroy(&s);
}

/* f32 is f64 rounded once; any strides; the same bits for any threads. */
static void test_strides_and_threads(void **state) {
  (void)state;
  enum { STEP = 2, ROW = COLUMNS * STEP + 3, VIEW = ROWS * ROW + 4 };
  float *memory = malloc(VIEWS * VIEW * sizeof *memory);
  const int32_t threads[] = {1, 2, 7};
  for (int i = 0; i < 3; i++) {
    scene s = scene_of("forbild-head", 80, threads[i]);
    simulate(&s, i == 0 ? &projections[0][0][0] : &again[0][0][0]);
    if (i > 0) {
      assert_memory_equal(projections, again, sizeof again);
    }
    for (int e = 0; e < VIEWS * VIEW; e++) {
      memory[e] = 77;
    }
    const kvox_array array = {.data = memory + (ROWS - 1) * ROW + (COLUMNS - 1) * STEP,
                              .type = KVOX_F32,
                              .rank = 3,
                              .shape = {VIEWS, ROWS, COLUMNS},
                              .strides = {4 * VIEW, -4 * ROW, -4 * STEP}};
    assert_ok(kvox_ct_simulate(s.context, s.geometry, s.phantom, &array));
    for (int v = 0; v < VIEWS; v++) {
      for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
          float *at = memory + v * VIEW + (ROWS - 1 - row) * ROW + (COLUMNS - 1 - column) * STEP;
          assert_true(*at == (float)projections[v][row][column]);
          *at = 77;
        }
      }
    }
    for (int e = 0; e < VIEWS * VIEW; e++) {
      assert_true(memory[e] == 77);
    }
    destroy(&s);
  }
  free(memory);
}

static void test_bad_arguments(void **state) {
  (void)state;
  scene s = scene_of("edge", 10, 1);
  kvox_array array;
  assert_ok(kvox_array_init(&array, projections, KVOX_F64, 3, (int64_t[]){VIEWS, ROWS, COLUMNS - 1}));
  assert_int_equal(kvox_ct_simulate(s.context, s.geometry, s.phantom, &array), KVOX_ERROR_SIZE);
  assert_non_null(strstr(kvox_last_error(), "must be 13 x 5 x 130"));
  assert_ok(kvox_array_init(&array, projections, KVOX_U16, 3, (int64_t[]){VIEWS, ROWS, COLUMNS}));
  assert_int_equal(kvox_ct_simulate(s.context, s.geometry, s.phantom, &array), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_simulate(s.context, s.geometry, s.phantom, NULL), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_simulate(s.context, s.geometry, NULL, &array), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_simulate(s.context, NULL, s.phantom, &array), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_simulate(NULL, s.geometry, s.phantom, &array), KVOX_ERROR_ARGUMENT);
  destroy(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_disc),          cmocka_unit_test(test_rows),
      cmocka_unit_test(test_area),          cmocka_unit_test(test_strides_and_threads),
      cmocka_unit_test(test_bad_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
