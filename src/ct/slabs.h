/*
 * How an execution is cut on a device: slices into slabs, views into blocks and these into chunks, so that its buffers
 * fit the memory limit. Shared by filtered back-projection and the matched pair. No cut changes a bit of the result.
 */
#ifndef KVOX_CT_SLABS_H
#define KVOX_CT_SLABS_H

#include "ct/ocl.h"

typedef struct kvox_ct_slabs {
  kvox_context *context;
  kvox_ct_line *lines;       /* one a view */
  kvox_ct_row_place *places; /* one a slice of the region; rows are counted among those that slices lie on */
  int64_t *detector_rows;    /* which these are, rising */
  int64_t views, columns, rows;
  int64_t begin[3], size[3];  /* the region of the grid, in voxels */
  int64_t slab, block, chunk; /* most slices, views and views of one; block and chunk are even */
  int64_t slab_rows;          /* most rows of a slab */
  int32_t lanes;
  const kvox_ct_fdk *fdk; /* fan and cone: rows are the detector's, there are no lines and places; NULL: parallel */
  int64_t stored_rows;    /* then: most rows of a view of a block */
  bool turned;            /* and whether they lie side by side */
} kvox_ct_slabs;

/* What an execution takes of the device, saturating. */
typedef struct kvox_ct_need {
  uint64_t bytes, largest; /* in all, and the largest buffer */
} kvox_ct_need;
void kvox_ct_need_buffer(kvox_ct_need *need, uint64_t bytes);

/* Adds the bytes of a stage, or of a buffer, in the cut that `slabs` holds. `plan` is what kvox_ct_slabs_choose was
 * given. */
typedef kvox_status (*kvox_ct_need_function)(const void *plan, const kvox_ct_slabs *slabs, kvox_ct_need *need);

/* Where scan and region meet; what a failure leaves is dropped by kvox_ct_slabs_drop. */
kvox_status kvox_ct_slabs_lay_out(kvox_ct_slabs *slabs, kvox_context *context, const kvox_ct_geometry *geometry,
                                  const kvox_grid *grid, const int64_t begin[3], const int64_t size[3],
                                  const char *name);

/* The same for fan and cone. `fdk` outlives the slabs. */
kvox_status kvox_ct_slabs_lay_out_diverging(kvox_ct_slabs *slabs, kvox_context *context, const kvox_ct_fdk *fdk);

/* Then a cut that fits `limit` (0: what a plan usually takes); `bytes` is what it takes. KVOX_ERROR_MEMORY_LIMIT names
 * the least that would do. */
kvox_status kvox_ct_slabs_choose(kvox_ct_slabs *slabs, uint64_t limit, const char *name, kvox_ct_need_function need,
                                 const void *plan, uint64_t *bytes);
void kvox_ct_slabs_drop(kvox_ct_slabs *slabs);
uint64_t kvox_ct_slabs_bytes(const kvox_ct_slabs *slabs);

/* Bytes of buffers in this cut. */
uint64_t kvox_ct_slabs_staging_bytes(const kvox_ct_slabs *slabs); /* a chunk of samples as they came */
uint64_t kvox_ct_slabs_lines_bytes(const kvox_ct_slabs *slabs);   /* a chunk of line integrals */
uint64_t kvox_ct_slabs_block_bytes(const kvox_ct_slabs *slabs);
uint64_t kvox_ct_slabs_slab_bytes(const kvox_ct_slabs *slabs);
uint64_t kvox_ct_slabs_flags_bytes(const kvox_ct_slabs *slabs); /* a flag for each chunk of an execution */

int64_t kvox_ct_slabs_count(const kvox_ct_slabs *slabs);
int64_t kvox_ct_slabs_blocks(const kvox_ct_slabs *slabs);

/* Views of a chunk of samples of this size, which may be too wide for a whole chunk of them to fit the staging. */
int64_t kvox_ct_slabs_chunk(const kvox_ct_slabs *slabs, kvox_type type);

/* Views of a slab that one command takes: enough to keep a device busy, few enough that the host can cancel between. */
int64_t kvox_ct_slabs_pass(const kvox_ct_slabs *slabs);

/* All views of a block of a slab. */
kvox_ct_ocl_cut kvox_ct_slabs_cut(const kvox_ct_slabs *slabs, int64_t slab, int64_t block);

/* Rows that a block of fan or cone has for the cut's slices, and how they lie. */
void kvox_ct_slabs_stored(const kvox_ct_slabs *slabs, const kvox_ct_ocl_cut *cut, int64_t *row, int64_t *rows);
kvox_ct_ocl_block kvox_ct_slabs_block(const kvox_ct_slabs *slabs, int64_t rows, kvox_buffer *buffer);

/* Views begin ... of a block, at most `views` of them. */
kvox_ct_ocl_cut kvox_ct_slabs_part(const kvox_ct_ocl_cut *block, int64_t begin, int64_t views);

/* Slices of a volume (`array` [k, j, i] of the region's size) that a cut has. */
kvox_status kvox_ct_slabs_slices(const kvox_ct_ocl_cut *cut, const kvox_array *volume, kvox_array *slices);

/* A dense array at the begin of a buffer of the device. */
kvox_array kvox_ct_slabs_array(kvox_buffer *buffer, kvox_type type, int64_t a, int64_t b, int64_t c);

#endif
