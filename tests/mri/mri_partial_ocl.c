/* Partial Fourier on an OpenCL device: against the CPU, for any sizes, axes, methods, places and limits. */
#include "mri/places.h"

/* Of the range: transforms of two libraries, some 1e-6 each, by turns. */
static const double tolerance = 1e-5;

typedef struct plan_case {
  int32_t method, axes, weighting;
  int64_t size[3], first[3], last[3]; /* x, y, z */
  int64_t transition;
  int32_t leading;
  int64_t before[3]; /* shape before z, y, x */
} plan_case;

static const plan_case cases[] = {
    {.method = KVOX_MRI_ZERO_FILL, .size = {1, 1, 1}},
    {.method = KVOX_MRI_ZERO_FILL, .size = {33, 18, 1}, .first = {7, 0, 0}, .leading = 1, .before = {3}},
    {.method = KVOX_MRI_HOMODYNE, .size = {48, 33, 1}, .first = {0, 11, 0}, .leading = 1, .before = {5}},
    {.method = KVOX_MRI_HOMODYNE,
     .weighting = KVOX_MRI_WEIGHTS_RAMP,
     .size = {31, 20, 9},
     .last = {19, 0, 0},
     .leading = 2,
     .before = {2, 3}},
    {.method = KVOX_MRI_HOMODYNE, .axes = KVOX_MRI_Y, .size = {20, 64, 3}, .last = {0, 45, 0}},
    {.method = KVOX_MRI_POCS, .size = {64, 48, 1}, .first = {0, 12, 0}, .leading = 1, .before = {7}},
    {.method = KVOX_MRI_POCS, .size = {37, 29, 1}, .first = {8, 0, 0}, .last = {0, 20, 0}, .leading = 1, .before = {3}},
    {.method = KVOX_MRI_POCS,
     .axes = KVOX_MRI_Y | KVOX_MRI_Z,
     .size = {13, 24, 18},
     .first = {0, 3, 5},
     .last = {0, 20, 0},
     .transition = 2,
     .leading = 1,
     .before = {2}},
    {.method = KVOX_MRI_POCS,
     .size = {16, 11, 10},
     .last = {10, 8, 7},
     .transition = 1,
     .leading = 3,
     .before = {2, 1, 2}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

typedef struct bed {
  kvox_mri_partial_options options;
  int32_t rank;
  int64_t shape[6], count;
  float complex *kspace;
} bed;

/* Samples whose middle outweighs the others, so that no pixel is near 0, where a phase is nobody's. The volumes differ
 * in how much, and so in how soon they are done. */
static bed make_bed(size_t i) {
  const plan_case *c = &cases[i];
  bed b = {.rank = c->leading + 3};
  uint64_t seed = 40 + i;
  kvox_mri_partial_options_init(&b.options);
  b.options.method = c->method;
  b.options.axes = c->axes;
  b.options.weighting = c->weighting;
  b.options.transition = c->transition;
  memcpy(b.shape, c->before, (size_t)c->leading * sizeof *b.shape);
  for (int d = 0; d < 3; d++) {
    b.options.size[d] = b.shape[b.rank - 1 - d] = c->size[d];
    b.options.first[d] = c->first[d];
    b.options.last[d] = c->last[d];
  }
  b.count = count_of(b.rank, b.shape);
  b.kspace = random_samples(&seed, b.count);
  const int64_t samples = c->size[0] * c->size[1] * c->size[2];
  for (int64_t n = 0; n < b.count; n++) {
    const int64_t x = n % c->size[0], y = n / c->size[0] % c->size[1], z = n / (c->size[0] * c->size[1]) % c->size[2];
    const bool hybrid[3] = {c->axes != 0 && !(c->axes & KVOX_MRI_X), c->axes != 0 && !(c->axes & KVOX_MRI_Y),
                            c->axes != 0 && !(c->axes & KVOX_MRI_Z)};
    if ((hybrid[0] || x == c->size[0] / 2) && (hybrid[1] || y == c->size[1] / 2) &&
        (hybrid[2] || z == c->size[2] / 2)) {
      b.kspace[n] += 8 * (float)(n / samples + 1) * sqrtf((float)samples) * (0.6F + 0.8F * I);
    }
  }
  return b;
}

static kvox_mri_partial *plan_of(kvox_context *context, const bed *b) {
  kvox_mri_partial *partial = NULL;
  assert_ok(kvox_mri_partial_create(context, &b->options, &partial));
  return partial;
}

static void call(const bed *b, kvox_context *context, const kvox_mri_partial *partial, bool keep, int from, int to,
                 void *out) {
  uint64_t seed = 77;
  placed in = place_values(context, from, &seed, KVOX_C64, b->rank, b->shape, b->kspace);
  placed result = place(context, to, &seed, KVOX_C64, b->rank, b->shape);
  assert_ok(keep ? kvox_mri_partial_to_kspace(partial, NULL, &in.array, &result.array)
                 : kvox_mri_partial_to_image(partial, NULL, &in.array, &result.array));
  take_away(&in, NULL);
  take_away(&result, out);
}

/* As many iterations on both sides: all that are allowed. */
static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0;
  for (size_t i = 0; i < CASES; i++) {
    bed b = make_bed(i);
    float *want = calloc((size_t)(2 * b.count), sizeof *want), *got = calloc((size_t)(2 * b.count), sizeof *got);
    b.options.tolerance = 1e-30;
    b.options.iterations = 6;
    kvox_mri_partial *cpu = plan_of(both->cpu, &b), *device = plan_of(both->device, &b);
    kvox_memory_use memory;
    assert_ok(kvox_mri_partial_memory(device, &memory));
    assert_true(memory.device >= (uint64_t)(3 * b.count) / 7 && memory.workspace == 0);
    for (int keep = 0; keep < 2; keep++) {
      call(&b, both->cpu, cpu, keep == 1, HOST, HOST, want);
      for (int p = 0; p < PLACES; p++) {
        call(&b, both->device, device, keep == 1, places[p], places[(p + keep) % PLACES], got);
        const double difference = difference_of(2 * b.count, got, want);
        if (!(difference <= tolerance)) {
          fail_msg("case %zu, to %s, place %d: %g", i, keep ? "k-space" : "images", places[p], difference);
        }
        worst = fmax(worst, difference);
      }
    }
    kvox_mri_partial_destroy(cpu);
    kvox_mri_partial_destroy(device);
    free(want);
    free(got);
    free(b.kspace);
  }
  printf("the device differs from the CPU by at most %.2g of the range\n", worst);
}

/* Each volume ends by itself: alone it has the bits that it has among others, which end sooner or later; and for any
 * limit. Samples 2^70 times smaller or larger, whose squares no float holds, give as much of the image. */
static void has_the_same_bits_among_others(void **state) {
  SIDES_OR_SKIP(state);
  for (size_t i = 3; i < CASES; i += i < 5 ? 2 : 3) {
    bed b = make_bed(i);
    const size_t bytes = (size_t)(2 * b.count) * sizeof(float);
    float *want = malloc(bytes), *got = malloc(bytes);
    kvox_mri_partial *wide = plan_of(both->device, &b);
    kvox_memory_use usual, least;
    call(&b, both->device, wide, false, DEVICE, DEVICE, want);
    assert_ok(kvox_mri_partial_memory(wide, &usual));
    const int64_t samples = b.options.size[0] * b.options.size[1] * b.options.size[2];
    bed one = b;
    one.rank = 3;
    memcpy(one.shape, b.shape + b.rank - 3, 3 * sizeof *one.shape);
    for (one.count = samples; one.kspace < b.kspace + b.count; one.kspace += samples) {
      call(&one, both->device, wide, false, HOST, DEVICE | LOOSE, got);
      assert_memory_equal(got, want + 2 * (one.kspace - b.kspace), (size_t)(2 * samples) * sizeof *got);
    }
    for (int far = -1; far <= 1; far += 2) {
      for (int64_t n = 0; n < b.count; n++) {
        b.kspace[n] *= ldexpf(1, 70 * far);
      }
      call(&b, both->device, wide, false, HOST, DEVICE, got);
      for (int64_t n = 0; n < 2 * b.count; n++) {
        assert_true(got[n] == ldexpf(want[n], 70 * far));
      }
      for (int64_t n = 0; n < b.count; n++) {
        b.kspace[n] *= ldexpf(1, -70 * far);
      }
    }
    kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, usual.device / 2 + 3 * (uint64_t)samples * 8);
    kvox_mri_partial *narrow = plan_of(tight, &b);
    assert_ok(kvox_mri_partial_memory(narrow, &least));
    assert_true(least.device <= usual.device / 2 + 3 * (uint64_t)samples * 8);
    call(&b, tight, narrow, false, HOST | LOOSE, HOST, got);
    assert_memory_equal(got, want, bytes);
    kvox_mri_partial_destroy(narrow);
    kvox_context_destroy(tight);
    kvox_mri_partial_destroy(wide);
    free(want);
    free(got);
    free(b.kspace);
  }
}

