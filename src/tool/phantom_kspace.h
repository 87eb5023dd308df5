/* kvox phantom --kspace: what an ideal MRI scanner would measure. */
#ifndef KVOX_TOOL_PHANTOM_KSPACE_H
#define KVOX_TOOL_PHANTOM_KSPACE_H

#include "tool/geometry.h"
#include "tool/report.h"

typedef struct kvox_tool_kspace_values {
  kvox_tool_numbers coils, rings;
  int32_t wanted;
} kvox_tool_kspace_values;

/* Everything of the verb but the options' own checks: writes `output`, and `truth` where it is not NULL. */
int kvox_tool_phantom_kspace(const kvox_tool *tool, const kvox_tool_kspace_values *values,
                             const kvox_tool_grid_values *grid, double radius_mm, double density, int32_t samples,
                             const char *output, const char *truth);

#endif
