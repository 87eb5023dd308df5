/* The centred transform on an OpenCL device: against the CPU, for any sizes, axes, windows, places and limits. */
#include "mri/places.h"

/* Of the range: VkFFT's and the CPU's transforms are each within some 1e-6. */
static const double tolerance = 1e-5;

typedef struct plan_case {
  int32_t axes;
  int64_t kspace[3], transform[3], image[3]; /* x, y, z */
  double shift[3];
  int32_t window[3];
  int32_t leading;
  int64_t before[3]; /* shape before z, y, x */
} plan_case;

static const plan_case cases[] = {
    {.kspace = {1, 1, 1}, .leading = 0},
    {.kspace = {64, 1, 1}, .leading = 1, .before = {3}},
    {.kspace = {37, 29, 1}, .leading = 1, .before = {5}},
    {.kspace = {48, 33, 1},
     .transform = {60, 20, 1},
     .image = {31, 20, 1},
     .shift = {0.3, -2, 0},
     .leading = 2,
     .before = {2, 3},
     .window = {KVOX_MRI_HANN, KVOX_MRI_TUKEY}},
    {.kspace = {16, 11, 9},
     .transform = {20, 8, 13},
     .image = {13, 7, 10},
     .shift = {1.5, 0, 0.25},
     .leading = 1,
     .before = {4},
     .window = {0, KVOX_MRI_FERMI, KVOX_MRI_HAMMING}},
    {.axes = KVOX_MRI_X, .kspace = {50, 7, 5}, .image = {25, 7, 5}, .leading = 1, .before = {3}},
    {.axes = KVOX_MRI_Y,
     .kspace = {9, 22, 4},
     .transform = {9, 27, 4},
     .image = {9, 21, 4},
     .leading = 1,
     .before = {2}},
    {.axes = KVOX_MRI_Z, .kspace = {5, 6, 31}, .leading = 3, .before = {2, 1, 2}},
    {.axes = KVOX_MRI_X | KVOX_MRI_Z,
     .kspace = {12, 5, 18},
     .leading = 1,
     .before = {2},
     .window = {0, 0, KVOX_MRI_HANN}},
    {.axes = KVOX_MRI_X | KVOX_MRI_Y, .kspace = {20, 18, 23}, .transform = {26, 18, 23}, .leading = 1, .before = {3}},
    {.axes = KVOX_MRI_Y | KVOX_MRI_Z, .kspace = {7, 16, 12}, .leading = 0},
    /* Primes beyond VkFFT's radices: Bluestein. */
    {.kspace = {211, 103, 1}, .leading = 1, .before = {2}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* The shape of k-space, images, or (with the last leading axis gone) magnitudes. */
static int32_t shape_of(const plan_case *c, const int64_t size[3], int32_t lost, int64_t *shape) {
  const int32_t leading = c->leading - lost;
  for (int32_t d = 0; d < leading; d++) {
    shape[d] = c->before[d];
  }
  for (int d = 0; d < 3; d++) {
    shape[leading + d] = size[2 - d];
  }
  return leading + 3;
}

typedef struct bed {
  const plan_case *c;
  kvox_mri_fourier_options options;
  int64_t image[3];
  int64_t kspace_count, image_count, magnitude_count;
  float complex *kspace, *images;
} bed;

static bed make_bed(size_t i) {
  bed b = {.c = &cases[i]};
  int64_t shape[6];
  uint64_t seed = 100 + i;
  kvox_mri_fourier_options_init(&b.options);
  b.options.axes = b.c->axes;
  for (int d = 0; d < 3; d++) {
    b.options.kspace_size[d] = b.c->kspace[d];
    b.options.transform_size[d] = b.c->transform[d];
    b.options.image_size[d] = b.c->image[d];
    b.options.shift_px[d] = b.c->shift[d];
    b.options.window[d] = b.c->window[d];
    b.image[d] = b.c->image[d] != 0 ? b.c->image[d] : b.c->transform[d] != 0 ? b.c->transform[d] : b.c->kspace[d];
  }
  b.kspace_count = count_of(shape_of(b.c, b.c->kspace, 0, shape), shape);
  b.image_count = count_of(shape_of(b.c, b.image, 0, shape), shape);
  b.magnitude_count = b.c->leading > 0 ? count_of(shape_of(b.c, b.image, 1, shape), shape) : 0;
  b.kspace = random_samples(&seed, b.kspace_count);
  b.images = random_samples(&seed, b.image_count);
  return b;
}

static void drop_bed(bed *b) {
  free(b->kspace);
  free(b->images);
}

enum { TO_IMAGE, TO_KSPACE, TO_MAGNITUDE, CALLS };

/* Floats of the result at `out`. */
static int64_t call(const bed *b, kvox_context *context, const kvox_mri_fourier *fourier, int which, int from, int to,
                    void *out) {
  uint64_t seed = 77;
  int64_t shape[6];
  int32_t rank = shape_of(b->c, which == TO_KSPACE ? b->image : b->c->kspace, 0, shape);
  placed in = place_values(context, from, &seed, KVOX_C64, rank, shape, which == TO_KSPACE ? b->images : b->kspace);
  rank = shape_of(b->c, which == TO_KSPACE ? b->c->kspace : b->image, which == TO_MAGNITUDE, shape);
  placed result = place(context, to, &seed, which == TO_MAGNITUDE ? KVOX_F32 : KVOX_C64, rank, shape);
  if (which == TO_IMAGE) {
    assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &in.array, &result.array));
  } else if (which == TO_KSPACE) {
    assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &in.array, &result.array));
  } else {
    assert_ok(kvox_mri_fourier_to_magnitude(fourier, NULL, &in.array, &result.array));
  }
  take_away(&in, NULL);
  take_away(&result, out);
  return which == TO_MAGNITUDE ? b->magnitude_count : 2 * (which == TO_IMAGE ? b->image_count : b->kspace_count);
}

