/* The matched pair inside: an operator, and its ways to execute. */
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
  const struct kvox_ct_operator_way *way; /* NULL: none was made yet */
  /* Each way's own. */
  kvox_ct_operator_cpu cpu;
  kvox_ct_operator_device *device;
  kvox_ct_operator_rays *rays;
  kvox_ct_operator_rays_device *rays_device;
};

/* One of the pair. */
typedef kvox_status (*kvox_ct_operator_side)(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                             const kvox_array *volume, const kvox_array *projections);

/* One way to compute the pair. */
typedef struct kvox_ct_operator_way {
  bool on_device, joseph;
  /* The operator's own members are set. What a failure leaves is dropped by whoever called. */
  kvox_status (*make)(kvox_ct_operator *operation, const kvox_ct_geometry *geometry);
  void (*drop)(kvox_ct_operator *operation);
  void (*memory)(const kvox_ct_operator *operation, kvox_memory_use *memory);
  kvox_ct_operator_side project, backproject;
} kvox_ct_operator_way;

extern const kvox_ct_operator_way kvox_ct_operator_cpu_way;
extern const kvox_ct_operator_way kvox_ct_operator_ocl_way;
extern const kvox_ct_operator_way kvox_ct_operator_rays_way;
extern const kvox_ct_operator_way kvox_ct_operator_rays_ocl_way;

#endif
