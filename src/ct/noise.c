/* Photon noise: Poisson counts, each from a seed and the sample's index alone. */
#include "ct/noise.h"

#include <inttypes.h>
#include <math.h>

#include "context/context.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/random.h"
#include "core/size.h"
#include "kvox/ct.h"

/* Below this mean the cumulative distribution is searched; from it on Hoermann's rejection is valid. */
static const double rejection_from = 10;
/* A count that a mean below 10 never reaches in 2^52 draws. */
enum { MOST_SMALL_COUNT = 127 };

static double small_poisson(double mean, uint64_t seed, uint64_t index) {
  double pair[2];
  kvox_random_pair(seed, index, 0, pair);
  double probability = exp(-mean), left = pair[0] - probability;
  int count = 0;
  while (left > 0 && count < MOST_SMALL_COUNT) {
    count++;
    probability *= mean / count;
    left -= probability;
  }
  return count;
}

/* log(count!) - (count log count - count), Stirling's series beyond the first few. */
static double stirling_rest(double count) {
  static const double log_factorials[] = {0,
                                          0,
                                          0.6931471805599453,
                                          1.791759469228055,
                                          3.1780538303479458,
                                          4.787491742782046,
                                          6.579251212010101,
                                          8.525161361065415,
                                          10.60460290274525,
                                          12.801827480081469};
  if (count < 10) {
    return log_factorials[(int)count] - (count > 0 ? count * log(count) - count : 0);
  }
  const double log_two_pi = 1.8378770664093453, r = 1 / count, s = r * r;
  return 0.5 * (log_two_pi + log(count)) + r * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s / 1680)));
}

/* log of the probability of a count. Written around count = mean, where both are large and nearly equal. */
static double log_probability(double count, double mean) {
  const double beyond = (count - mean) / mean;
  const double deviance = count > 0 ? mean * ((1 + beyond) * log1p(beyond) - beyond) : mean;
  return -deviance - stirling_rest(count);
}

/* Hoermann 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS. */
static double large_poisson(double mean, uint64_t seed, uint64_t index) {
  const double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (uint32_t draw = 0;; draw++) {
    double pair[2];
    kvox_random_pair(seed, index, draw, pair);
    const double u = pair[0] - 0.5, v = pair[1], u_s = 0.5 - fabs(u);
    const double count = floor((2 * a / u_s + b) * u + mean + 0.43);
    if (u_s >= 0.07 && v <= v_r) {
      return count;
    }
    if (count < 0 || (u_s < 0.013 && v > u_s)) {
      continue;
    }
    if (log(v * inverse_alpha / (a / (u_s * u_s) + b)) <= log_probability(count, mean)) {
      return count;
    }
  }
}

double kvox_ct_poisson(double mean, uint64_t seed, uint64_t index) {
  return mean < rejection_from ? small_poisson(mean, seed, index) : large_poisson(mean, seed, index);
}

typedef struct noise {
  const kvox_array *projections;
  int64_t columns, stride;
  double photons, least; /* the least line integral whose counts a double can hold */
  uint64_t seed;
} noise;

static kvox_status check_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const noise *s = data;
  const char *at = kvox_array_row(s->projections, row);
  for (int64_t i = 0; i < s->columns; i++, at += s->stride) {
    const double value = kvox_element(at, s->projections->type);
    if (!isfinite(value) || value < s->least) {
      char number[KVOX_NUMBER_BYTES];
      return kvox_fail(KVOX_ERROR_DATA,
                       "kvox_ct_add_noise: the line integral in row %" PRId64 " (of all views), column %" PRId64
                       " is %s; it must be finite and not so negative that photons cannot be counted",
                       row, i, kvox_number(value, number));
    }
  }
  return KVOX_OK;
}

static kvox_status add_to_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const noise *s = data;
  char *at = kvox_array_row(s->projections, row);
  for (int64_t i = 0; i < s->columns; i++, at += s->stride) {
    const double mean = s->photons * exp(-kvox_element(at, s->projections->type));
    const double count = kvox_ct_poisson(mean, s->seed, (uint64_t)(row * s->columns + i));
    const double value = -log(fmax(count, 1) / s->photons);
    kvox_row_from_double(&value, 1, s->projections->type, s->stride, at);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_add_noise(kvox_context *context, double photons, uint64_t seed, const kvox_array *projections) {
  const int64_t operations = 64; /* of one sample */
  KVOX_REQUIRE(context);
  if (!(photons >= 1 && photons <= KVOX_CT_MOST_PHOTONS)) {
    char number[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_add_noise: photons is %s, must be from 1 to 1e15",
                     kvox_number(photons, number));
  }
  KVOX_TRY(kvox_array_check(projections, "kvox_ct_add_noise: projections",
                            KVOX_TYPE_BIT(KVOX_F32) | KVOX_TYPE_BIT(KVOX_F64)));
  KVOX_TRY(kvox_array_check_result(projections, "kvox_ct_add_noise: projections"));
  const int64_t work = kvox_work(kvox_array_elements(projections), operations);
  noise s = {.projections = projections,
             .columns = projections->shape[projections->rank - 1],
             .stride = projections->strides[projections->rank - 1],
             .photons = photons,
             .least = log(photons / KVOX_CT_MOST_PHOTONS),
             .seed = seed};
  const int64_t rows = kvox_array_row_count(projections);
  KVOX_TRY(kvox_parallel(&context->threads, rows, work / operations, check_row, &s, NULL));
  return kvox_parallel(&context->threads, rows, work, add_to_row, &s, NULL);
}
