/* Whitening, compression and combination of coils on an OpenCL device: against the CPU, for any place and layout. */
#include "mri/places.h"

/* Of the range: the same sums in the same order, but for the oracle's (KVOX_CPU_LEVEL=reference), in double, and for
 * divisions on devices that round them freely. */
static const double tolerance = 1e-5;

static const struct {
  int32_t rank;
  int64_t shape[6]; /* .., coil, z, y, x */
} cases[] = {{4, {1, 1, 1, 1}},       {4, {3, 2, 5, 7}},        {4, {9, 1, 33, 31}},
             {5, {3, 5, 1, 17, 129}}, {6, {2, 3, 8, 3, 1, 19}}, {4, {32, 2, 3, 300}}};
enum { CASES = sizeof cases / sizeof cases[0] };

static kvox_mri_noise *make_noise_of(kvox_context *context, int64_t coils) {
  kvox_mri_noise *noise = NULL;
  double complex *covariance = calloc((size_t)(coils * coils), sizeof *covariance);
  for (int64_t i = 0; i < coils; i++) {
    for (int64_t j = 0; j < coils; j++) {
      covariance[i * coils + j] = (i == j ? 3 + 0.1 * (double)i : 0) + cexp(I * 0.7 * (double)(i - j)) / 2;
    }
  }
  assert_ok(kvox_mri_noise_create(context, coils, (const double *)covariance, 0, &noise));
  free(covariance);
  return noise;
}

/* ---- Each call, by one context, of arrays anywhere ---- */

typedef struct job {
  kvox_context *context;
  int from, to; /* places */
  uint64_t seed;
  int32_t rank;
  const int64_t *shape;
  float complex *samples, *maps;
  int64_t maps_rank;
} job;

static void whiten(job *j, const kvox_mri_noise *noise, bool in_place, float complex *out) {
  placed in = place_values(j->context, j->from, &j->seed, KVOX_C64, j->rank, j->shape, j->samples);
  placed result = place(j->context, j->to, &j->seed, KVOX_C64, j->rank, j->shape);
  assert_ok(kvox_mri_whiten(j->context, noise, NULL, &in.array, in_place ? &in.array : &result.array));
  take_away(&in, in_place ? out : NULL);
  take_away(&result, in_place ? NULL : out);
}

static void compress(job *j, const kvox_mri_compression *compression, int64_t virtual_coils, float complex *out) {
  int64_t shape[6];
  memcpy(shape, j->shape, sizeof shape);
  shape[j->rank - 4] = virtual_coils;
  placed in = place_values(j->context, j->from, &j->seed, KVOX_C64, j->rank, j->shape, j->samples);
  placed result = place(j->context, j->to, &j->seed, KVOX_C64, j->rank, shape);
  assert_ok(kvox_mri_compress(j->context, compression, NULL, &in.array, &result.array));
  take_away(&in, NULL);
  take_away(&result, out);
}

static void combined_shape(const job *j, int64_t shape[5]) {
  memcpy(shape, j->shape, sizeof *shape * (size_t)(j->rank - 4));
  memcpy(shape + j->rank - 4, j->shape + j->rank - 3, sizeof *shape * 3);
}

static void combine_squares(job *j, float *out) {
  int64_t shape[5];
  combined_shape(j, shape);
  placed in = place_values(j->context, j->from, &j->seed, KVOX_C64, j->rank, j->shape, j->samples);
  placed result = place(j->context, j->to, &j->seed, KVOX_F32, j->rank - 1, shape);
  assert_ok(kvox_mri_root_sum_of_squares(j->context, NULL, &in.array, &result.array));
  take_away(&in, NULL);
  take_away(&result, out);
}

static void combine(job *j, const kvox_mri_noise *noise, float complex *out) {
  int64_t shape[5];
  const int32_t rank = (int32_t)j->maps_rank;
  combined_shape(j, shape);
  placed in = place_values(j->context, j->from, &j->seed, KVOX_C64, j->rank, j->shape, j->samples);
  placed maps = place_values(j->context, j->to, &j->seed, KVOX_C64, rank, j->shape + j->rank - rank, j->maps);
  placed result = place(j->context, j->to, &j->seed, KVOX_C64, j->rank - 1, shape);
  assert_ok(kvox_mri_combine(j->context, noise, NULL, &in.array, &maps.array, &result.array));
  take_away(&in, NULL);
  take_away(&maps, NULL);
  take_away(&result, out);
}

/* ---- Against the CPU ---- */

