/* Comes before every program at build time: what all kernels hold to. */

/* A multiply and an add are fused where fma() is written, and nowhere else: the same bits on every device. */
#pragma OPENCL FP_CONTRACT OFF

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