static void works_in_place(void **state) {
  SIDES_OR_SKIP(state);
  for (int on_device = 0; on_device < 2; on_device++) {
    bed b = make_bed(5);
    uint64_t seed = 5;
    float complex *got = malloc((size_t)b.count * sizeof *got), *want = malloc((size_t)b.count * sizeof *want);
    kvox_mri_partial *partial = plan_of(both->device, &b);
    call(&b, both->device, partial, true, HOST, HOST, want);
    placed samples = place_values(both->device, on_device ? DEVICE : HOST, &seed, KVOX_C64, b.rank, b.shape, b.kspace);
    assert_ok(kvox_mri_partial_to_kspace(partial, NULL, &samples.array, &samples.array));
    take_away(&samples, got);
    assert_memory_equal(got, want, (size_t)b.count * sizeof *got);
    kvox_mri_partial_destroy(partial);
    free(got);
    free(want);
    free(b.kspace);
  }
}

static int32_t stop(void *user, double fraction) {
  double *last = user;
  assert_true(fraction >= *last && fraction <= 1);
  *last = fraction;
  return fraction > 0.3;
}

static void tells_what_is_wrong(void **state) {
  SIDES_OR_SKIP(state);
  enum { SAMPLE = (4 * 48 + 17) * 64 + 9, LEFT_OUT = (4 * 48 + 11) * 64 + 9 };
  bed b = make_bed(5);
  uint64_t seed = 9;
  kvox_mri_partial *cpu = plan_of(both->cpu, &b), *device = plan_of(both->device, &b);
  placed out = place(both->device, DEVICE, &seed, KVOX_C64, b.rank, b.shape);
  b.kspace[LEFT_OUT] = NAN; /* nobody looks at it */
  placed in = place_values(both->device, DEVICE, &seed, KVOX_C64, b.rank, b.shape, b.kspace);
  assert_ok(kvox_mri_partial_to_image(device, NULL, &in.array, &out.array));
  assert_fails(KVOX_ERROR_ARGUMENT, "computes on the CPU", kvox_mri_partial_to_image(cpu, NULL, &in.array, &out.array));
  take_away(&in, NULL);
  b.kspace[SAMPLE] = INFINITY;
  for (int p = 0; p < PLACES; p++) {
    in = place_values(both->device, places[p], &seed, KVOX_C64, b.rank, b.shape, b.kspace);
    assert_fails(KVOX_ERROR_DATA, "kspace: the sample of volume 4, coil 0 at z 0, y 17, x 9",
                 kvox_mri_partial_to_image(device, NULL, &in.array, &out.array));
    take_away(&in, NULL);
  }
  b.kspace[SAMPLE] = 1;
  in = place_values(both->device, DEVICE, &seed, KVOX_C64, b.rank, b.shape, b.kspace);
  kvox_context *none = context_of(KVOX_BACKEND_OPENCL, 1000);
  kvox_mri_partial *refused = NULL;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "kvox_mri_partial_create", kvox_mri_partial_create(none, &b.options, &refused));
  kvox_context_destroy(none);
  kvox_mri_partial_destroy(device);
  b.options.tolerance = 1e-30;
  device = plan_of(both->device, &b);
  kvox_workspace *workspace = NULL;
  double last = 0;
  assert_ok(kvox_workspace_create(both->device, &workspace));
  kvox_workspace_set_progress(workspace, stop, &last);
  assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_mri_partial_to_image(device, workspace, &in.array, &out.array));
  assert_true(last > 0.3 && last < 0.6);
  kvox_workspace_destroy(workspace);
  take_away(&in, NULL);
  take_away(&out, NULL);
  kvox_mri_partial_destroy(cpu);
  kvox_mri_partial_destroy(device);
  free(b.kspace);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_cpu),
                                     cmocka_unit_test(has_the_same_bits_among_others), cmocka_unit_test(works_in_place),
                                     cmocka_unit_test(tells_what_is_wrong)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
