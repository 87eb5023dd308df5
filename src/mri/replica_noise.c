/* Seeded noise: each pair of coils of each sample has a place of its own in the sequence, so that no order changes it.
 */
#include <math.h>
#include <string.h>

#include "core/random.h"
#include "mri/replica.h"

static const char name[] = "kvox_mri_replica_snr: kspace";
static const float two_pi = 6.2831853f;

int64_t kvox_replica_noise_floats(int64_t coils) { return 3 * coils * KVOX_MRI_TILE_ROW; }

/* L = covariance W^H, since W covariance W^H = 1 and covariance = L L^H. */
void kvox_replica_noise_matrix(const kvox_mri_noise *noise, float *matrix) {
  const int64_t n = noise->coils;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) {
      kvox_complex sum = 0;
      for (int64_t k = 0; k <= j && j <= i; k++) {
        sum += noise->covariance[i * n + k] * conj(noise->whitening[j * n + k]);
      }
      matrix[2 * (i * n + j)] = (float)creal(sum);
      matrix[2 * (i * n + j) + 1] = (float)cimag(sum);
    }
  }
}

/* A complex number of variance 1 from two words (Box and Muller 1958). */
static void put_normal(const uint32_t bits[2], float *out) {
  const float u = (float)(((double)bits[0] + 0.5) * 0x1p-32), angle = two_pi * (float)((double)bits[1] * 0x1p-32);
  const float size = sqrtf(-logf(u));
  out[0] = size * cosf(angle);
  out[1] = size * sinf(angle);
}

/* White noise of every coil. Coils share a draw in pairs; the last of an odd number leaves half of its own. */
static void make_white(const kvox_replica_noise *r, const kvox_mri_tile *at, float *white) {
  const int64_t coils = r->mix.inputs, pairs = kvox_divide_up(coils, 2);
  const int64_t samples = kvox_mri_volume_samples(r->kspace);
  const uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
  for (int64_t p = 0; p < pairs; p++) {
    float *row = white + 2 * p * KVOX_MRI_TILE_ROW, half[2];
    for (int64_t n = 0; n < at->padded; n++) {
      const uint64_t place = (uint64_t)((at->volume * pairs + p) * samples + at->begin + n);
      const uint32_t counter[4] = {(uint32_t)place, (uint32_t)(place >> 32), (uint32_t)r->replica,
                                   (uint32_t)(r->replica >> 32)};
      uint32_t bits[4];
      kvox_philox(counter, key, bits);
      put_normal(bits, row + 2 * n);
      put_normal(bits + 2, 2 * p + 1 < coils ? row + KVOX_MRI_TILE_ROW + 2 * n : half);
    }
  }
}

static bool all_finite(const float *rows, int64_t coils, int64_t count) {
  int other = 0;
  for (int64_t c = 0; c < coils; c++) {
    for (int64_t n = 0; n < 2 * count; n++) {
      other |= !(rows[c * KVOX_MRI_TILE_ROW + n] - rows[c * KVOX_MRI_TILE_ROW + n] == 0);
    }
  }
  return other == 0;
}

/* Adds noise where a coil has a sample that is not 0. */
static void add_measured(int64_t coils, int64_t count, const float *noise, float *rows) {
  for (int64_t n = 0; n < count; n++) {
    bool measured = false;
    for (int64_t c = 0; c < coils; c++) {
      const float *z = rows + c * KVOX_MRI_TILE_ROW + 2 * n;
      measured = measured || z[0] != 0 || z[1] != 0;
    }
    for (int64_t c = 0; measured && c < coils; c++) {
      rows[c * KVOX_MRI_TILE_ROW + 2 * n] += noise[c * KVOX_MRI_TILE_ROW + 2 * n];
      rows[c * KVOX_MRI_TILE_ROW + 2 * n + 1] += noise[c * KVOX_MRI_TILE_ROW + 2 * n + 1];
    }
  }
}

kvox_status kvox_replica_noise_tile(void *data, int64_t index, int32_t worker) {
  const kvox_replica_noise *r = data;
  const int64_t coils = r->mix.inputs;
  const kvox_mri_tile at = kvox_mri_tile_at(r->kspace, index);
  float *rows = r->scratch + worker * kvox_replica_noise_floats(coils), *white = rows + coils * KVOX_MRI_TILE_ROW;
  float *noise = white + coils * KVOX_MRI_TILE_ROW;
  kvox_mri_read_tile(r->kspace, at.volume * coils, coils, at.begin, at.count, rows);
  if (!all_finite(rows, coils, at.count)) {
    return kvox_mri_tile_not_finite(name, r->kspace, &at, coils, rows);
  }
  if (r->replica > 0) {
    make_white(r, &at, white);
    r->kernels->mix(&r->mix, at.padded, white, noise);
    add_measured(coils, at.count, noise, rows);
  }
  kvox_mri_write_tile(&r->noisy, at.volume * coils, coils, at.begin, at.count, rows);
  return KVOX_OK;
}
