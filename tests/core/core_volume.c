/* Grids and volumes: frames of every kind, memory of its own or the caller's. */
#include "core/volume.h"

#include <math.h>

#include "failing_heap.h"

static const int64_t size[3] = {4, 3, 2};
static const double spacing[3] = {0.5, 1, 2};

static kvox_grid upright(void) {
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  return grid;
}

static int open_context(void **state) {
  kvox_context *context = NULL;
  const kvox_status status = kvox_context_create(NULL, &context);
  *state = context;
  return status;
}

static int close_context(void **state) {
  kvox_context_destroy(*state);
  return 0;
}

static void grid_is_centred(void **state) {
  (void)state;
  kvox_grid grid = upright();
  assert_true(grid.origin_mm[0] == -0.75 && grid.origin_mm[1] == -1 && grid.origin_mm[2] == -1);
  assert_ok(kvox_grid_init(&grid, size, spacing, (double[]){10, 20, 30}));
  assert_true(grid.origin_mm[0] == 9.25 && grid.origin_mm[1] == 19 && grid.origin_mm[2] == 29);
  for (int a = 0; a < 3; a++) {
    for (int c = 0; c < 3; c++) {
      assert_true(grid.axes[a][c] == (a == c));
    }
  }
}

static void wrong_grids(void **state) {
  (void)state;
  kvox_grid grid, before = upright();
  assert_fails(KVOX_ERROR_ARGUMENT, "grid is NULL", kvox_grid_init(NULL, size, spacing, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "size is NULL", kvox_grid_init(&grid, NULL, spacing, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "spacing_mm is NULL", kvox_grid_init(&grid, size, NULL, NULL));
  grid = before;
  static const double wrong[] = {0, -1, NAN, INFINITY, -INFINITY, -0.0};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_fails(KVOX_ERROR_ARGUMENT, "the z spacing is",
                 kvox_grid_init(&grid, size, (double[]){1, 1, wrong[i]}, NULL));
  }
  assert_fails(KVOX_ERROR_ARGUMENT, "the y size is 0", kvox_grid_init(&grid, (int64_t[]){1, 0, 1}, spacing, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "the x size is -5", kvox_grid_init(&grid, (int64_t[]){-5, 1, 1}, spacing, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "the x size is -9223372036854775808",
               kvox_grid_init(&grid, (int64_t[]){INT64_MIN, 1, 1}, spacing, NULL));
  const int64_t huge = INT64_C(1) << 31;
  assert_fails(KVOX_ERROR_SIZE, "voxels", kvox_grid_init(&grid, (int64_t[]){huge, huge, 4}, spacing, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "the x origin", kvox_grid_init(&grid, size, spacing, (double[]){NAN, 0, 0}));
  assert_memory_equal(&grid, &before, sizeof grid);
}

/* Axes are unit vectors, as exact as DICOM writes them, at any angle to each other. */
static void axes(void **state) {
  kvox_context *context = *state;
  kvox_volume *volume = NULL;
  kvox_grid grid = upright();
  const double c = cos(0.3), s = sin(0.3);
  const double tilted[3][3] = {{1, 0, 0}, {0, c, s}, {0, 0, 1}}; /* a gantry's tilt: not orthogonal */
  memcpy(grid.axes, tilted, sizeof tilted);
  grid.axes[1][1] = 0.95534; /* five digits of text */
  assert_ok(kvox_volume_create(context, KVOX_I16, &grid, &volume));
  double world[3];
  assert_ok(kvox_volume_index_to_world(volume, (double[]){1, 2, 1.5}, world));
  assert_close(world[0], grid.origin_mm[0] + 0.5, 1e-12);
  assert_close(world[1], grid.origin_mm[1] + 2 * 0.95534, 1e-12);
  assert_close(world[2], grid.origin_mm[2] + 2 * s + 3, 1e-12);
  kvox_volume_destroy(volume);

  static const double wrong[] = {1.001, 0.999, 0, -2, NAN, INFINITY};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    grid = upright();
    grid.axes[1][1] = wrong[i];
    assert_fails(KVOX_ERROR_ARGUMENT, "the y axis has length", kvox_volume_create(context, KVOX_F32, &grid, &volume));
  }
}

static void owns_zeros(void **state) {
  kvox_context *context = *state;
  const kvox_grid grid = upright();
  for (kvox_type type = KVOX_U8; type <= KVOX_C64; type++) {
    kvox_volume *volume = NULL;
    kvox_array array;
    assert_ok(kvox_volume_create(context, type, &grid, &volume));
    assert_ok(kvox_volume_array(volume, &array));
    assert_int_equal(array.rank, 3);
    assert_int_equal(array.shape[0], 2);
    assert_int_equal(array.shape[1], 3);
    assert_int_equal(array.shape[2], 4);
    const char zeros[24 * 8] = {0};
    assert_memory_equal(array.data, zeros, 24 * kvox_type_size(type));
    kvox_volume_destroy(volume);
  }
  kvox_volume *volume = NULL;
  assert_fails(KVOX_ERROR_ARGUMENT, "element type", kvox_volume_create(context, 0, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "element type", kvox_volume_create(context, 11, &grid, &volume));
  kvox_grid large = grid;
  large.size[0] = large.size[1] = INT64_C(1) << 30;
  assert_fails(KVOX_ERROR_SIZE, "bytes", kvox_volume_create(context, KVOX_F64, &large, &volume));
  large.size[0] = INT64_C(1) << 28; /* fits 63 bits, but no machine */
  assert_fails(KVOX_ERROR_MEMORY, "out of memory", kvox_volume_create(context, KVOX_F64, &large, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_volume_create(NULL, KVOX_F32, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "grid is NULL", kvox_volume_create(context, KVOX_F32, NULL, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume is NULL", kvox_volume_create(context, KVOX_F32, &grid, NULL));
}

static void wraps(void **state) {
  kvox_context *context = *state;
  const kvox_grid grid = upright();
  float samples[24] = {0};
  kvox_array array, seen;
  kvox_volume *volume = NULL;
  assert_ok(kvox_array_init(&array, samples, KVOX_F32, 3, (int64_t[]){2, 3, 4}));
  array.strides[0] = -array.strides[0]; /* any strides: bottom slice last */
  array.data = samples + 12;
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  assert_ok(kvox_volume_array(volume, &seen));
  assert_memory_equal(&seen, &array, sizeof array);
  kvox_volume_destroy(volume);
  assert_fails(KVOX_ERROR_SIZE, "2 x 3 x 4",
               kvox_volume_wrap(
                   context, &array,
                   &(kvox_grid){.size = {3, 3, 2}, .spacing_mm = {1, 1, 1}, .axes = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
                   &volume));
  array.rank = 2;
  assert_fails(KVOX_ERROR_SIZE, "its shape is 2 x 3", kvox_volume_wrap(context, &array, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "array is NULL", kvox_volume_wrap(context, NULL, &grid, &volume));
}

static void slice_origins(void **state) {
  kvox_context *context = *state;
  const kvox_grid grid = upright();
  kvox_volume *volume = NULL;
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  assert_null(kvox_volume_slice_origins(volume));
  double origins[6] = {0, 0, 0, 1, 2, 7};
  assert_ok(kvox_volume_set_slice_origins(volume, origins));
  origins[5] = 99; /* copied */
  assert_true(kvox_volume_slice_origins(volume)[5] == 7);
  double world[3];
  assert_ok(kvox_volume_index_to_world(volume, (double[]){2, 1, 1.9}, world));
  assert_true(world[0] == 2 && world[1] == 3 && world[2] == 7);
  static const double outside[] = {-0.5, 2, 1e30, NAN};
  for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
    assert_fails(KVOX_ERROR_ARGUMENT, "slice index",
                 kvox_volume_index_to_world(volume, (double[]){0, 0, outside[i]}, world));
  }
  origins[4] = INFINITY;
  assert_fails(KVOX_ERROR_ARGUMENT, "slice 1", kvox_volume_set_slice_origins(volume, origins));
  assert_true(kvox_volume_slice_origins(volume)[4] == 2);
  assert_ok(kvox_volume_set_slice_origins(volume, NULL));
  assert_null(kvox_volume_slice_origins(volume));
  kvox_volume_destroy(volume);
  assert_null(kvox_volume_slice_origins(NULL));
}

static void unit_frame_provenance(void **state) {
  kvox_context *context = *state;
  kvox_grid grid = upright(), seen;
  kvox_volume *volume = NULL;
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  assert_int_equal(kvox_volume_unit(volume), KVOX_UNIT_ARBITRARY);
  assert_ok(kvox_volume_set_unit(volume, KVOX_UNIT_HU));
  assert_int_equal(kvox_volume_unit(volume), KVOX_UNIT_HU);
  assert_fails(KVOX_ERROR_ARGUMENT, "4 is no unit", kvox_volume_set_unit(volume, 4));
  assert_fails(KVOX_ERROR_ARGUMENT, "-1 is no unit", kvox_volume_set_unit(volume, -1));
  grid.origin_mm[2] = 40;
  assert_ok(kvox_volume_set_grid(volume, &grid));
  assert_ok(kvox_volume_grid(volume, &seen));
  assert_memory_equal(&seen, &grid, sizeof grid);
  grid.size[1] = 4;
  assert_fails(KVOX_ERROR_SIZE, "size", kvox_volume_set_grid(volume, &grid));
  assert_string_equal(kvox_volume_provenance(volume), "");
  char json[] = "{\"a\": 1}";
  assert_ok(kvox_volume_set_provenance(volume, json));
  json[2] = 'b'; /* copied */
  assert_string_equal(kvox_volume_provenance(volume), "{\"a\": 1}");
  assert_ok(kvox_volume_set_provenance(volume, kvox_volume_provenance(volume)));
  assert_ok(kvox_volume_set_provenance(volume, ""));
  assert_string_equal(kvox_volume_provenance(volume), "");
  assert_fails(KVOX_ERROR_ARGUMENT, "json is NULL", kvox_volume_set_provenance(volume, NULL));
  kvox_volume_destroy(volume);
  assert_string_equal(kvox_volume_provenance(NULL), "");
  assert_int_equal(kvox_volume_unit(NULL), KVOX_UNIT_ARBITRARY);
  assert_fails(KVOX_ERROR_ARGUMENT, "volume is NULL", kvox_volume_grid(NULL, &seen));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume is NULL", kvox_volume_set_unit(NULL, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grid_is_centred),      cmocka_unit_test(wrong_grids), cmocka_unit_test(axes),
      cmocka_unit_test(owns_zeros),           cmocka_unit_test(wraps),       cmocka_unit_test(slice_origins),
      cmocka_unit_test(unit_frame_provenance)};
  return cmocka_run_group_tests(tests, open_context, close_context);
}
