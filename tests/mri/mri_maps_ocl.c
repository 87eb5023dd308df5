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

/* ---- Walsh's maps ---- */

static const struct {
  int32_t rank;
  int64_t shape[6], window[3];
} walsh_cases[] = {{4, {1, 1, 1, 1}, {0, 0, 0}},
                   {4, {3, 2, 5, 7}, {3, 3, 1}},
                   {4, {8, 1, 41, 37}, {0, 0, 0}},
                   {5, {2, 4, 7, 9, 11}, {5, 3, 7}},
                   {6, {2, 2, 5, 3, 17, 18}, {1, 5, 3}}};
enum { WALSH_CASES = sizeof walsh_cases / sizeof walsh_cases[0] };

/* An object that coils see by turns, and noise, so that one eigenvalue is ahead of the others. */
static float complex *seen_by_coils(uint64_t *seed, int32_t rank, const int64_t *shape) {
  const int64_t count = count_of(rank, shape), samples = count_of(3, shape + rank - 3), coils = shape[rank - 4];
  float complex *images = random_samples(seed, count);
  for (int64_t i = 0; i < count; i++) {
    const double c = (double)(i / samples % coils), n = (double)(i % samples);
    images[i] = 1e-4f * (0.1f * images[i] + (float complex)((1 + 0.3 * sin(c + 1)) * cexp(I * (c * c + 0.01 * n))));
  }
  return images;
}

typedef struct walsh_bed {
  int32_t rank;
  const int64_t *shape;
  kvox_mri_noise *noise;
  kvox_mri_walsh_options options;
  float complex *images;
  int64_t count;
} walsh_bed;

static walsh_bed open_walsh(kvox_context *cpu, size_t i) {
  walsh_bed b = {.rank = walsh_cases[i].rank, .shape = walsh_cases[i].shape};
  uint64_t seed = 4 + i;
  double complex covariance[8 * 8] = {0};
  const int64_t coils = b.shape[b.rank - 4];
  for (int64_t c = 0; c < coils * coils; c++) {
    const int64_t row = c / coils, column = c % coils;
    covariance[c] = 1e-8 * ((row == column ? 3 + 0.1 * (double)row : 0) + cexp(I * 0.7 * (double)(row - column)) / 2);
  }
  assert_ok(kvox_mri_noise_create(cpu, coils, (const double *)covariance, 0, &b.noise));
  kvox_mri_walsh_options_init(&b.options);
  memcpy(b.options.window, walsh_cases[i].window, sizeof b.options.window);
  b.count = count_of(b.rank, b.shape);
  b.images = seen_by_coils(&seed, b.rank, b.shape);
  return b;
}

static void close_walsh(walsh_bed *b) {
  kvox_mri_noise_destroy(b->noise);
  free(b->images);
}

static void walsh(const walsh_bed *b, kvox_context *context, int from, int to, bool with_noise, float complex *out) {
  uint64_t seed = 12;
  kvox_mri_walsh_options options = b->options;
  options.noise = with_noise ? b->noise : NULL;
  placed in = place_values(context, from, &seed, KVOX_C64, b->rank, b->shape, b->images);
  placed result = place(context, to, &seed, KVOX_C64, b->rank, b->shape);
  assert_ok(kvox_mri_walsh_maps(context, &options, NULL, &in.array, &result.array));
  take_away(&in, NULL);
  take_away(&result, out);
}

/* The reference's sums are floats there: its phase, and so the maps, may turn by some 1e-6. */
static void walsh_agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0;
  for (size_t i = 0; i < WALSH_CASES; i++) {
    walsh_bed b = open_walsh(both->cpu, i);
    const size_t bytes = (size_t)b.count * sizeof(float complex);
    float complex *want = malloc(bytes), *got = malloc(bytes);
    for (int with_noise = 0; with_noise < 2; with_noise++) {
      walsh(&b, both->cpu, HOST, HOST, with_noise != 0, want);
      for (int p = 0; p < PLACES; p++) {
        walsh(&b, both->device, places[p], places[(p + 1 + with_noise) % PLACES], with_noise != 0, got);
        worst = fmax(worst, difference_of(2 * b.count, got, want));
      }
    }
    free(want);
    free(got);
    close_walsh(&b);
  }
  printf("Walsh's maps differ from the CPU's by %.2g of the range\n", worst);
  assert_true(worst <= 1e-5);
}

