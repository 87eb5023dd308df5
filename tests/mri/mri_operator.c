/* Operators: each part against its plain formula, the dot-product test, and what chains promise. */
#include "mri/operator_support.h"

enum { COILS = 3, Z = 3, Y = 10, X = 13, VOXELS = Z * Y * X };

static const int64_t image_shape[3] = {Z, Y, X}, coil_shape[4] = {COILS, Z, Y, X};

static float complex map_samples[COILS * VOXELS], factor_samples[Z * X];
static uint8_t mask_samples[Z * Y * X];

/* Every part, and compositions of them. */
enum { FOURIER, COIL, SAMPLING, GATHER, CROP, MODULATION, LINES, RAMP, SCALE, SENSE, GATHERED, NORMAL, BACK, KINDS };
static const char *const names[KINDS] = {
    "fourier",
    "coils",
    "sampling",
    "gather",
    "crop",
    "modulation",
    "a factor a line",
    "ramp",
    "scale",
    "sense",
    "gathered sense",
    "normal",
    "adjoint of sense, cropped",
};

static void make_samples(void) {
  uint64_t seed = 77;
  for (int i = 0; i < COILS * VOXELS; i++) {
    map_samples[i] = (float complex)random_normal(&seed);
  }
  for (int i = 0; i < Z * X; i++) {
    factor_samples[i] = (float complex)random_normal(&seed);
  }
  for (int i = 0; i < VOXELS; i++) {
    mask_samples[i] = random_bits(&seed) % 3 != 0 ? (uint8_t)(random_bits(&seed) % 255 + 1) : 0;
  }
}

/* Oversampled along x, windowed, shifted; all axes. */
static kvox_mri_operator *make_fourier(kvox_context *context, bool plain) {
  kvox_mri_fourier_options options;
  kvox_mri_operator *made = NULL;
  kvox_mri_fourier_options_init(&options);
  const int64_t size[3] = {X, Y, Z};
  for (int a = 0; a < 3; a++) {
    options.kspace_size[a] = plain || a > 0 ? size[a] : 2 * size[a] - 1;
    options.image_size[a] = size[a];
    options.shift_px[a] = plain ? 0 : 0.3 * a + 0.2;
    options.window[a] = plain ? KVOX_MRI_NO_WINDOW : KVOX_MRI_HAMMING;
  }
  const int64_t sizes[1] = {COILS};
  assert_ok(kvox_mri_operator_create_fourier(context, &options, 1, sizes, &made));
  return made;
}

static kvox_array mask_array(void) { return array_of(mask_samples, KVOX_U8, 3, image_shape); }

static kvox_mri_operator *make_part(kvox_context *context, int kind) {
  kvox_mri_operator *made = NULL;
  const kvox_array maps = array_of(map_samples, KVOX_C64, 4, coil_shape), mask = mask_array();
  const kvox_array rows = array_of(factor_samples, KVOX_C64, 3, (int64_t[]){Z, 1, X});
  const kvox_array lines = array_of(factor_samples, KVOX_C64, 2, (int64_t[]){Y, 1});
  switch (kind) {
    case FOURIER: return make_fourier(context, false);
    case COIL: assert_ok(kvox_mri_operator_create_coils(context, &maps, 0, NULL, &made)); break;
    case SAMPLING: assert_ok(kvox_mri_operator_create_sampling(context, 4, coil_shape, &mask, &made)); break;
    case GATHER: assert_ok(kvox_mri_operator_create_gather(context, 4, coil_shape, &mask, &made)); break;
    case CROP:
      assert_ok(kvox_mri_operator_create_crop(context, 3, image_shape, (int64_t[]){Z + 2, Y - 3, X}, &made));
      break;
    case MODULATION: assert_ok(kvox_mri_operator_create_modulation(context, 4, coil_shape, &rows, &made)); break;
    case LINES: assert_ok(kvox_mri_operator_create_modulation(context, 4, coil_shape, &lines, &made)); break;
    case RAMP:
      assert_ok(kvox_mri_operator_create_phase_ramp(context, 4, coil_shape, (double[]){0, 0.5, -1.25, 3}, &made));
      break;
    default: assert_ok(kvox_mri_operator_create_scale(context, 4, coil_shape, 0.5, -2, &made)); break;
  }
  return made;
}

