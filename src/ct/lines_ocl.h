/* The views' lines on a device, for its back-projector and its projector. */
#ifndef KVOX_CT_LINES_OCL_H
#define KVOX_CT_LINES_OCL_H

#include "context/context.h"
#include "ct/geometry.h"

uint64_t kvox_ct_ocl_lines_need(int64_t views);

/* `begin` and `size` of the region, of which the first two are looked at. Kernels count in 32 bits what is checked
 * here: pixels, views and columns. */
kvox_status kvox_ct_ocl_lines_create(kvox_context *context, const kvox_ct_line *lines, int64_t views, int64_t columns,
                                     const int64_t begin[3], const int64_t size[3], kvox_buffer **buffer);

#endif
