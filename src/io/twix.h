/* Siemens' raw data (twix, .dat): what its header's text and the walk through its readouts find, and what they make. */
#ifndef KVOX_IO_TWIX_H
#define KVOX_IO_TWIX_H

#include "io/mri.h"

/* ---- twix_scan.c: headers of readouts ---- */

enum {
  KVOX_IO_TWIX_SCAN_BYTES = 192,   /* of VD's and VE's scan header, */
  KVOX_IO_TWIX_CHANNEL_BYTES = 32, /* their channel header, */
  KVOX_IO_TWIX_VB_BYTES = 128      /* VB's, of each channel */
};

/* Bits of the mask that say what the bytes after a header are. */
enum { KVOX_IO_TWIX_LAST = 0, KVOX_IO_TWIX_SIGNALS = 5 };

typedef struct kvox_io_twix_scan {
  uint64_t mask;
  int64_t dma_bytes; /* of this packet; wrong where several readouts share one */
  int32_t channels, samples;
  int32_t counters[KVOX_MRI_COUNTERS];
  int32_t discard_before, discard_after, center_sample, center_line, center_partition;
  float position[3], quaternion[4];
} kvox_io_twix_scan;

uint64_t kvox_io_twix_little(const unsigned char *at, int bytes);
int64_t kvox_io_twix_head_bytes(bool vb);
kvox_io_twix_scan kvox_io_twix_parse_scan(bool vb, const unsigned char *head);
bool kvox_io_twix_has_bit(const kvox_io_twix_scan *scan, int bit);

/* Of one channel and of a whole readout with samples; with the pack bit the DMA length is another one. */
int64_t kvox_io_twix_channel_bytes(bool vb, const kvox_io_twix_scan *scan);
int64_t kvox_io_twix_scan_bytes(bool vb, const kvox_io_twix_scan *scan);

/* KVOX_MRI_NOISE | ... */
uint32_t kvox_io_twix_use(const kvox_io_twix_scan *scan);

/* Position and axes; `index` for the sentence. */
kvox_status kvox_io_twix_axes(const kvox_io_file *file, int64_t index, const kvox_io_twix_scan *scan,
                              kvox_mri_readout *readout);

/* ---- twix_text.c: the header's text ---- */

/* Numbers of it, by what they mean here. */
enum {
  KVOX_IO_TWIX_BASE,
  KVOX_IO_TWIX_LINES,
  KVOX_IO_TWIX_PARTITIONS,
  KVOX_IO_TWIX_IMAGES, /* of a slab */
  KVOX_IO_TWIX_DIMENSION,
  KVOX_IO_TWIX_TRAJECTORY,
  KVOX_IO_TWIX_PHASE_OVERSAMPLING, /* what is added, as a part of 1 */
  KVOX_IO_TWIX_SLICE_OVERSAMPLING,
  KVOX_IO_TWIX_READ_MM,
  KVOX_IO_TWIX_PHASE_MM,
  KVOX_IO_TWIX_THICKNESS_MM,
  KVOX_IO_TWIX_DWELL_NS,
  KVOX_IO_TWIX_FIELD_T,
  KVOX_IO_TWIX_ACCELERATION_1,
  KVOX_IO_TWIX_ACCELERATION_2,
  KVOX_IO_TWIX_EPI_FACTOR,
  KVOX_IO_TWIX_ECHOES,
  KVOX_IO_TWIX_YAPS, /* so many are of the buffer MeasYaps; the rest is of Meas */
  KVOX_IO_TWIX_READ_OVERSAMPLING = KVOX_IO_TWIX_YAPS,
  KVOX_IO_TWIX_RAMP_UP_US,
  KVOX_IO_TWIX_RAMP_FLAT_US,
  KVOX_IO_TWIX_RAMP_DOWN_US,
  KVOX_IO_TWIX_RAMP_DELAY_US,
  KVOX_IO_TWIX_RAMP_ADC_US,
  KVOX_IO_TWIX_NUMBERS
};

/* 0: it does not say. */
typedef struct kvox_io_twix_text {
  double numbers[KVOX_IO_TWIX_NUMBERS];
  double echo_us[KVOX_MRI_MOST_ECHOES];
} kvox_io_twix_text;

/* What the readouts that make images have in common. */
typedef struct kvox_io_twix_found {
  int64_t images; /* such readouts; the rest is of the first of them but for the bounds of the limits */
  int32_t coils, samples;
  int32_t navigators; /* just before it */
  kvox_mri_limits limits[KVOX_MRI_COUNTERS];
} kvox_io_twix_found;

/* Adds the numbers of the buffers MeasYaps ("name = number" lines) and Meas (a tree of maps), which end in NUL. */
kvox_status kvox_io_twix_yaps(const kvox_io_file *file, const char *text, kvox_io_twix_text *numbers);
kvox_status kvox_io_twix_meas(const kvox_io_file *file, const char *text, kvox_io_twix_text *numbers);

/* `protocol` is zeroed. */
kvox_status kvox_io_twix_protocol(const kvox_io_file *file, const kvox_io_twix_text *text,
                                  const kvox_io_twix_found *found, kvox_mri_protocol *protocol);

#endif
