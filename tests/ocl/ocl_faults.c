/* Every call of OpenCL fails once, from context to destroy: nothing leaks, nothing is silently wrong, plans fall back.
 */
#include <sys/stat.h>

#include "ocl/table.h"
#include "scenarios.h"

/* Rounding of other orders of summation, against the CPU, as a part of the range. */
static const double tolerance = 2e-5;

/* Built programs; below the folder that the test runs in. */
static const char cache_folder[] = "ocl_faults.programs";

static trial reference[SCENARIOS];

static int prepare(void **state) {
  faulty_open(state);
  fill_samples();
  mkdir(cache_folder, 0700);
  for (int i = 0; i < SCENARIOS && faulty.why_not == NULL; i++) {
    kvox_context_options options = faulty_options();
    options.backend = KVOX_BACKEND_CPU;
    assert_ok(scenarios[i].run(&options, &reference[i]));
    assert_true(reference[i].count > 0);
  }
  return 0;
}

static void assert_right(int which, const trial *t, const char *what) {
  const trial *truth = &reference[which];
  double range = 0;
  assert_int_equal(t->count, truth->count);
  for (int64_t i = 0; i < t->count; i++) {
    range = fmax(range, fabs((double)truth->results[i]));
  }
  for (int64_t i = 0; i < t->count; i++) {
    const double error = fabs((double)t->results[i] - (double)truth->results[i]);
    if (!(error <= tolerance * range)) {
      fail_msg("%s: result %lld is %.9g, must be %.9g", what, (long long)i, (double)t->results[i],
               (double)truth->results[i]);
    }
  }
}

/* ---- One run ---- */

typedef enum way {
  PLAIN,
  FALLING_BACK, /* backend auto, and the device a GPU that auto takes */
  HOSTS_OWN,    /* the context and the queue are the host's */
  FROM_FOLDER   /* built programs are kept in a folder, and there already */
} way;

typedef struct run {
  int which;
  way way;
  forward_orders orders;
  const char *what; /* which calls fail, for the sentences of this test */
  kvox_status status;
  char sentence[600];
  trial trial;
  faulty_log log;
  forward_account account;
} run;

static struct {
  cl_context context;
  cl_command_queue queue;
} host;

static void try_once(run *r) {
  kvox_context_options options = faulty_options();
  options.log = faulty_write_log;
  options.log_user = &r->log;
  if (r->way == FALLING_BACK) {
    options.backend = KVOX_BACKEND_AUTO;
    options.forbid_fallback = 0;
    r->orders.is_gpu = true;
  } else if (r->way == HOSTS_OWN) {
    options.device = NULL;
    options.opencl_context = host.context;
    options.opencl_queue = host.queue;
  } else if (r->way == FROM_FOLDER) {
    options.program_cache = cache_folder;
  }
  kvox_extend_fail(KVOX_ERROR_INTERNAL, "an earlier failure");
  faulty.order(&r->orders);
  r->status = scenarios[r->which].run(&options, &r->trial);
  snprintf(r->sentence, sizeof r->sentence, "%s", kvox_last_error());
  faulty.look(&r->account);
}

/* Calls whose failure cannot be of no consequence: work is not done, or was not waited for. */
static bool is_work(const char *call) {
  return strncmp(call, "clEnqueue", 9) == 0 || strcmp(call, "clFinish") == 0 || strcmp(call, "clWaitForEvents") == 0 ||
         strcmp(call, "clCreateBuffer") == 0 || strcmp(call, "clSetKernelArg") == 0;
}

