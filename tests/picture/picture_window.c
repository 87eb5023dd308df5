/* Windows: the standard's formulas and examples, every type and instruction set. */
#include "picture/window.h"

#include "cpu/level.h"
#include "support.h"

/* PS3.3 C.11.2.1.2 and C.11.2.1.3, with ymin 0. */
static double standard(int32_t function, double x, double c, double w, double most) {
  double y;
  if (function == KVOX_WINDOW_LINEAR) {
    if (x <= c - 0.5 - (w - 1) / 2) {
      return 0;
    }
    if (x > c - 0.5 + (w - 1) / 2) {
      return most;
    }
    y = ((x - (c - 0.5)) / (w - 1) + 0.5) * most;
  } else if (function == KVOX_WINDOW_LINEAR_EXACT) {
    if (x <= c - w / 2) {
      return 0;
    }
    if (x > c + w / 2) {
      return most;
    }
    y = ((x - c) / w + 0.5) * most;
  } else {
    y = most / (1 + exp(-4 * (x - c) / w));
  }
  return y;
}

/* The level is the formula's, rounded half up; where it lies within rounding of a half, either neighbour. */
static void check_level(double level, int32_t function, double x, double c, double w, double most) {
  const double y = standard(function, x, c, w, most);
  const double near = 1e-9 * most;
  if (!(level == floor(y + 0.5) || level == floor(y + near + 0.5) || level == floor(y - near + 0.5))) {
    fail_msg("function %d, %g/%g of %.17g: %g, must be %.17g", function, w, c, x, level, y);
  }
}

static void test_examples(void **state) {
  float x[] = {39, 40, 239, 240, 239.5F, -160, -159, -161, 1e30F, -1e30F, INFINITY, -INFINITY, NAN, 39.5F};
  const uint8_t truth[] = {127, 128, 255, 255, 255, 0, 1, 0, 255, 0, 255, 0, 0, 128};
  enum { COUNT = sizeof x / sizeof *x };
  uint8_t levels[COUNT];
  const kvox_array image = row_of(x, KVOX_F32, COUNT), out = row_of(levels, KVOX_U8, COUNT);
  assert_ok(kvox_picture_window(*state, &image, KVOX_WINDOW_LINEAR, 40, 400, &out));
  assert_memory_equal(levels, truth, COUNT);

  /* Width 1: a step at center - 0.5. */
  float step[] = {9.5F, 9.4999F, 9.5001F, NAN, -INFINITY, INFINITY};
  const uint8_t step_truth[] = {0, 0, 255, 0, 0, 255};
  const kvox_array steps = row_of(step, KVOX_F32, 6), step_out = row_of(levels, KVOX_U8, 6);
  assert_ok(kvox_picture_window(*state, &steps, KVOX_WINDOW_LINEAR, 10, 1, &step_out));
  assert_memory_equal(levels, step_truth, 6);

  /* The sigmoid is half of everything at its centre, 1 / (1 + e^-2) half a width above. */
  double s[] = {5, 10, 0, 1000, -1000, (double)NAN, (double)INFINITY, -(double)INFINITY};
  const uint8_t sigmoid_truth[] = {128, 225, 30, 255, 0, 0, 255, 0};
  const kvox_array curve = row_of(s, KVOX_F64, 8), curve_out = row_of(levels, KVOX_U8, 8);
  assert_ok(kvox_picture_window(*state, &curve, KVOX_WINDOW_SIGMOID, 5, 10, &curve_out));
  assert_memory_equal(levels, sigmoid_truth, 8);

  /* 0.02 wide around 0.01: data in 1/mm, 16 bits. */
  double mu[] = {0, 0.005, 0.01, 0.02, 0.021};
  uint16_t deep[5];
  const uint16_t mu_truth[] = {0, 16384, 32768, 65535, 65535};
  const kvox_array fine = row_of(mu, KVOX_F64, 5), fine_out = row_of(deep, KVOX_U16, 5);
  assert_ok(kvox_picture_window(*state, &fine, KVOX_WINDOW_LINEAR_EXACT, 0.01, 0.02, &fine_out));
  assert_memory_equal(deep, mu_truth, sizeof deep);
}

