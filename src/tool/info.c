/* kvox info: what this build and this machine have. */
#include "tool/files.h"
#include "tool/report.h"
#include "tool/tool.h"

static const kvox_tool_option info_options[] = {{NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0}};

/* The rest of the report is what every verb says of its context. */
static int run(kvox_tool *tool, const void *values) {
  (void)values;
  kvox_tool_report_formats(tool->report);
  return KVOX_TOOL_DONE;
}

const kvox_tool_verb kvox_tool_info = {
    .name = "info",
    .operands = "[options]",
    .summary = "tells version, CPU level, threads, backend, FFT library and formats",
    .options = info_options,
    .values_size = sizeof(kvox_tool_common),
    .run = run,
};
