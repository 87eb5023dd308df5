/* Views given by themselves on an OpenCL device: C-arms that sag, against the CPU, for any cut and place of arrays. */
#include "ct/arm.h"
#include "ct/sides.h"

static const double water = 0.02; /* 1/mm, at some 60 keV */

/* As a scan, for what sides.h offers. */
static scan arm_of(const kvox_ct_cone_options *options) {
  scan s = {.context = context_of_threads(2)};
  arm a = {.context = s.context};
  arm_begin(&a, c_arm(s.context, options, true));
  s.geometry = a.geometry;
  s.samples = a.samples;
  s.projections = a.projections;
  return s;
}

typedef struct arm_case {
  const char *name;
  int64_t views, rows, columns, size[3];
  double spacing[3], start, step, column_offset, row_offset;
} arm_case;

/* Heads in HU: every weighting, odd views and rows, coarse voxels, a lone slice, more slices than a work-item takes. */
static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  static const arm_case cases[] = {
      {"full turn", 181, 40, 80, {60, 57, 30}, {1, 1, 1}, 0, 360.0 / 181, 0.3, -0.4},
      {"over-scan, descending", 240, 31, 65, {60, 61, 17}, {1, 1, 0.9}, 30, -1.7, 0.25, 0.1},
      {"short scan", 251, 34, 81, {64, 64, 21}, {1, 1, 1}, 33, 1, 0.2, 0},
      {"offset detector", 240, 30, 70, {70, 70, 18}, {1, 1, 1}, 0, 1.5, 13.3, 0.3},
      {"coarse voxels", 120, 50, 60, {20, 17, 9}, {3.1, 2.7, 2.9}, 7, 3, 0, 1.25},
      {"a slice", 120, 15, 90, {70, 70, 1}, {1, 1, 1}, 0, 3, -0.4, 0},
      {"fine slices", 120, 70, 60, {31, 33, 150}, {1, 1, 0.3}, 0, 3, -0.4, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const arm_case *c = &cases[i];
    kvox_ct_cone_options options = cone_options(c->views, c->rows, c->columns);
    options.angle_start_deg = c->start;
    options.angle_step_deg = c->step;
    options.column_offset_px = c->column_offset;
    options.row_offset_px = c->row_offset;
    kvox_grid grid;
    scan s = arm_of(&options);
    scan_simulate(&s, "shepp-logan-3d", 25, water);
    assert_ok(kvox_grid_init(&grid, c->size, c->spacing, NULL));
    printf("%s: the device differs from the CPU by at most %.2g HU\n", c->name,
           check_against_cpu(both, &s, &grid, water));
    scan_end(&s);
  }
}

static scan noise_arm(int64_t views, int64_t rows, int64_t columns) {
  const kvox_ct_cone_options options = cone_options(views, rows, columns);
  scan s = arm_of(&options);
  fill_noise(s.samples, views * rows * columns, 9);
  return s;
}

/* A parallel beam, view by view. */
static void parallel_views_agree_too(void **state) {
  SIDES_OR_SKIP(state);
  kvox_ct_parallel_options options;
  kvox_ct_geometry *beam = NULL;
  scan s = {.context = context_of_threads(2)};
  arm a = {.context = s.context};
  kvox_ct_parallel_options_init(&options);
  options.views = 121;
  options.rows = 19;
  options.columns = 60;
  options.column_pitch_mm = 0.8;
  options.column_offset_px = 2.3;
  options.angle_step_deg = 2;
  assert_ok(kvox_ct_geometry_create_parallel(s.context, &options, &beam));
  kvox_ct_view *views = views_of(beam);
  kvox_ct_geometry *made = NULL;
  assert_ok(kvox_ct_geometry_create_views(s.context, KVOX_CT_PARALLEL, 19, 60, views, 121, &made));
  arm_begin(&a, made);
  s.geometry = a.geometry;
  s.samples = a.samples;
  s.projections = a.projections;
  fill_noise(s.samples, 121 * 19 * 60, 4);
  kvox_volume *device = reconstruct_on(both->device, &s, NULL), *cpu = reconstruct_on(both->cpu, &s, NULL);
  double range = 0;
  for (int64_t i = 0; i < voxels_of(cpu); i++) {
    range = fmax(range, fabs((double)volume_samples(cpu)[i]));
  }
  const double difference = greatest_difference(device, cpu);
  printf("parallel views of noise differ by %.2g of the range\n", difference / range);
  assert_true(difference <= 2e-5 * range); /* as between ways on the CPU */
  assert_non_null(strstr(kvox_volume_provenance(device), "\"backend\": \"opencl\""));
  assert_non_null(strstr(kvox_volume_provenance(device), "each view by itself"));
  kvox_volume_destroy(device);
  kvox_volume_destroy(cpu);
  free(views);
  kvox_ct_geometry_destroy(beam);
  scan_end(&s);
}