/* Windows reach over every cut. */
static void walsh_has_the_same_bits_for_any_memory_limit(void **state) {
  SIDES_OR_SKIP(state);
  for (size_t i = 2; i < WALSH_CASES; i++) {
    walsh_bed b = open_walsh(both->cpu, i);
    const int64_t coils = b.shape[b.rank - 4], row = b.shape[b.rank - 1], rows = b.count / coils / row;
    const size_t bytes = (size_t)b.count * sizeof(float complex);
    float complex *want = malloc(bytes), *got = malloc(bytes);
    walsh(&b, both->device, DEVICE, DEVICE, true, want);
    int64_t refused = 0, done = 0;
    for (int64_t limit = 2 * row * coils * 4; limit < (int64_t)1 << 22 && done < 4; limit = limit * 3 / 2 + 4 * rows) {
      kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, (uint64_t)limit);
      const kvox_array in = array_of(b.images, KVOX_C64, b.rank, b.shape),
                       out = array_of(got, KVOX_C64, b.rank, b.shape);
      kvox_mri_walsh_options options = b.options;
      options.noise = b.noise;
      const kvox_status status = kvox_mri_walsh_maps(tight, &options, NULL, &in, &out);
      assert_true(status == KVOX_OK || (status == KVOX_ERROR_MEMORY_LIMIT && done == 0));
      done += status == KVOX_OK;
      refused += status != KVOX_OK;
      if (status == KVOX_OK) {
        assert_memory_equal(got, want, bytes);
      }
      kvox_context_destroy(tight);
    }
    assert_true(refused > 0 && done == 4);
    free(want);
    free(got);
    close_walsh(&b);
  }
}

static void walsh_names_what_is_not_finite(void **state) {
  SIDES_OR_SKIP(state);
  walsh_bed b = open_walsh(both->cpu, 3);
  uint64_t seed = 9;
  float complex *maps = malloc((size_t)b.count * sizeof *maps);
  b.images[(((1 * 4 + 2) * 7 + 5) * 9 + 8) * 11 + 10] = NAN;
  for (int p = 0; p < PLACES; p++) {
    placed in = place_values(both->device, places[p], &seed, KVOX_C64, b.rank, b.shape, b.images);
    const kvox_array out = array_of(maps, KVOX_C64, b.rank, b.shape);
    b.options.noise = p % 2 == 0 ? b.noise : NULL;
    assert_fails(KVOX_ERROR_DATA, "images: the sample of volume 1, coil 2 at z 5, y 8, x 10",
                 kvox_mri_walsh_maps(both->device, &b.options, NULL, &in.array, &out));
    take_away(&in, NULL);
  }
  free(maps);
  close_walsh(&b);
}

/* ---- T2* ---- */

enum { ECHOES = 6, T2STAR_RESULTS = 3 };
static const double echo_times_ms[ECHOES] = {1.2, 3, 7, 8.5, 19, 40};
static const int64_t t2star_shapes[][5] = {{1, ECHOES, 1, 1, 1}, {2, ECHOES, 3, 7, 19}, {1, ECHOES, 2, 31, 33}};
enum { T2STAR_SHAPES = sizeof t2star_shapes / sizeof t2star_shapes[0] };

/* From 3 to 60 ms, sizes far apart, noise of a hundredth; here and there nothing. */
static float *make_decays(const int64_t *shape) {
  const int64_t samples = count_of(3, shape + 2);
  uint64_t seed = 6;
  float *magnitudes = malloc((size_t)count_of(5, shape) * sizeof *magnitudes);
  for (int64_t i = 0; i < count_of(5, shape); i++) {
    const int64_t n = i % samples, e = i / samples % ECHOES;
    const double t2star = 3 * pow(20, (double)n / (double)samples),
                 s0 = n % 17 == 5 ? 0 : exp(10 * sin(0.37 * (double)n));
    magnitudes[i] = (float)(s0 * cabs(exp(-echo_times_ms[e] / t2star) + 0.01 * random_normal(&seed)));
  }
  return magnitudes;
}

