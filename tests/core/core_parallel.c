/* The one parallel loop, on OpenMP and on hosts of several manners. */
#include "cpu/parallel.h"

#include <fenv.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/fail.h"
#include "test.h"

enum { COUNT = 1000, MOST_WORKERS = 16, MUCH = 1 << 30 };

static kvox_threads openmp(int32_t limit) { return (kvox_threads){.limit = limit, .process = getpid()}; }

/* Hosts: one thread in reverse order; a thread for each task; all tasks on one thread that is not the caller's. */
static void host_reverse(void *user, int64_t count, kvox_task task, void *data) {
  *(int64_t *)user = count;
  for (int64_t i = count - 1; i >= 0; i--) {
    task(data, i);
  }
}

typedef struct call {
  kvox_task task;
  void *data;
  int64_t begin, end;
} call;

static void *run_call(void *argument) {
  const call *c = argument;
  for (int64_t i = c->begin; i < c->end; i++) {
    c->task(c->data, i);
  }
  return NULL;
}

static void host_threads(void *user, int64_t count, kvox_task task, void *data) {
  pthread_t threads[MOST_WORKERS];
  call calls[MOST_WORKERS];
  *(int64_t *)user = count;
  for (int64_t i = 0; i < count; i++) {
    calls[i] = (call){task, data, i, i + 1};
    pthread_create(&threads[i], NULL, run_call, &calls[i]);
  }
  for (int64_t i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
  }
}

static void host_elsewhere(void *user, int64_t count, kvox_task task, void *data) {
  pthread_t thread;
  call all = {task, data, 0, count};
  *(int64_t *)user = count;
  pthread_create(&thread, NULL, run_call, &all);
  pthread_join(thread, NULL);
}

typedef struct record {
  atomic_int visits[COUNT];
  atomic_int busy[MOST_WORKERS]; /* pieces that run as this worker */
  atomic_int running, most_running, clashes, strangers;
  int32_t workers;
} record;

static kvox_status visit(void *data, int64_t index, int32_t worker) {
  record *r = data;
  if (worker < 0 || worker >= r->workers) {
    atomic_fetch_add(&r->strangers, 1);
    return KVOX_OK;
  }
  atomic_fetch_add(&r->clashes, atomic_fetch_add(&r->busy[worker], 1) != 0);
  const int running = atomic_fetch_add(&r->running, 1) + 1;
  int most = atomic_load(&r->most_running);
  while (running > most && !atomic_compare_exchange_weak(&r->most_running, &most, running)) {
  }
  atomic_fetch_add(&r->visits[index], 1);
  atomic_fetch_sub(&r->running, 1);
  atomic_fetch_sub(&r->busy[worker], 1);
  return KVOX_OK;
}

/* Every piece once, never more workers than the limit, no two pieces at once as the same worker. */
static void check_visits(const kvox_threads *threads, int64_t count) {
  record *r = calloc(1, sizeof *r);
  assert_non_null(r);
  r->workers = kvox_workers(threads, count, MUCH);
  assert_true(r->workers >= 1 && r->workers <= threads->limit && r->workers <= (count > 1 ? count : 1));
  assert_ok(kvox_parallel(threads, count, MUCH, visit, r, NULL));
  for (int64_t i = 0; i < COUNT; i++) {
    assert_int_equal(r->visits[i], i < count);
  }
  assert_int_equal(r->clashes, 0);
  assert_int_equal(r->strangers, 0);
  assert_true(r->most_running <= threads->limit);
  free(r);
}

static void every_piece_once(void **state) {
  (void)state;
  static const int32_t limits[] = {1, 2, 7};
  static const int64_t counts[] = {0, 1, 2, 3, 8, COUNT};
  for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
      const kvox_threads threads = openmp(limits[l]);
      check_visits(&threads, counts[c]);
    }
  }
  const kvox_threads threads = openmp(2);
  assert_ok(kvox_parallel(&threads, -5, MUCH, NULL, NULL, NULL));
}

static void host_idle(void *user, int64_t count, kvox_task task, void *data) {
  (void)user, (void)count, (void)task, (void)data;
}

/* A host's loop that runs nothing, or one task of several, leaves nothing undone. */
static void idle_hosts(void **state) {
  (void)state;
  kvox_threads threads = openmp(3);
  threads.host = host_idle;
  check_visits(&threads, COUNT);
}

static void hosts(void **state) {
  (void)state;
  static const kvox_parallel_function functions[] = {host_reverse, host_threads, host_elsewhere};
  for (size_t h = 0; h < sizeof functions / sizeof functions[0]; h++) {
    for (int32_t limit = 2; limit <= 7; limit += 5) {
      int64_t asked = 0;
      kvox_threads threads = openmp(limit);
      threads.host = functions[h];
      threads.host_user = &asked;
      check_visits(&threads, COUNT);
      assert_int_equal(asked, limit);
      check_visits(&threads, 2);
      assert_int_equal(asked, 2);
    }
  }
}

