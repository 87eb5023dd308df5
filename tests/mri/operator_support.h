/* What the tests of operators share: random arrays of any strides, inner products, the dot-product test. */
#ifndef KVOX_TESTS_MRI_OPERATOR_SUPPORT_H
#define KVOX_TESTS_MRI_OPERATOR_SUPPORT_H

#include "mri/support.h"

/* An array in memory of its own, which is wider than it needs. */
typedef struct field {
  kvox_array array;
  char *memory;
  size_t bytes;
} field;

static inline int64_t elements_of(const kvox_array *array) {
  int64_t count = 1;
  for (int32_t d = 0; d < array->rank; d++) {
    count *= array->shape[d];
  }
  return count;
}

static inline float complex *element_of(const kvox_array *array, int64_t index) {
  char *at = array->data;
  for (int32_t d = array->rank - 1; d >= 0; d--) {
    at += index % array->shape[d] * array->strides[d];
    index /= array->shape[d];
  }
  return (float complex *)(void *)at;
}

/* `loose`: gaps after each element, the last axis backwards. What no element takes is 0x5a. */
static inline field field_of(int32_t rank, const int64_t *shape, bool loose) {
  field f;
  char unknown = 0;
  f.array = array_of(&unknown, KVOX_C64, rank, shape);
  f.bytes = (size_t)(elements_of(&f.array) * (loose ? 24 : 8)) + 64;
  f.memory = malloc(f.bytes);
  assert_non_null(f.memory);
  memset(f.memory, 0x5a, f.bytes);
  f.array.data = f.memory;
  if (loose) {
    for (int32_t d = 0; d < rank; d++) {
      f.array.strides[d] *= 3;
    }
    f.array.data = f.memory + (shape[rank - 1] - 1) * f.array.strides[rank - 1];
    f.array.strides[rank - 1] *= -1;
  }
  return f;
}

static inline void fill_randomly(const kvox_array *array, uint64_t *seed) {
  for (int64_t i = 0; i < elements_of(array); i++) {
    *element_of(array, i) = (float complex)random_normal(seed);
  }
}

static inline double complex inner(const kvox_array *a, const kvox_array *b) {
  double complex sum = 0;
  for (int64_t i = 0; i < elements_of(a); i++) {
    sum += (double complex) * element_of(a, i) * conj((double complex) * element_of(b, i));
  }
  return sum;
}

static inline double length_of(const kvox_array *a) { return sqrt(creal(inner(a, a))); }

/* The largest difference over the largest element of b. */
static inline double distance(const kvox_array *a, const kvox_array *b) {
  double most = 0, largest = 0;
  for (int64_t i = 0; i < elements_of(a); i++) {
    most = fmax(most, cabs((double complex) * element_of(a, i) - *element_of(b, i)));
    largest = fmax(largest, cabsf(*element_of(b, i)));
  }
  return most / largest;
}

static inline field in_of(const kvox_mri_operator *operation, bool loose) {
  int32_t rank;
  int64_t shape[8];
  assert_ok(kvox_mri_operator_shape(operation, &rank, shape, NULL, NULL));
  return field_of(rank, shape, loose);
}

static inline field out_of(const kvox_mri_operator *operation, bool loose) {
  int32_t rank;
  int64_t shape[8];
  assert_ok(kvox_mri_operator_shape(operation, NULL, NULL, &rank, shape));
  return field_of(rank, shape, loose);
}

/* |<A x, y> - <x, A^H y>| / (|A x| |y|), sums in double. */
static inline double dot_test(const kvox_mri_operator *operation, uint64_t seed, bool loose) {
  const field x = in_of(operation, loose), ax = out_of(operation, loose);
  const field y = out_of(operation, loose), ay = in_of(operation, loose);
  fill_randomly(&x.array, &seed);
  fill_randomly(&y.array, &seed);
  assert_ok(kvox_mri_operator_forward(operation, NULL, &x.array, &ax.array));
  assert_ok(kvox_mri_operator_adjoint(operation, NULL, &y.array, &ay.array));
  const double difference = cabs(inner(&ax.array, &y.array) - inner(&x.array, &ay.array));
  const double share = difference / (length_of(&ax.array) * length_of(&y.array));
  free(x.memory);
  free(ax.memory);
  free(y.memory);
  free(ay.memory);
  return share;
}

#endif
