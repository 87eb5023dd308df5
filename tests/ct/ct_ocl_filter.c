/* Correction and filter alone on an OpenCL device: against the CPU, for any chunk and place of arrays. */
#include <math.h>
#include <pthread.h>

#include "../ocl/device.h"
#include "ct/correct_cases.h"

enum { MANY_VIEWS = 21, MANY_ROWS = 7, MANY_COLUMNS = 83, MANY = MANY_VIEWS * MANY_ROWS * MANY_COLUMNS };
static const int64_t many_shape[3] = {MANY_VIEWS, MANY_ROWS, MANY_COLUMNS};

static kvox_array many(void *data, kvox_type type) { return dense(data, type, 3, MANY_VIEWS, MANY_ROWS, MANY_COLUMNS); }

static void fill_counts(uint16_t *counts) {
  for (int i = 0; i < MANY; i++) {
    counts[i] = (uint16_t)(120 + i * 7919LL % 30000);
  }
}

static kvox_context *context_on_cpu(void) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

static kvox_context *context_with_limit(uint64_t limit) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.memory_limit = limit;
  options.forbid_fallback = 1;
  return context_on_device(&options);
}

static kvox_ct_geometry *geometry_of(kvox_context *context) {
  kvox_ct_parallel_options options;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_parallel_options_init(&options);
  options.views = MANY_VIEWS;
  options.rows = MANY_ROWS;
  options.columns = MANY_COLUMNS;
  options.column_pitch_mm = 0.5;
  options.angle_step_deg = 180.0 / MANY_VIEWS;
  assert_ok(kvox_ct_geometry_create_parallel(context, &options, &geometry));
  return geometry;
}

/* `limit` 0: none. */
static kvox_ct_filter_plan *plan_of(kvox_context *context, uint64_t limit) {
  static const double factors[3] = {1, 0.5, 0.25};
  double own[3];
  kvox_ct_filter_options options;
  kvox_ct_filter_plan *plan = NULL;
  kvox_ct_geometry *geometry = geometry_of(context);
  kvox_ct_correction *correction = uneven(context, MANY_ROWS, MANY_COLUMNS);
  memcpy(own, factors, sizeof own);
  kvox_ct_filter_options_init(&options);
  options.window = KVOX_CT_CUSTOM;
  options.response = own;
  options.response_count = 3;
  options.correction = correction;
  options.memory_limit = limit;
  assert_ok(kvox_ct_filter_plan_create(context, geometry, &options, &plan));
  memset(own, 0xff, sizeof own); /* the plan does not keep it */
  kvox_ct_geometry_destroy(geometry);
  kvox_ct_correction_destroy(correction);
  return plan;
}

static void execute(const kvox_ct_filter_plan *plan, const uint16_t *counts, float *result) {
  static uint16_t own[MANY];
  memcpy(own, counts, sizeof own);
  const kvox_array projections = many(own, KVOX_U16), filtered = many(result, KVOX_F32);
  assert_ok(kvox_ct_filter_execute(plan, NULL, &projections, &filtered));
}

static void assert_near(const float *got, const float *want, int64_t count, double share) {
  double most = 0;
  for (int64_t i = 0; i < count; i++) {
    most = fmax(most, fabs((double)want[i]));
  }
  for (int64_t i = 0; i < count; i++) {
    assert_close((double)got[i], (double)want[i], share * most);
  }
}

static void agree_with_the_cpu(void **state) {
  SKIP_WITHOUT(state);
  static uint16_t counts[MANY];
  static float on_device[MANY], on_cpu[MANY];
  kvox_context *cpu = context_on_cpu();
  fill_counts(counts);
  kvox_ct_filter_plan *device_plan = plan_of(*state, 0), *cpu_plan = plan_of(cpu, 0);
  execute(device_plan, counts, on_device);
  execute(cpu_plan, counts, on_cpu);
  assert_near(on_device, on_cpu, MANY, 2e-6); /* transforms in float */
  kvox_ct_filter_plan_destroy(device_plan);
  kvox_ct_filter_plan_destroy(cpu_plan);

  kvox_ct_correction *correction = uneven(cpu, MANY_ROWS, MANY_COLUMNS);
  const kvox_array samples = many(counts, KVOX_U16);
  const kvox_array a = many(on_device, KVOX_F32), b = many(on_cpu, KVOX_F32);
  assert_ok(kvox_ct_correct(*state, correction, &samples, &a));
  assert_ok(kvox_ct_correct(cpu, correction, &samples, &b));
  for (int i = 0; i < MANY; i++) {
    assert_close((double)on_device[i], (double)on_cpu[i], 3 * 0x1p-24 * 8); /* 2 ulp of what is below 8, and a bridge */
  }
  kvox_ct_correction_destroy(correction);
  kvox_context_destroy(cpu);
}

