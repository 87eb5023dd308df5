/* A context on an OpenCL device and one on the CPU: the state of tests that compare them. */
#ifndef KVOX_TESTS_OCL_SIDES_H
#define KVOX_TESTS_OCL_SIDES_H

#include "kvox/kvox.h"
#include "test.h"

typedef struct sides {
  kvox_context *device, *cpu;
} sides;

/* `open_side`: a context of a backend, without falling back. The state is NULL, with a line `skipped: WHY`, where this
 * machine has no device. */
static inline int open_sides_of(void **state, kvox_context *(*open_side)(int32_t backend)) {
  static sides both;
  if (kvox_device_count() == 0) {
    printf("skipped: %s\n", kvox_last_error());
    return 0;
  }
  both = (sides){open_side(KVOX_BACKEND_OPENCL), open_side(KVOX_BACKEND_CPU)};
  *state = &both;
  return 0;
}

static inline int close_sides(void **state) {
  const sides *both = *state;
  if (both != NULL) {
    kvox_context_destroy(both->device);
    kvox_context_destroy(both->cpu);
  }
  return 0;
}

#define SIDES_OR_SKIP(state)    \
  const sides *both = *(state); \
  if (both == NULL) {           \
    skip();                     \
  }

#endif
