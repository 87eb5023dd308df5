/* The vector body; see filter.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "ct/filter.h"

static void pack(const float *a, const float *b, int64_t count, float *complex_row) {
  int64_t i = 0;
  vf low, high;
  for (; i + VL <= count; i += VL) {
    vf_zip(vf_load(a + i), vf_load(b + i), &low, &high);
    vf_store(complex_row + 2 * i, low);
    vf_store(complex_row + 2 * i + VL, high);
  }
  for (; i < count; i++) {
    complex_row[2 * i] = a[i];
    complex_row[2 * i + 1] = b[i];
  }
}

static void multiply(float *floats, const float *response, int64_t count) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) {
    vf_store(floats + i, vf_mul(vf_load(floats + i), vf_load(response + i)));
  }
  for (; i < count; i++) {
    floats[i] *= response[i];
  }
}

static void unpack(const float *complex_row, int64_t count, float weight_a, float weight_b, float *a, float *b) {
  const vf wa = vf_set(weight_a), wb = vf_set(weight_b);
  int64_t i = 0;
  vf real, imaginary;
  for (; i + VL <= count; i += VL) {
    vf_unzip(vf_load(complex_row + 2 * i), vf_load(complex_row + 2 * i + VL), &real, &imaginary);
    vf_store(a + i, vf_mul(wa, real));
    vf_store(b + i, vf_mul(wb, imaginary));
  }
  for (; i < count; i++) {
    a[i] = weight_a * complex_row[2 * i];
    b[i] = weight_b * complex_row[2 * i + 1];
  }
}

static inline __attribute__((always_inline)) void turn_rows(const float *rows, int64_t step, int64_t count, float *out,
                                                            int64_t out_step, void (*const store)(float *p, vf x)) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) {
    vf m[KVOX_STACK / VL][VL];
    for (int64_t k = 0; k < KVOX_STACK / VL; k++) {
      for (int64_t n = 0; n < VL; n++) {
        m[k][n] = vf_load(rows + (k * VL + n) * step + i);
      }
      vf_transpose(m[k]);
    }
    for (int64_t n = 0; n < VL; n++) {
      for (int64_t k = 0; k < KVOX_STACK / VL; k++) {
        store(out + (i + n) * out_step + k * VL, m[k][n]);
      }
    }
  }
  for (; i < count; i++) {
    for (int64_t k = 0; k < KVOX_STACK; k++) {
      out[i * out_step + k] = rows[k * step + i];
    }
  }
}

static void interleave(const float *rows, int64_t step, int64_t count, float *out) {
  turn_rows(rows, step, count, out, KVOX_STACK, vf_store);
}

static void turn(const float *rows, int64_t step, int64_t count, float *out, int64_t out_step) {
  turn_rows(rows, step, count, out, out_step, vf_stream);
  vf_stream_end();
}

const kvox_filter_kernels KERNELS = {pack, multiply, unpack, interleave, turn};
