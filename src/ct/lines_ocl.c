#include "ct/lines_ocl.h"

#include <inttypes.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/fixed.h"
#include "ct/ocl.h"

/* As kernels declare it. */
typedef struct device_line {
  kvox_fixed_line line;
  float slope_a, slope_b;
} device_line;
_Static_assert(sizeof(device_line) == 32, "a line of the kernels has 32 bytes");

static const int64_t most = KVOX_FIXED_COLUMNS;

uint64_t kvox_ct_ocl_lines_need(int64_t views) { return (uint64_t)views * sizeof(device_line); }

static kvox_status fill(const kvox_ct_line *lines, int64_t views, const int64_t begin[3], const int64_t size[3],
                        device_line *out) {
  const int64_t end[2] = {begin[0] + size[0], begin[1] + size[1]};
  for (int64_t v = 0; v < views; v++) {
    if (!kvox_fixed_line_make(&lines[v], end, &out[v].line)) {
      return kvox_fixed_line_fail("OpenCL", v);
    }
    out[v].slope_a = (float)lines[v].a;
    out[v].slope_b = (float)lines[v].b;
  }
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_lines_create(kvox_context *context, const kvox_ct_line *lines, int64_t views, int64_t columns,
                                     const int64_t begin[3], const int64_t size[3], kvox_buffer **buffer) {
  if (kvox_max_i64(begin[0] + size[0], begin[1] + size[1]) > most || views > most || columns > most) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "OpenCL: a grid of %" PRId64 " x %" PRId64 " pixels, %" PRId64 " views and %" PRId64
                     " columns; a device takes at most %" PRId64 " of each",
                     begin[0] + size[0], begin[1] + size[1], views, columns, most);
  }
  device_line *host = kvox_allocate_array(context->heap, views, sizeof *host);
  if (host == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = fill(lines, views, begin, size, host);
  if (status == KVOX_OK) {
    status = kvox_ocl_buffer_from(context->ocl, "lines of views", host, kvox_ct_ocl_lines_need(views), buffer);
  }
  kvox_release(context->heap, host);
  return status;
}
