/* What plans take of a device's memory, and what becomes of one that cannot be made there: by the forwarding libOpenCL.
 */
#include "ct/arm.h"
#include "ct/sides.h"

static uint64_t device_bytes(void) {
  forward_account account;
  faulty.look(&account);
  return account.bytes;
}

static void assert_as_told(const sides *both, const scan *s) {
  static const uint64_t factors[] = {0, 1, 3, 20};
  kvox_ct_fbp_options o;
  kvox_ct_fbp_options_init(&o);
  const uint64_t least = least_limit(both->device, s, &o);
  for (int i = 0; i < 4; i++) {
    kvox_memory_use told;
    forward_account account;
    o.memory_limit = factors[i] * least;
    const uint64_t before = device_bytes();
    kvox_ct_fbp_plan *plan = plan_on(both->device, s, &o);
    assert_ok(kvox_ct_fbp_plan_memory(plan, &told));
    const uint64_t taken = device_bytes() - before;
    printf("%llu bytes on the device were told, %llu taken\n", (unsigned long long)told.device,
           (unsigned long long)taken);
    assert_int_equal(taken, told.device);
    kvox_volume *volume = volume_for(s, plan);
    faulty_stop();
    assert_ok(kvox_ct_fbp_execute(plan, NULL, &s->projections, volume));
    faulty.look(&account);
    assert_int_equal(account.most_bytes - before, told.device);
    kvox_volume_destroy(volume);
    kvox_ct_fbp_plan_destroy(plan);
    assert_int_equal(device_bytes(), before);
  }
}

static void memory_is_as_told(void **state) {
  SIDES_OR_SKIP(state);
  scan s = scan_of(50, 10, 60);
  scan_begin(&s);
  assert_as_told(both, &s);
  kvox_ct_operator *operation = NULL;
  kvox_memory_use told;
  const uint64_t before = device_bytes();
  assert_ok(kvox_ct_operator_create(both->device, s.geometry, NULL, &operation));
  assert_ok(kvox_ct_operator_memory(operation, &told));
  assert_int_equal(device_bytes() - before, told.device);
  kvox_ct_operator_destroy(operation);
  scan_end(&s);
}

/* A full turn and a short scan, whose weights are another table. */
static void memory_of_a_diverging_beam_is_as_told(void **state) {
  SIDES_OR_SKIP(state);
  for (int32_t beam = KVOX_CT_FAN; beam <= KVOX_CT_CONE; beam++) {
    kvox_ct_cone_options options = cone_options(50, 30, 60);
    options.angle_step_deg = beam == KVOX_CT_FAN ? 360.0 / 50 : 250.0 / 50;
    scan s = cone_begin(beam, &options);
    assert_as_told(both, &s);
    scan_end(&s);
  }
}

/* A C-arm that sags, whose weights come chunk by chunk. */
static void memory_of_single_views_is_as_told(void **state) {
  SIDES_OR_SKIP(state);
  const kvox_ct_cone_options options = cone_options(50, 30, 60);
  scan s = {.context = context_of_threads(2)};
  arm a = {.context = s.context};
  arm_begin(&a, c_arm(s.context, &options, true));
  s.geometry = a.geometry;
  s.samples = a.samples;
  s.projections = a.projections;
  assert_as_told(both, &s);
  scan_end(&s);
}

/* No kernel builds: the plan is the CPU's, says so, and takes no arrays of the device. */
static void falls_back_when_the_plan_is_made(void **state) {
  SIDES_OR_SKIP(state);
  const forward_orders broken = {.break_sources = true};
  scan s = scan_of(50, 8, 40);
  scan_begin(&s);
  fill_noise(s.samples, 50 * 8 * 40, 4);
  faulty_log log = {0};
  kvox_context *strict = context_of(KVOX_BACKEND_OPENCL, false, NULL),
               *lax = context_of(KVOX_BACKEND_OPENCL, true, &log);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_operator *operation = NULL;
  kvox_volume *want = reconstruct_on(both->cpu, &s, NULL), *there = NULL;
  faulty.order(&broken);
  assert_fails(KVOX_ERROR_DEVICE, "told to fail", kvox_ct_fbp_plan_create(strict, s.geometry, NULL, &plan));
  assert_fails(KVOX_ERROR_DEVICE, "told to fail", kvox_ct_operator_create(strict, s.geometry, NULL, &operation));
  assert_fails(KVOX_ERROR_ARGUMENT, "array is NULL", kvox_array_init(NULL, &log, KVOX_U8, 1, NULL));
  assert_ok(kvox_ct_operator_create(lax, s.geometry, NULL, &operation));
  assert_ok(kvox_ct_fbp_plan_create(lax, s.geometry, NULL, &plan));
  faulty_stop();
  assert_non_null(strstr(kvox_last_error(), "array is NULL")); /* success leaves the sentence alone */
  assert_int_equal(log.messages, 2);
  assert_non_null(strstr(log.last, "computing on the CPU"));
  assert_non_null(strstr(kvox_ct_fbp_plan_provenance(plan), "\"backend\": \"cpu\""));
  kvox_volume *volume = volume_for(&s, plan);
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &s.projections, volume));
  assert_same_bits(volume, want);
  kvox_grid grid;
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create_device(lax, KVOX_F32, &grid, &there));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume", kvox_ct_fbp_execute(plan, NULL, &s.projections, there));
  kvox_volume_destroy(there);
  kvox_volume_destroy(volume);
  kvox_volume_destroy(want);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_ct_operator_destroy(operation);
  kvox_context_destroy(strict);
  kvox_context_destroy(lax);
  scan_end(&s);
}

static int open_faulty_sides(void **state) {
  faulty_open(state);
  return faulty.why_not == NULL ? open_sides(state) : 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_as_told), cmocka_unit_test(memory_of_a_diverging_beam_is_as_told),
      cmocka_unit_test(memory_of_single_views_is_as_told), cmocka_unit_test(falls_back_when_the_plan_is_made)};
  return cmocka_run_group_tests(tests, open_faulty_sides, close_sides);
}