typedef struct bed {
  job job;
  int64_t count, coils;
  kvox_mri_noise *noise;
  kvox_mri_compression *svd, *geometric;
  int64_t virtual_coils;
} bed;

static bed make_bed(const sides *both, size_t i) {
  bed b = {.job = {.rank = cases[i].rank, .shape = cases[i].shape, .seed = 5 + i}};
  b.count = count_of(b.job.rank, b.job.shape);
  b.coils = b.job.shape[b.job.rank - 4];
  b.virtual_coils = (b.coils + 2) / 3;
  b.job.samples = random_samples(&b.job.seed, b.count);
  b.job.maps = random_samples(&b.job.seed, b.count);
  for (int64_t n = 0; n < b.count / b.coils / 3; n++) { /* none sees the first voxels of any volume */
    const int64_t voxels = count_of(3, b.job.shape + b.job.rank - 3);
    for (int64_t c = 0; n < voxels / 3 && c < b.count / voxels; c++) {
      b.job.maps[c * voxels + n] = 0;
    }
  }
  const kvox_array kspace = array_of(b.job.samples, KVOX_C64, b.job.rank, b.job.shape);
  b.noise = make_noise_of(both->cpu, b.coils);
  assert_ok(kvox_mri_compression_create_svd(both->cpu, &kspace, b.virtual_coils, &b.svd));
  assert_ok(kvox_mri_compression_create_geometric(both->cpu, &kspace, b.virtual_coils, 1, &b.geometric));
  return b;
}

static void drop_bed(bed *b) {
  kvox_mri_noise_destroy(b->noise);
  kvox_mri_compression_destroy(b->svd);
  kvox_mri_compression_destroy(b->geometric);
  free(b->job.samples);
  free(b->job.maps);
}

enum { WHITEN, WHITEN_IN_PLACE, SVD, GEOMETRIC, SQUARES, COMBINE, COMBINE_NOISE, COMBINE_SAME_MAPS, CALLS };

/* Floats of the result at `out`. */
static int64_t call(bed *b, int which, void *out) {
  const int64_t voxels = b->count / b->coils;
  b->job.maps_rank = which == COMBINE_SAME_MAPS ? 4 : b->job.rank;
  switch (which) {
    case WHITEN:
    case WHITEN_IN_PLACE: whiten(&b->job, b->noise, which == WHITEN_IN_PLACE, out); return 2 * b->count;
    case SVD:
    case GEOMETRIC:
      compress(&b->job, which == SVD ? b->svd : b->geometric, b->virtual_coils, out);
      return 2 * voxels * b->virtual_coils;
    case SQUARES: combine_squares(&b->job, out); return voxels;
    default: combine(&b->job, which == COMBINE_NOISE ? b->noise : NULL, out); return 2 * voxels;
  }
}

static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst[CALLS] = {0};
  for (size_t i = 0; i < CASES; i++) {
    bed b = make_bed(both, i);
    float *want = calloc((size_t)(2 * b.count), sizeof *want), *got = calloc((size_t)(2 * b.count), sizeof *got);
    for (int which = 0; which < CALLS; which++) {
      b.job.context = both->cpu;
      b.job.from = b.job.to = HOST;
      const int64_t floats = call(&b, which, want);
      b.job.context = both->device;
      for (int p = 0; p < PLACES; p++) {
        b.job.from = places[p];
        b.job.to = places[(p + which) % PLACES];
        assert_int_equal(call(&b, which, got), floats);
        worst[which] = fmax(worst[which], difference_of(floats, got, want));
      }
    }
    free(want);
    free(got);
    drop_bed(&b);
  }
  for (int which = 0; which < CALLS; which++) {
    printf("call %d differs from the CPU by %.2g of the range\n", which, worst[which]);
    assert_true(worst[which] <= tolerance);
  }
}

/* Whatever the limit cuts, and wherever arrays lie. */
static void has_the_same_bits_for_any_memory_limit(void **state) {
  SIDES_OR_SKIP(state);
  for (size_t i = 1; i < CASES; i++) {
    bed b = make_bed(both, i);
    const size_t bytes = (size_t)(2 * b.count) * sizeof(float);
    float *want = malloc(bytes), *got = malloc(bytes);
    /* A row of all buffers of the greediest call, and its flags. */
    const int64_t row = cases[i].shape[cases[i].rank - 1] * b.coils * 40, flags = b.count / b.coils * 4;
    kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, (uint64_t)(row + flags));
    for (int which = 0; which < CALLS; which++) {
      b.job.context = both->device;
      b.job.from = b.job.to = DEVICE;
      const int64_t floats = call(&b, which, want);
      b.job.context = tight;
      b.job.from = HOST;
      b.job.to = HOST | LOOSE;
      call(&b, which, got);
      assert_memory_equal(got, want, (size_t)floats * sizeof *got);
    }
    kvox_context_destroy(tight);
    kvox_context *none = context_of(KVOX_BACKEND_OPENCL, 8);
    const kvox_array in = array_of(b.job.samples, KVOX_C64, b.job.rank, b.job.shape);
    assert_fails(KVOX_ERROR_MEMORY_LIMIT, "bytes", kvox_mri_whiten(none, b.noise, NULL, &in, &in));
    kvox_context_destroy(none);
    free(want);
    free(got);
    drop_bed(&b);
  }
}

