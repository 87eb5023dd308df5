/* Reconstruction and the matched pair on an OpenCL device: against the CPU, for any cut and place of arrays. */
#include <pthread.h>

#include "ct/sides.h"

static const double water = 0.02; /* 1/mm, at some 60 keV */

/* ---- Against the CPU ---- */

/* Heads in HU: lone slices and stacks, odd views, slices between rows and beside each other's, coarse voxels. */
static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  static const struct {
    int64_t views, rows, columns, size[3];
    double spacing[3], start, step;
  } cases[] = {
      {181, 1, 129, {129, 129, 1}, {1, 1, 1}, 0, 1},
      {120, 5, 90, {90, 80, 5}, {1, 1, 1}, 33, 1.5},
      {97, 21, 64, {50, 61, 33}, {1.2, 1, 0.6}, 7, -180.0 / 97},
      {240, 9, 70, {20, 25, 4}, {3.1, 2.7, 2}, 0, 1.5},
      {64, 40, 100, {100, 100, 40}, {1, 1, 1}, 0, 180.0 / 64},
      {90, 3, 50, {200, 1, 2}, {0.2, 1, 0.5}, 5, 2},
  };
  double greatest = 0;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    scan s = scan_of(cases[i].views, cases[i].rows, cases[i].columns);
    s.options.angle_start_deg = cases[i].start;
    s.options.angle_step_deg = cases[i].step;
    scan_begin(&s);
    scan_simulate(&s, "forbild-head", 0.4 * (double)cases[i].columns, water);
    kvox_grid grid;
    assert_ok(kvox_grid_init(&grid, cases[i].size, cases[i].spacing, NULL));
    greatest = fmax(greatest, check_against_cpu(both, &s, &grid, water));
    scan_end(&s);
  }
  printf("the device differs from the CPU by at most %.2g HU\n", greatest);
}

/* Counts with bad pixels, of rows with gaps between those that slices lie on. */
static void corrects_counts(void **state) {
  SIDES_OR_SKIP(state);
  enum { VIEWS_ = 75, ROWS_ = 11, COLUMNS_ = 60 };
  static uint16_t raw[VIEWS_ * ROWS_ * COLUMNS_], open[ROWS_ * COLUMNS_];
  static uint8_t bad[ROWS_ * COLUMNS_];
  const int64_t shape[3] = {VIEWS_, ROWS_, COLUMNS_}, size[3] = {60, 60, 5};
  const double spacing[3] = {1, 1, 2.3};
  scan s = scan_of(VIEWS_, ROWS_, COLUMNS_);
  scan_begin(&s);
  scan_simulate(&s, "shepp-logan", 25, water);
  for (int i = 0; i < ROWS_ * COLUMNS_; i++) {
    open[i] = (uint16_t)(50000 + i);
    bad[i] = i % 61 < 2 || (i / COLUMNS_ == 4 && i % COLUMNS_ > 50);
  }
  for (int i = 0; i < VIEWS_ * ROWS_ * COLUMNS_; i++) {
    const int pixel = i % (ROWS_ * COLUMNS_);
    raw[i] = bad[pixel] ? 65535 : (uint16_t)((double)open[pixel] * exp(-(double)s.samples[i]));
  }
  kvox_array counts, flat, mask;
  assert_ok(kvox_array_init(&counts, raw, KVOX_U16, 3, shape));
  assert_ok(kvox_array_init(&flat, open, KVOX_U16, 2, shape + 1));
  assert_ok(kvox_array_init(&mask, bad, KVOX_U8, 2, shape + 1));
  kvox_ct_correction_options correct;
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options o;
  kvox_grid grid;
  kvox_ct_correction_options_init(&correct);
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&o);
  correct.flat = &flat;
  correct.bad_pixels = &mask;
  assert_ok(kvox_ct_correction_create(both->cpu, &correct, (kvox_ct_correction **)&filter.correction));
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  o.grid = &grid;
  o.filter = &filter;
  o.hounsfield = 1;
  o.mu_water_per_mm = water;
  free(s.samples);
  s.samples = NULL;
  s.projections = counts;
  kvox_volume *device = reconstruct_on(both->device, &s, &o), *cpu = reconstruct_on(both->cpu, &s, &o);
  const double difference = greatest_difference(device, cpu);
  printf("corrected counts differ by at most %.2g HU\n", difference);
  assert_true(difference < 0.5);
  kvox_ct_correction_destroy((kvox_ct_correction *)(uintptr_t)filter.correction);
  kvox_volume_destroy(device);
  kvox_volume_destroy(cpu);
  scan_end(&s);
}