/* From the least limit, which a smaller one names, to plenty. */
static void every_limit_gives_the_same_bits(void **state) {
  SKIP_WITHOUT(state);
  static uint16_t counts[MANY];
  static float free_result[MANY], result[MANY];
  kvox_context *context = context_with_limit(0);
  kvox_ct_geometry *geometry = geometry_of(context);
  kvox_ct_filter_options options;
  kvox_ct_filter_plan *plan = plan_of(context, 0);
  fill_counts(counts);
  execute(plan, counts, free_result);
  kvox_ct_filter_plan_destroy(plan);
  kvox_ct_filter_options_init(&options);
  options.memory_limit = 1000;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least ", kvox_ct_filter_plan_create(context, geometry, &options, &plan));
  uint64_t least = strtoull(strstr(kvox_last_error(), "at least ") + 9, NULL, 10);
  least += 3 * MANY_ROWS * MANY_COLUMNS * sizeof(float); /* the tables of the correction */
  for (uint64_t limit = least; limit < 64 * least; limit += limit / 3) {
    kvox_memory_use use;
    plan = plan_of(context, limit);
    assert_ok(kvox_ct_filter_plan_memory(plan, &use));
    assert_true(use.device <= limit && use.device > 0);
    memset(result, 0, sizeof result);
    execute(plan, counts, result);
    assert_memory_equal(result, free_result, sizeof result);
    kvox_ct_filter_plan_destroy(plan);
  }
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
}

static void limits_hold_for_the_correction(void **state) {
  SKIP_WITHOUT(state);
  static uint16_t counts[MANY];
  static float free_result[MANY], result[MANY];
  fill_counts(counts);
  const kvox_array samples = many(counts, KVOX_U16);
  const kvox_array a = many(free_result, KVOX_F32), b = many(result, KVOX_F32);
  kvox_ct_correction *correction = uneven(*state, MANY_ROWS, MANY_COLUMNS);
  assert_ok(kvox_ct_correct(*state, correction, &samples, &a));
  kvox_context *narrow = context_with_limit(100);
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least ", kvox_ct_correct(narrow, correction, &samples, &b));
  const uint64_t least = strtoull(strstr(kvox_last_error(), "at least ") + 9, NULL, 10);
  kvox_context_destroy(narrow);
  for (uint64_t limit = least; limit < 20 * least; limit *= 2) { /* of one row to all */
    narrow = context_with_limit(limit);
    memset(result, 0, sizeof result);
    assert_ok(kvox_ct_correct(narrow, correction, &samples, &b));
    assert_memory_equal(result, free_result, sizeof result);
    kvox_context_destroy(narrow);
  }
  kvox_ct_correction_destroy(correction);
}

/* A part of a buffer, of wider rows than it has columns. */
static kvox_array on_device(kvox_context *context, kvox_type type, const kvox_array *host, kvox_buffer **buffer) {
  const int64_t wide[3] = {MANY_VIEWS + 1, MANY_ROWS + 2, MANY_COLUMNS + 5}, begin[3] = {1, 1, 3};
  const uint64_t size = kvox_type_size(type);
  kvox_array whole, part;
  assert_ok(kvox_buffer_create(context, (uint64_t)(wide[0] * wide[1] * wide[2]) * size + 8, buffer));
  assert_ok(kvox_array_init_buffer(&whole, *buffer, 8, type, 3, wide));
  assert_ok(kvox_array_region(&whole, begin, many_shape, &part));
  if (host != NULL) {
    assert_ok(kvox_array_copy(host, &part));
  }
  return part;
}

