/* The vector body; see t2star.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>

#include "cpu/vec_math.h"
#include "mri/t2star.h"

static inline void add(float *sums, int row, int64_t n, vf a, vf b) {
  float *at = sums + row * KVOX_MRI_TILE + n;
  vf_store(at, vf_fma(a, b, vf_load(at)));
}

/* The logarithm of 0 is finite here and weighs nothing. */
static void add_echo(int64_t count, float t, const float *first, const float *m, float *sums) {
  const vf time = vf_set(t), one = vf_set(1);
  for (int64_t n = 0; n < count; n += VL) {
    const vf size = vf_load(m + n), w = vf_mul(size, size);
    const vf y = vf_log(vf_div(size, vf_load(first + n))), wt = vf_mul(w, time);
    add(sums, KVOX_T2STAR_W, n, w, one);
    add(sums, KVOX_T2STAR_WT, n, w, time);
    add(sums, KVOX_T2STAR_WTT, n, wt, time);
    add(sums, KVOX_T2STAR_WY, n, w, y);
    add(sums, KVOX_T2STAR_WTY, n, wt, y);
  }
}

static void descent(int64_t count, const float *sums, float *rate) {
  const vf zero = vf_zero(), least = vf_set(KVOX_T2STAR_LEAST_SPREAD);
  for (int64_t n = 0; n < count; n += VL) {
    const float *at = sums + n;
    const vf w = vf_load(at), wt = vf_load(at + KVOX_T2STAR_WT * KVOX_MRI_TILE);
    const vf wtt = vf_load(at + KVOX_T2STAR_WTT * KVOX_MRI_TILE), wy = vf_load(at + KVOX_T2STAR_WY * KVOX_MRI_TILE);
    const vf wty = vf_load(at + KVOX_T2STAR_WTY * KVOX_MRI_TILE);
    const vf down = vf_select_less(zero, w, vf_sub(zero, vf_div(wt, w)), zero);
    const vf spread = vf_fma(down, wt, wtt), slope = vf_fma(down, wy, wty);
    const vf alone =
        vf_select_less(zero, wt, vf_set(-INFINITY), vf_select_less(zero, w, vf_set(INFINITY), vf_set(-INFINITY)));
    vf_store(rate + n, vf_select_less(vf_mul(least, wtt), spread, vf_div(vf_sub(zero, slope), spread), alone));
  }
}

const kvox_t2star_kernels KERNELS = {add_echo, descent};
