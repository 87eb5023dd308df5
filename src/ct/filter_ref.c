/* The oracle. */
#include "ct/filter_ref.h"

#include <math.h>

/* x exp(-2 pi i r n / length), and exp(+...) */
static number turn_on(const kvox_filter_split *split, int64_t r, int64_t n, number x) {
  const float *turns = split->turns + 2 * r * split->step, cosine = turns[n], sine = turns[split->step + n];
  return r > 0 ? (number){fmaf(x.re, cosine, x.im * sine), x.im * cosine - x.re * sine} : x;
}
static number turn_back(const kvox_filter_split *split, int64_t r, int64_t n, number x) {
  const float *turns = split->turns + 2 * r * split->step, cosine = turns[n], sine = turns[split->step + n];
  return r > 0 ? (number){x.re * cosine - x.im * sine, fmaf(x.im, cosine, x.re * sine)} : x;
}

static number sample(const float *a, const float *b, int64_t i, int64_t columns) {
  return i < columns ? (number){a[i], b[i]} : (number){0, 0};
}

/* out[s] = sum over p of x[p] exp(-2 pi i s p / 4) */
static void fourth(const number x[4], number out[4]) {
  const number e = plus(x[0], x[2]), f = minus(x[0], x[2]), g = plus(x[1], x[3]), h = minus(x[1], x[3]);
  out[0] = plus(e, g);
  out[1] = minus_i(f, h);
  out[2] = minus(e, g);
  out[3] = plus_i(f, h);
}

/* exp(+...) */
static void fourth_back(const number x[4], number out[4]) {
  const number e = plus(x[0], x[2]), f = minus(x[0], x[2]), g = plus(x[1], x[3]), h = minus(x[1], x[3]);
  out[0] = plus(e, g);
  out[1] = plus_i(f, h);
  out[2] = minus(e, g);
  out[3] = minus_i(f, h);
}

static float *number_at(float *lanes, int64_t n, int64_t lane) { return lanes + n * 2 * KVOX_FILTER_LANES + lane; }

static void pack_pair(const kvox_filter_split *split, const kvox_filter_pair *pair, float *lanes) {
  const int64_t size = split->size;
  const float half = KVOX_FILTER_ROOT_HALF;
  for (int64_t n = 0; n < size; n++) {
    number x[4], eighths[4], even[4], odd[4];
    for (int64_t p = 0; p < 4; p++) {
      x[p] = sample(pair->a, pair->b, n + p * size, split->columns);
    }
    eighths[0] = x[0];
    eighths[1] = (number){half * (x[1].re + x[1].im), half * (x[1].im - x[1].re)};
    eighths[2] = (number){x[2].im, -x[2].re};
    eighths[3] = (number){half * (x[3].im - x[3].re), -(half * (x[3].re + x[3].im))};
    fourth(x, even);
    fourth(eighths, odd);
    for (int64_t r = 0; r < KVOX_FILTER_PARTS; r++) {
      lane_put(number_at(lanes, n, r), turn_on(split, r, n, r % 2 == 0 ? even[r / 2] : odd[r / 2]));
    }
  }
}

static void pack(const kvox_filter_split *split, const kvox_filter_pair *pairs, int32_t count, float *lanes) {
  for (int32_t p = 0; p < count; p++) {
    pack_pair(split, &pairs[p], lanes + p * KVOX_FILTER_PARTS);
  }
}

static void unpack_pair(const kvox_filter_split *split, const float *lanes, const kvox_filter_pair *pair) {
  const int64_t size = split->size;
  const float half = KVOX_FILTER_ROOT_HALF;
  for (int64_t n = 0; n < size; n++) {
    number x[2][4], even[4], odd[4];
    for (int64_t r = 0; r < KVOX_FILTER_PARTS; r++) {
      x[r % 2][r / 2] = turn_back(split, r, n, lane_get(lanes + n * 2 * KVOX_FILTER_LANES + r));
    }
    fourth_back(x[0], even);
    fourth_back(x[1], odd);
    odd[1] = (number){half * (odd[1].re - odd[1].im), half * (odd[1].re + odd[1].im)};
    odd[2] = (number){-odd[2].im, odd[2].re};
    odd[3] = (number){-(half * (odd[3].re + odd[3].im)), half * (odd[3].re - odd[3].im)};
    for (int64_t p = 0; p < 4 && n + p * size < split->columns; p++) {
      const number y = plus(even[p], odd[p]);
      pair->out_a[n + p * size] = pair->weight_a * y.re;
      pair->out_b[n + p * size] = pair->weight_b * y.im;
    }
  }
}

static void unpack(const kvox_filter_split *split, const float *lanes, const kvox_filter_pair *pairs, int32_t count) {
  for (int32_t p = 0; p < count; p++) {
    unpack_pair(split, lanes + p * KVOX_FILTER_PARTS, &pairs[p]);
  }
}

static void multiply(float *floats, const float *factors, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    floats[i] *= factors[i];
  }
}

static void turn(const float *rows, int64_t step, int64_t count, float *out, int64_t out_step) {
  for (int64_t i = 0; i < count; i++) {
    for (int64_t k = 0; k < KVOX_STACK; k++) {
      out[i * out_step + k] = rows[k * step + i];
    }
  }
}

static void interleave(const float *rows, int64_t step, int64_t count, float *out) {
  turn(rows, step, count, out, KVOX_STACK);
}

const kvox_filter_kernels kvox_filter_ref = {pack, kvox_filter_convolve_ref, unpack, multiply, interleave, turn};
