/* Stage "ball": the transform of an ellipsoid at many places. */
#ifndef KVOX_PHANTOM_BALL_H
#define KVOX_PHANTOM_BALL_H

#include <stdint.h>

/* Samples that are computed together: rows of so many doubles. */
enum { KVOX_BALL_RUN = 64, KVOX_BALL_STEP = 8 };

/* Below so much the difference in the transform cancels, and its series is as good. */
#define KVOX_BALL_SMALL 0.5

/*
 * Places are rows of their three coordinates, complex numbers a row of real parts and one of imaginary ones. Counts are
 * multiples of KVOX_BALL_STEP.
 */
typedef struct kvox_ball_kernels {
  /* sums += b(x) turn phases, where b(x) = 3 (sin x - x cos x) / x^3, x = 2 pi sqrt(d Q d), d = places - from, and Q
   * has the elements xx, yy, zz and twice xy, xz, yz. */
  void (*add)(int64_t count, const double *places, const double from[3], const double metric[6], const double turn[2],
              const double *phases, double *sums);
  /* sums += weight * numbers */
  void (*weigh)(int64_t count, const double weight[2], const double *numbers, double *sums);
} kvox_ball_kernels;

const kvox_ball_kernels *kvox_ball_kernels_of(int32_t cpu_level);

extern const kvox_ball_kernels kvox_ball_ref;
extern const kvox_ball_kernels kvox_ball_avx2;
extern const kvox_ball_kernels kvox_ball_avx512;
extern const kvox_ball_kernels kvox_ball_neon;

#endif