static kvox_mri_operator *adjoint_of(kvox_mri_operator *of) {
  kvox_mri_operator *made = NULL;
  assert_ok(kvox_mri_operator_create_adjoint(of, &made));
  kvox_mri_operator_destroy(of);
  return made;
}

static kvox_mri_operator *make_sense(kvox_context *context, int sampling) {
  return chained(make_part(context, sampling), chained(make_fourier(context, true), make_part(context, COIL)));
}

static kvox_mri_operator *make(kvox_context *context, int kind) {
  switch (kind) {
    case SENSE: return make_sense(context, SAMPLING);
    case GATHERED: return make_sense(context, GATHER);
    case NORMAL: return chained(adjoint_of(make_sense(context, SAMPLING)), make_sense(context, SAMPLING));
    case BACK: return chained(make_part(context, CROP), adjoint_of(make_sense(context, GATHER)));
    default: return make_part(context, kind);
  }
}

static void test_adjoint(void **state) {
  for (int kind = 0; kind < KINDS; kind++) {
    kvox_mri_operator *operation = make(*state, kind);
    for (uint64_t seed = 1; seed <= 4; seed++) {
      const double share = dot_test(operation, seed, seed % 2 == 0);
      if (!(share < 1e-5)) {
        fail_msg("%s, seed %d: %g", names[kind], (int)seed, share);
      }
    }
    kvox_mri_operator_destroy(operation);
  }
}

/* A (a x + b y) = a A x + b A y. */
static void test_linear(void **state) {
  for (int kind = 0; kind < KINDS; kind++) {
    kvox_mri_operator *operation = make(*state, kind);
    uint64_t seed = 9;
    const field x = in_of(operation, false), y = in_of(operation, true), both = in_of(operation, false);
    const field ax = out_of(operation, true), ay = out_of(operation, false), sum = out_of(operation, false);
    const float complex a = 0.7f - 0.4f * I, b = -1.1f + 0.2f * I;
    fill_randomly(&x.array, &seed);
    fill_randomly(&y.array, &seed);
    for (int64_t i = 0; i < elements_of(&x.array); i++) {
      *element_of(&both.array, i) = a * *element_of(&x.array, i) + b * *element_of(&y.array, i);
    }
    assert_ok(kvox_mri_operator_forward(operation, NULL, &x.array, &ax.array));
    assert_ok(kvox_mri_operator_forward(operation, NULL, &y.array, &ay.array));
    assert_ok(kvox_mri_operator_forward(operation, NULL, &both.array, &sum.array));
    for (int64_t i = 0; i < elements_of(&ax.array); i++) {
      *element_of(&ay.array, i) = a * *element_of(&ax.array, i) + b * *element_of(&ay.array, i);
    }
    assert_true(distance(&sum.array, &ay.array) < 2e-6);
    const field all[] = {x, y, both, ax, ay, sum};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
      free(all[i].memory);
    }
    kvox_mri_operator_destroy(operation);
  }
}

/* ---- Plain formulas; index is that of the output, in C order ---- */

static double complex ramp_at(int64_t index) {
  const double shift[4] = {0, 0.5, -1.25, 3};
  double cycles = 0;
  for (int d = 3; d >= 0; d--) {
    const int64_t i = index % coil_shape[d];
    cycles += shift[d] * (double)(i - coil_shape[d] / 2) / (double)coil_shape[d];
    index /= coil_shape[d];
  }
  return cexp(2 * pi * cycles * I);
}

