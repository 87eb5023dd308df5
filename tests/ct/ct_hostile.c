/* Sizes, limits and lengths beyond all sense: a sentence, never a crash. */
#include "ct/scan.h"

static kvox_grid grid_of(int64_t nx, int64_t ny, int64_t nz, double spacing_mm) {
  const int64_t size[3] = {nx, ny, nz};
  const double spacing[3] = {1, 1, spacing_mm};
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  return grid;
}

/* Products of these with the size of an element are 0 or small modulo 2^64. */
static void counts_that_wrap_round(void **state) {
  (void)state;
  kvox_ct_geometry *none = NULL;
  scan s = scan_options((int64_t)1 << 61, 1, 1);
  s.options.angle_step_deg = 1;
  assert_fails(KVOX_ERROR_MEMORY, "memory", kvox_ct_geometry_create_parallel(s.context, &s.options, &none));
  s.options.views = 1;
  for (int64_t columns = ((int64_t)1 << 29) + 1; columns > 0; columns = columns < INT64_MAX / 2 ? 2 * columns : -1) {
    s.options.columns = columns;
    assert_fails(KVOX_ERROR_UNSUPPORTED, "columns", kvox_ct_geometry_create_parallel(s.context, &s.options, &none));
  }
  s.options.columns = INT64_MAX;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "columns", kvox_ct_geometry_create_parallel(s.context, &s.options, &none));
  assert_null(none);
  kvox_context_destroy(s.context);

  s = scan_options(180, 1, 64);
  scan_begin(&s);
  const kvox_grid high = grid_of(1, 1, (int64_t)1 << 60, 1e-30);
  kvox_ct_fbp_options options;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_operator *operation = NULL;
  kvox_ct_fbp_options_init(&options);
  options.grid = &high;
  assert_fails(KVOX_ERROR_MEMORY, "memory", kvox_ct_fbp_plan_create(s.context, s.geometry, &options, &plan));
  kvox_ct_operator_options pair;
  kvox_ct_operator_options_init(&pair);
  pair.grid = &high;
  assert_fails(KVOX_ERROR_MEMORY, "memory", kvox_ct_operator_create(s.context, s.geometry, &pair, &operation));
  scan_end(&s);
}

/* The greatest limit is none: the same plan as with all that it can use. */
static void limits_without_end(void **state) {
  (void)state;
  scan s = scan_options(181, 1, 64);
  scan_begin(&s);
  scan_simulate(&s, "discs", 25, 0.02);
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  kvox_volume *usual = scan_reconstruct(&s, &options);
  const uint64_t limits[] = {UINT64_MAX, UINT64_MAX / 2 + 1, INT64_MAX};
  for (int i = 0; i < 3; i++) {
    options.memory_limit = limits[i];
    kvox_volume *unbound = scan_reconstruct(&s, &options);
    assert_memory_equal(volume_samples(unbound), volume_samples(usual), 64 * 64 * sizeof(float));
    kvox_volume_destroy(unbound);
  }
  kvox_volume_destroy(usual);
  scan_end(&s);
}

/* The inverse of such a pitch is infinite, and infinity times the sine of 0 is NaN, which no comparison stops. */
static void pitches_without_an_inverse(void **state) {
  (void)state;
  scan s = scan_options(2, 1, 64);
  s.options.column_pitch_mm = 1e-310;
  scan_begin(&s);
  const kvox_grid grid = grid_of(64, 64, 1, 1);
  kvox_ct_fbp_options options;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_operator *operation = NULL;
  kvox_ct_fbp_options_init(&options);
  options.grid = &grid;
  assert_fails(KVOX_ERROR_GEOMETRY, "pitch of 1e-310 mm",
               kvox_ct_fbp_plan_create(s.context, s.geometry, &options, &plan));
  kvox_ct_operator_options pair;
  kvox_ct_operator_options_init(&pair);
  pair.grid = &grid;
  assert_fails(KVOX_ERROR_GEOMETRY, "columns wide", kvox_ct_operator_create(s.context, s.geometry, &pair, &operation));
  scan_end(&s);
}

