/* What the stages of kernels/cone.cl share: cone_ocl.c makes both, of a table of views that each writes for itself. */
#ifndef KVOX_CT_CONE_OCL_H
#define KVOX_CT_CONE_OCL_H

#include "ct/ocl.h"

/* Pixels of a tile's side, in kernels/cone.cl too. */
enum { KVOX_CT_OCL_TILE = 32 };

/* Bits behind the point of depths, and of columns and rows at depth 1. */
enum { KVOX_CT_OCL_DEPTH_BITS = 50, KVOX_CT_OCL_AXIS_BITS = 36 };

/* What the kernels' whole numbers hold: depths, columns and rows at depth 1, and where they are met. */
#define KVOX_CT_OCL_LEAST_DEPTH 0x1p-10
#define KVOX_CT_OCL_MOST_DEPTH 0x1p12
#define KVOX_CT_OCL_MOST_AT_AXIS 0x1p26
#define KVOX_CT_OCL_MOST_PLACE 0x1p28

typedef struct kvox_ct_ocl_cone_setup {
  const char *kernel;
  int64_t views, columns;
  int32_t counted[4];          /* the column and row that views are counted from; whether rows do not diverge */
  const int64_t *begin, *size; /* of the region */
  int32_t lanes;
  bool turned;
} kvox_ct_ocl_cone_setup;

int64_t kvox_ct_ocl_fixed(double value, int bits);

/* The sentence about a view that whole numbers cannot hold. */
kvox_status kvox_ct_ocl_cone_beyond(int64_t view);

/* KVOX_ERROR_UNSUPPORTED where there are too many views, columns or voxels: before anything else. */
kvox_status kvox_ct_ocl_cone_check(int64_t views, int64_t columns, const int64_t begin[3], const int64_t size[3]);

/* `bytes` of `table` hold the views as the kernel takes them. */
kvox_status kvox_ct_ocl_cone_make(kvox_context *context, const kvox_ct_ocl_cone_setup *setup, const void *table,
                                  uint64_t bytes, kvox_ct_ocl_cone **stage);

#endif
