/* What tests share that meet the forwarding libOpenCL: its functions, contexts on it, what has to be so afterwards. */
#ifndef KVOX_TESTS_OCL_FAULTY_H
#define KVOX_TESTS_OCL_FAULTY_H

#include <dlfcn.h>
#include <stdlib.h>

#include "forward/forward.h"
#include "kvox/kvox.h"
#include "test.h"

static struct {
  void *library;
  forward_order_function *order;
  forward_look_function *look;
  const char *why_not; /* nothing can be tested */
} faulty;

static inline void *faulty_function(const char *name) { return dlsym(faulty.library, name); }

/* Finds the functions; the test's device is the one that KVOX_DEVICE names, else the best that there is. */
static inline int faulty_open(void **state) {
  (void)state;
  faulty.library = dlopen("libOpenCL.so.1", RTLD_NOW);
  forward_has_library_function *has_library = NULL;
  if (faulty.library != NULL) {
    *(void **)(void *)&faulty.order = faulty_function("forward_order");
    *(void **)(void *)&faulty.look = faulty_function("forward_look");
    *(void **)(void *)&has_library = faulty_function("forward_has_library");
  }
  if (faulty.order == NULL || faulty.look == NULL || has_library == NULL) {
    faulty.why_not = "LD_LIBRARY_PATH does not lead to the forwarding libOpenCL";
  } else if (!has_library()) {
    faulty.why_not = "this machine has no libOpenCL";
  } else if (kvox_device_count() == 0) {
    faulty.why_not = "this machine has no OpenCL device";
  }
  if (faulty.why_not != NULL) {
    printf("skipped: %s\n", faulty.why_not);
  }
  return 0;
}

#define SKIP_WITHOUT_DEVICE()   \
  if (faulty.why_not != NULL) { \
    skip();                     \
  }

/* Goes on with nothing wrong, counting anew. */
static inline void faulty_stop(void) {
  const forward_orders none = {0};
  faulty.order(&none);
}

/* ---- The log ---- */

typedef struct faulty_log {
  int64_t messages;
  char last[512];
} faulty_log;

static inline void faulty_write_log(void *user, int32_t level, const char *text) {
  faulty_log *log = user;
  if (level == KVOX_LOG_WARNING) {
    log->messages++;
    snprintf(log->last, sizeof log->last, "%s", text);
  }
}

/* ---- Contexts ---- */

/* On the device, whatever the environment says; it fails rather than falls back. */
static inline kvox_context_options faulty_options(void) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.ignore_environment = 1;
  options.threads = 1; /* other tests run at the same time */
  options.backend = KVOX_BACKEND_OPENCL;
  options.forbid_fallback = 1;
  options.device = getenv("KVOX_DEVICE");
  return options;
}

/* Nothing of OpenCL lives but the host's own (a context and a queue), and all that lived was used as it may be. */
static inline void assert_all_released_but(int64_t hosts, const char *what) {
  static const char *const kinds[FORWARD_KINDS] = {"contexts", "queues", "buffers", "programs", "kernels", "events"};
  forward_account account;
  faulty.look(&account);
  if (account.wrong != 0) {
    fail_msg("%s: %s, and %lld more", what, account.complaint, (long long)account.wrong - 1);
  }
  account.live[FORWARD_CONTEXT] -= hosts;
  account.live[FORWARD_QUEUE] -= hosts;
  for (int kind = 0; kind < FORWARD_KINDS; kind++) {
    if (account.live[kind] != 0) {
      fail_msg("%s: %lld %s live on", what, (long long)account.live[kind], kinds[kind]);
    }
  }
  if (account.mapped != 0) {
    fail_msg("%s: %lld regions are still mapped", what, (long long)account.mapped);
  }
}

static inline void assert_all_released(const char *what) { assert_all_released_but(0, what); }

#endif
