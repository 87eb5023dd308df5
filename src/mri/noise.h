/* The noise of coils and sums over samples of it. */
#ifndef KVOX_MRI_NOISE_INSIDE_H
#define KVOX_MRI_NOISE_INSIDE_H

#include "context/context.h"
#include "kvox/mri_noise.h"
#include "linalg/linalg.h"
#include "mri/mix.h"

struct kvox_mri_noise {
  kvox_heap *heap;
  int64_t coils, samples;
  double sample_time_us;
  kvox_complex *covariance, *whitening; /* [coil][coil]; the inverse of the Cholesky factor */
  float *matrix;                        /* the whitening matrix for stage "mix" */
};

/* Samples that are summed at once. */
enum { KVOX_MRI_NOISE_CHUNK = 1024 };

struct kvox_mri_noise_sum {
  kvox_context *context;
  int64_t coils, samples;
  double sample_time_us;
  double *sums;   /* [coil][coil][re, im] of n_i conj(n_j), j <= i */
  int64_t filled; /* of the chunk */
  double *chunk;  /* [coil][re, im][sample] */
};

/* A noise that takes the covariance (Hermitian, finite), whatever it is scaled by. `name` opens the sentence. */
kvox_status kvox_mri_noise_make(kvox_heap *heap, const char *name, int64_t coils, const kvox_complex *covariance,
                                int64_t samples, double sample_time_us, kvox_mri_noise **noise);

/* In two steps, so that it can be filled again without memory: one without numbers, whose covariance is then set by
 * whoever fills it. After a failure it holds none. */
kvox_status kvox_mri_noise_reserve(kvox_heap *heap, int64_t coils, kvox_mri_noise **noise);
kvox_status kvox_mri_noise_fill(const char *name, int64_t samples, double sample_time_us, kvox_mri_noise *noise);
/* Whether samples of the readout took as long as those of the sum, as far as both are known. */
bool kvox_mri_noise_sum_is_of_time(const kvox_mri_noise_sum *sum, const kvox_mri_readout *readout);
/* The mean over a sum's samples, into a noise of as many coils. */
kvox_status kvox_mri_noise_sum_fill(const kvox_mri_noise_sum *sum, kvox_mri_noise *noise);

/* 1 to KVOX_LINALG_MOST coils, a time that is known (positive) or not (0). */
kvox_status kvox_mri_noise_check(const char *name, int64_t coils, double sample_time_us);

/* The noise is of so many coils. */
kvox_status kvox_mri_noise_check_coils(const kvox_mri_noise *noise, const char *name, int64_t coils);

/* Whitening for stage "mix". */
static inline kvox_mix kvox_mri_noise_mix(const kvox_mri_noise *noise) {
  return (kvox_mix){.outputs = noise->coils, .inputs = noise->coils, .lower = true, .matrix = noise->matrix};
}

#endif
