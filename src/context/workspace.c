#include "context/workspace.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/fail.h"

kvox_status kvox_workspace_create(kvox_context *context, kvox_workspace **workspace) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(workspace);
  kvox_workspace *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  *workspace = made;
  return KVOX_OK;
}

void kvox_workspace_destroy(kvox_workspace *workspace) {
  if (workspace == NULL) {
    return;
  }
  if (workspace->lent) {
    workspace->abandoned = true;
    return;
  }
  kvox_context *context = workspace->context;
  kvox_release(context->heap, workspace->block);
  kvox_release(context->heap, workspace);
  kvox_context_destroy(context);
}

void kvox_workspace_set_progress(kvox_workspace *workspace, kvox_progress_function progress, void *user) {
  if (workspace != NULL) {
    workspace->progress.report = progress;
    workspace->progress.user = user;
  }
}

uint64_t kvox_workspace_bytes(const kvox_workspace *workspace) { return workspace != NULL ? workspace->bytes : 0; }

kvox_status kvox_workspace_take(kvox_context *context, kvox_workspace *given, kvox_workspace **taken) {
  if (given != NULL && given->lent) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "the workspace belongs to a stream until that is finished or destroyed");
  }
  *taken = given;
  return given != NULL ? KVOX_OK : kvox_workspace_create(context, taken);
}

void kvox_workspace_give_up(const kvox_workspace *given, kvox_workspace *taken) {
  if (given == NULL) {
    kvox_workspace_destroy(taken);
  }
}

kvox_status kvox_workspace_borrow(kvox_context *context, kvox_workspace *given, kvox_workspace **taken) {
  KVOX_TRY(kvox_workspace_take(context, given, taken));
  (*taken)->lent = true;
  (*taken)->abandoned = given == NULL;
  return KVOX_OK;
}

void kvox_workspace_give_back(kvox_workspace *taken) {
  taken->lent = false;
  if (taken->abandoned) {
    kvox_workspace_destroy(taken);
  }
}

kvox_status kvox_workspace_begin(kvox_workspace *workspace, uint64_t bytes) {
  workspace->stages = 0;
  workspace->progress.begin = 0;
  workspace->progress.end = 0;
  workspace->progress.last = 0;
  if (bytes <= workspace->bytes) {
    return KVOX_OK;
  }
  if (workspace->whole != NULL) {
    return kvox_fail(KVOX_ERROR_INTERNAL,
                     "a call inside an execution wants %" PRIu64 " bytes of its workspace, it was given %" PRIu64,
                     bytes, workspace->bytes);
  }
  kvox_release(workspace->context->heap, workspace->block);
  workspace->bytes = 0;
  workspace->block = kvox_allocate(workspace->context->heap, bytes);
  if (workspace->block == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  workspace->bytes = bytes;
  return KVOX_OK;
}

static int32_t report_part(void *user, double fraction) {
  const kvox_workspace *part = user;
  kvox_progress *progress = &part->whole->progress;
  return kvox_progress_reach(progress, progress->begin + (progress->end - progress->begin) * fraction) != KVOX_OK;
}

void kvox_workspace_enter(kvox_workspace *whole, uint64_t offset, uint64_t bytes, kvox_workspace *part) {
  *part = (kvox_workspace){
      .context = whole->context, .block = (char *)whole->block + offset, .bytes = bytes, .whole = whole};
  if (whole->progress.report != NULL) {
    part->progress.report = report_part;
    part->progress.user = part;
  }
}

void kvox_workspace_leave(const kvox_workspace *part) {
  for (int32_t i = 0; i < part->stages; i++) {
    kvox_workspace_add(part->whole, part->stage_names[i], part->stage_seconds[i]);
  }
}

void kvox_workspace_add(kvox_workspace *workspace, const char *stage, double seconds) {
  int32_t i = 0;
  while (i < workspace->stages && strcmp(workspace->stage_names[i], stage) != 0) {
    i++;
  }
  if (i == KVOX_MOST_STAGES) {
    return;
  }
  if (i == workspace->stages) {
    workspace->stage_names[i] = stage;
    workspace->stage_seconds[i] = 0;
    workspace->stages++;
  }
  workspace->stage_seconds[i] += seconds;
}

void kvox_workspace_add_queue(kvox_workspace *workspace, const kvox_ocl_queue *queue) {
  for (int32_t i = 0; kvox_ocl_stage_name(queue, i) != NULL; i++) {
    kvox_workspace_add(workspace, kvox_ocl_stage_name(queue, i), kvox_ocl_stage_seconds(queue, i));
  }
}

int32_t kvox_workspace_stage_count(const kvox_workspace *workspace) {
  return workspace != NULL ? workspace->stages : 0;
}

const char *kvox_workspace_stage_name(const kvox_workspace *workspace, int32_t stage) {
  return workspace != NULL && stage >= 0 && stage < workspace->stages ? workspace->stage_names[stage] : NULL;
}

double kvox_workspace_stage_seconds(const kvox_workspace *workspace, int32_t stage) {
  return workspace != NULL && stage >= 0 && stage < workspace->stages ? workspace->stage_seconds[stage] : 0;
}

double kvox_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
