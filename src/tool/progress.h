/* A progress bar on a terminal, and the interrupt key. */
#ifndef KVOX_TOOL_PROGRESS_H
#define KVOX_TOOL_PROGRESS_H

#include "tool/tool.h"

/* Watches SIGINT; `visible` 0, or a standard error that is no terminal, shows no bar. A second SIGINT ends the process
 * at once. */
void kvox_tool_progress_start(int visible);

/* Gives `workspace` the bar and the interrupt key. */
void kvox_tool_progress_attach(kvox_workspace *workspace);

/* Takes the bar off the terminal, so that a sentence can be written. */
void kvox_tool_progress_clear(void);

/* KVOX_ERROR_CANCELLED once SIGINT came: asked between calls that report no progress. */
kvox_status kvox_tool_progress_interrupted(void);

#endif