/* ---- The same bits ---- */

static void every_limit_gives_the_same_bits(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t slices[] = {1, 3, 21};
  for (int n = 0; n < 3; n++) {
    scan s = scan_of(61, slices[n], 70);
    scan_begin(&s);
    fill_noise(s.samples, 61 * slices[n] * 70, 9);
    check_limits(both, &s);
    scan_end(&s);
  }
}

static void regions_have_the_bits_of_the_whole(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t boxes[][2][3] = {
      {{31, 25, 3}, {2, 40, 1}}, {{64, 1, 1}, {6, 69, 15}}, {{5, 50, 7}, {60, 3, 10}}};
  scan s = scan_of(40, 17, 70);
  scan_begin(&s);
  fill_noise(s.samples, 40 * 17 * 70, 10);
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  check_regions(both, &s, &o, boxes, sizeof boxes / sizeof boxes[0]);
  scan_end(&s);
}

/* The same samples in every type, on the host in any order or on the device; the volume on either. */
static void places_and_types_do_not_matter(void **state) {
  SIDES_OR_SKIP(state);
  enum { N_VIEWS = 24, N_ROWS = 5, N_COLUMNS = 33, N_SAMPLES = N_VIEWS * N_ROWS * N_COLUMNS };
  static const kvox_type types[] = {KVOX_U8, KVOX_I8, KVOX_U16, KVOX_I16, KVOX_U32, KVOX_I32, KVOX_F16, KVOX_F64};
  static union {
    uint8_t u8[N_SAMPLES];
    uint16_t u16[N_SAMPLES];
    uint32_t u32[N_SAMPLES];
    double f64[N_SAMPLES];
  } memory;
  const int64_t shape[3] = {N_VIEWS, N_ROWS, N_COLUMNS};
  scan s = scan_of(N_VIEWS, N_ROWS, N_COLUMNS);
  scan_begin(&s);
  for (int i = 0; i < N_SAMPLES; i++) {
    s.samples[i] = (float)(1 << (i * 7 % 6)); /* powers of two: as easy in f16 */
  }
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  kvox_volume *first = reconstruct_on(both->device, &s, &o), *second = NULL, *onto = NULL;
  o.memory_limit = least_limit(both->device, &s, &o);
  kvox_ct_fbp_plan *plan = plan_on(both->device, &s, &o);
  kvox_grid grid;
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create(both->cpu, KVOX_F32, &grid, &second));
  assert_ok(kvox_volume_create_device(both->device, KVOX_F32, &grid, &onto));
  for (int t = 0; t < 8; t++) {
    kvox_array host, turned, there, result, back;
    kvox_buffer *buffer = NULL;
    for (int i = 0; i < N_SAMPLES; i++) {
      const uint32_t value = (uint32_t)s.samples[i];
      switch (kvox_type_size(types[t])) {
        case 1: memory.u8[i] = (uint8_t)value; break;
        case 2:
          /* f16: the exponent's bits, with its bias of 15. */
          memory.u16[i] = types[t] == KVOX_F16 ? (uint16_t)((15 + __builtin_ctz(value)) << 10) : (uint16_t)value;
          break;
        case 4: memory.u32[i] = value; break;
        default: memory.f64[i] = value;
      }
    }
    assert_ok(kvox_array_init(&host, &memory, types[t], 3, shape));
    assert_ok(kvox_ct_fbp_execute(plan, NULL, &host, second));
    assert_same_bits(second, first);
    /* On the device with columns far apart. */
    const int64_t apart[3] = {N_COLUMNS, N_VIEWS, N_ROWS};
    assert_ok(kvox_buffer_create(both->device, (uint64_t)N_SAMPLES * kvox_type_size(types[t]), &buffer));
    assert_ok(kvox_array_init_buffer(&turned, buffer, 0, types[t], 3, apart));
    there = turned;
    for (int d = 0; d < 3; d++) {
      there.shape[d] = shape[d];
      there.strides[d] = turned.strides[(d + 1) % 3];
    }
    assert_ok(kvox_array_copy(&host, &there));
    assert_ok(kvox_ct_fbp_execute(plan, NULL, &there, onto));
    assert_ok(kvox_volume_array(onto, &result));
    assert_ok(kvox_volume_array(second, &back));
    memset(back.data, 0, (size_t)voxels_of(second) * sizeof(float));
    assert_ok(kvox_array_copy(&result, &back));
    assert_same_bits(second, first);
    kvox_buffer_destroy(buffer);
  }
  assert_string_equal(kvox_volume_provenance(onto), kvox_volume_provenance(second));
  kvox_volume_destroy(first);
  kvox_volume_destroy(second);
  kvox_volume_destroy(onto);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