static kvox_status t2star(kvox_context *context, const kvox_mri_t2star_options *options, int from, int to,
                          const int64_t *shape, float *magnitudes, float *results[T2STAR_RESULTS]) {
  uint64_t seed = 13;
  const int64_t map[4] = {shape[0], shape[2], shape[3], shape[4]};
  placed in = place_values(context, from, &seed, KVOX_F32, 5, shape, magnitudes), out[T2STAR_RESULTS];
  const kvox_array *given[T2STAR_RESULTS];
  for (int r = 0; r < T2STAR_RESULTS; r++) {
    out[r] = place(context, to, &seed, KVOX_F32, 4, map);
    given[r] = results[r] != NULL ? &out[r].array : NULL;
  }
  const kvox_status status =
      kvox_mri_t2star(context, options, NULL, &in.array, echo_times_ms, given[0], given[1], given[2]);
  for (int r = 0; r < T2STAR_RESULTS; r++) {
    take_away(&out[r], status == KVOX_OK ? results[r] : NULL);
  }
  take_away(&in, NULL);
  return status;
}

/* Roundings of residuals, over how much magnitudes decay: from 3 to 60 ms in 39 ms, by half at least. Near the noise
 * floor they are as many times greater as the signal is below it. */
static void t2star_agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  static const double floors[2] = {0, 1e-6};
  double worst[2] = {0};
  for (size_t i = 0; i < T2STAR_SHAPES * 4; i++) {
    const int64_t *shape = t2star_shapes[i / 4], voxels = count_of(5, shape) / ECHOES;
    float *magnitudes = make_decays(shape), *memory = malloc((size_t)(6 * voxels) * sizeof *memory);
    float *want[T2STAR_RESULTS], *got[T2STAR_RESULTS];
    kvox_mri_t2star_options options;
    kvox_mri_t2star_options_init(&options);
    options.method = i % 2 == 0 ? KVOX_MRI_LEAST_SQUARES : KVOX_MRI_LOG_LINEAR;
    options.noise_floor = floors[i / 2 % 2];
    for (int r = 0; r < T2STAR_RESULTS; r++) {
      want[r] = memory + r * voxels;
      got[r] = memory + (3 + r) * voxels;
    }
    assert_ok(t2star(both->cpu, &options, HOST, HOST, shape, magnitudes, want));
    for (int p = 0; p < PLACES; p++) {
      float *asked[T2STAR_RESULTS] = {got[0], got[1], got[2]};
      asked[(p + 1) % T2STAR_RESULTS] = p < 3 ? NULL : asked[(p + 1) % T2STAR_RESULTS];
      assert_ok(t2star(both->device, &options, places[p], places[(p + 1) % PLACES], shape, magnitudes, asked));
      for (int64_t n = 0; n < T2STAR_RESULTS * voxels; n++) {
        const float *found = asked[n / voxels], value = memory[n];
        const double error = found != NULL ? fabs((double)found[n % voxels] - value) : 0;
        assert_true(error <= 1e-5 * value);
        worst[i % 2] = fmax(worst[i % 2], value > 0 ? error / value : 0);
      }
    }
    free(magnitudes);
    free(memory);
  }
  printf("T2*, S0 and R2* differ from the CPU's by %.2g of their size, from lines by %.2g\n", worst[0], worst[1]);
}

static void t2star_has_the_same_bits_for_any_memory_limit(void **state) {
  SIDES_OR_SKIP(state);
  const int64_t *shape = t2star_shapes[1], voxels = count_of(5, shape) / ECHOES;
  float *magnitudes = make_decays(shape), *memory = malloc((size_t)(4 * voxels) * sizeof *memory);
  float *want[T2STAR_RESULTS] = {memory, memory + voxels, NULL},
        *got[T2STAR_RESULTS] = {memory + 2 * voxels, memory + 3 * voxels, NULL};
  assert_ok(t2star(both->device, NULL, DEVICE, DEVICE, shape, magnitudes, want));
  /* A row of magnitudes and both results, and a flag for each. */
  const int64_t row = (ECHOES + 2) * 4 * shape[4], flags = voxels / shape[4] * 4;
  kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, (uint64_t)(row + flags));
  assert_ok(t2star(tight, NULL, HOST, HOST | LOOSE, shape, magnitudes, got));
  assert_memory_equal(got[0], want[0], (size_t)(2 * voxels) * sizeof *memory);
  kvox_context_destroy(tight);
  kvox_context *none = context_of(KVOX_BACKEND_OPENCL, 8);
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "bytes", t2star(none, NULL, HOST, HOST, shape, magnitudes, got));
  kvox_context_destroy(none);
  free(magnitudes);
  free(memory);
}

