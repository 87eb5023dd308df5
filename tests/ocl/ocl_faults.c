/* Every call of OpenCL fails once, from context to destroy: nothing leaks, nothing is silently wrong, plans fall back.
 */
#include "scenarios.h"

/* Rounding of other orders of summation, against the CPU; values are of the order of 1. */
static const double tolerance = 2e-5;

static trial reference[SCENARIOS];

static int prepare(void **state) {
  faulty_open(state);
  fill_samples();
  for (int i = 0; i < SCENARIOS; i++) {
    kvox_context_options options = faulty_options();
    options.backend = KVOX_BACKEND_CPU;
    assert_ok(scenarios[i].run(&options, &reference[i]));
    assert_true(reference[i].count > 0);
  }
  return 0;
}

static void assert_right(int which, const trial *t, const char *what) {
  const trial *truth = &reference[which];
  if (t->count != truth->count) {
    fail_msg("%s: %lld results, must be %lld", what, (long long)t->count, (long long)truth->count);
  }
  double range = 0;
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

/* Calls whose failure cannot be of no consequence: work is not done, or was not waited for. */
static bool is_work(const char *call) {
  return strncmp(call, "clEnqueue", 9) == 0 || strcmp(call, "clFinish") == 0 || strcmp(call, "clWaitForEvents") == 0 ||
         strcmp(call, "clCreateBuffer") == 0 || strcmp(call, "clSetKernelArg") == 0;
}

typedef struct run {
  int which;
  forward_orders orders;
  bool may_fall_back;
  const char *what; /* which calls fail, for the sentences of this test */
  kvox_status status;
  char sentence[600];
  trial trial;
  faulty_log log;
  forward_account account;
} run;

/* One run of a scenario under these orders. */
static void try_once(run *r) {
  kvox_context_options options = faulty_options();
  options.log = faulty_write_log;
  options.log_user = &r->log;
  if (r->may_fall_back) {
    options.backend = KVOX_BACKEND_AUTO;
    options.forbid_fallback = 0;
    r->orders.is_gpu = true;
  }
  kvox_extend_fail(KVOX_ERROR_INTERNAL, "an earlier failure");
  faulty.order(&r->orders);
  r->status = scenarios[r->which].run(&options, &r->trial);
  snprintf(r->sentence, sizeof r->sentence, "%s", kvox_last_error());
  faulty.look(&r->account);
  faulty_stop();
}

static void judge(const run *r) {
  char what[200];
  snprintf(what, sizeof what, "%s, %s (%s)", scenarios[r->which].name, r->what, r->account.first);
  assert_all_released(what);
  if (r->status == KVOX_OK) {
    assert_right(r->which, &r->trial, what);
    if (r->trial.failed > 0 && r->log.messages == 0 && is_work(r->account.first)) {
      fail_msg("%s: success, and the log says nothing", what);
    }
    return;
  }
  /* A plan on the CPU takes no arrays of a device. */
  const bool apart = r->may_fall_back && r->log.messages > 0 && r->status == KVOX_ERROR_ARGUMENT;
  if (r->status != KVOX_ERROR_DEVICE && !apart) {
    fail_msg("%s: %s (%s)", what, kvox_status_string(r->status), r->sentence);
  }
  if (!apart &&
      strstr(r->sentence, r->orders.fail_after || r->orders.fail_command_at > 0 ? "cl" : r->account.first) == NULL) {
    fail_msg("%s: the sentence does not name the call: %s", what, r->sentence);
  }
  if (r->may_fall_back && r->trial.phase != EXECUTING && r->trial.phase != MAKING_BUFFERS) {
    fail_msg("%s: no fall-back: %s", what, r->sentence);
  }
}

/* What is done with the n-th call or command. */
typedef enum fault { ALONE, FROM_THERE_ON, ON_THE_DEVICE } fault;

static void every_call(int which, fault kind, bool may_fall_back) {
  static const char *const words[] = {"failing call", "all calls fail from", "failing command"};
  static run r;
  int64_t failures = 0;
  for (int64_t n = 1;; n++) {
    char what[80];
    memset(&r, 0, sizeof r);
    snprintf(what, sizeof what, "%s %lld", words[kind], (long long)n);
    r.which = which;
    r.what = what;
    r.may_fall_back = may_fall_back;
    r.orders.fail_at = kind != ON_THE_DEVICE ? n : 0;
    r.orders.fail_after = kind == FROM_THERE_ON;
    r.orders.fail_command_at = kind == ON_THE_DEVICE ? n : 0;
    r.trial.retry = kind != FROM_THERE_ON;
    try_once(&r);
    judge(&r);
    failures += r.status != KVOX_OK;
    if (r.account.failed == 0) {
      assert_ok(r.status);
      assert_true(r.trial.on_device);
      printf("%s: %lld calls, %lld commands; %s%s: %lld runs failed\n", scenarios[which].name,
             (long long)r.account.calls, (long long)r.account.commands, words[kind], may_fall_back ? ", fall-back" : "",
             (long long)failures);
      return;
    }
  }
}

static void every_call_fails_alone(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  for (int i = 0; i < SCENARIOS; i++) {
    every_call(i, ALONE, false);
  }
}

static void every_call_fails_alone_with_fallback(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  for (int i = 0; i < SCENARIOS; i++) {
    every_call(i, ALONE, true);
  }
}

static void the_device_is_lost_at_every_call(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  for (int i = 0; i < SCENARIOS; i++) {
    every_call(i, FROM_THERE_ON, false);
  }
}

static void the_device_is_lost_with_fallback(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  for (int i = 0; i < SCENARIOS; i++) {
    every_call(i, FROM_THERE_ON, true);
  }
}

static void every_command_fails_on_the_device(void **state) {
  (void)state;
  SKIP_WITHOUT_DEVICE()
  for (int i = 0; i < SCENARIOS; i++) {
    every_call(i, ON_THE_DEVICE, false);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_call_fails_alone), cmocka_unit_test(every_call_fails_alone_with_fallback),
      cmocka_unit_test(the_device_is_lost_at_every_call), cmocka_unit_test(the_device_is_lost_with_fallback),
      cmocka_unit_test(every_command_fails_on_the_device)};
  return cmocka_run_group_tests(tests, prepare, NULL);
}
