/* The device of tests that need one: what KVOX_DEVICE names, else the best that there is. */
#ifndef KVOX_TESTS_OCL_DEVICE_H
#define KVOX_TESTS_OCL_DEVICE_H

#include <stdlib.h>

#include "kvox/kvox.h"
#include "test.h"

/* NULL, with a line `skipped: WHY`, where this machine has no device. */
static inline kvox_context *context_on_device(const kvox_context_options *given) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  if (given != NULL) {
    options = *given;
  }
  options.backend = KVOX_BACKEND_OPENCL;
  options.device = getenv("KVOX_DEVICE");
  if (kvox_device_count() == 0) {
    printf("skipped: %s\n", kvox_last_error());
    return NULL;
  }
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

/* A group of tests whose state is one context on the device, or NULL. */
static inline int set_up_device(void **state) {
  *state = context_on_device(NULL);
  return 0;
}

static inline int tear_down_device(void **state) {
  kvox_context_destroy(*state);
  return 0;
}

#define SKIP_WITHOUT(state) \
  do {                      \
    if (*(state) == NULL) { \
      skip();               \
    }                       \
  } while (0)

#endif
