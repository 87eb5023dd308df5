/* Operators on a device: what a part has there, and how a chain of such parts is executed. */
#ifndef KVOX_MRI_OPERATOR_OCL_H
#define KVOX_MRI_OPERATOR_OCL_H

#include "mri/operator.h"

/* ---- Parts: beside what they have on the CPU ---- */

/* Each is called last, when the part's shapes are known, on a context with a device; what it failed to make is dropped
 * with the part, or by settle. */
kvox_status kvox_mri_leaf_ocl_fourier(kvox_mri_leaf *leaf, const kvox_mri_fourier *fourier);
/* Times an array of the last axes of the part's shape, each of the axis' size or of 1. */
kvox_status kvox_mri_leaf_ocl_multiply(kvox_mri_leaf *leaf, const kvox_array *factors);
/* Times the product of one factor for each axis: [axis][index][real, imaginary]. */
kvox_status kvox_mri_leaf_ocl_turn(kvox_mri_leaf *leaf, const float *factors);
kvox_status kvox_mri_leaf_ocl_coils(kvox_mri_leaf *leaf, const kvox_array *maps);
kvox_status kvox_mri_leaf_ocl_keep(kvox_mri_leaf *leaf, const kvox_array *mask);
/* `places` of the axes of `mask`, the last ones of the part: where each sample goes, or -1. */
kvox_status kvox_mri_leaf_ocl_gather(kvox_mri_leaf *leaf, const kvox_mri_shape *mask, const int32_t *places);
/* `count` samples from `in` on to `out` on. */
kvox_status kvox_mri_leaf_ocl_crop(kvox_mri_leaf *leaf, const int64_t *count, const int64_t *in, const int64_t *out);

/* What such a call came to. A failure is left to the CPU where that is allowed; `on_host` says that it can. */
kvox_status kvox_mri_leaf_ocl_settle(kvox_mri_leaf *leaf, kvox_status status, bool on_host,
                                     const kvox_sentence *before);
void kvox_mri_leaf_ocl_drop(kvox_mri_leaf *leaf);

/* The kernels of an execution. */
enum {
  KVOX_MRI_LEAF_MULTIPLY,
  KVOX_MRI_LEAF_TURN,
  KVOX_MRI_LEAF_ADD_COILS,
  KVOX_MRI_LEAF_KEEP,
  KVOX_MRI_LEAF_GATHER,
  KVOX_MRI_LEAF_SCATTER,
  KVOX_MRI_LEAF_CROP,
  KVOX_MRI_LEAF_KERNELS
};
extern const char *const kvox_mri_leaf_kernel_names[KVOX_MRI_LEAF_KERNELS];

/* Where a sample was not finite, and where it was and its result is not. */
enum { KVOX_MRI_LEAF_FLAGS = 2 };

typedef struct kvox_mri_leaf_run_there {
  kvox_ocl_queue *queue;
  kvox_ocl_kernel *const *kernels;
  kvox_buffer *flags;
  int64_t flag; /* which KVOX_MRI_LEAF_FLAGS are the part's */
} kvox_mri_leaf_run_there;

/* Enqueues the part or its adjoint; arrays are on the device, where kernels reach them. */
kvox_status kvox_mri_leaf_ocl_apply(const kvox_mri_leaf *leaf, bool adjoint, const kvox_mri_leaf_run_there *run,
                                    const kvox_array *in, const kvox_array *out);

/* The failure that the flags of such an execution tell, KVOX_OK where they do not. */
kvox_status kvox_mri_leaf_ocl_check(const kvox_mri_leaf *leaf, bool adjoint, const uint32_t found[KVOX_MRI_LEAF_FLAGS]);

/* ---- Chains ---- */

/* Does nothing where a part is not there. */
kvox_status kvox_mri_operator_ocl_make(kvox_mri_operator *operation);
void kvox_mri_operator_ocl_drop(kvox_mri_operator *operation);
uint64_t kvox_mri_operator_ocl_bytes(const kvox_mri_operator *operation);
kvox_status kvox_mri_operator_ocl_run(const kvox_mri_operator *operation, bool adjoint, kvox_workspace *workspace,
                                      const kvox_array *in, const kvox_array *out);

#endif
