/*
 * Stage "t2star": exponential decay along echoes, a work-item for each voxel. The line through logarithms has the
 * arithmetic of the CPU's vector kernels; least squares are those of src/mri/t2star_fit.c in floats, of magnitudes that
 * are scaled to about 1. Times are shares of the last one, counted from the first; rates are their inverse.
 */

#define MOST_MAGNITUDE 1e18f
#define LEAST_SPREAD 1e-5f /* as in mri/t2star.h */

enum { MOST_STEPS = 40 };
/* Steps below this share of the parameters end it; so does damping beyond what leaves a step. */
#define SMALL_STEP 1e-6f
#define FIRST_DAMPING 1e-3f
#define MOST_DAMPING 1e10f

/* `even`: times are multiples of the second one. */
typedef struct decay {
  long echoes;
  int even, least_squares;
  float floor, least_rate, most_rate; /* the model without signal; bounds */
  float first_time, span_ms;          /* echo time of the first one, as a share; what times are shares of */
  float shortest_ms, longest_ms;
} decay;

/* The magnitudes of a voxel. */
typedef struct echoes {
  global const float *m;
  long step;
  float scale;
} echoes;

/* a exp(x) */
static float scaled_exp(const float a, const float x) {
  const float n = rint(clamp(x, -300.0f, 300.0f) * 0x1.715476p+0f);
  const float r = fma(n, -0x1.7f7d1cp-20f, fma(n, -0x1.62e4p-1f, x));
  float p = fma(r, 1.0f / 5040, 1.0f / 720);
  p = fma(r, p, 1.0f / 120);
  p = fma(r, p, 1.0f / 24);
  p = fma(r, p, 1.0f / 6);
  p = fma(r, p, 0.5f);
  p = fma(r, p, 1.0f);
  p = fma(r, p, 1.0f);
  return fabs(x) < 300 ? ldexp(a * p, (int)n) : x < 0 ? 0 : a * INFINITY;
}

/* a b - c d, to the last digits (Kahan). */
static float difference(const float a, const float b, const float c, const float d) {
  const float second = c * d;
  return fma(a, b, -second) + fma(-c, d, second);
}

/* ---- The line ---- */

typedef struct line {
  float first, w, wt, wy, rate;
} line;

/* What the line goes through: magnitudes without the floor. */
static float without_floor(const float m, const float floor) {
  return floor > 0 ? m > floor ? sqrt((m - floor) * (m + floor)) : 0 : m;
}

static line fit_line(const decay d, const echoes e, global const float *times) {
  const float begin = without_floor(e.m[0], d.floor);
  line l = {begin * begin > 0 ? begin : 1, 0, 0, 0, 0};
  float wtt = 0, wty = 0;
  for (long k = 0; k < d.echoes; k++) {
    const float m = without_floor(e.m[k * e.step], d.floor), t = times[k];
    const float w = m * m, y = natural_log(m / l.first), wt = w * t;
    l.w = l.w + w;
    l.wt = fma(w, t, l.wt);
    wtt = fma(wt, t, wtt);
    l.wy = fma(w, y, l.wy);
    wty = fma(wt, y, wty);
  }
  const float down = l.w > 0 ? 0 - l.wt / l.w : 0;
  const float spread = fma(down, l.wt, wtt), slope = fma(down, l.wy, wty);
  const float alone = l.wt > 0 || !(l.w > 0) ? -INFINITY : INFINITY;
  l.rate = spread > LEAST_SPREAD * wtt ? (0 - slope) / spread : alone;
  return l;
}

/* ---- Least squares ---- */

/* Sums at one point: of squared residuals, and of derivatives with each other and with residuals. */
typedef struct sums {
  float cost, aa, ar, rr, a, r;
} sums;

static sums sums_at(const decay d, const echoes e, global const float *times, const float amplitude, const float rate) {
  sums s = {0, 0, 0, 0, 0, 0};
  const float floor = d.floor * e.scale, ratio = d.even ? scaled_exp(1, -rate * times[1]) : 0;
  float fade = 1;
  for (long k = 0; k < d.echoes; k++) {
    const float t = times[k];
    fade = k == 0 ? 1 : d.even ? fade * ratio : scaled_exp(1, -rate * t);
    const float signal = amplitude * fade;
    const float model = floor > 0 ? sqrt(fma(signal, signal, floor * floor)) : signal;
    const float share = floor > 0 ? signal / model : 1; /* d model / d signal */
    const float by_a = share * fade, by_r = -t * share * signal, rest = fma(e.m[k * e.step], e.scale, -model);
    s.cost = fma(rest, rest, s.cost);
    s.aa = fma(by_a, by_a, s.aa);
    s.ar = fma(by_a, by_r, s.ar);
    s.rr = fma(by_r, by_r, s.rr);
    s.a = fma(rest, by_a, s.a);
    s.r = fma(rest, by_r, s.r);
  }
  return s;
}

