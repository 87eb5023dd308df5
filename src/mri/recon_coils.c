/* What becomes of coils when an image is asked for: noise from the edges of k-space, compression. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "mri/compress.h"
#include "mri/noise.h"
#include "mri/recon.h"

/* Samples and lines farther from the middle than this share of the farthest one hold noise, next to no signal: the same
 * as the outer tenth of a whole axis at either end. */
static const double edge_share = 0.8;

/* Lines and partitions around k = 0 that tell which virtual coils hold the signal. */
enum { REGION = 24 };

/* ---- The edges ---- */

bool kvox_mri_recon_wants_edges(const kvox_mri_recon *r) {
  return r->options.noise == KVOX_MRI_NOISE_FROM_EDGES && r->noise_sum == NULL && r->known_noise == NULL;
}

/* Counter `at` of an axis (y, z); one so short that it has no ends is taken whole. */
static bool is_outer(const kvox_mri_recon_layout *l, int axis, int64_t at) {
  const int64_t middle = l->encoded[axis] / 2, low = middle - l->first[axis], high = l->end[axis] - 1 - middle;
  return l->encoded[axis] < 4 || (double)llabs(at - middle) >= edge_share * (double)kvox_max_i64(low, high);
}

/* The ends of a readout that lie as far out, as they were measured. */
kvox_status kvox_mri_recon_add_edges(kvox_mri_recon *r, const kvox_mri_readout *readout, int64_t y, int64_t z) {
  if (r->edges == NULL || !is_outer(&r->layout, 1, y) || !is_outer(&r->layout, 2, z)) {
    return KVOX_OK;
  }
  const int64_t begin = readout->discard_before, end = readout->samples - readout->discard_after;
  const int64_t middle = kvox_mri_recon_middle_as_measured(r, readout);
  const double far = edge_share * (double)kvox_max_i64(middle - begin, end - 1 - middle);
  const int64_t low = kvox_max_i64((int64_t)floor((double)middle - far) + 1, begin);
  const int64_t high = kvox_min_i64((int64_t)ceil((double)middle + far), end);
  const int64_t runs[2][2] = {{begin, low}, {high, end}}, element = 2 * sizeof(float);
  for (int i = 0; i < 2; i++) {
    if (runs[i][0] < runs[i][1]) {
      const kvox_array samples = {.data = (void *)(uintptr_t)(readout->data + 2 * runs[i][0]),
                                  .type = KVOX_C64,
                                  .rank = 2,
                                  .shape = {readout->coils, runs[i][1] - runs[i][0]},
                                  .strides = {readout->samples * element, element}};
      KVOX_TRY(kvox_mri_noise_sum_add(r->edges, &samples));
    }
  }
  return KVOX_OK;
}

/* ---- The matrix ---- */

static bool has_lines(const kvox_mri_recon *r, int64_t frame, int64_t begin_y, int64_t end_y, int64_t begin_z,
                      int64_t end_z) {
  for (int64_t slice = 0; slice < r->layout.slices; slice++) {
    const int32_t *counts = kvox_mri_recon_counts(r, frame, slice);
    for (int64_t z = begin_z; z < end_z; z++) {
      for (int64_t y = begin_y; y < end_y; y++) {
        if (counts[z * r->layout.encoded[1] + y] > 0) {
          return true;
        }
      }
    }
  }
  return false;
}

/* The middle of all slices of the first frame that has something of it; all of a frame where none has. */
static kvox_array middle_of(const kvox_mri_recon *r) {
  const int64_t *e = r->layout.encoded;
  int64_t size[3] = {0}, first[3] = {0}, frame = 0;
  for (int a = 1; a < 3; a++) {
    size[a] = kvox_min_i64(e[a], REGION);
    first[a] = e[a] / 2 - size[a] / 2;
  }
  while (frame < r->layout.frames && !has_lines(r, frame, first[1], first[1] + size[1], first[2], first[2] + size[2])) {
    frame++;
  }
  if (frame == r->layout.frames) {
    memcpy(size, e, sizeof size);
    memset(first, 0, sizeof first);
    for (frame = 0; frame + 1 < r->layout.frames && !has_lines(r, frame, 0, e[1], 0, e[2]);) {
      frame++;
    }
  }
  const kvox_array stored = kvox_mri_recon_stored(r, frame, 0);
  kvox_array middle = {.type = KVOX_C64, .rank = 5};
  middle.data = kvox_array_shifted(&stored, first[2] * stored.strides[1] + first[1] * stored.strides[2]);
  const int64_t shape[5] = {r->layout.slices, r->coils, size[2], size[1], r->store.x};
  memcpy(middle.shape, shape, sizeof shape);
  memcpy(middle.strides + 1, stored.strides, 4 * sizeof *stored.strides);
  middle.strides[0] = r->store.slice_step * (int64_t)sizeof(float);
  return middle;
}

