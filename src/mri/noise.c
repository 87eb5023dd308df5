#include "mri/noise.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"

/* By how much a covariance that is given may differ from a Hermitian one, as a share of the deviations' product. */
static const double hermitian_share = 1e-9;

kvox_status kvox_mri_noise_check(const char *name, int64_t coils, double sample_time_us) {
  char number[KVOX_NUMBER_BYTES];
  if (coils < 1 || coils > KVOX_LINALG_MOST) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: coils is %" PRId64 ", must be from 1 to %d", name, coils,
                     KVOX_LINALG_MOST);
  }
  if (!(sample_time_us >= 0 && isfinite(sample_time_us))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: sample_time_us is %s, must be positive, or 0 where it is not known",
                     name, kvox_number(sample_time_us, number));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_noise_check_coils(const kvox_mri_noise *noise, const char *name, int64_t coils) {
  if (noise->coils != coils) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: it has %" PRId64 " coils, the noise %" PRId64, name, coils, noise->coils);
  }
  return KVOX_OK;
}

/* The first coil whose row of the Cholesky factor was not reached: the diagonal was -1 everywhere before. */
static int64_t unreached(int64_t coils, const kvox_complex *lower) {
  int64_t coil = 0;
  while (coil < coils - 1 && creal(lower[coil * coils + coil]) > 0) {
    coil++;
  }
  return coil;
}

