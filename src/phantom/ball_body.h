/*
 * The loops that compilers make vectors of; see ball.h. Included once per instruction set, with KERNELS naming the
 * table. Fused operations are written out and no others are fused, so that all have the same bits.
 */
#include <math.h>

#include "phantom/ball.h"

/* Farther than any place whose transform is not lost in rounding. */
static const double farthest = 1e18;

/* Sine and cosine within a quarter of pi: the coefficients of fdlibm's kernels. */
static inline double sine(double r, double rr) {
  double p = fma(rr, 1.58969099521155010221e-10, -2.50507602534068634195e-08);
  p = fma(rr, p, 2.75573137070700676789e-06);
  p = fma(rr, p, -1.98412698298579493134e-04);
  p = fma(rr, p, 8.33333333332248946124e-03);
  p = fma(rr, p, -1.66666666666666324348e-01);
  return fma(rr * r, p, r);
}

static inline double cosine(double rr) {
  double p = fma(rr, -1.13596475577881948265e-11, 2.08757232129817482790e-09);
  p = fma(rr, p, -2.75573143513906633035e-07);
  p = fma(rr, p, 2.48015872894767294178e-05);
  p = fma(rr, p, -1.38888888888741095749e-03);
  p = fma(rr, p, 4.16666666666666019037e-02);
  return fma(rr * rr, p, fma(rr, -0.5, 1));
}

/*
 * sin x - x cos x: x = k pi / 2 + r. Of an even k it is sin r - x cos r, of an odd one cos r + x sin r, with the sign
 * of k's second bit. Beyond 2^52 quarters of a turn nothing of r is left but its bounds.
 */
static inline double difference(double x) {
  const double k = floor(fma(x, 0.63661977236758134308, 0.5)), half = floor(0.5 * k);
  double r = fma(-k, 1.5707963267948965580, x);
  r = fma(-k, 6.1232339957367660359e-17, r);
  r = r < 1 ? r : 1;
  r = r > -1 ? r : -1;
  const double rr = r * r, s = sine(r, rr), c = cosine(rr);
  const double even = fma(-x, c, s), odd = fma(x, s, c);
  return (k - 2 * half > 0.5 ? odd : even) * (1 - 2 * (half - 2 * floor(0.5 * half)));
}

/* The series is sum of 3 (-x^2)^n (2 n + 2) / (2 n + 3)!. */
static inline double ball(double squared) {
  const double s = 39.478417604357434475 * (squared > 0 ? squared : 0);
  double x = sqrt(s);
  x = x < farthest ? x : farthest;
  double series = fma(s, -1.0 / 130, 1);
  series = fma(s * (-1.0 / 88), series, 1);
  series = fma(s * (-1.0 / 54), series, 1);
  series = fma(s * (-1.0 / 28), series, 1);
  series = fma(s * (-1.0 / 10), series, 1);
  const double divisor = x > KVOX_BALL_SMALL ? x : 1, far = 3 * difference(x) / (divisor * divisor * divisor);
  return x > KVOX_BALL_SMALL ? far : series;
}

static void add(int64_t count, const double *restrict places, const double from[3], const double metric[6],
                const double turn[2], const double *restrict phases, double *restrict sums) {
  const double *px = places, *py = px + KVOX_BALL_RUN, *pz = py + KVOX_BALL_RUN;
  const double *re = phases, *im = re + KVOX_BALL_RUN;
  const double fx = from[0], fy = from[1], fz = from[2], a = turn[0], b = turn[1];
  const double xx = metric[0], yy = metric[1], zz = metric[2], xy = metric[3], xz = metric[4], yz = metric[5];
  for (int64_t i = 0; i < count; i++) {
    const double x = px[i] - fx, y = py[i] - fy, z = pz[i] - fz;
    const double along_x = fma(xx, x, fma(xy, y, xz * z)), along_y = fma(yy, y, yz * z);
    const double value = ball(fma(x, along_x, fma(y, along_y, zz * (z * z))));
    sums[i] = fma(value, fma(re[i], a, -(im[i] * b)), sums[i]);
    sums[i + KVOX_BALL_RUN] = fma(value, fma(re[i], b, im[i] * a), sums[i + KVOX_BALL_RUN]);
  }
}

static void weigh(int64_t count, const double weight[2], const double *restrict numbers, double *restrict sums) {
  const double a = weight[0], b = weight[1];
  for (int64_t i = 0; i < count; i++) {
    const double re = numbers[i], im = numbers[i + KVOX_BALL_RUN];
    sums[i] = fma(re, a, fma(-im, b, sums[i]));
    sums[i + KVOX_BALL_RUN] = fma(re, b, fma(im, a, sums[i + KVOX_BALL_RUN]));
  }
}

const kvox_ball_kernels KERNELS = {add, weigh};