static void agrees_with_the_cpu(void **state) {
  SIDES_OR_SKIP(state);
  double worst = 0;
  for (size_t i = 0; i < CASES; i++) {
    bed b = make_bed(i);
    const int64_t most = b.kspace_count > b.image_count ? b.kspace_count : b.image_count;
    float *want = calloc((size_t)(2 * most), sizeof *want), *got = calloc((size_t)(2 * most), sizeof *got);
    kvox_mri_fourier *cpu = NULL, *device = NULL;
    assert_ok(kvox_mri_fourier_create(both->cpu, &b.options, &cpu));
    assert_ok(kvox_mri_fourier_create(both->device, &b.options, &device));
    kvox_memory_use memory;
    assert_ok(kvox_mri_fourier_memory(device, &memory));
    assert_true(memory.device > 0);
    for (int which = 0; which < (b.c->leading > 0 ? CALLS : TO_MAGNITUDE); which++) {
      const int64_t floats = call(&b, both->cpu, cpu, which, HOST, HOST, want);
      for (int p = 0; p < PLACES; p++) {
        assert_int_equal(call(&b, both->device, device, which, places[p], places[(p + which) % PLACES], got), floats);
        const double difference = difference_of(floats, got, want);
        if (!(difference <= tolerance)) {
          fail_msg("case %zu, call %d, place %d: %g", i, which, places[p], difference);
        }
        worst = fmax(worst, difference);
      }
    }
    kvox_mri_fourier_destroy(cpu);
    kvox_mri_fourier_destroy(device);
    free(want);
    free(got);
    drop_bed(&b);
  }
  printf("the device differs from the CPU by at most %.2g of the range\n", worst);
}

/* A limit makes batches smaller, down to one image. */
static void has_the_same_bits_for_any_memory_limit(void **state) {
  SIDES_OR_SKIP(state);
  for (size_t i = 3; i < CASES; i += 3) {
    bed b = make_bed(i);
    const int64_t most = b.kspace_count > b.image_count ? b.kspace_count : b.image_count;
    float *want = calloc((size_t)(2 * most), sizeof *want), *got = calloc((size_t)(2 * most), sizeof *got);
    kvox_mri_fourier *wide = NULL, *tight = NULL;
    kvox_memory_use usual, least;
    assert_ok(kvox_mri_fourier_create(both->device, &b.options, &wide));
    assert_ok(kvox_mri_fourier_memory(wide, &usual));
    b.options.memory_limit = 1;
    assert_fails(KVOX_ERROR_MEMORY_LIMIT, "kvox_mri_fourier_create",
                 kvox_mri_fourier_create(both->device, &b.options, &tight));
    b.options.memory_limit = usual.device / 4;
    assert_ok(kvox_mri_fourier_create(both->device, &b.options, &tight));
    assert_ok(kvox_mri_fourier_memory(tight, &least));
    assert_true(least.device <= b.options.memory_limit);
    for (int which = 0; which < CALLS; which++) {
      const int64_t floats = call(&b, both->device, wide, which, DEVICE, DEVICE, want);
      call(&b, both->device, tight, which, HOST | LOOSE, HOST, got);
      assert_memory_equal(got, want, (size_t)floats * sizeof *got);
    }
    kvox_mri_fourier_destroy(wide);
    kvox_mri_fourier_destroy(tight);
    free(want);
    free(got);
    drop_bed(&b);
  }
}

