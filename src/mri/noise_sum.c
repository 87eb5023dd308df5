/* Sums over samples of noise. Each pair of coils is summed in the order of samples: no cut and no thread changes it. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "mri/noise.h"
#include "mri/tiles.h"

/* What of each axis is a corner where nobody says; axes below this many samples have no ends. */
static const double usual_share = 0.1;
enum { LEAST_AXIS = 4 };

kvox_status kvox_mri_noise_sum_create(kvox_context *context, int64_t coils, double sample_time_us,
                                      kvox_mri_noise_sum **sum) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(sum);
  KVOX_TRY(kvox_mri_noise_check("kvox_mri_noise_sum_create", coils, sample_time_us));
  kvox_mri_noise_sum *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->coils = coils;
  made->sample_time_us = sample_time_us;
  made->sums = kvox_allocate_zeros(context->heap, (uint64_t)(coils * coils) * 2 * sizeof *made->sums);
  made->chunk = kvox_allocate(context->heap, (uint64_t)(2 * coils * KVOX_MRI_NOISE_CHUNK) * sizeof *made->chunk);
  if (made->sums == NULL || made->chunk == NULL) {
    kvox_mri_noise_sum_destroy(made);
    return KVOX_ERROR_MEMORY;
  }
  *sum = made;
  return KVOX_OK;
}

void kvox_mri_noise_sum_destroy(kvox_mri_noise_sum *sum) {
  if (sum == NULL) {
    return;
  }
  kvox_context *context = sum->context;
  kvox_release(context->heap, sum->chunk);
  kvox_release(context->heap, sum->sums);
  kvox_release(context->heap, sum);
  kvox_context_destroy(context);
}

static const double *chunk_row(const kvox_mri_noise_sum *s, int64_t coil, int64_t part) {
  return s->chunk + (2 * coil + part) * KVOX_MRI_NOISE_CHUNK;
}

static kvox_status sum_row(void *data, int64_t i, int32_t worker) {
  (void)worker;
  const kvox_mri_noise_sum *s = data;
  const double *a = chunk_row(s, i, 0), *b = chunk_row(s, i, 1);
  for (int64_t j = 0; j <= i; j++) {
    const double *c = chunk_row(s, j, 0), *d = chunk_row(s, j, 1);
    double *sum = s->sums + 2 * (i * s->coils + j), re = sum[0], im = sum[1];
    for (int64_t n = 0; n < s->filled; n++) {
      re += a[n] * c[n] + b[n] * d[n];
      im += b[n] * c[n] - a[n] * d[n];
    }
    sum[0] = re;
    sum[1] = im;
  }
  return KVOX_OK;
}

static kvox_status flush(kvox_mri_noise_sum *s) {
  const int64_t work = kvox_work(4 * s->coils * s->coils, s->filled);
  KVOX_TRY(kvox_parallel(&s->context->threads, s->coils, work, sum_row, s, NULL));
  s->samples += s->filled;
  s->filled = 0;
  return KVOX_OK;
}

/* One sample of every coil, coils `stride` bytes apart; `skip_zero`: not where all are zero. */
static kvox_status add_sample(kvox_mri_noise_sum *s, const char *name, const char *at, int64_t stride, bool skip_zero) {
  const int64_t n = s->filled;
  bool zero = true;
  for (int64_t c = 0; c < s->coils; c++) {
    float z[2];
    memcpy(z, at + c * stride, sizeof z);
    if (!isfinite(z[0]) || !isfinite(z[1])) {
      return kvox_fail(KVOX_ERROR_DATA, "%s: a sample of coil %" PRId64 " is NaN or infinite", name, c);
    }
    zero = zero && z[0] == 0 && z[1] == 0;
    s->chunk[2 * c * KVOX_MRI_NOISE_CHUNK + n] = z[0];
    s->chunk[(2 * c + 1) * KVOX_MRI_NOISE_CHUNK + n] = z[1];
  }
  s->filled += zero && skip_zero ? 0 : 1;
  return s->filled == KVOX_MRI_NOISE_CHUNK ? flush(s) : KVOX_OK;
}

