/* Comes before every program at build time: what all kernels hold to. */

/* A multiply and an add are fused where fma() is written, and nowhere else: the same bits on every device. */
#pragma OPENCL FP_CONTRACT OFF

/* a / b as IEEE 754 rounds it, on devices too whose division is off by 2.5 ulp: two steps of Newton, the remainder
 * exact (Markstein 1990). For sizes whose quotient and remainder are normal numbers. */
static float divide(float a, float b) {
  const float about = 1 / b;
  const float inverse = fma(fma(-b, about, 1.0f), about, about);
  const float quotient = a * inverse;
  return fma(fma(-b, quotient, a), inverse, quotient);
}

/* vf_log of cpu/vec_math.h, operation by operation: the bits of the CPU's vector kernels, error below 1 ulp. */
static float natural_log(float x) {
  const int lowest = 0x3f3504f3, above = as_int(x) - lowest;
  const float e = (float)(above >> 23);
  const float m = as_float((above & 0x7fffff) + lowest);
  const float f = m - 1;
  const float t = divide(f, m + 1), tt = t * t;
  const float r = tt * fma(tt, fma(tt, fma(tt, 2.0f / 9, 2.0f / 7), 2.0f / 5), 2.0f / 3);
  const float rest = fma(t, r - f, e * 0x1.7f7d1cp-20f);
  return fma(e, 0x1.62e4p-1f, f + rest);
}

/* Where slices are interleaved (-D LANES): a sample of all of them, for one operation, and as its slices. */
#ifdef LANES
#define JOIN(a, b) a##b
#define VECTOR(n) JOIN(float, n)
#if LANES == 1
typedef float sample;
#else
typedef VECTOR(LANES) sample;
#endif

/* A sample as its slices. */
typedef union lanes {
  sample all;
  float one[LANES];
} lanes;
#endif

/* Where samples [coil][z][y][x] lie, in elements; and how many a launch has along each axis, a work-item for each. */
typedef struct coil_samples {
  long begin, coil, z, y, x;
} coil_samples;
typedef struct sample_box {
  long x, y, z;
} sample_box;

static long place_of(const coil_samples at) {
  return at.begin + (long)get_global_id(2) * at.z + (long)get_global_id(1) * at.y + (long)get_global_id(0) * at.x;
}

static bool is_within(const sample_box box) {
  return (long)get_global_id(0) < box.x && (long)get_global_id(1) < box.y && (long)get_global_id(2) < box.z;
}

/* Leaves the number of the first sample, in C order, that is spoilt; the host bounds it to 32 bits. */
static void tell_spoilt(const int spoilt, const sample_box box, global uint *flag) {
  if (spoilt != 0) {
    atomic_min(flag,
               (uint)(((long)get_global_id(2) * box.y + (long)get_global_id(1)) * box.x + (long)get_global_id(0)));
  }
}
