/* The oracle. */
#include "ct/filter.h"

static void pack(const float *a, const float *b, int64_t count, float *complex_row) {
  for (int64_t i = 0; i < count; i++) {
    complex_row[2 * i] = a[i];
    complex_row[2 * i + 1] = b[i];
  }
}

static void multiply(float *floats, const float *response, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    floats[i] *= response[i];
  }
}

static void unpack(const float *complex_row, int64_t count, float weight_a, float weight_b, float *a, float *b) {
  for (int64_t i = 0; i < count; i++) {
    a[i] = weight_a * complex_row[2 * i];
    b[i] = weight_b * complex_row[2 * i + 1];
  }
}

static void turn(const float *rows, int64_t step, int64_t count, float *out, int64_t out_step) {
  for (int64_t i = 0; i < count; i++) {
    for (int64_t k = 0; k < KVOX_STACK; k++) {
      out[i * out_step + k] = rows[k * step + i];
    }
  }
}

static void interleave(const float *rows, int64_t step, int64_t count, float *out) {
  turn(rows, step, count, out, KVOX_STACK);
}

const kvox_filter_kernels kvox_filter_ref = {pack, multiply, unpack, interleave, turn};
