/* Pseudo-replicas: k-space with more noise, and the statistics of what is made of it. */
#ifndef KVOX_MRI_REPLICA_H
#define KVOX_MRI_REPLICA_H

#include "mri/noise.h"

/* Noise that is added to every measured sample of a k-space. */
typedef struct kvox_replica_noise {
  const kvox_mix_kernels *kernels;
  kvox_mix mix;             /* white noise to that of the covariance, which is the matrix times its adjoint */
  const kvox_array *kspace; /* the caller's */
  kvox_array noisy;         /* dense, of its shape */
  uint64_t seed, replica;   /* 0: none is added */
  float *scratch;           /* for each worker: kvox_replica_noise_floats */
} kvox_replica_noise;

int64_t kvox_replica_noise_floats(int64_t coils);

/* The matrix [coil][coil][real, imaginary]. */
void kvox_replica_noise_matrix(const kvox_mri_noise *noise, float *matrix);

/* A body for kvox_parallel over the tiles of k-space. */
kvox_status kvox_replica_noise_tile(void *data, int64_t index, int32_t worker);

#endif