static kvox_status check_coils(const kvox_mri_noise_sum *s, const char *name, int64_t coils) {
  if (coils != s->coils) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: it has %" PRId64 " coils, the noise so far %" PRId64, name, coils, s->coils);
  }
  return KVOX_OK;
}

kvox_status kvox_mri_noise_sum_add(kvox_mri_noise_sum *sum, const kvox_array *samples) {
  static const char name[] = "kvox_mri_noise_sum_add: samples";
  KVOX_REQUIRE(sum);
  KVOX_TRY(kvox_array_check(samples, name, KVOX_TYPE_BIT(KVOX_C64)));
  if (samples->rank < 2) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be at least 2: [.., coil, sample]", name,
                     samples->rank);
  }
  const int32_t last = samples->rank - 1;
  KVOX_TRY(check_coils(sum, name, samples->shape[last - 1]));
  const int64_t rows = kvox_array_row_count(samples);
  for (int64_t row = 0; row < rows; row += sum->coils) {
    const char *at = kvox_array_row(samples, row);
    for (int64_t n = 0; n < samples->shape[last]; n++) {
      KVOX_TRY(add_sample(sum, name, at + n * samples->strides[last], samples->strides[last - 1], false));
    }
  }
  return flush(sum);
}

bool kvox_mri_noise_sum_is_of_time(const kvox_mri_noise_sum *sum, const kvox_mri_readout *r) {
  static const double same_share = 1e-5; /* files keep such times as floats */
  return !(r->sample_time_us > 0 && sum->sample_time_us > 0 &&
           fabs(r->sample_time_us - sum->sample_time_us) > same_share * sum->sample_time_us);
}

