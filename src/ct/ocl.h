/*
 * CT on an OpenCL device: what its stages share. Each stage object belongs to one execution (kernels hold arguments).
 *
 * An execution takes slabs of slices, blocks of views and chunks of a block:
 *   chunk  raw samples go up, become line integrals [view][row][column] of float, are filtered into
 *   block  [group][view][column][lane]: `lanes` slices interleaved as one group, so that one coordinate serves a vector
 *          of slices; no padding either side, lanes beyond the slab's last slice are zero,
 *   slab   [slice][j][i], part of the result, which takes the blocks in order.
 * No cut changes a bit of the result.
 */
#ifndef KVOX_CT_OCL_H
#define KVOX_CT_OCL_H

#include "context/context.h"
#include "ct/fdk.h"
#include "ct/filter.h"
#include "ct/geometry.h"
#include "ct/rows.h"
#include "ocl/ocl.h"

/* Some views of some slices. */
typedef struct kvox_ct_ocl_cut {
  int64_t view, views;   /* of the scan; `view` is even */
  int64_t slice, slices; /* of the region */
  int64_t row, rows;     /* of the detector: what these slices lie on */
  int64_t block_view;    /* where `view` lies in its block */
  int64_t block_views;   /* of the whole block */
  int32_t lanes;         /* slices of a group */
} kvox_ct_ocl_cut;

static inline int64_t kvox_ct_ocl_groups(const kvox_ct_ocl_cut *cut) { return kvox_divide_up(cut->slices, cut->lanes); }

/* Builds a stage's kernels for groups of items[0] x items[1], powers of two, which are halved until the device takes
 * them, and the kernels, that may take so many registers that their groups must be smaller; `build` tells the largest.
 */
typedef kvox_status (*kvox_ct_ocl_build)(void *stage, uint64_t *largest);
kvox_status kvox_ct_ocl_fit_group(kvox_ocl *ocl, int32_t items[2], kvox_ct_ocl_build build, void *stage);

/* ---- correct_ocl.c, kernels/correct.cl: samples of any real type to line integrals ---- */

typedef struct kvox_ct_ocl_correct kvox_ct_ocl_correct;

/* `correction` NULL: the samples are line integrals, which are converted and looked at. */
kvox_status kvox_ct_ocl_correct_create(kvox_context *context, const kvox_ct_correction *correction,
                                       kvox_ct_ocl_correct **stage);
void kvox_ct_ocl_correct_destroy(kvox_ct_ocl_correct *stage);

/* Device bytes of its tables. */
uint64_t kvox_ct_ocl_correct_need(const kvox_ct_correction *correction);

/*
 * `samples` [view][row][column] on the device, any type and strides, whose first row is row `first_row` of the
 * detector, to floats [view][row][column] from the begin of `lines`. flags[flag], a 32-bit word that was all ones,
 * becomes the least index (in C order of `samples`) of one that is not finite; what a bad pixel counted is not looked
 * at.
 */
kvox_status kvox_ct_ocl_correct_run(kvox_ct_ocl_correct *stage, kvox_ocl_queue *queue, const kvox_array *samples,
                                    int64_t first_row, kvox_buffer *lines, kvox_buffer *flags, int64_t flag);

/* ---- filter_ocl.c, kernels/filter.cl: line integrals to filtered, weighted views ---- */

typedef struct kvox_ct_ocl_filter kvox_ct_ocl_filter;

/* The rows that are filtered, and the zeros beside them that come out with them. */
typedef struct kvox_ct_ocl_scan {
  int64_t views, columns;
  int64_t before, filtered;  /* zeros before the first column; columns in all */
  double pitch_mm;           /* what the ramp counts in */
  const double *weights_rad; /* of views */
} kvox_ct_ocl_scan;
kvox_ct_ocl_scan kvox_ct_ocl_scan_of(const kvox_ct_geometry *geometry); /* parallel: no zeros */

/* For cuts of at most so many views (even) and slices, `lanes` a power of two up to 16. `places`: where every slice of
 * the region lies. */
