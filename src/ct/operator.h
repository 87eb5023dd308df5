/* The matched pair inside: an operator, and its two ways to execute. */
#ifndef KVOX_CT_OPERATOR_H
#define KVOX_CT_OPERATOR_H

#include "ct/filter.h"
#include "ct/tiles.h"

/* On the CPU; zeros where the operator is not made for it. */
typedef struct kvox_ct_operator_cpu {
  kvox_ct_tiles tiles;
  const kvox_filter_kernels *rows;
  int64_t row_step;
} kvox_ct_operator_cpu;

typedef struct kvox_ct_operator_device kvox_ct_operator_device;

/* By rays on the CPU; see operator_rays.h. */
typedef struct kvox_ct_operator_rays kvox_ct_operator_rays;

/* The same on a device; see operator_rays_ocl.c. */
typedef struct kvox_ct_operator_rays_device kvox_ct_operator_rays_device;

struct kvox_ct_operator {
  kvox_context *context;
  kvox_grid grid;
  int64_t shape[3];      /* of the projections */
  uint64_t memory_limit; /* 0: none was set */
  int32_t unit;
  float scale;
  char *provenance;
  kvox_ct_operator_cpu cpu;
  kvox_ct_operator_device *device; /* NULL: on the CPU */
  kvox_ct_operator_rays *rays;     /* NULL: pixel-driven, or rays on a device */
  kvox_ct_operator_rays_device *rays_device;
};

/* One of the pair. */
typedef kvox_status (*kvox_ct_operator_side)(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                             const kvox_array *volume, const kvox_array *projections);

/* Prepares one way; the operator's own members are set. What a failure leaves is dropped with the operator, or before
 * the other way is tried. */
kvox_status kvox_ct_operator_cpu_make(kvox_ct_operator *operation, const kvox_ct_geometry *geometry);
void kvox_ct_operator_cpu_drop(kvox_ct_operator *operation);
void kvox_ct_operator_cpu_memory(const kvox_ct_operator *operation, kvox_memory_use *memory);
kvox_status kvox_ct_operator_cpu_project(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                         const kvox_array *volume, const kvox_array *projections);
kvox_status kvox_ct_operator_cpu_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                             const kvox_array *volume, const kvox_array *projections);

kvox_status kvox_ct_operator_ocl_make(kvox_ct_operator *operation, const kvox_ct_geometry *geometry);
void kvox_ct_operator_ocl_drop(kvox_ct_operator *operation);
void kvox_ct_operator_ocl_memory(const kvox_ct_operator *operation, kvox_memory_use *memory);
kvox_status kvox_ct_operator_ocl_project(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                         const kvox_array *volume, const kvox_array *projections);
kvox_status kvox_ct_operator_ocl_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                             const kvox_array *volume, const kvox_array *projections);

kvox_status kvox_ct_operator_rays_make(kvox_ct_operator *operation, const kvox_ct_geometry *geometry);
void kvox_ct_operator_rays_drop(kvox_ct_operator *operation);
void kvox_ct_operator_rays_memory(const kvox_ct_operator *operation, kvox_memory_use *memory);
kvox_status kvox_ct_operator_rays_project(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                          const kvox_array *volume, const kvox_array *projections);
kvox_status kvox_ct_operator_rays_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                              const kvox_array *volume, const kvox_array *projections);

kvox_status kvox_ct_operator_rays_ocl_make(kvox_ct_operator *operation, const kvox_ct_geometry *geometry);
void kvox_ct_operator_rays_ocl_drop(kvox_ct_operator *operation);
void kvox_ct_operator_rays_ocl_memory(const kvox_ct_operator *operation, kvox_memory_use *memory);
kvox_status kvox_ct_operator_rays_ocl_project(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                              const kvox_array *volume, const kvox_array *projections);
kvox_status kvox_ct_operator_rays_ocl_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                                  const kvox_array *volume, const kvox_array *projections);

#endif