static kvox_status on_caller(void *data, int64_t index, int32_t worker) {
  (void)index;
  return worker == 0 && pthread_equal(*(pthread_t *)data, pthread_self()) ? KVOX_OK : KVOX_ERROR_INTERNAL;
}

/* Little work is not worth waking a thread for; nor is there a host's callback then. */
static void small_work_stays(void **state) {
  (void)state;
  int64_t asked = -1;
  pthread_t self = pthread_self();
  kvox_threads threads = openmp(7);
  assert_ok(kvox_parallel(&threads, COUNT, KVOX_SMALL_WORK - 1, on_caller, &self, NULL));
  threads.host = host_elsewhere;
  threads.host_user = &asked;
  assert_ok(kvox_parallel(&threads, COUNT, KVOX_SMALL_WORK - 1, on_caller, &self, NULL));
  assert_int_equal(asked, -1);
  assert_int_equal(kvox_workers(&threads, COUNT, KVOX_SMALL_WORK), 7);
}

typedef struct report {
  pthread_t caller;
  int calls, wrong;
  double last, cancel_at;
} report;

static int32_t heard(void *user, double fraction) {
  report *r = user;
  r->calls++;
  r->wrong += !pthread_equal(r->caller, pthread_self()) || !(fraction >= r->last) || !(fraction <= 1);
  r->last = fraction;
  return fraction >= r->cancel_at;
}

static kvox_progress progress_to(report *r, double begin, double end) {
  *r = (report){.caller = pthread_self(), .cancel_at = 2};
  return (kvox_progress){.report = heard, .user = r, .begin = begin, .end = end};
}

static kvox_status nothing(void *data, int64_t index, int32_t worker) {
  (void)data, (void)index, (void)worker;
  return KVOX_OK;
}

static void progress_rises(void **state) {
  (void)state;
  for (int32_t limit = 1; limit <= 7; limit += 3) {
    const kvox_threads threads = openmp(limit);
    report r;
    kvox_progress progress = progress_to(&r, 0, 0.25);
    assert_ok(kvox_parallel(&threads, COUNT, MUCH, nothing, NULL, &progress));
    assert_close(r.last, 0.25, 1.0 / 256);
    kvox_progress_next(&progress, 1);
    assert_ok(kvox_parallel(&threads, COUNT, MUCH, nothing, NULL, &progress));
    assert_true(r.last == 1);
    assert_int_equal(r.wrong, 0);
    assert_true(r.calls <= 260); /* a report is a step of 1/256, not a piece */
  }
}

static void progress_with_hosts(void **state) {
  (void)state;
  static const kvox_parallel_function functions[] = {host_reverse, host_threads, host_elsewhere};
  for (size_t h = 0; h < sizeof functions / sizeof functions[0]; h++) {
    int64_t asked = 0;
    report r;
    kvox_threads threads = openmp(4);
    threads.host = functions[h];
    threads.host_user = &asked;
    kvox_progress progress = progress_to(&r, 0, 1);
    assert_ok(kvox_parallel(&threads, COUNT, MUCH, nothing, NULL, &progress));
    assert_int_equal(r.wrong, 0);
    assert_true(r.last == 1);
    progress = progress_to(&r, 0, 1);
    r.cancel_at = 1; /* also a host whose threads are never the caller's is heard, at the end */
    assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_parallel(&threads, COUNT, MUCH, nothing, NULL, &progress));
  }
}

static void cancels(void **state) {
  (void)state;
  for (int32_t limit = 1; limit <= 4; limit++) {
    const kvox_threads threads = openmp(limit);
    record *record_of = calloc(1, sizeof *record_of);
    assert_non_null(record_of);
    record_of->workers = limit;
    report r;
    kvox_progress progress = progress_to(&r, 0, 1);
    r.cancel_at = 0;
    assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_parallel(&threads, COUNT, MUCH, visit, record_of, &progress));
    if (limit == 1) { /* nobody else can have taken pieces meanwhile */
      int done = 0;
      for (int i = 0; i < COUNT; i++) {
        done += record_of->visits[i];
      }
      assert_true(done < COUNT / 10);
    }
    free(record_of);
  }
}

static kvox_status fail_from(void *data, int64_t index, int32_t worker) {
  (void)worker;
  const int64_t first = *(const int64_t *)data;
  if (index < first) {
    return KVOX_OK;
  }
  if (index == first) {
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* the others fail before it does */
  }
  return kvox_fail(index % 2 == 0 ? KVOX_ERROR_DATA : KVOX_ERROR_SIZE, "piece %d", (int)index);
}