/* Virtual coils of whitened ones: the product of both matrices. */
static void multiply(int64_t rows, int64_t coils, const kvox_complex *compression, const kvox_complex *whitening,
                     float *product) {
  for (int64_t v = 0; v < rows; v++) {
    for (int64_t c = 0; c < coils; c++) {
      kvox_complex sum = 0;
      for (int64_t k = 0; k < coils; k++) {
        const kvox_complex w = whitening != NULL ? whitening[k * coils + c] : k == c;
        sum += (compression != NULL ? compression[v * coils + k] : k == v) * w;
      }
      product[2 * (v * coils + c)] = (float)creal(sum);
      product[2 * (v * coils + c) + 1] = (float)cimag(sum);
    }
  }
}

/* Noise of too few samples is none, unless it is asked for. */
static kvox_status finish_edges(kvox_mri_recon *r) {
  r->edges_tell = false;
  if (r->edges == NULL) {
    return KVOX_OK;
  }
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_status status = kvox_mri_noise_sum_fill(r->edges, r->edge_noise);
  r->edges_tell = status == KVOX_OK;
  if (status == KVOX_ERROR_DATA && r->options.snr_units == 0) {
    kvox_sentence_put_back(&before);
    kvox_log(r->context->heap, KVOX_LOG_WARNING,
             "kvox_mri_recon: the edges of k-space do not tell the noise yet: coils are not whitened");
    return KVOX_OK;
  }
  return status;
}

/* Of the largest that the middle may be. */
uint64_t kvox_mri_recon_settle_bytes(const kvox_mri_recon *r, int64_t coils) {
  const int64_t *e = r->layout.encoded;
  const kvox_array most = {.type = KVOX_C64, .rank = 5, .shape = {r->layout.slices, coils, e[2], e[1], r->store.x}};
  return kvox_mri_recon_images(r, coils) < coils ? kvox_mri_compression_bytes(r->context, &most) : 0;
}

kvox_status kvox_mri_recon_settle_coils(kvox_mri_recon *r) {
  if (r->matrix == NULL || r->mixed_lines == r->lines) {
    return KVOX_OK;
  }
  r->mixed_lines = -1;
  KVOX_TRY(finish_edges(r));
  if (r->compression != NULL) {
    const kvox_mix mix = r->edges_tell ? kvox_mri_noise_mix(r->edge_noise) : (kvox_mix){.outputs = 0};
    const kvox_array middle = middle_of(r);
    KVOX_TRY(kvox_workspace_begin(r->inner, kvox_mri_compression_bytes(r->context, &middle)));
    KVOX_TRY(kvox_mri_compression_fill(r->context, "kvox_mri_recon_image", &middle, r->edges_tell ? &mix : NULL,
                                       r->inner->block, r->compression));
    r->kept_energy = r->compression->energy;
  }
  multiply(kvox_mri_recon_images(r, r->coils), r->coils, r->compression != NULL ? r->compression->matrices : NULL,
           r->edges_tell ? r->edge_noise->whitening : NULL, r->matrix);
  r->mixed_lines = r->lines;
  return KVOX_OK;
}

kvox_status kvox_mri_recon_mix_coil(kvox_mri_recon *r, int64_t image, const kvox_array *stored, const kvox_array *out) {
  const kvox_mix mix = {.outputs = 1, .inputs = r->coils, .matrix = r->matrix + 2 * image * r->coils};
  return kvox_mri_mix(r->context, "kvox_mri_recon_image", "compress", &mix, r->inner, stored, out);
}