kvox_status kvox_ct_ocl_filter_create(kvox_context *context, const kvox_ct_ocl_scan *scan,
                                      const kvox_ct_filter_options *options, const kvox_ct_row_place *places,
                                      int64_t slices, int64_t most_views, int64_t most_slices, int32_t lanes,
                                      kvox_ct_ocl_filter **stage);
void kvox_ct_ocl_filter_destroy(kvox_ct_ocl_filter *stage);
kvox_status kvox_ct_ocl_filter_need(kvox_context *context, const kvox_ct_ocl_scan *scan, int64_t slices,
                                    int64_t most_views, int64_t most_slices, uint64_t *bytes);
int64_t kvox_ct_ocl_filter_length(const kvox_ct_ocl_filter *stage); /* of the transforms */

/* `lines` holds the cut's views and rows. Each sample is multiplied by its view's angular weight where `weigh`. */
kvox_status kvox_ct_ocl_filter_run(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                   kvox_buffer *lines, bool weigh, kvox_buffer *block);

/* Views of filtered rows: how far apart views, rows and columns are, in floats. Either rows or columns lie side by
 * side.
 */
typedef struct kvox_ct_ocl_block {
  kvox_buffer *buffer;
  int64_t view_step, row_step, column_step;
} kvox_ct_ocl_block;

/* Slices, which are the rows of a diverging beam here, to the cut's views of the block, weighted; where rows lie side
 * by side up to whole groups of `lanes` of them, the last ones 0, else lanes are 1. */
kvox_status kvox_ct_ocl_filter_spread(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                      kvox_buffer *lines, const kvox_ct_ocl_block *block);

/* Of a stage with lanes of 1, not weighted, to f32 [view][slice][column] on the device: the cut's, columns contiguous.
 */
kvox_status kvox_ct_ocl_filter_store(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                     kvox_buffer *lines, const kvox_array *filtered);

/* ---- rows_ocl.c, kernels/rows.cl: the same without the filter, and its transpose, for the matched pair ---- */

typedef struct kvox_ct_ocl_rows kvox_ct_ocl_rows;

/* `places` count rows among the `rows` that slices lie on, which are these of the detector. */
kvox_status kvox_ct_ocl_rows_create(kvox_context *context, const kvox_ct_row_place *places, int64_t slices,
                                    const int64_t *detector_rows, int64_t rows, int64_t columns, int32_t lanes,
                                    kvox_ct_ocl_rows **stage);
void kvox_ct_ocl_rows_destroy(kvox_ct_ocl_rows *stage);
uint64_t kvox_ct_ocl_rows_need(int64_t slices, int64_t rows);

/* Rows of `lines` to the lanes of the slices that lie on them. */
kvox_status kvox_ct_ocl_rows_take(kvox_ct_ocl_rows *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                  kvox_buffer *lines, kvox_buffer *block);

/* projections [view][row][column] (on the device, all of the detector's rows, the cut's views) += scale * the
 * transpose. Slices that lie on one row are added in their order. */
kvox_status kvox_ct_ocl_rows_give(kvox_ct_ocl_rows *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                  kvox_buffer *block, float scale, const kvox_array *projections);
/* projections = 0, its gaps between rows untouched. */
kvox_status kvox_ct_ocl_rows_clear(kvox_ct_ocl_rows *stage, kvox_ocl_queue *queue, const kvox_array *projections);

/* ---- backproject_ocl.c, kernels/backproject.cl ---- */

typedef struct kvox_ct_ocl_backproject kvox_ct_ocl_backproject;

/* A region of `grid`: `begin`, `size` in voxels. `lines` of all views. KVOX_ERROR_GEOMETRY where a line leaves +-2^28
 * columns on the region (one that stays beyond them meets nothing). */
kvox_status kvox_ct_ocl_backproject_create(kvox_context *context, const kvox_ct_line *lines, int64_t views,
                                           int64_t columns, const int64_t begin[3], const int64_t size[3],
                                           int32_t lanes, kvox_ct_ocl_backproject **stage);
void kvox_ct_ocl_backproject_destroy(kvox_ct_ocl_backproject *stage);
uint64_t kvox_ct_ocl_backproject_need(int64_t views);

