/* Fan, cone and views given by themselves on a device: the stages between line integrals and voxels, of one execution.
 */
#ifndef KVOX_CT_FDK_OCL_H
#define KVOX_CT_FDK_OCL_H

#include "ct/slabs.h"

typedef struct kvox_ct_ocl_fdk kvox_ct_ocl_fdk;

kvox_status kvox_ct_ocl_fdk_create(const kvox_ct_slabs *slabs, const kvox_ct_filter_options *options,
                                   kvox_ct_ocl_fdk **stages);
void kvox_ct_ocl_fdk_destroy(kvox_ct_ocl_fdk *stages);
kvox_status kvox_ct_ocl_fdk_need(const kvox_ct_slabs *slabs, kvox_ct_need *need);
int64_t kvox_ct_ocl_fdk_length(const kvox_ct_ocl_fdk *stages); /* of the transforms */

/* `lines`, the cut's views and rows, to its views of the block; they are weighted where they lie. */
kvox_status kvox_ct_ocl_fdk_filter(kvox_ct_ocl_fdk *stages, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                   kvox_buffer *lines, kvox_buffer *block);

/* As kvox_ct_ocl_backproject_run. */
kvox_status kvox_ct_ocl_fdk_backproject(kvox_ct_ocl_fdk *stages, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                        kvox_buffer *block, const kvox_array *slab, float scale, float offset);

/* ---- weigh_views_ocl.c, kernels/weigh.cl: as weigh_ocl.c, of views given by themselves ---- */

typedef struct kvox_ct_ocl_weigh_views kvox_ct_ocl_weigh_views;

/* For the chunks of `slabs`. */
kvox_status kvox_ct_ocl_weigh_views_create(const kvox_ct_slabs *slabs, kvox_ct_ocl_weigh_views **stage);
void kvox_ct_ocl_weigh_views_destroy(kvox_ct_ocl_weigh_views *stage);
void kvox_ct_ocl_weigh_views_need(const kvox_ct_slabs *slabs, kvox_ct_need *need);
uint64_t kvox_ct_ocl_weigh_views_bytes(const kvox_ct_slabs *slabs); /* on the host */

/* In place, as kvox_ct_ocl_weigh_run. */
kvox_status kvox_ct_ocl_weigh_views_run(kvox_ct_ocl_weigh_views *stage, kvox_ocl_queue *queue,
                                        const kvox_ct_ocl_cut *cut, kvox_buffer *lines);

#endif
