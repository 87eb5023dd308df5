/* What is missing, each by its name: a platform, a device, a program that builds, memory, the device itself. */
#include "scenarios.h"

static int prepare(void **state) {
  faulty_open(state);
  fill_samples();
  return 0;
}

/* Not asked for, the CPU is what there is, and no news; asked for, it is a failure, or told. */
static void assert_missing(const char *words) {
  faulty_log log = {0};
  kvox_context_options options = faulty_options();
  kvox_context *context = NULL;
  char description[2000];
  assert_int_equal(kvox_device_count(), 0);
  assert_non_null(strstr(kvox_last_error(), words));
  assert_fails(KVOX_ERROR_DEVICE, words, kvox_context_create(&options, &context));

  options.backend = KVOX_BACKEND_AUTO;
  options.device = NULL;
  options.log = faulty_write_log;
  options.log_user = &log;
  assert_ok(kvox_context_create(&options, &context));
  assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_CPU);
  assert_true(kvox_context_describe(context, description, sizeof description) < sizeof description);
  assert_non_null(strstr(description, words));
  assert_int_equal(log.messages, 0);
  kvox_context_destroy(context);

  options.device = "Graphics 3000";
  assert_ok(kvox_context_create(&options, &context));
  assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_CPU);
  assert_int_equal(log.messages, 1);
  assert_non_null(strstr(log.last, words));
  kvox_context_destroy(context);
}

static void no_platform(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  faulty.order(&(forward_orders){.no_platform = true});
  assert_missing("no OpenCL platform");
  assert_all_released("no platform");
  faulty_stop();
}

static void no_device(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  faulty.order(&(forward_orders){.no_device = true});
  assert_missing("no OpenCL device");
  assert_all_released("no device");
  faulty_stop();
}

/* The compiler's words are in the sentence, and in the log of a plan that falls back. */
static void programs_do_not_build(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  static trial truth, t;
  faulty_log log = {0};
  kvox_context_options options = faulty_options();
  faulty.order(&(forward_orders){.break_sources = true});
  assert_fails(KVOX_ERROR_DEVICE, "told to fail", reconstruct(&options, &t));
  assert_int_equal(t.phase, MAKING_PLANS);
  options.forbid_fallback = 0;
  options.log = faulty_write_log;
  options.log_user = &log;
  assert_ok(reconstruct(&options, &t));
  assert_true(log.messages > 0);
  assert_non_null(strstr(log.last, "told to fail"));
  assert_all_released("programs that do not build");
  options.backend = KVOX_BACKEND_CPU;
  assert_ok(reconstruct(&options, &truth));
  assert_memory_equal(t.results, truth.results, sizeof t.results); /* it was the CPU */
  faulty_stop();
}

/* From too little for one buffer to enough for all: what fits a small device fits a larger one. */
static void out_of_device_memory(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  static trial t;
  int64_t fitted = 0, failed = 0;
  for (uint64_t bytes = 64; bytes <= (uint64_t)256 << 20; bytes *= 2) {
    kvox_context_options options = faulty_options();
    forward_account account;
    faulty.order(&(forward_orders){.most_bytes = bytes});
    const kvox_status status = reconstruct_on_device(&options, &t);
    faulty.look(&account);
    assert_true(account.most_bytes <= bytes);
    if (status == KVOX_OK) {
      fitted++;
    } else {
      assert_fails(KVOX_ERROR_DEVICE, "clCreateBuffer", status);
      assert_int_equal(fitted, 0);
      failed++;
    }
    assert_all_released("a small device");
  }
  assert_true(fitted > 0 && failed > 0);
  faulty_stop();
}

typedef struct prepared {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_ct_fbp_plan *plan;
  kvox_volume *volume;
  kvox_array counts;
} prepared;

/* A plan on the device, for larger data than the scenarios have. */
static prepared prepare_plan(const kvox_context_options *options) {
  enum { MANY = 30, TALL = 40, WIDE = 64 };
  prepared p = {0};
  kvox_ct_parallel_options beam;
  kvox_ct_fbp_options fbp;
  kvox_grid grid;
  const int64_t shape[3] = {MANY, TALL, WIDE};
  kvox_ct_parallel_options_init(&beam);
  beam.views = MANY, beam.rows = TALL, beam.columns = WIDE, beam.column_pitch_mm = 1;
  beam.angle_step_deg = 180.0 / MANY;
  kvox_ct_fbp_options_init(&fbp);
  assert_ok(kvox_context_create(options, &p.context));
  assert_ok(kvox_ct_geometry_create_parallel(p.context, &beam, &p.geometry));
  assert_ok(kvox_ct_fbp_plan_create(p.context, p.geometry, &fbp, &p.plan));
  assert_ok(kvox_ct_fbp_plan_grid(p.plan, &grid));
  assert_ok(kvox_volume_create(p.context, KVOX_F32, &grid, &p.volume));
  float *samples = calloc((size_t)(MANY * TALL * WIDE), sizeof *samples);
  assert_non_null(samples);
  for (int64_t i = 0; i < MANY * TALL * WIDE; i++) {
    samples[i] = (float)(i * 5 % 37) / 37;
  }
  p.counts = array_of(samples, KVOX_F32, shape);
  return p;
}

static void drop_plan(prepared *p) {
  kvox_context_destroy(p->context);
  kvox_ct_geometry_destroy(p->geometry);
  kvox_ct_fbp_plan_destroy(p->plan);
  kvox_volume_destroy(p->volume);
  free(p->counts.data);
}

/* A device that goes away in the middle: that execution fails, and all after it; nothing moves to the CPU. */
static void the_device_is_lost(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  faulty_log log = {0};
  kvox_context_options options = faulty_options();
  options.forbid_fallback = 0;
  options.backend = KVOX_BACKEND_AUTO;
  options.log = faulty_write_log;
  options.log_user = &log;
  faulty.order(&(forward_orders){.is_gpu = true});
  prepared p = prepare_plan(&options);
  assert_int_equal(kvox_context_backend(p.context), KVOX_BACKEND_OPENCL);
  assert_ok(kvox_ct_fbp_execute(p.plan, NULL, &p.counts, p.volume));
  faulty.order(&(forward_orders){.is_gpu = true, .fail_at = 12, .fail_after = true, .error = -2});
  for (int i = 0; i < 2; i++) {
    assert_fails(KVOX_ERROR_DEVICE, "CL_DEVICE_NOT_AVAILABLE", kvox_ct_fbp_execute(p.plan, NULL, &p.counts, p.volume));
  }
  assert_int_equal(log.messages, 0);
  kvox_ct_fbp_plan *second = NULL;
  kvox_ct_fbp_options fbp;
  kvox_ct_fbp_options_init(&fbp);
  assert_ok(kvox_ct_fbp_plan_create(p.context, p.geometry, &fbp, &second)); /* a new plan may fall back */
  assert_true(log.messages > 0);
  assert_ok(kvox_ct_fbp_execute(second, NULL, &p.counts, p.volume));
  kvox_ct_fbp_plan_destroy(second);
  drop_plan(&p);
  assert_all_released("a lost device");
  faulty_stop();
  p = prepare_plan(&options); /* and comes back */
  assert_ok(kvox_ct_fbp_execute(p.plan, NULL, &p.counts, p.volume));
  drop_plan(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_platform), cmocka_unit_test(no_device),
                                     cmocka_unit_test(programs_do_not_build), cmocka_unit_test(out_of_device_memory),
                                     cmocka_unit_test(the_device_is_lost)};
  return cmocka_run_group_tests(tests, prepare, NULL);
}
