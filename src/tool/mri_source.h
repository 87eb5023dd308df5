/* Where readouts come from: a raw file of a scanner, or k-space as an array without a header. */
#ifndef KVOX_TOOL_MRI_SOURCE_H
#define KVOX_TOOL_MRI_SOURCE_H

#include "kvox/io.h"
#include "kvox/io_mri.h"
#include "tool/tool.h"

/* What an array does not say of itself. */
typedef struct kvox_tool_mri_source_values {
  const char *axes, *echo_times;
  kvox_tool_numbers field_of_view, oversampling;
} kvox_tool_mri_source_values;

/* Otherwise a counter, KVOX_MRI_STEP_1 ... */
enum { KVOX_TOOL_ROLE_X = -1, KVOX_TOOL_ROLE_COIL = -2, KVOX_TOOL_ROLE_NONE = -3 };

typedef struct kvox_tool_mri_source {
  const char *path;
  kvox_mri_protocol protocol;
  int64_t readouts;
  kvox_io_mri *file;     /* NULL: an array */
  kvox_io_array *holder; /* of the array */
  const kvox_array *array;
  int32_t roles[KVOX_MAX_RANK]; /* what each of the array's axes is */
  float *line;                  /* one readout of it, [coil][sample][real, imaginary] */
  int32_t discard[2];           /* samples at its ends that were not measured */
  int64_t uses[6];              /* how many were read of each use, as kvox_tool_mri_report_uses names them */
} kvox_tool_mri_source;

/* Opens it; what was opened is closed by the caller also after a failure. */
int kvox_tool_mri_open(const kvox_tool *tool, const char *path, const kvox_tool_mri_source_values *values,
                       kvox_tool_mri_source *source);
void kvox_tool_mri_close(kvox_tool_mri_source *source);

/* Readout `index`; its samples stay the source's until the next. *measured is 0 for lines of an array that hold nothing
 * but zeros, which were not measured. */
int kvox_tool_mri_read(const kvox_tool *tool, kvox_tool_mri_source *source, int64_t index, kvox_mri_readout *readout,
                       int *measured);

/* "readouts": how many were read of each use. */
void kvox_tool_mri_report_uses(const kvox_tool_mri_source *source, cJSON *report);

/* "protocol": what the scan was set up to be. */
void kvox_tool_mri_report_protocol(const kvox_mri_protocol *protocol, cJSON *report);

/* The noise of a file: its readouts of noise, or an array [.., coil, sample]. */
int kvox_tool_mri_read_noise(const kvox_tool *tool, const char *path, kvox_mri_noise **noise);

/* kvox info RAW: what a raw file or array holds. */
int kvox_tool_mri_describe(const kvox_tool *tool, const char *path);

#endif