typedef struct thread_job {
  const kvox_ct_fbp_plan *plan;
  const kvox_array *projections;
  kvox_volume *volume;
  kvox_status status;
} thread_job;

static void *execute_twice(void *data) {
  thread_job *job = data;
  for (int i = 0; i < 2 && job->status == KVOX_OK; i++) {
    job->status = kvox_ct_fbp_execute(job->plan, NULL, job->projections, job->volume);
  }
  return NULL;
}

static void threads_share_a_plan(void **state) {
  SIDES_OR_SKIP(state);
  enum { THREADS = 3 };
  scan s = scan_of(60, 6, 64);
  scan_begin(&s);
  fill_noise(s.samples, 60 * 6 * 64, 3);
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  kvox_volume *first = reconstruct_on(both->device, &s, &o);
  kvox_ct_fbp_plan *plan = plan_on(both->device, &s, &o);
  pthread_t threads[THREADS];
  thread_job jobs[THREADS];
  for (int i = 0; i < THREADS; i++) {
    jobs[i] = (thread_job){plan, &s.projections, volume_for(&s, plan), KVOX_OK};
    assert_int_equal(pthread_create(&threads[i], NULL, execute_twice, &jobs[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(jobs[i].status, KVOX_OK);
    assert_same_bits(jobs[i].volume, first);
    kvox_volume_destroy(jobs[i].volume);
  }
  kvox_ct_fbp_plan_destroy(plan);
  kvox_volume_destroy(first);
  scan_end(&s);
}

/* ---- What is refused, what is cancelled ---- */

static void samples_that_are_not_finite_are_named(void **state) {
  SIDES_OR_SKIP(state);
  static const int64_t places[][3] = {{0, 0, 0}, {31, 8, 12}, {44, 4, 49}, {17, 6, 0}};
  const int64_t size[3] = {50, 50, 3};
  const double spacing[3] = {1, 1, 3.5}; /* rows 0.5, 4, 7.5: not 2, 3, 5, 6 */
  kvox_grid grid;
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  o.grid = &grid;
  scan s = scan_of(45, 9, 50);
  scan_begin(&s);
  kvox_ct_fbp_plan *device = plan_on(both->device, &s, &o), *cpu = plan_on(both->cpu, &s, &o);
  kvox_volume *volume = volume_for(&s, cpu);
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    char sentence[256] = "";
    float *sample = &s.samples[(places[i][0] * 9 + places[i][1]) * 50 + places[i][2]];
    *sample = i % 2 == 0 ? NAN : -INFINITY;
    const kvox_status status = kvox_ct_fbp_execute(cpu, NULL, &s.projections, volume);
    assert_int_equal(status, places[i][1] == 6 ? KVOX_OK : KVOX_ERROR_DATA);
    snprintf(sentence, sizeof sentence, "%s", kvox_last_error());
    assert_int_equal(kvox_ct_fbp_execute(device, NULL, &s.projections, volume), status);
    if (status != KVOX_OK) {
      assert_string_equal(kvox_last_error(), sentence);
    }
    *sample = 0;
  }
  assert_ok(kvox_ct_fbp_execute(device, NULL, &s.projections, volume));
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(device);
  kvox_ct_fbp_plan_destroy(cpu);
  scan_end(&s);
}

static void cancelled_in_the_middle(void **state) {
  SIDES_OR_SKIP(state);
  scan s = scan_of(64, 24, 80);
  scan_begin(&s);
  fill_noise(s.samples, 64 * 24 * 80, 8);
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  kvox_volume *first = reconstruct_on(both->device, &s, &o);
  o.memory_limit = 3 * least_limit(both->device, &s, &o);
  kvox_ct_fbp_plan *plan = plan_on(both->device, &s, &o);
  kvox_volume *volume = volume_for(&s, plan);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(both->device, &workspace));
  for (double stop = 0.01; stop < 2; stop += 0.33) {
    watcher w = {.stop_at = stop};
    kvox_workspace_set_progress(workspace, watch, &w);
    if (stop <= 1) {
      assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
      assert_true(w.last < stop + 0.2 || stop > 0.8);
    } else {
      assert_ok(kvox_ct_fbp_execute(plan, workspace, &s.projections, volume));
      assert_close(w.last, 1, 0);
      assert_true(w.calls > 10);
      assert_same_bits(volume, first);
      assert_true(kvox_workspace_stage_count(workspace) == 5);
      static const char *const stages[] = {"upload", "correct", "filter", "backproject", "download"};
      for (int32_t i = 0; i < 5; i++) {
        assert_string_equal(kvox_workspace_stage_name(workspace, i), stages[i]);
        assert_true(kvox_workspace_stage_seconds(workspace, i) > 0);
      }
    }
  }
  kvox_workspace_destroy(workspace);
  kvox_volume_destroy(volume);
  kvox_volume_destroy(first);
  kvox_ct_fbp_plan_destroy(plan);
  scan_end(&s);
}

/* Views as they arrive are the CPU's, which is told, or forbidden; what is on the device is refused. */
static void streams_are_the_cpu_s(void **state) {
  SIDES_OR_SKIP(state);
  scan s = scan_of(60, 3, 80);
  scan_begin(&s);
  fill_noise(s.samples, 60 * 3 * 80, 8);
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  o.stream_window = 60;
  kvox_ct_fbp_plan *plan = NULL;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "on the CPU alone",
               kvox_ct_fbp_plan_create(both->device, s.geometry, &o, &plan));
  faulty_log log = {0};
  kvox_context *lenient = context_of(KVOX_BACKEND_OPENCL, true, &log);
  plan = plan_on(lenient, &s, &o);
  assert_int_equal(log.messages, 1);
  assert_non_null(strstr(log.last, "views as they arrive"));
  kvox_volume *volume = volume_for(&s, plan), *there = NULL, *cpu = reconstruct_on(both->cpu, &s, &o);
  kvox_ct_stream *stream = NULL;
  kvox_grid grid;
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create_device(lenient, KVOX_F32, &grid, &there));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume", kvox_ct_stream_create(plan, NULL, there, &stream));
  assert_ok(kvox_ct_stream_create(plan, NULL, volume, &stream));
  assert_ok(kvox_ct_stream_push(stream, 0, &s.projections));
  assert_ok(kvox_ct_stream_finish(stream));
  assert_same_bits(volume, cpu);
  kvox_ct_stream_destroy(stream);
  kvox_volume_destroy(there);
  kvox_volume_destroy(volume);
  kvox_volume_destroy(cpu);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_context_destroy(lenient);
  scan_end(&s);
}

