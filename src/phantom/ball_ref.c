/* The oracle: sine and cosine of the C library. */
#include <math.h>

#include "phantom/ball.h"

static const double pi = 3.14159265358979324;

static double ball(double x) {
  if (x > KVOX_BALL_SMALL) {
    return 3 * (sin(x) - x * cos(x)) / (x * x * x);
  }
  /* Its series: sum of 3 (-x^2)^n (2 n + 2) / (2 n + 3)!. */
  const double s = x * x;
  return 1 - s / 10 * (1 - s / 28 * (1 - s / 54 * (1 - s / 88 * (1 - s / 130))));
}

static void add(int64_t count, const double *places, const double from[3], const double metric[6], const double turn[2],
                const double *phases, double *sums) {
  for (int64_t i = 0; i < count; i++) {
    double d[3];
    for (int a = 0; a < 3; a++) {
      d[a] = places[a * KVOX_BALL_RUN + i] - from[a];
    }
    const double squared = metric[0] * d[0] * d[0] + metric[1] * d[1] * d[1] + metric[2] * d[2] * d[2] +
                           metric[3] * d[0] * d[1] + metric[4] * d[0] * d[2] + metric[5] * d[1] * d[2];
    const double value = ball(2 * pi * fmin(sqrt(fmax(squared, 0)), 1e18));
    const double re = phases[i], im = phases[i + KVOX_BALL_RUN];
    sums[i] += value * (re * turn[0] - im * turn[1]);
    sums[i + KVOX_BALL_RUN] += value * (re * turn[1] + im * turn[0]);
  }
}

static void weigh(int64_t count, const double weight[2], const double *numbers, double *sums) {
  for (int64_t i = 0; i < count; i++) {
    const double re = numbers[i], im = numbers[i + KVOX_BALL_RUN];
    sums[i] += re * weight[0] - im * weight[1];
    sums[i + KVOX_BALL_RUN] += re * weight[1] + im * weight[0];
  }
}

const kvox_ball_kernels kvox_ball_ref = {add, weigh};
