#include "ct/disc.h"
#include "ct/scan.h"

static const double water = 0.02; /* 1/mm, at some 60 keV */

/*
 * The bar for every complete geometry: a noise-free water cylinder, r < 0.9 R: mean within 0.5 %, highest 5 x 5 mean
 * within 1 % of it. Arcs of half a turn, of over- and uneven scans, both directions, sub-pixel offsets.
 */
static void water_is_water(void **state) {
  (void)state;
  static const struct {
    int64_t views, columns;
    double start, step, offset;
  } scans[] = {
      {360, 257, 0, 0.5, 0},  {400, 256, 10, -0.9, 0.31}, {361, 257, 0, 1, -2.7},
      {431, 300, 0, 0.5, 20}, {720, 257, 5, 1, 0.5},      {377, 257, 0, 111.246117975, 0.25},
  };
  for (size_t i = 0; i < sizeof scans / sizeof scans[0]; i++) {
    scan s = scan_options(scans[i].views, 1, scans[i].columns);
    s.options.angle_start_deg = scans[i].start;
    s.options.angle_step_deg = scans[i].step;
    s.options.column_offset_px = scans[i].offset;
    scan_begin(&s);
    scan_simulate(&s, "cylinder", 120, water);
    kvox_phantom *phantom = NULL;
    assert_ok(kvox_phantom_create(s.context, "cylinder", 120, water, &phantom));
    double radius = 0; /* the cylinder's own: where its value ends */
    for (double point[3] = {0, 0, 0}; kvox_phantom_value(phantom, point) > 0; point[0] += 0.25) {
      radius = point[0];
    }
    kvox_phantom_destroy(phantom);
    assert_true(radius > 50);
    kvox_volume *volume = scan_reconstruct(&s, NULL);
    const disc_values v = look_at(volume_samples(volume), scans[i].columns, 0.9 * radius);
    assert_close(v.mean / water, 1, 0.005);
    assert_true(v.highest <= 1.01 * v.mean);
    assert_int_equal(kvox_volume_unit(volume), KVOX_UNIT_PER_MM);
    kvox_volume_destroy(volume);
    scan_end(&s);
  }
}

/* Off-centre discs: a flip, a transpose or a turn would move them. Compared with the true voxel averages; the grid's
 * centre, spacing and the pitch differ from the detector's. */
static void discs_lie_where_they_are(void **state) {
  (void)state;
  scan s = scan_options(500, 1, 301);
  s.options.column_pitch_mm = 0.8;
  s.options.column_offset_px = -3.4;
  s.options.angle_start_deg = 33;
  scan_begin(&s);
  scan_simulate(&s, "discs", 100, 1);
  kvox_grid grid;
  const int64_t size[3] = {200, 181, 1};
  const double spacing[3] = {1.1, 0.9, 1}, center[3] = {6, -3, 0};
  assert_ok(kvox_grid_init(&grid, size, spacing, center));
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  o.grid = &grid;
  kvox_volume *volume = scan_reconstruct(&s, &o), *truth = NULL;
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_create(s.context, "discs", 100, 1, &phantom));
  assert_ok(kvox_volume_create(s.context, KVOX_F32, &grid, &truth));
  assert_ok(kvox_phantom_fill(phantom, 8, truth));
  kvox_array a, b;
  double rmse = 0, mean = 0, deviation = 0;
  assert_ok(kvox_volume_array(volume, &a));
  assert_ok(kvox_volume_array(truth, &b));
  assert_ok(kvox_quality_rmse(&a, &b, NULL, &rmse));
  assert_ok(kvox_quality_statistics(&b, NULL, &mean, &deviation));
  /* Edges blur over a pixel, which is some 8 % of the picture's own deviation; misplaced discs give more than 100 %. */
  assert_true(rmse < 0.2 * deviation);
  kvox_phantom_destroy(phantom);
  kvox_volume_destroy(truth);
  kvox_volume_destroy(volume);
  scan_end(&s);
}

typedef struct cut {
  int32_t threads;
  uint64_t limit;
} cut;