/* ---- The matched pair ---- */

/* Volume and projections stay on the device, in parts of larger buffers; the bits are those of the host's arrays. */
static void the_pair_chains_on_the_device(void **state) {
  SIDES_OR_SKIP(state);
  enum { N_VIEWS = 33, N_ROWS = 7, N_COLUMNS = 40, N_SAMPLES = N_VIEWS * N_ROWS * N_COLUMNS };
  const int64_t shape[3] = {N_VIEWS, N_ROWS, N_COLUMNS}, wide[3] = {N_VIEWS, N_ROWS + 2, N_COLUMNS + 3};
  const int64_t begin[3] = {0, 1, 2}, size[3] = {30, 35, 9};
  const double spacing[3] = {1.1, 0.9, 0.7};
  scan s = scan_of(N_VIEWS, N_ROWS, N_COLUMNS);
  scan_begin(&s);
  kvox_ct_operator_options o;
  kvox_grid grid;
  kvox_ct_operator_options_init(&o);
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  o.grid = &grid;
  kvox_ct_operator *operation = NULL, *cpu = NULL;
  kvox_volume *x = NULL, *y = NULL, *x_there = NULL, *y_there = NULL, *y_cpu = NULL;
  kvox_buffer *buffer = NULL;
  kvox_array large, projections, from, to;
  static float samples[N_SAMPLES], copied[N_SAMPLES];
  kvox_array host, copy;
  assert_ok(kvox_array_init(&host, samples, KVOX_F32, 3, shape));
  assert_ok(kvox_array_init(&copy, copied, KVOX_F32, 3, shape));
  assert_ok(kvox_ct_operator_create(both->device, s.geometry, &o, &operation));
  assert_ok(kvox_ct_operator_create(both->cpu, s.geometry, &o, &cpu));
  assert_ok(kvox_volume_create(both->cpu, KVOX_F32, &grid, &x));
  assert_ok(kvox_volume_create(both->cpu, KVOX_F32, &grid, &y));
  assert_ok(kvox_volume_create(both->cpu, KVOX_F32, &grid, &y_cpu));
  assert_ok(kvox_volume_create_device(both->device, KVOX_F32, &grid, &x_there));
  assert_ok(kvox_volume_create_device(both->device, KVOX_F32, &grid, &y_there));
  fill_noise(volume_samples(x), voxels_of(x), 2);
  assert_ok(kvox_volume_array(x, &from));
  assert_ok(kvox_volume_array(x_there, &to));
  assert_ok(kvox_array_copy(&from, &to));
  assert_ok(kvox_buffer_create(both->device, sizeof(float) * (uint64_t)(wide[0] * wide[1] * wide[2]), &buffer));
  assert_ok(kvox_array_init_buffer(&large, buffer, 0, KVOX_F32, 3, wide));
  assert_ok(kvox_array_region(&large, begin, shape, &projections));

  assert_ok(kvox_ct_project(operation, NULL, x, &host));
  assert_ok(kvox_ct_backproject(operation, NULL, &host, y));
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(both->device, &workspace));
  assert_ok(kvox_ct_project(operation, workspace, x_there, &projections));
  assert_int_equal(kvox_workspace_stage_count(workspace), 1); /* nothing went up or down */
  assert_ok(kvox_ct_backproject(operation, workspace, &projections, y_there));
  kvox_workspace_destroy(workspace);
  assert_ok(kvox_array_copy(&projections, &copy));
  assert_memory_equal(copied, samples, sizeof samples);
  assert_ok(kvox_volume_array(y_there, &from));
  assert_ok(kvox_volume_array(x, &to));
  assert_ok(kvox_array_copy(&from, &to));
  assert_same_bits(x, y);

  /* Against the CPU: sums of some thousand products near 1, in another order. */
  assert_ok(kvox_ct_backproject(cpu, NULL, &host, y_cpu));
  double largest = 0;
  for (int64_t i = 0; i < voxels_of(y_cpu); i++) {
    largest = fmax(largest, fabs((double)volume_samples(y_cpu)[i]));
  }
  assert_true(greatest_difference(y, y_cpu) < 1e-5 * largest);
  kvox_buffer_destroy(buffer);
  kvox_volume_destroy(x);
  kvox_volume_destroy(y);
  kvox_volume_destroy(y_cpu);
  kvox_volume_destroy(x_there);
  kvox_volume_destroy(y_there);
  kvox_ct_operator_destroy(operation);
  kvox_ct_operator_destroy(cpu);
  scan_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_cpu),
      cmocka_unit_test(corrects_counts),
      cmocka_unit_test(every_limit_gives_the_same_bits),
      cmocka_unit_test(regions_have_the_bits_of_the_whole),
      cmocka_unit_test(places_and_types_do_not_matter),
      cmocka_unit_test(threads_share_a_plan),
      cmocka_unit_test(samples_that_are_not_finite_are_named),
      cmocka_unit_test(cancelled_in_the_middle),
      cmocka_unit_test(streams_are_the_cpu_s),
      cmocka_unit_test(the_pair_chains_on_the_device),
  };
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
