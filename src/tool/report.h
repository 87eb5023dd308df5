/* The report of a verb: one JSON object, printed as it is or as a table for the eye. */
#ifndef KVOX_TOOL_REPORT_H
#define KVOX_TOOL_REPORT_H

#include "tool/tool.h"

typedef struct kvox_tool_seconds {
  double read, compute, write;
} kvox_tool_seconds;

/* Completes the report with the peak memory and what the context says of itself, and prints it on standard output.
 * Returns an exit status. */
int kvox_tool_report_print(const kvox_tool *tool);

/* What the context says of itself; NULL without memory. */
cJSON *kvox_tool_describe(const kvox_tool *tool);

void kvox_tool_report_integers(cJSON *object, const char *name, const int64_t *values, int count);
void kvox_tool_report_reals(cJSON *object, const char *name, const double *values, int count);

/* "seconds": read, compute, write, total and `stages` (taken over; NULL: none). */
void kvox_tool_report_seconds(const kvox_tool *tool, const kvox_tool_seconds *seconds, cJSON *stages);

/* Adds the stages of the workspace's last execution to `stages`. */
void kvox_tool_report_stages(cJSON *stages, const kvox_workspace *workspace);

/* "memory": the bytes of a plan. */
void kvox_tool_report_memory(const kvox_tool *tool, const kvox_memory_use *memory);

/* Size, spacing, origin, unit and statistics (min, max, mean, std, finite, count) of an f32 volume. */
int kvox_tool_report_volume(const kvox_tool *tool, const kvox_volume *volume);

/* "statistics" of dense f32 samples. */
void kvox_tool_report_statistics(const kvox_tool *tool, const kvox_array *samples);

#endif
