/* Lines through the phase and the logarithm of the ratio of both directions, over x. */
#include <inttypes.h>
#include <math.h>

#include "mri/epi.h"

/* How much coils are expected to differ from what is common to all, at the middle and at the image's edge: receivers of
 * one scanner are delayed by parts of a sample, and round their band off by some percent. */
static const double constant_rad = 0.2, edge_rad = 0.5, constant_log = 0.1, edge_log = 0.3;

kvox_status kvox_mri_epi_check_directions(const char *name, const uint8_t *reversed, int64_t lines) {
  int64_t count[2] = {0, 0};
  for (int64_t l = 0; l < lines; l++) {
    if (reversed[l] > 1) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: reversed[%" PRId64 "] is %d, must be 0 or 1", name, l, reversed[l]);
    }
    count[reversed[l]]++;
  }
  if (count[0] == 0 || count[1] == 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: reversed: all %" PRId64 " lines are %s, both directions are needed",
                     name, lines, count[1] > 0 ? "reversed" : "not reversed");
  }
  return KVOX_OK;
}

/* A weighted fit of c + s t to numbers at t, -1 to 1. */
typedef struct line_fit {
  double w, wt, wtt, wr, wrt, wrr;
  int64_t count;
} line_fit;

static void add(line_fit *f, double weight, double t, double r) {
  if (!(weight > 0)) {
    return;
  }
  f->w += weight;
  f->wt += weight * t;
  f->wtt += weight * t * t;
  f->wr += weight * r;
  f->wrt += weight * r * t;
  f->wrr += weight * r * r;
  f->count++;
}

typedef struct line {
  double constant, slope;
} line;

/* Minimises the sum plus rows (c - prior)^2 / deviation^2 in units of the residuals' own variance. */
static line solve(const line_fit *f, double variance, line prior, line deviation) {
  const double p = variance / (deviation.constant * deviation.constant);
  const double q = variance / (deviation.slope * deviation.slope);
  const double a = f->w + p, b = f->wt, d = f->wtt + q;
  const double u = f->wr + p * prior.constant, v = f->wrt + q * prior.slope, determinant = a * d - b * b;
  if (!(determinant > 1e-9 * a * a)) { /* one place alone */
    return (line){a > 0 ? (u - b * prior.slope) / a : prior.constant, prior.slope};
  }
  return (line){(d * u - b * v) / determinant, (a * v - b * u) / determinant};
}

static line fit(const line_fit *f, line prior, line deviation) {
  enum { PARAMETERS = 2 };
  if (f->count <= PARAMETERS) {
    return prior;
  }
  const line free = solve(f, 0, prior, deviation);
  const double squares = f->wrr - free.constant * f->wr - free.slope * f->wrt;
  return solve(f, fmax(squares, 0) / (double)(f->count - PARAMETERS), prior, deviation);
}

/* The lines of one coil, or of the sums over all of them. */
static void add_sums(const kvox_mri_parity *s, double t, line_fit *phase, line_fit *gain) {
  const double weight = hypot(s->re, s->im);
  add(phase, weight, t, atan2(s->im, s->re));
  if (s->forward > 0 && s->reversed > 0) {
    add(gain, weight, t, 0.5 * log(s->reversed / s->forward));
  }
}

void kvox_mri_epi_refine(int64_t coils, int64_t size, const kvox_mri_parity *sums, kvox_mri_ghost *expected,
                         kvox_mri_ghost *ghosts) {
  const double half = 0.5 * (double)size;
  const line none = {0, 0}, free = {INFINITY, INFINITY};
  line_fit phase = {0}, gain = {0};
  for (int64_t x = 0; x < size; x++) {
    kvox_mri_parity all = {0};
    for (int64_t c = 0; c < coils; c++) {
      const kvox_mri_parity *s = sums + c * size + x;
      all = (kvox_mri_parity){all.re + s->re, all.im + s->im, all.forward + s->forward, all.reversed + s->reversed};
    }
    add_sums(&all, (double)(x - size / 2) / half, &phase, &gain);
  }
  const line common = fit(&phase, none, free);
  const line common_gain = fit(&gain, none, (line){constant_log, edge_log});
  for (int64_t c = 0; c < coils; c++) {
    kvox_mri_ghost *e = expected + c, *g = ghosts + c;
    line_fit own = {0}, own_gain = {0};
    for (int64_t x = 0; x < size; x++) {
      add_sums(sums + c * size + x, (double)(x - size / 2) / half, &own, &own_gain);
    }
    e->constant_rad += common.constant;
    e->linear_rad_per_px += common.slope / half;
    e->log_gain_per_px += common_gain.slope / half;
    const line prior = {e->constant_rad - g->constant_rad, (e->linear_rad_per_px - g->linear_rad_per_px) * half};
    const line prior_gain = {0, (e->log_gain_per_px - g->log_gain_per_px) * half};
    const line p = fit(&own, prior, (line){constant_rad, edge_rad});
    const line q = fit(&own_gain, prior_gain, (line){constant_log, edge_log});
    g->constant_rad += p.constant;
    g->linear_rad_per_px += p.slope / half;
    g->log_gain_per_px += q.slope / half; /* a constant is the decay from line to line: not the receiver's */
  }
}

void kvox_mri_epi_remove(int64_t coils, int64_t size, const kvox_mri_ghost *ghosts, kvox_mri_parity *sums) {
  for (int64_t i = 0; i < coils * size; i++) {
    double log_gain, phase;
    kvox_mri_ghost_at(ghosts + i / size, i % size, size, &log_gain, &phase);
    const double scale = exp(-log_gain), re = cos(phase) * scale, im = -sin(phase) * scale;
    const kvox_mri_parity s = sums[i];
    sums[i] = (kvox_mri_parity){s.re * re - s.im * im, s.re * im + s.im * re, s.forward, s.reversed * scale * scale};
  }
}