static kvox_status check_readout(const kvox_mri_noise_sum *sum, const char *name, const kvox_mri_readout *r) {
  char number[KVOX_NUMBER_BYTES], other[KVOX_NUMBER_BYTES];
  KVOX_TRY(check_coils(sum, name, r->coils));
  if (r->data == NULL || r->samples < 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: it has no samples", name);
  }
  if (r->discard_before < 0 || r->discard_after < 0 ||
      (int64_t)r->discard_before + r->discard_after > (int64_t)r->samples) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "%s: %" PRId32 " and %" PRId32 " samples at its ends are to be discarded, of %" PRId32, name,
                     r->discard_before, r->discard_after, r->samples);
  }
  if (!(r->sample_time_us >= 0 && isfinite(r->sample_time_us))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: sample_time_us is %s, must be positive, or 0 where it is not known",
                     name, kvox_number(r->sample_time_us, number));
  }
  if (!kvox_mri_noise_sum_is_of_time(sum, r)) {
    return kvox_fail(KVOX_ERROR_DATA, "%s: its samples took %s us each, those of the noise so far %s us", name,
                     kvox_number(r->sample_time_us, number), kvox_number(sum->sample_time_us, other));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_noise_sum_add_readout(kvox_mri_noise_sum *sum, const kvox_mri_readout *readout) {
  static const char name[] = "kvox_mri_noise_sum_add_readout: readout";
  const int64_t size = 2 * sizeof(float);
  KVOX_REQUIRE(sum);
  KVOX_REQUIRE(readout);
  KVOX_TRY(check_readout(sum, name, readout));
  if (sum->sample_time_us == 0) {
    sum->sample_time_us = readout->sample_time_us;
  }
  const char *data = (const char *)readout->data;
  for (int64_t n = readout->discard_before; n < readout->samples - readout->discard_after; n++) {
    KVOX_TRY(add_sample(sum, name, data + n * size, readout->samples * size, false));
  }
  return flush(sum);
}

/* Whether index `at` lies in the outer share of an axis; all of a short one does. */
static bool is_outer(int64_t at, int64_t size, double share) {
  const int64_t width = kvox_max_i64((int64_t)(share * (double)size), 1);
  return size < LEAST_AXIS || at < width || at >= size - width;
}

static kvox_status add_corners(kvox_mri_noise_sum *sum, const char *name, const kvox_array *kspace, double share) {
  const int32_t rank = kspace->rank;
  const int64_t *shape = kspace->shape + rank - 3, *strides = kspace->strides + rank - 3;
  const int64_t volumes = kvox_mri_volumes(kspace);
  for (int64_t v = 0; v < volumes; v += sum->coils) {
    const char *volume = kvox_mri_volume(kspace, v);
    for (int64_t row = 0; row < shape[0] * shape[1]; row++) {
      const int64_t z = row / shape[1], y = row % shape[1];
      if (!is_outer(z, shape[0], share) || !is_outer(y, shape[1], share)) {
        continue;
      }
      const char *at = volume + z * strides[0] + y * strides[1];
      for (int64_t x = 0; x < shape[2]; x++) {
        if (is_outer(x, shape[2], share)) {
          KVOX_TRY(add_sample(sum, name, at + x * strides[2], kspace->strides[rank - 4], true));
        }
      }
    }
  }
  return flush(sum);
}

kvox_status kvox_mri_noise_sum_add_edges(kvox_mri_noise_sum *sum, const kvox_array *kspace, double share) {
  static const char name[] = "kvox_mri_noise_sum_add_edges: kspace";
  char number[KVOX_NUMBER_BYTES];
  KVOX_REQUIRE(sum);
  KVOX_TRY(kvox_mri_check_coils(kspace, name));
  KVOX_TRY(check_coils(sum, name, kvox_mri_coils_of(kspace)));
  if (!(share >= 0 && share < 0.5)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_noise_sum_add_edges: share is %s, must be below 0.5 and positive, or 0 for 0.1",
                     kvox_number(share, number));
  }
  const int64_t *shape = kspace->shape + kspace->rank - 3;
  if (shape[0] < LEAST_AXIS && shape[1] < LEAST_AXIS && shape[2] < LEAST_AXIS) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: no axis has %d samples or more: it has no edges", name, LEAST_AXIS);
  }
  return add_corners(sum, name, kspace, share > 0 ? share : usual_share);
}

kvox_status kvox_mri_noise_sum_fill(const kvox_mri_noise_sum *sum, kvox_mri_noise *noise) {
  const int64_t coils = sum->coils;
  if (sum->samples < coils) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "kvox_mri_noise_sum_finish: there are %" PRId64 " samples of %" PRId64
                     " coils, at least as many samples as coils are needed and some thousand wanted",
                     sum->samples, coils);
  }
  for (int64_t i = 0; i < coils; i++) {
    for (int64_t j = 0; j <= i; j++) {
      const double *s = sum->sums + 2 * (i * coils + j);
      const double re = s[0] / (double)sum->samples, im = i == j ? 0 : s[1] / (double)sum->samples;
      noise->covariance[i * coils + j] = re + im * I;
      noise->covariance[j * coils + i] = re - im * I;
    }
  }
  return kvox_mri_noise_fill("kvox_mri_noise_sum_finish", sum->samples, sum->sample_time_us, noise);
}

kvox_status kvox_mri_noise_sum_finish(const kvox_mri_noise_sum *sum, kvox_mri_noise **noise) {
  KVOX_REQUIRE(sum);
  KVOX_REQUIRE(noise);
  kvox_mri_noise *made = NULL;
  KVOX_TRY(kvox_mri_noise_reserve(sum->context->heap, sum->coils, &made));
  const kvox_status status = kvox_mri_noise_sum_fill(sum, made);
  if (status != KVOX_OK) {
    kvox_mri_noise_destroy(made);
    return status;
  }
  *noise = made;
  return KVOX_OK;
}
