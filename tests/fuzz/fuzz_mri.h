/* Raw MRI data: all that a caller can ask of a file. */
#ifndef KVOX_TESTS_FUZZ_FUZZ_MRI_H
#define KVOX_TESTS_FUZZ_FUZZ_MRI_H

#include "fuzz.h"
#include "io/mri.h"

/* Readouts and samples of a file that are looked at. */
enum { FUZZ_MOST_READOUTS = 64 };

static inline void fuzz_touch_floats(const float *floats, int64_t count) {
  unsigned sum = 0;
  for (int64_t i = 0; i < count * (int64_t)sizeof *floats; i++) {
    sum += ((const unsigned char *)floats)[i];
  }
  fuzz_demand(sum != UINT32_MAX, "");
}

static inline kvox_status fuzz_load_mri(const kvox_io_mri_format *format, kvox_io_file *file) {
  kvox_io_mri *mri = NULL;
  kvox_mri_protocol p;
  kvox_mri_readout r;
  kvox_status status = kvox_io_mri_load(format, file, &mri);
  const int64_t count = kvox_io_mri_readouts(mri);
  fuzz_demand(status != KVOX_OK || kvox_io_mri_protocol(mri, &p) == KVOX_OK, "no protocol");
  fuzz_demand(status != KVOX_OK || (p.encoded_size[0] > 0 && p.image_mm[2] > 0), "a protocol out of nothing");
  for (int64_t i = 0; i < count && i < FUZZ_MOST_READOUTS; i++) {
    status = kvox_io_mri_read(mri, i, &r);
    if (status == KVOX_OK) {
      fuzz_demand(r.coils >= 0 && r.samples >= 0 && r.data != NULL, "a readout out of nothing");
      fuzz_touch_floats(r.data, 2 * (int64_t)r.coils * r.samples);
      fuzz_touch_floats(r.trajectory, (int64_t)r.trajectory_axes * r.samples);
    }
    fuzz_demand(status != KVOX_ERROR_MEMORY && status != KVOX_ERROR_INTERNAL, "more memory than a readout can need");
  }
  kvox_io_mri_close(mri);
  return status;
}

#endif
