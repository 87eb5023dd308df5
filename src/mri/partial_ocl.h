/* Stage "partial" on a device. */
#ifndef KVOX_MRI_PARTIAL_OCL_H
#define KVOX_MRI_PARTIAL_OCL_H

#include "mri/partial.h"
#include "mri/pieces.h"

/* ---- A plan there ---- */

/* What the context's limit leaves to each transform of a plan on a device; 0: there is no limit. */
kvox_status kvox_partial_ocl_leave(const kvox_mri_partial *partial, int64_t transforms, uint64_t *limit);

/* Of a plan whose transforms are there. Drop takes back what a failure leaves. */
kvox_status kvox_partial_ocl_make(kvox_mri_partial *partial);
void kvox_partial_ocl_drop(kvox_mri_partial *partial);
void kvox_partial_ocl_memory(const kvox_mri_partial *partial, kvox_memory_use *memory);

/* On checked arrays of either memory. */
kvox_status kvox_partial_ocl_run(const kvox_mri_partial *partial, kvox_workspace *workspace, const kvox_array *kspace,
                                 const kvox_array *out, bool keep_kspace);

/* ---- Its steps, each enqueued ---- */

/* Volumes at once, at most: bits of a word. */
enum { KVOX_PARTIAL_MOST_ITEMS = 32 };

enum {
  KVOX_PARTIAL_RUN_LOAD,
  KVOX_PARTIAL_RUN_STORE,
  KVOX_PARTIAL_RUN_SCALE,
  KVOX_PARTIAL_RUN_NORMALISE,
  KVOX_PARTIAL_RUN_ONTO_PHASE,
  KVOX_PARTIAL_RUN_BLEND,
  KVOX_PARTIAL_RUN_ENERGY,
  KVOX_PARTIAL_RUN_RESTORE,
  KVOX_PARTIAL_KERNELS
};

/* As in kernels/mri_partial.cl. */
typedef struct kvox_partial_ocl_axis {
  int64_t size, first, last, known, known_last, low, high, table;
} kvox_partial_ocl_axis;

typedef struct kvox_partial_ocl_axes {
  kvox_partial_ocl_axis along[3]; /* x, y, z */
} kvox_partial_ocl_axes;

/* What one execution has there. The caller sets the queue and `count`. */
typedef struct kvox_partial_stage {
  kvox_ocl_queue *queue;
  int64_t count; /* volumes at work */
  kvox_heap *heap;
  kvox_partial_ocl_axes axes; /* tables: of KVOX_PARTIAL_SMOOTH */
  int64_t table;              /* numbers of each kind of factors */
  int64_t samples;            /* of a volume */
  int64_t group, sums;        /* work-items of a group; sums of a volume */
  kvox_buffer *measured, *image, *phasor, *factors, *totals, *flag;
  kvox_ocl_kernel *kernels[KVOX_PARTIAL_KERNELS];
  float *found; /* the sums, as they were read */
} kvox_partial_stage;

/* For up to `items` volumes; drop also after a failure. Bytes: on the device. */
kvox_status kvox_partial_stage_make(const kvox_mri_partial *partial, int64_t items, kvox_partial_stage *stage);
void kvox_partial_stage_drop(kvox_partial_stage *stage);
uint64_t kvox_partial_stage_bytes(const kvox_mri_partial *partial, int64_t items);
/* On the host. */
uint64_t kvox_partial_stage_host_bytes(const kvox_mri_partial *partial, int64_t items);

/* The volumes at work in one of its buffers, [count, z, y, x]. */
kvox_array kvox_partial_volumes(const kvox_partial_stage *stage, kvox_buffer *buffer);

/* From such an array to `measured`, zeros where nothing was measured; the flag is then the number of the first sample
 * that is not finite, or UINT32_MAX. And `image` to such an array. */
kvox_status kvox_partial_load_there(const kvox_partial_stage *stage, const kvox_array *from);
kvox_status kvox_partial_store_there(const kvox_partial_stage *stage, const kvox_array *to);

/* `measured` times factors. */
kvox_status kvox_partial_scale_there(const kvox_partial_stage *stage, kvox_partial_factor factor, kvox_buffer *out);
/* `phasor` to size 1; `image` onto its phase. */
kvox_status kvox_partial_normalise_there(const kvox_partial_stage *stage);
kvox_status kvox_partial_onto_phase_there(const kvox_partial_stage *stage);
/* `measured` back into `image`, wholly or as it is trusted. Of volumes whose bits are set in `done` nothing changes. */
kvox_status kvox_partial_restore_there(const kvox_partial_stage *stage, uint32_t done);
kvox_status kvox_partial_blend_there(const kvox_partial_stage *stage);
/* The sums that restore leaves, of the change; that this one leaves, of the energy of `measured`. */
kvox_status kvox_partial_energy_there(const kvox_partial_stage *stage);
kvox_status kvox_partial_read_sums_there(const kvox_partial_stage *stage, double sums[KVOX_PARTIAL_MOST_ITEMS]);

#endif