/* The cut's slices of the result: `slab` [slice][j][i] f32 on the device, i contiguous. Begins at 0 with the scan's
 * first view, else with what is there; after its last view voxels become scale * sum + offset. Pixels take views in
 * order, with the arithmetic of the CPU's vector kernels. */
kvox_status kvox_ct_ocl_backproject_run(kvox_ct_ocl_backproject *stage, kvox_ocl_queue *queue,
                                        const kvox_ct_ocl_cut *cut, kvox_buffer *block, const kvox_array *slab,
                                        float scale, float offset);

/* ---- weigh_ocl.c, kernels/weigh.cl: line integrals of a diverging beam, before they are filtered ---- */

typedef struct kvox_ct_ocl_weigh kvox_ct_ocl_weigh;

kvox_status kvox_ct_ocl_weigh_create(kvox_context *context, const kvox_ct_fdk *fdk, kvox_ct_ocl_weigh **stage);
void kvox_ct_ocl_weigh_destroy(kvox_ct_ocl_weigh *stage);
uint64_t kvox_ct_ocl_weigh_need(const kvox_ct_fdk *fdk);

/* In place: the cut's views and rows, which are the detector's. */
kvox_status kvox_ct_ocl_weigh_run(kvox_ct_ocl_weigh *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                  kvox_buffer *lines);

/* ---- cone_ocl.c, kernels/cone.cl: back-projection of fan and cone; cone.h says what views are ---- */

typedef struct kvox_ct_ocl_cone kvox_ct_ocl_cone;

/* Onto a region of the grid. `turned`: rows of a block lie side by side. KVOX_ERROR_UNSUPPORTED where the region comes
 * so near to a source, or lies so far beside the detector, that whole numbers cannot say where. */
kvox_status kvox_ct_ocl_cone_create(kvox_context *context, const kvox_cone_view *views, int64_t count, int64_t columns,
                                    bool fan, const int64_t begin[3], const int64_t size[3], int32_t lanes, bool turned,
                                    kvox_ct_ocl_cone **stage);
void kvox_ct_ocl_cone_destroy(kvox_ct_ocl_cone *stage);
uint64_t kvox_ct_ocl_cone_need(int64_t views);

/* The cut's slices of the result, as kvox_ct_ocl_backproject_run; the block has the views' rows `row` ... row + rows -
 * 1, others are zero. */
kvox_status kvox_ct_ocl_cone_run(kvox_ct_ocl_cone *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                 const kvox_ct_ocl_block *block, int64_t row, int64_t rows, const kvox_array *slab,
                                 float scale, float offset);

/* ---- oblique_ocl.c, kernel oblique of kernels/cone.cl: the same of any views; oblique.h says what they are ---- */

/* Runs as stage cone. */
kvox_status kvox_ct_ocl_oblique_create(kvox_context *context, const kvox_oblique_view *views, int64_t count,
                                       int64_t columns, int64_t rows, const int64_t begin[3], const int64_t size[3],
                                       int32_t lanes, bool turned, kvox_ct_ocl_cone **stage);
uint64_t kvox_ct_ocl_oblique_need(int64_t views);

/* ---- project_ocl.c, kernels/project.cl: the transpose, by gathering: no atomics, one order ---- */

typedef struct kvox_ct_ocl_project kvox_ct_ocl_project;

kvox_status kvox_ct_ocl_project_create(kvox_context *context, const kvox_ct_line *lines, int64_t views, int64_t columns,
                                       const int64_t begin[3], const int64_t size[3], int32_t lanes,
                                       kvox_ct_ocl_project **stage);
void kvox_ct_ocl_project_destroy(kvox_ct_ocl_project *stage);
/* Its lines, and the slices of one group with their lanes interleaved. */
uint64_t kvox_ct_ocl_project_need(int64_t views, const int64_t size[3], int32_t lanes);

/* block[group][view][column][lane] = sum over the slab's voxels. */
kvox_status kvox_ct_ocl_project_run(kvox_ct_ocl_project *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                    const kvox_array *slab, kvox_buffer *block);

#endif