static double complex plain(int kind, const kvox_array *x, int64_t i) {
  const int64_t column = i % X, z = i / (X * Y) % Z;
  switch (kind) {
    case COIL: return (double complex)map_samples[i] * *element_of(x, i % VOXELS);
    case SAMPLING: return mask_samples[i % VOXELS] != 0 ? *element_of(x, i) : 0;
    case MODULATION: return (double complex)factor_samples[z * X + column] * *element_of(x, i);
    case LINES: return (double complex)factor_samples[i / X % Y] * *element_of(x, i);
    case RAMP: return ramp_at(i) * *element_of(x, i);
    case SCALE: return (0.5 - 2.0 * I) * *element_of(x, i);
    default: return 0;
  }
}

static void test_plain(void **state) {
  static const int kinds[] = {COIL, SAMPLING, MODULATION, LINES, RAMP, SCALE};
  for (int i = 0; i < 12; i++) {
    const int kind = kinds[i / 2];
    kvox_mri_operator *operation = make(*state, kind);
    uint64_t seed = 21;
    const field x = in_of(operation, i % 2 == 0), ax = out_of(operation, i % 2 == 0), want = out_of(operation, false);
    fill_randomly(&x.array, &seed);
    assert_ok(kvox_mri_operator_forward(operation, NULL, &x.array, &ax.array));
    for (int64_t n = 0; n < elements_of(&want.array); n++) {
      *element_of(&want.array, n) = (float complex)plain(kind, &x.array, n);
    }
    if (!(distance(&ax.array, &want.array) < 3e-7)) {
      fail_msg("%s: %g", names[kind], distance(&ax.array, &want.array));
    }
    free(x.memory);
    free(ax.memory);
    free(want.memory);
    kvox_mri_operator_destroy(operation);
  }
}

/* Samples in C order; the adjoint puts them back between zeros. */
static void test_gather(void **state) {
  kvox_mri_operator *operation = make(*state, GATHER);
  uint64_t seed = 4;
  const field x = in_of(operation, true), list = out_of(operation, false), back = in_of(operation, true);
  int64_t taken = 0;
  for (int i = 0; i < VOXELS; i++) {
    taken += mask_samples[i] != 0;
  }
  assert_int_equal(list.array.rank, 2);
  assert_int_equal(list.array.shape[0], COILS);
  assert_int_equal(list.array.shape[1], taken);
  fill_randomly(&x.array, &seed);
  assert_ok(kvox_mri_operator_forward(operation, NULL, &x.array, &list.array));
  assert_ok(kvox_mri_operator_adjoint(operation, NULL, &list.array, &back.array));
  int64_t next = 0;
  for (int64_t i = 0; i < COILS * VOXELS; i++) {
    const bool is_taken = mask_samples[i % VOXELS] != 0;
    assert_true(*element_of(&back.array, i) == (is_taken ? *element_of(&x.array, i) : 0));
    if (is_taken) {
      assert_true(*element_of(&list.array, next++) == *element_of(&x.array, i));
    }
  }
  free(x.memory);
  free(list.memory);
  free(back.memory);
  kvox_mri_operator_destroy(operation);
}

/* Middles lie on middles, for all parities. */
static void test_crop(void **state) {
  for (int64_t from = 1; from <= 6; from++) {
    for (int64_t to = 1; to <= 6; to++) {
      kvox_mri_operator *operation = NULL;
      assert_ok(kvox_mri_operator_create_crop(*state, 2, (int64_t[]){2, from}, (int64_t[]){2, to}, &operation));
      float complex in[12], out[12];
      for (int i = 0; i < 12; i++) {
        in[i] = (float)(i + 1);
      }
      const kvox_array x = array_of(in, KVOX_C64, 2, (int64_t[]){2, from});
      const kvox_array y = array_of(out, KVOX_C64, 2, (int64_t[]){2, to});
      assert_ok(kvox_mri_operator_forward(operation, NULL, &x, &y));
      for (int64_t i = 0; i < to; i++) {
        const int64_t source = i - to / 2 + from / 2;
        const bool inside = source >= 0 && source < from;
        assert_true(crealf(out[i]) == (inside ? (float)(source + 1) : 0));
        assert_true(crealf(out[to + i]) == (inside ? (float)(from + source + 1) : 0));
      }
      kvox_mri_operator_destroy(operation);
    }
  }
}

