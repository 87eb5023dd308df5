/* Fan and cone beams on an OpenCL device: against the CPU, for any cut and place of arrays. */
#include "ct/sides.h"

static const double water = 0.02; /* 1/mm, at some 60 keV */

typedef struct cone_case {
  const char *name;
  int32_t beam;
  int64_t views, rows, columns, size[3];
  double spacing[3], start, step, column_offset, row_offset;
} cone_case;

static scan scan_for(const cone_case *c, kvox_grid *grid) {
  kvox_ct_cone_options options = cone_options(c->views, c->rows, c->columns);
  options.angle_start_deg = c->start;
  options.angle_step_deg = c->step;
  options.column_offset_px = c->column_offset;
  options.row_offset_px = c->row_offset;
  if (c->beam == KVOX_CT_FAN) {
    options.row_pitch_mm = 1;
  }
  assert_ok(kvox_grid_init(grid, c->size, c->spacing, NULL));
  return cone_begin(c->beam, &options);
}

/* Heads in HU: every weighting, odd views and rows, sub-pixel offsets, coarse voxels, a lone slice, thin slabs. */
static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  static const cone_case cases[] = {
      {"full turn", KVOX_CT_CONE, 181, 40, 80, {70, 64, 36}, {1, 1, 1}, 0, 360.0 / 181, 0.3, -0.4},
      {"over-scan, descending", KVOX_CT_CONE, 240, 21, 65, {60, 61, 20}, {1, 1, 0.9}, 30, -1.7, 0.25, 0.1},
      {"short scan", KVOX_CT_CONE, 211, 24, 81, {80, 80, 21}, {1, 1, 1}, 33, 1, 0.2, 0},
      {"offset detector", KVOX_CT_CONE, 240, 20, 60, {90, 90, 18}, {1, 1, 1}, 0, 1.5, 17.3, 0.3},
      {"coarse voxels", KVOX_CT_CONE, 120, 30, 60, {20, 17, 9}, {3.1, 2.7, 2.9}, 7, 3, 0, 1.25},
      {"a slice", KVOX_CT_CONE, 120, 5, 90, {80, 80, 1}, {1, 1, 1}, 0, 3, -0.4, 0},
      {"fan", KVOX_CT_FAN, 200, 7, 90, {88, 91, 7}, {1, 1, 1}, 0, 1.8, 0.31, 0},
      {"fan between planes, short scan", KVOX_CT_FAN, 260, 12, 81, {80, 50, 19}, {1, 1, 0.6}, 5, 0.9, 0.1, 0.3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    kvox_grid grid;
    scan s = scan_for(&cases[i], &grid);
    scan_simulate(&s, "shepp-logan-3d", 25, water);
    printf("%s: the device differs from the CPU by at most %.2g HU\n", cases[i].name,
           check_against_cpu(both, &s, &grid, water));
    scan_end(&s);
  }
}

/* Counts with bad pixels. */
static void corrects_counts(void **state) {
  SIDES_OR_SKIP(state);
  enum { N_VIEWS = 75, N_ROWS = 11, N_COLUMNS = 60, FRAME = N_ROWS * N_COLUMNS };
  static uint16_t raw[N_VIEWS * FRAME], open[FRAME];
  static uint8_t bad[FRAME];
  const int64_t shape[3] = {N_VIEWS, N_ROWS, N_COLUMNS};
  const kvox_ct_cone_options options = cone_options(N_VIEWS, N_ROWS, N_COLUMNS);
  scan s = cone_begin(KVOX_CT_CONE, &options);
  scan_simulate(&s, "cylinder", 20, water);
  for (int i = 0; i < FRAME; i++) {
    open[i] = (uint16_t)(50000 + i);
    bad[i] = i % 61 < 2 || (i / N_COLUMNS == 4 && i % N_COLUMNS > 50);
  }
  for (int i = 0; i < N_VIEWS * FRAME; i++) {
    raw[i] = bad[i % FRAME] ? 65535 : (uint16_t)((double)open[i % FRAME] * exp(-(double)s.samples[i]));
  }
  kvox_array flat, mask;
  kvox_ct_correction_options correct;
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options o;
  kvox_ct_correction *correction = NULL;
  kvox_ct_correction_options_init(&correct);
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&o);
  assert_ok(kvox_array_init(&s.projections, raw, KVOX_U16, 3, shape));
  assert_ok(kvox_array_init(&flat, open, KVOX_U16, 2, shape + 1));
  assert_ok(kvox_array_init(&mask, bad, KVOX_U8, 2, shape + 1));
  correct.flat = &flat;
  correct.bad_pixels = &mask;
  assert_ok(kvox_ct_correction_create(both->cpu, &correct, &correction));
  filter.correction = correction;
  o.filter = &filter;
  o.hounsfield = 1;
  o.mu_water_per_mm = water;
  kvox_volume *device = reconstruct_on(both->device, &s, &o), *cpu = reconstruct_on(both->cpu, &s, &o);
  const double difference = greatest_difference(device, cpu);
  printf("corrected counts differ by at most %.2g HU\n", difference);
  assert_true(difference < 0.5);
  kvox_ct_correction_destroy(correction);
  kvox_volume_destroy(device);
  kvox_volume_destroy(cpu);
  scan_end(&s);
}