static kvox_volume *head_in_cut(cut how, int64_t slices, const kvox_ct_fbp_options *given) {
  scan s = scan_options(61, slices, 90);
  kvox_context_destroy(s.context);
  s.context = context_of_threads(how.threads);
  s.options.column_offset_px = 1.7;
  scan_begin(&s);
  fill_noise(s.samples, 61 * slices * 90, 9);
  kvox_ct_fbp_options o = *given;
  o.memory_limit = how.limit;
  kvox_volume *volume = scan_reconstruct(&s, &o);
  scan_end(&s);
  return volume;
}

/* 1, 2 and 7 threads, and memory for everything at once or two views at a time: the same bits. */
static void every_cut_gives_the_same_bits(void **state) {
  (void)state;
  static const cut cuts[] = {{2, 0}, {7, 0}, {1, 1000000}, {2, 1500000}};
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  for (int64_t slices = 1; slices <= 25; slices += 12) {
    kvox_volume *first = head_in_cut((cut){1, 0}, slices, &o);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
      kvox_volume *other = head_in_cut(cuts[i], slices, &o);
      assert_memory_equal(volume_samples(other), volume_samples(first), (size_t)(slices * 90 * 90) * sizeof(float));
      kvox_volume_destroy(other);
    }
    kvox_volume_destroy(first);
  }
}

/* Any box of the grid, lone slices and stacks: the bits of the whole. */
static void a_region_has_the_bits_of_the_whole(void **state) {
  (void)state;
  static const int64_t boxes[][2][3] = {
      {{0, 0, 0}, {90, 90, 1}}, {{31, 33, 3}, {2, 40, 1}}, {{64, 1, 1}, {26, 89, 15}}, {{5, 50, 7}, {77, 3, 10}}};
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  kvox_volume *whole = head_in_cut((cut){2, 0}, 17, &o);
  for (size_t n = 0; n < sizeof boxes / sizeof boxes[0]; n++) {
    const int64_t *begin = boxes[n][0], *size = boxes[n][1];
    memcpy(o.region_begin, begin, sizeof o.region_begin);
    memcpy(o.region_size, size, sizeof o.region_size);
    kvox_volume *part = head_in_cut((cut){2, 0}, 17, &o);
    for (int64_t k = 0; k < size[2]; k++) {
      for (int64_t j = 0; j < size[1]; j++) {
        const float *want = volume_samples(whole) + ((begin[2] + k) * 90 + begin[1] + j) * 90 + begin[0];
        assert_memory_equal(volume_samples(part) + (k * size[1] + j) * size[0], want, (size_t)size[0] * sizeof *want);
      }
    }
    const double corner[3] = {0, 0, 0}, same[3] = {(double)begin[0], (double)begin[1], (double)begin[2]};
    double a[3], b[3];
    assert_ok(kvox_volume_index_to_world(part, corner, a));
    assert_ok(kvox_volume_index_to_world(whole, same, b));
    for (int c = 0; c < 3; c++) {
      assert_close(a[c], b[c], 1e-12);
    }
    kvox_volume_destroy(part);
  }
  kvox_volume_destroy(whole);
}

