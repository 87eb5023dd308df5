/* Filtered back-projection inside: a plan, and its ways to execute. */
#ifndef KVOX_CT_FBP_H
#define KVOX_CT_FBP_H

#include "ct/fdk.h"
#include "ct/filter.h"
#include "ct/tiles.h"

/* On the CPU; zeros where the plan is not made for it. */
typedef struct kvox_ct_fbp_cpu {
  kvox_ct_filter *filter;
  kvox_ct_tiles tiles;
  int64_t row_step; /* floats of a row of scratch */
} kvox_ct_fbp_cpu;

typedef struct kvox_ct_fbp_device kvox_ct_fbp_device;

struct kvox_ct_fbp_plan {
  kvox_context *context;
  atomic_int holders; /* its owner and streams */
  kvox_ct_geometry *geometry;
  kvox_ct_correction *correction;
  kvox_grid grid, result;
  int64_t begin[3], size[3]; /* what of the grid the result is */
  uint64_t memory_limit;     /* 0: none was set */
  int64_t stream_window;     /* 0: no stream */
  int64_t transform_length;
  float scale, offset;
  int32_t unit;
  char *provenance;
  kvox_ct_fbp_cpu cpu;
  kvox_ct_fdk *fdk;           /* fan and cone on the CPU, else NULL */
  kvox_ct_fbp_device *device; /* NULL: on the CPU */
};

/* One more holder; kvox_ct_fbp_plan_destroy gives it up. */
kvox_ct_fbp_plan *kvox_ct_fbp_plan_hold(const kvox_ct_fbp_plan *plan);

/* The volume can take the plan's result; it may be on a device where `types` has KVOX_ON_DEVICE_TOO. */
kvox_status kvox_ct_fbp_check_volume(const kvox_ct_fbp_plan *plan, const kvox_volume *volume, uint32_t types);

/* Prepares one way; the plan's own members are set. What a failure leaves is dropped with the plan, or before the other
 * way is tried. */
kvox_status kvox_ct_fbp_cpu_make(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *options);
void kvox_ct_fbp_cpu_drop(kvox_ct_fbp_plan *plan);
void kvox_ct_fbp_cpu_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory);
kvox_status kvox_ct_fbp_cpu_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                                    const kvox_array *projections, const kvox_array *volume);

/* One pair of views of every slice of the part, at `first` of it, or two pairs where it has one lane, filtered,
 * weighted and put where the tiles read them; `memory` is a worker's. The last pair may lack its second view. */
kvox_status kvox_ct_fbp_cpu_filter_views(const kvox_ct_fbp_plan *plan, const kvox_ct_part *part,
                                         const kvox_ct_rows *rows, int64_t first, int64_t views, void *memory);

/* Operations of filtering so many views of so many slices. */
int64_t kvox_ct_fbp_cpu_filter_work(const kvox_ct_fbp_plan *plan, int64_t views, int64_t slices);

/* `diverging`: a fan or cone; NULL: a parallel beam. */
kvox_status kvox_ct_fbp_ocl_make(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *options,
                                 const kvox_ct_fdk_request *diverging);
void kvox_ct_fbp_ocl_drop(kvox_ct_fbp_plan *plan);
void kvox_ct_fbp_ocl_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory);
kvox_status kvox_ct_fbp_ocl_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                                    const kvox_array *projections, const kvox_array *volume);

#endif