static void t2star_names_what_it_refuses(void **state) {
  SIDES_OR_SKIP(state);
  static const float strange[3] = {NAN, -1, 2e18f};
  const int64_t *shape = t2star_shapes[1], voxels = count_of(5, shape) / ECHOES;
  float *magnitudes = make_decays(shape), *found = malloc((size_t)voxels * sizeof *found);
  float *asked[T2STAR_RESULTS] = {NULL, NULL, found}, *at = &magnitudes[(((1 * ECHOES + 4) * 3 + 2) * 7 + 6) * 19 + 18];
  for (int p = 0; p < PLACES; p++) {
    *at = strange[p % 3];
    assert_fails(KVOX_ERROR_DATA, "magnitudes: that of volume 1, echo 4 at z 2, y 6, x 18 is NaN, negative or beyond",
                 t2star(both->device, NULL, places[p], places[p], shape, magnitudes, asked));
  }
  free(magnitudes);
  free(found);
}

/* ---- The main field ---- */

enum { FIELD_ECHOES = 4 };
static const double field_times_ms[FIELD_ECHOES] = {2, 4.5, 8, 10.5};
static const int64_t field_shapes[][6] = {
    {1, FIELD_ECHOES, 1, 1, 1, 1}, {2, FIELD_ECHOES, 3, 2, 7, 19}, {1, FIELD_ECHOES, 1, 1, 31, 33}};
enum { FIELD_SHAPES = sizeof field_shapes / sizeof field_shapes[0] };

/* Fields up to 160 Hz, where wraps are at 200; noise of a hundredth, nothing here and there. */
static float complex *make_echoes(const int64_t *shape) {
  const int64_t samples = count_of(3, shape + 3), count = count_of(6, shape);
  uint64_t seed = 7;
  float complex *images = random_samples(&seed, count);
  for (int64_t i = 0; i < count; i++) {
    const int64_t n = i % samples, c = i / samples % shape[2], e = i / samples / shape[2] % FIELD_ECHOES;
    const double hz = 160 * sin(0.1 * (double)n), angle = 2e-3 * pi * hz * field_times_ms[e] + (double)(c * c);
    const double size = n % 23 == 7 ? 0 : exp(5 * sin(0.37 * (double)n));
    images[i] = (float complex)(size * (0.01 * (double complex)images[i] + cexp(I * angle)));
  }
  return images;
}

static kvox_status field_map(kvox_context *context, int from, int to, const int64_t *shape, float complex *images,
                             float *field, float *weight) {
  uint64_t seed = 13;
  const int64_t map[4] = {shape[0], shape[3], shape[4], shape[5]};
  placed in = place_values(context, from, &seed, KVOX_C64, 6, shape, images);
  placed out = place(context, to, &seed, KVOX_F32, 4, map), other = place(context, to, &seed, KVOX_F32, 4, map);
  const kvox_status status =
      kvox_mri_field_map(context, NULL, &in.array, field_times_ms, &out.array, weight != NULL ? &other.array : NULL);
  take_away(&in, NULL);
  take_away(&out, status == KVOX_OK ? field : NULL);
  take_away(&other, status == KVOX_OK ? weight : NULL);
  return status;
}

