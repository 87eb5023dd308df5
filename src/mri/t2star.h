/* Stage "t2star": exponential decay along echoes. */
#ifndef KVOX_MRI_T2STAR_H
#define KVOX_MRI_T2STAR_H

#include <stdbool.h>

#include "context/workspace.h"
#include "mri/tiles.h"

/* The rows of sums for the line, KVOX_MRI_TILE floats each: of w, w t, w t^2, w y, w t y. */
enum { KVOX_T2STAR_W, KVOX_T2STAR_WT, KVOX_T2STAR_WTT, KVOX_T2STAR_WY, KVOX_T2STAR_WTY, KVOX_T2STAR_SUMS };

/*
 * The line through logarithms y = log(m / first), weighed by w = m^2; times are counted from the first echo, where
 * decaying signals weigh most, so that sums do not cancel. Counts of samples are multiples of KVOX_MRI_STEP.
 */
typedef struct kvox_t2star_kernels {
  /* Adds the echo `m` at time t; `first` is positive. */
  void (*add_echo)(int64_t count, float t, const float *first, const float *m, float *sums);
  /* The line's descent; +infinity where all weight is at time 0, -infinity where it is at one other, or there is none.
   */
  void (*descent)(int64_t count, const float *sums, float *rate);
} kvox_t2star_kernels;

const kvox_t2star_kernels *kvox_t2star_kernels_of(int32_t cpu_level);

extern const kvox_t2star_kernels kvox_t2star_ref;
extern const kvox_t2star_kernels kvox_t2star_avx2;
extern const kvox_t2star_kernels kvox_t2star_avx512;
extern const kvox_t2star_kernels kvox_t2star_neon;

/* Spreads of times, as a share of the squares of times, below which they are rounding. */
#define KVOX_T2STAR_LEAST_SPREAD 1e-5f

/* The model: amplitude at the first echo and decay rate, per ms. */
typedef struct kvox_t2star_fit {
  int64_t echoes;
  const double *times; /* from the first echo on, ms */
  bool even;           /* they are multiples of the second one */
  double floor;        /* the model without signal */
  double least_rate, most_rate;
} kvox_t2star_fit;

/* T2*, S0, R2*. */
enum { KVOX_T2STAR_RESULTS = 3 };

/* Magnitudes whose squares, times and sums stay floats; the failure of another, by its number in [z, y, x]. */
#define KVOX_T2STAR_MOST_MAGNITUDE 1e18f
static inline bool kvox_t2star_takes(float magnitude) {
  return magnitude >= 0 && magnitude <= KVOX_T2STAR_MOST_MAGNITUDE;
}
kvox_status kvox_t2star_refuse(const kvox_array *magnitudes, int64_t volume, int64_t echo, int64_t sample);

/* Least squares, from a start on; `m` are the magnitudes. The rate stays within its bounds. */
void kvox_t2star_least_squares(const kvox_t2star_fit *fit, const double *m, double *amplitude, double *rate);

#endif
