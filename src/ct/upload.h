/* Projections to line integrals on a device, a chunk of views at a time: what both back-projections begin with. */
#ifndef KVOX_CT_UPLOAD_H
#define KVOX_CT_UPLOAD_H

#include "ct/slabs.h"

/* Of one execution: its chunks are counted by the flags that tell where a sample was not finite. */
typedef struct kvox_ct_upload {
  const kvox_ct_slabs *slabs;
  kvox_ct_ocl_correct *correct;
  kvox_buffer *staging, *lines, *flags;
  uint32_t *found; /* the flags as the host reads them */
} kvox_ct_upload;

/* `correction` (NULL: none) is of the slabs' rows. */
kvox_status kvox_ct_upload_create(const kvox_ct_slabs *slabs, const kvox_ct_correction *correction,
                                  kvox_ct_upload *upload);
void kvox_ct_upload_drop(kvox_ct_upload *upload);
void kvox_ct_upload_need(const kvox_ct_slabs *slabs, const kvox_ct_correction *correction, kvox_ct_need *need);

/* No flag is set. */
kvox_status kvox_ct_upload_begin(kvox_ct_upload *upload, kvox_ocl_queue *queue);

/* The cut's samples of `projections`, on the host or the device, as line integrals at upload->lines; `flag` is the
 * chunk's number. Stages "upload" and "correct". */
kvox_status kvox_ct_upload_run(kvox_ct_upload *upload, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                               const kvox_array *projections, int64_t flag);

/* KVOX_ERROR_DATA where a sample was not finite. Chunks were numbered slab by slab, block by block. */
kvox_status kvox_ct_upload_check(kvox_ct_upload *upload, kvox_ocl_queue *queue, kvox_type type);

#endif