/* Counts of other types and strides are the same projections; a volume may have padded rows and turned slices. */
static void types_and_strides_do_not_matter(void **state) {
  (void)state;
  enum { VIEWS = 40, ROWS = 3, COLUMNS = 50, PAD = 7 };
  scan s = scan_options(VIEWS, ROWS, COLUMNS);
  scan_begin(&s);
  for (int64_t i = 0; i < VIEWS * ROWS * COLUMNS; i++) {
    s.samples[i] = (float)((i * 7919) % 251);
  }
  kvox_ct_fbp_plan *plan = NULL;
  assert_ok(kvox_ct_fbp_plan_create(s.context, s.geometry, NULL, &plan));
  kvox_volume *first = volume_for(&s, plan);
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &s.projections, first));

  static uint8_t bytes[COLUMNS][VIEWS][ROWS]; /* another order, the last view first */
  for (int64_t v = 0; v < VIEWS; v++) {
    for (int64_t r = 0; r < ROWS; r++) {
      for (int64_t c = 0; c < COLUMNS; c++) {
        bytes[c][VIEWS - 1 - v][r] = (uint8_t)s.samples[(v * ROWS + r) * COLUMNS + c];
      }
    }
  }
  const kvox_array turned = {.data = &bytes[0][VIEWS - 1][0],
                             .type = KVOX_U8,
                             .rank = 3,
                             .shape = {VIEWS, ROWS, COLUMNS},
                             .strides = {-ROWS, 1, VIEWS * ROWS}};
  static float padded[ROWS][COLUMNS][COLUMNS + PAD];
  const int64_t row = sizeof padded[0][0], slice = sizeof padded[0];
  const kvox_array target = {.data = padded[ROWS - 1],
                             .type = KVOX_F32,
                             .rank = 3,
                             .shape = {ROWS, COLUMNS, COLUMNS},
                             .strides = {-slice, row, (int64_t)sizeof(float)}};
  kvox_grid grid;
  kvox_volume *second = NULL;
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_wrap(s.context, &target, &grid, &second));
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &turned, second));
  for (int64_t k = 0; k < ROWS; k++) {
    for (int64_t j = 0; j < COLUMNS; j++) {
      assert_memory_equal(padded[ROWS - 1 - k][j], volume_samples(first) + (k * COLUMNS + j) * COLUMNS,
                          COLUMNS * sizeof(float));
      assert_true(padded[ROWS - 1 - k][j][COLUMNS] == 0);
    }
  }
  kvox_volume_destroy(second);
  kvox_volume_destroy(first);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

/* HU is the stated line through water and air; slices between rows are between the rows' slices. */
static void hounsfield_and_slices_between_rows(void **state) {
  (void)state;
  scan s = scan_options(120, 2, 65);
  scan_begin(&s);
  scan_simulate(&s, "shepp-logan", 30, water);
  for (int64_t v = 0; v < 120; v++) {
    for (int64_t c = 0; c < 65; c++) {
      s.samples[(v * 2 + 1) * 65 + c] *= 2;
    }
  }
  kvox_ct_fbp_options o;
  kvox_grid grid;
  const int64_t size[3] = {65, 65, 3};
  const double spacing[3] = {1, 1, 0.5};
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  kvox_ct_fbp_options_init(&o);
  o.grid = &grid;
  kvox_volume *mu = scan_reconstruct(&s, &o);
  o.hounsfield = 1;
  o.mu_water_per_mm = water;
  o.mu_air_per_mm = 0.00002;
  kvox_volume *hu = scan_reconstruct(&s, &o);
  assert_int_equal(kvox_volume_unit(hu), KVOX_UNIT_HU);
  for (int64_t i = 0; i < 3 * 65 * 65; i++) {
    const double want = 1000 * ((double)volume_samples(mu)[i] - water) / (water - 0.00002);
    assert_close((double)volume_samples(hu)[i], want, 1e-3);
  }
  for (int64_t i = 0; i < 65 * 65; i++) {
    const double low = (double)volume_samples(mu)[i], high = (double)volume_samples(mu)[2 * 65 * 65 + i];
    assert_close((double)volume_samples(mu)[65 * 65 + i], 0.5 * (low + high), 1e-6 * water * 50);
    assert_close(high, 2 * low, 1e-6 * water * 50);
  }
  kvox_volume_destroy(mu);
  kvox_volume_destroy(hu);
  scan_end(&s);
}

static void provenance_tells_the_plan(void **state) {
  (void)state;
  scan s = scan_options(90, 1, 33);
  scan_begin(&s);
  kvox_volume *volume = scan_reconstruct(&s, NULL);
  const char *text = kvox_volume_provenance(volume);
  static const char *const words[] = {"\"kvox\": \"",  "\"views\": 90",     "\"window\": \"ramp\"",
                                      "\"cpu_level\"", "\"center_px\": 16", "\"fft\""};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strstr(text, words[i]) == NULL) {
      fail_msg("%s is not in %s", words[i], text);
    }
  }
  kvox_volume_destroy(volume);
  scan_end(&s);
}

