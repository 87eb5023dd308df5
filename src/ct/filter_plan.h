/* The plan of the filter as a stage of its own, and its way on a device. */
#ifndef KVOX_CT_FILTER_PLAN_H
#define KVOX_CT_FILTER_PLAN_H

#include "ct/correct.h"
#include "ct/filter.h"

typedef struct kvox_ct_filter_device kvox_ct_filter_device;

struct kvox_ct_filter_plan {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_ct_correction *correction;
  int64_t shape[3];
  uint64_t memory_limit;
  kvox_ct_filter_device *device; /* NULL: on the CPU, which has the rest */
  kvox_ct_filter *filter;
  int64_t row_step;
  int32_t workers;
};

kvox_status kvox_ct_filter_ocl_make(kvox_ct_filter_plan *plan, const kvox_ct_filter_options *options);
void kvox_ct_filter_ocl_drop(kvox_ct_filter_plan *plan); /* also of what could not be made whole */
void kvox_ct_filter_ocl_memory(const kvox_ct_filter_plan *plan, kvox_memory_use *memory);
kvox_status kvox_ct_filter_ocl_execute(const kvox_ct_filter_plan *plan, kvox_workspace *workspace,
                                       const kvox_array *projections, const kvox_array *filtered);

#endif
