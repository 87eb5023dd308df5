/* Navigators that come before the first line: what the lines are like is not known before that. */
#include <string.h>

#include "core/fail.h"
#include "mri/recon.h"

static int64_t samples_of(const kvox_mri_recon *r) {
  return kvox_mri_recon_has_ramps(r) && r->protocol.ramps.samples > 0 ? r->protocol.ramps.samples
                                                                      : r->layout.encoded[0];
}

uint64_t kvox_mri_recon_held_bytes(const kvox_mri_recon *r, int64_t coils) {
  const uint64_t one = (uint64_t)(coils * samples_of(r)) * 2 * sizeof(float);
  return kvox_mri_recon_takes_navigators(r) ? KVOX_MRI_RECON_MOST_NAVIGATORS * one + sizeof(kvox_mri_recon_held) : 0;
}

kvox_status kvox_mri_recon_hold(kvox_mri_recon *r, const kvox_mri_readout *readout) {
  kvox_heap *heap = r->context->heap;
  if (r->held == NULL) {
    r->held = kvox_allocate_zeros(heap, sizeof *r->held);
    if (r->held == NULL) {
      return KVOX_ERROR_MEMORY;
    }
  }
  kvox_mri_recon_held *h = r->held;
  if (h->count == KVOX_MRI_RECON_MOST_NAVIGATORS) {
    r->left_out++;
    return KVOX_OK;
  }
  const int64_t floats = (int64_t)readout->coils * readout->samples * 2;
  float *data = kvox_allocate_array(heap, floats, sizeof *data);
  if (data == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(data, readout->data, (size_t)floats * sizeof *data);
  kvox_mri_readout *kept = &h->readouts[h->count++];
  *kept = *readout;
  kept->data = data;
  kept->trajectory = NULL;
  return KVOX_OK;
}

void kvox_mri_recon_release_held(kvox_mri_recon *r) {
  for (int64_t i = 0; r->held != NULL && i < r->held->count; i++) {
    kvox_release(r->context->heap, (void *)(uintptr_t)r->held->readouts[i].data);
  }
  kvox_release(r->context->heap, r->held);
  r->held = NULL;
}
