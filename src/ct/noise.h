/* Photon noise. */
#ifndef KVOX_CT_NOISE_H
#define KVOX_CT_NOISE_H

#include <stdint.h>

/* Means above this leave no room for whole numbers of photons in a double. */
#define KVOX_CT_MOST_PHOTONS 1e15

/* A Poisson number of that mean (0 to KVOX_CT_MOST_PHOTONS), the same for the same seed and index. */
double kvox_ct_poisson(double mean, uint64_t seed, uint64_t index);

#endif
