/* Arrays: described, checked, read as float. */
#include "core/array.h"

#include <float.h>
#include <math.h>

#include "test.h"

static float samples[64];

static kvox_array array_of(int32_t rank, const int64_t *shape) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, samples, KVOX_F32, rank, shape));
  return array;
}

static void describes(void **state) {
  (void)state;
  const kvox_array array = array_of(3, (int64_t[]){2, 3, 4});
  assert_ptr_equal(array.data, samples);
  assert_int_equal(array.strides[0], 48);
  assert_int_equal(array.strides[1], 16);
  assert_int_equal(array.strides[2], 4);
  assert_int_equal(kvox_array_elements(&array), 24);
  assert_true(kvox_array_rows_dense(&array));
  assert_ptr_equal(kvox_array_at(&array, 2, (int64_t[]){1, 2}), samples + 20);
}

static void refuses_to_describe(void **state) {
  (void)state;
  kvox_array array;
  const int64_t one[KVOX_MAX_RANK + 1] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  assert_fails(KVOX_ERROR_ARGUMENT, "array is NULL", kvox_array_init(NULL, samples, KVOX_F32, 1, one));
  assert_fails(KVOX_ERROR_ARGUMENT, "data is NULL", kvox_array_init(&array, NULL, KVOX_F32, 1, one));
  assert_fails(KVOX_ERROR_ARGUMENT, "shape is NULL", kvox_array_init(&array, samples, KVOX_F32, 1, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "no element type", kvox_array_init(&array, samples, 0, 1, one));
  assert_fails(KVOX_ERROR_ARGUMENT, "no element type", kvox_array_init(&array, samples, KVOX_C64 + 1, 1, one));
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 0", kvox_array_init(&array, samples, KVOX_F32, 0, one));
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 9", kvox_array_init(&array, samples, KVOX_F32, 9, one));
  assert_fails(KVOX_ERROR_ARGUMENT, "shape[1] is -4",
               kvox_array_init(&array, samples, KVOX_F32, 2, (int64_t[]){1, -4}));
  assert_fails(KVOX_ERROR_ARGUMENT, "shape[0] is 0", kvox_array_init(&array, samples, KVOX_F32, 1, (int64_t[]){0}));
  const int64_t most = INT64_MAX / 4;
  assert_fails(KVOX_ERROR_SIZE, "2^63 - 1 bytes", kvox_array_init(&array, samples, KVOX_F32, 1, (int64_t[]){most + 1}));
  assert_fails(KVOX_ERROR_SIZE, "2^63 - 1 bytes",
               kvox_array_init(&array, samples, KVOX_F32, 3, (int64_t[]){1 << 30, 1 << 30, 1 << 30}));
  assert_ok(kvox_array_init(&array, samples, KVOX_F32, 1, &most));
}

/* A failed call leaves the caller's struct as it was. */
static void failure_writes_nothing(void **state) {
  (void)state;
  kvox_array array, before;
  memset(&array, 0x5a, sizeof array);
  before = array;
  assert_int_equal(kvox_array_init(&array, samples, KVOX_F32, 2, (int64_t[]){3, 0}), KVOX_ERROR_ARGUMENT);
  assert_memory_equal(&array, &before, sizeof array);
}

static void checks(void **state) {
  (void)state;
  kvox_array array = array_of(2, (int64_t[]){3, 4});
  assert_ok(kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  assert_fails(KVOX_ERROR_ARGUMENT, "it: the array is NULL", kvox_array_check(NULL, "it", KVOX_REAL_TYPES));
  array.data = NULL;
  assert_fails(KVOX_ERROR_ARGUMENT, "it: its data is NULL", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array = array_of(2, (int64_t[]){3, 4});
  for (kvox_type type = -1; type < 40; type++) {
    array.type = type;
    const int real = type >= KVOX_U8 && type <= KVOX_F64;
    assert_int_equal(kvox_array_check(&array, "it", KVOX_REAL_TYPES), real ? KVOX_OK : KVOX_ERROR_ARGUMENT);
  }
  array.type = INT32_MIN;
  assert_fails(KVOX_ERROR_ARGUMENT, "element type ?", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array = array_of(2, (int64_t[]){3, 4});
  array.rank = 9;
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 9", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array.rank = -1;
  assert_fails(KVOX_ERROR_ARGUMENT, "rank -1", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array.rank = 2;
  array.shape[1] = -1;
  assert_fails(KVOX_ERROR_ARGUMENT, "shape[1] is -1", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array.shape[0] = array.shape[1] = INT64_MAX / 2;
  assert_fails(KVOX_ERROR_SIZE, "elements", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array.shape[0] = 2, array.shape[1] = 3;
  array.strides[1] = INT64_MAX / 2 + 1;
  assert_fails(KVOX_ERROR_SIZE, "strides", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  array.strides[0] = INT64_MIN, array.strides[1] = -8;
  assert_fails(KVOX_ERROR_SIZE, "strides", kvox_array_check(&array, "it", KVOX_REAL_TYPES));
}

static void checks_shapes(void **state) {
  (void)state;
  const kvox_array array = array_of(2, (int64_t[]){3, 4});
  assert_ok(kvox_array_check_shape(&array, "it", KVOX_REAL_TYPES, 2, (int64_t[]){3, 4}));
  assert_fails(KVOX_ERROR_SIZE, "it: its shape is 3 x 4, must be 4 x 3",
               kvox_array_check_shape(&array, "it", KVOX_REAL_TYPES, 2, (int64_t[]){4, 3}));
  assert_fails(KVOX_ERROR_SIZE, "must be 3 x 4 x 1",
               kvox_array_check_shape(&array, "it", KVOX_REAL_TYPES, 3, (int64_t[]){3, 4, 1}));
  int64_t wide[KVOX_MAX_RANK];
  for (int d = 0; d < KVOX_MAX_RANK; d++) {
    wide[d] = INT64_MAX; /* the longest shape there is still fits its sentence */
  }
  assert_fails(KVOX_ERROR_SIZE, "9223372036854775807 x 9223372036854775807",
               kvox_array_check_shape(&array, "it", KVOX_REAL_TYPES, KVOX_MAX_RANK, wide));
}

/* Overlap is judged by the bytes between the lowest and the highest address, whatever the strides' signs. */
static void overlaps(void **state) {
  (void)state;
  kvox_array a = array_of(1, (int64_t[]){8}), b = array_of(1, (int64_t[]){8});
  assert_fails(KVOX_ERROR_ARGUMENT, "a and b overlap", kvox_array_check_apart(&a, "a", &b, "b"));
  b.data = samples + 8;
  assert_ok(kvox_array_check_apart(&a, "a", &b, "b"));
  assert_ok(kvox_array_check_apart(&b, "b", &a, "a"));
  b.data = (char *)b.data - 1;
  assert_int_equal(kvox_array_check_apart(&a, "a", &b, "b"), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_array_check_apart(&b, "b", &a, "a"), KVOX_ERROR_ARGUMENT);
  b.data = samples + 16;
  b.strides[0] = -4; /* samples 9 ... 16 */
  assert_ok(kvox_array_check_apart(&a, "a", &b, "b"));
  b.data = samples + 14; /* samples 7 ... 14 */
  assert_int_equal(kvox_array_check_apart(&a, "a", &b, "b"), KVOX_ERROR_ARGUMENT);
  a.shape[0] = 2;
  a.strides[0] = INT64_MAX - 8; /* a span that fits, from an address it does not fit with */
  assert_int_equal(kvox_array_check_apart(&a, "a", &b, "b"), KVOX_ERROR_SIZE);
}

static void knows_dense_rows(void **state) {
  (void)state;
  kvox_array array = array_of(2, (int64_t[]){3, 4});
  array.strides[0] = -400;
  assert_true(kvox_array_rows_dense(&array));
  array.strides[1] = 8;
  assert_false(kvox_array_rows_dense(&array));
  array.shape[1] = 1;
  assert_true(kvox_array_rows_dense(&array));
  array.strides[0] = 402; /* rows at odd addresses */
  assert_fails(KVOX_ERROR_ARGUMENT, "it: rows must be dense and aligned", kvox_array_check_rows(&array, "it"));
  array.shape[0] = 1;
  assert_ok(kvox_array_check_rows(&array, "it"));
  array.data = (char *)array.data + 1;
  assert_fails(KVOX_ERROR_ARGUMENT, "it: rows must be dense and aligned", kvox_array_check_rows(&array, "it"));
}

/* The least stride there is has no positive twin. */
static void results_of_any_stride(void **state) {
  (void)state;
  kvox_array array = array_of(2, (int64_t[]){3, 4});
  assert_ok(kvox_array_check_result(&array, "it"));
  array.strides[0] = 12;
  assert_fails(KVOX_ERROR_ARGUMENT, "index 0 steps 12 bytes over 16", kvox_array_check_result(&array, "it"));
  array.strides[0] = -16;
  assert_ok(kvox_array_check_result(&array, "it"));
  array.shape[0] = 1;
  array.strides[0] = INT64_MIN;
  assert_ok(kvox_array_check_result(&array, "it"));
  array.shape[0] = 2;
  assert_ok(kvox_array_check(&array, "it", KVOX_REAL_TYPES));
  assert_ok(kvox_array_check_result(&array, "it"));
}

/* Every half, against its definition (IEEE 754, 3.4). */
static void reads_halves(void **state) {
  (void)state;
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    const uint16_t half = (uint16_t)bits;
    const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    const double sign = bits & 0x8000 ? -1 : 1;
    const double value = kvox_element(&half, KVOX_F16);
    if (exponent == 31 && fraction != 0) {
      assert_true(isnan(value));
      continue;
    }
    const double expected = exponent == 31  ? INFINITY
                            : exponent == 0 ? ldexp(fraction, -24)
                                            : ldexp(1024 + fraction, exponent - 25);
    assert_true(value == sign * expected && !signbit(value) == !(bits & 0x8000));
  }
}

/* Every type, at odd addresses and strides, both ways of reading. */
static void reads_every_type(void **state) {
  (void)state;
  static const struct {
    kvox_type type;
    double low, high;
  } cases[] = {{KVOX_U8, 0, 255},          {KVOX_I8, -128, 127},        {KVOX_U16, 0, 65535},
               {KVOX_I16, -32768, 32767},  {KVOX_U32, 0, 4294967295.0}, {KVOX_I32, -2147483648.0, 2147483647},
               {KVOX_F32, -FLT_MAX, 0.1f}, {KVOX_F64, -1e300, 0.1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const double values[3] = {cases[i].low, 1, cases[i].high};
    const int64_t stride = (int64_t)kvox_type_size(cases[i].type) + 3;
    char bytes[64] = {0};
    for (int n = 0; n < 3; n++) {
      char *at = bytes + 1 + n * stride;
      const float f = (float)values[n];
      const int64_t whole = (int64_t)values[n]; /* little-endian: the low bytes are every narrower integer */
      const void *from = cases[i].type == KVOX_F64   ? (const void *)&values[n]
                         : cases[i].type == KVOX_F32 ? (const void *)&f
                                                     : &whole;
      memcpy(at, from, kvox_type_size(cases[i].type));
      assert_true(kvox_element(at, cases[i].type) == (cases[i].type == KVOX_F32 ? (double)f : values[n]));
    }
    float row[3];
    kvox_row_to_float(bytes + 1, cases[i].type, stride, 3, row);
    for (int n = 0; n < 3; n++) {
      assert_true(row[n] == (float)values[n]);
    }
    kvox_row_to_float(bytes + 1 + 2 * stride, cases[i].type, -stride, 3, row);
    assert_true(row[0] == (float)values[2] && row[2] == (float)values[0]);
  }
}

static void names_types(void **state) {
  (void)state;
  static const char *const names[] = {"u8", "i8", "u16", "i16", "u32", "i32", "f16", "f32", "f64", "c64"};
  static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 2, 4, 8, 8};
  for (kvox_type type = KVOX_U8; type <= KVOX_C64; type++) {
    assert_string_equal(kvox_type_name(type), names[type - 1]);
    assert_int_equal(kvox_type_size(type), sizes[type - 1]);
  }
  assert_string_equal(kvox_type_name(0), "?");
  assert_int_equal(kvox_type_size(INT32_MAX), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(describes),
                                     cmocka_unit_test(refuses_to_describe),
                                     cmocka_unit_test(failure_writes_nothing),
                                     cmocka_unit_test(checks),
                                     cmocka_unit_test(checks_shapes),
                                     cmocka_unit_test(overlaps),
                                     cmocka_unit_test(knows_dense_rows),
                                     cmocka_unit_test(results_of_any_stride),
                                     cmocka_unit_test(reads_halves),
                                     cmocka_unit_test(reads_every_type),
                                     cmocka_unit_test(names_types)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