static void every_limit_gives_the_same_bits(void **state) {
  SIDES_OR_SKIP(state);
  scan s = noise_arm(61, 47, 60);
  check_limits(both, &s);
  scan_end(&s);
}

static void regions_have_the_bits_of_the_whole(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t boxes[][2][3] = {
      {{31, 25, 3}, {2, 30, 1}}, {{55, 1, 1}, {5, 57, 33}}, {{5, 50, 17}, {50, 3, 10}}};
  scan s = noise_arm(40, 57, 60);
  kvox_grid grid;
  kvox_ct_fbp_options o;
  const double spacing[3] = {1, 1, 1};
  const int64_t across[3] = {60, 60, 38};
  assert_ok(kvox_grid_init(&grid, across, spacing, NULL));
  kvox_ct_fbp_options_init(&o);
  o.grid = &grid;
  check_regions(both, &s, &o, boxes, sizeof boxes / sizeof boxes[0]);
  scan_end(&s);
}

static void arrays_of_the_device_are_taken_in_place(void **state) {
  SIDES_OR_SKIP(state);
  scan s = noise_arm(36, 29, 50);
  check_in_place(both, &s);
  scan_end(&s);
}

static void samples_that_are_not_finite_are_named(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t places[][3] = {{0, 10, 0}, {31, 14, 12}, {44, 12, 49}};
  scan s = noise_arm(45, 29, 50);
  check_not_finite(both, &s, places, sizeof places / sizeof places[0]);
  scan_end(&s);
}

/* The detector laid on its side: a device that may not fall back says why, one that may is the CPU, and says so. */
static void detectors_on_their_side_fall_back(void **state) {
  SIDES_OR_SKIP(state);
  faulty_log log = {0};
  kvox_context *falling = context_of(KVOX_BACKEND_OPENCL, true, &log);
  const kvox_ct_cone_options options = cone_options(60, 21, 41);
  scan s = arm_of(&options);
  kvox_ct_view *views = views_of(s.geometry);
  kvox_ct_geometry *turned = NULL, *plain = s.geometry;
  kvox_ct_fbp_plan *plan = NULL;
  for (int64_t v = 0; v < 60; v++) {
    swap_vectors(views[v].column_step_mm, views[v].row_step_mm);
  }
  assert_ok(kvox_ct_geometry_create_views(s.context, KVOX_CT_CONE, 41, 21, views, 60, &turned));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "along the axis z", kvox_ct_fbp_plan_create(both->device, turned, NULL, &plan));
  s.geometry = turned;
  plan = plan_on(falling, &s, NULL);
  assert_non_null(strstr(kvox_ct_fbp_plan_provenance(plan), "\"backend\": \"cpu\""));
  assert_non_null(strstr(log.last, "along the axis z"));
  kvox_ct_fbp_plan_destroy(plan);
  s.geometry = plain;
  kvox_ct_geometry_destroy(turned);
  free(views);
  scan_end(&s);
  kvox_context_destroy(falling);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_cpu),
      cmocka_unit_test(parallel_views_agree_too),
      cmocka_unit_test(every_limit_gives_the_same_bits),
      cmocka_unit_test(regions_have_the_bits_of_the_whole),
      cmocka_unit_test(arrays_of_the_device_are_taken_in_place),
      cmocka_unit_test(samples_that_are_not_finite_are_named),
      cmocka_unit_test(detectors_on_their_side_fall_back),
  };
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
