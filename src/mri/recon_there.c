/*
 * What partial Fourier finds on a device stays there: all coils of a slice are completed by one call into one buffer,
 * which the transform then reads.
 */
#include "core/fail.h"
#include "mri/fourier.h"
#include "mri/partial.h"
#include "mri/pieces.h"
#include "mri/recon.h"

uint64_t kvox_mri_recon_completed_bytes(const kvox_mri_recon *r, int64_t coils) {
  if (r->partial == NULL || r->partial->device == NULL || r->across->device == NULL) {
    return 0;
  }
  const kvox_device_info *info = kvox_ocl_info(r->context->ocl);
  const uint64_t limit = r->context->memory_limit,
                 allowed = limit != 0 ? limit : kvox_ocl_usual_memory(r->context->ocl);
  const int64_t images = kvox_mri_recon_images(r, coils), lines = kvox_work(r->layout.encoded[1], r->layout.encoded[2]);
  const uint64_t bytes = (uint64_t)kvox_work(kvox_work(images, kvox_work(lines, r->store.x)), 2 * sizeof(float));
  kvox_memory_use partial, across;
  const bool known = kvox_mri_partial_memory(r->partial, &partial) == KVOX_OK &&
                     kvox_mri_fourier_memory(r->across, &across) == KVOX_OK;
  return known && bytes <= info->largest_buffer_bytes && bytes + partial.device + across.device <= allowed ? bytes : 0;
}

kvox_status kvox_mri_recon_complete_begin(kvox_mri_recon *r, int64_t coils) {
  const uint64_t bytes = kvox_mri_recon_completed_bytes(r, coils);
  return bytes > 0 ? kvox_ocl_buffer_create(r->context->ocl, bytes, "completed lines", &r->completed) : KVOX_OK;
}

kvox_array kvox_mri_recon_completed(const kvox_mri_recon *r, int64_t images) {
  const int64_t size[3] = {r->layout.encoded[2], r->layout.encoded[1], r->store.x};
  return kvox_mri_ocl_dense(r->completed, KVOX_C64, images, size);
}
