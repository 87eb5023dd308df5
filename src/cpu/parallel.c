#include "cpu/parallel.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "core/fail.h"

/* Reports are at least this far apart. */
static const double report_step = 1.0 / 256;

typedef struct loop {
  kvox_body body;
  void *data;
  kvox_progress *progress;
  int64_t count;
  pthread_t caller;
  atomic_int_fast64_t next, done, failed_index;
  atomic_bool cancelled;
  pthread_mutex_t failure_lock;
  kvox_status status;
  char sentence[KVOX_SENTENCE_BYTES];
} loop;

int32_t kvox_workers(const kvox_threads *threads, int64_t count, int64_t work) {
  if (threads->limit <= 1 || count <= 1 || work < KVOX_SMALL_WORK || getpid() != threads->process) {
    return 1;
  }
  return count < threads->limit ? (int32_t)count : threads->limit;
}

void kvox_progress_next(kvox_progress *progress, double end) {
  progress->begin = progress->end;
  progress->end = end;
}

/* True: the host wants no more. */
static bool tell(kvox_progress *progress, double fraction) {
  if (progress->report == NULL || (fraction < progress->last + report_step && fraction < 1)) {
    return false;
  }
  progress->last = fraction;
  return progress->report(progress->user, fraction) != 0;
}

static kvox_status cancelled(void) {
  return kvox_fail(KVOX_ERROR_CANCELLED, "cancelled by the progress function; the output holds no result");
}

kvox_status kvox_progress_reach(kvox_progress *progress, double fraction) {
  return tell(progress, fraction) ? cancelled() : KVOX_OK;
}

static void report(loop *l, int64_t done) {
  kvox_progress *p = l->progress;
  if (p == NULL || !pthread_equal(pthread_self(), l->caller)) {
    return;
  }
  /* The end as it was given: it never passes 1, and 1 is told as 1. */
  const double fraction = done < l->count ? p->begin + (p->end - p->begin) * (double)done / (double)l->count : p->end;
  if (tell(p, fraction)) {
    atomic_store(&l->cancelled, true);
  }
}

static void remember_failure(loop *l, int64_t index, kvox_status status) {
  pthread_mutex_lock(&l->failure_lock);
  if (index < atomic_load(&l->failed_index)) {
    atomic_store(&l->failed_index, index);
    l->status = status;
    snprintf(l->sentence, sizeof l->sentence, "%s", kvox_last_error());
  }
  pthread_mutex_unlock(&l->failure_lock);
}

#if defined(__x86_64__)
/* Round to nearest, denormals kept, every exception masked. */
typedef unsigned float_state;
static float_state set_float_state(void) {
  const float_state before = _mm_getcsr();
  _mm_setcsr(0x1f80);
  return before;
}
static void restore_float_state(float_state before) { _mm_setcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t float_state;
static float_state set_float_state(void) {
  float_state before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"((float_state)0));
  return before;
}
static void restore_float_state(float_state before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
typedef int float_state;
static float_state set_float_state(void) { return 0; }
static void restore_float_state(float_state before) { (void)before; }
#endif

/* One worker: draws indices in order until there are none, so that a lower index has always been drawn before. */
static void work(void *data, int64_t worker) {
  loop *l = data;
  while (!atomic_load_explicit(&l->cancelled, memory_order_relaxed)) {
    const int64_t index = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
    if (index >= l->count || index > atomic_load_explicit(&l->failed_index, memory_order_relaxed)) {
      break;
    }
    const float_state before = set_float_state();
    const kvox_status status = l->body(l->data, index, (int32_t)worker);
    restore_float_state(before); /* the progress function is the host's: it finds its own */
    if (status != KVOX_OK) {
      remember_failure(l, index, status);
    }
    report(l, 1 + atomic_fetch_add_explicit(&l->done, 1, memory_order_relaxed));
  }
}

static void run(const kvox_threads *threads, int32_t workers, loop *l) {
  if (workers == 1) {
    work(l, 0);
  } else if (threads->host != NULL) {
    threads->host(threads->host_user, workers, work, l);
  } else {
    /* schedule(static, 1): each thread takes a worker of its own even where OpenMP gives fewer threads than asked. */
#pragma omp parallel for num_threads(workers) schedule(static, 1)
    for (int32_t worker = 0; worker < workers; worker++) {
      work(l, worker);
    }
  }
}

kvox_status kvox_parallel(const kvox_threads *threads, int64_t count, int64_t work_size, kvox_body body, void *data,
                          kvox_progress *progress) {
  if (count <= 0) {
    return KVOX_OK;
  }
  loop l = {.body = body, .data = data, .progress = progress, .count = count, .caller = pthread_self()};
  atomic_init(&l.next, 0);
  atomic_init(&l.done, 0);
  atomic_init(&l.failed_index, INT64_MAX);
  atomic_init(&l.cancelled, false);
  pthread_mutex_init(&l.failure_lock, NULL);
  run(threads, kvox_workers(threads, count, work_size), &l);
  /* What a host's loop left undone, this thread does: its output must not stay as it was without a word. */
  work(&l, 0);
  pthread_mutex_destroy(&l.failure_lock);
  if (l.status != KVOX_OK) {
    return kvox_fail(l.status, "%s", l.sentence);
  }
  if (atomic_load(&l.cancelled)) {
    return cancelled();
  }
  report(&l, count);
  if (atomic_load(&l.cancelled)) {
    return cancelled();
  }
  return KVOX_OK;
}