static const struct {
  int32_t function;
  double center, width;
} windows[] = {
    {KVOX_WINDOW_LINEAR, 40, 400},         {KVOX_WINDOW_LINEAR, -600, 1501},     {KVOX_WINDOW_LINEAR, 3.25, 1},
    {KVOX_WINDOW_LINEAR, 127.5, 256},      {KVOX_WINDOW_LINEAR_EXACT, 0, 0.003}, {KVOX_WINDOW_LINEAR_EXACT, 100, 65536},
    {KVOX_WINDOW_LINEAR_EXACT, 1e9, 1000}, {KVOX_WINDOW_SIGMOID, 40, 400},       {KVOX_WINDOW_SIGMOID, -3, 0.5},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

/* Every type, every window, against the formulas. */
static void test_types(void **state) {
  enum { COUNT = 3001 };
  static union {
    uint8_t u8[COUNT];
    int8_t i8[COUNT];
    uint16_t u16[COUNT];
    int16_t i16[COUNT];
    uint32_t u32[COUNT];
    int32_t i32[COUNT];
    float f32[COUNT];
    double f64[COUNT];
  } data;
  static double x[COUNT];
  static uint8_t low[COUNT];
  static uint16_t deep[COUNT];
  static const kvox_type types[] = {KVOX_U8,  KVOX_I8,  KVOX_U16, KVOX_I16, KVOX_U32,
                                    KVOX_I32, KVOX_F16, KVOX_F32, KVOX_F64};
  uint64_t seed = 1;
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    for (int w = 0; w < WINDOWS; w++) {
      for (int i = 0; i < COUNT; i++) {
        const double r = windows[w].center + 0.7 * windows[w].width * random_signed(&seed);
        const int64_t whole = (int64_t)floor(r);
        switch (types[t]) {
          case KVOX_U8: x[i] = data.u8[i] = (uint8_t)whole; break;
          case KVOX_I8: x[i] = data.i8[i] = (int8_t)whole; break;
          case KVOX_U16: x[i] = data.u16[i] = (uint16_t)whole; break;
          case KVOX_I16: x[i] = data.i16[i] = (int16_t)whole; break;
          case KVOX_U32: x[i] = data.u32[i] = (uint32_t)whole; break;
          case KVOX_I32: x[i] = data.i32[i] = (int32_t)whole; break;
          case KVOX_F16: /* 1.xxx * 2^e of random bits, 5 <= e + 15 < 25 */
            data.u16[i] = (uint16_t)((random_bits(&seed) & 0x83ff) | (uint64_t)(5 + i % 20) << 10);
            x[i] = ldexp(1 + (data.u16[i] & 0x3ff) / 1024.0, 5 + i % 20 - 15) * ((data.u16[i] & 0x8000) != 0 ? -1 : 1);
            break;
          case KVOX_F32: x[i] = (double)(data.f32[i] = (float)r); break;
          default: x[i] = data.f64[i] = r; break;
        }
      }
      const kvox_array image = row_of(&data, types[t], COUNT);
      const kvox_array out8 = row_of(low, KVOX_U8, COUNT), out16 = row_of(deep, KVOX_U16, COUNT);
      const double c = windows[w].center, width = windows[w].width;
      assert_ok(kvox_picture_window(*state, &image, windows[w].function, c, width, &out8));
      assert_ok(kvox_picture_window(*state, &image, windows[w].function, c, width, &out16));
      for (int i = 0; i < COUNT; i++) {
        check_level(low[i], windows[w].function, x[i], c, width, 255);
        check_level(deep[i], windows[w].function, x[i], c, width, 65535);
      }
    }
  }
}

/* Every instruction set of this machine: the oracle's levels, and nothing beyond the count. */
static void test_kernels(void **state) {
  (void)state;
  enum { MOST = 131 };
#if defined(__aarch64__)
  static const int32_t levels[] = {KVOX_CPU_NEON};
#else
  static const int32_t levels[] = {KVOX_CPU_AVX2, KVOX_CPU_AVX512};
#endif
  uint64_t seed = 2;
  for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
    if (!kvox_cpu_has(levels[level])) {
      printf("skipped: this machine has no %s\n", kvox_cpu_level_name(levels[level]));
      continue;
    }
    const kvox_window_kernels *fast = kvox_window_kernels_of(levels[level]);
    assert_true(fast != &kvox_window_ref);
    for (int64_t count = 0; count <= MOST; count++) {
      const double c = 1000 * random_signed(&seed), w = 0.001 + 2000 * fabs(random_signed(&seed));
      const double most = count % 2 == 0 ? 255 : 65535;
      const kvox_window_line line = {c - w / 2, c + w / 2, c, most / 2, most / w, most};
      float f32[MOST];
      double f64[MOST];
      uint8_t low[2][MOST + 1];
      uint16_t deep[2][MOST + 1];
      for (int i = 0; i < MOST; i++) {
        f64[i] = c + 0.8 * w * random_signed(&seed);
        f64[i] = i % 17 == 3 ? (double)NAN : i % 19 == 5 ? (double)INFINITY : i % 23 == 7 ? -(double)INFINITY : f64[i];
        f64[i] = i % 13 == 1 ? line.low : i % 13 == 2 ? line.high : f64[i];
        f32[i] = (float)f64[i];
      }
      memset(low, 77, sizeof low);
      memset(deep, 77, sizeof deep);
      for (int k = 0; k < 2; k++) {
        const kvox_window_kernels *kernels = k == 0 ? &kvox_window_ref : fast;
        kernels->f32_u16(&line, count, f32, deep[k]);
        if (most == 255) {
          kernels->f32_u8(&line, count, f32, low[k]);
        }
      }
      assert_memory_equal(low[0], low[1], sizeof low[0]);
      assert_memory_equal(deep[0], deep[1], sizeof deep[0]);
      for (int k = 0; k < 2; k++) {
        const kvox_window_kernels *kernels = k == 0 ? &kvox_window_ref : fast;
        kernels->f64_u16(&line, count, f64, deep[k]);
        if (most == 255) {
          kernels->f64_u8(&line, count, f64, low[k]);
        }
      }
      assert_memory_equal(low[0], low[1], sizeof low[0]);
      assert_memory_equal(deep[0], deep[1], sizeof deep[0]);
      assert_true(low[1][count] == 77 && deep[1][count] == 77 * 257);
    }
  }
}

