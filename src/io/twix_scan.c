/* The header of a readout in Siemens' raw data: what it says it is for, where it lies in k-space and in the patient. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/twix.h"

/* Bits of the mask that say what a readout is for. */
enum {
  REALTIME_FEEDBACK = 1,
  FAST_FEEDBACK = 2,
  PHASE_CORRECTION = 21,
  CALIBRATION = 22,
  CALIBRATION_AND_IMAGE = 23,
  REVERSE = 24,
  NOISE = 25
};

uint64_t kvox_io_twix_little(const unsigned char *at, int bytes) {
  uint64_t number = 0;
  for (int i = 0; i < bytes; i++) {
    number |= (uint64_t)at[i] << (8 * i);
  }
  return number;
}

static int32_t short_at(const unsigned char *at) { return (int32_t)kvox_io_twix_little(at, 2); }

static float float_at(const unsigned char *at) {
  const uint32_t bits = (uint32_t)kvox_io_twix_little(at, 4);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

int64_t kvox_io_twix_head_bytes(bool vb) { return vb ? KVOX_IO_TWIX_VB_BYTES : KVOX_IO_TWIX_SCAN_BYTES; }

/* From the mask on both forms are the same up to the partition of the centre. */
kvox_io_twix_scan kvox_io_twix_parse_scan(bool vb, const unsigned char *head) {
  /* Where the file has our counters: line, average, slice, partition, echo, phase, repetition, set, segment. */
  static const int places[KVOX_MRI_COUNTERS] = {0, 3, 1, 2, 4, 5, 6, 7, 8};
  const unsigned char *mask = head + (vb ? 20 : 40), *slice = head + (vb ? 96 : 100);
  kvox_io_twix_scan made = {.mask = kvox_io_twix_little(mask, 8),
                            .dma_bytes = (int64_t)(kvox_io_twix_little(head, 4) & 0x1ffffff),
                            .samples = short_at(mask + 8),
                            .channels = short_at(mask + 10),
                            .discard_before = short_at(mask + 40),
                            .discard_after = short_at(mask + 42),
                            .center_sample = short_at(mask + 44),
                            .center_line = short_at(mask + 56),
                            .center_partition = short_at(mask + 58)};
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    made.counters[c] = short_at(mask + 12 + 2 * places[c]);
  }
  for (int d = 0; d < 3; d++) {
    made.position[d] = float_at(slice + 4 * d);
  }
  for (int d = 0; d < 4; d++) {
    made.quaternion[d] = float_at(slice + 12 + 4 * d);
  }
  return made;
}

bool kvox_io_twix_has_bit(const kvox_io_twix_scan *r, int bit) { return (r->mask >> bit & 1) != 0; }

int64_t kvox_io_twix_channel_bytes(bool vb, const kvox_io_twix_scan *r) {
  return (vb ? KVOX_IO_TWIX_VB_BYTES : KVOX_IO_TWIX_CHANNEL_BYTES) + (int64_t)r->samples * 8;
}

int64_t kvox_io_twix_scan_bytes(bool vb, const kvox_io_twix_scan *r) {
  return (vb ? 0 : KVOX_IO_TWIX_SCAN_BYTES) + r->channels * kvox_io_twix_channel_bytes(vb, r);
}

uint32_t kvox_io_twix_use(const kvox_io_twix_scan *r) {
  static const struct {
    int bit;
    uint32_t use;
  } uses[] = {{14, KVOX_MRI_OTHER_USE}, /* reference of phase stabilization */
              {15, KVOX_MRI_OTHER_USE}, /* phase stabilization */
              {PHASE_CORRECTION, KVOX_MRI_PHASE_CORRECTION},
              {REVERSE, KVOX_MRI_REVERSE},
              {NOISE, KVOX_MRI_NOISE},
              {35, KVOX_MRI_OTHER_USE},        /* correction of the surface coils */
              {38, KVOX_MRI_CALIBRATION},      /* single slices for those measured at once */
              {39, KVOX_MRI_PHASE_CORRECTION}, /* of such */
              {51, KVOX_MRI_OTHER_USE},        /* dummy scan */
              {53, KVOX_MRI_OTHER_USE},        /* control of B1 */
              {56, KVOX_MRI_OTHER_USE}};       /* monitoring of the RF */
  uint32_t use = 0;
  for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
    use |= kvox_io_twix_has_bit(r, uses[i].bit) ? uses[i].use : 0;
  }
  if (kvox_io_twix_has_bit(r, CALIBRATION_AND_IMAGE)) {
    use |= KVOX_MRI_CALIBRATION_AND_IMAGE;
  } else if (kvox_io_twix_has_bit(r, CALIBRATION)) {
    use |= KVOX_MRI_CALIBRATION;
  }
  /* Navigators of EPI are feedback too: the scanner measures its frequency with them. */
  if ((kvox_io_twix_has_bit(r, REALTIME_FEEDBACK) || kvox_io_twix_has_bit(r, FAST_FEEDBACK)) &&
      (use & KVOX_MRI_PHASE_CORRECTION) == 0) {
    use |= KVOX_MRI_OTHER_USE;
  }
  return use;
}

/*
 * (w, x, y, z) is the rotation whose columns are the phase, read and slice axes in sagittal, coronal and transversal
 * coordinates, which are LPS. Scanners of this maker transform to the image with exp(-i ...): by the transform that all
 * readouts here are for (mri_readout.h) encoded axes run the other way, so all three are turned, to a right-handed
 * frame. All zero, as noise scans have it: not known.
 */
kvox_status kvox_io_twix_axes(const kvox_io_file *file, int64_t index, const kvox_io_twix_scan *r,
                              kvox_mri_readout *readout) {
  double q[4], square = 0;
  for (int i = 0; i < 4; i++) {
    q[i] = (double)r->quaternion[i];
    square += q[i] * q[i];
  }
  for (int d = 0; d < 3; d++) {
    readout->position_mm[d] = (double)r->position[d];
  }
  if (!isfinite(readout->position_mm[0] + readout->position_mm[1] + readout->position_mm[2])) {
    return kvox_io_file_fail(file, KVOX_ERROR_DATA, "readout %" PRId64 ": its position is not finite", index);
  }
  if (square == 0) {
    return KVOX_OK;
  }
  if (!(fabs(square - 1) <= 0.01)) {
    return kvox_io_file_fail(file, KVOX_ERROR_DATA, "readout %" PRId64 ": its quaternion is no rotation", index);
  }
  const double n = 2 / square, w = q[0], x = q[1], y = q[2], z = q[3];
  const double phase[3] = {1 - n * (y * y + z * z), n * (x * y + w * z), n * (x * z - w * y)};
  const double read[3] = {n * (x * y - w * z), 1 - n * (x * x + z * z), n * (y * z + w * x)};
  const double slice[3] = {n * (x * z + w * y), n * (y * z - w * x), 1 - n * (x * x + y * y)};
  for (int d = 0; d < 3; d++) {
    readout->phase_axis[d] = -phase[d];
    readout->read_axis[d] = -read[d];
    readout->slice_axis[d] = -slice[d];
  }
  return KVOX_OK;
}