static void places_do_not_matter(void **state) {
  SKIP_WITHOUT(state);
  static uint16_t counts[MANY];
  static float want[MANY], result[MANY], copy[MANY];
  fill_counts(counts);
  const kvox_array host = many(counts, KVOX_U16), host_result = many(result, KVOX_F32), taken = many(copy, KVOX_F32);
  kvox_buffer *buffer = NULL, *result_buffer = NULL;
  const kvox_array device = on_device(*state, KVOX_U16, &host, &buffer);
  const kvox_array device_result = on_device(*state, KVOX_F32, NULL, &result_buffer);
  kvox_ct_correction *correction = uneven(*state, MANY_ROWS, MANY_COLUMNS);
  kvox_ct_filter_plan *plan = plan_of(*state, 0);
  for (int stage = 0; stage < 2; stage++) {
    for (int place = 0; place < 4; place++) {
      const kvox_array *from = place & 1 ? &device : &host, *to = place & 2 ? &device_result : &host_result;
      memset(result, 0, sizeof result);
      if (stage == 0) {
        assert_ok(kvox_ct_correct(*state, correction, from, to));
      } else {
        assert_ok(kvox_ct_filter_execute(plan, NULL, from, to));
      }
      assert_ok(kvox_array_copy(to, &taken));
      if (place == 0) {
        memcpy(want, copy, sizeof want);
      }
      assert_memory_equal(copy, want, sizeof want);
    }
  }
  kvox_ct_filter_plan_destroy(plan);
  kvox_ct_correction_destroy(correction);
  kvox_buffer_destroy(buffer);
  kvox_buffer_destroy(result_buffer);
}

static void correction_in_place_on_the_device(void **state) {
  SKIP_WITHOUT(state);
  static float samples[MANY], want[MANY], result[MANY];
  for (int i = 0; i < MANY; i++) {
    samples[i] = (float)(120 + i * 7919LL % 30000);
  }
  const kvox_array host = many(samples, KVOX_F32), wanted = many(want, KVOX_F32), got = many(result, KVOX_F32);
  kvox_buffer *buffer = NULL;
  const kvox_array device = on_device(*state, KVOX_F32, &host, &buffer);
  kvox_ct_correction *correction = uneven(*state, MANY_ROWS, MANY_COLUMNS);
  assert_ok(kvox_ct_correct(*state, correction, &host, &wanted));
  assert_ok(kvox_ct_correct(*state, correction, &device, &device));
  assert_ok(kvox_array_copy(&device, &got));
  assert_memory_equal(result, want, sizeof want);
  kvox_array shifted = device;
  shifted.data = (void *)((uintptr_t)shifted.data + sizeof(float));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_correct(*state, correction, &device, &shifted));
  kvox_ct_correction_destroy(correction);
  kvox_buffer_destroy(buffer);
}

/* In the last of many chunks, as in the first; a second execution of the plan is well again. */
static void samples_that_are_not_finite_are_named(void **state) {
  SKIP_WITHOUT(state);
  static float samples[MANY], result[MANY];
  static const uint64_t limits[] = {0, 40000};
  const int64_t spoilt = ((MANY_VIEWS - 1) * MANY_ROWS + 5) * MANY_COLUMNS + 81;
  for (int i = 0; i < 2; i++) {
    kvox_context *context = context_with_limit(limits[i]);
    kvox_ct_filter_plan *plan = plan_of(context, 0);
    kvox_ct_correction *correction = uneven(context, MANY_ROWS, MANY_COLUMNS);
    const kvox_array from = many(samples, KVOX_F32), to = many(result, KVOX_F32);
    for (int k = 0; k < MANY; k++) {
      samples[k] = 1000;
    }
    samples[spoilt] = NAN;
    assert_fails(KVOX_ERROR_DATA, "projections: the sample at view 20, row 5, column 81",
                 kvox_ct_filter_execute(plan, NULL, &from, &to));
    assert_fails(KVOX_ERROR_DATA, "counts: the sample at view 20, row 5, column 81",
                 kvox_ct_correct(context, correction, &from, &to));
    samples[spoilt] = 1000;
    assert_ok(kvox_ct_filter_execute(plan, NULL, &from, &to));
    kvox_ct_correction_destroy(correction);
    kvox_ct_filter_plan_destroy(plan);
    kvox_context_destroy(context);
  }
}