static kvox_status factorize(const char *name, kvox_mri_noise *n) {
  for (int64_t c = 0; c < n->coils; c++) {
    n->whitening[c * n->coils + c] = -1;
  }
  if (kvox_cholesky(n->coils, n->covariance, n->whitening) != KVOX_OK) {
    const int64_t coil = unreached(n->coils, n->whitening);
    const bool zero = !(creal(n->covariance[coil * n->coils + coil]) > 0);
    return kvox_fail(KVOX_ERROR_DATA, "%s: the noise of coil %" PRId64 " %s", name, coil,
                     zero ? "is zero: is it switched off, or were these samples not measured?"
                          : "depends on that of the coils before it: the covariance is singular");
  }
  kvox_invert_lower(n->coils, n->whitening, n->whitening);
  for (int64_t i = 0; i < n->coils * n->coils; i++) {
    n->matrix[2 * i] = (float)creal(n->whitening[i]);
    n->matrix[2 * i + 1] = (float)cimag(n->whitening[i]);
    if (!isfinite(n->matrix[2 * i]) || !isfinite(n->matrix[2 * i + 1])) {
      return kvox_fail(KVOX_ERROR_DATA,
                       "%s: the noise of coil %" PRId64
                       " is so small that its inverse leaves the range of 32-bit floats",
                       name, i / n->coils);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_mri_noise_reserve(kvox_heap *heap, int64_t coils, kvox_mri_noise **noise) {
  const uint64_t elements = (uint64_t)(coils * coils);
  kvox_mri_noise *made = kvox_allocate_zeros(heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->heap = kvox_heap_hold(heap);
  made->coils = coils;
  made->covariance = kvox_allocate(heap, elements * sizeof *made->covariance);
  made->whitening = kvox_allocate(heap, elements * sizeof *made->whitening);
  made->matrix = kvox_allocate(heap, elements * 2 * sizeof *made->matrix);
  if (made->covariance == NULL || made->whitening == NULL || made->matrix == NULL) {
    kvox_mri_noise_destroy(made);
    return KVOX_ERROR_MEMORY;
  }
  *noise = made;
  return KVOX_OK;
}

kvox_status kvox_mri_noise_fill(const char *name, int64_t samples, double sample_time_us, kvox_mri_noise *noise) {
  noise->samples = samples;
  noise->sample_time_us = sample_time_us;
  return factorize(name, noise);
}

kvox_status kvox_mri_noise_make(kvox_heap *heap, const char *name, int64_t coils, const kvox_complex *covariance,
                                int64_t samples, double sample_time_us, kvox_mri_noise **noise) {
  kvox_mri_noise *made = NULL;
  KVOX_TRY(kvox_mri_noise_reserve(heap, coils, &made));
  memcpy(made->covariance, covariance, (size_t)(coils * coils) * sizeof *covariance);
  const kvox_status status = kvox_mri_noise_fill(name, samples, sample_time_us, made);
  if (status != KVOX_OK) {
    kvox_mri_noise_destroy(made);
    return status;
  }
  *noise = made;
  return KVOX_OK;
}

void kvox_mri_noise_destroy(kvox_mri_noise *noise) {
  if (noise == NULL) {
    return;
  }
  kvox_heap *heap = noise->heap;
  kvox_release(heap, noise->matrix);
  kvox_release(heap, noise->whitening);
  kvox_release(heap, noise->covariance);
  kvox_release(heap, noise);
  kvox_heap_drop(heap);
}

static kvox_status check_covariance(int64_t coils, const kvox_complex *a) {
  for (int64_t i = 0; i < coils; i++) {
    for (int64_t j = 0; j <= i; j++) {
      const kvox_complex z = a[i * coils + j], mirrored = a[j * coils + i];
      const double most = hermitian_share * sqrt(fabs(creal(a[i * coils + i]))) * sqrt(fabs(creal(a[j * coils + j])));
      if (!isfinite(creal(z)) || !isfinite(cimag(z))) {
        return kvox_fail(KVOX_ERROR_DATA,
                         "kvox_mri_noise_create: covariance[%" PRId64 "][%" PRId64 "] is NaN or infinite", i, j);
      }
      if (!(cabs(z - conj(mirrored)) <= most)) {
        return kvox_fail(KVOX_ERROR_ARGUMENT,
                         "kvox_mri_noise_create: covariance[%" PRId64 "][%" PRId64 "] is not the conjugate of [%" PRId64
                         "][%" PRId64 "]",
                         i, j, j, i);
      }
    }
  }
  return KVOX_OK;
}

kvox_status kvox_mri_noise_create(kvox_context *context, int64_t coils, const double *covariance, double sample_time_us,
                                  kvox_mri_noise **noise) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(covariance);
  KVOX_REQUIRE(noise);
  KVOX_TRY(kvox_mri_noise_check("kvox_mri_noise_create", coils, sample_time_us));
  kvox_complex *a = kvox_allocate(context->heap, (uint64_t)(coils * coils) * sizeof *a);
  if (a == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(a, covariance, (size_t)(coils * coils) * sizeof *a); /* as C lays out complex numbers */
  kvox_status status = check_covariance(coils, a);
  if (status == KVOX_OK) {
    status = kvox_mri_noise_make(context->heap, "kvox_mri_noise_create", coils, a, 0, sample_time_us, noise);
  }
  kvox_release(context->heap, a);
  return status;
}

int64_t kvox_mri_noise_coils(const kvox_mri_noise *noise) { return noise != NULL ? noise->coils : 0; }
int64_t kvox_mri_noise_samples(const kvox_mri_noise *noise) { return noise != NULL ? noise->samples : 0; }
double kvox_mri_noise_sample_time_us(const kvox_mri_noise *noise) { return noise != NULL ? noise->sample_time_us : 0; }

kvox_status kvox_mri_noise_covariance(const kvox_mri_noise *noise, double *covariance) {
  KVOX_REQUIRE(noise);
  KVOX_REQUIRE(covariance);
  memcpy(covariance, noise->covariance, (size_t)(noise->coils * noise->coils) * sizeof *noise->covariance);
  return KVOX_OK;
}

kvox_status kvox_mri_noise_whitening(const kvox_mri_noise *noise, double *whitening) {
  KVOX_REQUIRE(noise);
  KVOX_REQUIRE(whitening);
  memcpy(whitening, noise->whitening, (size_t)(noise->coils * noise->coils) * sizeof *noise->whitening);
  return KVOX_OK;
}

static kvox_status check_rescale(const kvox_mri_noise *noise, double sample_time_us, double bandwidth_ratio) {
  char number[KVOX_NUMBER_BYTES];
  if (!(sample_time_us > 0 && isfinite(sample_time_us))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_noise_rescale: sample_time_us is %s, must be positive",
                     kvox_number(sample_time_us, number));
  }
  if (!(bandwidth_ratio >= 0 && isfinite(bandwidth_ratio))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_noise_rescale: bandwidth_ratio is %s, must be positive, or 0 for 1",
                     kvox_number(bandwidth_ratio, number));
  }
  if (noise->sample_time_us == 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_noise_rescale: the noise's own sample time is not known");
  }
  return KVOX_OK;
}

kvox_status kvox_mri_noise_rescale(const kvox_mri_noise *noise, double sample_time_us, double bandwidth_ratio,
                                   kvox_mri_noise **rescaled) {
  KVOX_REQUIRE(noise);
  KVOX_REQUIRE(rescaled);
  KVOX_TRY(check_rescale(noise, sample_time_us, bandwidth_ratio));
  const double scale = noise->sample_time_us / sample_time_us / (bandwidth_ratio > 0 ? bandwidth_ratio : 1);
  const int64_t elements = noise->coils * noise->coils;
  kvox_complex *a = kvox_allocate(noise->heap, (uint64_t)elements * sizeof *a);
  if (a == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t i = 0; i < elements; i++) {
    a[i] = scale * noise->covariance[i];
  }
  const kvox_status status = kvox_mri_noise_make(noise->heap, "kvox_mri_noise_rescale", noise->coils, a, noise->samples,
                                                 sample_time_us, rescaled);
  kvox_release(noise->heap, a);
  return status;
}

double kvox_mri_snr_scale(double squared_weights, int64_t elements) {
  if (!(squared_weights > 0 && isfinite(squared_weights)) || elements < 1) {
    return NAN;
  }
  return sqrt(2 * (double)elements / squared_weights);
}
