/* A build without OpenCL (KVOX_OPENCL=OFF): no context has a device, nobody comes here. */
#include "core/fail.h"
#include "fft/fft_ocl.h"

static kvox_status absent(void) { return kvox_fail(KVOX_ERROR_DEVICE, "fft: Kvox was built without OpenCL"); }

kvox_status kvox_fft_ocl_create(kvox_ocl *ocl, const kvox_fft_layout *layout, bool in_place, kvox_fft_ocl **fft) {
  (void)ocl;
  (void)layout;
  (void)in_place;
  (void)fft;
  return absent();
}

void kvox_fft_ocl_destroy(kvox_fft_ocl *fft) { (void)fft; }

kvox_status kvox_fft_ocl_need(kvox_ocl *ocl, const kvox_fft_layout *layout, uint64_t *bytes) {
  (void)ocl;
  (void)layout;
  (void)bytes;
  return absent();
}

kvox_status kvox_fft_ocl_run(kvox_fft_ocl *fft, kvox_ocl_queue *queue, kvox_buffer *in, kvox_buffer *out) {
  (void)fft;
  (void)queue;
  (void)in;
  (void)out;
  return absent();
}

const char *kvox_fft_ocl_provider(void) { return "none"; }