/* A chain is its parts one after the other; it needs none of them afterwards. */
static void test_chain(void **state) {
  kvox_mri_operator *coils = make(*state, COIL), *fourier = make_fourier(*state, true);
  kvox_mri_operator *sampling = make(*state, SAMPLING), *sense = make(*state, SENSE);
  uint64_t seed = 8;
  const field x = in_of(sense, true), seen = out_of(coils, false), kspace = out_of(fourier, true);
  const field taken = out_of(sampling, false), got = out_of(sense, false), loose = out_of(sense, true);
  fill_randomly(&x.array, &seed);
  assert_ok(kvox_mri_operator_forward(coils, NULL, &x.array, &seen.array));
  assert_ok(kvox_mri_operator_forward(fourier, NULL, &seen.array, &kspace.array));
  assert_ok(kvox_mri_operator_forward(sampling, NULL, &kspace.array, &taken.array));
  kvox_mri_operator_destroy(coils);
  kvox_mri_operator_destroy(fourier);
  kvox_mri_operator_destroy(sampling);
  assert_ok(kvox_mri_operator_forward(sense, NULL, &x.array, &got.array));
  assert_ok(kvox_mri_operator_forward(sense, NULL, &x.array, &loose.array));
  for (int64_t i = 0; i < elements_of(&got.array); i++) {
    assert_memory_equal(element_of(&got.array, i), element_of(&taken.array, i), 8);
    assert_memory_equal(element_of(&loose.array, i), element_of(&taken.array, i), 8);
  }
  /* Between the elements nothing was touched. */
  for (size_t i = 0; i < loose.bytes; i++) {
    bool gap = true;
    for (int64_t n = 0; n < elements_of(&loose.array) && gap; n++) {
      const char *at = (const char *)element_of(&loose.array, n);
      gap = loose.memory + i < at || loose.memory + i >= at + 8;
    }
    assert_true(!gap || loose.memory[i] == 0x5a);
  }
  const field all[] = {x, seen, kspace, taken, got, loose};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    free(all[i].memory);
  }
  kvox_mri_operator_destroy(sense);
}

static void test_threads(void **state) {
  (void)state;
  static const int32_t threads[] = {1, 2, 7};
  for (int kind = 0; kind < KINDS; kind++) {
    field first = {.memory = NULL}, first_back = {.memory = NULL};
    for (int t = 0; t < 3; t++) {
      kvox_context *context = context_of_threads(threads[t]);
      kvox_mri_operator *operation = make(context, kind);
      uint64_t seed = 31;
      const field x = in_of(operation, false), ax = out_of(operation, false), ay = in_of(operation, false);
      fill_randomly(&x.array, &seed);
      assert_ok(kvox_mri_operator_forward(operation, NULL, &x.array, &ax.array));
      assert_ok(kvox_mri_operator_adjoint(operation, NULL, &ax.array, &ay.array));
      if (t == 0) {
        first = ax;
        first_back = ay;
      } else {
        assert_memory_equal(ax.memory, first.memory, ax.bytes);
        assert_memory_equal(ay.memory, first_back.memory, ay.bytes);
        free(ax.memory);
        free(ay.memory);
      }
      free(x.memory);
      kvox_mri_operator_destroy(operation);
      kvox_context_destroy(context);
    }
    free(first.memory);
    free(first_back.memory);
  }
}

/* ---- What is refused ---- */