static scan noise_scan(int32_t beam, int64_t views, int64_t rows, int64_t columns) {
  kvox_ct_cone_options options = cone_options(views, rows, columns);
  if (beam == KVOX_CT_FAN) {
    options.row_pitch_mm = 1;
  }
  scan s = cone_begin(beam, &options);
  fill_noise(s.samples, views * rows * columns, 9);
  return s;
}

static void every_limit_gives_the_same_bits(void **state) {
  SIDES_OR_SKIP(state);
  for (int32_t beam = KVOX_CT_FAN; beam <= KVOX_CT_CONE; beam++) {
    scan s = noise_scan(beam, 61, 37, 60);
    check_limits(both, &s);
    scan_end(&s);
  }
}

static void regions_have_the_bits_of_the_whole(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t boxes[][2][3] = {
      {{31, 25, 3}, {2, 30, 1}}, {{55, 1, 1}, {5, 57, 33}}, {{5, 50, 17}, {50, 3, 10}}};
  scan s = noise_scan(KVOX_CT_CONE, 40, 37, 60);
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  check_regions(both, &s, &o, boxes, sizeof boxes / sizeof boxes[0]);
  scan_end(&s);
}

static void arrays_of_the_device_are_taken_in_place(void **state) {
  SIDES_OR_SKIP(state);
  scan s = noise_scan(KVOX_CT_CONE, 36, 19, 50);
  check_in_place(both, &s);
  scan_end(&s);
}

static void samples_that_are_not_finite_are_named(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t places[][3] = {{0, 0, 0}, {31, 8, 12}, {44, 4, 49}};
  for (int32_t beam = KVOX_CT_FAN; beam <= KVOX_CT_CONE; beam++) {
    scan s = noise_scan(beam, 45, 9, 50);
    check_not_finite(both, &s, places, sizeof places / sizeof places[0]);
    scan_end(&s);
  }
}

static void cancelled_in_the_middle(void **state) {
  SIDES_OR_SKIP(state);
  scan s = noise_scan(KVOX_CT_CONE, 64, 24, 60);
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  o.memory_limit = 3 * least_limit(both->device, &s, &o);
  kvox_ct_fbp_plan *plan = plan_on(both->device, &s, &o);
  kvox_volume *volume = volume_for(&s, plan);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(both->device, &workspace));
  for (double stop = 0.01; stop < 2; stop += 0.66) {
    watcher w = {.stop_at = stop};
    kvox_workspace_set_progress(workspace, watch, &w);
    if (stop <= 1) {
      assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
    } else {
      static const char *const stages[] = {"upload", "correct", "filter", "backproject", "download"};
      assert_ok(kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
      assert_close(w.last, 1, 0);
      assert_int_equal(kvox_workspace_stage_count(workspace), 5);
      for (int32_t i = 0; i < 5; i++) {
        assert_string_equal(kvox_workspace_stage_name(workspace, i), stages[i]);
        assert_true(kvox_workspace_stage_seconds(workspace, i) > 0);
      }
    }
  }
  kvox_workspace_destroy(workspace);
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_cpu),
      cmocka_unit_test(corrects_counts),
      cmocka_unit_test(every_limit_gives_the_same_bits),
      cmocka_unit_test(regions_have_the_bits_of_the_whole),
      cmocka_unit_test(arrays_of_the_device_are_taken_in_place),
      cmocka_unit_test(samples_that_are_not_finite_are_named),
      cmocka_unit_test(cancelled_in_the_middle),
  };
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