/* Phases have the CPU's bits; the line's sums are floats, of 1e-6 turns in the shortest step. */
static void field_agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0, worst_weight = 0;
  for (size_t i = 0; i < FIELD_SHAPES; i++) {
    const int64_t *shape = field_shapes[i], voxels = count_of(6, shape) / shape[1] / shape[2];
    float complex *images = make_echoes(shape);
    float *maps = calloc((size_t)(4 * voxels), sizeof *maps), *got = maps + 2 * voxels;
    assert_ok(field_map(both->cpu, HOST, HOST, shape, images, maps, maps + voxels));
    for (int p = 0; p < PLACES; p++) {
      float *weight = p % 3 == 1 ? NULL : got + voxels;
      assert_ok(field_map(both->device, places[p], places[(p + 1) % PLACES], shape, images, got, weight));
      for (int64_t n = 0; n < voxels; n++) {
        const double of_weight = weight != NULL ? fabs((double)weight[n] - maps[voxels + n]) : 0;
        worst = fmax(worst, fabs((double)got[n] - maps[n]));
        assert_true(of_weight <= 1e-5 * maps[voxels + n]);
        worst_weight = fmax(worst_weight, maps[voxels + n] > 0 ? of_weight / maps[voxels + n] : 0);
      }
    }
    free(images);
    free(maps);
  }
  printf("the field differs from the CPU's by %.2g Hz, weights by %.2g of theirs\n", worst, worst_weight);
  assert_true(worst <= 1e-6 * 1e3 / 2.5);
}

static void field_has_the_same_bits_for_any_memory_limit(void **state) {
  SIDES_OR_SKIP(state);
  const int64_t *shape = field_shapes[1], voxels = count_of(6, shape) / shape[1] / shape[2];
  float complex *images = make_echoes(shape);
  float *maps = malloc((size_t)(4 * voxels) * sizeof *maps);
  assert_ok(field_map(both->device, DEVICE, DEVICE, shape, images, maps, maps + voxels));
  /* A row of images, both results and the stage's own, and a flag for each. */
  const int64_t row = (FIELD_ECHOES * (8 * shape[2] + 8) + 8) * shape[5], flags = voxels / shape[5] * 4;
  kvox_context *tight = context_of(KVOX_BACKEND_OPENCL, (uint64_t)(row + flags));
  assert_ok(field_map(tight, HOST, HOST | LOOSE, shape, images, maps + 2 * voxels, maps + 3 * voxels));
  assert_memory_equal(maps + 2 * voxels, maps, (size_t)(2 * voxels) * sizeof *maps);
  kvox_context_destroy(tight);
  free(images);
  free(maps);
}

static void field_names_what_it_refuses(void **state) {
  SIDES_OR_SKIP(state);
  const int64_t *shape = field_shapes[1], voxels = count_of(6, shape) / shape[1] / shape[2];
  float complex *images = make_echoes(shape);
  float *field = malloc((size_t)voxels * sizeof *field);
  for (int p = 0; p < PLACES; p++) {
    images[((((1 * FIELD_ECHOES + 2) * 3 + 1) * 2 + 1) * 7 + 6) * 19 + 17] = p % 2 == 0 ? NAN : 1.5e19f;
    assert_fails(KVOX_ERROR_DATA, "images: the sample of volume 6, coil 1 at z 1, y 6, x 17",
                 field_map(both->device, places[p], places[p], shape, images, field, NULL));
  }
  free(images);
  free(field);
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
  const struct CMUnitTest tests[] = {cmocka_unit_test(polar_agrees_with_the_cpu),
                                     cmocka_unit_test(polar_has_the_same_bits_for_any_memory_limit),
                                     cmocka_unit_test(polar_names_what_is_not_finite),
                                     cmocka_unit_test(walsh_agrees_with_the_cpu),
                                     cmocka_unit_test(walsh_has_the_same_bits_for_any_memory_limit),
                                     cmocka_unit_test(walsh_names_what_is_not_finite),
                                     cmocka_unit_test(t2star_agrees_with_the_cpu),
                                     cmocka_unit_test(t2star_has_the_same_bits_for_any_memory_limit),
                                     cmocka_unit_test(t2star_names_what_it_refuses),
                                     cmocka_unit_test(field_agrees_with_the_cpu),
                                     cmocka_unit_test(field_has_the_same_bits_for_any_memory_limit),
                                     cmocka_unit_test(field_names_what_it_refuses),
                                     cmocka_unit_test(refuses_strange_arrays)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