/* ---- What is wrong ---- */

static void names_what_is_not_finite(void **state) {
  SIDES_OR_SKIP(state);
  enum { SAMPLE = (((1 * 5 + 3) * 1 + 0) * 17 + 11) * 129 + 100 };
  static const char place_of[] = "volume 1, coil 3 at z 0, y 11, x 100";
  for (int p = 0; p < PLACES; p++) {
    bed b = make_bed(both, 3);
    uint64_t seed = 9;
    int64_t shape[5];
    combined_shape(&b.job, shape);
    b.job.samples[SAMPLE] = p % 2 == 0 ? NAN : -INFINITY;
    placed in = place_values(both->device, places[p], &seed, KVOX_C64, 5, b.job.shape, b.job.samples);
    placed maps = place_values(both->device, places[p], &seed, KVOX_C64, 5, b.job.shape, b.job.maps);
    placed result = place(both->device, places[p], &seed, KVOX_C64, 5, b.job.shape);
    placed image = place(both->device, places[p], &seed, KVOX_C64, 4, shape);
    placed magnitude = place(both->device, places[p], &seed, KVOX_F32, 4, shape);
    assert_fails(KVOX_ERROR_DATA, place_of, kvox_mri_whiten(both->device, b.noise, NULL, &in.array, &result.array));
    assert_fails(KVOX_ERROR_DATA, place_of,
                 kvox_mri_root_sum_of_squares(both->device, NULL, &in.array, &magnitude.array));
    assert_fails(KVOX_ERROR_DATA, place_of,
                 kvox_mri_combine(both->device, b.noise, NULL, &in.array, &maps.array, &image.array));
    assert_fails(KVOX_ERROR_DATA, "maps: the sample of volume 1, coil 3",
                 kvox_mri_combine(both->device, NULL, NULL, &maps.array, &in.array, &image.array));
    assert_fails(KVOX_ERROR_DATA, place_of, kvox_mri_whiten(both->device, b.noise, NULL, &in.array, &in.array));
    take_away(&in, NULL);
    take_away(&maps, NULL);
    take_away(&result, NULL);
    take_away(&image, NULL);
    take_away(&magnitude, NULL);
    drop_bed(&b);
  }
}

/* Arrays of another context's device, or of any device where the context computes on the CPU. */
static void refuses_strange_arrays(void **state) {
  SIDES_OR_SKIP(state);
  bed b = make_bed(both, 1);
  uint64_t seed = 3;
  kvox_context *other = context_of(KVOX_BACKEND_OPENCL, 0);
  placed in = place_values(other, DEVICE, &seed, KVOX_C64, 4, b.job.shape, b.job.samples);
  placed out = place(both->device, DEVICE, &seed, KVOX_C64, 4, b.job.shape);
  assert_fails(KVOX_ERROR_ARGUMENT, "another context",
               kvox_mri_whiten(both->device, b.noise, NULL, &in.array, &out.array));
  assert_fails(KVOX_ERROR_ARGUMENT, "computes on the CPU",
               kvox_mri_whiten(both->cpu, b.noise, NULL, &in.array, &out.array));
  kvox_array combined = out.array; /* the first coil's place */
  memmove(combined.shape, combined.shape + 1, 3 * sizeof *combined.shape);
  memmove(combined.strides, combined.strides + 1, 3 * sizeof *combined.strides);
  combined.rank = 3;
  assert_fails(KVOX_ERROR_ARGUMENT, "combined",
               kvox_mri_combine(both->device, NULL, NULL, &out.array, &out.array, &combined));
  take_away(&in, NULL);
  take_away(&out, NULL);
  kvox_context_destroy(other);
  drop_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_cpu), cmocka_unit_test(has_the_same_bits_for_any_memory_limit),
      cmocka_unit_test(names_what_is_not_finite), cmocka_unit_test(refuses_strange_arrays)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
