/* Joseph's pair on a device: an exact adjoint, the oracle's numbers, the same bits for any limit, arrays in place. */
#include "ct/rays_scans.h"

static const rays_case cases[] = {
    {SCAN_CONE, {12, 19, 31}, {33, 29, 21}, {1.1, 0.9, 1.3}, {3, -2, 1}},
    {SCAN_CONE, {9, 5, 7}, {40, 31, 30}, {0.7, 1.1, 0.4}, {20, -12, 9}},
    {SCAN_SHORT_OFFSET, {11, 17, 33}, {27, 31, 19}, {0.8, 0.8, 2.2}, {0, 0, 0}},
    {SCAN_FAN, {17, 7, 39}, {35, 36, 9}, {1, 1.2, 1.5}, {-4, 5, 0.3}},
    {SCAN_PARALLEL, {20, 9, 33}, {29, 31, 11}, {1, 1.2, 0.8}, {1.3, -2.1, 0.4}},
    {SCAN_SAGGING, {11, 21, 29}, {31, 33, 23}, {1.1, 0.9, 1.3}, {3, -2, 1}},
    {SCAN_MATRICES, {9, 20, 27}, {40, 27, 21}, {0.8, 1.4, 1.3}, {15, -2, 1}},
    {SCAN_FLIPPED, {9, 19, 31}, {33, 29, 21}, {1.1, 0.9, 1.3}, {3, -2, 1}},
    {SCAN_TILTED, {9, 21, 29}, {31, 33, 23}, {1.1, 0.9, 1.3}, {0, -2, 1}},
    {SCAN_ALONG_Z, {9, 21, 29}, {31, 33, 23}, {1.1, 0.9, 1.3}, {0, -2, 1}},
    {SCAN_STEEP, {9, 13, 17}, {31, 33, 23}, {1.1, 0.9, 1.3}, {0, -2, 1}},
    {SCAN_CONE, {3, 1, 1}, {1, 1, 1}, {2, 2, 2}, {0, 0, 0}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* What a simulator gets through in seconds. */
static const rays_case small[] = {
    {SCAN_CONE, {3, 4, 6}, {6, 5, 4}, {6, 5, 7}, {3, -2, 1}},
    {SCAN_FAN, {3, 3, 6}, {6, 5, 3}, {6, 5, 2}, {-4, 5, 0.3}},
    {SCAN_SAGGING, {3, 4, 5}, {5, 6, 4}, {6, 5, 7}, {3, -2, 1}},
    {SCAN_TILTED, {3, 4, 5}, {5, 6, 4}, {6, 5, 7}, {0, -2, 1}},
};

static bool is_simulated(const kvox_context *context) {
  kvox_device_info info;
  kvox_device_info_init(&info);
  assert_ok(kvox_context_device(context, &info));
  return strstr(info.name, "Oclgrind") != NULL;
}

static kvox_context *device_context(void) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.threads = 2;
  options.backend = KVOX_BACKEND_OPENCL;
  options.forbid_fallback = 1;
  if (kvox_context_create(&options, &context) != KVOX_OK) {
    print_message("skipped: %s\n", kvox_last_error());
  }
  return context;
}

static void joseph_options(kvox_ct_operator_options *options, const kvox_grid *grid, uint64_t limit) {
  kvox_ct_operator_options_init(options);
  options->grid = grid;
  options->memory_limit = limit;
  options->method = KVOX_CT_OPERATOR_JOSEPH;
}

/* The pair of `p` on the device, into new arrays. */
static void run_on_device(kvox_context *context, const rays_pair *p, uint64_t limit, float *forward, float *back,
                          kvox_memory_use *use) {
  kvox_ct_operator_options options;
  kvox_ct_operator *operation = NULL;
  kvox_volume *volume = NULL;
  kvox_array array = p->forward_array;
  joseph_options(&options, &p->grid, limit);
  assert_ok(kvox_ct_operator_create(context, p->geometry, &options, &operation));
  assert_ok(kvox_ct_operator_memory(operation, use));
  assert_true(use->device > 0 && (limit == 0 || use->device <= limit));
  assert_ok(kvox_volume_create(context, KVOX_F32, &p->grid, &volume));
  array.data = forward;
  for (int again = 0; again < 2; again++) {
    assert_ok(kvox_ct_project(operation, NULL, p->x, &array));
    assert_ok(kvox_ct_backproject(operation, NULL, &p->y_array, volume));
  }
  memcpy(back, volume_samples(volume), (size_t)p->voxels * sizeof *back);
  kvox_volume_destroy(volume);
  kvox_ct_operator_destroy(operation);
}

static double most_of(const float *values, int64_t count) {
  double most = 0;
  for (int64_t i = 0; i < count; i++) {
    most = fmax(most, fabs((double)values[i]));
  }
  return most;
}

static double farthest(const float *got, const float *want, int64_t count) {
  double most = 0;
  for (int64_t i = 0; i < count; i++) {
    most = fmax(most, fabs((double)got[i] - (double)want[i]));
  }
  return most / most_of(want, count);
}

static void pair_on_device(void **state) {
  kvox_context *context = device_context();
  double worst = 0, worst_adjoint = 0;
  (void)state;
  const bool simulated = context != NULL && is_simulated(context);
  const int count = context == NULL ? 0 : simulated ? (int)(sizeof small / sizeof small[0]) : CASES;
  for (int i = 0; i < count; i++) {
    const rays_case *what = simulated ? &small[i] : &cases[i];
    rays_pair p = make_rays_pair(what, KVOX_CPU_REF, 2, 0);
    float *forward = malloc((size_t)p.samples * sizeof(float)), *back = malloc((size_t)p.voxels * sizeof(float));
    float *few = malloc((size_t)p.samples * sizeof(float)), *back_few = malloc((size_t)p.voxels * sizeof(float));
    kvox_memory_use use, less;
    run_pair(&p);
    run_on_device(context, &p, 0, forward, back, &use);
    worst = fmax(worst, farthest(forward, p.forward, p.samples));
    worst = fmax(worst, farthest(back, volume_samples(p.back), p.voxels));
    const double left = dot_of(p.y, forward, p.samples), right = dot_of(volume_samples(p.x), back, p.voxels);
    const double size = sqrt(dot_of(forward, forward, p.samples) * dot_of(p.y, p.y, p.samples));
    worst_adjoint = fmax(worst_adjoint, fabs(left - right) / size);
    /* Half of the views at once: each of their samples takes a ray of 40 bytes and two floats. */
    if (what->shape[0] >= 9) {
      run_on_device(context, &p, use.device - (uint64_t)p.samples * 48 / 3, few, back_few, &less);
      assert_true(less.device < use.device);
      assert_memory_equal(few, forward, (size_t)p.samples * sizeof(float));
      assert_memory_equal(back_few, back, (size_t)p.voxels * sizeof(float));
    }
    free(forward);
    free(back);
    free(few);
    free(back_few);
    drop_rays_pair(&p);
  }
  print_message("rays on the device: at most %.2g of the range from the oracle, adjoint %.2g\n", worst, worst_adjoint);
  assert_true(worst < 1e-5 && worst_adjoint < 1e-5);
  kvox_context_destroy(context);
}

/* Columns of voxels as a limit cuts them: in two slabs, and three. */
static const rays_case tall[] = {
    {SCAN_CONE, {9, 21, 13}, {11, 13, 150}, {3, 2.5, 0.3}, {3, -2, 1}},
    {SCAN_SAGGING, {9, 21, 13}, {11, 13, 150}, {3, 2.5, 0.3}, {3, -2, 1}},
    {SCAN_TILTED, {9, 15, 13}, {11, 13, 150}, {3, 2.5, 0.3}, {0, -2, 1}},
    {SCAN_ALONG_Z, {9, 15, 13}, {11, 13, 150}, {3, 2.5, 0.3}, {0, -2, 1}},
};

/* A sample takes a ray of 40 bytes and two floats. A few views of the nine come at once before slices are cut. */
static void slabs_keep_bits(void **state) {
  kvox_context *context = device_context();
  (void)state;
  const int count = context == NULL || is_simulated(context) ? 0 : (int)(sizeof tall / sizeof tall[0]);
  for (int i = 0; i < count; i++) {
    rays_pair p = make_rays_pair(&tall[i], KVOX_CPU_REF, 2, 0);
    const size_t samples = (size_t)p.samples * sizeof(float), voxels = (size_t)p.voxels * sizeof(float);
    float *forward = malloc(samples), *back = malloc(voxels), *cut = malloc(samples), *back_cut = malloc(voxels);
    kvox_memory_use use, less;
    run_pair(&p);
    run_on_device(context, &p, 0, forward, back, &use);
    assert_true(farthest(forward, p.forward, p.samples) < 1e-5);
    assert_true(farthest(back, volume_samples(p.back), p.voxels) < 1e-5);
    const uint64_t few = use.device - (uint64_t)p.samples * 48 * 4 / 9;
    for (int slabs = 2; slabs < 4; slabs++) {
      const uint64_t without = slabs == 2 ? 150 - 128 : 150 - 64;
      run_on_device(context, &p, few - without * 11 * 13 * sizeof(float), cut, back_cut, &less);
      assert_memory_equal(cut, forward, samples);
      assert_memory_equal(back_cut, back, voxels);
    }
    free(forward);
    free(back);
    free(cut);
    free(back_cut);
    drop_rays_pair(&p);
  }
  kvox_context_destroy(context);
}

/* Volume and projections on the device, the latter a part of a wider array: the same bits as the host's. */
static void arrays_in_place(void **state) {
  kvox_context *context = device_context();
  (void)state;
  if (context == NULL) {
    return;
  }
  rays_pair p = make_rays_pair(&small[0], KVOX_CPU_REF, 2, 0);
  const int64_t wide[3] = {4, 6, 9}, begin[3] = {1, 1, 2};
  float *forward = malloc((size_t)p.samples * sizeof(float)), *back = malloc((size_t)p.voxels * sizeof(float));
  float *got = malloc((size_t)p.samples * sizeof(float));
  kvox_memory_use use;
  run_on_device(context, &p, 0, forward, back, &use);
  kvox_ct_operator_options options;
  kvox_ct_operator *operation = NULL;
  kvox_buffer *buffer = NULL;
  kvox_volume *volume = NULL;
  kvox_array all, part, on_host = p.forward_array, from, to;
  joseph_options(&options, &p.grid, 0);
  assert_ok(kvox_ct_operator_create(context, p.geometry, &options, &operation));
  assert_ok(kvox_buffer_create(context, sizeof(float) * 4 * 6 * 9, &buffer));
  assert_ok(kvox_array_init_buffer(&all, buffer, 0, KVOX_F32, 3, wide));
  assert_ok(kvox_array_region(&all, begin, small[0].shape, &part));
  assert_ok(kvox_volume_create_device(context, KVOX_F32, &p.grid, &volume));
  assert_ok(kvox_volume_array(p.x, &from));
  assert_ok(kvox_volume_array(volume, &to));
  assert_ok(kvox_array_copy(&from, &to));
  assert_ok(kvox_ct_project(operation, NULL, volume, &part));
  on_host.data = got;
  assert_ok(kvox_array_copy(&part, &on_host));
  assert_memory_equal(got, forward, (size_t)p.samples * sizeof(float));
  assert_ok(kvox_array_copy(&p.y_array, &part));
  assert_ok(kvox_ct_backproject(operation, NULL, &part, volume));
  assert_ok(kvox_array_copy(&to, &from));
  assert_memory_equal(volume_samples(p.x), back, (size_t)p.voxels * sizeof(float));
  kvox_volume_destroy(volume);
  kvox_buffer_destroy(buffer);
  kvox_ct_operator_destroy(operation);
  free(forward);
  free(back);
  free(got);
  drop_rays_pair(&p);
  kvox_context_destroy(context);
}

static void limits_and_samples(void **state) {
  kvox_context *context = device_context();
  (void)state;
  if (context == NULL) {
    return;
  }
  rays_pair p = make_rays_pair(&small[0], KVOX_CPU_REF, 2, 0);
  kvox_ct_operator_options options;
  kvox_ct_operator *operation = NULL;
  kvox_volume *volume = NULL;
  joseph_options(&options, &p.grid, 1000);
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "the memory limit is 1000",
               kvox_ct_operator_create(context, p.geometry, &options, &operation));
  joseph_options(&options, &p.grid, 0);
  assert_ok(kvox_ct_operator_create(context, p.geometry, &options, &operation));
  assert_ok(kvox_volume_create(context, KVOX_F32, &p.grid, &volume));
  p.y[(2 * 4 + 3) * 6 + 5] = NAN;
  assert_fails(KVOX_ERROR_DATA, "view 2", kvox_ct_backproject(operation, NULL, &p.y_array, volume));
  p.y[(2 * 4 + 3) * 6 + 5] = 0;
  assert_ok(kvox_ct_backproject(operation, NULL, &p.y_array, volume));
  kvox_volume_destroy(volume);
  kvox_ct_operator_destroy(operation);
  drop_rays_pair(&p);
  kvox_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(pair_on_device), cmocka_unit_test(slabs_keep_bits),
                                     cmocka_unit_test(arrays_in_place), cmocka_unit_test(limits_and_samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