static void judge(const run *r) {
  char what[200];
  const forward_orders *o = &r->orders;
  snprintf(what, sizeof what, "%s, %s (%s)", scenarios[r->which].name, r->what, r->account.first);
  assert_all_released_but(r->way == HOSTS_OWN, what);
  if (r->status == KVOX_OK) {
    assert_right(r->which, &r->trial, what);
    if (r->trial.failed > 0 && r->log.messages == 0 && is_work(r->account.first)) {
      fail_msg("%s: success, and the log says nothing", what);
    }
    return;
  }
  /* A plan on the CPU takes no arrays of a device. */
  const bool apart = r->way == FALLING_BACK && r->log.messages > 0 && r->status == KVOX_ERROR_ARGUMENT;
  if (!apart && r->status != KVOX_ERROR_DEVICE) {
    fail_msg("%s: %s (%s)", what, kvox_status_string(r->status), r->sentence);
  }
  if (!apart && strstr(r->sentence, o->fail_after || o->fail_command_at > 0 ? "cl" : r->account.first) == NULL) {
    fail_msg("%s: the sentence does not name the call: %s", what, r->sentence);
  }
  if (r->way == FALLING_BACK && r->trial.phase != EXECUTING && r->trial.phase != MAKING_BUFFERS) {
    fail_msg("%s: no fall-back: %s", what, r->sentence);
  }
}

/* ---- For every N ---- */

typedef enum fault { CALL_ALONE, CALLS_FROM, COMMAND, COMMAND_SILENTLY } fault;

/* Calls that fail each; of those behind them, which are of the same kinds, every SEVENTH does. */
enum { EACH = 250, SEVENTH = 7 };

static void every_one(int which, fault kind, way how) {
  static const char *const words[] = {"failing call", "all calls fail from", "failing command",
                                      "silently failing command"};
  static run r;
  int64_t failures = 0;
  for (int64_t n = 1;; n += n < EACH ? 1 : SEVENTH) {
    char what[80];
    memset(&r, 0, sizeof r);
    snprintf(what, sizeof what, "%s %lld", words[kind], (long long)n);
    r.which = which;
    r.what = what;
    r.way = how;
    r.orders.fail_at = kind < COMMAND ? n : 0;
    r.orders.fail_after = kind == CALLS_FROM;
    r.orders.fail_command_at = kind >= COMMAND ? n : 0;
    r.orders.silent_waits = kind == COMMAND_SILENTLY;
    r.trial.retry = kind != CALLS_FROM;
    try_once(&r);
    judge(&r);
    failures += r.status != KVOX_OK;
    if (r.account.failed == 0) {
      assert_ok(r.status);
      assert_true(r.trial.on_device);
      assert_int_equal(r.log.messages, 0);
      assert_int_equal(r.account.queued, 0); /* nobody would learn that a command without an event failed */
      printf("%s: %lld calls, %lld commands; %s: %lld failures\n", scenarios[which].name, (long long)r.account.calls,
             (long long)r.account.commands, words[kind], (long long)failures);
      break;
    }
  }
  faulty_stop();
}

static void in_every_scenario(fault kind, way how) {
  for (int i = 0; i < SCENARIOS; i++) {
    every_one(i, kind, how);
  }
}

static void every_call_fails(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  in_every_scenario(CALL_ALONE, PLAIN);
}

static void every_call_fails_with_fallback(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  in_every_scenario(CALL_ALONE, FALLING_BACK);
}

static void the_device_is_lost_at_every_call(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  in_every_scenario(CALLS_FROM, PLAIN);
}

static void the_device_is_lost_with_fallback(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  in_every_scenario(CALLS_FROM, FALLING_BACK);
}

static void every_command_fails_on_the_device(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  in_every_scenario(COMMAND, PLAIN);
  in_every_scenario(COMMAND_SILENTLY, PLAIN);
}

/* Reading and checking the files takes longer than all else: one scenario will do. */
static void every_call_fails_with_programs_from_a_folder(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  enum { WHICH = SCENARIOS - 1 };
  static run r;
  r.which = WHICH;
  r.way = FROM_FOLDER;
  try_once(&r); /* fills the folder */
  assert_ok(r.status);
  every_one(WHICH, CALL_ALONE, FROM_FOLDER);
}

/* ---- A host's own context and queue ---- */