/* A plan belongs to the context it was made with, whatever the geometry's. */
static void plans_follow_their_own_context(void **state) {
  (void)state;
  kvox_context_options options;
  kvox_context *plain = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  scan s = scan_options(90, 1, 33);
  scan_begin(&s);
  kvox_context_options_init(&options);
  options.cpu_level = KVOX_CPU_REF;
  options.threads = 1;
  assert_ok(kvox_context_create(&options, &plain));
  assert_ok(kvox_ct_fbp_plan_create(plain, s.geometry, NULL, &plan));
  assert_non_null(strstr(kvox_ct_fbp_plan_provenance(plan), "\"cpu_level\": \"ref\""));
  kvox_ct_fbp_plan_destroy(plan);
  kvox_context_destroy(plain);
  scan_end(&s);
}

/* A row of zero stride or slices on top of each other cannot take a result. */
static void results_need_their_own_memory(void **state) {
  (void)state;
  scan s = scan_options(40, 2, 33);
  scan_begin(&s);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_grid grid;
  kvox_volume *volume = NULL;
  static float samples[2 * 33 * 33];
  const int64_t row = 33 * (int64_t)sizeof(float);
  kvox_array array = {.data = samples, .type = KVOX_F32, .rank = 3, .shape = {2, 33, 33}, .strides = {row, row, 4}};
  assert_ok(kvox_ct_fbp_plan_create(s.context, s.geometry, NULL, &plan));
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_wrap(s.context, &array, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "share memory", kvox_ct_fbp_execute(plan, NULL, &s.projections, volume));
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

static void progress_rises_and_cancels(void **state) {
  (void)state;
  scan s = scan_options(100, 20, 64);
  scan_begin(&s);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_ct_fbp_plan_create(s.context, s.geometry, NULL, &plan));
  assert_ok(kvox_workspace_create(s.context, &workspace));
  kvox_volume *volume = volume_for(&s, plan);
  watcher w = {.stop_at = 2};
  kvox_workspace_set_progress(workspace, watch, &w);
  assert_ok(kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
  /* A device takes so little in one command; tests/ct/ct_ocl.c has what it tells of more, and its other stages. */
  const int on_cpu = kvox_context_backend(s.context) == KVOX_BACKEND_CPU;
  assert_true(w.calls > (on_cpu ? 4 : 1));
  assert_close(w.last, 1, 0);
  assert_string_equal(kvox_workspace_stage_name(workspace, on_cpu ? 0 : 2), "filter");
  assert_string_equal(kvox_workspace_stage_name(workspace, on_cpu ? 1 : 3), "backproject");
  w = (watcher){.stop_at = 0.5};
  assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
  assert_true(!on_cpu || w.last < 0.9);
  w = (watcher){.stop_at = 2};
  assert_ok(kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
  kvox_memory_use memory;
  assert_ok(kvox_ct_fbp_plan_memory(plan, &memory));
  assert_int_equal(kvox_workspace_bytes(workspace), memory.workspace);
  kvox_volume_destroy(volume);
  kvox_workspace_destroy(workspace);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

#define assert_no_plan(status, words) \
  assert_fails(status, words, kvox_ct_fbp_plan_create(s.context, s.geometry, &o, &plan))

static void wrong_plans_are_named(void **state) {
  (void)state;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_fbp_options o;
  scan s = scan_options(120, 1, 65);
  s.options.column_pitch_mm = 0;
  scan_begin(&s);
  kvox_ct_fbp_options_init(&o);
  o.hounsfield = 1;
  o.mu_water_per_mm = water;
  assert_no_plan(KVOX_ERROR_GEOMETRY, "pitch is not known");
  scan_end(&s);

  s = scan_options(120, 1, 65);
  scan_begin(&s);
  o.mu_water_per_mm = 0;
  assert_no_plan(KVOX_ERROR_ARGUMENT, "mu of water is 0");
  kvox_ct_fbp_options_init(&o);
  o.region_size[0] = 66;
  o.region_size[1] = o.region_size[2] = 1;
  assert_no_plan(KVOX_ERROR_ARGUMENT, "66 voxels along x");
  kvox_ct_fbp_options_init(&o);
  o.memory_limit = 1000;
  assert_no_plan(KVOX_ERROR_MEMORY_LIMIT, "at least");
  kvox_ct_fbp_options_init(&o);
  kvox_grid grid;
  assert_ok(kvox_ct_geometry_default_grid(s.geometry, &grid));
  grid.spacing_mm[1] = -1;
  o.grid = &grid;
  assert_no_plan(KVOX_ERROR_ARGUMENT, "y spacing is -1");
  assert_ok(kvox_ct_geometry_default_grid(s.geometry, &grid));
  grid.origin_mm[2] = 5;
  assert_no_plan(KVOX_ERROR_GEOMETRY, "detector rows 5");
  grid.origin_mm[2] = 0;
  grid.spacing_mm[0] = 1e8;
  assert_no_plan(KVOX_ERROR_GEOMETRY, "units of spacing");
  scan_end(&s);

  s = scan_options(100, 1, 65);
  s.options.angle_step_deg = 1.5;
  scan_begin(&s);
  kvox_ct_fbp_options_init(&o);
  assert_no_plan(KVOX_ERROR_GEOMETRY, "arc is too short");
  assert_null(plan);
  o.allow_short_arc = 1;
  assert_ok(kvox_ct_fbp_plan_create(s.context, s.geometry, &o, &plan));
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

static void wrong_data_is_named(void **state) {
  (void)state;
  scan s = scan_options(50, 2, 33);
  scan_begin(&s);
  kvox_ct_fbp_plan *plan = NULL;
  assert_ok(kvox_ct_fbp_plan_create(s.context, s.geometry, NULL, &plan));
  kvox_volume *volume = volume_for(&s, plan);
  kvox_array wrong = s.projections;
  wrong.shape[0] = 49;
  assert_fails(KVOX_ERROR_SIZE, "49 x 2 x 33, must be 50 x 2 x 33", kvox_ct_fbp_execute(plan, NULL, &wrong, volume));
  wrong = s.projections;
  wrong.type = KVOX_C64;
  assert_fails(KVOX_ERROR_ARGUMENT, "c64", kvox_ct_fbp_execute(plan, NULL, &wrong, volume));
  s.samples[(31 * 2 + 1) * 33 + 12] = NAN;
  s.samples[(44 * 2 + 1) * 33 + 2] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "view 31", kvox_ct_fbp_execute(plan, NULL, &s.projections, volume));
  assert_non_null(strstr(kvox_last_error(), "column 12"));
  kvox_volume_destroy(volume);

  kvox_grid grid;
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  grid.size[0] = 32;
  assert_ok(kvox_volume_create(s.context, KVOX_F32, &grid, &volume));
  assert_fails(KVOX_ERROR_SIZE, "volume", kvox_ct_fbp_execute(plan, NULL, &s.projections, volume));
  kvox_volume_destroy(volume);
  grid.size[0] = 33;
  kvox_array over = s.projections;
  over.rank = 3;
  over.shape[0] = 2;
  over.shape[1] = over.shape[2] = 33;
  over.strides[0] = 33 * 33 * (int64_t)sizeof(float);
  over.strides[1] = 33 * (int64_t)sizeof(float);
  assert_ok(kvox_volume_wrap(s.context, &over, &grid, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_fbp_execute(plan, NULL, &s.projections, volume));
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(water_is_water),
      cmocka_unit_test(discs_lie_where_they_are),
      cmocka_unit_test(every_cut_gives_the_same_bits),
      cmocka_unit_test(a_region_has_the_bits_of_the_whole),
      cmocka_unit_test(types_and_strides_do_not_matter),
      cmocka_unit_test(hounsfield_and_slices_between_rows),
      cmocka_unit_test(provenance_tells_the_plan),
      cmocka_unit_test(plans_follow_their_own_context),
      cmocka_unit_test(results_need_their_own_memory),
      cmocka_unit_test(progress_rises_and_cancels),
      cmocka_unit_test(wrong_plans_are_named),
      cmocka_unit_test(wrong_data_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
