/* What one execution owns: a block of scratch, the progress hook, the seconds of its stages. */
#ifndef KVOX_CONTEXT_WORKSPACE_H
#define KVOX_CONTEXT_WORKSPACE_H

#include "context/context.h"

enum { KVOX_MOST_STAGES = 16 };

struct kvox_workspace {
  kvox_context *context;
  void *block;
  uint64_t bytes;
  kvox_progress progress;
  bool lent;             /* to an object that works over several calls: others may not use it meanwhile */
  bool abandoned;        /* by its owner while it was lent */
  kvox_workspace *whole; /* of a part: what it is a part of; it cannot grow */
  int32_t stages;
  const char *stage_names[KVOX_MOST_STAGES];
  double stage_seconds[KVOX_MOST_STAGES];
};

/* The caller's workspace, or a temporary one where the caller gave none; give_up ends the temporary one. */
kvox_status kvox_workspace_take(kvox_context *context, kvox_workspace *given, kvox_workspace **taken);
void kvox_workspace_give_up(const kvox_workspace *given, kvox_workspace *taken);

/* The same for an object that works over several calls. Till it is given back other calls refuse it; where its owner
 * destroys it before, that is done then. */
kvox_status kvox_workspace_borrow(kvox_context *context, kvox_workspace *given, kvox_workspace **taken);
void kvox_workspace_give_back(kvox_workspace *taken);

/* Begins an execution: at least `bytes` at workspace->block, no stages yet, progress at 0. */
kvox_status kvox_workspace_begin(kvox_workspace *workspace, uint64_t bytes);

/*
 * For a call that works inside an execution of `whole`: `part` has the `bytes` at `offset` of its block and cannot grow
 * (KVOX_ERROR_INTERNAL where a call wants more), and what it reports is that part of the progress which
 * kvox_progress_next of `whole` told. It must stay where it is until leave, which adds its stages to those of `whole`.
 */
void kvox_workspace_enter(kvox_workspace *whole, uint64_t offset, uint64_t bytes, kvox_workspace *part);
void kvox_workspace_leave(const kvox_workspace *part);

/* Adds seconds to the stage of that name (a constant string), which appears where it was first met. */
void kvox_workspace_add(kvox_workspace *workspace, const char *stage, double seconds);

/* Adds the device seconds of a finished queue's stages. */
void kvox_workspace_add_queue(kvox_workspace *workspace, const kvox_ocl_queue *queue);

/* Seconds of the monotonic clock. */
double kvox_now(void);

#endif
