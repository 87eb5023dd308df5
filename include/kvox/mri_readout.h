/* Kvox: readouts of an MRI scanner and the protocol they belong to, as files and live scanners give them. */
#ifndef KVOX_MRI_READOUT_H
#define KVOX_MRI_READOUT_H

#include <kvox/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * k-space and images are arrays [.., coil, z, y, x] of c64, the readout along x. The centre of n samples is index n / 2
 * (rounded down) on both sides, odd sizes too; k-space to image is exp(+2 pi i k x / n) / sqrt(n), along each axis.
 */

/* What a readout is for. */
enum {
  KVOX_MRI_NOISE = 1 << 0,                 /* measured without excitation: noise of the coils */
  KVOX_MRI_CALIBRATION = 1 << 1,           /* for parallel imaging, not part of the image */
  KVOX_MRI_CALIBRATION_AND_IMAGE = 1 << 2, /* for both */
  KVOX_MRI_PHASE_CORRECTION = 1 << 3,      /* a navigator of EPI: not encoded along y */
  KVOX_MRI_REVERSE = 1 << 4,               /* the last sample was measured first */
  KVOX_MRI_OTHER_USE = 1 << 5              /* navigators, dummy scans, feedback: no part in an image */
};

/* What is counted: how often and where in an experiment a readout was made. */
enum {
  KVOX_MRI_STEP_1 = 0, /* the line, ky */
  KVOX_MRI_STEP_2 = 1, /* the partition, kz */
  KVOX_MRI_AVERAGE = 2,
  KVOX_MRI_SLICE = 3,
  KVOX_MRI_CONTRAST = 4, /* echo */
  KVOX_MRI_PHASE = 5,    /* of the heart */
  KVOX_MRI_REPETITION = 6,
  KVOX_MRI_SET = 7,
  KVOX_MRI_SEGMENT = 8,
  KVOX_MRI_COUNTERS = 9
};

/* One readout of all coils. Fixed: this struct does not grow. */
typedef struct kvox_mri_readout {
  uint32_t flags;   /* KVOX_MRI_NOISE | ... */
  int32_t encoding; /* which of the protocol's encodings; 0 unless a file has several */
  int32_t counters[KVOX_MRI_COUNTERS];
  int32_t coils, samples;
  int32_t center_sample;                 /* at k = 0; of a reversed readout counted after it is turned */
  int32_t discard_before, discard_after; /* samples at its ends that hold nothing */
  int32_t trajectory_axes;               /* numbers of a point; 0: none */
  const float *data;                     /* [coil][sample][real, imaginary]; valid as the call that gives it says */
  const float *trajectory;               /* [sample][trajectory_axes]; NULL: none */
  double sample_time_us;
  double position_mm[3];                             /* the middle of the slice or slab, LPS */
  double read_axis[3], phase_axis[3], slice_axis[3]; /* unit vectors, LPS, along which x, y, z of the image grow; all
                                                        zero: not known */
} kvox_mri_readout;

enum { KVOX_MRI_CARTESIAN = 0, KVOX_MRI_EPI = 1, KVOX_MRI_RADIAL = 2, KVOX_MRI_SPIRAL = 3, KVOX_MRI_OTHER = 4 };

/* Inclusive bounds of a counter, and where k = 0 lies. */
typedef struct kvox_mri_limits {
  int32_t first, last, center;
} kvox_mri_limits;

/* The trapezoid of an EPI readout and when its samples were taken; all 0: on the flat top, equally spaced in k. */
typedef struct kvox_mri_ramps {
  double up_us, flat_us, down_us; /* of the gradient */
  double delay_us;                /* from the begin of the ramp to the first sample */
  double dwell_us;                /* from sample to sample */
  int32_t samples;                /* 0: as the readouts have */
  int32_t navigators;             /* before each train; 0: none */
} kvox_mri_ramps;

enum { KVOX_MRI_MOST_ECHOES = 64 };

/* What a scan was set up to be. Sizes and lengths are x (readout), y, z. Nothing of the patient, the place or the day
 * is kept. Fixed: this struct does not grow. */
typedef struct kvox_mri_protocol {
  int64_t encoded_size[3], image_size[3];
  double encoded_mm[3], image_mm[3]; /* fields of view */
  kvox_mri_limits limits[KVOX_MRI_COUNTERS];
  int32_t trajectory; /* KVOX_MRI_CARTESIAN, ... */
  int32_t coils;      /* 0: as the first readout says */
  int32_t echoes;     /* entries of echo_ms */
  double echo_ms[KVOX_MRI_MOST_ECHOES];
  double acceleration[2]; /* of lines and partitions; 1: none; 0: not known */
  double field_t;         /* 0: not known */
  kvox_mri_ramps ramps;
} kvox_mri_protocol;

#ifdef __cplusplus
}
#endif

#endif
