/* Partial Fourier: what both methods share. */
#ifndef KVOX_MRI_PARTIAL_PRIVATE_H
#define KVOX_MRI_PARTIAL_PRIVATE_H

#include <stdbool.h>

#include "context/workspace.h"
#include "kvox/mri_partial.h"
#include "mri/partial_row.h"
#include "mri/tiles.h"

/* One axis: samples first to last were measured, middle - both to middle + both on both sides. Once axes that are not
 * partial are images, samples known[0] to known[1] were, and low to high are not zero in the end. */
typedef struct kvox_partial_axis {
  int64_t size, first, last;
  int64_t known[2], low, high, both;
  bool partial;
  int32_t longer; /* 1: more was measured after the middle; -1: before it */
  float *smooth;  /* Hann's window on what was measured on both sides, 0 elsewhere; 1 along axes that are not partial */
  float *weights; /* of homodyne; 1 along axes that are not partial */
  float *trust;   /* of POCS: 1 where the measured sample is kept, 0 where there is none */
} kvox_partial_axis;

struct kvox_mri_partial {
  kvox_context *context;
  kvox_mri_partial_options options;
  const kvox_partial_row_kernels *kernels;
  kvox_partial_axis axes[3];          /* x, y, z */
  kvox_mri_fourier *others;           /* along axes that are k-space and not partial; NULL: none */
  kvox_mri_fourier *along;            /* along partial axes; NULL: none */
  uint64_t transform_bytes;           /* of workspace */
  uint64_t plan_bytes, device_bytes;  /* with those of the transforms */
  int64_t samples;                    /* of a volume */
  struct kvox_partial_device *device; /* NULL: on the CPU; see partial_ocl.h */
};

/* Transforms of a volume, at most. */
int64_t kvox_partial_transforms(const kvox_mri_partial *partial);

/* One volume at work; all arrays are dense [z][y][x]. */
typedef struct kvox_partial_work {
  const kvox_mri_partial *plan;
  kvox_workspace *workspace;
  float *measured;       /* the volume, an image along axes that are not partial, zeros where it was not measured */
  float *image;          /* what comes of it */
  float *phasor;         /* exp(i p) */
  double *sums;          /* [row] */
  uint64_t transform_at; /* of the block */
  double progress, step; /* where it is, and a transform's share */
} kvox_partial_work;

/* In place along partial axes, or along the others that are k-space. */
kvox_status kvox_partial_transform(kvox_partial_work *work, const kvox_mri_fourier *fourier, bool to_image,
                                   float *volume);

/* body(work, row) of every row of a volume. */
kvox_status kvox_partial_rows(kvox_partial_work *work, kvox_body body);

/* What samples are multiplied by, for each axis. */
typedef enum kvox_partial_factor {
  KVOX_PARTIAL_SMOOTH,
  KVOX_PARTIAL_WEIGHTS,
  KVOX_PARTIAL_TRUST,
  KVOX_PARTIAL_FACTORS
} kvox_partial_factor;
static inline const float *kvox_partial_factors_of(const kvox_partial_axis *axis, kvox_partial_factor factor) {
  return factor == KVOX_PARTIAL_SMOOTH ? axis->smooth : factor == KVOX_PARTIAL_WEIGHTS ? axis->weights : axis->trust;
}

/* out = in times the product of the axes' factors, of one row. `out` may be `in`. */
void kvox_partial_scale_row(const kvox_mri_partial *plan, kvox_partial_factor factor, int64_t row, const float *in,
                            float *out);

/* A body for rows: the part of the image that has the phase of `phasor`, the projection onto such images. */
kvox_status kvox_partial_onto_phase(void *work, int64_t row, int32_t worker);

/* Fills `phasor` from `measured`; `image` is scratch. */
kvox_status kvox_partial_phase(kvox_partial_work *work);

/* From `measured` to `image`, along partial axes. With `keep_kspace` POCS leaves it in k-space. */
kvox_status kvox_partial_homodyne(kvox_partial_work *work);
kvox_status kvox_partial_pocs(kvox_partial_work *work, bool keep_kspace);

#endif