static void works_in_place(void **state) {
  SIDES_OR_SKIP(state);
  for (int on_device = 0; on_device < 2; on_device++) {
    bed b = make_bed(2);
    int64_t shape[6];
    uint64_t seed = 5;
    const int32_t rank = shape_of(b.c, b.c->kspace, 0, shape);
    float complex *got = calloc((size_t)b.kspace_count, sizeof *got);
    kvox_mri_fourier *fourier = NULL;
    assert_ok(kvox_mri_fourier_create(both->device, &b.options, &fourier));
    placed samples = place_values(both->device, on_device ? DEVICE : HOST, &seed, KVOX_C64, rank, shape, b.kspace);
    assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &samples.array, &samples.array));
    assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &samples.array, &samples.array));
    take_away(&samples, got); /* unitary: there and back */
    assert_true(difference_of(2 * b.kspace_count, got, b.kspace) <= tolerance);
    kvox_mri_fourier_destroy(fourier);
    free(got);
    drop_bed(&b);
  }
}

static void names_what_is_not_finite(void **state) {
  SIDES_OR_SKIP(state);
  /* Planes: x, y of volume 0, coil 2 at z 19. Volumes: coil 3 at z 4. */
  static const struct {
    size_t which;
    int64_t sample;
    const char *sentence;
  } spoilt[] = {{9, ((2 * 23 + 19) * 18 + 3) * 20 + 11, "volume 0, coil 2 at z 19, y 3, x 11"},
                {4, ((3 * 9 + 4) * 11 + 6) * 16 + 9, "volume 0, coil 3 at z 4, y 6, x 9"}};
  for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
    bed b = make_bed(spoilt[i].which);
    int64_t shape[6];
    uint64_t seed = 5;
    kvox_mri_fourier *fourier = NULL;
    assert_ok(kvox_mri_fourier_create(both->device, &b.options, &fourier));
    b.kspace[spoilt[i].sample] = NAN;
    placed in =
        place_values(both->device, DEVICE, &seed, KVOX_C64, shape_of(b.c, b.c->kspace, 0, shape), shape, b.kspace);
    placed magnitude = place(both->device, HOST, &seed, KVOX_F32, shape_of(b.c, b.image, 1, shape), shape);
    placed out = place(both->device, HOST, &seed, KVOX_C64, shape_of(b.c, b.image, 0, shape), shape);
    assert_fails(KVOX_ERROR_DATA, spoilt[i].sentence, kvox_mri_fourier_to_image(fourier, NULL, &in.array, &out.array));
    assert_fails(KVOX_ERROR_DATA, spoilt[i].sentence,
                 kvox_mri_fourier_to_magnitude(fourier, NULL, &in.array, &magnitude.array));
    take_away(&in, NULL);
    b.kspace[spoilt[i].sample] = 3e38F; /* its square is beyond floats */
    in = place_values(both->device, HOST, &seed, KVOX_C64, shape_of(b.c, b.c->kspace, 0, shape), shape, b.kspace);
    assert_fails(KVOX_ERROR_DATA, "a result is out of the range",
                 kvox_mri_fourier_to_magnitude(fourier, NULL, &in.array, &magnitude.array));
    take_away(&in, NULL);
    take_away(&out, NULL);
    take_away(&magnitude, NULL);
    kvox_mri_fourier_destroy(fourier);
    drop_bed(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_cpu),
                                     cmocka_unit_test(has_the_same_bits_for_any_memory_limit),
                                     cmocka_unit_test(works_in_place), cmocka_unit_test(names_what_is_not_finite)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}
