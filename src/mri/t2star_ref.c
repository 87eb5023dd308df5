/* The oracle: logarithms and products in double, rounded to the float of each sum. */
#include <math.h>

#include "mri/t2star.h"

static void add_echo(int64_t count, float t, const float *first, const float *m, float *sums) {
  for (int64_t n = 0; n < count; n++) {
    const double w = (double)m[n] * m[n], y = w > 0 ? log((double)m[n] / first[n]) : 0;
    const double terms[KVOX_T2STAR_SUMS] = {w, w * t, w * t * t, w * y, w * t * y};
    for (int s = 0; s < KVOX_T2STAR_SUMS; s++) {
      sums[s * KVOX_MRI_TILE + n] = (float)(sums[s * KVOX_MRI_TILE + n] + terms[s]);
    }
  }
}

static void descent(int64_t count, const float *sums, float *rate) {
  const float *w = sums, *wt = w + KVOX_MRI_TILE, *wtt = wt + KVOX_MRI_TILE, *wy = wtt + KVOX_MRI_TILE;
  const float *wty = wy + KVOX_MRI_TILE;
  for (int64_t n = 0; n < count; n++) {
    const double mean = w[n] > 0 ? (double)wt[n] / w[n] : 0;
    const double spread = wtt[n] - mean * wt[n], slope = wty[n] - mean * wy[n];
    if (spread > (double)KVOX_T2STAR_LEAST_SPREAD * wtt[n]) {
      rate[n] = (float)(-slope / spread);
    } else {
      rate[n] = wt[n] > 0 || !(w[n] > 0) ? -INFINITY : INFINITY;
    }
  }
}

const kvox_t2star_kernels kvox_t2star_ref = {add_echo, descent};