typedef struct runner {
  const kvox_ct_filter_plan *plan;
  const uint16_t *counts;
  kvox_status status;
  uint16_t own[MANY];
  float result[MANY];
} runner;

static void *run(void *data) {
  runner *r = data;
  memcpy(r->own, r->counts, sizeof r->own);
  kvox_array from = {0}, to = {0};
  r->status = kvox_array_init(&from, r->own, KVOX_U16, 3, many_shape);
  r->status = r->status == KVOX_OK ? kvox_array_init(&to, r->result, KVOX_F32, 3, many_shape) : r->status;
  for (int i = 0; i < 3 && r->status == KVOX_OK; i++) {
    r->status = kvox_ct_filter_execute(r->plan, NULL, &from, &to);
  }
  return NULL;
}

static void threads_share_a_plan(void **state) {
  SKIP_WITHOUT(state);
  enum { THREADS = 3 };
  static uint16_t counts[MANY];
  static runner runners[THREADS];
  static float want[MANY];
  pthread_t threads[THREADS];
  fill_counts(counts);
  kvox_ct_filter_plan *plan = plan_of(*state, 0);
  for (int i = 0; i < THREADS; i++) {
    runners[i].plan = plan;
    runners[i].counts = counts;
    assert_int_equal(pthread_create(&threads[i], NULL, run, &runners[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  }
  execute(plan, counts, want);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(runners[i].status, KVOX_OK);
    assert_memory_equal(runners[i].result, want, sizeof want);
  }
  kvox_ct_filter_plan_destroy(plan);
}

static int32_t stop_soon(void *user, double fraction) {
  double *last = user;
  assert_true(fraction >= *last && fraction <= 1);
  *last = fraction;
  return fraction > 0.3;
}

static void tells_its_stages_and_stops(void **state) {
  SKIP_WITHOUT(state);
  static uint16_t counts[MANY];
  static float result[MANY];
  static const char *const names[] = {"upload", "correct", "filter", "download"};
  kvox_context *context = context_with_limit(40000);
  kvox_workspace *workspace = NULL;
  double last = 0;
  fill_counts(counts);
  const kvox_array from = many(counts, KVOX_U16), to = many(result, KVOX_F32);
  kvox_ct_filter_plan *plan = plan_of(context, 0);
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_ct_filter_execute(plan, workspace, &from, &to));
  assert_int_equal(kvox_workspace_stage_count(workspace), 4);
  for (int32_t i = 0; i < 4; i++) {
    bool found = false;
    for (int32_t k = 0; k < 4; k++) {
      found = found || strcmp(kvox_workspace_stage_name(workspace, k), names[i]) == 0;
    }
    assert_true(found);
    assert_true(kvox_workspace_stage_seconds(workspace, i) >= 0);
  }
  kvox_workspace_set_progress(workspace, stop_soon, &last);
  assert_fails(KVOX_ERROR_CANCELLED, "", kvox_ct_filter_execute(plan, workspace, &from, &to));
  assert_true(last > 0.3 && last < 1);
  kvox_workspace_destroy(workspace);
  kvox_ct_filter_plan_destroy(plan);
  kvox_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agree_with_the_cpu),
      cmocka_unit_test(every_limit_gives_the_same_bits),
      cmocka_unit_test(limits_hold_for_the_correction),
      cmocka_unit_test(places_do_not_matter),
      cmocka_unit_test(correction_in_place_on_the_device),
      cmocka_unit_test(samples_that_are_not_finite_are_named),
      cmocka_unit_test(threads_share_a_plan),
      cmocka_unit_test(tells_its_stages_and_stops),
  };
  return cmocka_run_group_tests(tests, set_up_device, tear_down_device);
}
