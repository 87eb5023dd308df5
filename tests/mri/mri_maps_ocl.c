/* Maps of single voxels on an OpenCL device: against the CPU, for any place and layout. */
#include "mri/places.h"

static const struct {
  int32_t rank;
  int64_t shape[6];
} cases[] = {{1, {1}}, {2, {31, 33}}, {3, {2, 5, 7}}, {4, {9, 1, 33, 31}}, {6, {2, 3, 8, 3, 1, 19}}};
enum { CASES = sizeof cases / sizeof cases[0] };

/* ---- Magnitude and phase ---- */

typedef kvox_status (*polar_call)(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                  const kvox_array *result);
static const polar_call polar_calls[2] = {kvox_mri_magnitude, kvox_mri_phase};

static void polar(polar_call call, kvox_context *context, int from, int to, uint64_t *seed, int32_t rank,
                  const int64_t *shape, float complex *samples, float *out) {
  placed in = place_values(context, from, seed, KVOX_C64, rank, shape, samples);
  placed result = place(context, to, seed, KVOX_F32, rank, shape);
  assert_ok(call(context, NULL, &in.array, &result.array));
  take_away(&in, NULL);
  take_away(&result, out);
}

/* The same bits where the device divides and takes roots as IEEE 754 says; some ulp elsewhere, and for the oracle. */
static void polar_agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst[2] = {0};
  for (size_t i = 0; i < CASES; i++) {
    uint64_t seed = 3 + i;
    const int64_t count = count_of(cases[i].rank, cases[i].shape);
    float complex *samples = random_samples(&seed, count);
    float *want = calloc((size_t)count, sizeof *want), *got = calloc((size_t)count, sizeof *got);
    for (int c = 0; c < 2; c++) {
      polar(polar_calls[c], both->cpu, HOST, HOST, &seed, cases[i].rank, cases[i].shape, samples, want);
      for (int p = 0; p < PLACES; p++) {
        polar(polar_calls[c], both->device, places[p], places[(p + c) % PLACES], &seed, cases[i].rank, cases[i].shape,
              samples, got);
        worst[c] = fmax(worst[c], difference_of(count, got, want));
      }
    }
    free(samples);
    free(want);
    free(got);
  }
  printf("magnitudes differ from the CPU's by %.2g of the range, phases by %.2g\n", worst[0], worst[1]);
  assert_true(worst[0] <= 1e-6 && worst[1] <= 1e-6);
}

static void polar_has_the_same_bits_for_any_memory_limit(void **state) {
  SIDES_OR_SKIP(state);
  const int64_t *shape = cases[3].shape, count = count_of(4, shape);
  uint64_t seed = 8;
  float complex *samples = random_samples(&seed, count);
  float *want = calloc((size_t)count, sizeof *want), *got = calloc((size_t)count, sizeof *got);
  /* A row of the host's samples and of the result, and a flag for each. */
  kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, (uint64_t)(12 * shape[3] + 4 * count / shape[3]));
  for (int c = 0; c < 2; c++) {
    polar(polar_calls[c], both->device, DEVICE, DEVICE, &seed, 4, shape, samples, want);
    polar(polar_calls[c], tight, HOST, HOST | LOOSE, &seed, 4, shape, samples, got);
    assert_memory_equal(got, want, (size_t)count * sizeof *got);
  }
  kvox_context_destroy(tight);
  free(samples);
  free(want);
  free(got);
}

static void polar_names_what_is_not_finite(void **state) {
  SIDES_OR_SKIP(state);
  const int64_t shape[5] = {2, 5, 3, 17, 29}, count = count_of(5, shape);
  for (int p = 0; p < PLACES; p++) {
    uint64_t seed = 9;
    float complex *samples = random_samples(&seed, count);
    const float spoilt[2] = {1, p % 2 == 0 ? NAN : -INFINITY};
    memcpy(&samples[((8 * 3 + 1) * 17 + 11) * 29 + 20], spoilt, sizeof spoilt);
    placed in = place_values(both->device, places[p], &seed, KVOX_C64, 5, shape, samples);
    placed result = place(both->device, places[p], &seed, KVOX_F32, 5, shape);
    for (int c = 0; c < 2; c++) {
      assert_fails(KVOX_ERROR_DATA, "images: the sample of volume 8 at z 1, y 11, x 20",
                   polar_calls[c](both->device, NULL, &in.array, &result.array));
    }
    take_away(&in, NULL);
    take_away(&result, NULL);
    free(samples);
  }
}

static void refuses_strange_arrays(void **state) {
  SIDES_OR_SKIP(state);
  const int64_t shape[3] = {1, 3, 4};
  uint64_t seed = 3;
  kvox_context *other = context_of(KVOX_BACKEND_OPENCL, 0);
  placed in = place(other, DEVICE, &seed, KVOX_C64, 3, shape),
         out = place(both->device, DEVICE, &seed, KVOX_F32, 3, shape);
  assert_fails(KVOX_ERROR_ARGUMENT, "another context", kvox_mri_phase(both->device, NULL, &in.array, &out.array));
  assert_fails(KVOX_ERROR_ARGUMENT, "computes on the CPU", kvox_mri_phase(both->cpu, NULL, &in.array, &out.array));
  take_away(&in, NULL);
  take_away(&out, NULL);
  kvox_context_destroy(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(polar_agrees_with_the_cpu), cmocka_unit_test(polar_has_the_same_bits_for_any_memory_limit),
      cmocka_unit_test(polar_names_what_is_not_finite), cmocka_unit_test(refuses_strange_arrays)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
