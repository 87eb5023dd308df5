/* What checks of a device's kernels share: its memory and its queue. A failed call is a fault of the shape. */
#ifndef KVOX_TESTS_KERNEL_CHECK_OCL_H
#define KVOX_TESTS_KERNEL_CHECK_OCL_H

#include <string.h>

#include "context/context.h"
#include "kernel/check.h"
#include "ocl/ocl.h"

static inline bool kvox_check_ok(kvox_check *check, kvox_status status) {
  if (status != KVOX_OK) {
    kvox_check_fault(check, "%s", kvox_last_error());
  }
  return status == KVOX_OK;
}

/* A queue that has begun; NULL where there is none. */
static inline kvox_ocl_queue *kvox_check_queue(kvox_check *check) {
  kvox_ocl_queue *queue = NULL;
  if (kvox_check_ok(check, kvox_ocl_queue_take(check->context->ocl, &queue))) {
    kvox_check_ok(check, kvox_ocl_begin(queue));
  }
  return queue;
}

/* The bytes in memory of the device; NULL where that failed. */
static inline kvox_buffer *kvox_check_upload(kvox_check *check, kvox_ocl_queue *queue, const void *bytes,
                                             uint64_t count) {
  kvox_buffer *buffer = NULL;
  if (queue != NULL && kvox_check_ok(check, kvox_ocl_buffer_create(check->context->ocl, count, "check", &buffer))) {
    kvox_check_ok(check, kvox_ocl_write(queue, buffer, 0, bytes, count));
  }
  return buffer;
}

/* A bound that a device's kernels keep beside what they may write: floats that nobody computes. */
#define KVOX_CHECK_UNTOUCHED 0x7fc0beefu

/* Written, not filled: Oclgrind 21.10 takes for uninitialized what kernels write into a buffer that was filled. */
static inline kvox_buffer *kvox_check_untouched(kvox_check *check, kvox_ocl_queue *queue, int64_t floats) {
  const uint32_t untouched = KVOX_CHECK_UNTOUCHED;
  float *values = kvox_check_floats(check, floats);
  for (int64_t i = 0; i < floats; i++) {
    memcpy(values + i, &untouched, sizeof untouched);
  }
  return kvox_check_upload(check, queue, values, (uint64_t)floats * sizeof *values);
}

static inline void kvox_check_read(kvox_check *check, kvox_ocl_queue *queue, kvox_buffer *buffer, void *bytes,
                                   uint64_t count) {
  if (queue != NULL && buffer != NULL) {
    kvox_check_ok(check, kvox_ocl_read(queue, buffer, 0, bytes, count));
  }
}

static inline bool kvox_check_is_untouched(const float *at) {
  uint32_t bits;
  memcpy(&bits, at, sizeof bits);
  return bits == KVOX_CHECK_UNTOUCHED;
}

/* A context of the oracle on all cores. */
static inline kvox_context *kvox_check_oracle(kvox_check *check) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.backend = KVOX_BACKEND_CPU;
  options.cpu_level = KVOX_CPU_REF;
  kvox_check_ok(check, kvox_context_create(&options, &context));
  return context;
}

#endif