static void test_bad_parts(void **state) {
  kvox_mri_operator *made = NULL;
  kvox_array maps = array_of(map_samples, KVOX_C64, 4, coil_shape), mask = mask_array();
  const kvox_array image = array_of(map_samples, KVOX_C64, 3, image_shape);
  const int64_t bad[4] = {COILS, Z, 0, X}, huge[4] = {INT64_MAX / 4, 3, 3, 3};
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 3, must be 4",
               kvox_mri_operator_create_coils(*state, &image, 0, NULL, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "the array is NULL", kvox_mri_operator_create_coils(*state, NULL, 0, NULL, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "leading is 1", kvox_mri_operator_create_coils(*state, &maps, 1, NULL, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "leading is 5",
               kvox_mri_operator_create_coils(*state, &maps, 5, (int64_t[]){1, 1, 1, 1, 1}, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "shape[2] is 0", kvox_mri_operator_create_sampling(*state, 4, bad, &mask, &made));
  assert_fails(KVOX_ERROR_SIZE, "2^63 - 1", kvox_mri_operator_create_scale(*state, 4, huge, 1, 0, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 9", kvox_mri_operator_create_scale(*state, 9, huge, 1, 0, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "finite", kvox_mri_operator_create_scale(*state, 4, coil_shape, 1e300, 0, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "shift[1]",
               kvox_mri_operator_create_phase_ramp(*state, 2, coil_shape, (double[]){0, NAN}, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "beyond 1e15",
               kvox_mri_operator_create_phase_ramp(*state, 2, coil_shape, (double[]){0, 1e308}, &made));
  mask.shape[1] = Y - 1;
  assert_fails(KVOX_ERROR_SIZE, "shape[1] is 9, must be 10 or 1",
               kvox_mri_operator_create_gather(*state, 4, coil_shape, &mask, &made));
  static uint8_t none[X];
  const kvox_array empty = array_of(none, KVOX_U8, 1, (int64_t[]){X});
  assert_fails(KVOX_ERROR_DATA, "takes no sample",
               kvox_mri_operator_create_gather(*state, 4, coil_shape, &empty, &made));
  static float complex spoilt[COILS * VOXELS];
  memcpy(spoilt, map_samples, sizeof spoilt);
  spoilt[VOXELS + X] = NAN;
  maps.data = spoilt;
  assert_fails(KVOX_ERROR_DATA, "(1, 0, 1, 0) is NaN or infinite",
               kvox_mri_operator_create_coils(*state, &maps, 0, NULL, &made));
  assert_fails(KVOX_ERROR_DATA, "NaN or infinite",
               kvox_mri_operator_create_modulation(*state, 4, coil_shape, &maps, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "element type u8",
               kvox_mri_operator_create_modulation(*state, 4, coil_shape, &empty, &made));
  assert_null(made);
  kvox_mri_operator_destroy(NULL);
}

static void test_bad_use(void **state) {
  kvox_mri_operator *coils = make(*state, COIL), *sense = make(*state, SENSE), *made = NULL;
  kvox_context *other = context_of_threads(1);
  kvox_mri_operator *stranger = make(other, SCALE);
  assert_fails(KVOX_ERROR_SIZE, "inner gives 3 x 3 x 10 x 13, outer takes 3 x 10 x 13",
               kvox_mri_operator_compose(coils, sense, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "different contexts", kvox_mri_operator_compose(stranger, coils, &made));
  assert_fails(KVOX_ERROR_ARGUMENT, "outer is NULL", kvox_mri_operator_compose(NULL, coils, &made));
  const field x = in_of(sense, false), y = out_of(sense, false);
  uint64_t seed = 2;
  fill_randomly(&x.array, &seed);
  assert_fails(KVOX_ERROR_SIZE, "kvox_mri_operator_forward: in: its shape is",
               kvox_mri_operator_forward(sense, NULL, &y.array, &y.array));
  assert_fails(KVOX_ERROR_SIZE, "kvox_mri_operator_adjoint: out: its shape is",
               kvox_mri_operator_adjoint(sense, NULL, &y.array, &y.array));
  kvox_array inside = x.array;
  inside.data = y.memory;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_operator_forward(sense, NULL, &inside, &y.array));
  *element_of(&x.array, 5 * X + 7) = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "volume 0, coil 0 at z 0, y 5, x 7",
               kvox_mri_operator_forward(sense, NULL, &x.array, &y.array));
  kvox_mri_operator *scale = make(*state, SCALE);
  const field z = out_of(scale, true);
  fill_randomly(&y.array, &seed);
  *element_of(&y.array, 2 * X + 3) = NAN;
  assert_fails(KVOX_ERROR_DATA, "(0, 0, 2, 3) is NaN or infinite",
               kvox_mri_operator_forward(scale, NULL, &y.array, &z.array));
  *element_of(&y.array, 2 * X + 3) = 3e38f;
  assert_fails(KVOX_ERROR_DATA, "(0, 0, 2, 3) is so large", kvox_mri_operator_adjoint(scale, NULL, &y.array, &z.array));
  free(x.memory);
  free(y.memory);
  free(z.memory);
  kvox_mri_operator_destroy(scale);
  kvox_mri_operator_destroy(coils);
  kvox_mri_operator_destroy(sense);
  kvox_mri_operator_destroy(stranger);
  kvox_context_destroy(other);
}

/* The stride of an axis of one element is never gone, wherever it leads (sanitizers look). */
static void test_stride_of_one(void **state) {
  static const int64_t far[] = {INT64_MAX, INT64_MIN, INT64_MAX / 8 * 8};
  static float complex data[2][5];
  for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
    kvox_mri_operator *crop = NULL;
    kvox_array from = array_of(data[0], KVOX_C64, 3, (int64_t[]){1, 5, 1}),
               to = array_of(data[1], KVOX_C64, 3, from.shape);
    from.strides[0] = from.strides[2] = to.strides[0] = to.strides[2] = far[i];
    for (int n = 0; n < 5; n++) {
      data[0][n] = (float complex)(n + 1 + 0.5 * I);
      data[1][n] = -1;
    }
    to.shape[1] = 3;
    assert_ok(kvox_mri_operator_create_crop(*state, 3, from.shape, to.shape, &crop));
    assert_ok(kvox_mri_operator_forward(crop, NULL, &from, &to));
    assert_memory_equal(data[1], data[0] + 1, 3 * sizeof data[0][0]);
    assert_ok(kvox_mri_operator_adjoint(crop, NULL, &to, &from));
    assert_memory_equal(data[0] + 1, data[1], 3 * sizeof data[0][0]);
    assert_true(data[0][0] == 0 && data[0][4] == 0);
    kvox_mri_operator_destroy(crop);
  }
}

/* A host's loop that counts, and runs what it is given in no good order. */
static void run_backwards(void *user, int64_t count, kvox_task task, void *data) {
  *(int *)user += 1;
  while (count-- > 0) {
    task(data, count);
  }
}

/* Maps are looked through by all threads; of several bad samples the first is named. */
static void test_finite(void **state) {
  (void)state;
  enum { SIZE = 300 };
  int loops = 0;
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_mri_operator *made = NULL;
  kvox_context_options_init(&options);
  options.threads = 3;
  options.backend = KVOX_BACKEND_CPU;
  options.parallel = run_backwards;
  options.parallel_user = &loops;
  assert_ok(kvox_context_create(&options, &context));
  float complex *data = calloc((size_t)(SIZE * SIZE), sizeof *data);
  assert_non_null(data);
  const int64_t shape[2] = {SIZE, SIZE};
  const kvox_array factors = array_of(data, KVOX_C64, 2, shape);
  assert_ok(kvox_mri_operator_create_modulation(context, 2, shape, &factors, &made));
  assert_int_equal(loops, 1);
  kvox_mri_operator_destroy(made);
  data[250 * SIZE + 3] = data[120 * SIZE + 7] = data[120 * SIZE + 9] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "(120, 7) is NaN or infinite",
               kvox_mri_operator_create_modulation(context, 2, shape, &factors, &made));
  free(data);
  kvox_context_destroy(context);
}

static int start(void **state) {
  make_samples();
  return set_up(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adjoint),       cmocka_unit_test(test_linear),    cmocka_unit_test(test_plain),
      cmocka_unit_test(test_gather),        cmocka_unit_test(test_crop),      cmocka_unit_test(test_chain),
      cmocka_unit_test(test_threads),       cmocka_unit_test(test_bad_parts), cmocka_unit_test(test_bad_use),
      cmocka_unit_test(test_stride_of_one), cmocka_unit_test(test_finite),
  };
  return cmocka_run_group_tests(tests, start, tear_down);
}
