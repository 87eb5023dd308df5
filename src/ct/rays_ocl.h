/* Stage "rays" on a device, kernels/rays.cl: tables of rays for some views at once, and the pair that reads them. */
#ifndef KVOX_CT_RAYS_OCL_H
#define KVOX_CT_RAYS_OCL_H

#include "ct/ocl.h"
#include "ct/rays.h"

typedef struct kvox_ct_ocl_rays kvox_ct_ocl_rays;

/* What the device counts in. */
typedef struct kvox_ct_ocl_rays_view {
  int64_t from[3], from_column[3], from_row[3];
  int64_t along[3], along_column[3], along_row[3];
  float matrix[12];
  int32_t axes, unused; /* a bit for each main axis that rays may have */
} kvox_ct_ocl_rays_view;

/* Of every view of `geometry`, laid out on `grid`; KVOX_ERROR_UNSUPPORTED where the whole numbers do not hold it. */
kvox_status kvox_ct_ocl_rays_describe(const kvox_ct_geometry *geometry, const kvox_grid *grid,
                                      const kvox_rays_view *rays, kvox_ct_ocl_rays_view *views);

/* For at most `most` views at once. */
kvox_status kvox_ct_ocl_rays_create(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_grid *grid,
                                    const kvox_ct_ocl_rays_view *views, int64_t most, kvox_ct_ocl_rays **stage);
void kvox_ct_ocl_rays_destroy(kvox_ct_ocl_rays *stage);

/* Device bytes of its tables: of all views; of the rays of `most`. */
uint64_t kvox_ct_ocl_rays_views_need(int64_t views);
uint64_t kvox_ct_ocl_rays_need(int64_t most, int64_t rows, int64_t columns);

/* The rays of views first ... first + count - 1. */
kvox_status kvox_ct_ocl_rays_lay(kvox_ct_ocl_rays *stage, kvox_ocl_queue *queue, int64_t first, int64_t count);

/* Slices of the grid from a multiple of KVOX_RAYS_OCL_SLICES on, as many of these as there are: so cut, bits stay. */
enum { KVOX_RAYS_OCL_SLICES = 64 };
typedef struct kvox_ct_ocl_rays_slab {
  kvox_array volume; /* on the device */
  int64_t begin;     /* the first slice; the array tells how many */
} kvox_ct_ocl_rays_slab;

/* Of the views that were laid: samples [view][row][column] = A volume, by one slab after the other; volume += A^T
 * samples, or = where `clear`. */
kvox_status kvox_ct_ocl_rays_project(kvox_ct_ocl_rays *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_rays_slab *slab,
                                     kvox_buffer *samples);
kvox_status kvox_ct_ocl_rays_backproject(kvox_ct_ocl_rays *stage, kvox_ocl_queue *queue, kvox_buffer *samples,
                                         bool clear, const kvox_ct_ocl_rays_slab *slab);

#endif