#define HOST_CALL(name, ...)                           \
  do {                                                 \
    __typeof__(&name) call_;                           \
    *(void **)(void *)&call_ = faulty_function(#name); \
    assert_non_null(call_);                            \
    assert_int_equal(call_(__VA_ARGS__), CL_SUCCESS);  \
  } while (0)

static void open_host(void) {
  cl_platform_id platform = NULL;
  cl_device_id device = NULL;
  cl_int error = CL_SUCCESS;
  __typeof__(&clCreateContext) create_context;
  __typeof__(&clCreateCommandQueue) create_queue;
  *(void **)(void *)&create_context = faulty_function("clCreateContext");
  *(void **)(void *)&create_queue = faulty_function("clCreateCommandQueue");
  HOST_CALL(clGetPlatformIDs, 1, &platform, NULL);
  HOST_CALL(clGetDeviceIDs, platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL);
  host.context = create_context(NULL, 1, &device, NULL, NULL, &error);
  assert_int_equal(error, CL_SUCCESS);
  host.queue = create_queue(host.context, device, 0, &error);
  assert_int_equal(error, CL_SUCCESS);
}

static void close_host(void) {
  HOST_CALL(clReleaseCommandQueue, host.queue);
  HOST_CALL(clReleaseContext, host.context);
}

static void every_call_fails_in_a_hosts_queue(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  open_host();
  in_every_scenario(CALL_ALONE, HOSTS_OWN);
  in_every_scenario(COMMAND, HOSTS_OWN);
  close_host();
  assert_all_released("the host's own");
}

/* ---- Calls that fail whenever they are made ---- */

/* A release that says it failed is over all the same; times are not known then, and that is all. */
static void releases_and_times_may_fail(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  static const char *const calls[] = {"clReleaseContext",       "clReleaseCommandQueue", "clReleaseMemObject",
                                      "clReleaseProgram",       "clReleaseKernel",       "clReleaseEvent",
                                      "clGetEventProfilingInfo"};
  static run r;
  for (int i = 0; i < SCENARIOS; i++) {
    for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++) {
      memset(&r, 0, sizeof r);
      r.which = i;
      r.what = calls[c];
      r.orders.fail_call = calls[c];
      try_once(&r);
      judge(&r);
      if (r.status != KVOX_OK) {
        fail_msg("%s: %s fails, and so does Kvox: %s", scenarios[i].name, calls[c], r.sentence);
      }
    }
  }
  faulty_stop();
}

/* A failing allocation of the host's memory, in the same scenarios. */
static kvox_status try_allocations(const kvox_context_options *heap, void *data) {
  const run *r = data;
  static trial t;
  kvox_context_options options = faulty_options();
  options.allocate = heap->allocate;
  options.release = heap->release;
  options.allocator_user = heap->allocator_user;
  memset(&t, 0, sizeof t);
  const kvox_status status = scenarios[r->which].run(&options, &t);
  assert_all_released(scenarios[r->which].name);
  if (status == KVOX_OK) {
    assert_right(r->which, &t, scenarios[r->which].name);
  }
  return status;
}

static void every_allocation_fails(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  faulty_stop();
  for (int i = 0; i < SCENARIOS; i++) {
    run r = {.which = i};
    const int64_t allocations = failing_heap_try(try_allocations, &r);
    printf("%s: %lld allocations\n", scenarios[i].name, (long long)allocations);
    assert_true(allocations > 5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_call_fails),
                                     cmocka_unit_test(every_call_fails_with_fallback),
                                     cmocka_unit_test(the_device_is_lost_at_every_call),
                                     cmocka_unit_test(the_device_is_lost_with_fallback),
                                     cmocka_unit_test(every_command_fails_on_the_device),
                                     cmocka_unit_test(every_call_fails_with_programs_from_a_folder),
                                     cmocka_unit_test(every_call_fails_in_a_hosts_queue),
                                     cmocka_unit_test(releases_and_times_may_fail),
                                     cmocka_unit_test(every_allocation_fails)};
  return cmocka_run_group_tests(tests, prepare, NULL);
}
