/* Which formats there are, and whether an output can be written: asked before anything is computed. */
#ifndef KVOX_TOOL_FILES_H
#define KVOX_TOOL_FILES_H

#include "tool/tool.h"

/* What a file holds. */
enum {
  KVOX_TOOL_VOLUME_FILE = 1,
  KVOX_TOOL_SCAN_FILE = 2,
  KVOX_TOOL_GEOMETRY_FILE = 4,
  KVOX_TOOL_KSPACE_FILE = 8,
  KVOX_TOOL_IMAGE_FILE = 16 /* of MRI */
};

/* Whether a path ends in `extension` (".npy"), whatever the case. */
int kvox_tool_has_extension(const char *path, const char *extension);

/*
 * Refuses, with the sentence printed, an output of `option` ("-o") whose extension cannot hold `what`, whose folder is
 * not there or cannot be written, that is a folder, or that is one of the `count` other files (NULL entries are none).
 */
int kvox_tool_check_output(const kvox_tool *tool, const char *option, const char *path, int what,
                           const char *const *others, size_t count);

/* "formats": what is read and written by each extension. */
void kvox_tool_report_formats(cJSON *report);

#endif
