/* The vector body; see product.h. Included once per instruction set, with KERNELS naming the table. */
#include <string.h>

#include "cpu/vec.h"
#include "cpu/vec_finite.h"
#include "mri/product.h"

/* 2 VL floats: real and imaginary parts of VL samples. */
typedef struct samples {
  vf re, im;
} samples;

static inline samples load(const float *p) {
  samples s;
  vf_unzip(vf_load(p), vf_load(p + VL), &s.re, &s.im);
  return s;
}

/* The products (and sums) of VL samples. `sums` NULL: from 0. */
static inline vf put(samples f, bool conjugate, const float *in, const float *sums, float *out, vf zero) {
  const samples z = load(in);
  const vf b = conjugate ? vf_sub(vf_zero(), f.im) : f.im, minus = vf_sub(vf_zero(), b);
  vf re, im, low, high;
  if (sums != NULL) {
    const samples s = load(sums);
    re = vf_fma(minus, z.im, vf_fma(f.re, z.re, s.re));
    im = vf_fma(b, z.re, vf_fma(f.re, z.im, s.im));
  } else {
    re = vf_fma(minus, z.im, vf_mul(f.re, z.re));
    im = vf_fma(b, z.re, vf_mul(f.re, z.im));
  }
  vf_zip(re, im, &low, &high);
  vf_store(out, low);
  vf_store(out + VL, high);
  return vf_fma(re, vf_zero(), vf_fma(im, vf_zero(), zero));
}

/* `step` 2: a factor for each sample; 0: VL equal ones. */
static inline bool run(int64_t count, const float *factors, int64_t step, bool conjugate, const float *in, bool add,
                       float *out) {
  const int64_t floats = 2 * count, whole = floats - floats % (2 * VL);
  vf zero = vf_zero();
  for (int64_t n = 0; n < whole; n += 2 * VL) {
    zero = put(load(factors + (step != 0 ? n : 0)), conjugate, in + n, add ? out + n : NULL, out + n, zero);
  }
  if (whole < floats) {
    /* The rest as if zeros followed. */
    float rest[3][2 * VL];
    const size_t bytes = (size_t)(floats - whole) * sizeof **rest;
    memset(rest, 0, sizeof rest);
    memcpy(rest[0], factors + (step != 0 ? whole : 0), step != 0 ? bytes : sizeof rest[0]);
    memcpy(rest[1], in + whole, bytes);
    if (add) {
      memcpy(rest[2], out + whole, bytes);
    }
    zero = put(load(rest[0]), conjugate, rest[1], add ? rest[2] : NULL, rest[2], zero);
    memcpy(out + whole, rest[2], bytes);
  }
  return all_zero(zero);
}

static bool multiply(int64_t count, const float *factors, const float *in, float *out) {
  return run(count, factors, 2, false, in, false, out);
}

static bool multiply_conjugate(int64_t count, const float *factors, const float *in, float *out) {
  return run(count, factors, 2, true, in, false, out);
}

static bool add_conjugate(int64_t count, const float *factors, const float *in, float *sums) {
  return run(count, factors, 2, true, in, true, sums);
}

static bool scale(int64_t count, const float factor[2], const float *in, float *out) {
  float factors[2 * VL];
  for (int i = 0; i < 2 * VL; i++) {
    factors[i] = factor[i % 2];
  }
  return run(count, factors, 0, false, in, false, out);
}

const kvox_product_kernels KERNELS = {multiply, multiply_conjugate, add_conjugate, scale};