/* Padded, reversed, transposed, unaligned; rows longer and shorter than a run; threads. */
static void test_strides(void **state) {
  (void)state;
  static const int64_t shapes[][3] = {{3, 5, 1300}, {40, 50, 7}, {1, 1, 40000}, {200, 100, 1}};
  for (int s = 0; s < 4; s++) {
    const int64_t nz = shapes[s][0], ny = shapes[s][1], nx = shapes[s][2], all = nz * ny * nx;
    float *dense = malloc((size_t)all * sizeof *dense);
    char *spread = malloc((size_t)all * 12 + 1);
    uint8_t *truth = malloc((size_t)all), *out = malloc((size_t)all * 3);
    uint64_t seed = 3;
    /* The image lies [i, k, j] in memory, unaligned and backwards along j; levels every third byte. */
    kvox_array image = {.data = spread + 1 + (ny - 1) * 12,
                        .type = KVOX_F32,
                        .rank = 3,
                        .shape = {nz, ny, nx},
                        .strides = {ny * 12, -12, nz * ny * 12}};
    const kvox_array levels = {
        .data = out, .type = KVOX_U8, .rank = 3, .shape = {nz, ny, nx}, .strides = {3 * ny * nx, 3 * nx, 3}};
    for (int64_t e = 0; e < all; e++) {
      dense[e] = (float)(300 * random_signed(&seed));
      const int64_t k = e / (nx * ny), j = e / nx % ny, i = e % nx;
      memcpy((char *)image.data + k * image.strides[0] + j * image.strides[1] + i * image.strides[2], dense + e,
             sizeof *dense);
    }
    const int32_t threads[] = {1, 2, 7};
    for (int t = 0; t < 3; t++) {
      kvox_context *context = context_of_threads(threads[t]);
      const kvox_array flat = row_of(dense, KVOX_F32, all), flat_out = row_of(t == 0 ? truth : out, KVOX_U8, all);
      assert_ok(kvox_picture_window(context, &flat, KVOX_WINDOW_LINEAR, 40, 400, &flat_out));
      assert_memory_equal(truth, flat_out.data, (size_t)all);
      memset(out, 77, (size_t)all * 3);
      assert_ok(kvox_picture_window(context, &image, KVOX_WINDOW_LINEAR, 40, 400, &levels));
      for (int64_t e = 0; e < all; e++) {
        assert_true(out[3 * e] == truth[e] && out[3 * e + 1] == 77 && out[3 * e + 2] == 77);
      }
      kvox_context_destroy(context);
    }
    free(dense);
    free(spread);
    free(truth);
    free(out);
  }
}

static void test_bad_arguments(void **state) {
  kvox_context *context = *state;
  float x[6] = {0};
  uint8_t levels[6];
  const kvox_array image = row_of(x, KVOX_F32, 6), out = row_of(levels, KVOX_U8, 6), fewer = row_of(levels, KVOX_U8, 5);
  const kvox_array bytes = row_of(x, KVOX_U8, 6);
  assert_fails(KVOX_ERROR_ARGUMENT, "3 is no window function", kvox_picture_window(context, &image, 3, 0, 1, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "-1", kvox_picture_window(context, &image, -1, 0, 1, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "width is 0.5, must be at least 1 for LINEAR",
               kvox_picture_window(context, &image, KVOX_WINDOW_LINEAR, 0, 0.5, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "width is 0, must be positive",
               kvox_picture_window(context, &image, KVOX_WINDOW_LINEAR_EXACT, 0, 0, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "width", kvox_picture_window(context, &image, 2, 0, (double)INFINITY, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "width", kvox_picture_window(context, &image, 1, 0, (double)NAN, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "center", kvox_picture_window(context, &image, 1, (double)NAN, 1, &out));
  assert_fails(KVOX_ERROR_SIZE, "shape is 5, must be 6", kvox_picture_window(context, &image, 1, 0, 1, &fewer));
  assert_fails(KVOX_ERROR_ARGUMENT, "f32", kvox_picture_window(context, &image, 1, 0, 1, &image));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_picture_window(context, &image, 1, 0, 1, &bytes));
  assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_picture_window(context, NULL, 1, 0, 1, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_picture_window(context, &image, 1, 0, 1, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "context", kvox_picture_window(NULL, &image, 1, 0, 1, &out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples), cmocka_unit_test(test_types),         cmocka_unit_test(test_kernels),
      cmocka_unit_test(test_strides),  cmocka_unit_test(test_bad_arguments),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
