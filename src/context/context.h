/* The context: what every area's calls share. */
#ifndef KVOX_CONTEXT_CONTEXT_H
#define KVOX_CONTEXT_CONTEXT_H

#include "core/heap.h"
#include "core/text.h"
#include "cpu/parallel.h"

/* What an execution takes beside the caller's arrays when nobody sets a limit and it can do with that. */
#define KVOX_USUAL_MEMORY ((uint64_t)64 << 20)

struct kvox_context {
  kvox_heap *heap;
  atomic_int holders;
  kvox_threads threads;
  int32_t cpu_level;
  int32_t backend;
  int32_t fft_effort;
  uint64_t memory_limit;
  char backend_reason[128];
};

kvox_context *kvox_context_hold(kvox_context *context);

/* The members that every provenance begins with: version, backend, CPU level, FFT provider. */
void kvox_context_write_provenance(const kvox_context *context, kvox_text *json);

#endif