/* A grid that lies beside everything, as far as doubles go, holds zeros. */
static void grids_far_away(void **state) {
  (void)state;
  scan s = scan_options(90, 1, 64);
  scan_begin(&s);
  scan_simulate(&s, "discs", 25, 0.02);
  const double far[] = {1e9, -1e18, 1e300, -1.7e308};
  for (int i = 0; i < 4; i++) {
    kvox_grid grid = grid_of(33, 20, 1, 1);
    grid.origin_mm[0] = far[i];
    grid.origin_mm[1] = -far[i];
    kvox_ct_fbp_options options;
    kvox_ct_fbp_options_init(&options);
    options.grid = &grid;
    kvox_volume *volume = scan_reconstruct(&s, &options);
    for (int n = 0; n < 33 * 20; n++) {
      assert_true(volume_samples(volume)[n] == 0 || fabs(far[i]) < 1e12);
    }
    kvox_volume_destroy(volume);
  }
  scan_end(&s);
}

static void hounsfield_that_overflows(void **state) {
  (void)state;
  scan s = scan_options(180, 1, 64);
  scan_begin(&s);
  kvox_ct_fbp_options options;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_fbp_options_init(&options);
  options.hounsfield = 1;
  options.mu_water_per_mm = 1e-300;
  assert_fails(KVOX_ERROR_ARGUMENT, "overflow", kvox_ct_fbp_plan_create(s.context, s.geometry, &options, &plan));
  scan_end(&s);
}

/* Floats that do not lie where floats may lie: refused where the kernels write, read where rows are converted. */
static void results_at_odd_addresses(void **state) {
  (void)state;
  scan s = scan_options(180, 1, 32);
  scan_begin(&s);
  scan_simulate(&s, "discs", 12, 0.02);
  const int64_t shape[3] = {1, 32, 32};
  char *memory = malloc(180 * 32 * sizeof(float) + 1);
  kvox_array odd, odd_projections = s.projections;
  kvox_grid grid;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_filter_plan *filter = NULL;
  kvox_volume *volume = NULL;
  assert_ok(kvox_array_init(&odd, memory + 1, KVOX_F32, 3, shape));
  assert_ok(kvox_ct_fbp_plan_create(s.context, s.geometry, NULL, &plan));
  assert_ok(kvox_ct_filter_plan_create(s.context, s.geometry, NULL, &filter));
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_wrap(s.context, &odd, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume: rows must be dense and aligned",
               kvox_ct_fbp_execute(plan, NULL, &s.projections, volume));
  kvox_volume_destroy(volume);
  memcpy(memory + 1, s.samples, 180 * 32 * sizeof(float));
  odd_projections.data = memory + 1;
  assert_fails(KVOX_ERROR_ARGUMENT, "filtered: rows must be dense and aligned",
               kvox_ct_filter_execute(filter, NULL, &s.projections, &odd_projections));
  volume = volume_for(&s, plan);
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &odd_projections, volume));
  kvox_volume_destroy(volume);
  kvox_ct_filter_plan_destroy(filter);
  kvox_ct_fbp_plan_destroy(plan);
  free(memory);
  scan_end(&s);
}

/* Views on top of each other cannot take line integrals. */
static void simulations_need_their_own_memory(void **state) {
  (void)state;
  scan s = scan_options(20, 3, 32);
  scan_begin(&s);
  kvox_phantom *phantom = NULL;
  kvox_array shared = s.projections;
  shared.strides[0] = 0;
  assert_ok(kvox_phantom_create(s.context, "discs", 12, 0.02, &phantom));
  assert_fails(KVOX_ERROR_ARGUMENT, "share memory", kvox_ct_simulate(s.context, s.geometry, phantom, &shared));
  assert_fails(KVOX_ERROR_ARGUMENT, "share memory", kvox_ct_add_noise(s.context, 1e4, 1, &shared));
  const kvox_grid grid = grid_of(32, 3, 20, 1);
  kvox_volume *volume = NULL;
  assert_ok(kvox_volume_wrap(s.context, &shared, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "share memory", kvox_phantom_fill(phantom, 1, volume));
  kvox_volume_destroy(volume);
  kvox_phantom_destroy(phantom);
  scan_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_that_wrap_round),
      cmocka_unit_test(limits_without_end),
      cmocka_unit_test(pitches_without_an_inverse),
      cmocka_unit_test(grids_far_away),
      cmocka_unit_test(hounsfield_that_overflows),
      cmocka_unit_test(results_at_odd_addresses),
      cmocka_unit_test(simulations_need_their_own_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
