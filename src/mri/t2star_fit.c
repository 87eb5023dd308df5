/* Least squares of A exp(-R t), or of sqrt(A^2 exp(-2 R t) + floor^2), by Gauss and Newton's steps with Levenberg's
 * damping. */
#include <math.h>

#include "mri/t2star.h"

enum { MOST_STEPS = 60 };

/* Steps below this share of the parameters end it; so does damping beyond what leaves a step. */
static const double small_step = 1e-8, first_damping = 1e-3, most_damping = 1e10;

/* Sums at one point: of squared residuals, and of derivatives with each other and with residuals. */
typedef struct sums {
  double cost, aa, ar, rr, a, r;
} sums;

static sums sums_at(const kvox_t2star_fit *fit, const double *m, double amplitude, double rate) {
  sums s = {0};
  const double ratio = fit->even ? exp(-rate * fit->times[1]) : 0;
  double decay = 1;
  for (int64_t e = 0; e < fit->echoes; e++) {
    if (e > 0) {
      decay = fit->even ? decay * ratio : exp(-rate * fit->times[e]);
    }
    const double signal = amplitude * decay;
    const double model = fit->floor > 0 ? sqrt(signal * signal + fit->floor * fit->floor) : signal;
    const double share = fit->floor > 0 ? signal / model : 1; /* d model / d signal */
    const double by_a = share * decay, by_r = -fit->times[e] * share * signal, rest = m[e] - model;
    s.cost += rest * rest;
    s.aa += by_a * by_a;
    s.ar += by_a * by_r;
    s.rr += by_r * by_r;
    s.a += rest * by_a;
    s.r += rest * by_r;
  }
  return s;
}

/* The damped step; of the amplitude alone where the rate is held at a bound. */
static void step_of(const sums *s, double damping, bool held, double *by_a, double *by_r) {
  const double aa = s->aa * (1 + damping), rr = s->rr * (1 + damping), determinant = aa * rr - s->ar * s->ar;
  *by_r = 0;
  if (held || !(determinant > 0)) {
    *by_a = s->aa > 0 ? s->a / aa : 0;
    return;
  }
  *by_a = (s->a * rr - s->r * s->ar) / determinant;
  *by_r = (s->r * aa - s->a * s->ar) / determinant;
}

/* With a floor the cost is even in the amplitude: at 0 no step leads away, though that may be its maximum. */
static double least_a(const kvox_t2star_fit *fit, double a) { return fit->floor > 0 ? 0.1 * a : 0; }

void kvox_t2star_least_squares(const kvox_t2star_fit *fit, const double *m, double *amplitude, double *rate) {
  double a = *amplitude, r = *rate, damping = 0;
  sums s = sums_at(fit, m, a, r);
  for (int step = 0; step < MOST_STEPS && damping < most_damping; step++) {
    const bool held = (r <= fit->least_rate && s.r < 0) || (r >= fit->most_rate && s.r > 0);
    double by_a, by_r;
    step_of(&s, damping, held, &by_a, &by_r);
    const double next_a = fmax(a + by_a, least_a(fit, a)),
                 next_r = fmin(fmax(r + by_r, fit->least_rate), fit->most_rate);
    const bool small = fabs(next_a - a) <= small_step * a && fabs(next_r - r) <= small_step * r;
    const sums next = sums_at(fit, m, next_a, next_r);
    if (next.cost <= s.cost) {
      a = next_a;
      r = next_r;
      s = next;
      damping = damping > first_damping ? damping / 10 : 0;
    } else {
      damping = damping > 0 ? 10 * damping : first_damping;
    }
    if (small) {
      break;
    }
  }
  const bool is_none = fit->floor > 0 && sums_at(fit, m, 0, r).cost <= s.cost;
  *amplitude = is_none ? 0 : a;
  *rate = r;
}
