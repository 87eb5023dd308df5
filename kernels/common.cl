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