/* The damped step (amplitude, rate); of the amplitude alone where the rate is held at a bound. */
static float2 step_of(const sums s, const float damping, const bool held) {
  const float aa = s.aa * (1 + damping), rr = s.rr * (1 + damping), determinant = difference(aa, rr, s.ar, s.ar);
  if (held || !(determinant > 0)) {
    return (float2)(s.aa > 0 ? s.a / aa : 0, 0);
  }
  return (float2)(difference(s.a, rr, s.r, s.ar), difference(s.r, aa, s.a, s.ar)) / determinant;
}

/* What rounding of residuals makes of a cost. */
static float slack_of(const decay d, const float cost, const float amplitude) {
  const float each = 0x1p-23f * amplitude;
  return each * sqrt((float)d.echoes * cost) + (float)d.echoes * each * each;
}

/* (amplitude, rate) from a start on. */
static float2 least_squares(const decay d, const echoes e, global const float *times, const float2 start) {
  float a = start.x, r = start.y, damping = 0;
  sums s = sums_at(d, e, times, a, r);
  for (int step = 0; step < MOST_STEPS && damping < MOST_DAMPING; step++) {
    const bool held = (r <= d.least_rate && s.r < 0) || (r >= d.most_rate && s.r > 0);
    const float2 by = step_of(s, damping, held);
    /* With a floor the cost is even in the amplitude: at 0 no step leads away, though that may be its maximum. */
    const float next_a = fmax(a + by.x, d.floor > 0 ? 0.1f * a : 0.0f),
                next_r = fmin(fmax(r + by.y, d.least_rate), d.most_rate);
    const bool small = fabs(next_a - a) <= SMALL_STEP * a && fabs(next_r - r) <= SMALL_STEP * r;
    const sums next = sums_at(d, e, times, next_a, next_r);
    if (next.cost <= s.cost + slack_of(d, s.cost, a)) {
      a = next_a;
      r = next_r;
      s = next;
      damping = damping > FIRST_DAMPING ? damping / 10 : 0;
    } else {
      damping = damping > 0 ? 10 * damping : FIRST_DAMPING;
    }
    if (small) {
      break;
    }
  }
  const bool is_none = d.floor > 0 && sums_at(d, e, times, 0, r).cost <= s.cost;
  return (float2)(is_none ? 0 : a, r);
}

/* ---- A voxel ---- */

/* T2* in ms, S0 and R2* in 1 / s. */
static float3 fit_voxel(const decay d, const echoes given, global const float *times, const float largest) {
  const line l = fit_line(d, given, times);
  if (!(l.w > 0)) {
    return (float3)(0);
  }
  echoes e = given;
  float2 found;
  found.y = fmin(fmax(l.rate, d.least_rate), d.most_rate);
  found.x = scaled_exp(l.first, fma(found.y, l.wt, l.wy) / l.w);
  if (d.least_squares) {
    e.scale = as_float((254 - clamp(as_int(largest) >> 23, 1, 253)) << 23);
    found = least_squares(d, e, times, (float2)(found.x * e.scale, found.y));
    found.x /= e.scale;
  }
  if (!(found.x > 0)) {
    return (float3)(0);
  }
  const float t2star = clamp(d.span_ms / found.y, d.shortest_ms, d.longest_ms);
  return (float3)(t2star, fmin(scaled_exp(found.x, found.y * d.first_time), FLT_MAX), 1e3f / t2star);
}

enum { T2STAR = 1, S0 = 2, R2STAR = 4 };

/* `wanted` are those of the results that there are. */
kernel void t2star(global const float *magnitudes, const coil_samples magnitudes_at, global const float *times,
                   const decay d, const int wanted, global float *t2star_ms, const coil_samples t2star_at,
                   global float *s0, const coil_samples s0_at, global float *r2star, const coil_samples r2star_at,
                   const sample_box box, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  const echoes e = {magnitudes + place_of(magnitudes_at), magnitudes_at.coil, 1};
  bool spoilt = false;
  float largest = 0;
  for (long k = 0; k < d.echoes; k++) {
    const float m = e.m[k * e.step];
    spoilt = spoilt || !(m >= 0 && m <= MOST_MAGNITUDE);
    largest = fmax(largest, m);
  }
  tell_spoilt(spoilt, box, flags + flag);
  const float3 found = spoilt ? (float3)(0) : fit_voxel(d, e, times, largest);
  if ((wanted & T2STAR) != 0) {
    t2star_ms[place_of(t2star_at)] = found.x;
  }
  if ((wanted & S0) != 0) {
    s0[place_of(s0_at)] = found.y;
  }
  if ((wanted & R2STAR) != 0) {
    r2star[place_of(r2star_at)] = found.z;
  }
}