/* The failure of the lowest piece is the one that is told, whoever met it and whenever. */
static void lowest_failure(void **state) {
  (void)state;
  for (int32_t limit = 1; limit <= 7; limit += 2) {
    const kvox_threads threads = openmp(limit);
    for (int64_t first = 0; first < 40; first += 3) {
      char sentence[32];
      snprintf(sentence, sizeof sentence, "piece %d", (int)first);
      const kvox_status expected = first % 2 == 0 ? KVOX_ERROR_DATA : KVOX_ERROR_SIZE;
      assert_int_equal(kvox_parallel(&threads, COUNT, MUCH, fail_from, &first, NULL), expected);
      assert_string_equal(kvox_last_error(), sentence);
    }
  }
}

/* After fork there are no other threads: the child works on its own, not at all waiting for them. */
static void after_fork(void **state) {
  (void)state;
  kvox_threads threads = openmp(4);
  check_visits(&threads, COUNT); /* OpenMP's threads exist now */
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    pthread_t self = pthread_self();
    int64_t asked = -1;
    threads.host = NULL;
    const kvox_status alone = kvox_parallel(&threads, COUNT, MUCH, on_caller, &self, NULL);
    threads.host = host_elsewhere;
    threads.host_user = &asked;
    const kvox_status hosted = kvox_parallel(&threads, COUNT, MUCH, on_caller, &self, NULL);
    _exit(alone == KVOX_OK && hosted == KVOX_OK && asked == -1 ? 0 : 1);
  }
  assert_true(child > 0);
  int ended = -1;
  assert_int_equal(waitpid(child, &ended, 0), child);
  assert_true(WIFEXITED(ended));
  assert_int_equal(WEXITSTATUS(ended), 0);
  check_visits(&threads, COUNT); /* and the parent still has its own */
}

/* One third, as the rounding mode of the moment has it: nearest is what the pieces must see. */
static double third(void) {
  const volatile double one = 1, three = 3;
  const volatile double quotient = one / three; /* stored, so that it is made here and not elsewhere */
  return quotient;
}

static kvox_status sees_nearest(void *data, int64_t index, int32_t worker) {
  (void)index, (void)worker;
  return third() == *(const double *)data ? KVOX_OK : KVOX_ERROR_INTERNAL;
}

static int32_t sees_up(void *user, double fraction) {
  (void)fraction;
  return third() == *(const double *)user; /* the host's own state: rounding up, so not the nearest */
}

static void float_state(void **state) {
  (void)state;
  double nearest = third();
  int64_t asked = 0;
  for (int32_t limit = 1; limit <= 3; limit++) {
    kvox_threads threads = openmp(limit);
    kvox_progress progress = {.report = sees_up, .user = &nearest, .end = 1};
    assert_int_equal(fesetround(FE_UPWARD), 0);
    feclearexcept(FE_ALL_EXCEPT);
    const kvox_status status = kvox_parallel(&threads, COUNT, MUCH, sees_nearest, &nearest, &progress);
    threads.host = host_reverse;
    threads.host_user = &asked;
    const kvox_status hosted = kvox_parallel(&threads, COUNT, MUCH, sees_nearest, &nearest, NULL);
    const int after = fegetround();
    const double up = third();
    fesetround(FE_TONEAREST);
    assert_ok(status);
    assert_ok(hosted);
    assert_int_equal(after, FE_UPWARD);
    assert_true(up > nearest);
  }
}

static kvox_status nested(void *data, int64_t index, int32_t worker) {
  (void)data, (void)index, (void)worker;
  return KVOX_OK;
}

/* Called from a host's own OpenMP region, and OpenMP's settings are left as they were. */
static void inside_openmp(void **state) {
  (void)state;
  const int before = omp_get_max_threads();
  atomic_int wrong = 0;
#pragma omp parallel num_threads(3)
  {
    const kvox_threads threads = openmp(4);
    for (int i = 0; i < 20; i++) {
      wrong += kvox_parallel(&threads, COUNT, MUCH, nested, NULL, NULL) != KVOX_OK;
    }
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(omp_get_max_threads(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_piece_once), cmocka_unit_test(hosts),          cmocka_unit_test(idle_hosts),
      cmocka_unit_test(small_work_stays), cmocka_unit_test(progress_rises), cmocka_unit_test(progress_with_hosts),
      cmocka_unit_test(cancels),          cmocka_unit_test(lowest_failure), cmocka_unit_test(after_fork),
      cmocka_unit_test(float_state),      cmocka_unit_test(inside_openmp)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
