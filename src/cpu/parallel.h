/* The one parallel loop. */
#ifndef KVOX_CPU_PARALLEL_H
#define KVOX_CPU_PARALLEL_H

#include <stdint.h>
#include <sys/types.h>

#include "core/size.h"
#include "kvox/context.h"

typedef struct kvox_threads {
  int32_t limit;
  pid_t process; /* where the context was made: a forked child works serially */
  kvox_parallel_function host;
  void *host_user;
} kvox_threads;

/* Progress of one execution: each loop covers a part of 0 ... 1. */
typedef struct kvox_progress {
  kvox_progress_function report;
  void *user;
  double begin, end; /* the part of the loop that runs */
  double last;       /* what was reported */
} kvox_progress;

/* One piece; `worker` is below the limit and no two pieces run at once with the same one. */
typedef kvox_status (*kvox_body)(void *data, int64_t index, int32_t worker);

/* Loops whose whole work is below this many simple operations run on the calling thread: waking threads costs more. */
#define KVOX_SMALL_WORK 65536

/* Operations of a loop: the product of two counts, as much as there is where it does not fit. */
static inline int64_t kvox_work(int64_t a, int64_t b) {
  int64_t product = 0;
  return kvox_multiply(a, b, &product) ? product : INT64_MAX;
}

/* How many workers a loop of `count` pieces and `work` operations in all will use: the scratch it needs. */
int32_t kvox_workers(const kvox_threads *threads, int64_t count, int64_t work);

/*
 * Runs body(data, 0 ... count - 1). Results may not depend on which worker runs what. The failure with the lowest index
 * is returned, with its sentence; progress (may be NULL) is reported on the calling thread and may cancel.
 */
kvox_status kvox_parallel(const kvox_threads *threads, int64_t count, int64_t work, kvox_body body, void *data,
                          kvox_progress *progress);

/* Tells that so much of the whole is done; KVOX_ERROR_CANCELLED where the host wants no more. */
kvox_status kvox_progress_reach(kvox_progress *progress, double fraction);

/* The next loop covers up to `end` of the whole. */
void kvox_progress_next(kvox_progress *progress, double end);

#endif
